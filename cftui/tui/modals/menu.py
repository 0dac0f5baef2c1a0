"""A choice of one thing out of a few, by arrows or by letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static

from cftui.text import clean, cut
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, put

R = TypeVar("R")


class Item(NamedTuple, Generic[R]):
    """One thing to choose."""

    key: str
    """A letter of its own; empty for none."""
    label: str
    words: str
    value: R


class Menu(Dialog[R], Generic[R]):
    """Lines to choose from.

    Args:
        items: At least one.
        at: Which one is under the cursor at first.
    """

    def __init__(self, items: Sequence[Item[R]], *, at: int = 0) -> None:
        super().__init__()
        self.items = tuple(items)
        self._at = max(0, min(at, len(items) - 1))

    def compose_body(self) -> ComposeResult:
        """One text, a line an item."""
        yield Static(id="items")

    def choices(self) -> list[Choice]:
        """None: the lines are the buttons."""
        return []

    def first_focus(self) -> None:
        """Nothing: all keys come here."""

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        return [("enter", "takes it"), ("esc", "back"), *([("letter", "takes it too")] if self.items[0].key else [])]

    def redraw(self) -> None:
        """Draw the lines."""
        cells = max(len(clean(item.label)) for item in self.items) + 3
        cells = min(cells, max(12, self.inner_width // 2))
        put(
            self.query_one("#items", Static),
            lines(self._row(item, index == self._at, cells) for index, item in enumerate(self.items)),
        )
        self.fit()
        body = self.query_one("#body")
        if body.max_scroll_y:
            body.scroll_to_region(Region(0, self._at, 1, 1), animate=False, force=True)

    def _row(self, item: Item[R], is_at: bool, cells: int) -> Content:
        ink, ground = self.ink, "cursor" if is_at else ""
        bar = ink(ink.glyphs.cursor if is_at else " ", "focus", ground)
        key = ink(f" {item.key or ' '}  ", "*key", ground)
        label = ink(cut(clean(item.label), cells - 2).ljust(cells), "*strong" if is_at else "text", ground)
        room = self.inner_width - 5 - cells
        words = ink(cut(clean(item.words), max(0, room)), "text" if is_at else "muted", ground)
        gap = " " * max(0, room - words.cell_length)
        return bar + key + label + words + ink(gap, "text", ground)

    def pressed(self, event: events.Key) -> None:
        """Move, take, or take by letter."""
        match event.key:
            case "up" | "k" if not self._takes(event):
                self._move(event, -1)
            case "down" | "j" if not self._takes(event):
                self._move(event, 1)
            case "enter":
                event.stop()
                self.answer(self.items[self._at].value)
            case _ if not self._takes(event):
                super().pressed(event)

    def _move(self, event: events.Key, rows: int) -> None:
        event.stop()
        self._at = max(0, min(len(self.items) - 1, self._at + rows))
        self.redraw()

    def _takes(self, event: events.Key) -> bool:
        for item in self.items:
            if item.key and event.character == item.key:
                event.stop()
                self.answer(item.value)
                return True
        return False

    def on_click(self, event: events.Click) -> None:
        """A click on a line takes it."""
        if event.widget is self.query_one("#items") and event.y < len(self.items):
            self.answer(self.items[event.y].value)
