"""Widgets that draw cells by themselves, and repaint only the cells that differ from those on the screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cftui.tui.look import Look


class HasLook(Protocol):
    """What painted widgets ask of the app."""

    look: Look
    """Theme and signs in force."""
    data_look: Look
    """The same, faded while what is known is not fresh."""


class Painted(Widget):
    """A widget of lines; subclasses say in `draw` how one looks, and call `repaint` when something may be different."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._drawn: dict[int, Strip] = {}
        self._drawn_for: object = None
        """The size that `_drawn` was drawn for: Textual paints at a new one before it tells."""

    @property
    def look(self) -> Look:
        """Theme and signs."""
        return cast(HasLook, self.app).look

    @property
    def data_look(self) -> Look:
        """Theme and signs for what the cloud said."""
        return cast(HasLook, self.app).data_look

    def draw(self, y: int) -> Strip:
        """One line, as wide as the widget."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """The line as last drawn."""
        self._forget_other_sizes()
        strip = self._drawn.get(y)
        if strip is None:
            strip = self._drawn[y] = self.draw(y)
        return strip

    def repaint(self, lines: Iterable[int] | None = None) -> None:
        """Draw lines anew and send the cells that differ; all of them when none are named."""
        self._forget_other_sizes()
        regions = []
        for y in range(self.size.height) if lines is None else lines:
            before = self._drawn.get(y)
            if before is None:
                regions.append(Region(0, y, self.size.width, 1))
                continue
            strip = self.draw(y)
            if strip != before:
                self._drawn[y] = strip
                first, end = _difference(before, strip)
                regions.append(Region(first, y, end - first, 1))
        if regions:
            self.refresh(*regions)

    def repaint_all(self) -> None:
        """Draw everything anew, because all of it moved."""
        self._drawn.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """A theme has changed, so that nothing drawn is right any more."""
        super().notify_style_update()
        self._drawn.clear()

    def _forget_other_sizes(self) -> None:
        if self._drawn_for != self.size:
            self._drawn_for = self.size
            self._drawn.clear()


def _difference(before: Strip, after: Strip) -> tuple[int, int]:
    """First and one past the last cell that differ between two unequal strips."""
    old, new = _cells(before), _cells(after)
    if len(old) != len(new):
        return 0, max(len(old), len(new))
    differing = [x for x, (was, now) in enumerate(zip(old, new, strict=True)) if was != now]
    return (differing[0], differing[-1] + 1) if differing else (0, len(new))


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """Text and style by cell; a wide character stands in its first cell and leaves the next empty."""
    cells: list[tuple[str, Style | None]] = []
    for text, style, _ in strip:
        if text.isascii():
            cells += [(char, style) for char in text]
            continue
        for char in text:
            size = cell_len(char)
            if size == 0 and cells:
                cells[-1] = (cells[-1][0] + char, cells[-1][1])
            else:
                cells += [(char, style)] + [("", style)] * (size - 1)
    return cells
