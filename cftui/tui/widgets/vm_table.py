"""The VM list: a virtual table that costs the same for ten VMs and for a hundred thousand."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.message import Message
from textual.strip import Strip

from cftui.fleet.history import HistoryEntry
from cftui.fleet.order import Column as SortColumn
from cftui.fleet.rows import VmRow
from cftui.text import clean, cut_middle
from cftui.tui.listing import Listing
from cftui.tui.look import Line, Look, Part, cells_of
from cftui.tui.telling import Moment, doing, is_moving, told
from cftui.tui.widgets.columns import Column, cell, columns, padded, state_ink
from cftui.tui.widgets.row_list import RowList

_SORTABLE = frozenset(column.value for column in SortColumn)
_KEPT_STRIPS = 2000
"""Drawn rows kept for scrolling back; some screens full."""


class VmTable(RowList):
    """VMs by row; order, filter and marks are the listing's.

    Args:
        listing: What is shown.
        moment: Now, and what is usual.
    """

    class SortClicked(Message):
        """Someone clicked the head of a column."""

        def __init__(self, key: SortColumn) -> None:
            super().__init__()
            self.key = key

    def __init__(self, listing: Listing, moment: Moment, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.listing = listing
        self.moment = moment
        self.unseen: frozenset[str] = frozenset()
        """Ids of history entries that nobody looked at yet."""
        self.watched: frozenset[str] = frozenset()
        """Ids of VMs with a watch mark."""
        self.notes: list[Line] = []
        """What stands in the middle while there are no rows."""
        self.tail: list[Line] = []
        """What stands below the last row, while there is room."""
        self.is_wide = False
        self._name_cells = 0
        self._region_cells = 0
        self._kept: dict[str, tuple[tuple[object, ...], Strip]] = {}
        self._kept_look: tuple[Look, tuple[Column, ...]] | None = None

    @property
    def header_lines(self) -> int:
        """The heads of the columns; a list of one column has none."""
        return 0 if self.columns[0].key == "glyph" else 1

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns at this width."""
        return columns(
            self.size.width, name_cells=self._name_cells, region_cells=self._region_cells, is_wide=self.is_wide
        )

    def measure(self) -> None:
        """Look how wide the widest name and region are; after VMs came or changed."""
        name, region = (self.listing.longest(lambda vm: vm.name, 28), self.listing.longest(lambda vm: vm.region, 14))
        if (name, region) != (self._name_cells, self._region_cells):
            self._name_cells, self._region_cells = name, region
            self.repaint_all()

    def repaint_ids(self, ids: Iterable[str]) -> None:
        """Draw those of these VMs that are in sight."""
        wanted = frozenset(ids)
        if wanted:
            self.repaint_rows(*(self.top + line for line, vm_id in enumerate(self.ids_in_sight) if vm_id in wanted))

    def tick(self, moment: Moment) -> None:
        """A second has passed: clocks of what is in progress step, in sight only."""
        self.moment = moment
        doing_now = self.listing.doing
        self.repaint_ids(
            vm_id for vm_id in self.ids_in_sight if (entry := doing_now.get(vm_id)) is not None and is_moving(entry)
        )

    def draw_rest(self, y: int) -> Strip:
        """The header, the notes of an empty list, or the tail."""
        if y < self.header_lines:
            return self.look.strip(self._header(), self.size.width)
        if not self.order:
            line = y - max(1, (self.size.height - len(self.notes)) // 2 - 1)
            if 0 <= line < len(self.notes):
                note = self.notes[line]
                margin = Part(" " * max(1, (self.size.width - cells_of(note)) // 2))
                return self.look.strip([margin, *note], self.size.width)
        line = y - self.header_lines - (len(self.order) - self.top)
        if 0 <= line < len(self.tail):
            return self.look.strip([Part("   "), *self.tail[line]], self.size.width)
        return self.look.strip([], self.size.width)

    def draw_row(self, index: int) -> Strip:
        """A VM; strips of rows without the cursor are kept by the identity of what they show."""
        vm_id = self.order[index]
        vm = self.listing.vms[vm_id]
        entry = self.listing.doing.get(vm_id)
        if index == self.cursor:
            return self._strip(vm, entry, is_cursor=True)
        look, placed = self.data_look, self.columns
        if self._kept_look is None or self._kept_look[0] is not look or self._kept_look[1] is not placed:
            self._kept_look = (look, placed)
            self._kept.clear()
        if entry is not None and is_moving(entry):
            return self._strip(vm, entry, is_cursor=False)
        key = (
            vm,
            entry,
            vm_id in self.listing.marks,
            vm_id in self.watched,
            self.listing.query,
            entry is not None and entry.id in self.unseen,
        )
        kept = self._kept.get(vm_id)
        if kept is None or any(was is not now and was != now for was, now in zip(kept[0], key, strict=True)):
            if len(self._kept) > _KEPT_STRIPS:
                self._kept.clear()
            kept = self._kept[vm_id] = (key, self._strip(vm, entry, is_cursor=False))
        return kept[1]

    def _header(self) -> Line:
        line: Line = []
        glyphs, listing = self.look.glyphs, self.listing
        x = 0
        for column in self.columns:
            if not column.title:
                continue
            is_sorted = column.key == listing.sort
            sign = " " + (glyphs.down if listing.is_reversed else glyphs.up) if is_sorted else ""
            title = column.title.rjust(column.width) if column.is_right else column.title
            part = Part(title + sign, "*strong" if is_sorted else "muted")
            line += [Part(" " * (column.x - x)), part] if column.x >= x else []
            x = column.x + part.cells if column.x >= x else x
        return line

    def _strip(self, vm: VmRow, entry: HistoryEntry | None, *, is_cursor: bool) -> Strip:
        look, glyphs = self.data_look, self.look.glyphs
        is_marked = vm.id in self.listing.marks
        ground = ("cursor" if self.has_focus else "idle") if is_cursor else "markbg" if is_marked else "bg"
        bar = (glyphs.cursor if self.has_focus else glyphs.idle_cursor) if is_cursor else " "
        line: Line = [Part(bar, "focus"), Part(glyphs.marked if is_marked else " ", "mark"), Part(" ")]
        x = 3
        for column in self.columns:
            match column.key:
                case "name":
                    content = self._name_line(vm, entry, column.width, ground, is_cursor=is_cursor, is_marked=is_marked)
                case "doing":
                    content = self._doing_line(vm, entry)
                case key:
                    content = cell(key, vm, column.width, glyphs)
            line.append(Part(" " * (column.x - x)))
            line += padded(content, column)
            x = column.x + column.width
        return look.strip(line, self.size.width, ground)

    def _name_line(
        self, vm: VmRow, entry: HistoryEntry | None, cells: int, ground: str, *, is_cursor: bool, is_marked: bool
    ) -> Line:
        if is_cursor:
            ink = "*strong"
        elif is_marked:
            ink = "*mark"
        elif entry is not None and entry.id in self.unseen:
            ink = "*" + told(entry, self.moment).ink
        else:
            ink = "text"
        return _with_hits(cut_middle(clean(vm.name), cells), self.listing.query.words, ink, ground)

    def _doing_line(self, vm: VmRow, entry: HistoryEntry | None) -> Line:
        watched = f"{self.look.glyphs.watched} " if vm.id in self.watched else ""
        if entry is not None:
            return [Part(watched, "muted"), *doing(entry, self.moment, is_seen=entry.id not in self.unseen)]
        if self.columns[0].key == "glyph":
            return [Part(watched, "muted"), Part(clean(vm.status), state_ink(vm))]
        if vm.locked:
            return [Part(f"{watched or '  '}locked", "muted")]
        return [Part(f"{watched}watched", "muted")] if watched else []

    def on_click(self, event: events.Click) -> None:
        """A click on the head of a column sorts by it."""
        if event.y < self.header_lines:
            for column in self.columns:
                if column.x <= event.x < column.x + column.width and column.key in _SORTABLE:
                    self.post_message(self.SortClicked(SortColumn(column.key)))
            return
        super().on_click(event)


def _with_hits(text: str, words: tuple[str, ...], ink: str, ground: str) -> Line:
    """The text with the letters that a filter's words found underlined."""
    lowered = text.lower()
    if not words or len(lowered) != len(text):
        return [Part(text, ink)]
    hit = [False] * len(text)
    for word in words:
        start = lowered.find(word)
        while word and start >= 0:
            hit[start : start + len(word)] = [True] * len(word)
            start = lowered.find(word, start + 1)
    line: Line = []
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or hit[end] != hit[start]:
            piece = text[start:end]
            line.append(
                Part(piece, f"_{ink}", "matchbg" if ground == "bg" else ground) if hit[start] else Part(piece, ink)
            )
            start = end
    return line
