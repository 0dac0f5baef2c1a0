"""A cftui of its own that sends one request, for tests that kill it: forked from a process that has all imported.

`Senders` starts that process and asks it for one child after the other; `python -m tests.proof.sender URL STATE VM`
is one by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cftui.api.requests import simple, snapshot
from cftui.clock import Clock
from cftui.fleet.rows import ActionType
from cftui.operations import keeping, poller, sending  # noqa: F401 - the engine imports them when it starts
from cftui.operations.engine import Account, Engine
from cftui.operations.journal import read_journal
from cftui.operations.plan import Workflow, make_plan
from cftui.operations.workflows import make_workflow

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Job:
    """What a child does: read the list, reboot one VM, end."""

    url: str
    state: str
    vm_id: str
    dies_with_intent: bool = False
    """Kill itself when it opens the connection for the POST, with the intent on disk."""
    others: tuple[str, ...] = ()
    """More VMs of the same run."""
    workflow: str = ""
    """Lead them through this instead."""


async def reboot(job: Job, tell: Callable[[str], None] = lambda what: None) -> None:
    """Do it, saying where it is: `sending` when the plan is confirmed, `sent` once it has a verdict."""
    if job.dies_with_intent:
        sys.addaudithook(lambda event, _: _die_with_intent(job) if event == "socket.connect" else None)
    account = Account(job.url, "user@example.com", "password")
    engine = Engine(account, state_dir=Path(job.state), clock=Clock(), keeps_fleet=False)
    await engine.start()
    vms = (await engine.first_reading()).view.vms
    chosen = [vms[vm_id] for vm_id in (job.vm_id, *job.others)]
    if job.workflow:
        asked = None if job.workflow in (Workflow.SAFE_OFF, Workflow.ESCALATING_REBOOT) else snapshot("kept")
        plan = make_workflow(Workflow(job.workflow), [(vm, asked) for vm in chosen], base_url=account.base_url)
    else:
        plan = make_plan([(vm, simple(ActionType.REBOOT)) for vm in chosen], base_url=account.base_url)
    tell("sending")
    await engine.execute(plan)
    tell("sent")
    await engine.stop()


def _die_with_intent(job: Job) -> None:
    if read_journal(Path(job.state, "journal.sqlite3")):
        os.kill(os.getpid(), signal.SIGKILL)


class Senders:
    """The process that children are forked from."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.proof.sender"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def start(self, job: Job) -> int:
        """Fork a child; returns its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        self._process.stdin.flush()
        pid: int = self.next()["pid"]
        return pid

    def next(self) -> dict[str, Any]:
        """What is told next: of the child `{"is": "sending"}`, then `{"is": "sent"}`; of its end `{"status": 9}`."""
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def bury(self) -> None:
        """After a child's end: only now may another process get its number, so no more signals to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"null\n")
        self._process.stdin.flush()
        assert self.next() == {"is": "buried"}


def _tell(**what: object) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _serve() -> None:
    pid = 0
    for line in sys.stdin:
        if line == "null\n":
            os.waitpid(pid, 0)
            _tell(**{"is": "buried"})
            continue
        job = Job(**json.loads(line))
        if pid := os.fork():
            _tell(pid=pid)
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            assert ended is not None
            _tell(status=ended.si_status)
            continue
        code = 1
        try:
            asyncio.run(reboot(job, lambda what: _tell(**{"is": what})))
            code = 0
        finally:
            os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:]:
        url, state, vm_id = sys.argv[1:]
        asyncio.run(reboot(Job(url, state, vm_id)))
    else:
        _serve()
