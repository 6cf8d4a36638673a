"""The table of .ci/functions-table, as Markdown. Times are medians of several starts on this machine."""

import glob
import os
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STARTS = 9
# Megabytes of a binary and of its zip, and milliseconds of own work and to the first poll with TLS.
DATABASE_ALONE, EVERYTHING = (5.0, 2.5, 10, 25), (9.5, 4.5, 20, 40)
WITH_MORE = {
    "create-appointment", "update-appointment", "send-message", "whatsapp-webhook",
    "whatsapp-status-webhook", "reconciler", "reminder-processor", "daily-report-sender",
}


class DynamoDb(BaseHTTPRequestHandler):
    """Finds nothing, at once."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def start(bootstrap, settings):
    """Milliseconds from the process's start to its first poll, and of its own CPU until then."""
    with socket.create_server(("127.0.0.1", 0)) as api:
        api.settimeout(30)
        settings = settings | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.getsockname()[1]}"}
        began = time.perf_counter()
        process = subprocess.Popen(
            [bootstrap], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            connection, _ = api.accept()
            asked = connection.recv(4096)
            took = time.perf_counter() - began
            with open(f"/proc/{process.pid}/schedstat") as spent:
                cpu = int(spent.read().split()[0]) / 1e6
            connection.close()
            if b"/runtime/invocation/next" not in asked:
                raise SystemExit(f"{bootstrap} asked for something else: {asked[:80]}")
        finally:
            process.kill()
            process.wait()
    return took * 1e3, cpu


def main():
    dynamodb = ThreadingHTTPServer(("127.0.0.1", 0), DynamoDb)
    threading.Thread(target=dynamodb.serve_forever, daemon=True).start()
    settings = {name: value for name, value in os.environ.items() if name.startswith("RDS_")} | {
        "CONVERSATION_SESSIONS_TABLE": "sessions", "MESSAGE_EVENTS_TABLE": "events",
        "SCHEDULED_REMINDERS_TABLE": "reminders", "SCHEDULER_API_KEY": "a-key", "WEBHOOK_TOKEN": "a-token",
        "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{dynamodb.server_port}",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "measured", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_VERSION": "1", "ALLOWED_PHONES": "", "ZAPI_BASE_URL": "http://127.0.0.1:9",
    }
    print("| function | binary, MB | bar | zip, MB | bar | own CPU, ms | bar | to first poll, ms | bar |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        zips = sorted(glob.glob("target/lambda/*.zip"))
        for packed in zips:
            name = os.path.basename(packed).removesuffix(".zip")
            with zipfile.ZipFile(packed) as content:
                bootstrap = content.extract("bootstrap", os.path.join(folder, name))
            os.chmod(bootstrap, 0o755)
            starts = [start(bootstrap, settings) for _ in range(STARTS)]
            took, cpu = (statistics.median(column) for column in zip(*starts))
            seen = (os.path.getsize(bootstrap) / 1e6, os.path.getsize(packed) / 1e6, cpu, took)
            bars = EVERYTHING if name in WITH_MORE else DATABASE_ALONE
            over += sum(value > bar for value, bar in zip(seen, bars))
            cells = " | ".join(f"{value:.1f} | {bar}" for value, bar in zip(seen, bars))
            print(f"| {name} | {cells} |", flush=True)
    print(f"\n{len(zips)} functions, {over} figures over their bar")


main()
