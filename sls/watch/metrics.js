// The metrics of the whole service, for its alarms and the dashboard. The functions write those in the namespace
// `Scheduler` (src/metrics.rs).
"use strict";

const { RULES } = require("../resources/web-acl.js");

const JOBS = ["Reconciler", "SheetWriter", "ReminderProcessor", "DailyReportSender"];
const WEBHOOKS = { WhatsAppWebhook: "/webhook/whatsapp", WhatsAppStatusWebhook: "/webhook/whatsapp/status" };

const metrics = ({ prefix, stage, database }) => {
    const ours = (name, statistic, seconds = 300) => ({
        namespace: "Scheduler",
        name,
        by: { stage },
        statistic,
        seconds,
    });
    const answers = (name, Resource) => ({
        namespace: "AWS/ApiGateway",
        name,
        by: { ApiName: prefix, Stage: stage, Resource, Method: "POST" },
        statistic: "Sum",
        seconds: 300,
    });
    const failures = (job) => ({
        namespace: "AWS/SQS",
        name: "ApproximateNumberOfMessagesVisible",
        by: { QueueName: { "Fn::GetAtt": [`${job}Failures`, "QueueName"] } },
        statistic: "Maximum",
        seconds: 300,
    });
    // The web ACL and its rules are named after their metrics. `ALL` are all rules.
    const blocked = (Rule) => ({
        namespace: "AWS/WAFV2",
        name: "BlockedRequests",
        by: { Region: { Ref: "AWS::Region" }, Rule, WebACL: prefix },
        statistic: "Sum",
        seconds: 300,
    });
    return {
        chatAge: ours("OldestChatDueAge", "Maximum"),
        reminderAge: ours("OldestReminderDueAge", "Maximum", 1800),
        failedMessages: ours("FailedMessages", "Sum", 3600),
        unknownMessages: ours("UnknownMessages", "Sum", 3600),
        itemsLeft: ours("ItemsLeft", "Maximum", 900),
        poisonedItems: ours("PoisonedItems", "Sum", 900),
        instanceFaults: ours("InstanceFaults", "Sum", 900),
        sheetAge: ours("SheetBacklogAge", "Maximum"),
        sheetRows: ours("SheetRowsBehind", "Maximum"),
        turnMilliseconds: ours("TurnMilliseconds", "p50"),
        turnWaits: ours("TurnWaits", "Maximum"),
        masterTokenUses: ours("MasterTokenUses", "Sum"),
        connections: {
            namespace: "AWS/RDS",
            name: "DatabaseConnections",
            by: { DBInstanceIdentifier: database },
            statistic: "Maximum",
            seconds: 300,
        },
        blocked: blocked("ALL"),
        blockedBy: Object.fromEntries(RULES.map((rule) => [rule, blocked(rule)])),
        failures: Object.fromEntries(JOBS.map((job) => [job, failures(job)])),
        refused: Object.fromEntries(Object.entries(WEBHOOKS).map(([name, at]) => [name, answers("4XXError", at)])),
        lost: Object.fromEntries(Object.entries(WEBHOOKS).map(([name, at]) => [name, answers("5XXError", at)])),
    };
};

module.exports = { metrics };
