// Changes the packaged template in ways that Serverless has no settings for: the API's stage throttles only the admin
// routes and logs every call, a webhook without a token does not reach its function, and the role that no function
// uses is removed. It also checks, before anything is deployed, what AWS would refuse late or not at all: long role
// names, zips for another region, and an account in which API Gateway may not write logs.
"use strict";

const { readFileSync } = require("node:fs");

const WEBHOOKS = /^webhook\//;

// Brazil's Marco Civil da Internet (article 15) asks for address and time of every access for six months.
const ACCESS_LOG_DAYS = 180;

// A line of the access log (docs/rules/security.md#logs). It names the route, not the path, whose ids may lead to a
// person, and leaves out the query, where tokens and keys are. Of an error it has the kind only: API Gateway's messages
// may quote the `Authorization` header, and those of an integration the text of a function's error.
const ACCESS = {
    requestId: "$context.requestId",
    time: "$context.requestTimeEpoch",
    ip: "$context.identity.sourceIp",
    method: "$context.httpMethod",
    route: "$context.resourcePath",
    status: "$context.status",
    error: "$context.error.responseType",
    milliseconds: "$context.responseLatency",
    lambdaRequestId: "$context.integration.requestId",
    lambdaStatus: "$context.integration.integrationStatus",
    functionStatus: "$context.integration.status",
    functionMilliseconds: "$context.integration.latency",
};

class Stage {
    constructor(serverless) {
        this.serverless = serverless;
        this.hooks = {
            // Only now are the roles of serverless-iam-roles-per-function and the resources of sls/ in the template.
            "after:aws:package:finalize:mergeCustomProviderResources": () => this.change(),
            "before:deploy:deploy": async () => {
                this.checkZips();
                await this.checkLogRole();
            },
        };
    }

    change() {
        const { provider } = this.serverless.service;
        const template = provider.compiledCloudFormationTemplate;
        this.makeStage(template.Resources);
        this.requireTokens(template.Resources);
        // Every function has its own role, so nothing uses the common one.
        delete template.Resources.IamRoleLambdaExecution;
        this.checkNames(template.Resources);
    }

    checkNames(resources) {
        const names = Object.values(resources).map(({ Properties }) => Properties?.RoleName);
        const long = names.find((name) => name?.length > 64);
        if (long) this.refuse(`The stage's name is too long: IAM role names have at most 64 letters, and ${long} has ${long.length}`);
    }

    // A function cannot connect to the database without the certificates of RDS in its region.
    checkZips() {
        const { service } = this.serverless;
        const region = this.serverless.getProvider("aws").getRegion();
        for (const name of service.getAllFunctions()) {
            const { artifact } = service.getFunction(name).package;
            // A zip stores the names of its files uncompressed.
            if (!readFileSync(artifact).includes(`rds-${region}.pem`)) {
                this.refuse(`${artifact} was packaged for another region: run AWS_REGION=${region} .ci/package`);
            }
        }
    }

    // Without this role CloudFormation would fail late, when it makes the stage. The role belongs to the account and
    // region, so it is in no stack.
    async checkLogRole() {
        const { cloudwatchRoleArn } = await this.serverless.getProvider("aws").request("APIGateway", "getAccount", {});
        if (!cloudwatchRoleArn) {
            this.refuse("API Gateway has no role for its logs in this account and region: see Deploy in README.md");
        }
    }

    refuse(reason) {
        throw new this.serverless.classes.Error(reason);
    }

    // The stage becomes a resource, because a deployment with a StageName accepts settings only when it creates the
    // stage.
    makeStage(resources) {
        const [id, deployment] = Object.entries(resources).find(
            ([, resource]) => resource.Type === "AWS::ApiGateway::Deployment",
        );
        const { StageName, RestApiId } = deployment.Properties;
        delete deployment.Properties.StageName;
        const answers = Object.keys(resources).filter(
            (name) => resources[name].Type === "AWS::ApiGateway::GatewayResponse",
        );
        deployment.DependsOn = [...deployment.DependsOn, ...answers];
        resources.ApiGatewayStage = {
            Type: "AWS::ApiGateway::Stage",
            Properties: {
                StageName,
                RestApiId,
                DeploymentId: { Ref: id },
                MethodSettings: this.routes().map(settings(this.limits())),
                AccessLogSetting: {
                    DestinationArn: { "Fn::GetAtt": ["AccessLog", "Arn"] },
                    Format: JSON.stringify(ACCESS),
                },
            },
        };
        resources.AccessLog = {
            Type: "AWS::Logs::LogGroup",
            Properties: {
                LogGroupName: `/aws/api-gateway/${this.serverless.service.custom.resourcePrefix}`,
                RetentionInDays: ACCESS_LOG_DAYS,
            },
        };
    }

    // Whether the token is right is for the function to say. GatewayResponseNoToken is the answer to a missing one.
    requireTokens(resources) {
        const { naming } = this.serverless.getProvider("aws");
        for (const { path, method } of this.routes().filter(isWebhook)) {
            const { Properties } = resources[naming.getMethodLogicalId(naming.normalizePath(path), method)];
            Properties.RequestParameters["method.request.querystring.token"] = true;
            Properties.RequestValidatorId = { Ref: "WebhookTokenValidator" };
        }
        resources.WebhookTokenValidator = {
            Type: "AWS::ApiGateway::RequestValidator",
            Properties: {
                Name: "webhook-token",
                RestApiId: resources.ApiGatewayStage.Properties.RestApiId,
                ValidateRequestParameters: true,
                ValidateRequestBody: false,
            },
        };
    }

    routes() {
        const { service } = this.serverless;
        const events = service.getAllFunctions().flatMap((name) => service.getFunction(name).events);
        return events.flatMap((event) => event.http ?? []);
    }

    limits() {
        const { rate, burst } = this.serverless.service.custom.throttle;
        return { ThrottlingRateLimit: Number(rate), ThrottlingBurstLimit: Number(burst) };
    }
}

const isWebhook = ({ path }) => WEBHOOKS.test(path);

// Each webhook has its own metrics, which its alarms use. Admin routes are throttled.
const settings = (limits) => (route) => ({
    ResourcePath: `/~1${route.path.replaceAll("/", "~1")}`,
    HttpMethod: route.method.toUpperCase(),
    ...(isWebhook(route) ? { MetricsEnabled: true } : limits),
});

module.exports = Stage;
