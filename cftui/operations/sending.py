"""Carrying out confirmed plans: what is under way, what has not begun, and when nothing more may begin."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from cftui.api.client import CloudClient
from cftui.api.errors import CloudError, Unauthorized
from cftui.clock import Clock
from cftui.errors import JournalError, UsageError
from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionRow
from cftui.operations import runner
from cftui.operations.journal import Baseline, Journal, JournalEntry
from cftui.operations.plan import Plan, Step
from cftui.operations.poller import Facade
from cftui.operations.submit import Sender, planned

log = logging.getLogger(__name__)

STOPPED = "the run was stopped before its turn"
_RESENDABLE = frozenset({Finding.ABSENT, Finding.UNVERIFIABLE})


class Sending:
    """Executes plans for one account.

    Args:
        engine: Where facts go, and what is known.
        journal: Open; None when it cannot be used.
        journal_problem: Why not.
        clock: The time.
        origin: Names the account.
        follow: Takes over what was sent.
        known: The journal entry of a submission that is followed, or None.
        refused: Told when the cloud refuses the credentials.
    """

    def __init__(
        self,
        engine: Facade,
        journal: Journal | None,
        *,
        journal_problem: str,
        clock: Clock,
        origin: str,
        follow: Callable[[JournalEntry], None],
        known: Callable[[str], JournalEntry | None],
        refused: Callable[[Unauthorized], None],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._journal_problem = journal_problem
        self._clock = clock
        self._origin = origin
        self._follow = follow
        self._known = known
        self._refused = refused
        self._tasks: set[asyncio.Task[JournalEntry]] = set()
        self._under_way: set[str] = set()
        self._executed: set[str] = set()
        self._is_stopping = False
        self.unsent = 0
        """Steps of confirmed plans that have not begun."""

    def is_under_way(self, token: str) -> bool:
        """Whether this program is sending it right now."""
        return token in self._under_way

    async def execute(
        self, plan: Plan, client: CloudClient, *, max_parallel: int, stop_on_error: bool
    ) -> list[JournalEntry]:
        """See `Engine.execute`.

        Raises:
            UsageError: This plan was executed before; one confirmation is not used twice.
        """
        if plan.id in self._executed:
            raise UsageError("This was confirmed and sent before.", hint="Confirm it anew to send it again.")
        self._executed.add(plan.id)
        self.unsent += len(plan.steps)
        begun: set[str] = set()

        async def send(step: Step) -> JournalEntry:
            begun.add(step.token)
            self.unsent -= 1
            return await self._send(step, plan, client, baselines)

        try:
            baselines = await self._baselines(plan, client)
            return await runner.run(
                plan,
                send,
                lambda step: self._not_sent(plan, step, "stopped", STOPPED),
                max_parallel=max_parallel,
                stop_on_error=stop_on_error,
            )
        finally:
            self.unsent -= len(plan.steps) - len(begun)

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more, and give what is under way a moment for its answers."""
        self._is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Until nothing that is under way now is any more."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _send(
        self, step: Step, plan: Plan, client: CloudClient, baselines: dict[str, Baseline] | CloudError
    ) -> JournalEntry:
        if self._is_stopping:
            return self._not_sent(plan, step, "stopped", STOPPED)
        if isinstance(baselines, CloudError):
            reason = "401" if isinstance(baselines, Unauthorized) else "unread"
            return self._not_sent(plan, step, reason, f"the actions could not be read first: {baselines.message}")
        if self._journal is None:
            return self._not_sent(plan, step, "journal", self._journal_problem)
        baseline = baselines[step.vm.id]
        if plan.replaces and (trace := self._trace_of(plan.replaces, baseline)):
            return self._not_sent(plan, step, "arrived", trace)
        sender = Sender(
            client,
            self._journal,
            clock=self._clock,
            origin=self._origin,
            feed=self._engine.feed,
            doing=lambda vm_id: self._engine.view.doing.get(vm_id),
            may_send=lambda: not self._is_stopping,
            refused=self._refused,
        )
        # A task of its own: whoever waits for it may be cancelled, a request under way may not.
        task = asyncio.create_task(sender.send(step, plan, baseline))
        self._tasks.add(task)
        self._under_way.add(step.token)
        try:
            entry = await asyncio.shield(task)
        except Exception:  # a bug after the intent is no proof that nothing left
            log.exception("Sending failed inside cftui")
            entry = await self._unforeseen(step, plan, baseline)
        finally:
            task.add_done_callback(lambda ended: self._forget(ended, step.token))
        self._follow(entry)
        return entry

    def _forget(self, task: asyncio.Task[JournalEntry], token: str) -> None:
        self._tasks.discard(task)
        self._under_way.discard(token)

    async def _unforeseen(self, step: Step, plan: Plan, baseline: Baseline) -> JournalEntry:
        now = self._clock.now()
        entry = planned(step, plan, origin=self._origin, at=now, baseline=baseline)
        submission = replace(
            entry.submission, stage=Stage.UNKNOWN, reason="unforeseen", message="cftui failed while sending it"
        )
        entry = replace(entry, submission=submission, given_up=now.timestamp())
        assert self._journal is not None
        with contextlib.suppress(JournalError):
            await self._journal.record(entry)
        self._engine.feed(submissions=(submission,))
        return entry

    def _trace_of(self, token: str, listed: Baseline) -> str:
        """Why a request of unknown outcome is not sent again: it did arrive, or is still looked up; else empty."""
        first = self._engine.view.submissions.get(token)
        is_unknown = first is not None and first.is_settled and first.stage is Stage.UNKNOWN
        if first is None or not is_unknown or first.finding not in _RESENDABLE:
            return "there is news of the first request; look at it before sending again"
        entry = self._known(token)
        if entry is not None and entry.candidates(listed.rows):
            return "the first request very likely did arrive; it is not sent again"
        return ""

    async def _baselines(self, plan: Plan, client: CloudClient) -> dict[str, Baseline] | CloudError:
        """The actions of the plan's type that each target already has, or why they cannot be read.

        One list read serves the whole plan.
        """
        sequence = self._engine.next_sequence()
        try:
            listing = await client.follow({step.vm.id for step in plan.steps})
        except CloudError as error:
            if isinstance(error, Unauthorized):
                self._refused(error)
            return error
        self._engine.feed(actions=listing.rows, sequence=sequence)
        of_vm: dict[str, list[ActionRow]] = {step.vm.id: [] for step in plan.steps}
        for row in listing.rows:
            if row.vm_id in of_vm:
                of_vm[row.vm_id].append(row)
        of_all = _newest(listing.rows) if listing.vm_ids is None else None
        return {
            vm_id: Baseline(
                tuple(row for row in rows if row.type == plan.type), of_all if of_all is not None else _newest(rows)
            )
            for vm_id, rows in of_vm.items()
        }

    def _not_sent(self, plan: Plan, step: Step, reason: str, message: str) -> JournalEntry:
        entry = planned(step, plan, origin=self._origin, at=self._clock.now())
        submission = replace(entry.submission, stage=Stage.NOT_SENT, reason=reason, message=message, is_settled=True)
        self._engine.feed(submissions=(submission,))
        return replace(entry, submission=submission)


def _newest(rows: Iterable[ActionRow]) -> float | None:
    return max((row.started for row in rows if row.started is not None), default=None)
