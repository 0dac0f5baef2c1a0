"""Where this cloud lets actions be read: two endpoints are promised, none is documented. API reference: 11.3."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from cftui.api.errors import BadAnswer, CloudError, NotFound, Unauthorized
from cftui.api.lists import ListPage, RowCache
from cftui.api.models import Action
from cftui.api.pages import PagedLists
from cftui.api.recent import MAX_STEPS, RecentActions
from cftui.api.requests import quote_id
from cftui.fleet.rows import ActionRow

MAX_PARALLEL = 4
"""Reads of per-VM lists at the same time."""


@dataclass(frozen=True, slots=True)
class ActionList:
    """Actions as this cloud lets them be read."""

    rows: tuple[ActionRow, ...]
    """In the cloud's order. From the global endpoint: everything recent, of all VMs; else of the VMs asked for."""
    source: str
    """`global`, `per-vm` or `none`: the values of `operations.state.ActionSource`."""
    vm_ids: frozenset[str] | None
    """The VMs whose lists could be read; None for all of them."""


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
            NotFound: There is no such endpoint; remembered, and not asked again.
        """
        if self._has_global is False:
            raise NotFound("This cloud has no list of all actions.", status=404)
        try:
            rows = await (self._whole("actions", "") if whole else self._newest("actions", "", vm_ids))
        except NotFound:
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
        except NotFound:
            if self._has_global:
                raise
        if self.source == "none":
            return ActionList((), "none", frozenset(vm_ids))
        gate = asyncio.Semaphore(MAX_PARALLEL)

        async def one(vm_id: str) -> tuple[ActionRow, ...] | CloudError:
            async with gate:
                try:
                    return await self._newest(_path(vm_id), vm_id, ())
                except NotFound as error:
                    return await self._explain(vm_id, error)
                except CloudError as error:
                    return error

        wanted = sorted(set(vm_ids))
        ends = dict(zip(wanted, await asyncio.gather(*map(one, wanted)), strict=True))
        read = {vm_id: rows for vm_id, rows in ends.items() if isinstance(rows, tuple)}
        failures = [error for error in ends.values() if isinstance(error, CloudError)]
        if read:
            self._has_per_vm = True
        elif self.source == "none":
            return ActionList((), "none", frozenset(vm_ids))
        elif failures:
            self._has_global = None  # nothing answers, so nothing is proven
        telling = [error for error in failures if isinstance(error, Unauthorized)] or failures
        if telling and (not read or isinstance(telling[0], Unauthorized)):
            raise telling[0]
        return ActionList(tuple(row for rows in read.values() for row in rows), "per-vm", frozenset(read))

    async def _explain(self, vm_id: str, missing: NotFound) -> CloudError:
        """Why a VM's list is not there: the VM is gone, or this cloud has no such lists."""
        try:
            await self._confirm_vm(vm_id)
        except CloudError as error:
            return error
        if not self._has_per_vm:
            self._has_per_vm = False
        return missing

    async def _whole(self, path: str, vm_id: str) -> tuple[ActionRow, ...]:
        found: list[ActionRow] = []
        async for page in self._lists.pages(path, vm_id=vm_id, max_pages=MAX_STEPS):
            found += self._rows_of(page.entries, vm_id)
        return tuple(found)

    async def _newest(self, path: str, vm_id: str, vm_ids: Collection[str]) -> tuple[ActionRow, ...]:
        async def read_page(number: int) -> ListPage:
            return await self._lists.page(path, number, vm_id=vm_id)

        recent = self._recent.setdefault(
            path, RecentActions(read_page, lambda page: self._rows_of(page.entries, vm_id))
        )
        return await recent.read(vm_ids)

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
