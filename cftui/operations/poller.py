"""When to ask again: the list at its interval, what is in progress more often, everything later while the cloud fails.

One task, one round at a time. One list read follows all actions in progress; the VMs concerned are read at their ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from cftui.api import errors, retry
from cftui.clock import Clock
from cftui.fleet import rules
from cftui.fleet.fleet import View
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.identity import keyed
from cftui.fleet.rows import ActionRow, VmRow
from cftui.operations.follow import Followed
from cftui.operations.journal import JournalEntry
from cftui.operations.lookup import Facts
from cftui.operations.state import ActionSource, Link, LinkState, PollLimits
from cftui.text import clean

if TYPE_CHECKING:
    from cftui.api.client import ActionList, CloudReader

log = logging.getLogger(__name__)

_MANY_VMS = 25
"""From so many VMs on, one read of the whole list is cheaper for the cloud than one read each."""

_PARALLEL_READS = 4

_SHOW_EVERY_S = 0.25
"""How often the first reading shows what it has so far: each time costs a look at all of it."""


class Facade(Protocol):
    """What the poller needs of the engine: where facts go, and what is known."""

    @property
    def view(self) -> View:
        """The fleet as known now."""

    def next_sequence(self) -> int:
        """A sequence number for a read that begins now."""

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
        """Apply one reading."""

    def tell(self, link: Link) -> None:
        """The state of the conversation is different."""

    async def keep(self, entry: JournalEntry) -> None:
        """An entry that is followed moved on."""

    async def reread_journal(self) -> None:
        """Take in what other programs on the same journal did."""


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
        self._link = Link(since=clock.monotonic(), poll_interval_s=limits.idle_s)
        self._followed: dict[str, Followed] = {}
        self._is_signed_in = False
        self._has_focus = True
        self._failures = 0
        self._not_before = 0.0
        self._list_due = clock.monotonic()
        self._foreign_due = 0.0
        self._journal_due = self._list_due
        self._has_strays = False
        self._replaced: set[str] = set()
        """Tokens of submissions that were sent again."""
        self.rounds = 0
        """Rounds that ended, well or not."""
        self.last_error: errors.CloudError | None = None
        """Why the last round failed; None when it did not."""

    def follow(self, entry: JournalEntry) -> None:
        """Follow a submission until nothing more is looked for."""
        now = self._clock.monotonic()
        followed = Followed(entry, now=now, wall=self._clock.now().timestamp(), interval_s=self._limits.active_s)
        if entry.replaces:
            self._replaced.add(entry.replaces)
        if followed.is_over:
            return
        followed.due = now + min(1.0, self._limits.active_s)
        self._followed[entry.submission.token] = followed
        self._wake.set()

    def entry(self, token: str) -> JournalEntry | None:
        """What is followed of a submission; None when nothing is any more."""
        followed = self._followed.get(token)
        return None if followed is None else followed.entry

    def refused(self, error: errors.Unauthorized) -> None:
        """The credentials were refused elsewhere: nothing is asked again until there are others."""
        self._failed(error, LinkState.UNAUTHORISED, "e-mail or password refused", None)

    def refresh(self) -> None:
        """Ask at once, also while the cloud does not answer; a wait that it asked for is kept."""
        self._list_due = self._clock.monotonic()
        if getattr(self.last_error, "retry_after_s", None) is None:
            self._not_before = self._list_due
        self._wake.set()

    def pause(self, is_paused: bool) -> None:
        """Stop or go on reading the list; what is in progress is followed all the same."""
        self._say(is_paused=is_paused)
        self._wake.set()

    def focus(self, has_focus: bool) -> None:
        """Ask half as often while nobody looks."""
        self._has_focus = has_focus
        self._say(poll_interval_s=self._limits.idle_s * self._slower)
        self._wake.set()

    def signed_out(self, reader: CloudReader) -> None:
        """Other credentials are in place: begin again with a reader that has them."""
        self._reader = reader
        self._is_signed_in = False
        self._say(state=LinkState.CONNECTING, since=self._clock.monotonic(), cause="", hint="")
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
            wait = error.retry_after_s or retry.next_delay(self._failures, None, self._rng)
            self._failed(error, self._link.state, f"slowed by the cloud for {wait:.0f} s", wait)
        except errors.CloudError as error:
            retry_after = getattr(error, "retry_after_s", None)
            wait = retry.next_delay(self._failures, retry_after, self._rng)
            self._failed(error, LinkState.OFFLINE, _short(error), wait)
        except Exception as error:  # a bug here must not end the following of what was sent
            log.exception("A round of reads failed")
            failure = errors.CloudError(f"Reading failed inside cftui ({type(error).__name__}).")
            self._failed(failure, LinkState.OFFLINE, failure.message, retry.next_delay(self._failures, None, self._rng))
        else:
            self._failures = 0
            self._not_before = 0.0
            self.last_error = None
            if self._link.state is not LinkState.LIVE:
                self._say(state=LinkState.LIVE, since=self._clock.monotonic())
            self._say(cause="", hint="", next_try=None, is_loading=False)
        self._say(
            round_trip_s=self._reader.round_trip_s,
            server_offset=self._reader.server_offset,
            action_source=ActionSource(self._reader.action_source),
        )
        self.rounds += 1

    @property
    def _is_sending_somewhere(self) -> bool:
        return any(one.stage is Stage.SENDING for one in self._engine.view.submissions.values())

    async def _ask(self, began: float) -> None:
        if not self._is_signed_in:
            with contextlib.suppress(errors.NotFound):  # the document of the actions names no such endpoint
                self._say(account=clean((await self._reader.account()).email or ""))
            self._is_signed_in = True
        if self._list_due <= began and not self._link.is_paused:
            await self._read_list(began)
            self._list_due = self._clock.monotonic() + self._limits.idle_s * self._slower
        if self._journal_due <= began:
            await self._engine.reread_journal()
            wait = self._limits.active_s if self._is_sending_somewhere else self._limits.idle_s
            self._journal_due = self._clock.monotonic() + wait
        await self._follow_round(began)

    async def _read_list(self, began: float) -> None:
        sequence = self._engine.next_sequence()
        is_first = self._engine.view.read_at is None
        rows: list[VmRow] = []
        unreadable = fed = 0
        fed_at = began
        self._say(is_loading=True, loaded=0, total=None)
        async for page in self._reader.list_vms():
            rows += page.rows
            unreadable += page.unreadable
            now = self._clock.monotonic()
            if is_first and (not fed or now - fed_at >= _SHOW_EVERY_S):
                self._engine.feed(vms=tuple(rows[fed:]), sequence=sequence)
                self._say(loaded=len(rows), total=page.total)
                fed, fed_at = len(rows), now
        if unreadable:
            # Any VM that is missing now may be one of those entries: it is kept as last read rather than called gone.
            listed = {row.id for row in rows}
            rows += [row for vm_id, row in self._engine.view.vms.items() if vm_id not in listed]
        took_s = self._clock.monotonic() - began
        self._engine.feed(vms=tuple(rows), is_whole_fleet=True, sequence=sequence, took_s=took_s)
        if self._link.state is LinkState.CONNECTING:
            self._say(state=LinkState.LIVE, since=self._clock.monotonic())
        self._say(is_loading=False, loaded=len(rows), total=len(rows), unreadable=unreadable)
        sequence = self._engine.next_sequence()
        is_whole = is_first or self._has_strays
        with contextlib.suppress(errors.NotFound):
            actions = await self._reader.actions(whole=is_whole)
            self._engine.feed(actions=actions, is_whole_history=is_whole, sequence=sequence)
            self._has_strays = self._strays_beside(actions)

    async def _follow_round(self, began: float) -> None:
        due = [one for one in self._followed.values() if one.due <= began and one.submission.stage is not Stage.SENDING]
        foreign = self._foreign(began) if self._foreign_due <= began else set()
        if not due and not foreign:
            return
        sequence = self._engine.next_sequence()
        asked_at = self._clock.monotonic()
        listing = await self._reader.follow({one.submission.vm_id for one in due} | foreign)
        self._engine.feed(actions=listing.rows, sequence=sequence)
        await self._advance(due, _facts_from(listing, asked_at, self._clock.monotonic()))
        await self._look_whole(due)
        wanted = {one.submission.vm_id for one in due if one.wants_vm and not one.is_over}
        wanted |= {one.submission.vm_id for one in due if one.is_over}
        doing = self._engine.view.doing
        wanted |= {vm_id for vm_id in foreign if not (vm_id in doing and doing[vm_id].is_open)}
        can_list = listing.source != ActionSource.NONE
        asked_at = self._clock.monotonic()
        vms = await self._read_vms(wanted)
        now = self._clock.monotonic()

        def seen(vm_id: str) -> Facts | None:
            if vm_id not in vms:
                return None
            return Facts(now, asked_at, can_list, vm=vms[vm_id], is_vm_gone=vms[vm_id] is None)

        await self._advance(due, seen)
        for one in due:
            one.ask_again(now)
            if one.is_over:
                del self._followed[one.submission.token]
        self._foreign_due = now + self._limits.active_s * self._slower

    async def _advance(self, due: Iterable[Followed], facts: Callable[[str], Facts | None]) -> None:
        for one in due:
            known = facts(one.submission.vm_id)
            if known is None:
                continue
            token, vm_id = one.submission.token, one.submission.vm_id
            others = self._engine.view.submissions.values()
            claimed = {o.key for o in others if o.key is not None and o.vm_id == vm_id and o.token != token}
            known = replace(known, claimed=frozenset(claimed), is_replaced=token in self._replaced)
            if one.advance(known):
                await self._engine.keep(one.entry)

    async def _look_whole(self, due: Iterable[Followed]) -> None:
        """Read all that the cloud has on a VM where only that can tell that there is no trace of a request."""
        for one in due:
            if not one.wants_whole_list(self._clock.monotonic()):
                continue
            vm_id, asked_at = one.submission.vm_id, self._clock.monotonic()
            rows = await self._all_actions_of(vm_id)
            if rows is not None:
                facts = Facts(self._clock.monotonic(), asked_at, can_list=True, actions=rows, is_whole=True)
                await self._advance([one], {vm_id: facts}.get)

    async def _all_actions_of(self, vm_id: str) -> tuple[ActionRow, ...] | None:
        with contextlib.suppress(errors.NotFound):
            return await self._reader.vm_actions(vm_id)
        with contextlib.suppress(errors.NotFound):
            return tuple(row for row in await self._reader.actions(whole=True) if row.vm_id == vm_id)
        return None

    async def _read_vms(self, vm_ids: set[str]) -> dict[str, VmRow | None]:
        """The VMs as they are now, None for those that the cloud does not know; feeds the fleet."""
        if not vm_ids:
            return {}
        sequence = self._engine.next_sequence()
        if len(vm_ids) > _MANY_VMS:
            await self._read_list(self._clock.monotonic())
            return {vm_id: self._engine.view.vms.get(vm_id) for vm_id in vm_ids}
        gate = asyncio.Semaphore(_PARALLEL_READS)

        found: dict[str, VmRow | None] = {}

        async def read(vm_id: str) -> None:
            async with gate:
                try:
                    found[vm_id] = (await self._reader.get_vm(vm_id)).row()
                except errors.NotFound:
                    found[vm_id] = None
                except (errors.Unauthorized, errors.RateLimited, errors.Unreachable):
                    raise
                except errors.CloudError as error:
                    log.info("One VM could not be read: %s", clean(error.message))  # its siblings can

        ends = await asyncio.gather(*map(read, vm_ids), return_exceptions=True)
        self._engine.feed(vms=tuple(row for row in found.values() if row is not None), sequence=sequence)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return found

    def _foreign(self, now: float) -> set[str]:
        """VMs on which others have something in progress; what runs far beyond its usual limit waits for the list."""
        offset = self._link.server_offset
        own = {one.submission.vm_id for one in self._followed.values()}

        def is_worth_it(entry: HistoryEntry) -> bool:
            if entry.is_own or not entry.is_open:
                return False
            return offset is None or now + offset - entry.started < rules.usual_limit_s(entry.type)

        return {vm_id for vm_id, entry in self._engine.view.doing.items() if is_worth_it(entry)} - own

    def _strays_beside(self, actions: Sequence[ActionRow]) -> bool:
        """Whether someone else's unfinished action is not in this list; only a whole one can tell that it is lost."""
        listed = {str(key) for key in keyed(actions)}
        return any(
            entry.is_open and not entry.is_own and entry.id not in listed for entry in self._engine.view.doing.values()
        )

    @property
    def _slower(self) -> float:
        return 1.0 if self._has_focus else 2.0

    async def _wait_until_due(self) -> None:
        while True:
            self._wake.clear()
            now = self._clock.monotonic()
            due = self._next_due(now)
            if due is not None and due <= now:
                return
            waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._wake.wait())]
            if due is not None:
                waits.append(asyncio.ensure_future(self._clock.sleep(due - now)))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def _next_due(self, now: float) -> float | None:
        if self._link.state is LinkState.UNAUTHORISED:
            return None
        dues = [one.due for one in self._followed.values() if one.submission.stage is not Stage.SENDING]
        if not self._link.is_paused or not self._is_signed_in:
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
        since = self._link.since if self._link.state is state else now
        self._say(
            state=state, since=since, cause=clean(cause).rstrip("."), hint=error.hint, is_loading=False,
            next_try=None if wait_s is None else self._not_before,
        )  # fmt: skip

    def _say(self, **changes: object) -> None:
        link = replace(self._link, **changes)  # type: ignore[arg-type]
        if link != self._link:
            self._link = link
            self._engine.tell(link)


def _short(error: errors.CloudError) -> str:
    """Why, in a few words for a line that has to say more."""
    if isinstance(error, errors.ReadFailed | errors.Unreachable):
        return error.cause
    return f"it answered {error.status}" if error.status is not None and error.status >= 400 else error.message


def _facts_from(listing: ActionList, asked_at: float, now: float) -> Callable[[str], Facts | None]:
    """What one list read tells by VM id: an empty list of a VM without actions, None of a VM it was not asked about."""
    by_vm: dict[str, list[ActionRow]] = {}
    for row in listing.rows:
        by_vm.setdefault(row.vm_id, []).append(row)
    can_list = listing.source != ActionSource.NONE

    def facts(vm_id: str) -> Facts | None:
        if listing.vm_ids is not None and vm_id not in listing.vm_ids:
            return None
        return Facts(now, asked_at, can_list, tuple(by_vm.get(vm_id, ())) if can_list else None)

    return facts
