// The properties that all alarms have in common.
"use strict";

const { isOn: hasWebAcl } = require("../resources/web-acl.js");

// Missing data does not trigger an alarm, unless `missing` says otherwise.
const alarm = ({ prefix, topic }, { name, description, metric, above, periods = 1, of = periods, missing }) => ({
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
        AlarmName: `${prefix}-${name}`,
        AlarmDescription: `${description} docs/runbook.md says what to do.`,
        Namespace: metric.namespace,
        MetricName: metric.name,
        Dimensions: Object.entries(metric.by).map(([Name, Value]) => ({ Name, Value })),
        Statistic: metric.statistic,
        Period: metric.seconds,
        ComparisonOperator: "GreaterThanThreshold",
        Threshold: above,
        DatapointsToAlarm: periods,
        EvaluationPeriods: of,
        TreatMissingData: missing ?? "notBreaching",
        AlarmActions: [topic],
        OKActions: [topic],
    },
});

// The settings that the files in this folder use, resolved from the variables of serverless.yml. `webAcl` says whether
// the stage has a web ACL.
const settings = async (resolve) => {
    const [prefix, stage, topic, maxConnections, database, listed] = await Promise.all(
        [
            "self:custom.resourcePrefix",
            "self:custom.stage",
            "param:alarmTopicArn",
            "param:maxConnections",
            "param:databaseInstance",
            "self:functions",
        ].map(resolve),
    );
    const functions = Object.assign({}, ...[listed].flat());
    const webAcl = await hasWebAcl(resolve);
    return { prefix, stage, topic, maxConnections: Number(maxConnections), database, functions, webAcl };
};

module.exports = { alarm, settings };
