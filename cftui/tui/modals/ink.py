"""Pieces of text as dialogs draw them: cleaned, styled by token, never parsed as markup."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from rich.style import Style as CellStyle
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from cftui.fleet.rows import Power, VmRow
from cftui.text import clean, cut
from cftui.tui.glyphs import ASCII, UNICODE, Glyphs
from cftui.tui.look import Look
from cftui.tui.themes import DEFAULT_THEME, Styles, load_themes

if TYPE_CHECKING:
    from textual.app import App

NEW_LINE = Content("\n")
_BOLD = Style(bold=True)


class Ink:
    """Writes pieces of text with the app's theme and signs.

    Call it with a text and a token: `ink("12", "strong")`, `ink("r", "*key")`. What the cloud said may go in as it
    came. An app without a `look` of its own gets the shipped theme of its name, and Unicode.
    """

    def __init__(self, app: App[object]) -> None:
        self._app = app
        look = getattr(app, "look", None)
        self._look = look if isinstance(look, Look) else None

    @property
    def glyphs(self) -> Glyphs:
        """The set of signs in force."""
        return self._look.glyphs if self._look else UNICODE

    @property
    def is_ascii(self) -> bool:
        """Whether nothing but ASCII may be drawn."""
        return self.glyphs == ASCII

    @property
    def styles(self) -> Styles:
        """What the theme in force draws cells with."""
        return self._look.styles if self._look else _shipped_styles(self._app.theme)

    def __call__(self, text: str, tone: str = "text", on: str = "") -> Content:
        """One piece in the style of a theme token, bold with `*` before it; control characters show as escapes."""
        style = _style(self.styles.on(tone.lstrip("*"), on))
        return Content.styled(clean(text), style + _BOLD if tone.startswith("*") else style)

    def key(self, key: str, words: str = "") -> Content:
        """A key that can be pressed, and what it does: `/ find`."""
        return self(key, "*key") + self(f" {words}" if words else "", "muted")

    def power(self, vm: VmRow) -> Content:
        """A VM's sign and the cloud's word for its state: `● running`."""
        glyph, tone, word = {
            Power.ON: (self.glyphs.running, "run", "run"),
            Power.OFF: (self.glyphs.stopped, "stop", "stop"),
        }.get(vm.power, (self.glyphs.other, "unk", "unk"))
        return self(glyph, tone) + self(f" {cut(clean(vm.status), 24)}", word)

    def spread(self, left: Content, right: Content, width: int) -> Content:
        """Both on one line, `right` at its end; where that does not fit, `right` has a line of its own below."""
        gap = width - left.cell_length - right.cell_length
        return left + Content(" " * gap) + right if gap >= 2 else lines((left, right))


def lines(parts: Iterable[Content]) -> Content:
    """The parts below one another."""
    return NEW_LINE.join(list(parts))


def pad(part: Content, cells: int) -> Content:
    """The part with blanks to at least `cells` cells."""
    return part + Content(" " * max(0, cells - part.cell_length))


@cache
def _style(style: CellStyle) -> Style:
    return Style.from_rich_style(style)


@cache
def _shipped_styles(theme: str) -> Styles:
    styles = load_themes()[1]
    return styles.get(theme) or styles[DEFAULT_THEME]


def put(static: Static, content: Content) -> None:
    """Show a text: nothing is written where it is the same, and the screen is laid out anew only for other room."""
    before, cells = static.content, static.content_size.width
    if not isinstance(before, Content):
        static.update(content)
    elif before.markup != content.markup:
        rules, width = static.styles.get_rules(), static.styles.width
        is_auto = not cells or (width is not None and width.is_auto)
        is_as_wide = not is_auto or before.cell_length == content.cell_length
        is_as_high = not cells or before.get_height(rules, cells) == content.get_height(rules, cells)
        static.update(content, layout=not (is_as_high and is_as_wide))
