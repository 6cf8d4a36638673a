"""The local server (scheduler-local): building it, and running it for as long as a `with` block."""

import json
import os
import pathlib
import signal
import subprocess
import time

from lib import ROOT, exit_on_signals, print_tail
from lib.net import ask, free_port, wait_until_healthy

# The key of the local server's API, and the example clinic that it starts with.
API_KEY = "test-api-key"
CLINIC = "laser-beauty-sp"


def built():
    """The program in Cargo's target folder, as the last build left it."""
    program = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/scheduler-local"
    if not program.exists():
        raise SystemExit(f"FAILED: {program} is missing, run cargo build")
    return program


def build():
    """Builds the program and returns its path. The test suite is named only to choose the features that
    `cargo test --workspace` chose: without it Cargo would compile the dependencies a second time."""
    done = subprocess.run(
        ["cargo", "build", "--workspace", "--bin", "scheduler-local", "--test", "suite",
         "--message-format=json-render-diagnostics"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE,
    )
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "scheduler-local":
            return pathlib.Path(message["executable"])
    raise SystemExit("FAILED: cargo built no program scheduler-local")


class LocalServer:
    """A running local server. Its data and log are in `folder`. It gets nothing of this process's environment
    but PATH; only free ports and `settings` are configured."""

    def __init__(self, program, folder, **settings):
        self.program, self.folder = os.path.abspath(program), str(folder)
        self.log = os.path.join(folder, "log")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.folder,
            "PORT": str(port), "DYNAMODB_PORT": str(free_port()), **settings,
        }

    def __enter__(self):
        exit_on_signals()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program], cwd=self.folder, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )
        self.pids = [self.process.pid]
        try:
            wait_until_healthy(f"{self.url}/_local/health", self.process, 120)
            self.pids = descendants(self.process.pid)
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, error_type, *_):
        if error_type is not None:
            print_tail(self.log)
        if self.process.poll() is None:
            self.stop()

    def call(self, method, path, body=None, headers=None):
        """The status and the parsed body of an answer."""
        return ask(self.url + path, method, body, headers)

    def stop(self, how=signal.SIGTERM):
        """Ends the server by a signal and returns the ids of its processes that still run 15 s later."""
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise SystemExit(f"FAILED: scheduler-local did not end within 30 s of signal {int(how)}") from None
        deadline = time.monotonic() + 15
        while (left := [pid for pid in self.pids if is_running(pid)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left


def descendants(pid):
    """The process itself, its children, their children, and so on."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True)
    parents = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found, generation = [], [pid]
    while generation:
        found += generation
        generation = [child for child, parent in parents if parent in generation]
    return found


def is_running(pid):
    """Whether a process exists and is not a zombie."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return listed.stdout.strip()[:1] not in ("", "Z")
