"""The selected VM of a run in a few lines: what happened, how it stands now, and the keys that lead on."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from cftui.tui.look import Line, crop
from cftui.tui.widgets.painted import Painted


class TargetNote(Painted):
    """Lines that are given, cut to the widget."""

    _lines: Sequence[Line] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Say these."""
        self._lines = tuple(lines)
        self.repaint()

    def draw(self, y: int) -> Strip:
        """One of them."""
        line = self._lines[y] if y < len(self._lines) else []
        return self.data_look.strip(crop(list(line), self.size.width - 1), self.size.width)
