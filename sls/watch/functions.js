// Three alarms for each function: errors, throttled calls, and calls that exceed their deadline.
"use strict";

const { alarm, settings } = require("./alarm.js");

// Deadline of a call in milliseconds, which the code keeps to, plus the time to finish it.
const LONGEST = { admin: 8_000, webhook: 12_500 };

// Seconds from one run of a job to the next.
const intervalOf = ({ schedule }) => {
    const minutes = /^rate\((\d+) minutes?\)$/.exec(schedule.rate[0])?.[1];
    // The only other schedule is hourly.
    return minutes ? minutes * 60 : 3600;
};

// How a function is watched: how long a call may take, how many errors are too many, and in which periods.
const limitsOf = ({ timeout, events: [event] }) => {
    if (event.schedule) {
        const interval = intervalOf(event);
        return {
            // What a run begins last must fit into nine tenths of the timeout.
            longest: timeout * 900,
            // A job is repeated after one failure, so its alarm needs a second one.
            errors: 1,
            // In shorter periods than the interval most would hold no run.
            errorPeriod: Math.max(900, interval),
            durationPeriod: Math.max(300, interval),
        };
    }
    const longest = event.http.path.startsWith("webhook/") ? LONGEST.webhook : LONGEST.admin;
    return { longest, errors: 0, errorPeriod: 300, durationPeriod: 300 };
};

const alarmsOf = (given, [name, definition]) => {
    const limits = limitsOf(definition);
    const metric = (metric, statistic, seconds = 300) => ({
        namespace: "AWS/Lambda",
        name: metric,
        by: { FunctionName: `${given.prefix}-${name}` },
        statistic,
        seconds,
    });
    const make = (kind, about) => alarm(given, { name: `${name}-${kind}`, ...about });
    return {
        [`${name}ErrorsAlarm`]: make("errors", {
            description: `${name} ended without an answer: a crash, a panic or the ${definition.timeout} second timeout.`,
            metric: metric("Errors", "Sum", limits.errorPeriod),
            above: limits.errors,
        }),
        [`${name}ThrottlesAlarm`]: make("throttles", {
            description: `${name} could not start: the account or the function has reached its concurrency limit.`,
            metric: metric("Throttles", "Sum"),
            above: 0,
        }),
        [`${name}DurationAlarm`]: make("duration", {
            description: `${name} exceeds its deadline.`,
            metric: metric("Duration", "Maximum", limits.durationPeriod),
            above: limits.longest,
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
