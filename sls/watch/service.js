// The alarms of the whole service, for problems that patients would notice.
"use strict";

const { alarm, settings } = require("./alarm.js");
const { metrics } = require("./metrics.js");

module.exports = async ({ resolveVariable }) => {
    const given = await settings(resolveVariable);
    const metric = metrics(given);
    const make = (name, metric, says, about) => alarm(given, { name, metric, says, ...about });
    const each = (metrics, of) =>
        Object.fromEntries(Object.entries(metrics).map(([name, metric]) => of(name, metric)));
    return {
        Resources: {
            // Every run writes the age, even when nothing is due. Missing data means that the job does not run.
            OldestChatDueAlarm: make("oldest-chat-due", metric.chatAge,
                "Somebody wrote and has waited for more than five minutes, or the Reconciler does not run.",
                { above: 300, periods: 2, missing: "breaching" }),
            OldestReminderDueAlarm: make("oldest-reminder-due", metric.reminderAge,
                "A reminder is half an hour late, or the ReminderProcessor does not run.",
                { above: 1800, missing: "breaching" }),
            FailedMessagesAlarm: make("failed-messages", metric.failedMessages,
                "More than five messages in an hour did not reach their patients.", { above: 5 }),
            InstanceFaultsAlarm: make("instance-faults", metric.instanceFaults,
                "A clinic's own connection to WhatsApp does not work: its patients get nothing.", { above: 0 }),
            SheetBacklogAlarm: make("sheet-backlog", metric.sheetAge,
                "A clinic's sheet has been behind its visits for a quarter of an hour.", { above: 900, periods: 2 }),
            DatabaseConnectionsAlarm: make("database-connections", metric.connections,
                "More than 70 % of the connections that PostgreSQL gives are taken.",
                { above: Math.floor(given.maxConnections * 0.7) }),
            ...each(metric.failures, (job, metric) => [
                `${job}FailuresAlarm`,
                make(`${job}-failures`, metric, `Two runs of ${job} failed on one event; it waits in the queue.`,
                    { above: 0 }),
            ]),
            ...each(metric.refused, (name, metric) => [
                `${name}4xxAlarm`,
                make(`${name}-4xx`, metric, `${name} turns calls away: z-api's URL has a wrong token, or somebody guesses.`,
                    { above: 5 }),
            ]),
            ...each(metric.lost, (name, metric) => [
                `${name}5xxAlarm`,
                make(`${name}-5xx`, metric, `${name} could store an event nowhere: it is lost unless z-api repeats it.`,
                    { above: 0 }),
            ]),
        },
    };
};
