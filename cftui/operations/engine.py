"""The one door to everything that happens: start, stop, subscribe, execute.

Runs on any loop: in the cockpit on a thread of its own (`engine_thread.py`), so that neither a dead terminal nor a
heavy repaint stops polling or a half-done plan; in the CLI and in most tests on the caller's loop. What needs httpx
or sqlite3 is imported at `start`, so that a first paint waits for neither.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cftui.clock import Clock
from cftui.errors import JournalError, ReadOnlyError, UsageError
from cftui.fleet import rules
from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import Change, Fleet, Reading, View
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import ActionRow, VmRow
from cftui.operations import memory
from cftui.operations.state import Link, PollLimits, Update
from cftui.operations.subscription import Subscribers, Subscription

if TYPE_CHECKING:
    import ssl

    from cftui.api.client import CloudClient, CloudReader
    from cftui.api.models import VM
    from cftui.operations.journal import Journal, JournalEntry
    from cftui.operations.plan import Plan
    from cftui.operations.poller import Poller
    from cftui.operations.sending import Sending

_SAVE_EVERY_S = 60.0
_GRACE_S = 2.0
"""How long a stop waits for the answers of requests under way; what is left is looked up at the next start."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose VMs, where, and how to ask; what a profile becomes once its secret is known."""

    base_url: str
    """Origin and base path, without a slash at the end."""
    email: str
    password: str = field(repr=False)
    profile: str = ""
    is_read_only: bool = False
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    proxy: str = field(default="", repr=False)

    @property
    def origin(self) -> str:
        """Names this account in readings and in the journal: base URL and e-mail, no secret."""
        return f"{self.base_url}|{self.email}"


class Engine:
    """Owns the clients, the journal, the fleet and the poller of one account.

    Args:
        account: Whose VMs.
        state_dir: Where the journal and the last known fleet lie; made when missing.
        clock: The time.
        poll: Intervals.
        keeps_fleet: Whether the last known fleet is kept for the next start.

    All methods belong to the loop it was started on, except `subscribe` and `Subscription.take`.
    """

    def __init__(
        self,
        account: Account,
        *,
        state_dir: Path,
        clock: Clock | None = None,
        poll: PollLimits | None = None,
        keeps_fleet: bool = True,
    ) -> None:
        self.subscribers = Subscribers()
        self._account = account
        self._state_dir = state_dir
        self._clock = clock or Clock()
        self._limits = poll or PollLimits()
        self._keeps_fleet = keeps_fleet
        self._fleet = Fleet(account.origin)
        self._estimates = Estimates.EMPTY
        self._link = Link(since=self._clock.monotonic(), poll_interval_s=self._limits.idle_s)
        self._journal_problem = ""
        self._sequence = 0
        self._saved_at = 0.0
        self._moved = asyncio.Event()
        self._sending: Sending | None = None
        self._reader: CloudReader | None = None
        self._journal: Journal | None = None
        self._poller: Poller | None = None
        self._polling: asyncio.Task[None] | None = None
        self._remember()

    # What is known

    @property
    def update(self) -> Update:
        """What is known now, with an empty change."""
        return Update(
            Change(),
            self._fleet.view,
            self._link,
            self._estimates,
            self._account.is_read_only,
            self._journal_problem,
            self._sending.unsent if self._sending is not None else 0,
        )

    @property
    def view(self) -> View:
        """The fleet as known now."""
        return self._fleet.view

    def subscribe(self, wake: Callable[[], None] = lambda: None) -> Subscription:
        """Follow the changes.

        Args:
            wake: Called on the engine's thread once for each batch of changes until `take` is called; keep it tiny.
        """
        return self.subscribers.add(wake, lambda: self.update)

    # Life

    async def start(self) -> None:
        """Load the journal, then begin polling in a task; does not wait for the network."""
        from cftui.operations.poller import Poller
        from cftui.operations.sending import Sending

        self._reader = self._make_reader()
        self._poller = Poller(self._reader, self, clock=self._clock, limits=self._limits)
        await self._open_journal()
        self._sending = Sending(
            self,
            self._journal,
            journal_problem=self._journal_problem,
            clock=self._clock,
            origin=self._account.origin,
            follow=self._poller.follow,
            known=self._poller.entry,
            refused=self._poller.refused,
        )
        self._polling = asyncio.create_task(self._poller.run(), name="cftui-poller")

    async def stop(self) -> None:
        """End polling, give requests under way a moment for their answers, close connections and the journal."""
        if self._sending is not None:
            await self._sending.stop(_GRACE_S)
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        self._save()
        if self._reader is not None:
            await self._reader.close()
        if self._journal is not None:
            await self._journal.close()

    async def _open_journal(self) -> None:
        from cftui.operations.journal import Journal

        journal = Journal(self._state_dir / "journal.sqlite3")
        try:
            await journal.open()
            entries = await journal.load(self._account.origin)
        except JournalError as error:
            self._journal_problem = str(error)
            await journal.close()
            self._wake(Change())
            return
        self._journal = journal
        for entry in entries:
            await self._adopt(entry)

    async def reread_journal(self) -> None:
        """Take in what another program on this journal sent, and what it left behind when it died."""
        if self._journal is None or self._sending is None:
            return
        known = self.view.submissions
        with contextlib.suppress(JournalError):  # the next intent will tell
            for entry in await self._journal.load(self._account.origin):
                token = entry.submission.token
                is_news = token not in known or known[token].stage is Stage.SENDING
                if is_news and not self._sending.is_under_way(token):
                    await self._adopt(entry)

    async def _adopt(self, entry: JournalEntry) -> None:
        assert self._poller is not None
        assert self._journal is not None
        if entry.is_left_behind(self._clock.now().timestamp()):
            entry = self._left_behind(entry)
            with contextlib.suppress(JournalError):
                await self._journal.record(entry)
        self._poller.follow(entry)
        self.feed(submissions=(entry.submission,))

    def _left_behind(self, entry: JournalEntry) -> JournalEntry:
        """An intent whose process died before it knew the answer: the POST may have left."""
        submission = replace(
            entry.submission,
            stage=Stage.UNKNOWN,
            reason="crash",
            message="cftui ended before the answer came",
        )
        return replace(entry, submission=submission, given_up=entry.given_up or entry.submission.intended)

    def _make_reader(self) -> CloudReader:
        from cftui.api.client import CloudClient, CloudReader

        account = self._account
        make = CloudReader if account.is_read_only else CloudClient
        return make(
            account.base_url,
            account.email,
            account.password,
            clock=self._clock,
            ssl_context=account.ssl_context,
            proxy=account.proxy,
        )

    # What comes in

    def next_sequence(self) -> int:
        """A sequence number for a read that begins now."""
        self._sequence += 1
        return self._sequence

    def feed(
        self,
        *,
        vms: tuple[VmRow, ...] = (),
        gone_ids: frozenset[str] = frozenset(),
        actions: tuple[ActionRow, ...] | None = None,
        submissions: tuple[Submission, ...] = (),
        is_whole_fleet: bool = False,
        is_whole_history: bool = False,
        sequence: int | None = None,
        took_s: float = 0.0,
    ) -> None:
        """Apply one reading and wake whoever watches. Without a sequence number it is news of this moment."""
        reading = Reading(
            sequence=sequence if sequence is not None else self.next_sequence(),
            origin=self._account.origin,
            at=self._clock.monotonic(),
            took_s=took_s,
            vms=vms,
            gone_ids=gone_ids,
            is_whole_fleet=is_whole_fleet,
            actions=actions,
            is_whole_history=is_whole_history,
            submissions=submissions,
        )
        with self.subscribers.lock:
            change = self._fleet.apply(reading)
            if actions:
                self._estimates = self._estimates.learned(actions)
        self._wake(change)
        if is_whole_fleet and reading.at - self._saved_at > _SAVE_EVERY_S:
            self._save()

    def tell(self, link: Link) -> None:
        """The state of the conversation is different."""
        if link.last_known_at is None and self._link.last_known_at is not None and self._fleet.view.read_at is None:
            link = replace(link, last_known_at=self._link.last_known_at)
        with self.subscribers.lock:
            self._link = link
        self._wake(Change())

    async def keep(self, entry: JournalEntry) -> None:
        """An entry that is followed moved on: write it down and show it."""
        if self._journal is not None:
            with contextlib.suppress(JournalError):  # shown all the same; the next start looks it up again
                await self._journal.record(entry)
        self.feed(submissions=(entry.submission,))

    def _wake(self, change: Change) -> None:
        self.subscribers.tell(change)
        self._moved.set()

    # What is asked for

    async def first_reading(self) -> Update:
        """Wait until the whole list was read once.

        Raises:
            CloudError: It could not be.
        """
        assert self._poller is not None, "started"
        while self._fleet.view.read_at is None or not self._poller.rounds:
            if self._poller.rounds and self._poller.last_error is not None:
                raise self._poller.last_error
            await self._next_move()
        return self.update

    async def execute(self, plan: Plan, *, max_parallel: int = 4, stop_on_error: bool = False) -> list[Submission]:
        """Send every step of a confirmed plan, each at most once; returns when each has a verdict.

        Following goes on by itself and shows in the subscription.

        Args:
            plan: What was confirmed.
            max_parallel: How many requests may be under way at once.
            stop_on_error: Begin no further step after one that went wrong.

        Returns:
            A submission a step, in the plan's order. Those that could not be journalled are `not_sent` with the
            reason `journal`.

        Raises:
            ReadOnlyError: Nothing may be changed; nothing was sent.
            UsageError: This very plan was executed before; nothing was sent.
        """
        if self._sending is None:
            raise UsageError("The engine was not started.")
        entries = await self._sending.execute(
            plan, self._client(), max_parallel=max_parallel, stop_on_error=stop_on_error
        )
        return [entry.submission for entry in entries]

    async def settle(self, tokens: Sequence[str], *, timeout_s: float | None = None) -> list[Submission]:
        """Wait until each is settled: verified, errored, rejected, looked up.

        Args:
            tokens: Of submissions that this engine knows.
            timeout_s: How long to wait; None for the usual limit of the slowest type among them.

        Returns:
            Them in the same order; what was accepted and has not ended when the time is over is `timed_out`.
        """
        known = [self.view.submissions[token] for token in tokens]
        if timeout_s is None:
            timeout_s = max((rules.usual_limit_s(one.type) for one in known), default=0.0)
        deadline = self._clock.monotonic() + timeout_s
        while True:
            known = [self.view.submissions[token] for token in tokens]
            left = deadline - self._clock.monotonic()
            if left <= 0 or all(one.is_settled for one in known):
                return [_out_of_time(one, timeout_s) for one in known]
            await self._next_move(left)

    async def read_vm(self, vm_id: str) -> VM:
        """Read one VM whole, now; feeds the fleet too.

        Raises:
            CloudError: It could not be read.
        """
        assert self._reader is not None, "started"
        sequence = self.next_sequence()
        vm = await self._reader.get_vm(vm_id)
        self.feed(vms=(vm.row(),), sequence=sequence)
        return vm

    def refresh(self) -> None:
        """Ask at once."""
        if self._poller is not None:
            self._poller.refresh()

    def pause(self, is_paused: bool) -> None:
        """Stop or go on refreshing the list; what is in progress is followed all the same."""
        if self._poller is not None:
            self._poller.pause(is_paused)

    def focus(self, has_focus: bool) -> None:
        """Poll half as often while nobody looks."""
        if self._poller is not None:
            self._poller.focus(has_focus)

    async def set_credentials(self, password: str) -> None:
        """Try again with another password, after the cloud refused one."""
        assert self._poller is not None, "started"
        old, self._account = self._reader, replace(self._account, password=password)
        self._reader = self._make_reader()
        self._poller.signed_out(self._reader)
        if self._sending is not None:
            await self._sending.idle()  # requests under way still need the old connections
        if old is not None:
            await old.close()

    def _client(self) -> CloudClient:
        from cftui.api.client import CloudClient

        if not isinstance(self._reader, CloudClient):
            raise ReadOnlyError(
                "Nothing was sent: this session is read-only.", hint="Start without --read-only to act."
            )
        return self._reader

    async def _next_move(self, timeout_s: float | None = None) -> None:
        """Until something changes, or the time is over."""
        self._moved.clear()
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._moved.wait())]
        if timeout_s is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(timeout_s)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    # The last known fleet

    def _remember(self) -> None:
        kept = memory.load(self._memory_path, self._account.origin) if self._keeps_fleet else None
        if kept is None:
            return
        self._estimates = kept.estimates
        self._fleet.apply(Reading(self.next_sequence(), self._account.origin, self._clock.monotonic(), vms=kept.vms))
        self._link = replace(self._link, last_known_at=kept.saved_at)

    def _save(self) -> None:
        view = self._fleet.view
        if not self._keeps_fleet or view.read_at is None:
            return
        self._saved_at = self._clock.monotonic()
        memory.save(
            self._memory_path,
            self._account.origin,
            saved_at=self._clock.now().timestamp(),
            vms=view.vms.values(),
            estimates=self._estimates,
        )

    @property
    def _memory_path(self) -> Path:
        return memory.memory_path(self._state_dir, self._account.origin)


def _out_of_time(submission: Submission, timeout_s: float) -> Submission:
    if submission.stage in (Stage.ACCEPTED, Stage.SENDING) and not submission.is_settled:
        message = f"accepted, and not seen to finish in {timeout_s:.0f} s; it may still be running"
        return replace(submission, stage=Stage.TIMED_OUT, message=message)
    return submission
