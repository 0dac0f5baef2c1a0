"""The one door to everything that happens: start, stop, subscribe, execute.

Runs on any loop: in the cockpit on a thread of its own (`engine_thread.py`), so that neither a dead terminal nor a
heavy repaint stops polling or a half-done plan; in the CLI and in most tests on the caller's loop. What needs httpx
or sqlite3 is imported at `start`, so that a first paint waits for neither.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cftui.clock import Clock
from cftui.errors import JournalError, UsageError
from cftui.fleet import rules
from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import Change, Fleet, Reading, View
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import ActionRow, VmRow
from cftui.operations import memory
from cftui.operations.account import Account
from cftui.operations.clients import Clients
from cftui.operations.order import Order
from cftui.operations.runs import RunState, RunView
from cftui.operations.state import Link, PollLimits, Update
from cftui.operations.subscription import Subscribers, Subscription

if TYPE_CHECKING:
    from cftui.api.client import Deadlines
    from cftui.api.models import VM
    from cftui.operations.journal import JournalEntry
    from cftui.operations.keeping import Keeping
    from cftui.operations.plan import Plan
    from cftui.operations.poller import Poller
    from cftui.operations.run import Run
    from cftui.operations.running import Running
    from cftui.operations.sending import Sending

__all__ = ["Account", "Engine"]

_SAVE_EVERY_S = 60.0
_GRACE_S = 1.5
"""How long a stop waits for the answers of requests under way; what is left is looked up at the next start."""


class Engine:
    """Owns the clients, the journal, the fleet and the poller of one account.

    Args:
        account: Whose VMs.
        state_dir: Where the journal and the last known fleet lie; made when missing.
        clock: The time.
        poll: Intervals.
        keeps_fleet: Whether the last known fleet is kept for the next start.
        deadlines: Of one request, where they are to be others than the usual ones.

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
        deadlines: Deadlines | None = None,
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
        self._sequence = 0
        self._saved_at = 0.0
        self._moved = asyncio.Event()
        self._sending: Sending | None = None
        self._running: Running | None = None
        self._clients = Clients(
            account, clock=self._clock, changed=self._rights_changed, idle=self._idle, deadlines=deadlines
        )
        self._keeping: Keeping | None = None
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
            self._clients.is_read_only,
            "" if self._keeping is None else self._keeping.problem,
            self._running.unsent if self._running is not None else 0,
            writes_until=self._clients.until,
            locked_by=self._account.locked_by,
            journal_gap="" if self._keeping is None else self._keeping.gap,
            runs=self._running.runs if self._running is not None else (),
        )

    @property
    def view(self) -> View:
        """The fleet as known now."""
        return self._fleet.view

    @property
    def unrecorded(self) -> tuple[Submission, ...]:
        """What was sent and could not be journalled as it stands; to be told by whoever ends the program."""
        return () if self._keeping is None else self._keeping.unrecorded

    def subscribe(self, wake: Callable[[], None] = lambda: None) -> Subscription:
        """Follow the changes.

        Args:
            wake: Called on the engine's thread once for each batch of changes until `take` is called; keep it tiny.
        """
        return self.subscribers.add(wake, lambda: self.update)

    # Life

    async def start(self) -> None:
        """Load the journal, then begin polling in a task; does not wait for the network."""
        from cftui.operations.keeping import Keeping
        from cftui.operations.poller import Poller
        from cftui.operations.running import Running
        from cftui.operations.sending import Sending

        self._clients.start()
        self._poller = Poller(self._clients.reader, self, clock=self._clock, limits=self._limits)
        self._keeping = Keeping(
            self._state_dir / "journal.sqlite3",
            self._account.origin,
            clock=self._clock,
            follow=self._poller.follow,
            feed=self.feed,
            known=lambda: self.view.submissions,
            is_under_way=lambda token: self._sending is not None and self._sending.is_under_way(token),
            changed=lambda: self._wake(Change()),
        )
        await self._keeping.open()
        self._sending = Sending(
            self,
            self._keeping,
            clock=self._clock,
            origin=self._account.origin,
            follow=self._poller.follow,
            known=self._poller.entry,
            refused=self._poller.refused,
            read_only=self._clients.refusal_to,
        )
        self._running = Running(
            self._sending,
            self._keeping.runs,
            reread=partial(self._keeping.reread, of_runs=True),
            changed=lambda: self._wake(Change()),
        )
        await self._running.look_for_left_runs()
        self._polling = asyncio.create_task(self._poller.run(), name="cftui-poller")

    async def poll_until(self, stop: asyncio.Event) -> None:
        """Wait for `stop`; polling goes on by itself.

        Raises:
            Exception: A bug that ended it.
        """
        await self._first_of(stop.wait())

    async def stop(self) -> None:
        """End polling, give requests under way a moment for their answers, close connections and the journal."""
        if self._running is not None:
            await self._running.stop(_GRACE_S)
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        self._save()
        await self._clients.close()
        if self._keeping is not None:
            await self._keeping.close()

    async def reread_journal(self) -> None:
        """Take in what another program on this journal sent, and what it left behind when it died."""
        if self._keeping is not None and self._running is not None:
            await self._keeping.reread()
            await self._running.look_for_left_runs()

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
                self._estimates = self._estimates.learned(actions, self._fleet.view.vms)
        self._wake(change)
        if submissions and self._sending is not None:
            self._sending.note(submissions)
        if is_whole_fleet and reading.at - self._saved_at > _SAVE_EVERY_S:
            self._save()

    def tell(self, link: Link) -> None:
        """The state of the conversation is different."""
        if link.last_known_at is None and self._link.last_known_at is not None and self._fleet.view.read_at is None:
            link = replace(link, last_known_at=self._link.last_known_at)
        with self.subscribers.lock:
            self._link = link
        self._wake(Change())

    def slept(self, seconds: float) -> None:
        """The machine was asleep so long, which its monotonic clock did not count: what is known is that much older."""
        with self.subscribers.lock:
            self._fleet.slept(seconds)
        self._wake(Change())

    async def keep(self, entry: JournalEntry) -> None:
        """An entry that is followed moved on: write it down and show it."""
        assert self._keeping is not None, "started"
        await self._keeping.keep(entry)

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

    async def execute(
        self,
        plan: Plan,
        order: Order = Order(),  # noqa: B008 - frozen
        *,
        accepts_gap: bool = False,
    ) -> list[Submission]:
        """Send every step of a confirmed plan, each at most once; returns when nothing more of it will be sent.

        Following goes on by itself and shows in the subscription; a run of several shows in `Update.runs`.

        Args:
            plan: What was confirmed.
            order: How many at once, and when to stop.
            accepts_gap: Whoever confirmed was shown that the journal lost rows, and typed what was asked; that is kept.

        Returns:
            A submission for each step that was begun or left out, in the plan's order. Those that could not be
            journalled are `not_sent` with the reason `journal`.

        Raises:
            ReadOnlyError: Nothing may be changed; nothing was sent.
            UsageError: This very plan was executed before; nothing was sent.
        """
        running, client = await self._ready(accepts_gap), self._clients.client
        if plan.lets_go:
            with contextlib.suppress(UsageError):  # it has ended meanwhile
                await self.let_go(plan.lets_go)
        return await running.execute(plan, client, order)

    async def resume(self, run_id: str, *, order: Order | None = None, accepts_gap: bool = False) -> list[Submission]:
        """Go on, after a new confirmation, with an interrupted run where it stood; otherwise as `execute`.

        What was begun, whatever its outcome, is never sent again; the rest is checked against the VMs as they were
        confirmed first.

        Args:
            run_id: Of a run in `Update.runs` that is interrupted.
            order: How many at once, and when to stop; None as it was confirmed first.
            accepts_gap: As for `execute`.

        Raises:
            ReadOnlyError: Nothing may be changed; nothing was sent.
            UsageError: There is no such run, or another program goes on with it; nothing was sent.
            JournalError: That it goes on could not be written; nothing was sent.
        """
        running = await self._ready(accepts_gap)
        return await running.resume(run_id, self._clients.client, order)

    async def dismiss_run(self, run_id: str) -> None:
        """Leave an interrupted run as it is: nothing more of it is sent, and it is not offered again.

        Raises:
            UsageError: There is no such run, or another program goes on with it.
            JournalError: It could not be written, so it will be offered again.
        """
        await (await self._ready(False)).dismiss(run_id)

    async def let_go(self, token: str) -> None:
        """Wait no longer for the end of an accepted action of ours, so that another one may be sent to its VM.

        Raises:
            UsageError: No end of it is waited for.
        """
        entry = None if self._poller is None else self._poller.let_go(token)
        if entry is None:
            raise UsageError(
                "It is no accepted action that is waited for.", hint="Only what was accepted can be let go."
            )
        await self.keep(entry)

    async def _ready(self, accepts_gap: bool) -> Running:
        if self._running is None:
            raise UsageError("The engine was not started.")
        if accepts_gap and self._keeping is not None:
            with contextlib.suppress(JournalError):  # then no intent can be written either, and that is told
                await self._keeping.acknowledge_gap()
        return self._running

    def run(self, run_id: str) -> Run | None:
        """A run of this session, to be paused, stopped, or decided about."""
        return self._running.run(run_id) if self._running is not None else None

    async def end_of(self, run_id: str) -> RunView:
        """Wait until every VM of a run of this session has come to its end.

        Raises:
            KeyError: There is no such run.
            RuntimeError: A bug, or the end of the engine, ended it before.
        """
        run = self.run(run_id)
        if run is None:
            raise KeyError(run_id)
        await self._first_of(run.until_ended())
        if run.view.state is not RunState.ENDED:
            raise RuntimeError("A run ended before all of its VMs had.")
        return run.view

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
        waiting = [one.token for one in known if not one.is_settled]
        while waiting and (left := deadline - self._clock.monotonic()) > 0:
            await self._next_move(left)
            waiting = [token for token in waiting if not self.view.submissions[token].is_settled]
        return [_out_of_time(self.view.submissions[token], timeout_s) for token in tokens]

    async def read_vm(self, vm_id: str) -> VM:
        """Read one VM whole, now; feeds the fleet too.

        Raises:
            CloudError: It could not be read.
        """
        sequence = self.next_sequence()
        vm = await self._clients.reader.get_vm(vm_id)
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
        self._clients.use_password(password)
        self._poller.signed_out(self._clients.reader)

    async def allow_writing(self, seconds: float) -> None:
        """Let a session that began read-only change things for so long; then it is read-only again by itself.

        Raises:
            ReadOnlyError: It is read-only for good.
            UsageError: It is not read-only, or the time is too long.
        """
        self._clients.allow(seconds)

    async def forbid_writing(self) -> None:
        """Make a session that began read-only so again, at once.

        Raises:
            UsageError: It did not begin read-only.
        """
        self._clients.forbid()

    def _rights_changed(self) -> None:
        self._wake(Change())

    async def _idle(self) -> None:
        """Until no request under way needs the connections of before."""
        if self._running is not None:
            await self._running.idle()

    async def _next_move(self, timeout_s: float | None = None) -> None:
        """Until something changes, or the time is over."""
        self._moved.clear()
        over = [] if timeout_s is None else [self._clock.sleep(timeout_s)]
        await self._first_of(self._moved.wait(), *over)

    async def _first_of(self, *waits: Coroutine[Any, Any, object]) -> None:
        """Wait for the first of several; a bug that ended polling is raised, as nothing would move any more."""
        assert self._polling is not None, "started"
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait([*tasks, self._polling], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if self._polling.done():
            self._polling.result()

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
