// That everything of quality is watched: each alarm is there, tells the topic, is on the dashboard and has
// its paragraph in the runbook.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const OF_EACH = ["errors", "throttles", "duration"];
const OF_ALL = [
    "DailyReportSender-failures",
    "Reconciler-failures",
    "ReminderProcessor-failures",
    "WhatsAppStatusWebhook-4xx",
    "WhatsAppStatusWebhook-5xx",
    "WhatsAppWebhook-4xx",
    "WhatsAppWebhook-5xx",
    "database-connections",
    "failed-messages",
    "instance-faults",
    "oldest-chat-due",
    "oldest-reminder-due",
    "sheet-backlog",
];

export const alarmsOf = (alarms, functions, dashboard) => {
    const expected = [...functions.flatMap((name) => OF_EACH.map((what) => `${name}-${what}`)), ...OF_ALL];
    const there = alarms.map(([, { Properties }]) => Properties);
    const prefix = "clinic-scheduler-infra-local-";
    assert.deepEqual(there.map(({ AlarmName }) => AlarmName.replace(prefix, "")).sort(), expected.sort());
    const page = dashboard.Properties.DashboardBody["Fn::Sub"];
    JSON.parse(page);
    const written = readFileSync("src/metrics.rs", "utf8");
    const headings = readFileSync("docs/runbook.md", "utf8").match(/^## .+$/gm).join(", ").split(/, |## /);
    const explained = [...OF_ALL, ...OF_EACH.map((what) => `…-${what}`)];
    assert.deepEqual(explained.filter((name) => !headings.includes(name)), [], "without a paragraph in the runbook");
    for (const { AlarmName, AlarmActions, Namespace, MetricName, Dimensions } of there) {
        assert.equal(AlarmActions.length, 1, AlarmName);
        const widest = Dimensions.map(({ Name }) => Name).at(-1);
        assert.ok(page.includes(`"${Namespace}","${MetricName}",`) && page.includes(`"${widest}"`), `${AlarmName} is not on the dashboard`);
        if (Namespace === "Scheduler") {
            assert.ok(written.includes(`"${MetricName}"`), `nobody writes ${MetricName}`);
            assert.deepEqual(Dimensions, [{ Name: "stage", Value: "local" }], AlarmName);
        }
    }
    return there.length;
};
