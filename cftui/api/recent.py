"""Which pages of an action list can hold what is new: its order is documented nowhere, so it is found out."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from urllib.parse import parse_qs, urlsplit

from cftui.api.errors import NotFound
from cftui.api.lists import ListPage
from cftui.fleet.rows import ActionRow

MAX_STEPS = 50
"""Pages read at most in one go."""


class RecentActions:
    """Reads the newest actions of one list in as few requests as its order allows, and remembers the order.

    Args:
        read_page: Fetches one page by its number, from 1.
        rows_of: The rows of a page, in the cloud's order.
    """

    def __init__(
        self, read_page: Callable[[int], Awaitable[ListPage]], rows_of: Callable[[ListPage], Sequence[ActionRow]]
    ) -> None:
        self._read_page = read_page
        self._rows_of = rows_of
        self._size = 0
        """Entries on a full page."""
        self._tail = 0
        """The last page when it was last seen; 0 while the list is not known to be oldest first."""

    async def read(self, vm_ids: Collection[str] = ()) -> tuple[ActionRow, ...]:
        """The newest page, and older ones while a VM asked for is on none, as far as they may reasonably reach.

        Args:
            vm_ids: VMs with something in progress.

        Returns:
            Rows in the cloud's order.
        """
        if self._tail:
            try:
                rows = await self._from_tail(vm_ids)
            except NotFound:
                rows = []
            if rows:
                return tuple(rows)
            self._tail = 0  # the list became shorter
        first = await self._read_page(1)
        self._size = len(first.entries)
        rows = list(self._rows_of(first))
        if not self._goes_on(first, 1):
            return tuple(rows)
        if _is_oldest_first(rows):
            self._tail = _page_number(first.last_link) or math.ceil((first.total or 0) / self._size) or 1
            return tuple(await self._from_tail(vm_ids))
        page, number = first, 1
        while self._goes_on(page, number) and self._wants_more(rows, vm_ids, number):
            number += 1
            page = await self._read_page(number)
            rows += self._rows_of(page)
        return tuple(rows)

    async def _from_tail(self, vm_ids: Collection[str]) -> list[ActionRow]:
        page = await self._read_page(self._tail)
        rows = list(self._rows_of(page))
        read, before = 1, self._tail - 1
        while self._goes_on(page, self._tail) and read < MAX_STEPS:
            self._tail += 1
            read += 1
            page = await self._read_page(self._tail)
            rows += self._rows_of(page)
        while before and rows and (len(rows) < self._size or self._wants_more(rows, vm_ids, read)):
            rows = [*self._rows_of(await self._read_page(before)), *rows]
            before -= 1
            read += 1
        return rows

    def _goes_on(self, page: ListPage, number: int) -> bool:
        if not page.entries:
            return False
        if page.next_link or page.total is None:
            return bool(page.next_link)
        return number * self._size < page.total

    def _wants_more(self, rows: Sequence[ActionRow], vm_ids: Collection[str], read: int) -> bool:
        """Whether VMs are missing, and pages unread among which twice as many actions as there are such VMs fit."""
        may_read = min(MAX_STEPS, 1 + math.ceil(2 * len(vm_ids) / max(1, self._size)))
        return read < may_read and not {row.vm_id for row in rows}.issuperset(vm_ids)


def _is_oldest_first(rows: Sequence[ActionRow]) -> bool:
    times = [row.started for row in rows if row.started is not None]
    return len(times) > 1 and times[0] < times[-1]


def _page_number(link: str) -> int:
    """The `page` of a paging link; 0 without one."""
    try:
        number = parse_qs(urlsplit(link).query).get("page", ["0"])[0]
    except ValueError:
        return 0
    return int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0
