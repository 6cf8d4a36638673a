"""Makes the requests that Schemathesis generates valid in ways that JSON Schema cannot describe.

Examples: what a phone number is, that an end is after its start, that an appointment is in the future, and which
clinic and service exist. Loaded by .ci/schemathesis; needs SCHEDULER_URL, the URL of the server, and WEBHOOK_MASTER,
the server's WEBHOOK_TOKEN."""

import ast
import datetime
import os
import re
import threading
import zlib

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

from lib.local_server import API_KEY, CLINIC
from lib.net import ask
from lib.webhooks import token_of

BASE, MASTER = os.environ["SCHEDULER_URL"], os.environ["WEBHOOK_MASTER"]
# How ids end that the server generates: those of clinics, then all others.
GENERATED = re.compile("-[0-9a-f]{6}$|^[0-9a-f-]{36}$")
# Python 3.11 fails if two threads parse Python at the same time, as both of Schemathesis's do
# (https://github.com/python/cpython/issues/106905).
PARSE, PARSING = ast.parse, threading.RLock()


def parse_alone(*arguments, **options):
    with PARSING:
        return PARSE(*arguments, **options)


ast.parse = parse_alone


def of_clinic(kind, body=None):
    """Lists what the example clinic has of a kind, or adds `body` to it."""
    method = "GET" if body is None else "POST"
    status, answer = ask(f"{BASE}/clinics/{CLINIC}/{kind}", method, body, {"x-api-key": API_KEY}, timeout=30)
    if status not in (200, 201):
        raise SystemExit(f"FAILED: {method} {kind} of {CLINIC}: {status} {answer}")
    return answer


def first(kind, field):
    """The id of the first in a list."""
    listed = next(value for value in of_clinic(kind).values() if isinstance(value, list))
    return listed[0][field]


# The z-api instance of the example clinic.
INSTANCE = "instance-123"
SERVICE = first("services", "service_id")
HOLIDAY = {"exception_date": "2099-01-01", "exception_type": "BLOCKED", "reason": "Feriado"}
# An id that exists, by the name that it has in paths.
EXISTING = {
    "clinicId": CLINIC,
    "exceptionId": of_clinic("availability-exceptions", HOLIDAY)["exceptionId"],
    "faqId": first("faq", "faq_id"),
    "professionalId": of_clinic("professionals", {"name": "Paula Nunes"})["professionalId"],
    "ruleId": first("availability-rules", "rule_id"),
    "templateId": first("templates", "template_id"),
}
# All placeholders but the two that every template may use; the others depend on the template's key.
OTHER_PLACEHOLDERS = re.compile(r"\{\{(?!(?:clinic_name|address)\}\})[^}]*\}\}")
DIGITS = st.integers(0, 99_999_999).map("{:08}".format)

schemathesis.openapi.format("phone", st.one_of(
    DIGITS.map("55119{}".format),
    DIGITS.map(lambda digits: f"(48) 9{digits[:4]}-{digits[4:]}"),
    DIGITS.map("+1212{}".format),
))
schemathesis.openapi.format(
    "iana-time-zone", st.sampled_from(["America/Sao_Paulo", "America/Manaus", "America/Noronha", "UTC"]))
# The dates that the product accepts.
FIRST, LAST = datetime.date(2000, 1, 1), datetime.date(2100, 12, 31)
schemathesis.openapi.format("cursor", st.tuples(st.dates(FIRST, LAST), st.times(), st.uuids()).map(
    lambda place: f"{place[0]}_{place[1]:%H:%M}_{place[2]}"))
schemathesis.openapi.format("clinic-cursor", st.just(CLINIC))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Uses existing ids, and makes valid what was generated to be valid."""
    # Replacing a path that was generated to be invalid would make the request valid.
    if case.meta is None or not case.meta.is_negative_at(ParameterLocation.PATH):
        for name in EXISTING.keys() & case.path_parameters.keys():
            if not from_answer(case, case.path_parameters[name]):
                case.path_parameters[name] = mostly(EXISTING[name], case.path_parameters[name])
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if case.query:
        accept_dates(case.query)
        order_dates(case.query)
        if "serviceId" in case.query and not from_answer(case, case.query["serviceId"]):
            case.query["serviceId"] = mostly(SERVICE, case.query["serviceId"])
    if isinstance(case.body, dict):
        accept_dates(case.body)
        if "{ruleId}" in case.path or "{exceptionId}" in case.path:
            complete_window(case.body)
        make_valid(case.body)


def from_answer(case, given):
    """Whether an id comes from the answer to an earlier call in a chain of calls."""
    chained = case.meta is None or case.meta.phase.name == TestPhase.STATEFUL
    return chained and GENERATED.search(given)


def mostly(existing, given):
    """The existing id; in one of four cases the given one, which belongs to nothing."""
    return given if zlib.crc32(given.encode(errors="surrogatepass")) % 4 == 0 else existing


def complete_window(body):
    """Sends both times of a window: one alone is only valid together with the one that is stored."""
    if body.keys() & {"start_time", "end_time", "exception_type"}:
        body["start_time"] = body.get("start_time") or "08:00"
        body["end_time"] = body.get("end_time") or "18:00"


def accept_dates(fields):
    """A date is accepted from 2000 to 2100, which JSON Schema cannot say."""
    for name in fields.keys() & {"date", "from", "to", "exception_date"}:
        # An optional parameter may be empty.
        if isinstance(fields[name], str) and fields[name]:
            day = datetime.date.fromisoformat(fields[name])
            days = day.toordinal() % (LAST - FIRST).days
            fields[name] = (FIRST + datetime.timedelta(days=days)).isoformat()


def order_dates(query):
    """A range ends on the day on which it starts, and excludes `date`."""
    if "from" in query and "to" in query:
        query["to"] = query["from"]
    if "from" in query or "to" in query:
        query.pop("date", None)


def make_valid(body):
    for start, end in (("start", "end"), ("start_time", "end_time")):
        if isinstance(body.get(start), str) and isinstance(body.get(end), str):
            if body[start] == body[end]:
                body[start], body[end] = "00:00", "23:59"
            body[start], body[end] = sorted((body[start], body[end]))
    for value in body.values():
        if isinstance(value, dict):
            make_valid(value)
    for name, existing in (("clinicId", CLINIC), ("serviceId", SERVICE)):
        if name in body:
            body[name] = mostly(existing, body[name])
    # Answers show digits alone; a foreign number is recognised by its +.
    if isinstance(body.get("phone"), str) and body["phone"][:2].isdigit() and body["phone"][:2] != "55":
        body["phone"] = f"+{body['phone']}"
    if "date" in body and "time" in body:
        # From tomorrow on, and less than five years ahead.
        days = 1 + datetime.date.fromisoformat(body["date"]).toordinal() % 1_800
        body["date"] = (datetime.date.today() + datetime.timedelta(days=days)).isoformat()
        # Before noon, so that the longest service ends before midnight.
        body["time"] = f"{int(body['time'][:2]) % 12:02}{body['time'][2:]}"
    # A z-api instance and its token are only valid together.
    instance, tokens = "zapi_instance_id", ("zapi_instance_token", "zapi_client_token")
    if body.get(instance) is not None or any(body.get(token) is not None for token in tokens):
        body[instance] = body.get(instance) or f"instance-{body.get(tokens[0])}"
        body.setdefault(tokens[0], "token")
    # Deactivating the clinic would make every later call answer 404.
    if body.get("active") is False and "timezone" in body:
        body["active"] = True


@schemathesis.hook("before_call")
def fit_options(context, case, kwargs):
    """Option ids are unique in a message, a list has ten rows at most in all its sections, and a template changes
    the labels only of its message's own options and uses only placeholders that its message has."""
    valid = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if not valid or not isinstance(case.body, dict):
        return
    if case.path.endswith("/templates") or case.path.startswith("/templates/"):
        if case.body.get("buttons"):
            case.body["buttons"] = []
        if isinstance(case.body.get("content"), str):
            case.body["content"] = OTHER_PLACEHOLDERS.sub("{{clinic_name}}", case.body["content"])
    if case.path == "/send":
        sections = (case.body.get("sections") or [])[:1]
        if sections:
            case.body["sections"] = sections
        for options in [case.body.get("buttons") or []] + [section["rows"] for section in sections]:
            options[:] = [{**option, "id": f"{number}{option['id'][1:]}"} for number, option in enumerate(options)]


@schemathesis.hook("before_call")
def sign_webhook(context, case, kwargs):
    """Gives a webhook the token of its instance in place of the master, which Schemathesis uses as the token."""
    if not case.path.startswith("/webhook/") or (case.query or {}).get("token") != MASTER:
        return
    valid = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if valid and isinstance(case.body, dict):
        case.body["instanceId"] = INSTANCE
    case.query["token"] = token_of(INSTANCE, MASTER)
