"""The saved views to choose from: typing narrows, enter opens, delete removes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cftui.config.views import SavedView
from cftui.text import clean, count, cut
from cftui.tui.modals.ink import put
from cftui.tui.modals.menu import Item, Menu


class ViewPicker(Menu[str]):
    """Which view to open; answers with its name.

    Args:
        views: At least one, by name.
        words: What a view shows, in words.
        forget: Takes a view away for good; what is wrong, or nothing.
    """

    def __init__(
        self, views: Mapping[str, SavedView], *, words: Callable[[SavedView], str], forget: Callable[[str], str]
    ) -> None:
        super().__init__([Item("", name, words(view), name) for name, view in views.items()])
        self._views = dict(views)
        self._all = self.items
        self._forget = forget
        self._typed = ""
        self._leaving = ""
        """The view that another delete takes away."""
        self._error = ""

    def heading(self) -> str:
        """What it asks."""
        return "Open a view"

    def state(self) -> Content:
        """How many there are."""
        shown = len(self.items)
        of = f"{shown:,} of " if shown < len(self._all) else ""
        return self.ink(of + count(len(self._all), "view"), "muted")

    def compose_answer(self) -> ComposeResult:
        """What was typed, or what delete would do."""
        yield Static(id="typed")

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        keys = [("enter", "opens"), ("delete", "removes"), ("esc", "back")]
        return keys if self._typed else [("letters", "narrow"), *keys]

    def redraw(self) -> None:
        """The views that are left, and the line below."""
        ink = self.ink
        if self.items:
            super().redraw()
        else:
            put(self.query_one("#items", Static), ink("no view has this in its name", "muted"))
        if self._error:
            line = ink(f"{ink.glyphs.failed} {cut(clean(self._error), self.inner_width - 2)}", "bad")
        elif self._leaving:
            line = ink(f"{ink.glyphs.warn} ", "warn") + ink("delete", "*key") + ink(" again removes ")
            line += ink(cut(clean(self._leaving), 30), "*strong") + ink(" for good")
        else:
            line = ink("/ ", "*focus") + ink(clean(self._typed), "text", "field") + ink(" ", "text", "btnfocus")
        put(self.query_one("#typed", Static), line)

    def pressed(self, event: events.Key) -> None:
        """Move, narrow, open, or remove."""
        leaving, self._leaving, self._error = self._leaving, "", ""
        match event.key:
            case "escape":
                super().pressed(event)
                return
            case "up" | "down":
                self._move(event, -1 if event.key == "up" else 1)
            case "enter" if self.items:
                self.answer(self.items[self._at].value)
                event.stop()
                return
            case "delete" if self.items:
                self._remove(self.items[self._at].value, is_certain=leaving == self.items[self._at].value)
            case "backspace" | "ctrl+h":
                self._narrow(self._typed[:-1])
            case "ctrl+u":
                self._narrow("")
            case _ if event.is_printable and event.character:
                self._narrow(self._typed + event.character)
        event.stop()
        self.redraw()
        self.redraw_frame()

    def _narrow(self, typed: str) -> None:
        at = self.items[self._at].value if self.items else ""
        self._typed = typed
        self.items = tuple(item for item in self._all if typed.casefold() in item.label.casefold())
        self._at = next((index for index, item in enumerate(self.items) if item.value == at), 0)

    def _remove(self, name: str, *, is_certain: bool) -> None:
        if self._views[name].is_by_hand:
            self._error = "It stands in config.toml, which is not written: take it out there."
        elif not is_certain:
            self._leaving = name
        elif not (wrong := self._forget(name)):
            self._all = tuple(item for item in self._all if item.value != name)
            if not self._all:
                self.back()
            self._narrow(self._typed)
        else:
            self._error = wrong
