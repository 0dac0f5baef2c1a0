"""What was sent and how it ended, on disk: the intent is committed before the first byte of a POST leaves.

One SQLite file with one writer thread. `journal_mode=TRUNCATE` with `synchronous=FULL` rather than WAL, because
homes of jump hosts often lie on network file systems, where WAL does not work; requests that wait share one
transaction, so that a run of hundreds costs few disk flushes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import queue
import socket
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cftui.errors import JournalError
from cftui.fleet.history import OPEN_STAGES, Finding, Stage, Submission
from cftui.fleet.identity import ActionKey, candidates
from cftui.fleet.rows import ActionRow, Phase, Power, VmRow

log = logging.getLogger(__name__)

T = TypeVar("T")

SCHEMA_VERSION = 1
_ANSWERED_BY_S = 60.0
"""Whoever sends gives up after 30 s; twice that leaves room for a slow disk."""

_LOAD_LIMIT = 500
"""Ended rows handed to the fleet at start; older ones stay in the file for `cftui journal`."""

_SCHEMA = """
CREATE TABLE submission (
    token TEXT PRIMARY KEY, origin TEXT NOT NULL, plan_id TEXT NOT NULL, replaces TEXT NOT NULL,
    vm_id TEXT NOT NULL, vm_name TEXT NOT NULL, type TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL,
    intended REAL NOT NULL, given_up REAL, host TEXT NOT NULL, pid INTEGER NOT NULL,
    stage TEXT NOT NULL, reason TEXT NOT NULL, finding TEXT NOT NULL, message TEXT NOT NULL, status TEXT NOT NULL,
    started_at TEXT NOT NULL, completed_at TEXT NOT NULL, action_key TEXT, vm_before TEXT,
    baseline TEXT NOT NULL, newest_before REAL,
    is_probable INTEGER NOT NULL, is_settled INTEGER NOT NULL, is_open INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_open_per_vm ON submission (origin, vm_id) WHERE is_open;
CREATE INDEX by_time ON submission (origin, intended);
"""

_COLUMNS = (
    "token", "origin", "plan_id", "replaces", "vm_id", "vm_name", "type", "url", "body", "intended",
    "given_up", "host", "pid", "stage", "reason", "finding", "message", "status", "started_at", "completed_at",
    "action_key", "vm_before", "baseline", "newest_before", "is_probable", "is_settled", "is_open",
)  # fmt: skip
_INSERT = f"INSERT INTO submission ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_UPDATE = f"UPDATE submission SET {', '.join(f'{c} = ?' for c in _COLUMNS[10:])} WHERE token = ?"  # noqa: S608
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM submission"  # noqa: S608


class AlreadyOpenError(JournalError):
    """Another request to this VM has no known end yet, from this program or another one on this machine.

    Args:
        message: Which, and since when.
        other: That request.
    """

    def __init__(self, message: str, other: JournalEntry) -> None:
        super().__init__(message, hint="It is being followed; wait for its end.")
        self.other = other


class Baseline(NamedTuple):
    """What was listed before a POST, so that the look-up can tell what is new."""

    rows: tuple[ActionRow, ...] = ()
    """Actions of this VM and type."""
    newest: float | None = None
    """When the newest listed action of all began, by the cloud's clock: what began before was only not read."""


NOTHING_LISTED = Baseline()


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A journal row: the submission, and what only following and the look-up need."""

    submission: Submission
    origin: str
    url: str
    baseline: Baseline = NOTHING_LISTED
    replaces: str = ""
    given_up: float | None = None
    """When the answer of the POST was given up, seconds since 1970; None while waiting, and when one came."""
    host: str = ""
    pid: int = 0

    def candidates(
        self, rows: Iterable[ActionRow], claimed: frozenset[ActionKey] = frozenset()
    ) -> dict[ActionKey, ActionRow]:
        """The listed actions that this POST may have begun: see `fleet.identity.candidates`."""
        newest = self.baseline.newest
        later = [row for row in rows if newest is None or row.started is None or row.started >= newest]
        submission = self.submission
        return candidates(submission.vm_id, submission.type, later, baseline=self.baseline.rows, claimed=claimed)

    @property
    def is_open(self) -> bool:
        """Whether it keeps other requests to its VM from being sent."""
        submission = self.submission
        return not submission.is_settled and (submission.stage in OPEN_STAGES or submission.stage is Stage.UNKNOWN)

    def is_left_behind(self, now: float) -> bool:
        """Whether nobody waits for its answer any more: its process is gone, or every deadline has passed.

        Args:
            now: Seconds since 1970.
        """
        if self.submission.stage is not Stage.SENDING:
            return False
        if now - self.submission.intended > _ANSWERED_BY_S:
            return True  # also on another machine of a shared home, and when a process id was used again
        return self.host == socket.gethostname() and (self.pid == os.getpid() or not _is_alive(self.pid))


class Journal:
    """The journal file of one state folder; safe for several processes at once.

    Args:
        path: The database; it and its folder are made when missing, for the owner only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[tuple[Callable[[sqlite3.Connection], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._inode: tuple[int, int] | None = None

    async def open(self) -> None:
        """Open or make the file.

        Raises:
            JournalError: It cannot be used: not ours, not private, corrupt, or of a newer version.
        """
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._write, args=(opened,), name="cftui-journal", daemon=True)
        self._thread.start()
        await asyncio.wrap_future(opened)

    async def close(self) -> None:
        """Write what waits and close the file."""
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    async def intend(self, entry: JournalEntry) -> None:
        """Put an intent on disk; when this returns, the POST may leave.

        Raises:
            AlreadyOpenError: This VM has a request without a known end.
            JournalError: It could not be written; nothing may be sent.
        """

        def insert(connection: sqlite3.Connection) -> None:
            self._check_in_place()
            try:
                connection.execute(_INSERT, _values(entry))
            except sqlite3.IntegrityError:
                where = " WHERE origin = ? AND vm_id = ? AND is_open"
                found = connection.execute(_SELECT + where, (entry.origin, entry.submission.vm_id)).fetchone()
                if found is None:
                    raise
                other = _entry(found)
                raise AlreadyOpenError(_already_open(other), other) from None

        await self._do(insert)

    async def record(self, entry: JournalEntry) -> None:
        """Write what became of an intent.

        Raises:
            JournalError: It could not be written.
        """
        values = _values(entry)[10:]
        await self._do(lambda connection: connection.execute(_UPDATE, (*values, entry.submission.token)))

    async def load(self, origin: str) -> list[JournalEntry]:
        """The account's rows, oldest first: all that are unsettled and the newest of the rest."""

        def select(connection: sqlite3.Connection) -> list[JournalEntry]:
            where = " WHERE origin = ? AND (NOT is_settled OR token IN (SELECT token FROM submission"
            newest = " WHERE origin = ? ORDER BY intended DESC LIMIT ?)) ORDER BY intended"
            rows = connection.execute(_SELECT + where + newest, (origin, origin, _LOAD_LIMIT))
            return _entries(rows)

        return await self._do(select)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        future: Future[T] = Future()
        if self._thread is None or not self._thread.is_alive():
            raise JournalError("The journal is closed.")
        self._queue.put((work, future))
        return await asyncio.wrap_future(future)

    def _write(self, opened: Future[None]) -> None:
        try:
            connection = self._connect()
        except (OSError, sqlite3.Error, JournalError) as error:
            opened.set_exception(_as_journal_error(error, self._path))
            return
        opened.set_result(None)
        with contextlib.closing(connection):
            while batch := self._next_batch():
                self._commit(connection, batch)

    def _next_batch(self) -> list[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]]:
        batch = []
        first = self._queue.get()
        while first is not None:
            batch.append(first)
            try:
                first = self._queue.get_nowait()
            except queue.Empty:
                return batch
        if batch:
            self._queue.put(None)
        return batch

    def _commit(
        self, connection: sqlite3.Connection, batch: list[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]]
    ) -> None:
        results: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                if not future.set_running_or_notify_cancel():
                    continue
                connection.execute("SAVEPOINT one")
                try:
                    results.append((future, work(connection), None))
                except (sqlite3.IntegrityError, JournalError) as error:
                    connection.execute("ROLLBACK TO one")
                    results.append((future, None, error))
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except Exception as error:  # whatever it was, nobody may wait for ever
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            results = [(future, None, error) for _, future in batch if not future.done()]
        for future, result, failure in results:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(_as_journal_error(failure, self._path))

    def _connect(self) -> sqlite3.Connection:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        _check_private(folder, 0o700)
        _check_private(self._path, 0o600)
        found = self._path.stat()
        self._inode = (found.st_dev, found.st_ino)
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        connection.execute("PRAGMA synchronous=FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            connection.close()
            raise JournalError(
                f"The journal {str(self._path)!r} was written by a newer cftui: "
                f"its format is {version}, this one reads {SCHEMA_VERSION}.",
                hint="Update this cftui; nothing was changed.",
            )
        if version == 0:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            connection.execute("COMMIT")
        return connection

    def _check_in_place(self) -> None:
        """Refuse to write an intent into a file that nobody will find at the next start."""
        try:
            found = self._path.stat()
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._inode:
            raise JournalError("The journal was replaced or removed while running.", hint="Start cftui again.")


def read_journal(path: Path, *, limit: int = 1000) -> list[JournalEntry]:
    """The newest rows of all accounts, newest first, without changing or making anything.

    Empty when there is no journal.

    Raises:
        JournalError: The file cannot be read.
    """
    if not path.exists():
        return []
    _check_private(path, 0o600)
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
            return _entries(connection.execute(_SELECT + " ORDER BY intended DESC LIMIT ?", (limit,)))
    except sqlite3.Error as error:
        raise _as_journal_error(error, path) from error


def _check_private(path: Path, mode: int) -> None:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
        raise JournalError(f"{str(path)!r} is a link or not an ordinary file; the journal is not used through it.")
    if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
        raise JournalError(f"{str(path)!r} has another name elsewhere (a hard link); it is not used.")
    if found.st_uid != os.geteuid():
        raise JournalError(f"{str(path)!r} belongs to another user; nothing was sent.")
    if stat.S_IMODE(found.st_mode) & ~mode:
        raise JournalError(f"{str(path)!r} can be read by others.", hint=f"chmod {mode:o} {str(path)!r}")


def _as_journal_error(error: BaseException, path: Path) -> JournalError:
    if isinstance(error, JournalError):
        return error
    text = str(error)
    if "locked" in text:
        return JournalError("The journal is busy: another program holds it.", hint="Try again in a moment.")
    if "full" in text or "disk I/O" in text:
        return JournalError(f"The journal cannot be written ({text}).", hint="Free some space on the disk.")
    return JournalError(f"The journal {str(path)!r} cannot be used: {text}.")


def _already_open(other: JournalEntry) -> str:
    sent = other.submission
    outcome = {Stage.SENDING: "its answer is awaited", Stage.UNKNOWN: "its outcome is unknown"}.get(
        sent.stage, "it is in progress"
    )
    elsewhere = "another cftui" if (other.host, other.pid) != (socket.gethostname(), os.getpid()) else "cftui"
    return f"{elsewhere} already sent {sent.type} to {sent.vm_name!r} ({sent.handle}); {outcome}."


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _values(entry: JournalEntry) -> Sequence[object]:
    s = entry.submission
    return [
        s.token, entry.origin, s.plan_id, entry.replaces, s.vm_id, _storable(s.vm_name), s.type, entry.url, s.body,
        s.intended, entry.given_up, entry.host or socket.gethostname(), entry.pid or os.getpid(), s.stage.value,
        s.reason, s.finding.value, _storable(s.message), _storable(s.status), _storable(s.started_at),
        _storable(s.completed_at), None if s.key is None else json.dumps(s.key),
        None if s.before is None else json.dumps(s.before._asdict()),
        json.dumps([row._asdict() for row in entry.baseline.rows]), entry.baseline.newest, s.is_probable, s.is_settled,
        entry.is_open,
    ]  # fmt: skip


def _storable(text: str) -> str:
    """Lone surrogates, which SQLite refuses, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _entries(rows: Iterable[Sequence[Any]]) -> list[JournalEntry]:
    """Those that can be read; one that cannot costs itself, and still keeps its VM from a second request."""
    entries = []
    for row in rows:
        try:
            entries.append(_entry(row))
        except (ValueError, TypeError) as error:
            log.warning("A row of the journal cannot be read (%s)", type(error).__name__)
    return entries


def _entry(row: Sequence[Any]) -> JournalEntry:
    values: Iterator[Any] = iter(row)
    got = dict(zip(_COLUMNS, values, strict=True))
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
        ),
        origin=got["origin"],
        url=got["url"],
        baseline=Baseline(_actions(got["baseline"]), got["newest_before"]),
        replaces=got["replaces"],
        given_up=got["given_up"],
        host=got["host"],
        pid=got["pid"],
    )


def _vm(text: str | None) -> VmRow | None:
    """A VM as it was written down; None where another version wrote it otherwise, so that it proves nothing."""
    try:
        row = VmRow(**json.loads(text or ""))
        return row._replace(power=Power(row.power), snapshot_ids=tuple(row.snapshot_ids))
    except (ValueError, TypeError):
        return None


def _actions(text: str) -> tuple[ActionRow, ...]:
    try:
        rows = [ActionRow(**members) for members in json.loads(text)]
        return tuple(row._replace(phase=Phase(row.phase)) for row in rows)
    except (ValueError, TypeError):
        return ()
