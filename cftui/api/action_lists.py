"""Where this cloud lets actions be read: two endpoints are promised, none is documented. API reference: 11.3."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from cftui.api.allowance import Allowance
from cftui.api.errors import (
    BadAnswer,
    CloudError,
    Forbidden,
    NotFound,
    RateLimited,
    ReadFailed,
    Unauthorized,
    Unreachable,
)
from cftui.api.lists import ListPage, RowCache
from cftui.api.models import Action
from cftui.api.pages import PagedLists
from cftui.api.recent import MAX_STEPS, RecentActions
from cftui.api.requests import quote_id
from cftui.fleet.rows import ActionRow

MAX_PARALLEL = 4
"""Reads of per-VM lists at the same time."""

_OF_ALL = (Unauthorized, RateLimited, Unreachable)
"""What one answer tells of every other request."""

_OF_ONE_VM = (Forbidden, NotFound)


@dataclass(frozen=True, slots=True)
class ActionList:
    """Actions as this cloud lets them be read."""

    rows: tuple[ActionRow, ...]
    """In the cloud's order. From the global endpoint: everything recent, of all VMs; else of the VMs asked for."""
    source: str
    """`global`, `per-vm` or `none`: the values of `operations.state.ActionSource`."""
    vm_ids: frozenset[str] | None
    """The VMs whose lists could be read; None for all of them."""
    no_list: frozenset[str] = frozenset()
    """VMs that can be read and have no list, though others have."""
    no_access: frozenset[str] = frozenset()
    """VMs whose lists this account may not read."""
    no_vm: frozenset[str] = frozenset()
    """VMs that the cloud does not know."""
    failure: CloudError | None = None
    """Why some of the lists were not asked for: credentials, rate limit, no connection."""


class ActionLists:
    """Finds out which endpoint works, once a session, and reads actions from it.

    Args:
        lists: Reads pages.
        confirm_vm: Returns if the VM exists, else raises NotFound.
    """

    def __init__(self, lists: PagedLists, confirm_vm: Callable[[str], Awaitable[object]]) -> None:
        self._lists = lists
        self._confirm_vm = confirm_vm
        self._rows = RowCache(_read_row)
        self._recent: dict[str, RecentActions] = {}
        self._has_global: bool | None = None
        self._has_per_vm: bool | None = None

    @property
    def source(self) -> str:
        """`untried`, `global`, `per-vm` or `none`, as found out so far."""
        if self._has_global:
            return "global"
        if self._has_global is None or self._has_per_vm is None:
            return "untried"
        return "per-vm" if self._has_per_vm else "none"

    async def of_all(self, vm_ids: Collection[str] = (), *, whole: bool = False) -> tuple[ActionRow, ...]:
        """Actions of all VMs: the newest, or all that 50 pages hold.

        Raises:
            NotFound, Forbidden: There is no such endpoint, or not for this account; remembered, and not asked again.
        """
        if self._has_global is False:
            raise NotFound("This cloud has no list of all actions.", status=404)
        try:
            rows = await (self._whole("actions", "") if whole else self._newest("actions", "", vm_ids))
        except (NotFound, Forbidden):
            self._has_global = bool(self._has_global)  # what worked once is only failing
            raise
        self._has_global = True
        self._rows.finish()
        return rows

    async def of_vm(self, vm_id: str) -> tuple[ActionRow, ...]:
        """All actions of one VM.

        Raises:
            NotFound: There is no such VM, or no such endpoint.
        """
        return await self._whole(_path(vm_id), vm_id)

    async def follow(self, vm_ids: Collection[str]) -> ActionList:
        """See `CloudReader.follow`."""
        try:
            return ActionList(await self.of_all(vm_ids), "global", None)
        except (NotFound, Forbidden):
            if self._has_global:
                raise
        if self.source == "none":
            return ActionList((), "none", frozenset(vm_ids))
        ends = await self._ends(sorted(set(vm_ids)))

        def where(kind: type[CloudError] | type[None]) -> frozenset[str]:
            return frozenset(vm_id for vm_id, end in ends.items() if isinstance(end, kind))

        read = {vm_id: rows for vm_id, rows in ends.items() if isinstance(rows, tuple)}
        no_list, no_access, no_vm = where(type(None)), where(Forbidden), where(NotFound)
        others = [end for end in ends.values() if isinstance(end, CloudError) and not isinstance(end, _OF_ONE_VM)]
        if read:
            self._has_per_vm = True
        elif no_list and not self._has_per_vm:
            self._has_per_vm = False
            return ActionList((), "none", frozenset(vm_ids))
        elif ends:
            self._has_global = None  # nothing answers, so nothing is proven
        failure = next((end for end in others if isinstance(end, _OF_ALL)), None)
        if others and (not read or isinstance(failure, Unauthorized)):
            raise failure or others[0]
        listed = tuple(row for rows in read.values() for row in rows)
        return ActionList(listed, "per-vm", frozenset(read), no_list, no_access, no_vm, failure)

    async def _ends(self, vm_ids: Sequence[str]) -> dict[str, tuple[ActionRow, ...] | CloudError | None]:
        """What came of reading each VM's own list: its rows, why there are none, or None where it has no list.

        What concerns all of them ends it: refused credentials must not be tried two hundred times.
        """
        gate = asyncio.Semaphore(MAX_PARALLEL)
        ends: dict[str, tuple[ActionRow, ...] | CloudError | None] = {}
        silent = 0

        async def read(vm_id: str) -> None:
            nonlocal silent
            async with gate:
                known = next((end for end in ends.values() if isinstance(end, _OF_ALL)), None)
                if known is not None:
                    ends[vm_id] = known
                elif silent >= MAX_PARALLEL:
                    ends[vm_id] = ReadFailed("The cloud does not answer.", cause="no answer")
                else:
                    ends[vm_id] = end = await self._end(vm_id)
                    is_silent = isinstance(end, ReadFailed) and end.status is None
                    silent = silent + 1 if is_silent else 0

        await asyncio.gather(*map(read, vm_ids))
        return ends

    async def _end(self, vm_id: str) -> tuple[ActionRow, ...] | CloudError | None:
        try:
            return await self._newest(_path(vm_id), vm_id, ())
        except NotFound:
            pass
        except CloudError as error:
            return error
        try:
            await self._confirm_vm(vm_id)
        except CloudError as error:
            return error
        return None

    async def _whole(self, path: str, vm_id: str) -> tuple[ActionRow, ...]:
        """All that 50 pages hold; of a longer list, which may begin with the oldest, the newest too."""
        found: list[ActionRow] = []
        is_last = True
        async for page in self._lists.pages(path, vm_id=vm_id, max_pages=MAX_STEPS):
            found += self._rows_of(page.entries, vm_id)
            is_last = page.is_last
        if not is_last:
            known = set(found)
            found += [row for row in await self._newest(path, vm_id, ()) if row not in known]
        return tuple(found)

    async def _newest(self, path: str, vm_id: str, vm_ids: Collection[str]) -> tuple[ActionRow, ...]:
        async def read_page(number: int, allowance: Allowance) -> ListPage:
            return await self._lists.page(path, number, allowance, vm_id=vm_id)

        recent = self._recent.setdefault(
            path, RecentActions(read_page, lambda page: self._rows_of(page.entries, vm_id))
        )
        return await recent.read(vm_ids, self._lists.begin())

    def _rows_of(self, entries: Sequence[bytes], vm_id: str) -> list[ActionRow]:
        """The readable entries; in a VM's own list, only those that are its own."""
        if not vm_id:
            return [row for row in self._rows.rows(entries) if row is not None]
        of_vm: RowCache[ActionRow] = RowCache(lambda entry: _read_row(entry, vm_id))
        return [row for row in of_vm.rows(entries) if row is not None and row.vm_id == vm_id]


def _path(vm_id: str) -> str:
    return f"vms/{quote_id(vm_id)}/actions"


def _read_row(entry: dict[str, object], vm_id: str = "") -> ActionRow:
    row = Action.model_validate(entry).row(vm_id)
    if not row.vm_id:
        raise BadAnswer("An action names no VM.")
    return row
