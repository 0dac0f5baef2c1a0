"""Which pages of an action list can hold what is new: its order is documented nowhere, so it is found out."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from enum import Enum, auto
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

from cftui.api.allowance import Allowance
from cftui.api.errors import NotFound
from cftui.api.lists import ListPage
from cftui.fleet.rows import ActionRow

MAX_STEPS = 50
"""Pages read at most in one go."""


class Order(Enum):
    """In which order a list stands."""

    NEWEST_FIRST = auto()
    OLDEST_FIRST = auto()
    NONE = auto()
    """Neither: what is new may be anywhere."""


class RecentActions:
    """Reads the newest actions of one list in as few requests as its order allows, and remembers the order.

    Args:
        read_page: Fetches one page by its number, from 1, within what the list may cost.
        rows_of: The rows of a page, in the cloud's order.
    """

    def __init__(
        self,
        read_page: Callable[[int, Allowance], Awaitable[ListPage]],
        rows_of: Callable[[ListPage], Sequence[ActionRow]],
    ) -> None:
        self._read_page = read_page
        self._rows_of = rows_of
        self._size = 0
        """Entries on a full page."""
        self._tail = 0
        """The last page when it was last seen; 0 while the list is not known to be oldest first."""

    async def read(self, vm_ids: Collection[str], allowance: Allowance) -> tuple[ActionRow, ...]:
        """The newest page, and older ones while a VM asked for is on none, as far as they may reasonably reach.

        Args:
            vm_ids: VMs with something in progress.
            allowance: What all pages may cost together.

        Returns:
            Rows in the cloud's order.
        """
        if self._tail:
            try:
                rows = await self._from_tail(vm_ids, allowance)
            except NotFound:
                rows = []
            if rows:
                return tuple(rows)
            self._tail = 0  # the list became shorter
        first = await self._read_page(1, allowance)
        self._size = len(first.entries)
        rows = list(self._rows_of(first))
        if not self._goes_on(first, 1):
            return tuple(rows)
        order = _order_of(rows)
        if order is Order.OLDEST_FIRST:
            self._tail = _page_number(first.last_link) or math.ceil((first.total or 0) / self._size) or 1
            return tuple(await self._from_tail(vm_ids, allowance))
        page, number = first, 1
        while self._goes_on(page, number) and (
            self._wants_more(rows, vm_ids, number) or (order is Order.NONE and number < MAX_STEPS)
        ):
            number += 1
            page = await self._read_page(number, allowance)
            rows += self._rows_of(page)
        return tuple(rows)

    async def _from_tail(self, vm_ids: Collection[str], allowance: Allowance) -> list[ActionRow]:
        page = await self._read_page(self._tail, allowance)
        rows = list(self._rows_of(page))
        read, before = 1, self._tail - 1
        while self._goes_on(page, self._tail) and read < MAX_STEPS:
            self._tail += 1
            read += 1
            page = await self._read_page(self._tail, allowance)
            rows += self._rows_of(page)
        while before and rows and (len(rows) < self._size or self._wants_more(rows, vm_ids, read)):
            rows = [*self._rows_of(await self._read_page(before, allowance)), *rows]
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


def _order_of(rows: Sequence[ActionRow]) -> Order:
    """By the steps from one entry to the next; one in ten may go the other way, as clocks of servers differ."""
    times = [row.started for row in rows if row.started is not None]
    steps = [after - before for before, after in pairwise(times) if after != before]
    up = sum(step > 0 for step in steps)
    if up > 0.9 * len(steps):
        return Order.OLDEST_FIRST
    return Order.NEWEST_FIRST if up <= 0.1 * len(steps) else Order.NONE


def _page_number(link: str) -> int:
    """The `page` of a paging link; 0 without one."""
    try:
        number = parse_qs(urlsplit(link).query).get("page", ["0"])[0]
    except ValueError:
        return 0
    return int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0
