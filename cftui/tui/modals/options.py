"""One of a few, and yes or no: what forms ask that is not typed."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cftui.tui.modals.ink import Ink


class Options(Static):
    """One of a few, chosen by arrows."""

    can_focus = True

    class Chosen(Message):
        """Another one was chosen."""

    def __init__(self, words: Mapping[str, str], *, id: str) -> None:
        super().__init__(id=id)
        self._words = words
        self.chosen = next(iter(words))

    def render(self) -> Content:
        """A line each; the chosen one filled and bold."""
        ink, told = Ink(self.app), Content("")
        for index, (source, words) in enumerate(self._words.items()):
            is_on = source is self.chosen
            glyph = ink.glyphs.running if is_on else ink.glyphs.stopped
            mark = ink.glyphs.cursor if self.has_focus and is_on else " "
            told += Content("\n" if index else "") + ink(mark, "focus") + ink(glyph, "focus" if is_on else "muted")
            told += ink(f" {words}", "*strong" if is_on else "text")
        return told

    def _choose(self, index: int) -> None:
        sources = list(self._words)
        self.chosen = sources[max(0, min(len(sources) - 1, index))]
        self.refresh()
        self.post_message(self.Chosen())

    def on_key(self, event: events.Key) -> None:
        """Arrows choose."""
        if event.key in ("up", "down"):
            event.stop()
            self._choose(list(self._words).index(self.chosen) + (1 if event.key == "down" else -1))

    def on_click(self, event: events.Click) -> None:
        """The clicked line is chosen."""
        self._choose(event.y)

    def on_focus(self) -> None:
        """Draw it focused."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw it resting."""
        self.refresh()


class Toggle(Static):
    """Yes or no, turned by space."""

    can_focus = True

    def __init__(self, words: str, *, id: str) -> None:
        super().__init__(id=id)
        self._words = words
        self.is_on = False

    def render(self) -> Content:
        """A square, filled or hollow."""
        ink = Ink(self.app)
        mark = ink(ink.glyphs.cursor if self.has_focus else " ", "focus")
        return mark + ink(ink.glyphs.square if self.is_on else ink.glyphs.hollow, "focus") + ink(f" {self._words}")

    def turn(self) -> None:
        """The other way."""
        self.is_on = not self.is_on
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Space and enter turn it."""
        if event.key in ("space", "enter"):
            event.stop()
            self.turn()

    def on_click(self) -> None:
        """A click turns it."""
        self.turn()

    def on_focus(self) -> None:
        """Draw it focused."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw it resting."""
        self.refresh()
