"""Cells from words: a theme's styles and one set of signs, joined into strips that cost little to draw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cftui.text import cut, width
from cftui.tui.glyphs import Glyphs
from cftui.tui.themes import Styles


class Part(NamedTuple):
    """A run of cells of one style; the text is cleaned already and never parsed as markup."""

    text: str
    ink: str = "text"
    """A theme token; with `*` before it bold, with `_` underlined."""
    ground: str = ""
    """A background token of its own; empty takes the line's."""

    @property
    def cells(self) -> int:
        """How wide it is."""
        return width(self.text)


Line = list[Part]

_TINTED = frozenset({"cursor", "idle", "markbg"})
_ALWAYS_LIT = frozenset({"focus", "key", "line", "onalarm", "onunkbg", "oncaution", "oncalm"})


class Look:
    """A theme and its signs; compare by identity to know whether what was drawn is still right.

    Args:
        styles: The theme's.
        glyphs: Unicode or ASCII.
        is_faded: Everything that tells of the cloud loses its colour, because it is not fresh.
    """

    def __init__(self, styles: Styles, glyphs: Glyphs, *, is_faded: bool = False) -> None:
        self.styles = styles
        self.glyphs = glyphs
        self.is_faded = is_faded
        self._made: dict[tuple[str, str], Style] = {}

    def style(self, ink: str, ground: str = "") -> Style:
        """The style of an ink, a token with its marks (`*busy`, `_text`) on a background token."""
        style = self._made.get((ink, ground))
        if style is None:
            name = ink.lstrip("*_")
            if self.is_faded and name not in _ALWAYS_LIT:
                name = self._faded(name, ground)
            style = self.styles.on(name, ground)
            if "*" in ink[:2]:
                style += Style(bold=True)
            if "_" in ink[:2]:
                style += Style(underline=True)
            self._made[ink, ground] = style
        return style

    @staticmethod
    def _faded(name: str, ground: str) -> str:
        if ground in _TINTED:  # nothing weaker than muted stands on a tinted row
            return "strong" if name == "strong" else "muted"
        return "faint"

    def strip(self, parts: Iterable[Part], cells: int, ground: str = "bg") -> Strip:
        """The parts as a strip of exactly `cells`, on one background; Textual puts none under a line that is drawn."""
        segments: list[Segment] = []
        for text, ink, own_ground in parts:
            if text:
                style = self.style(ink, own_ground or ground)
                last = segments[-1].style if segments else None
                if last is not None and text.isspace() and last.bgcolor == style.bgcolor and not _shows_on_blanks(last):
                    style = last
                segments.append(Segment(text, style))
        blank = self.style("text", ground)
        if segments and (last := segments[-1].style) is not None and last.bgcolor == blank.bgcolor:
            blank = blank if _shows_on_blanks(last) else last
        return Strip(segments).adjust_cell_length(cells, blank).simplify()


def _shows_on_blanks(style: Style) -> bool:
    """Whether a style can be told from another on a blank; else blanks take their neighbour's, which saves escapes."""
    return bool(style.underline or style.reverse)


def cells_of(parts: Iterable[Part]) -> int:
    """How wide the parts are together."""
    return sum(width(part.text) for part in parts)


def split(left: Line, right: Line, cells: int) -> Line:
    """`left` and `right` at the two ends of a line; where both do not fit the left one is cut."""
    room = cells - cells_of(right)
    kept = left if cells_of(left) <= room else crop(left, max(0, room - 1))
    return [*kept, Part(" " * max(0, room - cells_of(kept))), *right]


def crop(parts: Line, cells: int) -> Line:
    """The parts in at most `cells`; what was cut shows as `…`."""
    kept: Line = []
    for part in parts:
        room = cells - cells_of(kept)
        if room <= 0:
            break
        kept.append(part._replace(text=cut(part.text, room)))
    return kept
