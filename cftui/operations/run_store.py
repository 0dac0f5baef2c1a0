"""Confirmed runs on disk: there before their first request, so that a program which ends leaves nobody guessing.

A run that its program did not bring to an end stays *open*. What became of each of its requests stands in the rows of
their tokens; what has no row was never begun.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, TypeVar

from cftui.api.requests import from_body
from cftui.clock import Clock
from cftui.errors import JournalError, UsageError
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.journal_rows import SELECT, is_alive
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Role, Skipped, Step, Workflow

log = logging.getLogger(__name__)

T = TypeVar("T", covariant=True)

BEAT_S = 60.0
"""How often a program says that it still carries out its runs."""

_SILENT_S = 10 * BEAT_S
"""Whoever said nothing for so long carries out nothing any more, on whatever machine; should it come back, it finds
that the run is another's."""

_NAMES = "id, origin, content, confirmed, host, pid, seen"
_OPEN = f"SELECT {_NAMES} FROM run WHERE origin = ? AND state = 'open' ORDER BY confirmed"  # noqa: S608
_TOKENS_AT_ONCE = 500
"""Variables in one statement; SQLite has taken at least 999 ever since."""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run as the journal keeps it."""

    plan: Plan
    order: Order
    origin: str
    confirmed_at: float
    """Seconds since 1970."""
    host: str = ""
    pid: int = 0
    seen: float = 0.0
    """When its program last said that it carries it out, seconds since 1970."""

    def is_left_behind(self, now: float) -> bool:
        """Whether nobody carries it out any more.

        Args:
            now: Seconds since 1970.
        """
        if now - self.seen > _SILENT_S:
            return True
        return self.host == socket.gethostname() and (self.pid == os.getpid() or not is_alive(self.pid))


class Within(Protocol):
    """How something is done in a transaction of the journal."""

    def __call__(self, work: Callable[[sqlite3.Connection], T], /) -> Awaitable[T]:
        """Do it.

        Raises:
            JournalError: It could not be done.
        """


class RunStore:
    """Keeps the runs of one account.

    Args:
        within: Does something in a transaction of the journal.
        origin: Names the account.
        clock: The time.
    """

    def __init__(self, within: Within, origin: str, *, clock: Clock) -> None:
        self._within = within
        self._origin = origin
        self._clock = clock
        self._held: set[str] = set()
        """Ids of what this program carries out."""

    async def begin(self, plan: Plan, order: Order, confirmed_at: float) -> None:
        """Put a run on disk; when this returns, its first request may leave.

        Raises:
            JournalError: It could not be written; nothing may be sent.
        """
        run = self._own(KeptRun(plan, order, self._origin, confirmed_at))
        await self._within(lambda connection: _put(connection, run))
        self._held.add(plan.id)

    async def take_over(self, run: KeptRun, order: Order) -> None:
        """Go on with a run that was left behind.

        Raises:
            UsageError: Somebody else did so first, or it is over.
            JournalError: It could not be written; nothing may be sent.
        """
        mine = self._own(replace(run, order=order))

        def claim(connection: sqlite3.Connection) -> bool:
            where = "id = ? AND state = 'open' AND host = ? AND pid = ? AND seen = ?"
            is_free = connection.execute(
                f"SELECT 1 FROM run WHERE {where}",  # noqa: S608
                (run.plan.id, run.host, run.pid, run.seen),
            ).fetchone()
            if is_free:
                _put(connection, mine)
            return bool(is_free)

        if not await self._within(claim):
            raise UsageError("This run is over, or another cftui goes on with it.", hint="Nothing was sent from here.")
        self._held.add(run.plan.id)

    async def end(self, run_id: str, state: str, message: str = "") -> None:
        """Note that nothing more of it is to be sent. Where that cannot be written, it is only offered once more.

        Args:
            run_id: Which.
            state: `ended`, `aborted`, or `dismissed` for one that was left as it was.
            message: Why.
        """

        def update(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE run SET state = ?, message = ? WHERE id = ? AND state = 'open'", (state, message, run_id)
            )

        self._held.discard(run_id)
        with contextlib.suppress(JournalError):
            await self._within(update)

    async def say_alive(self) -> None:
        """Tell other programs that the runs of this one are still carried out."""
        now = self._clock.now().timestamp()
        held = [(now, run_id) for run_id in self._held]
        if not held:
            return
        with contextlib.suppress(JournalError):
            await self._within(lambda connection: _touch(connection, held))

    async def left_behind(self) -> list[KeptRun]:
        """Open runs that nobody carries out, oldest first.

        Raises:
            JournalError: They cannot be read.
        """
        now = self._clock.now().timestamp()
        found = await self._within(lambda connection: _open_runs(connection, self._origin))
        return [run for run in found if run.plan.id not in self._held and run.is_left_behind(now)]

    def _own(self, run: KeptRun) -> KeptRun:
        return replace(run, host=socket.gethostname(), pid=os.getpid(), seen=self._clock.now().timestamp())


def check(connection: sqlite3.Connection, run_id: str) -> None:
    """Whether a request of this run may be sent from here; one that is of no run may.

    Raises:
        JournalError: The run is over, or another program goes on with it.
    """
    found = connection.execute("SELECT host, pid, state FROM run WHERE id = ?", (run_id,)).fetchone()
    if found is None:
        return
    host, pid, state = found
    if state != "open":
        raise JournalError("The run is over: nothing more of it is sent.")
    if (host, pid) != (socket.gethostname(), os.getpid()):
        raise JournalError(f"Another cftui (pid {pid} on {host}) goes on with this run.")


def left_runs(connection: sqlite3.Connection, *, now: float) -> list[tuple[KeptRun, int]]:
    """Open runs of all accounts that nobody carries out, oldest first, each with how many of its VMs have not begun.

    Args:
        connection: May be one that only reads, of whatever version.
        now: Seconds since 1970.
    """
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'run'").fetchone():
        return []
    found = []
    for (origin,) in connection.execute("SELECT DISTINCT origin FROM run WHERE state = 'open'").fetchall():
        for run in _open_runs(connection, origin):
            if run.is_left_behind(now):
                begun = connection.execute(
                    "SELECT DISTINCT vm_id FROM submission WHERE origin = ? AND plan_id = ?", (origin, run.plan.id)
                )
                vms = {step.vm.id for step in run.plan.steps}
                found.append((run, len(vms.difference(vm_id for (vm_id,) in begun))))
    return sorted(found, key=lambda one: one[0].confirmed_at)


def rows_of_open_runs(connection: sqlite3.Connection, origin: str) -> Iterator[Sequence[Any]]:
    """The journal's rows of all requests of open runs, however old."""
    for run in _open_runs(connection, origin):
        tokens = [step.token for step in run.plan.steps]
        for at in range(0, len(tokens), _TOKENS_AT_ONCE):
            some = tokens[at : at + _TOKENS_AT_ONCE]
            yield from connection.execute(f"{SELECT} WHERE token IN ({', '.join('?' * len(some))})", some)


def forget(connection: sqlite3.Connection, *, before: float) -> None:
    """Drop runs that were confirmed before this, in seconds since 1970: with the rows of what they sent."""
    connection.execute("DELETE FROM run WHERE confirmed < ?", (before,))


def _put(connection: sqlite3.Connection, run: KeptRun) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO run ({_NAMES}, state, message) VALUES (?, ?, ?, ?, ?, ?, ?, 'open', '')",  # noqa: S608
        (run.plan.id, run.origin, _content(run), run.confirmed_at, run.host, run.pid, run.seen),
    )


def _touch(connection: sqlite3.Connection, held: Iterable[tuple[float, str]]) -> None:
    mine = "id = ? AND host = ? AND pid = ?"
    for now, run_id in held:
        connection.execute(
            f"UPDATE run SET seen = ? WHERE {mine}",  # noqa: S608
            (now, run_id, socket.gethostname(), os.getpid()),
        )


def _open_runs(connection: sqlite3.Connection, origin: str) -> list[KeptRun]:
    runs = []
    for row in connection.execute(_OPEN, (origin,)):
        try:
            runs.append(_run(row))
        except (ValueError, TypeError, LookupError) as error:  # of another version; its requests have rows all the same
            log.warning("A run of the journal cannot be read (%s)", type(error).__name__)
    return runs


def _content(run: KeptRun) -> str:
    """As JSON; each VM once, with its steps behind it."""
    plan = run.plan
    vms: dict[str, dict[str, Any]] = {}
    for step in plan.steps:
        kept = vms.setdefault(step.vm.id, {"vm": step.vm._asdict(), "steps": []})
        kept["steps"].append([step.role.value, step.token, step.url, step.body])
    return json.dumps(
        {
            "type": plan.type.value,
            "workflow": plan.workflow.value,
            "order": asdict(run.order),
            "targets": list(vms.values()),
            "skipped": [[one.vm._asdict(), one.reason] for one in plan.skipped],
        }
    )


def _run(row: Sequence[Any]) -> KeptRun:
    """A row in the order of `_NAMES`.

    Raises:
        ValueError, TypeError, LookupError: It holds what no version known here writes.
    """
    run_id, origin, content, confirmed, host, pid, seen = row
    got = json.loads(content)
    steps = tuple(
        Step(vm, from_body(body), url, token, role=Role(role))
        for target in got["targets"]
        for vm in [_vm(target["vm"])]
        for role, token, url, body in target["steps"]
    )
    skipped = tuple(Skipped(_vm(vm), reason) for vm, reason in got["skipped"])
    plan = Plan(run_id, ActionType(got["type"]), steps, skipped, workflow=Workflow(got["workflow"]))
    return KeptRun(plan, Order(**got["order"]), origin, confirmed, host, pid, seen)


def _vm(members: dict[str, Any]) -> VmRow:
    row = VmRow(**members)
    return row._replace(power=Power(row.power), snapshot_ids=tuple(row.snapshot_ids))
