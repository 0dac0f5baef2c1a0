"""Sending the steps of confirmed plans: what is under way, and when nothing may begin."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from cftui.api.client import CloudClient
from cftui.api.errors import CloudError, RateLimited, Unauthorized
from cftui.clock import Clock
from cftui.fleet.history import Finding, Stage, Submission
from cftui.operations.baselines import Baselines
from cftui.operations.journal import NOTHING_LISTED, Baseline, JournalEntry
from cftui.operations.keeping import Keeping
from cftui.operations.plan import Plan, Step
from cftui.operations.poller import Facade
from cftui.operations.runs import STOPPED, WAIT
from cftui.operations.submit import Sender, planned
from cftui.text import duration

log = logging.getLogger(__name__)

_RESENDABLE = frozenset({Finding.ABSENT, Finding.UNVERIFIABLE})


class Sending:
    """Sends for one account.

    Args:
        engine: Where facts go, and what is known.
        journal: Takes intents and outcomes.
        clock: The time.
        origin: Names the account.
        follow: Takes over what was sent.
        known: The journal entry of a submission that is followed, or None.
        refused: Told when the cloud refuses the credentials.
        read_only: Why a client may send nothing more; empty when it may.
    """

    def __init__(
        self,
        engine: Facade,
        journal: Keeping,
        *,
        clock: Clock,
        origin: str,
        follow: Callable[[JournalEntry], None],
        known: Callable[[str], JournalEntry | None],
        refused: Callable[[Unauthorized], None],
        read_only: Callable[[CloudClient], str] = lambda client: "",
    ) -> None:
        self.engine = engine
        self.clock = clock
        self._journal = journal
        self._origin = origin
        self._follow = follow
        self._known = known
        self._refused = refused
        self._read_only = read_only
        self._tasks: set[asyncio.Task[JournalEntry]] = set()
        self._under_way: set[str] = set()
        self._news: dict[str, asyncio.Event] = {}
        self.is_stopping = False
        """Whether nothing more may begin, as the program ends."""
        self._not_before = 0.0
        """Until when the cloud asked to send nothing, by the monotonic clock."""

    @property
    def wait_s(self) -> float:
        """For how long the cloud asked to be sent nothing more."""
        return max(0.0, self._not_before - self.clock.monotonic())

    def is_under_way(self, token: str) -> bool:
        """Whether this program is sending it right now."""
        return token in self._under_way

    def note(self, submissions: Iterable[Submission]) -> None:
        """There is news of these; whoever waits for it goes on."""
        for submission in submissions:
            if (event := self._news.get(submission.token)) is not None:
                event.set()

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more, and give what is under way a moment for its answers."""
        self.is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def under_way(self) -> tuple[asyncio.Task[JournalEntry], ...]:
        """What is being sent now."""
        return tuple(self._tasks)

    async def news_of(self, token: str, *, within_s: float) -> None:
        """Until there is news of a submission, or the time is over."""
        event = self._news.setdefault(token, asyncio.Event())
        event.clear()
        await self.clock.wait(event, within_s)
        self._news.pop(token, None)

    async def send(self, step: Step, plan: Plan, client: CloudClient, baselines: Baselines) -> JournalEntry:
        """Send one step, once, or say why it was not sent."""
        if held := self._held(client):
            return self.not_sent(plan, step, *held)
        if problem := self._journal.problem:
            return self.not_sent(plan, step, "journal", problem)
        try:
            baseline = await baselines.of(step.vm.id, step.request.type)
        except CloudError as error:
            if isinstance(error, Unauthorized | RateLimited):
                self._note_refusal(error)
            reason = "401" if isinstance(error, Unauthorized) else "unread"
            if isinstance(error, RateLimited) and error.retry_after_s is not None and len(plan.steps) > 1:
                reason = WAIT
            return self.not_sent(plan, step, reason, f"cannot read its actions first: {error.message}")
        if plan.replaces and (trace := self._trace_of(plan.replaces, baseline)):
            return self.not_sent(plan, step, "arrived", trace)
        sender = Sender(
            client,
            self._journal,
            clock=self.clock,
            origin=self._origin,
            feed=self.engine.feed,
            doing=lambda vm_id: self.engine.view.doing.get(vm_id),
            held=lambda: self._held(client),
            refused=self._note_refusal,
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

    async def keep(self, entry: JournalEntry) -> None:
        """Write down what was refused here."""
        await self._journal.keep(entry)

    def not_sent(self, plan: Plan, step: Step, reason: str, message: str) -> JournalEntry:
        """A step that was not sent, shown as that."""
        entry = planned(step, plan, origin=self._origin, at=self.clock.now(), baseline=NOTHING_LISTED)
        submission = replace(entry.submission, stage=Stage.NOT_SENT, reason=reason, message=message, is_settled=True)
        self.engine.feed(submissions=(submission,))
        return replace(entry, submission=submission)

    def _held(self, client: CloudClient) -> tuple[str, str] | None:
        """Why nothing may begin now: a word and a sentence; None when it may."""
        if self.is_stopping:
            return "stopped", STOPPED
        if words := self._read_only(client):
            return "read-only", words
        wait_s = self.wait_s
        return (WAIT, f"the cloud asks to wait {duration(math.ceil(wait_s))} more") if wait_s > 0 else None

    def _note_refusal(self, error: Unauthorized | RateLimited) -> None:
        if isinstance(error, Unauthorized):
            self._refused(error)
        elif error.retry_after_s is not None:
            self._not_before = self.clock.monotonic() + error.retry_after_s

    def _forget(self, task: asyncio.Task[JournalEntry], token: str) -> None:
        self._tasks.discard(task)
        self._under_way.discard(token)

    async def _unforeseen(self, step: Step, plan: Plan, baseline: Baseline) -> JournalEntry:
        now = self.clock.now()
        entry = planned(step, plan, origin=self._origin, at=now, baseline=baseline)
        submission = replace(
            entry.submission, stage=Stage.UNKNOWN, reason="unforeseen", message="cftui failed while sending it"
        )
        entry = replace(entry, submission=submission, given_up=now.timestamp())
        await self._journal.keep(entry)
        return entry

    def _trace_of(self, token: str, listed: Baseline) -> str:
        """Why a request of unknown outcome is not sent again: it did arrive, or is still looked up; else empty."""
        first = self.engine.view.submissions.get(token)
        is_unknown = first is not None and first.is_settled and first.stage is Stage.UNKNOWN
        if first is None or not is_unknown or first.finding not in _RESENDABLE:
            return "there is news of the first request; look at it before sending again"
        entry = self._known(token)
        if entry is None or entry.candidates(listed.rows):
            return "the first request very likely did arrive; it is not sent again"
        return ""
