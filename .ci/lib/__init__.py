"""Shared code of the Python scripts in .ci: where the repository is, checks, and a clean end on signals."""

import pathlib
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def require(what, holds, seen=""):
    """Ends the script with an error unless the statement `what` holds."""
    if not holds:
        raise SystemExit(f"FAILED: {what}; seen: {seen}" if seen != "" else f"FAILED: {what}")


def equal(what, seen, wanted):
    """Ends the script with an error unless both are equal."""
    require(what, seen == wanted, f"{seen}, expected {wanted}")


def check(what, holds, seen=""):
    """Like `require`, and prints the statement when it holds."""
    require(what, holds, seen)
    print(f"  {what}", flush=True)


def exit_on_signals():
    """Turns SIGTERM and SIGHUP into SystemExit, so that `with` and `finally` still stop what was started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # `nohup` ignores SIGHUP; that stays so.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))


def print_tail(path, lines=60):
    """Prints the last lines of a log to stderr."""
    with open(path, errors="replace") as log:
        print("".join(log.readlines()[-lines:]), file=sys.stderr)
