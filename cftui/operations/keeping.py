"""The engine's side of the journal: what it tells at the start, what is written into it, and what cannot be.

The truth about a POST outranks the disk: an outcome that cannot be written is shown all the same, held in memory, and
written as soon as that works again.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from cftui.clock import Clock
from cftui.errors import JournalError
from cftui.fleet.history import Stage, Submission
from cftui.operations.journal import Journal, JournalEntry, read_account
from cftui.operations.run_store import RunStore
from cftui.operations.submit import Feed

T = TypeVar("T")

RETRY_S = 5.0
"""How often what could not be written is tried again."""

_SAID = {Stage.UNKNOWN: "Outcome unknown", Stage.NOT_SENT: "Not sent"}


class Keeping:
    """Keeps the journal of one account.

    Args:
        path: The journal's file.
        origin: Names the account.
        clock: The time.
        follow: Takes over what is still followed.
        feed: Takes every submission as it is to be shown.
        known: The submissions that are shown, by token.
        is_under_way: Whether this program is sending a submission right now.
        changed: Called when `problem` or `gap` may be different.
    """

    def __init__(
        self,
        path: Path,
        origin: str,
        *,
        clock: Clock,
        follow: Callable[[JournalEntry], None],
        feed: Feed,
        known: Callable[[], Mapping[str, Submission]],
        is_under_way: Callable[[str], bool],
        changed: Callable[[], None],
    ) -> None:
        self._path = path
        self._origin = origin
        self._clock = clock
        self._follow = follow
        self._feed = feed
        self._known = known
        self._is_under_way = is_under_way
        self._changed = changed
        self._journal: Journal | None = None
        self._refusal = ""
        self._failure = ""
        self._unwritten: dict[str, JournalEntry] = {}
        self._sent: set[str] = set()
        self._retrying: asyncio.Task[None] | None = None
        self.runs = RunStore(self._within, origin, clock=clock)
        """Runs of several requests."""

    @property
    def problem(self) -> str:
        """Why nothing can be journalled, and so nothing can be sent; empty when all is well."""
        return self._refusal or self._failure

    @property
    def gap(self) -> str:
        """What the journal lost and nobody has acknowledged; empty when nothing."""
        return "" if self._journal is None else self._journal.gap

    @property
    def unrecorded(self) -> tuple[Submission, ...]:
        """What was sent by this program and is not on disk as it stands."""
        return tuple(entry.submission for token, entry in self._unwritten.items() if token in self._sent)

    async def open(self) -> None:
        """Take in what was sent before; a journal that cannot be used is shown as far as it can be read."""
        entries = await self._open()
        if self._journal is None:
            with contextlib.suppress(JournalError, OSError):
                entries = await asyncio.to_thread(read_account, self._path, self._origin)
        for entry in entries:
            await self._adopt(entry)
        if self._journal is not None:
            with contextlib.suppress(JournalError):  # it is only put off
                await self._journal.archive()
        self._changed()

    async def reread(self, *, of_runs: bool = False) -> None:
        """Take in what other programs on this journal sent or left behind; try again to open one that could not be.

        Args:
            of_runs: All that open runs sent, however old.
        """
        before = self.problem, self.gap
        entries = []
        if self._journal is None:
            entries = await self._open()
            for entry in list(self._unwritten.values()):
                await self.keep(entry)
        else:
            with contextlib.suppress(JournalError):  # the next intent will tell
                entries = await self._journal.load(self._origin, of_runs=of_runs)
        known = self._known()
        for entry in entries:
            token = entry.submission.token
            is_news = token not in known or known[token].stage is Stage.SENDING
            if is_news and not self._is_under_way(token):
                await self._adopt(entry)
        if (self.problem, self.gap) != before:
            self._changed()

    async def intend(self, entry: JournalEntry) -> None:
        """As `Journal.intend`.

        Raises:
            JournalError: Nothing may be sent.
        """
        if self._journal is None:
            raise JournalError(self._refusal or "The journal is not open.")
        before = self.gap
        try:
            await self._journal.intend(entry)
        finally:
            if self.gap != before:
                self._changed()
        self._sent.add(entry.submission.token)

    async def keep(self, entry: JournalEntry) -> None:
        """Write down how far an entry has come, and show it, whether or not it could be written."""
        self._unwritten[entry.submission.token] = entry
        failure = await self._write(entry)
        self._feed(submissions=(_shown(entry, failure).submission,))
        if failure:
            self._tell(failure)
            if self._retrying is None:
                self._retrying = asyncio.create_task(self._retry(), name="cftui-unrecorded")

    async def acknowledge_gap(self) -> None:
        """As `Journal.acknowledge_gap`; nothing where there is none.

        Raises:
            JournalError: It could not be written.
        """
        if self._journal is not None and self._journal.gap:
            await self._journal.acknowledge_gap()
            self._changed()

    async def close(self) -> None:
        """Try once more to write what could not be, and close the file."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.gather(self._retrying, return_exceptions=True)
        await asyncio.gather(*map(self._write, list(self._unwritten.values())))
        if self._journal is not None:
            await self._journal.close()

    async def _within(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._journal is None:
            raise JournalError(self._refusal or "The journal is not open.")
        return await self._journal.within(work)

    async def _open(self) -> list[JournalEntry]:
        journal = Journal(self._path, clock=self._clock)
        try:
            await journal.open()
            entries = await journal.load(self._origin, of_runs=True)
        except JournalError as error:
            await journal.close()
            self._refusal = str(error)
            return []
        self._journal = journal
        self._refusal = ""
        return entries

    async def _adopt(self, entry: JournalEntry) -> None:
        if entry.is_left_behind(self._clock.now().timestamp()):
            entry = _left_behind(entry)
            await self.keep(entry)
        self._follow(entry)
        self._feed(submissions=(entry.submission,))

    async def _write(self, entry: JournalEntry) -> str:
        """Write an entry; returns why it could not be, empty when it is written."""
        token = entry.submission.token
        if self._journal is None:
            return ""  # nothing was sent without one, so the next start knows as much as this one did
        try:
            await self._journal.record(entry)
        except JournalError as error:
            return error.message.rstrip(".")
        if self._unwritten.get(token) is entry:
            del self._unwritten[token]
        return ""

    async def _retry(self) -> None:
        while self._unwritten:
            await self._clock.sleep(RETRY_S)
            failures = await asyncio.gather(*map(self._write_again, list(self._unwritten.values())))
            self._tell(next(filter(None, failures), ""))
        self._retrying = None

    async def _write_again(self, entry: JournalEntry) -> str:
        failure = await self._write(entry)
        if not failure and entry.submission.token not in self._unwritten:  # else there is newer news of it
            self._feed(submissions=(entry.submission,))
        return failure

    def _tell(self, failure: str) -> None:
        self._failure = f"Not everything is recorded: {failure}." if failure else ""
        self._changed()


def _shown(entry: JournalEntry, failure: str) -> JournalEntry:
    if not failure:
        return entry
    submission = entry.submission
    said = _SAID.get(submission.stage, submission.stage.value.replace("_", " ").capitalize())
    told = f"{said}, but not recorded: {failure[:1].lower()}{failure[1:]}; tried again every {RETRY_S:.0f} s"
    message = "; ".join(filter(None, (told, submission.message)))
    return replace(entry, submission=replace(submission, message=message))


def _left_behind(entry: JournalEntry) -> JournalEntry:
    """An intent whose process died before it knew the answer: the POST may have left."""
    submission = replace(
        entry.submission,
        stage=Stage.UNKNOWN,
        reason="crash",
        message="cftui ended before the answer came",
    )
    return replace(entry, submission=submission, given_up=entry.given_up or entry.submission.intended)
