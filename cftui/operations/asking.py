"""What is asked in one round and where the answers go: the list, single VMs, all the actions of one.

When to ask is the poller's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cftui.api import errors
from cftui.clock import Clock
from cftui.fleet.identity import keyed
from cftui.fleet.rows import ActionRow, VmRow
from cftui.operations.conversation import Conversation, Facade
from cftui.operations.lookup import Facts
from cftui.operations.state import ActionSource, LinkState
from cftui.text import clean

if TYPE_CHECKING:
    from cftui.api.client import ActionList, CloudReader

log = logging.getLogger(__name__)

NO_ACCESS_S = 300.0
"""How long a VM is left alone that this account may not read."""

ASKED_AGAIN = f"asked again every {NO_ACCESS_S / 60:.0f} minutes"

_UNREADABLE_S = 15.0
"""How long a single VM is left alone whose answer cannot be used: the others must not wait for it every time."""

_MANY_VMS = 25
"""From so many VMs on, one read of the whole list is cheaper for the cloud than one read each."""

_PARALLEL_READS = 4

_SHOW_EVERY_S = 0.25
"""How often the first reading shows what it has so far: each time costs a look at all of it."""

_OF_ALL = (errors.Unauthorized, errors.RateLimited, errors.Unreachable)
"""What one answer tells of every other request too."""

_NO_LIST = (errors.NotFound, errors.Forbidden)


class Sight(NamedTuple):
    """What came of reading one VM."""

    row: VmRow | None = None
    is_gone: bool = False
    """The cloud does not know it."""
    trouble: str = ""
    """Why it could not be read, in a few words."""


class Asking:
    """Asks one cloud.

    Args:
        reader: Reads; stays its owner's.
        engine: Where everything goes.
        talk: Told how far a list was read.
        clock: The time.
    """

    def __init__(self, reader: CloudReader, engine: Facade, talk: Conversation, *, clock: Clock) -> None:
        self.reader = reader
        self._engine = engine
        self._talk = talk
        self._clock = clock
        self._has_account = True
        self._has_strays = False
        self._left_alone: dict[str, float] = {}
        """Until when, by VM id."""

    async def sign_in(self) -> None:
        """Ask whose account it is: the cheapest proof that URL and credentials are right."""
        try:
            account = await self.reader.account()
        except errors.NotFound:
            self._has_account = False  # the document of the actions names no such endpoint
        else:
            self._has_account = True
            self._talk.say(account=clean(account.email or ""))

    async def probe(self) -> None:
        """One small request, to learn whether the cloud answers again."""
        if self._has_account:
            await self.reader.account()
            return
        async with contextlib.aclosing(self.reader.list_vms()) as pages:
            await anext(pages)

    async def list(self) -> None:
        """The whole list of VMs, and what can be read of all actions."""
        began = self._clock.monotonic()
        sequence = self._engine.next_sequence()
        is_first = self._engine.view.read_at is None
        rows: list[VmRow] = []
        unreadable = fed = 0
        fed_at = began
        self._talk.say(is_loading=True, loaded=0, total=None)
        async for page in self.reader.list_vms():
            rows += page.rows
            unreadable += page.unreadable
            now = self._clock.monotonic()
            if is_first and (not fed or now - fed_at >= _SHOW_EVERY_S):
                self._engine.feed(vms=tuple(rows[fed:]), sequence=sequence)
                self._talk.say(loaded=len(rows), total=page.total)
                fed, fed_at = len(rows), now
        if unreadable:
            # Any VM that is missing now may be one of those entries: it is kept as last read rather than called gone.
            listed = {row.id for row in rows}
            rows += [row for vm_id, row in self._engine.view.vms.items() if vm_id not in listed]
        took_s = self._clock.monotonic() - began
        self._engine.feed(vms=tuple(rows), is_whole_fleet=True, sequence=sequence, took_s=took_s)
        if self._talk.link.state is LinkState.CONNECTING:
            self._talk.say(state=LinkState.LIVE, since=self._clock.monotonic(), cause="")
        self._talk.say(is_loading=False, loaded=len(rows), total=len(rows), unreadable=unreadable)
        sequence = self._engine.next_sequence()
        is_whole = is_first or self._has_strays
        with contextlib.suppress(*_NO_LIST):
            actions = await self.reader.actions(whole=is_whole)
            self._engine.feed(actions=actions, is_whole_history=is_whole, sequence=sequence)
            self._has_strays = self._strays_beside(actions)

    async def all_actions_of(self, vm_id: str) -> tuple[ActionRow, ...] | None:
        """All that the cloud has on a VM, or None where that cannot be read now."""
        try:
            with contextlib.suppress(*_NO_LIST):
                return await self.reader.vm_actions(vm_id)
            with contextlib.suppress(*_NO_LIST):
                return tuple(row for row in await self.reader.actions(whole=True) if row.vm_id == vm_id)
        except _OF_ALL:
            raise
        except errors.CloudError as error:
            log.info("The actions of one VM could not be read: %s", clean(error.message))  # others' can
        return None

    async def vms(self, vm_ids: Collection[str]) -> dict[str, Sight]:
        """The VMs as they are now, without those that are left alone for a while; feeds the fleet.

        Raises:
            CloudError: Something that concerns all of them.
        """
        now = self._clock.monotonic()
        wanted = [vm_id for vm_id in vm_ids if self._left_alone.get(vm_id, now) <= now]
        if not wanted:
            return {}
        if len(wanted) > _MANY_VMS:
            await self.list()
            vms = self._engine.view.vms
            return {vm_id: Sight(vms.get(vm_id), is_gone=vm_id not in vms) for vm_id in wanted}
        sequence = self._engine.next_sequence()
        found, failure = await self._read(wanted)
        rows = tuple(sight.row for sight in found.values() if sight.row is not None)
        self._engine.feed(vms=rows, sequence=sequence)
        if failure is not None:
            raise failure
        if any(sight.is_gone for sight in found.values()):
            return await self._confirmed(found)
        return found

    def leave_nothing_alone(self) -> None:
        """Somebody asks for it now, or other credentials may read more."""
        self._left_alone.clear()

    async def _read(self, vm_ids: Sequence[str]) -> tuple[dict[str, Sight], errors.CloudError | None]:
        gate = asyncio.Semaphore(_PARALLEL_READS)
        found: dict[str, Sight] = {}
        failures: list[errors.CloudError] = []
        silent = 0

        async def read(vm_id: str) -> None:
            nonlocal silent
            async with gate:
                if failures:
                    return
                try:
                    found[vm_id] = Sight((await self.reader.get_vm(vm_id)).row())
                    silent = 0
                except errors.NotFound:
                    found[vm_id] = Sight(is_gone=True)
                except _OF_ALL as error:
                    failures.append(error)
                except errors.CloudError as error:
                    found[vm_id] = self._trouble(vm_id, error)
                    silent += isinstance(error, errors.ReadFailed) and error.status is None
                    if silent >= _PARALLEL_READS:
                        failures.append(error)  # nobody answers, so the rest need not be asked

        await asyncio.gather(*map(read, vm_ids))
        return found, failures[0] if failures else None

    def _trouble(self, vm_id: str, error: errors.CloudError) -> Sight:
        log.info("One VM could not be read: %s", clean(error.message))
        is_forbidden = isinstance(error, errors.Forbidden)
        self._left_alone[vm_id] = self._clock.monotonic() + (NO_ACCESS_S if is_forbidden else _UNREADABLE_S)
        no_access = f"no access to the VM; {ASKED_AGAIN}"
        return Sight(trouble=no_access if is_forbidden else f"the VM cannot be read: {short(error)}")

    async def _confirmed(self, found: dict[str, Sight]) -> dict[str, Sight]:
        """Without those that may be missing only because everything is: a wrong answer of a proxy deletes no VM.

        Raises:
            CloudError: The account is not found either.
        """
        if self._has_account:
            await self.reader.account()
            return found
        listed = self._engine.view.vms
        return {vm_id: sight for vm_id, sight in found.items() if not (sight.is_gone and vm_id in listed)}

    def _strays_beside(self, actions: Sequence[ActionRow]) -> bool:
        """Whether someone else's unfinished action is not in this list; only a whole one can tell that it is lost."""
        listed = {str(key) for key in keyed(actions)}
        return any(
            entry.is_open and not entry.is_own and entry.id not in listed for entry in self._engine.view.doing.values()
        )


def short(error: errors.CloudError) -> str:
    """Why, in a few words for a line that has to say more."""
    if isinstance(error, errors.ReadFailed | errors.Unreachable):
        return error.cause
    if error.status is not None and error.status >= 400:
        return f"it answered {error.status}"
    return error.message.rstrip(".")


def facts_from(listing: ActionList, asked_at: float, now: float) -> Callable[[str], Facts | None]:
    """What one list read tells by VM id: an empty list of a VM without actions, None of a VM it was not asked about."""
    by_vm: dict[str, list[ActionRow]] = {}
    for row in listing.rows:
        by_vm.setdefault(row.vm_id, []).append(row)

    def facts(vm_id: str) -> Facts | None:
        if vm_id in listing.no_access:
            return Facts(now, asked_at, can_list=True, trouble=f"no access to its actions; {ASKED_AGAIN}")
        if not _can_list(listing, vm_id):
            return Facts(now, asked_at, can_list=False)
        if listing.vm_ids is not None and vm_id not in listing.vm_ids:
            return None
        return Facts(now, asked_at, True, tuple(by_vm.get(vm_id, ())))

    return facts


def facts_of(
    sights: Mapping[str, Sight], listing: ActionList, asked_at: float, now: float
) -> Callable[[str], Facts | None]:
    """What looking at the VMs themselves tells by VM id."""

    def facts(vm_id: str) -> Facts | None:
        sight = sights.get(vm_id)
        if sight is None:
            return None
        can_list = _can_list(listing, vm_id)
        return Facts(
            now, asked_at, can_list, vm=sight.row, is_vm_gone=sight.is_gone, trouble=sight.trouble, is_about_vm=True
        )

    return facts


def _can_list(listing: ActionList, vm_id: str) -> bool:
    return listing.source != ActionSource.NONE and vm_id not in listing.no_list
