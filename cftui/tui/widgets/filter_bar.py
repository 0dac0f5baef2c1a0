"""The filter's input line inside the list: live while typing, Enter keeps it, Escape clears it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.strip import Strip
from textual.widgets import Input

from cftui.text import clean
from cftui.tui.look import Line, Part, crop, split
from cftui.tui.widgets.line_input import LineInput
from cftui.tui.widgets.painted import Painted

if TYPE_CHECKING:
    from cftui.tui.screens.vms import VmsScreen


class FilterInput(LineInput):
    """An input that leaves the list's own keys to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave(False)", "clear", show=False),
        Binding("enter", "leave(True)", "keep", show=False),
        Binding("down", "step(1)", "down", show=False),
        Binding("up", "step(-1)", "up", show=False),
        Binding("tab", "take_nearest", "nearest", show=False),
    ]

    @property
    def vms(self) -> VmsScreen:
        """The screen whose list it filters."""
        return cast("VmsScreen", self.screen)

    async def action_leave(self, is_kept: bool) -> None:
        """Back to the list."""
        await self.vms.leave_filter(is_kept=is_kept)

    def action_take_nearest(self) -> None:
        """Put the nearest known word in the place of one that no VM has; else go on to the next pane."""
        near = self.vms.listing.nearest()
        if near is None:
            self.screen.focus_next()
            return
        typed, known = near
        at = self.value.lower().find(typed)
        if at >= 0:
            word = f'"{known}"' if " " in known else known
            self.value = self.value[:at] + word + self.value[at + len(typed) :]
            self.cursor_position = len(self.value)

    def action_step(self, rows: int) -> None:
        """Move the list's cursor without leaving the filter."""
        self.vms.table.action_move(rows)


class _Sign(Painted):
    def draw(self, y: int) -> Strip:
        return self.look.strip([Part(" / ", "*focus")], self.size.width, "field")


class _Advice(Painted):
    _line: Sequence[Part] = ()

    def show(self, line: Line) -> None:
        self._line = line
        self.repaint()

    def draw(self, y: int) -> Strip:
        cells = self.size.width
        return self.look.strip(split([], crop([*self._line, Part(" ")], cells), cells), cells, "field")


class FilterBar(Horizontal):
    """Sign, input, and at the right what the keys do or what is wrong.

    Args:
        text: What it begins with.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(id="filter")
        self.field = FilterInput(text, compact=True, select_on_focus=False, id="filter-input")
        self.field.cursor_blink = False
        self._advice = _Advice(id="filter-advice")

    def compose(self) -> ComposeResult:
        """The parts of the line."""
        yield _Sign(id="filter-sign")
        yield self.field
        yield self._advice

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.advise(cast("VmsScreen", self.screen).filter(event.value))

    def advise(self, error: str = "") -> None:
        """Show what is wrong with the filter, else the keys that work."""
        key, keep = ("enter", " keep  ") if self.field.has_focus else ("/", " change  ")
        if error:
            line = [Part(f"{self._advice.look.glyphs.failed} {clean(error)}", "bad")]
        else:
            line = [Part(key, "*key"), Part(keep, "muted"), Part("esc", "*key"), Part(" clear", "muted")]
        self._advice.styles.width = min(sum(part.cells for part in line) + 2, max(20, self.size.width - 12))
        self._advice.show(line)
