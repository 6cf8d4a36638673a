// Holds a packaged CloudFormation template against what is promised of it, and prints the counts:
// node .ci/template.mjs <template.json> <runtime>
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { environmentOf, rightsOf } from "./template/functions.mjs";
import { alarmsOf } from "./template/alarms.mjs";

const [path, runtime] = process.argv.slice(2);
const text = readFileSync(path, "utf8");
const { Resources: resources } = JSON.parse(text);
const all = (type) => Object.entries(resources).filter(([, { Type }]) => Type === type);
const only = (type) => {
    const [found, ...more] = all(type);
    assert.ok(found && more.length === 0, `one ${type}`);
    return found[1];
};
const nameOf = (id) => id.replace(/LambdaFunction$/, "");

const functions = all("AWS::Lambda::Function");
const names = functions.map(([id]) => nameOf(id));

function checkFunctions() {
    assert.equal(functions.length, 32, "functions");
    assert.equal(new Set(functions.map(([, { Properties }]) => Properties.Code.S3Key)).size, 32, "S3 keys");
    for (const [id, { Properties: it }] of functions) {
        assert.equal(it.Handler, "bootstrap", id);
        assert.equal(it.Runtime, runtime, id);
        assert.deepEqual(it.Architectures, ["x86_64"], id);
        assert.equal(it.Timeout, 20, id);
        assert.deepEqual(Object.keys(it.Environment.Variables).sort(), environmentOf(nameOf(id)), id);
        assert.equal(resources[`${nameOf(id)}LogGroup`].Properties.RetentionInDays, 30, id);
        assert.equal(it.TracingConfig, undefined, id);
        assert.equal(it.VpcConfig !== undefined, runtime === "provided.al2023", id);
    }
}

function checkRoles() {
    const roles = functions.map(([, { Properties }]) => Properties.Role["Fn::GetAtt"][0]);
    assert.equal(new Set(roles).size, 32, "own roles");
    assert.equal(all("AWS::IAM::Role").length, 32, "no role but theirs");
    for (const [index, role] of roles.entries()) {
        const { Policies, RoleName } = resources[role].Properties;
        assert.ok(RoleName.length <= 64 && RoleName.includes(`-${names[index]}-`), RoleName);
        const [logs, ...statements] = Policies.flatMap((policy) => policy.PolicyDocument.Statement);
        assert.match(logs.Resource[0]["Fn::Sub"], new RegExp(`-${names[index]}:\\*:\\*$`));
        assert.deepEqual(rightsOf(statements), rightsOf.expected(names[index]), names[index]);
    }
}

function checkTables() {
    const tables = all("AWS::DynamoDB::Table");
    assert.equal(tables.length, 3, "tables");
    for (const [id, { Properties: it, DeletionPolicy, UpdateReplacePolicy }] of tables) {
        assert.deepEqual([DeletionPolicy, UpdateReplacePolicy], ["Retain", "Retain"], id);
        assert.equal(it.DeletionProtectionEnabled, true, id);
        assert.equal(it.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled, true, id);
        assert.deepEqual(it.TimeToLiveSpecification, { AttributeName: "ttl", Enabled: true }, id);
        assert.equal(it.BillingMode, "PAY_PER_REQUEST", id);
    }
    const indexes = tables.flatMap(([, { Properties }]) => Properties.GlobalSecondaryIndexes);
    assert.deepEqual(indexes.map(({ IndexName }) => IndexName).sort(), [
        "clinicId-statusTimestamp-index",
        "conversationId-index",
        "due-index",
        "status-sendAt-index",
        "status-statusTimestamp-index",
    ]);
}

function checkJobs() {
    const events = all("AWS::Lambda::EventInvokeConfig");
    assert.equal(events.length, 3, "jobs");
    assert.equal(all("AWS::Events::Rule").length, 3, "schedules");
    for (const [id, { Properties: it }] of events) {
        assert.ok(it.MaximumRetryAttempts <= 1 && it.MaximumEventAgeInSeconds <= 600, id);
        const [queue] = it.DestinationConfig.OnFailure.Destination["Fn::GetAtt"];
        assert.equal(resources[queue].Type, "AWS::SQS::Queue", id);
    }
    const reserved = functions.map(([, { Properties }]) => Properties.ReservedConcurrentExecutions ?? 0);
    const sum = reserved.reduce((one, other) => one + other);
    assert.ok(sum > 0 && sum <= 70, `${sum} reserved of 100 connections`);
    for (const webhook of ["WhatsAppWebhook", "WhatsAppStatusWebhook"]) {
        const { ReservedConcurrentExecutions } = resources[`${webhook}LambdaFunction`].Properties;
        assert.equal(ReservedConcurrentExecutions, undefined, `${webhook} is never throttled`);
    }
    return sum;
}

function checkThrottling() {
    const { MethodSettings } = only("AWS::ApiGateway::Stage").Properties;
    const webhook = ({ ResourcePath }) => ResourcePath.startsWith("/~1webhook~1");
    assert.equal(MethodSettings.length, 29, "routes");
    for (const settings of MethodSettings) {
        assert.equal(settings.ThrottlingRateLimit === undefined, webhook(settings), settings.ResourcePath);
        assert.equal(settings.ThrottlingBurstLimit === undefined, webhook(settings), settings.ResourcePath);
        assert.equal(settings.MetricsEnabled === true, webhook(settings), settings.ResourcePath);
    }
    return MethodSettings.filter((settings) => !webhook(settings)).length;
}

checkFunctions();
checkRoles();
checkTables();
const reserved = checkJobs();
const throttled = checkThrottling();
const alarms = alarmsOf(all("AWS::CloudWatch::Alarm"), names, only("AWS::CloudWatch::Dashboard"));
const accounts = text.match(/\b\d{12}\b/g) ?? [];
assert.ok(accounts.every((account) => account === "000000000000"), "an account's id is written down");
const count = Object.keys(resources).length;
assert.ok(count < 500, `${count} resources`);
console.log(
    `${runtime}: ${count} resources, 32 functions with 32 S3 keys and 32 roles of their own, 3 tables, ` +
        `3 queues, ${alarms} alarms, 1 dashboard; ${throttled} routes throttled, ${reserved} instances reserved`,
);
