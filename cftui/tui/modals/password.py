"""Asking for the password: after the cloud refused one, or when none is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from cftui.tui.modals.dialog import Choice
from cftui.tui.modals.form import Asking, Field
from cftui.tui.modals.ink import lines, put


class AskPassword(Asking[str]):
    """One secret field; the answer is kept nowhere by this dialog.

    Args:
        email: Whose password.
        host: Of which cloud.
        reason: Why it is asked for now, one sentence.
    """

    def __init__(self, email: str, host: str, reason: str = "") -> None:
        super().__init__()
        self._email = email
        self._host = host
        self._reason = reason

    def heading(self) -> str:
        """What it asks for."""
        return f"Password of {self._email}"

    def state(self) -> Content:
        """Where it will go."""
        return self.ink(f"@ {self._host}", "muted")

    def compose_body(self) -> ComposeResult:
        """Why, and the field."""
        yield Static(id="why")
        yield Field("password", id="field-password", is_secret=True)

    def choices(self) -> Iterable[Choice]:
        """Cancel, and try it."""
        return (Choice("Cancel", id="cancel", key="esc"), Choice("Sign in", id="go", key="enter", is_off=True))

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        return [("esc", "stays signed out; nothing is asked of the cloud")]

    def redraw(self) -> None:
        """The reason, and whether there is anything to try."""
        why = [self.ink(self._reason, "text"), Content("")] if self._reason else []
        put(self.query_one("#why", Static), lines(why))
        field = self.query_one("#field-password", Field)
        field.say("kept in memory until cftui ends; written nowhere", tone="muted")
        self.query_one("#go", Choice).switch(is_off=not field.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Something was typed."""
        event.stop()
        self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter tries it."""
        event.stop()
        self.chosen("go")

    def chosen(self, choice: str) -> None:
        """Try what is typed."""
        if value := self.query_one("#field-password", Field).value:
            self.answer(value)
