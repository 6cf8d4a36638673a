// The dashboard: one page with every metric of the service.
"use strict";

const { settings } = require("./alarm.js");
const { metrics } = require("./metrics.js");

const WIDTH = 8;
const HEIGHT = 6;
const COLUMNS = 3;

const widget = (title, metrics) => ({ title, metrics });

const line = (metric, label) => [
    metric.namespace,
    metric.name,
    ...Object.entries(metric.by).flatMap(([name, value]) => [name, plain(value)]),
    { stat: metric.statistic, ...(label && { label }) },
];

// The dashboard's body is text inside Fn::Sub: attributes of resources are written as ${Name.Attribute}.
const plain = (value) => {
    const reference = value["Fn::GetAtt"]?.join(".") ?? value.Ref;
    return reference ? `\${${reference}}` : value;
};

const lines = (metrics) => Object.entries(metrics).map(([name, metric]) => line(metric, name));

const place = ({ title, metrics }, number) => ({
    type: "metric",
    x: (number % COLUMNS) * WIDTH,
    y: Math.floor(number / COLUMNS) * HEIGHT,
    width: WIDTH,
    height: HEIGHT,
    properties: { title, metrics, region: "${AWS::Region}", period: 300, view: "timeSeries" },
});

module.exports = async ({ resolveVariable }) => {
    const given = await settings(resolveVariable);
    const metric = metrics(given);
    const ofFunctions = (name, statistic) =>
        Object.keys(given.functions).map((of) =>
            line({ namespace: "AWS/Lambda", name, by: { FunctionName: `${given.prefix}-${of}` }, statistic }, of),
        );
    const widgets = [
        widget("Oldest due chat, seconds", [line(metric.chatAge)]),
        widget("Oldest due reminder, seconds", [line(metric.reminderAge)]),
        widget("Time to process a chat, ms (p50)", [line(metric.turnMilliseconds)]),
        widget("Most waits in one chat's processing", [line(metric.turnWaits)]),
        widget("Failed messages, messages of unknown outcome", [line(metric.failedMessages), line(metric.unknownMessages)]),
        widget("Jobs: items left, poisoned items", [line(metric.itemsLeft), line(metric.poisonedItems)]),
        widget("Faults of clinics' z-api instances", [line(metric.instanceFaults)]),
        widget("Webhooks: 4xx", lines(metric.refused)),
        widget("Webhooks: 5xx", lines(metric.lost)),
        widget("Webhooks: master used as token", [line(metric.masterTokenUses)]),
        ...(given.webAcl ? [widget("Web ACL: blocked requests", lines(metric.blockedBy))] : []),
        widget("Dead letters", lines(metric.failures)),
        widget("Sheets: rows behind, seconds behind", [line(metric.sheetRows), line(metric.sheetAge)]),
        widget("PostgreSQL: connections", [line(metric.connections)]),
        widget("Functions: errors", ofFunctions("Errors", "Sum")),
        widget("Functions: throttles", ofFunctions("Throttles", "Sum")),
        widget("Functions: maximum duration, ms", ofFunctions("Duration", "Maximum")),
    ];
    return {
        Resources: {
            Dashboard: {
                Type: "AWS::CloudWatch::Dashboard",
                Properties: {
                    DashboardName: given.prefix,
                    DashboardBody: { "Fn::Sub": JSON.stringify({ widgets: widgets.map(place) }) },
                },
            },
        },
    };
};
