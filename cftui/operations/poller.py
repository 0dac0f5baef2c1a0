"""When to ask again: the list at its interval, what is in progress more often, everything later while the cloud fails.

One task, one round at a time. One list read follows all actions in progress; the VMs concerned are read at their ends.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from cftui.api import errors, retry
from cftui.clock import Clock
from cftui.fleet import rules
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.operations.asking import NO_ACCESS_S, Asking, facts_from, facts_of, short
from cftui.operations.conversation import Conversation, Facade
from cftui.operations.follow import Followed
from cftui.operations.journal import JournalEntry
from cftui.operations.lookup import Facts, beside
from cftui.operations.state import ActionSource, Link, LinkState, PollLimits
from cftui.text import clean, duration

if TYPE_CHECKING:
    from cftui.api.client import ActionList, CloudReader

__all__ = ["Facade", "Poller"]

log = logging.getLogger(__name__)

_LOOK_AT_CLOCKS_S = 5.0
"""The longest wait in one piece: a machine that was asleep is noticed at the end of one."""

_ASLEEP_S = 30.0
"""The wall clock went ahead of the monotonic one by this much at once: the machine was asleep, or somebody set it."""

_SKEW_S = 30.0
"""A cloud's clock that differs by less is called right."""

_SPREAD_S, _SPREAD_EACH_S = 10.0, 0.05
"""After darkness, the single lists are asked over as long as this, or so long each where they are few."""


class Poller:
    """Asks one cloud again and again.

    Args:
        reader: Reads; stays its owner's.
        engine: Where everything goes.
        clock: Waits and deadlines.
        limits: Intervals.
        rng: For jitter.
    """

    def __init__(
        self, reader: CloudReader, engine: Facade, *, clock: Clock, limits: PollLimits, rng: random.Random | None = None
    ) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._limits = limits
        self._rng = rng or random.Random()
        self._wake = asyncio.Event()
        self._talk = Conversation(engine, Link(since=clock.monotonic(), poll_interval_s=limits.idle_s))
        self._asking = Asking(reader, engine, self._talk, clock=clock)
        self._followed: dict[str, Followed] = {}
        self._is_signed_in = False
        self._has_focus = True
        self._failures = 0
        self._not_before = 0.0
        self._list_due = clock.monotonic()
        self._foreign_due = 0.0
        self._journal_due = self._list_due
        self._ahead = self._wall_ahead
        self._unfound: dict[str, JournalEntry] = {}
        """What is watched no more and was never found out, by token: before it is sent again, its traces count."""
        self._replaced: set[str] = set()
        """Tokens of submissions that were sent again."""
        self._tokens_of: dict[str, list[str]] = {}
        """By VM id, of the first so many submissions that are known: none is ever forgotten."""
        self._indexed = 0
        self.rounds = 0
        """Rounds that ended, well or not."""
        self.last_error: errors.CloudError | None = None
        """Why the last round failed; None when it did not."""

    def follow(self, entry: JournalEntry) -> None:
        """Follow a submission until nothing more is looked for."""
        now = self._clock.monotonic()
        followed = Followed(entry, now=now, wall=self._clock.now().timestamp(), interval_s=self._limits.active_s)
        if entry.submission.replaces:
            self._replaced.add(entry.submission.replaces)
        if followed.is_over:
            self._leave(followed)
            return
        followed.due = now + min(1.0, self._limits.active_s)
        self._followed[entry.submission.token] = followed
        self._wake.set()

    def entry(self, token: str) -> JournalEntry | None:
        """The entry of a submission that is followed, or whose outcome was never found out; None for all others."""
        followed = self._followed.get(token)
        return self._unfound.get(token) if followed is None else followed.entry

    def let_go(self, token: str) -> JournalEntry | None:
        """Follow an accepted action no longer; returns how it ended then, or None where no end of it is awaited."""
        followed = self._followed.get(token)
        if followed is None or not followed.let_go():
            return None
        self._leave(followed)
        return followed.entry

    def _leave(self, followed: Followed) -> None:
        self._followed.pop(followed.submission.token, None)
        if followed.submission.stage is Stage.UNKNOWN:
            self._unfound[followed.submission.token] = followed.entry

    def refused(self, error: errors.Unauthorized) -> None:
        """The credentials were refused elsewhere: nothing is asked again until there are others."""
        self._failed(error, LinkState.UNAUTHORISED, "e-mail or password refused", None)

    def refresh(self) -> None:
        """Ask at once, also while the cloud does not answer; a wait that it asked for is kept."""
        self._list_due = self._clock.monotonic()
        self._asking.leave_nothing_alone()
        if getattr(self.last_error, "retry_after_s", None) is None:
            self._not_before = self._list_due
        self._wake.set()

    def pause(self, is_paused: bool) -> None:
        """Stop or go on reading the list; what is in progress is followed all the same."""
        self._talk.say(is_paused=is_paused)
        self._wake.set()

    def focus(self, has_focus: bool) -> None:
        """Ask half as often while nobody looks."""
        self._has_focus = has_focus
        self._talk.say(poll_interval_s=self._limits.idle_s * self._slower)
        self._wake.set()

    def signed_out(self, reader: CloudReader) -> None:
        """Other credentials are in place: begin again with a reader that has them."""
        self._reader = self._asking.reader = reader
        self._is_signed_in = False
        self._talk.say(state=LinkState.CONNECTING, since=self._clock.monotonic(), cause="", hint="")
        self.refresh()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self._wait_until_due()
            await self.round()

    async def round(self) -> None:
        """Ask for whatever is due now; a failure is told, never raised."""
        began = self._clock.monotonic()
        try:
            await self._ask(began)
        except errors.Unauthorized as error:
            self._failed(error, LinkState.UNAUTHORISED, "e-mail or password refused", None)
        except errors.RateLimited as error:
            wait = error.retry_after_s or retry.next_delay(self._failures + 1, None, self._rng)
            self._failed(error, self._talk.link.state, f"slowed by the cloud for {wait:.0f} s", wait)
        except errors.CloudError as error:
            retry_after = getattr(error, "retry_after_s", None)
            wait = retry.next_delay(self._failures + 1, retry_after, self._rng)
            self._failed(error, LinkState.OFFLINE, short(error), wait)
        except Exception as error:  # a bug here must not end the following of what was sent
            log.exception("A round of reads failed")
            failure = errors.CloudError(f"Reading failed inside cftui ({type(error).__name__}).")
            wait = retry.next_delay(self._failures + 1, None, self._rng)
            self._failed(failure, LinkState.OFFLINE, failure.message, wait)
        else:
            self._failures = 0
            self._not_before = 0.0
            self.last_error = None
            if self._talk.link.state is not LinkState.LIVE:
                self._talk.say(state=LinkState.LIVE, since=self._clock.monotonic())
            self._talk.say(cause="", hint="", next_try=None, is_loading=False)
        offset = self._reader.server_offset
        self._talk.say(
            round_trip_s=self._reader.round_trip_s,
            server_offset=offset,
            skew_s=None if offset is None else self._skew(offset),
            action_source=ActionSource(self._reader.action_source),
        )
        self.rounds += 1  # before anything is awaited: who was woken looks at it
        if self._talk.link.state is LinkState.OFFLINE:
            await self._tell_dark()

    @property
    def _is_sending_somewhere(self) -> bool:
        return any(one.stage is Stage.SENDING for one in self._engine.view.submissions.values())

    async def _ask(self, began: float) -> None:
        if not self._is_signed_in:
            await self._asking.sign_in()
            self._is_signed_in = True
        elif self._talk.link.state is LinkState.OFFLINE:
            await self._asking.probe()
            self._spread(began)
        if self._list_due <= began and not self._talk.link.is_paused:
            await self._asking.list()
            self._list_due = self._clock.monotonic() + self._limits.idle_s * self._slower
        if self._journal_due <= began:
            await self._engine.reread_journal()
            wait = self._limits.active_s if self._is_sending_somewhere else self._limits.idle_s
            self._journal_due = self._clock.monotonic() + wait
        await self._follow_round(began)

    async def _follow_round(self, began: float) -> None:
        due = [one for one in self._followed.values() if one.due <= began and one.submission.stage is not Stage.SENDING]
        foreign = self._foreign(began) if self._foreign_due <= began else set()
        if not due and not foreign:
            return
        due = self._beside(due)
        were_open = [one for one in due if not one.submission.is_settled]
        sequence = self._engine.next_sequence()
        asked_at = self._clock.monotonic()
        listing = await self._reader.follow({one.submission.vm_id for one in due} | foreign)
        self._engine.feed(actions=listing.rows, sequence=sequence)
        await self._advance(due, facts_from(listing, asked_at, self._clock.monotonic()))
        await self._look_whole(due, listing)
        wanted = {one.submission.vm_id for one in due if self._wants_vm(one, listing)}
        wanted |= {one.submission.vm_id for one in were_open if one.submission.is_settled}
        doing = self._engine.view.doing
        wanted |= {vm_id for vm_id in foreign if not (vm_id in doing and doing[vm_id].is_open)}
        asked_at = self._clock.monotonic()
        sights = await self._asking.vms(wanted)
        now = self._clock.monotonic()
        await self._advance(due, facts_of(sights, listing, asked_at, now))
        for one in due:
            one.ask_again(now)
            if one.submission.vm_id in listing.no_access:
                one.due = max(one.due, now + NO_ACCESS_S)
            if one.is_over:
                self._leave(one)
        self._foreign_due = now + self._limits.active_s * self._slower
        if listing.failure is not None:
            raise listing.failure

    def _wants_vm(self, one: Followed, listing: ActionList) -> bool:
        """Whether its VM itself is to be read: for its effect, or because it seems to be gone or another one."""
        vm_id, before = one.submission.vm_id, one.submission.before
        row = self._engine.view.vms.get(vm_id)
        is_another = row is None or (before is not None and row.is_another_than(before))
        return not one.is_over and (one.wants_vm or is_another or vm_id in listing.no_vm)

    def _beside(self, due: Iterable[Followed]) -> list[Followed]:
        """These and all others to their VMs, the newest first.

        What fits several requests is the newest one's, for the older ones were looked up without it.
        """
        vm_ids = {one.submission.vm_id for one in due}
        newest_first = [
            one
            for one in reversed(self._followed.values())
            if one.submission.vm_id in vm_ids and one.submission.stage is not Stage.SENDING
        ]
        return sorted(newest_first, key=lambda one: one.submission.token in self._replaced)

    async def _advance(self, due: Iterable[Followed], facts: Callable[[str], Facts | None]) -> None:
        """Hold what was read, by VM id, against each request."""
        undecided: set[str] = set()
        for one in due:
            known, mine = facts(one.submission.vm_id), one.submission
            if known is None or mine.vm_id in undecided:
                continue
            known = beside(known, mine, self._requests_to(mine.vm_id), was_resent=mine.token in self._replaced)
            if known is not None and one.advance(known):
                await self._engine.keep(one.entry)
            if one.is_undecided and not one.is_over:
                undecided.add(mine.vm_id)  # what belongs to it may not be called an older one's

    def _requests_to(self, vm_id: str) -> list[Submission]:
        """All requests to a VM as they are now, in the order in which they were sent."""
        known = self._engine.view.submissions
        for token in islice(known, self._indexed, None):
            self._tokens_of.setdefault(known[token].vm_id, []).append(token)
        self._indexed = len(known)
        return [known[token] for token in self._tokens_of.get(vm_id, ())]

    async def _look_whole(self, due: Iterable[Followed], listing: ActionList) -> None:
        """Read all that the cloud has on a VM where only that can tell that there is no trace of a request.

        The VM comes first: where it is gone, its list proves nothing.
        """
        asked_at = self._clock.monotonic()
        ripe = [one for one in due if one.wants_whole_list(asked_at)]
        sights = await self._asking.vms({one.submission.vm_id for one in ripe})
        await self._advance(ripe, facts_of(sights, listing, asked_at, self._clock.monotonic()))
        for vm_id in {one.submission.vm_id for one in ripe if one.wants_whole_list(asked_at)}:
            asked_at = self._clock.monotonic()
            rows = await self._asking.all_actions_of(vm_id)
            if rows is not None:
                facts = Facts(self._clock.monotonic(), asked_at, can_list=True, actions=rows, is_whole=True)
                await self._advance(due, {vm_id: facts}.get)

    async def _tell_dark(self) -> None:
        """What is looked up cannot be found out while nothing answers: its line says so, and since when."""
        now = self._clock.monotonic()
        for one in self._followed.values():
            if one.stay_in_the_dark(now - self._talk.link.since):
                await self._engine.keep(one.entry)

    def _foreign(self, now: float) -> set[str]:
        """VMs on which others have something in progress; what runs far beyond its usual limit waits for the list."""
        offset = self._talk.link.server_offset
        own = {one.submission.vm_id for one in self._followed.values() if not one.submission.is_settled}

        def is_worth_it(entry: HistoryEntry) -> bool:
            if entry.is_own or not entry.is_open:
                return False
            return offset is None or now + offset - entry.started < rules.usual_limit_s(entry.type)

        return {vm_id for vm_id, entry in self._engine.view.doing.items() if is_worth_it(entry)} - own

    def _spread(self, now: float) -> None:
        """The cloud answers again: where each VM has a list of its own, they are not all asked at once."""
        if self._reader.action_source in (ActionSource.GLOBAL, ActionSource.NONE):
            return
        over_s = min(_SPREAD_S, _SPREAD_EACH_S * len(self._followed))
        for one in self._followed.values():
            one.due = max(one.due, now + self._rng.random() * over_s)

    @property
    def _slower(self) -> float:
        return 1.0 if self._has_focus else 2.0

    @property
    def _wall_ahead(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _skew(self, offset: float) -> float | None:
        """By how much the cloud's clock is ahead of ours, in steps of 10 s; None while that is next to nothing."""
        skew_s = offset - self._wall_ahead
        return round(skew_s, -1) if abs(skew_s) > _SKEW_S else None

    def _note_sleep(self) -> None:
        """A machine that was asleep wakes with its monotonic clock unmoved: all is older than that says."""
        slept_s, self._ahead = self._wall_ahead - self._ahead, self._wall_ahead
        if slept_s < _ASLEEP_S:
            return
        now, link = self._clock.monotonic(), self._talk.link
        self._engine.slept(slept_s)
        if link.state is LinkState.LIVE and not link.is_paused:
            cause = f"resumed after {duration(slept_s)}; reading again"
            self._talk.say(state=LinkState.CONNECTING, since=now, cause=cause)
        else:
            self._talk.say(since=link.since - slept_s)
        self._list_due = self._foreign_due = self._journal_due = now
        self._not_before -= slept_s
        for one in self._followed.values():
            one.due = min(one.due, now)

    async def _wait_until_due(self) -> None:
        while True:
            self._wake.clear()
            self._note_sleep()
            now = self._clock.monotonic()
            due = self._next_due(now)
            if due is not None and due <= now:
                return
            wait_s = _LOOK_AT_CLOCKS_S if due is None else min(due - now, _LOOK_AT_CLOCKS_S)
            await self._clock.wait(self._wake, wait_s)

    def _next_due(self, now: float) -> float | None:
        if self._talk.link.state is LinkState.UNAUTHORISED:
            return None
        dues = [one.due for one in self._followed.values() if one.submission.stage is not Stage.SENDING]
        if not self._talk.link.is_paused or not self._is_signed_in:
            dues.append(self._list_due)
        if self._foreign(now):
            dues.append(self._foreign_due)
        if self._is_sending_somewhere:
            dues.append(self._journal_due)
        return max(min(dues), self._not_before) if dues else None

    def _failed(self, error: errors.CloudError, state: LinkState, cause: str, wait_s: float | None) -> None:
        now = self._clock.monotonic()
        self._failures += 1
        self.last_error = error
        self._not_before = now + (wait_s or 0.0)
        link = self._talk.link
        self._talk.say(
            state=state,
            since=link.since if link.state is state else now,
            cause=clean(cause).rstrip("."),
            hint=error.hint,
            is_loading=False,
            next_try=None if wait_s is None else self._not_before,
        )
