"""Gateway processes born with everything imported: one loaded process forks, its children run.

A life in the crash tests lasts a second or two, and loading the gateway's modules would take
longer than that. A child is an ordinary process all the same: it runs the command line it was
given, has its own sockets, connections and workers, and dies of SIGKILL like any other. What it
does not show is a death while Python still loads modules, when nothing has been opened yet.

Run as a program this is the process that forks; it takes one request per line (JSON) and answers
each with one line.
"""

import contextlib
import gc
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PAUSE_S = 0.02


class Child:
    """A process that runs one command of the gateway; the part of ``Popen`` the houses need."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code as ``Popen`` gives it, negative for a signal; ``None`` while it runs."""
        if self._code is None:
            self._code = self._nursery.ask(poll=self.pid)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The exit code once there is one; raises ``TimeoutExpired``."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                assert timeout is not None
                raise subprocess.TimeoutExpired(["gateway"], timeout)
            time.sleep(PAUSE_S)
        return code

    def kill(self) -> None:
        """SIGKILL, unless it has ended."""
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM, unless it has ended."""
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        # Until its end was polled the number cannot belong to another process.
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """The loaded process; started with the first child, ended with the process that asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def start(self, command: Sequence[str], environment: dict[str, str], log: Path) -> Child:
        """Run a command of the gateway; its output is added to ``log``."""
        pid = self.ask(command=list(command), environment=environment, log=str(log))
        assert pid is not None
        return Child(self, pid)

    def ask(self, **request: Any) -> int | None:
        """One request, one answer; whichever thread asks."""
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, str(Path(__file__))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            asked, answered = self._process.stdin, self._process.stdout
            assert asked is not None
            assert answered is not None
            asked.write(json.dumps(request) + "\n")
            asked.flush()
            answer = json.loads(answered.readline())
            assert answer is None or isinstance(answer, int)
            return answer


NURSERY = Nursery()


def _fork(request: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(request["environment"])
        # Two lives must not draw the same numbers.
        random.seed()
        from gateway.cli import main

        code = main(request["command"])
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def run() -> None:
    """Answer requests until nobody can ask any more, then take every child along."""
    import gateway.cli
    import gateway.commands.serve  # noqa: F401

    # Looking for garbage would copy every page that parent and child still share.
    gc.collect()
    gc.freeze()
    assert threading.active_count() == 1, "a process with threads must not fork"
    children: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "command" in request:
            answer: int | None = _fork(request)
            assert answer is not None
            children.add(answer)
        else:
            answer = _poll(request["poll"])
            if answer is not None:
                children.discard(request["poll"])
        print(json.dumps(answer), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    run()
