"""What was sent and how it ended, on disk: the intent is committed before the first byte of a POST leaves.

One SQLite file with one writer thread. `journal_mode=TRUNCATE` with `synchronous=FULL` rather than WAL, because
homes of jump hosts often lie on network file systems, where WAL does not work; requests that wait share one
transaction, so that a run of hundreds costs few disk flushes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import socket
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cftui.clock import Clock
from cftui.errors import JournalError
from cftui.fleet.history import Stage
from cftui.operations import journal_file, run_store
from cftui.operations.journal_errors import as_journal_error, is_damage
from cftui.operations.journal_reading import (
    LOAD_LIMIT,
    NEWEST,
    NEWEST_OF_ALL,
    UNSETTLED,
    account_rows,
    gap_of,
    read_account,
    read_journal,
    read_left_runs,
)
from cftui.operations.journal_rows import (
    INSERT,
    NOTHING_LISTED,
    SELECT,
    UPDATE,
    Baseline,
    JournalEntry,
    entry_of,
    outcome_of,
    put,
    values_of,
)
from cftui.text import duration

__all__ = [
    "LOAD_LIMIT",
    "NEWEST",
    "NEWEST_OF_ALL",
    "NOTHING_LISTED",
    "UNSETTLED",
    "AlreadyOpenError",
    "Baseline",
    "Journal",
    "JournalEntry",
    "gap_of",
    "read_account",
    "read_journal",
    "read_left_runs",
]

T = TypeVar("T")

_OPEN = f"{SELECT} WHERE origin = ? AND vm_id = ? AND is_open"

KEPT_DAYS = 90
"""Ended rows older than this are moved to a table of their own."""

_ARCHIVED_AT_ONCE = 2000
"""Some 50 ms."""


class AlreadyOpenError(JournalError):
    """Another request to this VM has no known end yet, from this program or another one on this machine.

    Args:
        message: Which, and since when.
        other: That request.
    """

    def __init__(self, message: str, other: JournalEntry) -> None:
        super().__init__(message, hint="It is being followed; wait for its end.")
        self.other = other


@dataclass(slots=True)
class _Job:
    """Something to be done in one of the writer's transactions."""

    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any]
    entry: JournalEntry | None = None
    """What is on disk once it is done."""
    is_intent: bool = False


class Journal:
    """The journal file of one state folder; safe for several processes at once.

    A file that is replaced, removed or damaged while this is open is begun anew with all rows that this program knows;
    only the intents that met it are refused.

    Args:
        path: The database; it and its folder are made when missing, for the owner only.
        clock: The time.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or Clock()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # What follows belongs to the writer's thread, but for reading `gap`.
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._damaged: tuple[int, int] | None = None
        self._is_marked = False
        self._held: dict[str, JournalEntry] = {}
        self.gap = ""
        """What is known to be missing and nobody acknowledged, as a sentence; while there is one nothing is sent."""

    async def open(self) -> None:
        """Open or make the file.

        Raises:
            JournalError: It cannot be used: not ours, not private, not to be written, busy, or of a newer version.
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
            JournalError: It could not be written, or rows are missing; nothing may be sent.
        """

        def insert(connection: sqlite3.Connection) -> None:
            if self.gap:
                raise JournalError(self.gap)
            run_store.check(connection, entry.submission.plan_id)
            if connection.execute("SELECT 1 FROM ended WHERE token = ?", (entry.submission.token,)).fetchone():
                raise JournalError("This very request was sent before; nothing was sent.")
            try:
                connection.execute(INSERT, values_of(entry))
            except sqlite3.IntegrityError:
                found = connection.execute(_OPEN, (entry.origin, entry.submission.vm_id)).fetchone()
                if found is None:
                    raise
                other = entry_of(found)
                raise AlreadyOpenError(_already_open(other, entry), other) from None

        await self._do(insert, entry, is_intent=True)

    async def record(self, entry: JournalEntry) -> None:
        """Write what became of an intent.

        Raises:
            JournalError: It could not be written.
        """

        def update(connection: sqlite3.Connection) -> None:
            self._held[entry.submission.token] = entry
            if not connection.execute(UPDATE, (*outcome_of(entry), entry.submission.token)).rowcount:
                put(connection, values_of(entry), is_newer=True)

        await self._do(update, entry)

    async def load(self, origin: str, *, of_runs: bool = False) -> list[JournalEntry]:
        """The account's rows, oldest first: all that are unsettled and the newest of the rest.

        Args:
            origin: The account.
            of_runs: With all rows of open runs, however old.

        Raises:
            JournalError: They cannot be read.
        """

        def select(connection: sqlite3.Connection) -> list[JournalEntry]:
            self.gap = journal_file.unacknowledged_gap(connection, self._path)
            entries = account_rows(connection, origin, of_runs=of_runs)
            for entry in entries:
                self._held[entry.submission.token] = entry
            return entries

        return await self._do(select)

    async def archive(self) -> None:
        """Move some of the old ended rows to a table of their own, where they cost no start anything.

        Raises:
            JournalError: They could not be moved.
        """
        before = self._clock.now().timestamp() - KEPT_DAYS * 86_400
        await self._do(lambda connection: journal_file.archive(connection, before=before, at_most=_ARCHIVED_AT_ONCE))

    async def acknowledge_gap(self) -> None:
        """Take note that somebody knows that rows are missing; from now on intents are taken again.

        Raises:
            JournalError: It could not be written.
        """
        now = self._clock.now().timestamp()

        def update(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE gap SET acknowledged = ? WHERE acknowledged IS NULL", (now,))

        await self._do(update)
        self.gap = ""

    async def within(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one of the writer's transactions; twice where the file turns out to be damaged.

        Raises:
            JournalError: It could not be done.
        """
        return await self._do(work)

    async def _do(
        self, work: Callable[[sqlite3.Connection], T], entry: JournalEntry | None = None, *, is_intent: bool = False
    ) -> T:
        if self._thread is None or not self._thread.is_alive():
            raise JournalError("The journal is closed.")
        future: Future[T] = Future()
        self._queue.put(_Job(work, future, entry, is_intent))
        return await asyncio.wrap_future(future)

    # On the writer's thread

    def _write(self, opened: Future[None]) -> None:
        try:
            self._open()
        except JournalError as error:
            opened.set_exception(error)
            return
        opened.set_result(None)
        try:
            while batch := self._next_batch():
                self._carry_out(batch)
        finally:
            self._close()

    def _next_batch(self) -> list[_Job]:
        batch: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return batch
        if batch:
            self._queue.put(None)
        return batch

    def _carry_out(self, batch: list[_Job]) -> None:
        """Do all of them, in one transaction; once more in a new file when this one turns out to be damaged."""
        waiting = [job for job in batch if job.future.set_running_or_notify_cancel()]
        try:
            waiting = self._in_place(waiting)
            try:
                self._commit(waiting)
            except (sqlite3.Error, JournalError) as error:
                if not is_damage(error):
                    raise
                self._damaged = self._identity
                waiting = self._in_place(waiting)
                self._commit(waiting)
        except Exception as error:  # whatever it was, nobody may wait for ever
            for job in waiting:
                if not job.future.done():
                    job.future.set_exception(as_journal_error(error, self._path))

    def _in_place(self, jobs: list[_Job]) -> list[_Job]:
        """Make sure that the file is the one that will be found at the next start.

        Returns:
            The jobs that may be done; intents may not when it was another one.
        """
        found = journal_file.identity(self._path)
        if self._connection is not None and found == self._identity and self._damaged is None:
            return jobs
        what = "was damaged" if self._damaged is not None else "was replaced or removed while running"
        self._close()
        self._open()
        self._damaged = None
        refused = JournalError(
            f"The journal {what}; what is known here was written anew.", hint="Look at it, then try again."
        )
        for job in jobs:
            if job.is_intent:
                job.future.set_exception(refused)
        return [job for job in jobs if not job.is_intent]

    def _open(self) -> None:
        connection = journal_file.open_file(self._path, now=self._clock.now(), damaged=self._damaged)
        self._connection, self._identity = connection, journal_file.identity(self._path)
        self._is_marked = False
        try:
            if self._held:
                connection.execute("BEGIN IMMEDIATE")
                for entry in self._held.values():
                    put(connection, values_of(entry), is_newer=entry.is_own)
                connection.execute("COMMIT")
            self.gap = journal_file.unacknowledged_gap(connection, self._path)
        except sqlite3.Error as error:
            self._close()
            raise as_journal_error(error, self._path) from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _commit(self, jobs: list[_Job]) -> None:
        """Do all in one transaction; what one of them refuses costs only itself."""
        connection = self._connection
        assert connection is not None
        done: list[tuple[_Job, Any, Exception | None]] = []
        try:
            if not self._is_marked and any(job.is_intent for job in jobs):
                journal_file.mark_used(self._path)
                self._is_marked = True
            connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                connection.execute("SAVEPOINT one")
                try:
                    done.append((job, job.work(connection), None))
                except (sqlite3.IntegrityError, JournalError, ValueError) as error:
                    connection.execute("ROLLBACK TO one")
                    done.append((job, None, error))
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        for job, result, failure in done:
            if failure is not None:
                job.future.set_exception(as_journal_error(failure, self._path))
                continue
            if job.entry is not None:
                self._held[job.entry.submission.token] = job.entry
            job.future.set_result(result)


def _already_open(other: JournalEntry, wanted: JournalEntry) -> str:
    sent = other.submission
    outcome = {Stage.SENDING: "its answer is awaited", Stage.UNKNOWN: "outcome unknown"}.get(
        sent.stage, "it is in progress"
    )
    place = "" if other.host == socket.gethostname() else f" on {other.host}"
    who = "cftui" if (other.pid, place) == (os.getpid(), "") else f"another cftui (pid {other.pid}{place})"
    ago = duration(wanted.submission.intended - sent.intended)
    return f"{who} sent {sent.type} to {sent.vm_name!r} {ago} ago ({sent.handle}), {outcome}."
