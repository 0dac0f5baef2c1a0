"""The order, filter and marks of the VM list: they belong to VM ids, and outlive every refresh. No widget, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cftui.fleet.fleet import Change, View
from cftui.fleet.history import HistoryEntry
from cftui.fleet.order import Column, sort_key
from cftui.fleet.query import Query, narrows, nearest, parse
from cftui.fleet.query import filter as passing
from cftui.fleet.rows import VmRow


class Listing:
    """What the list shows, in which order, and what is marked.

    `order` changes only in `filter`, `sort_by` and `reorder`; `take` drops what is gone and appends what is
    new, nothing else.
    """

    def __init__(self) -> None:
        self.vms: Mapping[str, VmRow] = {}
        self.doing: Mapping[str, HistoryEntry] = {}
        self.order: list[str] = []
        """VM ids as shown, from above."""
        self.marks: set[str] = set()
        self.query: Query = parse("")
        self.sort = Column.NAME
        self.is_reversed = False
        self._range: tuple[str, frozenset[str]] | None = None
        """Where a range of marks begins, and what was marked before it."""
        self._may_narrow = False
        """Marks, rows and what they do are as they were when `order` was made."""
        self._sorted: list[str] | None = None
        """Every VM in the order of the sort key; None once something changed since."""
        self._keys: dict[str, tuple[VmRow, Any]] = {}

    def take(self, view: View, change: Change) -> dict[str, str]:
        """Take in what is known now, and what became different since the last time.

        Returns:
            Marked VMs that are gone, name by id; their marks are dropped.
        """
        gone = [vm_id for vm_id in change.gone if vm_id in self.vms]
        lost = {vm_id: self.vms[vm_id].name for vm_id in gone if vm_id in self.marks}
        added = [vm_id for vm_id in (change.added if self.vms else view.vms) if vm_id in view.vms]
        self.marks.difference_update(gone)
        self.vms, self.doing = view.vms, view.doing
        if gone:
            leaving = frozenset(gone)
            if self._range is not None:
                anchor, before = self._range
                self._range = None if anchor in leaving else (anchor, before - leaving)
            self.order = [vm_id for vm_id in self.order if vm_id not in leaving]
        self.order.extend(vm_id for vm_id in added if self._passes(vm_id))
        if change or added:
            self._sorted = None
            self._may_narrow = False
        return lost

    def filter(self, text: str) -> None:
        """Show what passes; a range of marks ends.

        Raises:
            QueryError: The filter cannot be read; what is shown stays.
        """
        query = parse(text)
        is_narrower = self._may_narrow and narrows(self.query, query)
        self.query = query
        self._range = None
        self.order = self._passing(self.order if is_narrower else self._all_sorted())

    def nearest(self) -> tuple[str, str] | None:
        """Where nothing passes: the word that no VM has, and the nearest that one has."""
        return None if self.order else nearest(self.query, self.vms.values())

    def sort_by(self, key: Column, *, is_reversed: bool = False) -> None:
        """Sort anew."""
        if key is not self.sort:
            self._keys.clear()
        self.sort, self.is_reversed = key, is_reversed
        self._sorted = None
        self.reorder()

    def reorder(self) -> bool:
        """Bring order and filter up to date; whether anything moved, which ends a range of marks."""
        before = self.order
        self.order = self._passing(self._all_sorted())
        has_moved = before != self.order
        if has_moved:
            self._range = None
        return has_moved

    @property
    def visible_marks(self) -> list[str]:
        """Marked VMs that pass the filter, in the list's order."""
        return [vm_id for vm_id in self.order if vm_id in self.marks] if self.marks else []

    def hidden_among(self, vm_ids: Iterable[str]) -> int:
        """How many of some VMs the filter hides."""
        return len(set(vm_ids).difference(self.order)) if self.query.text.strip() else 0

    def mark(self, vm_id: str, is_marked: bool) -> None:
        """Mark a VM, or take its mark away."""
        self._end_all()
        (self.marks.add if is_marked else self.marks.discard)(vm_id)

    def mark_all(self) -> None:
        """Mark everything visible; where all of it is marked already, unmark it."""
        self._end_all()
        if self.marks.issuperset(self.order):
            self.marks.difference_update(self.order)
        else:
            self.marks.update(self.order)

    def invert(self) -> None:
        """Mark what is visible and unmarked, unmark what is visible and marked; the hidden keep theirs."""
        self._end_all()
        self.marks.symmetric_difference_update(self.order)

    def unmark_all(self) -> None:
        """No marks at all, hidden ones neither."""
        self._end_all()
        self.marks.clear()

    def mark_these(self, vm_ids: Iterable[str], *, replaces: bool = False) -> int:
        """Mark some VMs, visible or not; those that are not known are left out.

        Args:
            vm_ids: Their ids.
            replaces: They alone are marked afterwards.

        Returns:
            How many were not marked before.
        """
        self._end_all()
        wanted = {vm_id for vm_id in vm_ids if vm_id in self.vms}
        more = len(wanted - self.marks)
        if replaces:
            self.marks.clear()
        self.marks |= wanted
        return more

    def mark_passing(self, text: str) -> tuple[int, int]:
        """Mark all that pass a filter, whatever the filter in force hides.

        Returns:
            How many pass, and how many of them were not marked before.

        Raises:
            QueryError: The filter cannot be read; the marks stay.
        """
        found = passing(parse(text), self.vms.values(), marked=self.marks, doing=self.doing)
        return len(found), self.mark_these(vm.id for vm in found)

    @property
    def is_marking_range(self) -> bool:
        """Whether marks follow the cursor."""
        return self._range is not None

    def begin_range(self, vm_id: str) -> None:
        """Mark a VM, and from now on all between it and wherever `extend_range` goes."""
        self._range = (vm_id, frozenset(self.marks))
        self.extend_range(vm_id)

    def extend_range(self, vm_id: str) -> None:
        """The range goes from its beginning to this VM; what lies no longer between has the mark it had before."""
        if self._range is None:
            return
        anchor, before = self._range
        first, last = sorted((self.order.index(anchor), self.order.index(vm_id)))
        self._may_narrow = False
        self.marks = {*before, *self.order[first : last + 1]}

    def end_range(self) -> None:
        """Marks stay as they are now."""
        self._range = None

    def _end_all(self) -> None:
        """Other marks are made: no range goes on, and what passes may be different."""
        self._range = None
        self._may_narrow = False

    def longest(self, of: Callable[[VmRow], str], limit: int) -> int:
        """The length of the longest text of a column, counted up to `limit`."""
        return max((min(len(of(vm)), limit) for vm in self.vms.values()), default=0)

    @property
    def is_stale(self) -> bool:
        """Whether something changed that `reorder` may show differently."""
        return self._sorted is None

    def _all_sorted(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self.vms, key=self._keys_made(), reverse=self.is_reversed)
        return self._sorted

    def _passing(self, among: list[str]) -> list[str]:
        self._may_narrow = True
        if not self.query.text.strip():
            return list(among)
        vms = self.vms
        return [vm.id for vm in passing(self.query, map(vms.__getitem__, among), marked=self.marks, doing=self.doing)]

    def _passes(self, vm_id: str) -> bool:
        if not self.query.text.strip():
            return True
        return self.query.matches(self.vms[vm_id], is_marked=vm_id in self.marks, doing=self.doing.get(vm_id))

    def _keys_made(self) -> Callable[[str], Any]:
        """Sort keys by VM id, made once a row; folding 100,000 names takes longer than sorting them."""
        make, kept, vms = sort_key(self.sort), self._keys, self.vms

        def key(vm_id: str) -> Any:
            made = kept.get(vm_id)
            if made is None or made[0] is not vms[vm_id]:
                made = kept[vm_id] = (vms[vm_id], make(vms[vm_id]))
            return made[1]

        return key
