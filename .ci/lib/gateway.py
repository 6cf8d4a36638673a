"""Checks of API Gateway in a packaged template: throttling, the webhooks' token, its own answers.

The answers are written here a second time, independently of sls/."""

import json
import re

from lib import ROOT, equal, project, require

# Answers of API Gateway, with the status that each has in place of its own.
ANSWERS = {
    "DEFAULT_4XX": None, "DEFAULT_5XX": None,
    "BAD_REQUEST_PARAMETERS": "401", "THROTTLED": "429",
}
HEADERS = {
    "Access-Control-Allow-Headers": "Content-Type,Authorization,x-api-key,Idempotency-Key",
    "Access-Control-Allow-Methods": "GET,POST,PUT,OPTIONS",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "Content-Type": "application/json; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
}


def is_webhook(path):
    return path.startswith("/webhook/")


def check_gateway(template):
    """Returns how many routes are throttled."""
    throttled = check_throttling(template)
    check_tokens(template)
    check_answers(template)
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
