// The dashboard: one page with every metric that has an alarm.
"use strict";

const { settings } = require("./alarm.js");
const { figures } = require("./figures.js");

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
const plain = (value) => (value["Fn::GetAtt"] ? `\${${value["Fn::GetAtt"].join(".")}}` : value);

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
    const on = figures(given);
    const ofFunctions = (name, statistic) =>
        Object.keys(given.functions).map((of) =>
            line({ namespace: "AWS/Lambda", name, by: { FunctionName: `${given.prefix}-${of}` }, statistic }, of),
        );
    const widgets = [
        widget("Oldest chat due, seconds", [line(on.chatAge)]),
        widget("Oldest reminder due, seconds", [line(on.reminderAge)]),
        widget("A turn, milliseconds (p50)", [line(on.turnMilliseconds)]),
        widget("Waits of a turn, at most", [line(on.turnWaits)]),
        widget("Messages that failed", [line(on.failedMessages)]),
        widget("Faults of clinics' instances", [line(on.instanceFaults)]),
        widget("Webhooks: 4xx", lines(on.refused)),
        widget("Webhooks: 5xx", lines(on.lost)),
        widget("Dead letters", lines(on.failures)),
        widget("Sheets: rows behind, seconds behind", [line(on.sheetRows), line(on.sheetAge)]),
        widget("PostgreSQL: connections", [line(on.connections)]),
        widget("Functions: errors", ofFunctions("Errors", "Sum")),
        widget("Functions: throttles", ofFunctions("Throttles", "Sum")),
        widget("Functions: longest, milliseconds", ofFunctions("Duration", "Maximum")),
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
