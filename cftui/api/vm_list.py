"""The list of VMs, page by page; what did not change since it was last read costs nothing. API reference: section 3."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from cftui.api.errors import BadAnswer
from cftui.api.lists import RowCache
from cftui.api.models import VM
from cftui.api.pages import MAX_PAGES, PagedLists
from cftui.fleet.rows import VmRow


class Identified(Protocol):
    """A VM, slim or whole."""

    @property
    def id(self) -> str:
        """As the API spells it."""


Vm = TypeVar("Vm", bound=Identified)


@dataclass(frozen=True, slots=True)
class VmPage(Generic[Vm]):
    """One page of the VM list, of slim rows or of whole models."""

    rows: tuple[Vm, ...]
    total: int | None
    """What `meta.total` says; None when it does not."""
    is_last: bool
    unreadable: int = 0
    """Entries that could not be read at all."""


class VmList(Generic[Vm]):
    """Reads the list, and remembers what it made of each entry.

    Args:
        lists: Reads pages.
        read: Makes a VM of an entry: `slim` or `whole`.
    """

    def __init__(self, lists: PagedLists, read: Callable[[dict[str, object]], Vm]) -> None:
        self._lists = lists
        self._rows: RowCache[Vm] = RowCache(read)

    async def pages(self) -> AsyncGenerator[VmPage[Vm], None]:
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


def whole(entry: dict[str, object]) -> VM:
    """An entry with everything it says; BadAnswer when it has no id."""
    vm = VM.model_validate(entry)
    if not vm.id:
        raise BadAnswer("A VM has no id.")
    return vm


def slim(entry: dict[str, object]) -> VmRow:
    """What the list on the screen needs of an entry; BadAnswer when it has no id."""
    return whole(entry).row()
