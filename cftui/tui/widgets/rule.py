"""Rules: the line that heads a pane, and the line between two panes that is the scrollbar as well."""

from __future__ import annotations

from textual.strip import Strip

from cftui.tui.look import Line, Part, cells_of, crop
from cftui.tui.widgets.painted import Painted

_HINT_CELLS = 20
"""A right part up to this width is a hint, and yields to the facts; a longer one is a message."""
_AROUND = 4
"""Cells of blanks and stroke around the right part."""


class Rule(Painted):
    """One line: number and title of a pane, facts, and what stands at the right; heavy where the focus is."""

    def __init__(self, number: str, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._number = number
        self._title = title
        self._facts: Line = []
        self._right: Line = []
        self._is_lit = False
        self._junction = -1

    def show(
        self,
        *,
        title: str | None = None,
        facts: Line | None = None,
        right: Line | None = None,
        is_lit: bool | None = None,
        junction: int | None = None,
    ) -> None:
        """Say what is different.

        Args:
            title: Name of the pane; cleaned.
            facts: Behind the title: counts, "as of".
            right: At the right end.
            is_lit: The pane has the focus.
            junction: Where the line between list and details ends, counted in cells; below 0 for nowhere.
        """
        self._title = self._title if title is None else title
        self._facts = self._facts if facts is None else facts
        self._right = self._right if right is None else right
        self._is_lit = self._is_lit if is_lit is None else is_lit
        self._junction = self._junction if junction is None else junction
        self.repaint()

    def draw(self, y: int) -> Strip:
        """The rule."""
        look, cells = self.look, self.size.width
        stroke, ink = (look.glyphs.heavy_rule, "focus") if self._is_lit else (look.glyphs.rule, "line")
        number = f"{self._number} " if self._number else ""
        head = [
            Part(f"{stroke} ", ink),
            Part(number, "*focus" if self._is_lit else "muted"),
            Part(self._title, "*focus" if self._is_lit else "*strong"),
        ]
        facts = [Part("  "), *self._facts] if self._facts else []
        room, said = cells - cells_of(head) - _AROUND, self._right
        if cells_of(said) > _HINT_CELLS and cells_of(facts) + cells_of(said) > room:
            facts, said = [], crop(said, max(0, room))
        right = [Part(" "), *said, Part(" "), Part(stroke, ink)] if said else []
        left = [*head, *facts, Part(" ")]
        if cells_of(left) + cells_of(right) > cells:
            right = []
        left = crop(left, cells)
        start, gap = cells_of(left), max(0, cells - cells_of(left) - cells_of(right))
        fill = stroke * gap
        if start <= self._junction < start + gap:
            at = self._junction - start
            fill = fill[:at] + look.glyphs.tee_up + fill[at + 1 :]
        return look.strip([*left, Part(fill, ink), *right], cells)


class Separator(Painted):
    """The column between list and details: light track, heavy thumb. One column, two duties, no extra paint."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows = (0, 0, 1)
        self._is_lit = False
        self._has_details = True

    def show(self, *, total: int, top: int, page: int, is_lit: bool, has_details: bool) -> None:
        """Where the rows in sight lie among all of them.

        Args:
            total: Number of rows.
            top: Index of the first in sight.
            page: How many fit.
            is_lit: The list has the focus.
            has_details: Something stands at the right, so that the head is a junction, else the rule goes on.
        """
        before = self._thumb(self.size.height - 1), self._is_lit, self._has_details
        self._rows = (total, top, max(1, page))
        self._is_lit, self._has_details = is_lit, has_details
        if before != (self._thumb(self.size.height - 1), is_lit, has_details):
            self.repaint()

    def draw(self, y: int) -> Strip:
        """The junction, a cell of the track, or one of the thumb."""
        glyphs = self.look.glyphs
        lit = "focus" if self._is_lit else "line"
        if y == 0:
            if self._has_details:
                return self.look.strip([Part(glyphs.tee_down, "line")], 1)
            return self.look.strip([Part(glyphs.heavy_rule if self._is_lit else glyphs.rule, lit)], 1)
        first, end = self._thumb(self.size.height - 1)
        if first <= y - 1 < end:
            return self.look.strip([Part(glyphs.heavy_vertical, "focus" if self._is_lit else "muted")], 1)
        return self.look.strip([Part(glyphs.vertical, "line")], 1)

    def _thumb(self, track: int) -> tuple[int, int]:
        total, top, page = self._rows
        if total <= page or track <= 0:
            return 0, 0
        length = max(1, round(track * page / total))
        first = round((track - length) * top / (total - page))
        return first, first + length
