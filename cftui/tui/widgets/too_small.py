"""What a terminal shows that is too small for anything else."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip

from cftui.tui.look import Part
from cftui.tui.widgets.painted import Painted

MIN_WIDTH, MIN_HEIGHT = 40, 12
"""The least that the cockpit can be drawn in."""

BLIND_KEYS = frozenset({"ctrl+c", "ctrl+l", "ctrl+z", "escape", "q"})
"""Keys that work unseen: they end, or change nothing."""


def is_too_small(size: Size) -> bool:
    """Whether a terminal of this size shows nothing but that it is too small."""
    return size.width < MIN_WIDTH or size.height < MIN_HEIGHT


class TooSmall(Painted):
    """Covers a screen, so that half of a dialog is not taken for all of it."""

    DEFAULT_CSS = """
    TooSmall {
        dock: top;
        layer: cover;
        width: 100%;
        height: 100%;
    }
    """

    def draw(self, y: int) -> Strip:
        """A line of the sentence, which is broken where it must be."""
        size, cells = self.app.size, max(1, self.size.width)
        sentence = f"cftui needs {MIN_WIDTH}×{MIN_HEIGHT}; this is {size.width}×{size.height}. `cftui vms` works here."
        lines = textwrap.wrap(sentence, cells) if is_too_small(size) else []
        return self.look.strip([Part(lines[y] if y < len(lines) else "")], cells, "bg")


def cover(screens: Iterable[Screen[Any]], size: Size) -> None:
    """Cover the screens of a terminal that is too small, or uncover them."""
    for screen in screens:
        covers = screen.query_children(TooSmall)
        if is_too_small(size) and not covers:
            screen.mount(TooSmall())
        elif covers and not is_too_small(size):
            covers.remove()
        elif covers:
            covers.first().repaint_all()
