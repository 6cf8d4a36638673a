// What Serverless does not make of its own: a stage that throttles the admin routes alone, and no
// role that nobody has. And what AWS would refuse late, or not at all: refused before anything is deployed.
"use strict";

const { readFileSync } = require("node:fs");

const WEBHOOKS = /^webhook\//;

class Stage {
    constructor(serverless) {
        this.serverless = serverless;
        // After serverless-iam-roles-per-function, which is listed before.
        this.hooks = {
            "before:package:finalize": () => this.change(),
            "before:deploy:deploy": () => this.checkZips(),
        };
    }

    change() {
        const { provider } = this.serverless.service;
        const template = provider.compiledCloudFormationTemplate;
        this.makeStage(template.Resources);
        // Every function has a role of its own.
        delete template.Resources.IamRoleLambdaExecution;
        this.checkNames(template.Resources);
    }

    checkNames(resources) {
        const names = Object.values(resources).map(({ Properties }) => Properties?.RoleName);
        const long = names.find((name) => name?.length > 64);
        if (long) this.refuse(`IAM takes no name of more than 64 letters: ${long}. The stage's is too long`);
    }

    // Functions without the certificates of their region's RDS reach no database.
    checkZips() {
        const { service } = this.serverless;
        const region = this.serverless.getProvider("aws").getRegion();
        for (const name of service.getAllFunctions()) {
            const { artifact } = service.getFunction(name).package;
            // A zip names its files in plain letters.
            if (!readFileSync(artifact).includes(`rds-${region}.pem`)) {
                this.refuse(`${artifact} is of another region: AWS_REGION=${region} .ci/package`);
            }
        }
    }

    refuse(why) {
        throw new this.serverless.classes.Error(why);
    }

    // The deployment's own stage takes no settings: it refuses them as soon as the stage exists.
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

// A webhook is counted by itself, for its alarms; an admin route is throttled.
const settings = (limits) => (route) => ({
    ResourcePath: `/~1${route.path.replaceAll("/", "~1")}`,
    HttpMethod: route.method.toUpperCase(),
    ...(WEBHOOKS.test(route.path) ? { MetricsEnabled: true } : limits),
});

module.exports = Stage;
