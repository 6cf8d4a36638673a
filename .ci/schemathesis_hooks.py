"""What JSON Schema cannot say of a good request: what a phone is, that an end is after its start,
that a visit is in the future, and which clinic and service are there."""

import datetime
import json
import os
import urllib.request

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

BASE = os.environ["SCHEDULER_URL"]
CLINIC = "laser-beauty-sp"


def services():
    request = urllib.request.Request(f"{BASE}/clinics/{CLINIC}/services", headers={"x-api-key": "test-api-key"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return [service["service_id"] for service in json.load(answer)["services"]]


SERVICE = services()[0]
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
    # One in four keeps an id that is nobody's.
    if "clinicId" in case.path_parameters and len(case.path_parameters["clinicId"]) % 4:
        case.path_parameters["clinicId"] = CLINIC
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if case.query:
        in_order(case.query)
    if isinstance(case.body, dict):
        mend(case.body)


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
    if "clinicId" in body and len(body["clinicId"]) % 4:
        body["clinicId"] = CLINIC
    if "serviceId" in body and len(body["serviceId"]) % 4:
        body["serviceId"] = SERVICE
    # Answers show digits alone; another country's number is read by its +.
    if isinstance(body.get("phone"), str) and body["phone"][:2].isdigit() and body["phone"][:2] != "55":
        body["phone"] = f"+{body['phone']}"
    if "date" in body and "time" in body:
        day = datetime.date.fromisoformat(body["date"])
        body["date"] = (datetime.date(2100, 1, 1) + datetime.timedelta(days=day.toordinal() % 10_000)).isoformat()
        # The longest service ends before midnight.
        body["time"] = f"{int(body['time'][:2]) % 12:02}{body['time'][2:]}"
    # A token without which an instance is refused; a clinic that is away is 404 to all the others.
    if body.get("zapi_instance_id") is not None:
        body.setdefault("zapi_instance_token", "token")
    if body.get("active") is False and "timezone" in body:
        body["active"] = True


@schemathesis.hook("before_call")
def fit_options(context, case, kwargs):
    """An id stands for one option, a list has ten rows in all its sections, and a wording relabels
    no options but its message's own."""
    good = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if not good or not isinstance(case.body, dict):
        return
    if case.path.endswith("/templates") or case.path.startswith("/templates/"):
        if case.body.get("buttons"):
            case.body["buttons"] = []
    if case.path == "/send":
        sections = (case.body.get("sections") or [])[:1]
        if sections:
            case.body["sections"] = sections
        for options in [case.body.get("buttons") or []] + [section["rows"] for section in sections]:
            options[:] = [{**option, "id": f"{number}{option['id'][1:]}"} for number, option in enumerate(options)]
