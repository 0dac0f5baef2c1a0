"""Lists that come in pages: where the next one is, and where a list ends. API reference: 11.1.12."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from typing import NamedTuple, Protocol

from cftui.api.allowance import Allowance
from cftui.api.errors import BadAnswer, NotFound, RateLimited, Rejected
from cftui.api.lists import ListPage, split_list
from cftui.api.reading import named
from cftui.api.urls import origin_of, same_origin
from cftui.clock import Clock
from cftui.text import clean, cut

PER_PAGE = 200
"""The most that the API which this one copies gives; a cloud that gives fewer only has more pages."""

MAX_PAGES = 1000
"""Of the VM list: 200,000 VMs. More is a server that never ends."""


class ReadBody(Protocol):
    """Reads one URL of the cloud to the end, or raises `CloudError`."""

    def __call__(self, url: str, *, vm_id: str = "") -> Awaitable[bytes]:
        """The body of the answer to GET `url`."""


class Page(NamedTuple):
    """One page, and whether the list ends with it."""

    entries: tuple[bytes, ...]
    total: int | None
    is_last: bool
    is_guess: bool = False
    """The cloud said nothing of it: neither `meta` nor `links` told whether there is more."""


class PagedLists:
    """Reads lists page by page, one after another.

    Args:
        base_url: Links are followed to its origin only, as every request carries the credentials.
        read: Fetches a page.
        clock: Bounds a whole list.
    """

    def __init__(self, base_url: str, read: ReadBody, clock: Clock) -> None:
        self._base_url = base_url
        self._read = read
        self._clock = clock
        self._splits: dict[str, tuple[bytes, ListPage]] = {}

    def begin(self) -> Allowance:
        """What the pages of one list may cost together, from now on."""
        return Allowance(self._clock)

    async def page(self, path: str, number: int, allowance: Allowance, *, vm_id: str = "") -> ListPage:
        """One page by its number, from 1; the list stands under the last word of its path.

        Raises:
            ReadFailed, BadAnswer: Also when all pages together take too long or hold too much.
        """
        return await self._split(self._url(path, number), path, vm_id, allowance)

    async def pages(self, path: str, *, vm_id: str = "", max_pages: int = MAX_PAGES) -> AsyncGenerator[Page, None]:
        """All pages in order, as far as `max_pages` reach.

        Raises:
            BadAnswer: The list goes on elsewhere or in a circle, or is too long; the pages given until then are good.
            ReadFailed: It does not come to its end in time.
        """
        allowance = self.begin()
        url = self._url(path, 1)
        asked: set[str] = set()
        seen: set[bytes] = set()
        count = 0
        is_guess = False
        for number in range(1, max_pages + 1):
            asked.add(url)
            try:
                page = await self._split(url, path, vm_id, allowance)
            except (NotFound, Rejected) as error:
                if not is_guess or isinstance(error, RateLimited):
                    raise
                yield Page((), None, True)
                return
            known = len(seen)
            seen.update(page.entries)
            count += len(page.entries)
            is_new = len(seen) > known
            is_last = not is_new or not self._goes_on(page, count)
            yield Page(page.entries if is_new else (), page.total, is_last, is_guess)
            if is_last:
                return
            is_guess = not page.next_link and page.total is None
            url = self._followed(page.next_link, url) if page.next_link else self._url(path, number + 1)
            if url in asked:
                raise BadAnswer("The pages of a list lead in a circle; what came before is shown.")

    def _url(self, path: str, number: int) -> str:
        return f"{self._base_url}/{path}?per_page={PER_PAGE}" + (f"&page={number}" if number > 1 else "")

    def _followed(self, link: str, url: str) -> str:
        whole = same_origin(link, url)
        if not whole:
            where = cut(clean(origin_of(link) or link), 80)
            raise BadAnswer(f"A list goes on at another host, {where}; that was not followed.")
        return whole

    @staticmethod
    def _goes_on(page: ListPage, count: int) -> bool:
        if page.next_link:
            return True
        return not page.has_links if page.total is None else count < page.total

    async def _split(self, url: str, path: str, vm_id: str, allowance: Allowance) -> ListPage:
        """A page, split; one that came byte for byte before costs one comparison (P13)."""
        allowance.begin_page()
        body = await self._read(url, vm_id=vm_id)
        known = self._splits.get(url)
        if known is not None and known[0] == body:
            allowance.take(len(known[1].entries), len(body))
            return known[1]
        with named(path, vm_id):
            page = split_list(body, path.rsplit("/", 1)[-1])
            allowance.take(len(page.entries), len(body))
        if not vm_id:
            while len(self._splits) >= MAX_PAGES:
                del self._splits[next(iter(self._splits))]
            self._splits[url] = (body, page)
        return page
