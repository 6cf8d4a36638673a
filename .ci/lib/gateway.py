"""Checks of API Gateway in a packaged template: throttling, the webhooks' token, its own answers, the access log, the
web ACL.

The answers, the log's fields and the ACL's rules are written here a second time, independently of sls/."""

import json
import re

from lib import ROOT, equal, project, require

STAGE = "clinic-scheduler-infra-local"

# Answers of API Gateway, with the status that each has in place of its own.
ANSWERS = {
    "DEFAULT_4XX": None, "DEFAULT_5XX": None,
    "BAD_REQUEST_PARAMETERS": "401", "THROTTLED": "429", "WAF_FILTERED": "429",
}
HEADERS = {
    "Access-Control-Allow-Headers": "Content-Type,Authorization,x-api-key,Idempotency-Key",
    "Access-Control-Allow-Methods": "GET,POST,PUT,OPTIONS",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "Content-Type": "application/json; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
}

# All that a line of the access log holds. None of these shows a query, a path, a header, a body or an error's text.
LOGGED = [
    "error.responseType", "httpMethod", "identity.sourceIp", "integration.integrationStatus", "integration.latency",
    "integration.requestId", "integration.status", "requestId", "requestTimeEpoch", "resourcePath", "responseLatency",
    "status",
]
ACCESS_LOG_DAYS = 180

# The rules of the web ACL: requests a minute, and what they are counted by.
ADDRESS_LIMIT, KEY_LIMIT = 600, 1200
RULES = {
    "address": (ADDRESS_LIMIT, "IP"),
    "api_key": (KEY_LIMIT, "QueryArgument api_key"),
    "authorization": (KEY_LIMIT, "Header authorization"),
    "x-api-key": (KEY_LIMIT, "Header x-api-key"),
}


def is_webhook(path):
    return path.startswith("/webhook/")


def check_gateway(template, has_web_acl):
    """Returns how many routes are throttled."""
    throttled = check_throttling(template)
    check_tokens(template)
    check_answers(template)
    check_access_log(template)
    check_web_acl(template, has_web_acl)
    return throttled


def check_throttling(template):
    """Returns how many routes are throttled: all but the webhooks."""
    settings = template.only("AWS::ApiGateway::Stage")["MethodSettings"]
    found = sorted((one["HttpMethod"], one["ResourcePath"]) for one in settings)
    wanted = sorted((method, "/" + path.replace("/", "~1")) for method, path in project.routes().values())
    equal("every route has its settings", found, wanted)
    throttled = 0
    for one in settings:
        path = one["ResourcePath"]
        webhook = is_webhook(path[1:].replace("~1", "/"))
        for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
            equal(f"{path} has a {limit}", limit in one, not webhook)
        equal(f"{path} has metrics", one.get("MetricsEnabled") is True, webhook)
        # This log would hold whole requests, with their queries and bodies.
        require(f"{path} has no execution log", not {"LoggingLevel", "DataTraceEnabled"} & one.keys(), one)
        throttled += not webhook
    return throttled


def check_tokens(template):
    """Both webhooks require `token`. No other route requires anything: a missing parameter is answered 401."""
    validators = template.all("AWS::ApiGateway::RequestValidator")
    require("the template has one request validator", len(validators) == 1, sorted(validators))
    [(name, validator)] = validators.items()
    checks = {what: value for what, value in validator["Properties"].items() if what.startswith("Validate")}
    equal(f"{name} checks parameters alone", checks, {"ValidateRequestBody": False, "ValidateRequestParameters": True})
    webhooks = {function for function, (_, path) in project.routes().items() if is_webhook(path)}
    found = set()
    for method_name, method in template.all("AWS::ApiGateway::Method").items():
        it = method["Properties"]
        # An OPTIONS request is answered without a function.
        function = re.search(r'"(\w+)LambdaFunction"', json.dumps(it["Integration"].get("Uri")))
        required = [parameter for parameter, needed in it.get("RequestParameters", {}).items() if needed]
        requires = (required, it.get("RequestValidatorId"))
        if function and function[1] in webhooks:
            equal(f"{function[1]} requires", requires, (["method.request.querystring.token"], {"Ref": name}))
            found.add(function[1])
        else:
            equal(f"{method_name} requires", requires, ([], None))
    equal("webhooks that require a token", found, webhooks)


def check_answers(template):
    """API Gateway's own answers look like the functions'."""
    answers = template.all("AWS::ApiGateway::GatewayResponse")
    statuses = {it["Properties"]["ResponseType"]: it["Properties"].get("StatusCode") for it in answers.values()}
    equal("answers of API Gateway", statuses, ANSWERS)
    messages = {}
    for name, answer in answers.items():
        it = answer["Properties"]
        headers = {
            header.removeprefix("gatewayresponse.header."): value.strip("'")
            for header, value in it["ResponseParameters"].items()
        }
        retry = headers.pop("Retry-After", None)
        equal(f"headers of {name}", headers, HEADERS)
        equal(f"{name} says when to try again", retry is not None, it.get("StatusCode") == "429")
        equal(f"formats of {name}", list(it["ResponseTemplates"]), ["application/json"])
        body = json.loads(it["ResponseTemplates"]["application/json"])
        equal(f"envelope of {name}", (sorted(body), body["status"]), (["message", "status"], "ERROR"))
        messages[it["ResponseType"]] = body["message"]
    unauthorized = f'Self::Unauthorized => "{messages["BAD_REQUEST_PARAMETERS"]}"'
    require("a missing token is answered like a wrong one", unauthorized in (ROOT / "src/error.rs").read_text())
    [deployment] = template.all("AWS::ApiGateway::Deployment").values()
    require("the deployment waits for the answers", answers.keys() <= set(deployment["DependsOn"]))


def check_access_log(template):
    stage = template.only("AWS::ApiGateway::Stage")
    log, attribute = stage["AccessLogSetting"]["DestinationArn"]["Fn::GetAtt"]
    equal("the access log is named by its", attribute, "Arn")
    group = template.resources[log]
    equal("the access log is a", group["Type"], "AWS::Logs::LogGroup")
    equal("name of the access log", group["Properties"]["LogGroupName"], f"/aws/api-gateway/{STAGE}")
    equal("days that accesses are kept", group["Properties"]["RetentionInDays"], ACCESS_LOG_DAYS)
    line = stage["AccessLogSetting"]["Format"]
    require("a line of the access log is one line", "\n" not in line)
    # A value that is missing is logged as a hyphen, so even a number has quotation marks.
    values = list(json.loads(line).values())
    equal("what an access is logged with", sorted(values), [f"$context.{name}" for name in LOGGED])
    require("the access log holds no query, path, key or text", not re.search(
        r"query|\.path|header|body|token|apiKey|error\.message|Message|integration\.error|\$(?!context\.)", line), line)
    require("the account's role for logs is not the stack's", not template.all("AWS::ApiGateway::Account"))


def check_web_acl(template, has_web_acl):
    given = r"^  default:\n(?:    .*\n)*    webAcl: 'off'\n(?:    .*\n)*(?:  #.*\n)?  prod:\n    webAcl: 'on'\n"
    require("the stage prod has a web ACL, others have none",
            re.search(given, (ROOT / "serverless.yml").read_text(), re.MULTILINE))
    if not has_web_acl:
        found = [name for name, one in template.resources.items() if "WAF" in one["Type"]]
        return equal("resources of a stage without a web ACL", found, [])
    acl = template.only("AWS::WAFv2::WebACL")
    equal("name, scope and default of the web ACL", (acl["Name"], acl["Scope"], acl["DefaultAction"]),
          (STAGE, "REGIONAL", {"Allow": {}}))
    equal("the web ACL measures", acl["VisibilityConfig"], measures(STAGE))
    equal("rules of the web ACL", sorted(rule["Name"] for rule in acl["Rules"]), sorted(RULES))
    equal("places of the rules", sorted(rule["Priority"] for rule in acl["Rules"]), list(range(len(RULES))))
    for rule in acl["Rules"]:
        check_rule(rule)
    association = template.only("AWS::WAFv2::WebACLAssociation")
    equal("the associated web ACL", association["WebACLArn"], {"Fn::GetAtt": ["WebAcl", "Arn"]})
    equal("what the web ACL protects", association["ResourceArn"]["Fn::Sub"].rsplit(":", 1)[1],
          "/restapis/${ApiGatewayRestApi}/stages/${ApiGatewayStage}")
    return None


def measures(name):
    """Metrics, but no samples of requests: they would show tokens and keys."""
    return {"MetricName": name, "CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": False}


def check_rule(rule):
    name, it = rule["Name"], rule["Statement"]["RateBasedStatement"]
    limit, aggregate = RULES[name]
    equal(f"the rule {name} does", rule["Action"], {"Block": {}})
    equal(f"the rule {name} measures", rule["VisibilityConfig"], measures(name))
    equal(f"limit of the rule {name}, in seconds", (it["Limit"], it["EvaluationWindowSec"]), (limit, 60))
    by = it["AggregateKeyType"]
    if by == "CUSTOM_KEYS":
        [(kind, key)] = [pair for custom in it["CustomKeys"] for pair in custom.items()]
        by = f"{kind} {key['Name']}"
    equal(f"the rule {name} counts by", by, aggregate)
    out = it["ScopeDownStatement"]["NotStatement"]["Statement"]["RegexMatchStatement"]
    equal(f"what the rule {name} leaves out is found in", out["FieldToMatch"], {"UriPath": {}})
    left_out = re.compile(out["RegexString"])
    for _, path in project.routes().values():
        for segment in ("webhook", "whatsapp", "status", "webhook%2Fwhatsapp"):
            filled = re.sub(r"\{\w+\}", segment, path)
            for url in (filled, f"/local{filled}", f"/v1/base{filled}"):
                equal(f"the rule {name} leaves out {url}", left_out.search(url) is not None, is_webhook(path))
