"""A row of the journal: what it holds, and how it is spelled in SQLite."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cftui.fleet.history import OPEN_STAGES, Finding, Stage, Submission
from cftui.fleet.identity import ActionKey, candidates
from cftui.fleet.rows import ActionRow, Phase, Power, VmRow

log = logging.getLogger(__name__)

_ANSWERED_BY_S = 60.0
"""Whoever sends gives up after 30 s; twice that leaves room for a slow disk."""

_INTENT = (
    "token", "origin", "plan_id", "replaces", "vm_id", "vm_name", "type", "url", "body", "intended", "host", "pid",
    "vm_before", "baseline", "newest_before",
)  # fmt: skip
_OUTCOME = (
    "given_up", "stage", "reason", "finding", "message", "status", "started_at", "completed_at", "action_key",
    "is_probable", "is_settled", "is_open",
)  # fmt: skip
COLUMNS = _INTENT + _OUTCOME
"""The first part is written once, the second whenever the request moves on."""

NAMES = ", ".join(COLUMNS)
SELECT = f"SELECT {NAMES} FROM submission"  # noqa: S608
INSERT = f"INSERT INTO submission ({NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
_UPDATE = f"UPDATE submission SET {', '.join(f'{name} = ?' for name in _OUTCOME[:-1])}"  # noqa: S608
_ENDS = "'rejected', 'errored', 'completed', 'verified'"
UPDATE = (
    f"{_UPDATE}, is_open = is_open AND ? WHERE token = ?"
    f" AND (stage NOT IN ({_ENDS}) OR stage = ?2 OR (stage = 'completed' AND ?2 = 'verified'))"
)
"""What does not lock its VM any more never does so again: another request may have been sent since.

What is finished stays finished, also when another program that knows less writes later; `?2` is the new stage.
"""


class Baseline(NamedTuple):
    """What was listed before a POST, so that the look-up can tell what is new."""

    rows: tuple[ActionRow, ...] = ()
    """Actions of this VM and type."""
    newest: float | None = None
    """When the newest listed action of all began, by the cloud's clock: what began before was only not read."""
    is_known: bool = True
    """False where another version wrote it in a way that cannot be read: then no list can tell what is new."""


NOTHING_LISTED = Baseline()
UNKNOWN_BASELINE = Baseline(is_known=False)
_SKEW_S = 60.0


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A journal row: the submission, and what only following and the look-up need."""

    submission: Submission
    origin: str
    url: str
    baseline: Baseline = NOTHING_LISTED
    given_up: float | None = None
    """When the answer of the POST was given up, seconds since 1970; None while waiting, and when one came."""
    host: str = ""
    pid: int = 0

    def candidates(
        self, rows: Iterable[ActionRow], claimed: frozenset[ActionKey] = frozenset()
    ) -> dict[ActionKey, ActionRow]:
        """The listed actions that this POST may have begun: see `fleet.identity.candidates`.

        None where it is not known what was listed before: an old action would be taken for a new one.
        """
        if not self.baseline.is_known:
            return {}
        # What has just begun on another VM may bear a later time than ours will: the clouds' machines differ a little.
        since = None if self.baseline.newest is None else self.baseline.newest - _SKEW_S
        later = [row for row in rows if since is None or row.started is None or row.started >= since]
        submission = self.submission
        return candidates(submission.vm_id, submission.type, later, baseline=self.baseline.rows, claimed=claimed)

    @property
    def is_open(self) -> bool:
        """Whether it keeps other requests to its VM from being sent."""
        submission = self.submission
        return not submission.is_settled and (submission.stage in OPEN_STAGES or submission.stage is Stage.UNKNOWN)

    @property
    def is_own(self) -> bool:
        """Whether this very process wrote it, or is about to."""
        return (self.host or socket.gethostname(), self.pid or os.getpid()) == (socket.gethostname(), os.getpid())

    def is_left_behind(self, now: float) -> bool:
        """Whether nobody waits for its answer any more: its process is gone, or every deadline has passed.

        Args:
            now: Seconds since 1970.
        """
        if self.submission.stage is not Stage.SENDING:
            return False
        if now - self.submission.intended > _ANSWERED_BY_S:
            return True  # also on another machine of a shared home, and when a process id was used again
        return self.host == socket.gethostname() and (self.pid == os.getpid() or not is_alive(self.pid))


def is_alive(pid: int) -> bool:
    """Whether a process of this machine has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def values_of(entry: JournalEntry) -> list[object]:
    """In the order of `COLUMNS`."""
    s, baseline = entry.submission, entry.baseline
    listed = [row._asdict() for row in baseline.rows] if baseline.is_known else None
    return [
        s.token, entry.origin, s.plan_id, s.replaces, s.vm_id, _storable(s.vm_name), s.type, entry.url, s.body,
        s.intended, entry.host or socket.gethostname(), entry.pid or os.getpid(),
        None if s.before is None else json.dumps(s.before._asdict()), json.dumps(listed), baseline.newest,
        *outcome_of(entry),
    ]  # fmt: skip


def outcome_of(entry: JournalEntry) -> list[object]:
    """The second part of `COLUMNS`, for `UPDATE`."""
    s = entry.submission
    return [
        entry.given_up, s.stage.value, s.reason, s.finding.value, _storable(s.message), _storable(s.status),
        _storable(s.started_at), _storable(s.completed_at), None if s.key is None else json.dumps(s.key),
        s.is_probable, s.is_settled, entry.is_open,
    ]  # fmt: skip


def put(connection: sqlite3.Connection, row: Sequence[object], *, is_newer: bool) -> None:
    """Bring a row from elsewhere in, without losing it to another one that is open on its VM.

    Args:
        connection: In a transaction.
        row: In the order of `COLUMNS`.
        is_newer: Whether it says more than a row of the same token that is there.
    """
    token = row[0]
    if connection.execute("SELECT 1 FROM submission WHERE token = ?", (token,)).fetchone():
        if is_newer:
            connection.execute(UPDATE, (*row[len(_INTENT) :], token))
        return
    try:
        connection.execute(INSERT, row)
    except sqlite3.IntegrityError:
        with contextlib.suppress(sqlite3.IntegrityError):  # a damaged row whose values no column takes
            connection.execute(INSERT, (*row[:-1], False))


def entries_of(rows: Iterable[Sequence[Any]]) -> list[JournalEntry]:
    """Those that can be read; one that cannot costs itself, and still keeps its VM from a second request."""
    entries = []
    for row in rows:
        try:
            entries.append(entry_of(row))
        except (ValueError, TypeError) as error:
            log.warning("A row of the journal cannot be read (%s)", type(error).__name__)
    return entries


def entry_of(row: Sequence[Any]) -> JournalEntry:
    """A row in the order of `COLUMNS`.

    Raises:
        ValueError: It holds what no version known here writes.
    """
    got = dict(zip(COLUMNS, row, strict=True))
    return JournalEntry(
        Submission(
            token=got["token"],
            plan_id=got["plan_id"],
            vm_id=got["vm_id"],
            vm_name=got["vm_name"],
            type=got["type"],
            body=got["body"],
            stage=Stage(got["stage"]),
            intended=got["intended"],
            key=None if got["action_key"] is None else ActionKey(*json.loads(got["action_key"])),
            status=got["status"],
            started_at=got["started_at"],
            completed_at=got["completed_at"],
            message=got["message"],
            before=_vm(got["vm_before"]),
            is_probable=bool(got["is_probable"]),
            is_settled=bool(got["is_settled"]),
            reason=got["reason"],
            finding=Finding(got["finding"]),
            replaces=got["replaces"],
        ),
        origin=got["origin"],
        url=got["url"],
        baseline=_baseline(got["baseline"], got["newest_before"]),
        given_up=got["given_up"],
        host=got["host"],
        pid=got["pid"],
    )


def _storable(text: str) -> str:
    """Lone surrogates, which SQLite refuses, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _vm(text: str | None) -> VmRow | None:
    """A VM as it was written down; None where another version wrote it otherwise, so that it proves nothing."""
    try:
        row = VmRow(**json.loads(text or ""))
        return row._replace(power=Power(row.power), snapshot_ids=tuple(row.snapshot_ids))
    except (ValueError, TypeError):
        return None


def _baseline(text: str, newest: float | None) -> Baseline:
    try:
        listed = json.loads(text)
        if not isinstance(listed, list):
            return UNKNOWN_BASELINE
        rows = [ActionRow(**members) for members in listed]
        return Baseline(tuple(row._replace(phase=Phase(row.phase)) for row in rows), newest)
    except (ValueError, TypeError):
        return UNKNOWN_BASELINE
