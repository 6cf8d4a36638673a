// Adds `X-Content-Type-Options` to the answers that API Gateway gives to OPTIONS itself. Serverless has settings for
// their other headers (sls/cors.yml), but none for this one.
"use strict";

const NAME = "method.response.header.X-Content-Type-Options";

class Headers {
    constructor(serverless) {
        this.serverless = serverless;
        this.hooks = { "before:package:finalize": () => this.change() };
    }

    change() {
        const { Resources } = this.serverless.service.provider.compiledCloudFormationTemplate;
        for (const { Type, Properties } of Object.values(Resources)) {
            if (Type !== "AWS::ApiGateway::Method" || Properties.HttpMethod !== "OPTIONS") continue;
            for (const answer of Properties.MethodResponses) answer.ResponseParameters[NAME] = true;
            for (const answer of Properties.Integration.IntegrationResponses) {
                answer.ResponseParameters[NAME] = "'nosniff'";
            }
        }
    }
}

module.exports = Headers;
