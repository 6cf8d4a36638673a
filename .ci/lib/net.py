"""HTTP on this machine: free ports, requests with JSON, waiting for a server, and fake servers."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def free_port():
    """A TCP port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, method="GET", body=None, headers=None, timeout=60):
    """Sends `body` as JSON and returns the status and the parsed body of the answer, errors included."""
    request = urllib.request.Request(url, method=method, headers=headers or {})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, parsed(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, parsed(error.read())


def parsed(body):
    """The value of a JSON body; the text of any other."""
    text = body.decode(errors="replace")
    try:
        return json.loads(text or "null")
    except ValueError:
        return text


def wait_until_healthy(url, process, seconds):
    """Waits until `url` answers 200. Ends the script if the process ends or the time runs out first."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if ask(url, timeout=5)[0] == 200:
                return
        except OSError:
            pass
        if process.poll() is not None:
            raise SystemExit(f"FAILED: {process.args[0]} ended with code {process.returncode} before it was healthy")
        if time.monotonic() > deadline:
            raise SystemExit(f"FAILED: {url} did not answer 200 within {seconds} s")
        time.sleep(0.1)


class FakeServer:
    """An HTTP server on a free port of 127.0.0.1. Every request is answered with what `answer`, called with
    the method and the body, returns: a status and a value, which is sent as JSON. `with_headers` calls it with the
    request's headers too."""

    def __init__(self, answer, content_type="application/json", with_headers=False):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                received = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                more = (self.headers,) if with_headers else ()
                status, value = answer(self.command, received, *more)
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = respond

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
