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
    const kind = kindOf(definition);
    const metric = (metric, statistic, seconds = 300) => ({
        namespace: "AWS/Lambda",
        name: metric,
        by: { FunctionName: `${given.prefix}-${name}` },
        statistic,
        seconds,
    });
    const make = (what, about) => alarm(given, { name: `${name}-${what}`, ...about });
    return {
        // A job is repeated after one failure, so its alarm needs a second one.
        [`${name}ErrorsAlarm`]: make("errors", {
            says: `${name} ended without an answer: a crash, a panic or 20 seconds.`,
            metric: metric("Errors", "Sum", kind === "job" ? 900 : 300),
            above: kind === "job" ? 1 : 0,
        }),
        [`${name}ThrottlesAlarm`]: make("throttles", {
            says: `${name} was called and could not start: the account or the function is at its limit.`,
            metric: metric("Throttles", "Sum"),
            above: 0,
        }),
        [`${name}DurationAlarm`]: make("duration", {
            says: `${name} takes longer than it has.`,
            metric: metric("Duration", "Maximum"),
            above: LONGEST[kind],
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
