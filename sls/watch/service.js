// The alarms of the whole service, for problems that patients would notice.
"use strict";

const { alarm, settings } = require("./alarm.js");
const { metrics } = require("./metrics.js");

module.exports = async ({ resolveVariable }) => {
    const given = await settings(resolveVariable);
    const metric = metrics(given);
    const make = (name, metric, description, about) => alarm(given, { name, metric, description, ...about });
    const each = (metrics, of) =>
        Object.fromEntries(Object.entries(metrics).map(([name, metric]) => of(name, metric)));
    return {
        Resources: {
            // Every run writes the age, even when nothing is due. Missing data means that the job does not run.
            OldestChatDueAlarm: make("oldest-chat-due", metric.chatAge,
                "A patient has waited for an answer for more than 5 minutes, or the Reconciler does not run.",
                { above: 300, periods: 2, missing: "breaching" }),
            OldestReminderDueAlarm: make("oldest-reminder-due", metric.reminderAge,
                "A reminder is 30 minutes late, or the ReminderProcessor does not run.",
                { above: 1800, missing: "breaching" }),
            FailedMessagesAlarm: make("failed-messages", metric.failedMessages,
                "More than five messages in an hour did not reach their patients.", { above: 5 }),
            ItemsLeftAlarm: make("items-left", metric.itemsLeft,
                "Jobs leave more than 500 chats, reminders or reports for later, run after run.",
                { above: 500, periods: 2 }),
            PoisonedItemsAlarm: make("poisoned-items", metric.poisonedItems,
                "An item of a job panics or cannot be read. The others are worked on.", { above: 0, periods: 2 }),
            InstanceFaultsAlarm: make("instance-faults", metric.instanceFaults,
                "A clinic's z-api instance refuses calls: the clinic's patients get no messages.", { above: 0 }),
            SheetBacklogAlarm: make("sheet-backlog", metric.sheetAge,
                "A clinic's sheet has been behind its appointments for 15 minutes, or the SheetWriter does not run.",
                { above: 900, periods: 2, missing: "breaching" }),
            DatabaseConnectionsAlarm: make("database-connections", metric.connections,
                "More than 70 % of PostgreSQL's connections are in use.",
                { above: Math.floor(given.maxConnections * 0.7) }),
            ...(given.webAcl && {
                BlockedRequestsAlarm: make("blocked-requests", metric.blocked,
                    "The web ACL blocks requests: an address or an API key sends too many.", { above: 100 }),
            }),
            ...each(metric.failures, (job, metric) => [
                `${job}FailuresAlarm`,
                make(`${job}-failures`, metric, `Two runs of ${job} failed on one event, which is now in the dead-letter queue.`,
                    { above: 0 }),
            ]),
            ...each(metric.refused, (name, metric) => [
                `${name}4xxAlarm`,
                make(`${name}-4xx`, metric, `${name} refuses calls: z-api's URL has a wrong token or none, or somebody guesses tokens.`,
                    { above: 5 }),
            ]),
            ...each(metric.lost, (name, metric) => [
                `${name}5xxAlarm`,
                make(`${name}-5xx`, metric, `${name} could not store an event: it is lost unless z-api repeats it.`,
                    { above: 0 }),
            ]),
        },
    };
};
