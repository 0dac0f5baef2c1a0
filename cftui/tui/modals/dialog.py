"""What all dialogs share: the frame, the body that scrolls, the buttons, and what becomes of keys typed too early.

A single-line frame asks for a choice or for data; a double one can lose work. Buttons stand left, keys right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from cftui.clock import Clock
from cftui.tui.modals.ink import Ink, put

T = TypeVar("T")

WIDTH = 98
"""Widest dialog, frame included."""
LOW = 20
"""Terminals lower than this get no empty rows inside the frame."""


class Choice(Static):
    """A button one line high.

    Args:
        label: What it does, in plain words.
        key: The key that does it too; shown while it has not the focus.
        is_off: It cannot be pressed now; shown as a dash, and skipped by the focus.
    """

    class Pressed(Message):
        """Someone chose it."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, label: str, *, id: str, key: str = "", is_off: bool = False, can_focus: bool = True) -> None:
        super().__init__(id=id)
        self.label = label
        self.key = key
        self.is_lit = False
        """Drawn as if it had the focus: for dialogs that keep the focus to themselves."""
        self._may_focus = can_focus
        self.is_off = is_off
        self.can_focus = can_focus and not is_off

    def switch(self, *, is_off: bool | None = None, label: str | None = None, is_lit: bool | None = None) -> None:
        """Change how it stands; nothing is painted when nothing changed."""
        before = (self.is_off, self.label, self.is_lit)
        if is_off is not None:
            self.is_off = is_off
            self.can_focus = self._may_focus and not is_off
        if label is not None:
            self.label = label
        if is_lit is not None:
            self.is_lit = is_lit
        if before != (self.is_off, self.label, self.is_lit):
            self.refresh(layout=True)

    def render(self) -> Content:
        """Focused, resting or off; without colour a button is its brackets."""
        ink = Ink(self.app)
        if self.is_off:
            return ink(f" {ink.glyphs.none} {self.label} ", "muted")
        if self.has_focus or self.is_lit:
            return ink(f"[ {self.label} ]", "*onbtnfocus", "btnfocus")
        left, right = ("( ", " )") if ink.styles["btn"].color is None else ("  ", "  ")
        key = ink(f"{self.key} ", "*key", "btn") if self.key else Content("")
        return ink(left, "text", "btn") + key + ink(self.label + right, "text", "btn")

    def press(self) -> None:
        """Choose it, unless it is off."""
        if not self.is_off:
            self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        """A click presses it."""
        self.press()

    def on_key(self, event: events.Key) -> None:
        """Enter and space press it."""
        if event.key in ("enter", "space"):
            event.stop()
            self.press()

    def on_focus(self) -> None:
        """Draw it focused."""
        self.refresh(layout=True)

    def on_blur(self) -> None:
        """Draw it resting."""
        self.refresh(layout=True)


class Dialog(ModalScreen[T], Generic[T]):
    """A question in a frame; dismissed with its answer, or with None by escape."""

    AUTO_FOCUS = ""
    can_lose_work = False
    """Draws the double frame."""
    tone = "focus"
    """Token of the frame and its title."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $bg 67%; scrollbar-size-vertical: 1; }
    Dialog #frame {
        width: 98; max-width: 100%; height: auto; max-height: 100%;
        background: $pop; color: $text; padding: 1 0;
        border: solid $focus; border-title-color: $text; border-title-background: $pop;
    }
    Dialog #body { width: 100%; height: auto; padding: 0 1 0 2; scrollbar-size-vertical: 1; background: $pop; }
    Dialog #body > * { height: auto; }
    Dialog #answer { width: 100%; height: auto; padding: 1 2 0 2; }
    Dialog #rule { width: 100%; height: 1; margin: 1 0 0 0; color: $line; border-top: solid $line; }
    Dialog #foot { width: 100%; height: 1; padding: 0 2; }
    Dialog #foot Choice { width: auto; height: 1; margin: 0 2 0 0; }
    Dialog #keys { width: 1fr; height: 1; text-align: right; text-wrap: nowrap; }
    Dialog.-low #frame { padding: 0; }
    Dialog.-low #rule { margin: 0; }
    Dialog.-low #answer { padding: 0 2; }
    Dialog.-low #body { padding: 0 0 0 1; }
    Dialog.-low #answer, Dialog.-low #foot { padding: 0 1; }
    Dialog.-narrow #foot Choice { margin: 0 1 0 0; }
    Dialog.-tone-bad #frame { border: solid $bad; }
    Dialog.-tone-unk #frame { border: solid $unk; }
    Dialog.-tone-warn #frame { border: solid $warn; }
    Dialog.-double #frame { border: double $bad; }
    Dialog.-ascii #frame { border: ascii $focus; }
    Dialog.-ascii.-tone-bad #frame, Dialog.-ascii.-double #frame { border: ascii $bad; }
    Dialog.-ascii.-tone-unk #frame { border: ascii $unk; }
    Dialog.-ascii.-tone-warn #frame { border: ascii $warn; }
    Dialog.-ascii #rule { border-top: ascii $line; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_answered = False
        self._stands = False
        self._body_limit = 0
        self.late_keys: list[events.Key] = []
        """Keys that reached this dialog after its answer; whoever opens the next one hands them to it."""

    # What a dialog says of itself.

    def heading(self) -> str:
        """Title at the left of the frame."""
        raise NotImplementedError

    def state(self) -> Content:
        """What stands at the right of the frame."""
        return Content("")

    def compose_body(self) -> ComposeResult:
        """The widgets that scroll when the terminal is small."""
        yield Static(id="text")

    def compose_answer(self) -> ComposeResult:
        """What stands below the body and never scrolls away; nothing, as a rule."""
        yield from ()

    def choices(self) -> Iterable[Choice]:
        """The buttons, Cancel first."""
        yield Choice("Cancel", id="cancel", key="esc")

    def keys(self) -> Sequence[tuple[str, str]]:
        """Keys and what they do, the most important first; those that do not fit are left out."""
        return ()

    def redraw(self) -> None:
        """Bring what is shown up to date; called when shown and after every change of size."""

    # The frame.

    @property
    def clock(self) -> Clock:
        """The app's, so that a test may turn it."""
        clock = getattr(self.app, "clock", None)
        return clock if isinstance(clock, Clock) else Clock()

    @property
    def ink(self) -> Ink:
        """Writes with the app's theme and signs."""
        return Ink(self.app)

    @property
    def inner_width(self) -> int:
        """Cells of a line of the body; the scrollbar has a column of its own in the padding."""
        return max(20, min(WIDTH, self.app.size.width) - 2 - (2 if self.has_class("-low") else 4))

    def compose(self) -> ComposeResult:
        """The frame around what subclasses compose."""
        with Vertical(id="frame"):
            with VerticalScroll(id="body", can_focus=False):
                yield from self.compose_body()
            answer = list(self.compose_answer())
            if answer:
                with Vertical(id="answer"):
                    yield from answer
            yield Static(id="rule")
            with Horizontal(id="foot"):
                yield from self.choices()
                yield Static(id="keys")

    @property
    def is_open(self) -> bool:
        """Whether it is drawn and not answered: news may come before and after."""
        return self._stands and self.is_attached and not self.is_answered

    def on_mount(self) -> None:
        """Dress, draw, and give the focus."""
        self._stands = True
        self.add_class(f"-tone-{self.tone}")
        self.set_class(self.can_lose_work, "-double")
        self.set_class(self.ink.is_ascii, "-ascii")
        if self.app.native_ansi_color:  # a terminal's own colours cannot be blended: a veil would hide what is behind
            self.styles.background = "transparent"
        self._measure()
        first = self.first_focus()
        if first is not None:
            self.set_focus(first)
        self.begin()

    def begin(self) -> None:
        """The dialog stands, and has the focus."""

    def first_focus(self) -> Widget | None:
        """Which widget has the focus at first."""
        return self.query_one("#cancel", Choice)

    def on_resize(self) -> None:
        """Fit anew."""
        self._measure()

    def _measure(self) -> None:
        size = self.app.size
        self.set_class(size.height < LOW, "-low")
        self.set_class(size.width < 60, "-narrow")
        self.redraw()
        self.redraw_frame()

    def fit(self) -> None:
        """Give the body the rows that are left, once the others have theirs."""
        self.call_after_refresh(self._limit_body)

    def _limit_body(self) -> None:
        """The body takes what the frame's other rows leave, and scrolls within it."""
        frame, body = self.query_one_optional("#frame"), self.query_one_optional("#body")
        if frame is None or body is None:  # answered before it was laid out, by keys typed in one go
            return
        around = frame.gutter.height + sum(
            child.outer_size.height + child.styles.margin.height
            for child in frame.children
            if child is not body and child.display
        )
        limit = max(1, self.app.size.height - around)
        if self._body_limit != limit:
            self._body_limit = limit
            body.styles.max_height = limit
            self.call_after_refresh(self._redraw_keys)

    def redraw_frame(self) -> None:
        """Draw the title, the state and the keys anew."""
        ink = self.ink
        frame = self.query_one("#frame")
        width = min(WIDTH, self.app.size.width) - 6  # corners, a cell of rule beside each, and blanks
        fill = (
            "=" if ink.is_ascii and self.can_lose_work else "-" if ink.is_ascii else "═" if self.can_lose_work else "─"
        )
        tone = "bad" if self.can_lose_work and self.tone == "focus" else self.tone
        title = ink(self.heading(), f"*{tone}")
        state = self.state()
        room = width - (state.cell_length + 6 if state.cell_length else 0)
        if room < min(title.cell_length, 16):
            state, room = Content(""), width
        title = title.truncate(max(1, room), ellipsis=True)
        if state.cell_length or (ink.is_ascii and self.can_lose_work):
            room = width - title.cell_length - (state.cell_length + 2 if state.cell_length else 1)
            title = title + Content(" ") + Content.styled(fill * max(1, room), f"${tone}")
        if state.cell_length:
            title = title + Content(" ") + state
        frame.border_title = title
        self._redraw_keys()
        self.fit()

    def _redraw_keys(self) -> None:
        hints = self.query_one_optional("#keys", Static)
        if hints is None:
            return
        ink = self.ink
        taken = sum(choice.render().cell_length + 2 for choice in self.query(Choice) if choice.display)
        room = self.inner_width - taken
        shown = Content("")
        for key, words in self.keys():
            hint = ink.key(key, words)
            longer = shown + Content("   ") + hint if shown.cell_length else hint
            if longer.cell_length > room:
                break
            shown = longer
        put(hints, shown)

    # Answers.

    def answer(self, result: T | None) -> None:
        """Close with an answer, once."""
        if not self.is_answered:
            self.is_answered = True
            self.dismiss(result)

    def back(self) -> None:
        """What escape and Cancel do."""
        self.answer(None)

    def chosen(self, choice: str) -> None:
        """A button other than Cancel was pressed."""

    def on_choice_pressed(self, message: Choice.Pressed) -> None:
        """Send a press where it belongs."""
        message.stop()
        if message.choice.id == "cancel":
            self.back()
        else:
            self.chosen(message.choice.id or "")

    def on_key(self, event: events.Key) -> None:
        """Keep what comes after the answer for the next dialog."""
        if self.is_answered:
            event.stop()
            self.late_keys.append(event)
        else:
            self.pressed(event)

    def pressed(self, event: events.Key) -> None:
        """A key that no widget took: escape goes back, arrows scroll or move between buttons."""
        if event.key == "escape":
            event.stop()
            self.back()
        elif event.key in ("left", "right") and isinstance(self.focused, Choice):
            event.stop()
            if event.key == "right":
                self.focus_next(Choice)
            else:
                self.focus_previous(Choice)
        else:
            self.scroll_body(event)

    def scroll_body(self, event: events.Key) -> bool:
        """Scroll by a key, if it is one that scrolls."""
        body = self.query_one("#body", VerticalScroll)
        moves = {
            "up": body.scroll_up,
            "down": body.scroll_down,
            "pageup": body.scroll_page_up,
            "pagedown": body.scroll_page_down,
        }
        move = moves.get(event.key)
        if move is None:
            return False
        event.stop()
        move(animate=False)
        return True
