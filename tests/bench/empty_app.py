"""What nobody can start faster than: a Textual app with one word on it."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static

READY = "ready-steady"


class EmptyApp(App[None]):
    """One word."""

    def compose(self) -> ComposeResult:
        """The word."""
        yield Static(READY)


if __name__ == "__main__":
    EmptyApp().run()
