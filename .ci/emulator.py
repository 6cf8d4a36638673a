"""The deployed stage, as .ci/emulator starts it: what is deployed, that every route answers through API
Gateway, the Postman collections, the scheduled functions, and that each function needs its own rights."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.session

STAGE = "local"
KEY, TOKEN = "a-key-of-the-emulated-stage", "a-token-of-the-emulated-stage"
TOOLS = os.path.dirname(sys.executable)


def check(what, holds, seen=""):
    if not holds:
        raise SystemExit(f"{what}: {seen}")
    print(f"  {what}", flush=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, method="GET", body=None):
    """Status and body of an answer, which is JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text) if text.startswith("{") else text


class Zapi(BaseHTTPRequestHandler):
    """A z-api to which every number is on WhatsApp and every message goes out."""

    protocol_version = "HTTP/1.1"
    sent = 0

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Zapi.sent += 1
        self.say({"zaapId": f"Z{Zapi.sent}", "messageId": f"M{Zapi.sent}", "id": f"M{Zapi.sent}"})

    def do_GET(self):
        self.say({"exists": True, "connected": True, "smartphoneConnected": True})

    def say(self, answer):
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Emulator:
    """A running MiniStack."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.log = open(os.path.join(folder, "ministack.log"), "wb")
        self.process = subprocess.Popen(
            [os.path.join(TOOLS, "ministack")], cwd=folder, stdout=self.log, stderr=subprocess.STDOUT,
            start_new_session=True,
            env=kept | self.credentials() | {
                "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "AUTH": "true",
                "AWS_ENDPOINT_URL": self.url, "TMPDIR": folder,
            },
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                if ask(f"{self.url}/_ministack/health")[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("MiniStack did not come up")
            time.sleep(0.1)

    @staticmethod
    def credentials():
        return {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self, service):
        session = botocore.session.Session()
        session.set_credentials("test", "test")
        return session.create_client(service, "us-east-1", endpoint_url=self.url)

    def stop(self):
        """Ends it with the functions that it runs."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def deploy(emulator, zapi):
    """Deploys the stage, and answers its URL."""
    ssm = emulator.client("ssm")
    secrets = {name: os.environ[name] for name in (
        "RDS_HOST", "RDS_PORT", "RDS_DATABASE", "RDS_USERNAME", "RDS_PASSWORD", "RDS_ROOT_CERT")}
    secrets |= {
        "SCHEDULER_API_KEY": KEY, "WEBHOOK_TOKEN": TOKEN, "ALLOWED_PHONES": "*", "ZAPI_BASE_URL": zapi,
    }
    for name, value in secrets.items():
        ssm.put_parameter(Name=f"/{STAGE}/{name}", Value=value, Type="SecureString")
    topic = emulator.client("sns").create_topic(Name="alarms")["TopicArn"]
    started = time.monotonic()
    done = subprocess.run(
        ["node_modules/.bin/osls", "deploy", "--stage", STAGE, "--param", f"alarmTopicArn={topic}",
         "--param", "databaseInstance=the-database"],
        env=os.environ | emulator.credentials() | {
            "EMULATOR_PORT": str(emulator.port), "SLS_INTERACTIVE_SETUP_MODE": "off", "CI": "1"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    check(f"deployed in {time.monotonic() - started:.0f} s", done.returncode == 0, done.stdout)
    apis = emulator.client("apigateway").get_rest_apis()["items"]
    check("one REST API", len(apis) == 1, apis)
    return f"{emulator.url}/_aws/execute-api/{apis[0]['id']}/{STAGE}"


def functions(emulator):
    """Every function's configuration by its short name."""
    found = {}
    for page in emulator.client("lambda").get_paginator("list_functions").paginate():
        found |= {one["FunctionName"].rsplit("-", 1)[1]: one for one in page["Functions"]}
    roles = {one["Role"] for one in found.values()}
    codes = {one["CodeSha256"] for one in found.values()}
    check(f"{len(found)} functions, {len(roles)} roles, {len(codes)} codes",
          len(found) == len(roles) == len(codes) == 32, sorted(found))
    return found


def every_route(base):
    """Nobody is let in without a key, and it is the function that says so."""
    with open("docs/openapi.json") as document:
        paths = json.load(document)["paths"]
    routes = [(method.upper(), path) for path, item in paths.items() for method in item
              if method in ("get", "post", "put", "delete")]
    for method, path in routes:
        status, answer = ask(base + path, method, {} if method != "GET" else None)
        if status != 401 or answer.get("status") != "ERROR":
            raise SystemExit(f"{method} {path} without a key: {status} {answer}")
    check(f"{len(routes)} routes answer through API Gateway", len(routes) == 29, len(routes))


def every_job(emulator, known):
    """Each scheduled function by EventBridge's own event."""
    event = {
        "version": "0", "id": "0d2d4b1c-5d0f-4a8d-9d5e-4f7f6d2d0001", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "000000000000", "time": "2026-02-16T12:00:00Z",
        "region": "us-east-1", "resources": [], "detail": {},
    }
    for name in ("Reconciler", "ReminderProcessor", "DailyReportSender"):
        done = emulator.client("lambda").invoke(
            FunctionName=known[name]["FunctionName"], Payload=json.dumps(event))
        summary = done["Payload"].read().decode()
        check(f"{name} ran: {summary}", "FunctionError" not in done, summary)


def rights(emulator, known, base):
    """Takes one permission from one function, and gives it back."""
    iam = emulator.client("iam")
    role = known["WhatsAppWebhook"]["Role"].rsplit("/", 1)[1]
    policy = iam.list_role_policies(RoleName=role)["PolicyNames"][0]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    taken = json.loads(json.dumps(document))
    for statement in taken["Statement"]:
        if "dynamodb:GetItem" in statement["Action"]:
            statement["Action"].remove("dynamodb:UpdateItem")

    sent = iter(range(100))

    def answers():
        """What webhook, status webhook and an admin route answer now."""
        number = next(sent)
        instance = {"instanceId": "instance-123", "phone": "5511999990000"}
        message = instance | {
            "type": "ReceivedCallback", "messageId": f"RIGHTS{number}", "text": {"message": "Olá"}}
        status = instance | {"type": "MessageStatusCallback", "ids": [f"UNKNOWN{number}"], "status": "READ"}
        calls = [
            ask(f"{base}/webhook/whatsapp?token={TOKEN}", "POST", message),
            ask(f"{base}/webhook/whatsapp/status?token={TOKEN}", "POST", status),
            ask(f"{base}/clinics?api_key={KEY}"),
        ]
        return [code for code, _ in calls]

    check("a message, a status and a list are answered", (seen := answers()) == [200, 200, 200], seen)
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(taken))
    check("without dynamodb:UpdateItem the webhook alone fails", (seen := answers()) == [503, 200, 200], seen)
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    check("with it, all three again", (seen := answers()) == [200, 200, 200], seen)


def main():
    zapi = ThreadingHTTPServer(("127.0.0.1", 0), Zapi)
    threading.Thread(target=zapi.serve_forever, daemon=True).start()
    for command in ("setup-database", "seed-clinic"):
        subprocess.run(["target/debug/scheduler-local", command], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="scheduler-emulator-") as folder:
        emulator = Emulator(folder)
        try:
            base = deploy(emulator, f"http://127.0.0.1:{zapi.server_port}")
            known = functions(emulator)
            every_route(base)
            subprocess.run([".ci/newman", base, KEY, TOKEN], check=True)
            check(f"{Zapi.sent} messages went to WhatsApp", Zapi.sent > 0)
            every_job(emulator, known)
            rights(emulator, known, base)
        except BaseException:
            with open(emulator.log.name, errors="replace") as log:
                print("".join(log.readlines()[-40:]), file=sys.stderr)
            raise
        finally:
            emulator.stop()


main()
