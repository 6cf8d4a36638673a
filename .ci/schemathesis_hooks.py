"""What JSON Schema cannot say of a good request: what a phone is, that an end is after its start,
that a visit is in the future, and which clinic and service are there."""

import datetime
import json
import os
import re
import urllib.request
import zlib

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.generation.meta import TestPhase

BASE = os.environ["SCHEDULER_URL"]
CLINIC = "laser-beauty-sp"
# Ends as the server's own ids of clinics and of everything else do.
MADE = re.compile("-[0-9a-f]{6}$|^[0-9a-f-]{36}$")


def ask(kind, body=None):
    headers = {"x-api-key": "test-api-key", "Content-Type": "application/json"}
    data = body and json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE}/clinics/{CLINIC}/{kind}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def first(kind, field):
    """The id of the clinic's first of a kind."""
    listed = next(value for value in ask(kind).values() if isinstance(value, list))
    return listed[0][field]


SERVICE = first("services", "service_id")
HOLIDAY = {"exception_date": "2099-01-01", "exception_type": "BLOCKED", "reason": "Feriado"}
THERE = {
    "clinicId": CLINIC,
    "exceptionId": ask("availability-exceptions", HOLIDAY)["exceptionId"],
    "faqId": first("faq", "faq_id"),
    "professionalId": ask("professionals", {"name": "Paula Nunes"})["professionalId"],
    "ruleId": first("availability-rules", "rule_id"),
    "templateId": first("templates", "template_id"),
}
# What every wording may say; the others depend on what it is the wording of.
ELSEWHERE = re.compile(r"\{\{(?!(?:clinic_name|address)\}\})[^}]*\}\}")
DIGITS = st.integers(0, 99_999_999).map("{:08}".format)

schemathesis.openapi.format("phone", st.one_of(
    DIGITS.map("55119{}".format),
    DIGITS.map(lambda digits: f"(48) 9{digits[:4]}-{digits[4:]}"),
    DIGITS.map("+1212{}".format),
))
schemathesis.openapi.format(
    "iana-time-zone", st.sampled_from(["America/Sao_Paulo", "America/Manaus", "America/Noronha", "UTC"]))
schemathesis.openapi.format("cursor", st.tuples(st.dates(), st.times(), st.uuids()).map(
    lambda place: f"{place[0]}_{place[1]:%H:%M}_{place[2]}"))


@schemathesis.hook
def before_call(context, case, kwargs):
    for name in THERE.keys() & case.path_parameters.keys():
        if not answered(case, case.path_parameters[name]):
            case.path_parameters[name] = known(case.path_parameters[name], THERE[name])
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if case.query:
        in_order(case.query)
        if "serviceId" in case.query and not answered(case, case.query["serviceId"]):
            case.query["serviceId"] = known(case.query["serviceId"], SERVICE)
    if isinstance(case.body, dict):
        if "{ruleId}" in case.path or "{exceptionId}" in case.path:
            whole(case.body)
        mend(case.body)


def answered(case, given):
    """Whether a call before this one, in a chain of calls, was answered with this id."""
    chained = case.meta is None or case.meta.phase.name == TestPhase.STATEFUL
    return chained and MADE.search(given)


def known(given, there):
    """The id of something that is there; one in four stays nobody's."""
    return given if zlib.crc32(given.encode(errors="surrogatepass")) % 4 == 0 else there


def whole(body):
    """A part of a window only makes sense beside the part that is stored: both are sent."""
    if body.keys() & {"start_time", "end_time", "exception_type"}:
        body["start_time"] = body.get("start_time") or "08:00"
        body["end_time"] = body.get("end_time") or "18:00"


def in_order(query):
    """One day or a range of two months."""
    if "from" in query and "to" in query:
        query["to"] = query["from"]
    if "from" in query or "to" in query:
        query.pop("date", None)


def mend(body):
    for start, end in (("start", "end"), ("start_time", "end_time")):
        if isinstance(body.get(start), str) and isinstance(body.get(end), str):
            if body[start] == body[end]:
                body[start], body[end] = "00:00", "23:59"
            body[start], body[end] = sorted((body[start], body[end]))
    for value in body.values():
        if isinstance(value, dict):
            mend(value)
    for name, there in (("clinicId", CLINIC), ("serviceId", SERVICE)):
        if name in body:
            body[name] = known(body[name], there)
    # Answers show digits alone; another country's number is read by its +.
    if isinstance(body.get("phone"), str) and body["phone"][:2].isdigit() and body["phone"][:2] != "55":
        body["phone"] = f"+{body['phone']}"
    if "date" in body and "time" in body:
        day = datetime.date.fromisoformat(body["date"])
        body["date"] = (datetime.date(2100, 1, 1) + datetime.timedelta(days=day.toordinal() % 10_000)).isoformat()
        # The longest service ends before midnight.
        body["time"] = f"{int(body['time'][:2]) % 12:02}{body['time'][2:]}"
    # An instance and its token only make sense together.
    instance, tokens = "zapi_instance_id", ("zapi_instance_token", "zapi_client_token")
    if body.get(instance) is not None or any(body.get(token) is not None for token in tokens):
        body[instance] = body.get(instance) or f"instance-{body.get(tokens[0])}"
        body.setdefault(tokens[0], "token")
    # A clinic that is away is 404 to all the others.
    if body.get("active") is False and "timezone" in body:
        body["active"] = True


@schemathesis.hook("before_call")
def fit_options(context, case, kwargs):
    """An id stands for one option, a list has ten rows in all its sections, and a wording relabels
    no options but its message's own and fills in nothing that its message does not know."""
    good = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if not good or not isinstance(case.body, dict):
        return
    if case.path.endswith("/templates") or case.path.startswith("/templates/"):
        if case.body.get("buttons"):
            case.body["buttons"] = []
        if isinstance(case.body.get("content"), str):
            case.body["content"] = ELSEWHERE.sub("{{clinic_name}}", case.body["content"])
    if case.path == "/send":
        sections = (case.body.get("sections") or [])[:1]
        if sections:
            case.body["sections"] = sections
        for options in [case.body.get("buttons") or []] + [section["rows"] for section in sections]:
            options[:] = [{**option, "id": f"{number}{option['id'][1:]}"} for number, option in enumerate(options)]
