// What each function has of the environment (contract 2) and of rights, written down apart from the
// files that give them.

const DATABASE = [
    "RDS_DATABASE",
    "RDS_HOST",
    "RDS_PASSWORD",
    "RDS_PORT",
    "RDS_ROOT_CERT",
    "RDS_SSL_MODE",
    "RDS_USERNAME",
];
const CHATS = [
    ...DATABASE,
    "ALLOWED_PHONES",
    "CONVERSATION_SESSIONS_TABLE",
    "MESSAGE_EVENTS_TABLE",
    "SCHEDULED_REMINDERS_TABLE",
    "STAGE",
    "ZAPI_BASE_URL",
    "ZAPI_CLIENT_TOKEN",
];
const ADMIN = [...DATABASE, "SCHEDULER_API_KEY"];
const MESSENGER = [...CHATS, "SCHEDULER_API_KEY"];
const WEBHOOK = [...CHATS, "WEBHOOK_TOKEN"];

const ENVIRONMENT = {
    WhatsAppWebhook: WEBHOOK,
    WhatsAppStatusWebhook: WEBHOOK,
    SendMessage: MESSENGER,
    UpdateAppointment: MESSENGER,
    CreateAppointment: [...ADMIN, "SCHEDULED_REMINDERS_TABLE"],
    ReminderProcessor: CHATS,
    DailyReportSender: CHATS,
    Reconciler: [...CHATS, "GOOGLE_SHEETS_BASE_URL", "GOOGLE_SHEETS_SERVICE_ACCOUNT"],
};

// A turn of a chat: whoever takes the lease works on whatever waits there.
const TURN = {
    ConversationSessionsTable: "GetItem UpdateItem",
    MessageEventsTable: "PutItem Query",
    ScheduledRemindersTable: "BatchGetItem PutItem UpdateItem",
};
const WAITING = { ...TURN, ConversationSessionsTable: "GetItem PutItem UpdateItem" };

const RIGHTS = {
    WhatsAppWebhook: WAITING,
    WhatsAppStatusWebhook: WAITING,
    SendMessage: { ConversationSessionsTable: "GetItem", MessageEventsTable: "PutItem Query" },
    UpdateAppointment: TURN,
    CreateAppointment: { ScheduledRemindersTable: "GetItem PutItem UpdateItem" },
    ReminderProcessor: {
        ConversationSessionsTable: "GetItem",
        MessageEventsTable: "PutItem Query",
        ScheduledRemindersTable: "UpdateItem",
        "ScheduledRemindersTable/index/status-sendAt-index": "Query",
        ReminderProcessorFailures: "SendMessage",
    },
    DailyReportSender: {
        ConversationSessionsTable: "GetItem UpdateItem",
        MessageEventsTable: "PutItem",
        DailyReportSenderFailures: "SendMessage",
    },
    Reconciler: {
        ...TURN,
        ConversationSessionsTable: "DeleteItem GetItem UpdateItem",
        "ConversationSessionsTable/index/due-index": "Query",
        ReconcilerFailures: "SendMessage",
    },
};

export const environmentOf = (name) => [...(ENVIRONMENT[name] ?? ADMIN)].sort();

// Resource by resource, what the statements of a role allow; `*` would stand for itself.
export const rightsOf = (statements) => {
    const rights = {};
    for (const { Effect, Action, Resource } of statements) {
        for (const resource of [Resource].flat()) {
            const allowed = `${Effect === "Allow" ? "" : "not "}${[Action].flat().map(plain).sort().join(" ")}`;
            const name = on(resource);
            rights[name] = rights[name] ? `${rights[name]} ${allowed}` : allowed;
        }
    }
    return rights;
};

rightsOf.expected = (name) => RIGHTS[name] ?? {};

const plain = (action) => action.replace(/^(dynamodb|sqs):/, "");

const on = (resource) => {
    if (resource["Fn::GetAtt"]) return resource["Fn::GetAtt"][0];
    return resource["Fn::Sub"]?.replace(/^\$\{(\w+)\.Arn\}/, "$1") ?? String(resource);
};
