"""The order dialog: how many VMs at once, when to stop, and when it is somebody's turn to decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from cftui.operations.order import Order
from cftui.operations.plan import Workflow
from cftui.text import count
from cftui.tui.modals.dialog import Choice
from cftui.tui.modals.form import Asking, Field
from cftui.tui.modals.ink import put
from cftui.tui.modals.options import Options
from cftui.tui.ordering import pace_words, seconds_words, stop_words, typed_seconds
from cftui.tui.workflow_words import your_turn

_PACES = {
    "all": "all at once",
    "some": "3 at a time",
    "canary": "1 alone, then 10 %, then the rest",
}
_USUAL_AT_ONCE = 3
"""What `some` of the paces means while no number stands in the field."""
_NEVER = "never"
_MOST_AT_ONCE = 10_000


class OrderDialog(Asking[Order]):
    """Ask for another order.

    Args:
        order: As it is.
        targets: How many VMs there are.
        workflow: What is done to them.
    """

    DEFAULT_CSS = """
    OrderDialog Options { height: 3; margin: 0 0 1 0; }
    OrderDialog.-low Options { margin: 0; }
    """

    def __init__(self, order: Order, *, targets: int, workflow: Workflow = Workflow.NONE) -> None:
        super().__init__()
        self._order = order
        self._targets = targets
        self._workflow = workflow
        self._paces = dict(_PACES)

    def heading(self) -> str:
        """What is asked for."""
        return "In which order"

    def state(self) -> Content:
        """How many VMs."""
        return self.ink(count(self._targets, "VM"), "text")

    def compose_body(self) -> ComposeResult:
        """The usual paces, and a field for each number."""
        order = self._order
        if self._targets > 1:
            yield Options(self._paces, id="pace")
            yield _field("in flight at most", "in-flight", str(order.in_flight or ""), "as many as there are")
            yield _field("stop after", "stop-after", str(order.stop_after or ""), _NEVER)
            yield _field("apart", "stagger", _seconds(order.stagger_s or None), "no pause")
        if self._workflow:
            yield _field("your turn after", "limit", _seconds(order.stop_limit_s), _seconds(Order().stop_limit_s))
            yield _field("cut power after", "force", _seconds(order.force_after_s), _NEVER)
        yield Static(id="summary")

    def choices(self) -> Iterable[Choice]:
        """Cancel keeps the order as it was."""
        return (Choice("Cancel", id="cancel", key="esc"), Choice("Take it", id="take", key="enter", is_off=True))

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        arrows = "up/down" if self.ink.is_ascii else "↑↓"
        choose = [(arrows, "choose")] if self._targets > 1 else []
        return [("tab", "next field"), ("enter", "back to the question"), *choose]

    def first_focus(self) -> Widget | None:
        """The paces, or the first field."""
        return self.query_one_optional("#pace", Options) or super().first_focus()

    def begin(self) -> None:
        """The pace that is in force is chosen."""
        super().begin()
        if (pace := self.query_one_optional("#pace", Options)) is not None:
            pace.chosen = "canary" if self._order.is_canary else "all"
            self._show_pace()
            self.redraw()

    # What is asked for.

    def order(self) -> Order | None:
        """The order that is asked for; None while something is wrong."""
        found = self._order
        if self._targets > 1:
            in_flight, stop_after = self._whole("in-flight"), self._whole("stop-after")
            stagger = self._seconds("stagger", 0.0)
            if 0 in (in_flight, stop_after) or stagger is None:
                return None
            is_canary = self.query_one("#pace", Options).chosen == "canary"
            found = replace(found, in_flight=in_flight, stop_after=stop_after, stagger_s=stagger, is_canary=is_canary)
        if self._workflow:
            limit = self._seconds("limit", Order().stop_limit_s)
            if not limit or self._wrong("force"):
                return None
            found = replace(found, stop_limit_s=limit, force_after_s=self._seconds("force", 0.0) or None)
        return found

    def _whole(self, name: str) -> int | None:
        """The number in a field: None where it is empty, 0 where it is none."""
        text = self._field(name).value.strip()
        if not text:
            return None
        return int(text) if text.isascii() and text.isdigit() and int(text) <= _MOST_AT_ONCE else 0

    def _seconds(self, name: str, empty: float) -> float | None:
        """The time in a field, in seconds; None where it is none."""
        text = self._field(name).value.strip()
        return empty if not text or text == _NEVER else typed_seconds(text)

    def _field(self, name: str) -> Field:
        return self.query_one(f"#field-{name}", Field)

    def redraw(self) -> None:
        """Say at each field what is wrong with it, and in words what the order is."""
        for field in self.fields():
            field.say(self._wrong(str(field.id).removeprefix("field-")))
        if self._workflow:
            self._advise()
        order = self.order()
        ink = self.ink
        told = [] if order is None else [pace_words(order, self._targets)] if self._targets > 1 else []
        if order is not None and (stops := stop_words(order)) and self._targets > 1:
            told.append(stops)
        if order is not None and self._workflow:
            told.append(your_turn(self._workflow, order))
        head = ink("Order  ", "*strong")
        said = "; ".join(told) if told else "not yet: a field is to be corrected"
        put(self.query_one("#summary", Static), head + ink(said, "text" if told else "muted"))
        self.query_one("#take", Choice).switch(is_off=order is None)

    def _wrong(self, name: str) -> str:
        """What would be right in a field; empty where it is."""
        if name in ("in-flight", "stop-after"):
            return "a whole number, 1 or more; empty for none" if self._whole(name) == 0 else ""
        seconds = self._seconds(name, Order().stop_limit_s)
        if seconds is None:
            return "a time, such as 90 s or 2m; a day at most"
        if name == "force":
            return "a time above 0; empty for never" if not seconds else ""
        return "a time above 0" if name == "limit" and not seconds else ""

    def _advise(self) -> None:
        """Cutting the power by itself is said to be that."""
        field = self._field("force")
        if self._seconds("force", 0.0) and not field.is_wrong:
            field.say("without asking again; the question becomes a heavier one", is_error=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check while one types; another number in flight is another pace."""
        event.stop()
        if self._targets > 1 and event.input is self._field("in-flight").input:
            self._show_pace()
        self.redraw()
        self.redraw_frame()

    def on_options_chosen(self, event: Options.Chosen) -> None:
        """Another pace: its number goes into the field, where it can be changed."""
        event.stop()
        field = self._field("in-flight").input
        with field.prevent(Input.Changed):  # which would come late, and undo a pace that was chosen meanwhile
            match self.query_one("#pace", Options).chosen:
                case "all":
                    field.value = ""
                case "some":
                    field.value = str(self._whole("in-flight") or _USUAL_AT_ONCE)
                case _:
                    field.value = field.value or str(_USUAL_AT_ONCE)
        self._show_pace()
        self.redraw()
        self.redraw_frame()

    def _show_pace(self) -> None:
        """Mark the pace that the field says; while what is typed there is no number, the one before stays marked."""
        pace, in_flight = self.query_one("#pace", Options), self._whole("in-flight")
        if in_flight == 0:
            return
        if pace.chosen != "canary":
            pace.chosen = "all" if in_flight is None else "some"
        self._paces["some"] = f"{in_flight or _USUAL_AT_ONCE:,} at a time"
        pace.refresh()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes it when all is right."""
        event.stop()
        self._take()

    def chosen(self, choice: str) -> None:
        """Take it was pressed."""
        self._take()

    def pressed(self, event: events.Key) -> None:
        """Enter on the paces takes them."""
        if event.key == "enter" and isinstance(self.focused, Options):
            event.stop()
            self._take()
        else:
            super().pressed(event)

    def _take(self) -> None:
        if (order := self.order()) is not None:
            self.answer(order)
        elif wrong := [field for field in self.fields() if field.is_wrong]:
            self.set_focus(wrong[0].input)


def _field(label: str, name: str, value: str, ghost: str) -> Field:
    return Field(f"{label:17}", id=f"field-{name}", value=value, ghost=ghost, cells=22)


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else seconds_words(seconds)
