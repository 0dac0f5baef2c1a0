"""A question that y answers: for what changes nothing in the cloud, and cannot be taken back all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, put
from cftui.tui.modals.silence import Silence


class YesNo(Dialog[bool]):
    """Ask; True after `y`. Cancel has the focus, and no key typed ahead counts.

    Args:
        title: The question.
        told: What there is to know, a sentence a line; asked again whenever something newer is known.
        button: What yes does.
    """

    tone = "warn"

    def __init__(self, title: str, *, told: Callable[[], Sequence[str]], button: str) -> None:
        super().__init__()
        self._title_text = title
        self._told = told
        self._button = button
        self._silence = Silence(lambda: self.clock.monotonic())

    def heading(self) -> str:
        """The question."""
        return self._title_text

    def choices(self) -> Iterable[Choice]:
        """Cancel, and the deed."""
        return (Choice("Cancel", id="cancel", key="esc"), Choice(self._button, id="go", key="y"))

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        return [("y", "does it"), ("enter, n, esc", "cancel")]

    def begin(self) -> None:
        """Keys count once it was seen and the keyboard silent."""
        self.call_after_refresh(self._silence.begin)

    def fleet_moved(self) -> None:
        """Something newer is known."""
        if self.is_open:
            self.redraw()

    def redraw(self) -> None:
        """The sentences."""
        first, *rest = self._told()
        told = [self.ink(first, "*strong"), *(self.ink(sentence) for sentence in rest)]
        put(self.query_one("#text", Static), lines(told or [Content("")]))

    def pressed(self, event: events.Key) -> None:
        """Yes, by `y` alone."""
        counts = self._silence.takes(event)
        if event.key == "y":
            event.stop()
            if counts and self._silence.stands_alone:
                self.answer(True)
        elif event.key == "n":
            event.stop()
            self.back()
        else:
            super().pressed(event)

    def chosen(self, choice: str) -> None:
        """The deed was pressed; it counts only as a key would."""
        if self._silence.has_passed:
            self.answer(True)
