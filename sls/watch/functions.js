// Three alarms for each function: errors, throttled calls, and calls that exceed their deadline.
"use strict";

const { alarm, settings } = require("./alarm.js");

// Deadline of a call or a run in milliseconds, which the code keeps to, plus the time to finish it.
const LONGEST = { admin: 8_000, webhook: 12_500, job: 18_000 };

const kindOf = ({ events: [event] }) => {
    if (event.schedule) return "job";
    return event.http.path.startsWith("webhook/") ? "webhook" : "admin";
};

const alarmsOf = (given, [name, definition]) => {
    const functionKind = kindOf(definition);
    const metric = (metric, statistic, seconds = 300) => ({
        namespace: "AWS/Lambda",
        name: metric,
        by: { FunctionName: `${given.prefix}-${name}` },
        statistic,
        seconds,
    });
    const make = (kind, about) => alarm(given, { name: `${name}-${kind}`, ...about });
    return {
        // A job is repeated after one failure, so its alarm needs a second one.
        [`${name}ErrorsAlarm`]: make("errors", {
            description: `${name} ended without an answer: a crash, a panic or the 20 second timeout.`,
            metric: metric("Errors", "Sum", functionKind === "job" ? 900 : 300),
            above: functionKind === "job" ? 1 : 0,
        }),
        [`${name}ThrottlesAlarm`]: make("throttles", {
            description: `${name} could not start: the account or the function has reached its concurrency limit.`,
            metric: metric("Throttles", "Sum"),
            above: 0,
        }),
        [`${name}DurationAlarm`]: make("duration", {
            description: `${name} exceeds its deadline.`,
            metric: metric("Duration", "Maximum"),
            above: LONGEST[functionKind],
            periods: 2,
            of: 3,
        }),
    };
};

module.exports = async ({ resolveVariable }) => {
    const given = await settings(resolveVariable);
    const alarms = Object.entries(given.functions).map((entry) => alarmsOf(given, entry));
    return { Resources: Object.assign({}, ...alarms) };
};
