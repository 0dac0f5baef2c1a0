"""The history of actions: everything in progress and everything recent, one line each."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import UTC, datetime

from textual.strip import Strip

from cftui.fleet.history import HistoryEntry
from cftui.text import clean, clock_time, cut_middle, fit, width
from cftui.tui.look import Line, Part, cells_of, crop
from cftui.tui.telling import Moment, Told, bar, is_moving, squares, told
from cftui.tui.widgets.row_list import RowList

_WIDE = 100


def arranged(history: Sequence[HistoryEntry], unseen: Set[str]) -> list[str]:
    """Ids in the panel's order: in progress, then what nobody looked at, then the newest first."""

    def rank(entry: HistoryEntry) -> int:
        return 0 if is_moving(entry) and entry.id not in unseen else 1 if entry.id in unseen else 2

    return [entry.id for entry in sorted(history, key=rank)]


class ActionList(RowList):
    """Actions by row, and how true each of them is.

    Args:
        moment: Now, and what is usual.
    """

    def __init__(self, moment: Moment, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.moment = moment
        self.entries: dict[str, HistoryEntry] = {}
        self.unseen: frozenset[str] = frozenset()

    @property
    def cursor_entry(self) -> HistoryEntry | None:
        """The entry under the cursor."""
        return self.entries.get(self.cursor_id or "")

    def show(self, history: Sequence[HistoryEntry], unseen: frozenset[str], moment: Moment) -> None:
        """Take in the history, newest first; while the panel has the focus its rows keep their order."""
        self.moment, self.unseen = moment, unseen
        self.entries = {entry.id: entry for entry in history}
        order = arranged(history, unseen)
        if self.has_focus:
            shown = set(self.order)
            order = [id_ for id_ in order if id_ not in shown] + [id_ for id_ in self.order if id_ in self.entries]
        if order == self.order:
            self.repaint()
            return
        is_resting = not self.has_focus and self.top == 0
        self.set_order(order)
        if is_resting:
            self.move_to(0)

    def tick(self, moment: Moment) -> None:
        """A second has passed: clocks and bars in sight step."""
        self.moment = moment
        self.repaint_rows(
            *(self.top + line for line, id_ in enumerate(self.ids_in_sight) if is_moving(self.entries[id_]))
        )

    def draw_rest(self, y: int) -> Strip:
        """A word while nothing ever happened."""
        if not self.order and y == min(1, self.size.height - 1):
            words = "Nothing yet. What you start here, and what others start, will appear."
            return self.look.strip([Part("   "), Part(words, "muted")], self.size.width)
        return super().draw_rest(y)

    def draw_row(self, index: int) -> Strip:
        """One action."""
        entry = self.entries[self.order[index]]
        is_cursor = index == self.cursor and self.has_focus
        ground = "cursor" if is_cursor else "bg"
        line: Line = [Part(self.look.glyphs.cursor if is_cursor else " ", "focus")]
        line += self._wide(entry) if self.size.width >= _WIDE else self._narrow(entry)
        tail = self._tail(entry)
        room = self.size.width - cells_of(tail)
        line = crop(line, room if tail else self.size.width - 1)
        return self.data_look.strip([*line, Part(" " * (room - cells_of(line))), *tail], self.size.width, ground)

    def _wide(self, entry: HistoryEntry) -> Line:
        said, moment = told(entry, self.moment), self.moment
        parts = self._head(entry, said, name_cells=15, type_cells=14, has_seconds=True)
        parts += [Part("  "), Part(fit(said.word, 11), said.ink), Part("  ")]
        drawn = bar(entry, moment, 14)
        return [*parts, *drawn, Part("  " if drawn else ""), Part(said.text, self._text_ink(entry, said))]

    def _narrow(self, entry: HistoryEntry) -> Line:
        said = told(entry, self.moment, is_narrow=True)
        parts = [*self._head(entry, said, name_cells=12, type_cells=11, has_seconds=False), Part(" ")]
        drawn = bar(entry, self.moment, 8)
        if drawn:
            return [*parts, *drawn, Part(" "), Part(said.text, "text")]
        return [*parts, Part(said.word, said.ink), Part(" "), Part(said.text, "muted")]

    def _head(self, entry: HistoryEntry, said: Told, *, name_cells: int, type_cells: int, has_seconds: bool) -> Line:
        moment = self.moment
        now = datetime.fromtimestamp(moment.cloud_now, UTC)
        at = clock_time(entry.started, now, seconds=has_seconds)
        is_calm = said.ink in ("good", "muted")
        name = cut_middle(clean(entry.vm_name) or entry.vm_id[:8], name_cells)
        name_ink = "*text" if entry.id in self.unseen else "text"
        kind = cut_middle(clean(entry.type), type_cells)
        marks = squares(entry, moment.glyphs)
        gap = "  " if has_seconds else " "
        return [
            Part(f"{said.glyph} ", said.ink),
            Part(fit(at, 8 if has_seconds else 5), "muted"),
            Part(gap),
            Part(name + " " * (name_cells - width(name)), name_ink),
            Part(" "),
            Part(kind + " " * (type_cells - width(kind) + 1), "text" if is_calm else said.ink),
            Part(marks, said.ink),
        ]

    def _text_ink(self, entry: HistoryEntry, said: Told) -> str:
        return "muted" if said.ink in ("good", "muted") else "text"

    def _tail(self, entry: HistoryEntry) -> Line:
        if entry.id in self.unseen:
            return [Part(" unseen ", "*bad")] if self.size.width >= _WIDE else []
        if not entry.is_own and self.size.width >= _WIDE:
            return [Part(" not from here ", "muted")]
        return []
