"""The list of VMs, page by page; what did not change since it was last read costs nothing. API reference: section 3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from cftui.api.errors import BadAnswer
from cftui.api.lists import RowCache
from cftui.api.models import VM
from cftui.api.pages import MAX_PAGES, PagedLists
from cftui.fleet.rows import VmRow


@dataclass(frozen=True, slots=True)
class VmPage:
    """One page of the VM list."""

    rows: tuple[VmRow, ...]
    total: int | None
    """What `meta.total` says; None when it does not."""
    is_last: bool
    unreadable: int = 0
    """Entries that could not be read at all."""


class VmList:
    """Reads the list, and remembers its rows.

    Args:
        lists: Reads pages.
    """

    def __init__(self, lists: PagedLists) -> None:
        self._lists = lists
        self._rows: RowCache[VmRow] = RowCache(_read_row)

    async def pages(self) -> AsyncIterator[VmPage]:
        """See `CloudReader.list_vms`."""
        seen: set[str] = set()
        async with aclosing(self._lists.pages("vms")) as pages:
            async for page in pages:
                rows = self._rows.rows(page.entries)
                fresh = {row.id: row for row in rows if row is not None and row.id not in seen}
                seen.update(fresh)
                is_last = page.is_last or (page.is_guess and not fresh)
                yield VmPage(tuple(fresh.values()), page.total, is_last, rows.count(None))
                if is_last:
                    self._rows.finish()
                    return
        raise BadAnswer(f"The list of VMs does not end after {MAX_PAGES} pages.")


def _read_row(entry: dict[str, object]) -> VmRow:
    row = VM.model_validate(entry).row()
    if not row.id:
        raise BadAnswer("A VM has no id.")
    return row
