"""Checks of a packaged CloudFormation template: what each function may read and do, tables, jobs, alarms. What
belongs to API Gateway is in .ci/lib/gateway.py.

The environments, secrets, rights, indexes and alarms are written here a second time, independently of sls/."""

import json
import re

from lib import ROOT, equal, gateway, project, require

ADMIN = [
    "RDS_DATABASE", "RDS_HOST", "RDS_PORT", "RDS_ROOT_CERT", "RDS_SSL_MODE", "RDS_USERNAME", "SECRETS_PATH",
]
STORES = ADMIN + [
    "CONVERSATION_SESSIONS_TABLE", "MESSAGE_EVENTS_TABLE", "SCHEDULED_REMINDERS_TABLE", "STAGE",
]
CHATS = STORES + ["ALLOWED_PHONES", "ZAPI_BASE_URL"]
WEBHOOK = CHATS + ["WEBHOOK_ACCEPT_MASTER"]

# The environment of each function (docs/rules/api.md#environment); ADMIN for those that are not named.
ENVIRONMENTS = {
    "WhatsAppWebhook": WEBHOOK,
    "WhatsAppStatusWebhook": WEBHOOK,
    "SendMessage": CHATS + ["SEND_DAILY_LIMIT", "SEND_DAILY_LIMIT_NEW"],
    "UpdateAppointment": CHATS,
    "GetClinic": ADMIN + ["WEBHOOK_BASE_URL"],
    "CreateAppointment": ADMIN + ["SCHEDULED_REMINDERS_TABLE"],
    "ReminderProcessor": CHATS,
    "DailyReportSender": CHATS,
    "Reconciler": CHATS,
    "SheetWriter": STORES + ["GOOGLE_SHEETS_BASE_URL"],
}

# The secrets of each function, which it reads from SSM itself (docs/rules/security.md#secrets); ADMIN_SECRETS for
# those that are not named.
ADMIN_SECRETS = ["RDS_PASSWORD", "SCHEDULER_API_KEY"]
JOB_SECRETS = ["RDS_PASSWORD", "ZAPI_CLIENT_TOKEN"]
FUNCTION_SECRETS = {
    "WhatsAppWebhook": JOB_SECRETS + ["WEBHOOK_TOKEN"],
    "WhatsAppStatusWebhook": JOB_SECRETS + ["WEBHOOK_TOKEN"],
    "SendMessage": JOB_SECRETS + ["SCHEDULER_API_KEY"],
    "UpdateAppointment": JOB_SECRETS + ["SCHEDULER_API_KEY"],
    "ReminderProcessor": JOB_SECRETS,
    "DailyReportSender": JOB_SECRETS,
    "Reconciler": JOB_SECRETS,
    "GetClinic": ADMIN_SECRETS + ["WEBHOOK_TOKEN"],
    "SheetWriter": ["RDS_PASSWORD", "GOOGLE_SHEETS_SERVICE_ACCOUNT"],
}
SECRETS = sorted({secret for secrets in FUNCTION_SECRETS.values() for secret in secrets} | set(ADMIN_SECRETS))

# Processing a chat: the function that takes the chat's lease processes everything that waits there.
CHAT = {
    "ConversationSessionsTable": "BatchGetItem GetItem PutItem UpdateItem",
    "MessageEventsTable": "PutItem Query",
    "ScheduledRemindersTable": "PutItem Query UpdateItem",
}
# The rights of each function beyond its log and its secrets; none for those that are not named.
RIGHTS = {
    "WhatsAppWebhook": CHAT,
    "WhatsAppStatusWebhook": CHAT,
    "SendMessage": {"ConversationSessionsTable": "GetItem UpdateItem", "MessageEventsTable": "PutItem Query"},
    "UpdateAppointment": CHAT,
    "CreateAppointment": {"ScheduledRemindersTable": "GetItem PutItem UpdateItem"},
    "ReminderProcessor": {
        "ConversationSessionsTable": "GetItem",
        "MessageEventsTable": "PutItem Query",
        "ScheduledRemindersTable": "Query UpdateItem",
        "ScheduledRemindersTable/index/status-sendAt-index": "Query",
        "ReminderProcessorFailures": "SendMessage",
    },
    "DailyReportSender": {
        "ConversationSessionsTable": "GetItem UpdateItem",
        "MessageEventsTable": "PutItem Query",
        "DailyReportSenderFailures": "SendMessage",
    },
    "Reconciler": {
        **CHAT,
        "ConversationSessionsTable": "BatchGetItem DeleteItem GetItem PutItem UpdateItem",
        "ConversationSessionsTable/index/due-work-index": "Query",
        "ReconcilerFailures": "SendMessage",
    },
    "SheetWriter": {"ConversationSessionsTable": "GetItem UpdateItem", "SheetWriterFailures": "SendMessage"},
}

# Seconds after which a job's function is ended, and seconds from one run to the next.
JOBS = {
    "Reconciler": (75, 60),
    "SheetWriter": (75, 60),
    "ReminderProcessor": (300, 900),
    "DailyReportSender": (300, 3600),
}
# The same for every other function.
TIMEOUT = 20
# Milliseconds above which the duration of a call is alarming; 90 % of the timeout of a job.
WEBHOOK_DURATION, ADMIN_DURATION = 12_500, 8_000

INDEXES = [
    "clinicId-statusTimestamp-index",
    "conversationId-index",
    "due-index",
    "due-work-index",
    "status-sendAt-index",
    "status-statusTimestamp-index",
]

# The alarms of each function, and those of the whole service. docs/runbook.md has a section for each.
FUNCTION_ALARMS = ["errors", "throttles", "duration"]
SERVICE_ALARMS = [
    "DailyReportSender-failures",
    "Reconciler-failures",
    "ReminderProcessor-failures",
    "SheetWriter-failures",
    "WhatsAppStatusWebhook-4xx",
    "WhatsAppStatusWebhook-5xx",
    "WhatsAppWebhook-4xx",
    "WhatsAppWebhook-5xx",
    "database-connections",
    "failed-messages",
    "instance-faults",
    "items-left",
    "oldest-chat-due",
    "oldest-reminder-due",
    "poisoned-items",
    "sheet-backlog",
]
WEB_ACL_ALARM = "blocked-requests"

WEBHOOKS = ["WhatsAppWebhook", "WhatsAppStatusWebhook"]
# The database of the check accepts 100 connections (`maxConnections`); above 70 % an alarm rings.
MOST_RESERVED = 70
# CloudFormation's limit is 500 resources in a stack.
MOST_RESOURCES = 499


def check_template(path, runtime, in_vpc, has_web_acl, secrets_endpoint):
    """Checks the template of the stage `local` and prints what it holds."""
    text = path.read_text()
    template = Template(json.loads(text)["Resources"])
    check_functions(template, runtime, in_vpc)
    check_roles(template)
    check_tables(template)
    check_secrets_endpoint(template, secrets_endpoint)
    reserved = check_jobs(template)
    throttled = gateway.check_gateway(template, has_web_acl)
    check_headers(template)
    check_alarms(template, has_web_acl)
    accounts = set(re.findall(r"\b\d{12}\b", text, re.ASCII))
    require("no account's id is in the template", accounts <= {"000000000000"}, accounts)
    count = len(template.resources)
    require(f"the stack has at most {MOST_RESOURCES} resources", count <= MOST_RESOURCES, count)
    functions, roles, tables, queues, alarms = (len(template.all(kind)) for kind in (
        "AWS::Lambda::Function", "AWS::IAM::Role", "AWS::DynamoDB::Table", "AWS::SQS::Queue",
        "AWS::CloudWatch::Alarm"))
    print(f"{runtime}: {count} resources, {functions} functions, each with its own zip and role ({roles}), "
          f"{tables} tables, {queues} queues, {alarms} alarms, 1 dashboard, {'a' if has_web_acl else 'no'} web ACL; "
          f"{throttled} routes throttled, {reserved} instances reserved", flush=True)


class Template:
    """The resources of a template, and the properties of its functions by name."""

    def __init__(self, resources):
        self.resources = resources
        functions = self.all("AWS::Lambda::Function")
        self.functions = {name.removesuffix("LambdaFunction"): one["Properties"] for name, one in functions.items()}

    def all(self, kind):
        return {name: one for name, one in self.resources.items() if one["Type"] == kind}

    def only(self, kind):
        found = self.all(kind)
        require(f"the template has one {kind}", len(found) == 1, sorted(found))
        return next(iter(found.values()))["Properties"]


def check_functions(template, runtime, in_vpc):
    equal("every binary is a function", sorted(map(project.binary_of, template.functions)), sorted(project.binaries()))
    keys = {function["Code"]["S3Key"] for function in template.functions.values()}
    equal("each function has its own key in S3", len(keys), len(template.functions))
    for name, function in template.functions.items():
        equal(f"handler of {name}", function["Handler"], "bootstrap")
        equal(f"runtime of {name}", function["Runtime"], runtime)
        equal(f"architectures of {name}", function["Architectures"], ["x86_64"])
        equal(f"timeout of {name}", function["Timeout"], JOBS[name][0] if name in JOBS else TIMEOUT)
        wanted = sorted(ENVIRONMENTS.get(name, ADMIN))
        equal(f"environment of {name}", sorted(function["Environment"]["Variables"]), wanted)
        equal(f"days that logs of {name} are kept", properties(template, f"{name}LogGroup")["RetentionInDays"], 30)
        require(f"{name} is not traced", "TracingConfig" not in function)
        equal(f"{name} is in a VPC", "VpcConfig" in function, in_vpc)


def properties(template, name):
    return template.resources[name]["Properties"]


def check_roles(template):
    roles = {name: function["Role"]["Fn::GetAtt"][0] for name, function in template.functions.items()}
    equal("each function has its own role", len(set(roles.values())), len(template.functions))
    equal("no role is without a function", set(template.all("AWS::IAM::Role")), set(roles.values()))
    for name, role in roles.items():
        role_name = properties(template, role)["RoleName"]
        require(f"the role of {name} is named after it, in at most 64 characters",
                len(role_name) <= 64 and f"-{name}-" in role_name, role_name)
        policies = properties(template, role)["Policies"]
        logs, *statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
        log_groups = logs["Resource"][0]["Fn::Sub"]
        require(f"{name} writes only its own log", log_groups.endswith(f"-{name}:*:*"), log_groups)
        secrets = FUNCTION_SECRETS.get(name, ADMIN_SECRETS)
        wanted = RIGHTS.get(name, {}) | {f"parameter/local/{secret}": "GetParameters" for secret in secrets}
        equal(f"rights of {name}", rights_in(statements), wanted)


def rights_in(statements):
    """What the statements of a role allow, by resource. A wildcard stays as it is written."""
    rights = {}
    for statement in statements:
        actions = sorted(re.sub("^(dynamodb|sqs|ssm):", "", action) for action in listed(statement["Action"]))
        allowed = ("" if statement["Effect"] == "Allow" else "not ") + " ".join(actions)
        for resource in map(resource_name, listed(statement["Resource"])):
            rights[resource] = f"{rights[resource]} {allowed}" if resource in rights else allowed
    return rights


def listed(value):
    return value if isinstance(value, list) else [value]


def resource_name(resource):
    """`ReconcilerFailures`, `ConversationSessionsTable/index/due-work-index`, or `parameter/local/RDS_PASSWORD`."""
    if isinstance(resource, dict) and "Fn::GetAtt" in resource:
        return resource["Fn::GetAtt"][0]
    if isinstance(resource, dict) and "Fn::Sub" in resource:
        here = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:"
        return re.sub(r"^\$\{(\w+)\.Arn\}", r"\1", resource["Fn::Sub"].removeprefix(here))
    return str(resource)


def check_tables(template):
    tables = template.all("AWS::DynamoDB::Table")
    equal("every definition is a table", len(tables), len(list((ROOT / "sls/resources/dynamodb").glob("*.yml"))))
    for name, table in tables.items():
        policies = [table.get("DeletionPolicy"), table.get("UpdateReplacePolicy")]
        equal(f"{name} outlives the stack", policies, ["Retain", "Retain"])
        it = table["Properties"]
        equal(f"{name} is protected from deletion", it["DeletionProtectionEnabled"], True)
        recovery = it["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        equal(f"{name} has point-in-time recovery", recovery, True)
        equal(f"{name} expires items", it["TimeToLiveSpecification"], {"AttributeName": "ttl", "Enabled": True})
        equal(f"billing of {name}", it["BillingMode"], "PAY_PER_REQUEST")
    indexes = [index["IndexName"] for it in tables.values() for index in it["Properties"]["GlobalSecondaryIndexes"]]
    equal("indexes of the tables", sorted(indexes), INDEXES)


def check_secrets_endpoint(template, wanted):
    """The endpoint through which functions in a VPC reach SSM exists only where it was asked for."""
    interfaces = [one["Properties"] for one in template.all("AWS::EC2::VPCEndpoint").values()
                  if one["Properties"]["VpcEndpointType"] == "Interface"]
    services = [one["ServiceName"]["Fn::Sub"] for one in interfaces]
    equal("endpoints inside the VPC", services, ["com.amazonaws.${AWS::Region}.ssm"] if wanted else [])
    require("calls of SSM stay in the VPC", all(one["PrivateDnsEnabled"] for one in interfaces))


def check_jobs(template):
    """Returns how many instances are reserved for the jobs."""
    jobs = project.jobs(template.functions)
    equal("jobs", jobs, sorted(JOBS))
    events = template.all("AWS::Lambda::EventInvokeConfig")
    for kind in ("AWS::Lambda::EventInvokeConfig", "AWS::Events::Rule", "AWS::SQS::Queue"):
        equal(f"each job has one {kind}", len(template.all(kind)), len(jobs))
    for name, event in events.items():
        it = event["Properties"]
        retries, age = it["MaximumRetryAttempts"], it["MaximumEventAgeInSeconds"]
        require(f"{name} is repeated once at most, within ten minutes", retries <= 1 and age <= 600, (retries, age))
        queue = it["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        equal(f"failures of {name} go to a queue", template.resources[queue]["Type"], "AWS::SQS::Queue")
    reserved = sum(function.get("ReservedConcurrentExecutions", 0) for function in template.functions.values())
    require(f"1 to {MOST_RESERVED} instances are reserved", 0 < reserved <= MOST_RESERVED, reserved)
    for webhook in WEBHOOKS:
        limited = "ReservedConcurrentExecutions" in template.functions[webhook]
        require(f"{webhook} is never throttled", not limited)
    return reserved


def check_headers(template):
    """What API Gateway answers itself has the headers of the functions' answers (src/response.rs)."""
    wanted = {"Cache-Control": "'no-store'", "X-Content-Type-Options": "'nosniff'"}
    for name, one in template.all("AWS::ApiGateway::GatewayResponse").items():
        given = one["Properties"]["ResponseParameters"]
        for header, value in wanted.items():
            equal(f"{header} of {name}", given.get(f"gatewayresponse.header.{header}"), value)
    methods = template.all("AWS::ApiGateway::Method").items()
    preflights = {name: one["Properties"] for name, one in methods if one["Properties"]["HttpMethod"] == "OPTIONS"}
    equal("every path answers OPTIONS", len(preflights), len({path for _, path in project.routes().values()}))
    for name, it in preflights.items():
        declared, answers = it["MethodResponses"], it["Integration"]["IntegrationResponses"]
        for header, value in wanted.items():
            key = f"method.response.header.{header}"
            equal(f"{header} of {name}", [one["ResponseParameters"].get(key) for one in answers], [value])
            equal(f"declared {header} of {name}", [one["ResponseParameters"].get(key) for one in declared], [True])


def check_alarms(template, has_web_acl):
    """Each alarm exists, notifies the topic, is on the dashboard and has a section in the runbook."""
    alarms = [alarm["Properties"] for alarm in template.all("AWS::CloudWatch::Alarm").values()]
    names = [alarm["AlarmName"].replace("clinic-scheduler-infra-local-", "", 1) for alarm in alarms]
    of_functions = [f"{name}-{what}" for name in template.functions for what in FUNCTION_ALARMS]
    of_service = SERVICE_ALARMS + [WEB_ACL_ALARM] * has_web_acl
    equal("names of the alarms", sorted(names), sorted(of_functions + of_service))
    headings = re.findall(r"^## (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    explained = {name for heading in headings for name in heading.split(", ")}
    by_name = dict(zip(names, alarms))
    for name in template.functions:
        check_function_alarms(name, by_name)
    alarming = {*SERVICE_ALARMS, WEB_ACL_ALARM, *(f"…-{what}" for what in FUNCTION_ALARMS)}
    equal("docs/runbook.md has a section for every alarm and for nothing else", sorted(explained), sorted(alarming))
    dashboard = template.only("AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Sub"]
    json.loads(dashboard)
    written = (ROOT / "src/metrics.rs").read_text()
    for alarm in alarms:
        name, metric, dimensions = alarm["AlarmName"], alarm["MetricName"], alarm["Dimensions"]
        equal(f"actions of {name}", len(alarm["AlarmActions"]), 1)
        drawn = f'"{alarm["Namespace"]}","{metric}",' in dashboard and f'"{dimensions[-1]["Name"]}"' in dashboard
        require(f"{name} is on the dashboard", drawn)
        if alarm["Namespace"] == "Scheduler":
            require(f"src/metrics.rs writes {metric}", f'"{metric}"' in written)
            equal(f"dimensions of {name}", dimensions, [{"Name": "stage", "Value": "local"}])


def check_function_alarms(name, alarms):
    """The duration alarm rings before the timeout, and a job's periods are long enough to hold a run."""
    timeout, interval = JOBS.get(name, (TIMEOUT, 0))
    longest = timeout * 900 if name in JOBS else WEBHOOK_DURATION if name in WEBHOOKS else ADMIN_DURATION
    duration, errors = alarms[f"{name}-duration"], alarms[f"{name}-errors"]
    equal(f"longest duration of {name}", duration["Threshold"], longest)
    equal(f"period of {name}-duration", duration["Period"], max(300, interval))
    seen = errors["Threshold"], errors["Period"]
    equal(f"limit and period of {name}-errors", seen, (1, max(900, interval)) if name in JOBS else (0, 300))
    require(f"{name}-errors names the timeout", f" {timeout} second timeout" in errors["AlarmDescription"])
