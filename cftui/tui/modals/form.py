"""What the forms share: fields that say what is wrong while one types, and a Continue that waits for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from cftui.api.requests import ActionRequest
from cftui.fleet.fleet import View
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.plan import Workflow
from cftui.text import clean, count, cut, cut_middle
from cftui.tui.modals.changes import changes_of, changes_words
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import Ink, lines, put
from cftui.tui.modals.plan_text import VERBS
from cftui.tui.widgets.line_input import LineInput
from cftui.tui.workflow_words import title

Requests = list[tuple[VmRow, ActionRequest]]
"""What a form answers: each VM with its request, in the order they were given."""

A = TypeVar("A")


class FieldInput(LineInput):
    """The input of a field; notes which key it saw last, so that its screen can tell one that never reached it."""

    seen: events.Key | None = None

    def on_key(self, event: events.Key) -> None:
        """Note it; the input takes it."""
        self.seen = event

    def action_copy(self) -> None:
        """Copy what is selected; not out of a field of dots, as the clipboard is everybody's."""
        if not self.password:
            super().action_copy()

    def action_cut(self) -> None:
        """Copy what is selected and take it out; of a field of dots only the latter."""
        if self.password:
            self.delete_selection()
        else:
            super().action_cut()


class Field(Widget):
    """A labelled input with one line below it, kept free for what is wrong.

    Args:
        label: Stands before it.
        value: What it holds at first.
        ghost: Shown while it is empty.
        is_secret: Draw dots.
    """

    DEFAULT_CSS = """
    Field { height: 2; width: 100%; layout: vertical; }
    Field > Horizontal { height: 1; width: 100%; }
    Field .lead { width: auto; height: 1; }
    Field .marker { width: 2; height: 1; background: $field; }
    Field FieldInput, Field FieldInput:focus {
        width: 1fr; max-width: 64; height: 1; border: none; padding: 0; background: $field; background-tint: $field 0%;
        color: $text;
    }
    Field FieldInput:ansi { text-style: underline; }
    Field FieldInput:ansi > .input--cursor { color: ansi_default; background: ansi_default; text-style: reverse; }
    Field FieldInput:ansi > .input--selection { color: ansi_default; background: ansi_default; text-style: reverse; }
    Field FieldInput > .input--placeholder { color: $faint; }
    Field .tail { width: auto; height: 1; padding: 0 0 0 2; }
    Field .note { width: 100%; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(
        self, label: str, *, id: str, value: str = "", ghost: str = "", is_secret: bool = False, cells: int = 0
    ) -> None:
        super().__init__(id=id)
        self.label = label
        self.is_wrong = False
        self._lead_cells = 0
        self.input = FieldInput(value, placeholder=ghost, password=is_secret, compact=True)
        if cells:
            self.input.styles.width = cells
            self.input.styles.max_width = cells

    def compose(self) -> ComposeResult:
        """Label, marker, input, what it comes to; below, what is wrong."""
        with Horizontal():
            yield Static(classes="lead")
            yield Static(classes="marker")
            yield self.input
            yield Static(classes="tail")
        yield Static(classes="note")

    @property
    def value(self) -> str:
        """What is typed."""
        return self.input.value

    def on_mount(self) -> None:
        """Draw the label and the marker."""
        self.lead(Ink(self.app)(f"{self.label}  "))
        self._mark()

    def on_descendant_focus(self) -> None:
        """Mark the focus."""
        self._mark()

    def on_descendant_blur(self) -> None:
        """Mark that it went."""
        self._mark()

    def _mark(self) -> None:
        ink = Ink(self.app)
        has_focus = self.input.has_focus
        tone = "bad" if self.is_wrong else "focus" if has_focus else "line"
        glyph = ink.glyphs.cursor if has_focus else ink.glyphs.idle_cursor
        put(self.query_one(".marker", Static), ink(glyph, tone))

    def lead(self, content: Content) -> None:
        """What stands before the input."""
        self._lead_cells = content.cell_length
        put(self.query_one(".lead", Static), content)

    def tail(self, content: Content) -> None:
        """What stands behind it."""
        put(self.query_one(".tail", Static), content)

    def say(self, text: str = "", *, is_error: bool = True, tone: str = "") -> None:
        """The line below: an error, advice, or nothing.

        Args:
            text: What would be right, or what to take care of.
            is_error: Whether it stops the request.
            tone: Another colour than that of errors and advice; then without a sign.
        """
        ink = Ink(self.app)
        self.is_wrong = bool(text) and is_error and not tone
        sign, colour = (ink.glyphs.failed, "bad") if is_error else (ink.glyphs.warn, "warn")
        indent = " " * self._lead_cells if self.app.size.width >= 60 else ""
        said = ink(text, tone) if tone else ink(f"{sign} {text}", colour)
        put(self.query_one(".note", Static), Content(indent) + said if text else Content(""))
        self._mark()


class Asking(Dialog[A]):
    """A dialog with fields. Keys that come before its first field has the focus are delivered to it, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._early: list[events.Key] = []

    def take_early(self, keys: Iterable[events.Key]) -> None:
        """Keys typed before this dialog was there: `late_keys` of the dialog before it. Call it before it is shown."""
        self._early.extend(keys)

    def fields(self) -> Sequence[Field]:
        """All fields, in order."""
        return list(self.query(Field))

    def first_focus(self) -> Widget | None:
        """The first field."""
        return self.fields()[0].input

    def begin(self) -> None:
        """What was typed before goes into the first field now, ahead of all that is typed from here on."""
        for key in self._early:
            self.fields()[0].input.post_message(events.Key(key.key, key.character))

    def pressed(self, event: events.Key) -> None:
        """Hand on a key that came here because no field had the focus yet."""
        field = self.focused
        if isinstance(field, FieldInput) and field.seen is not event:
            event.stop()
            field.post_message(events.Key(event.key, event.character))
            return
        super().pressed(event)


class Form(Asking[Requests]):
    """A form for one action over its targets; answers with a valid request for each, or with None.

    Args:
        targets: At least one VM; frozen here.
        workflow: What the action stands in the middle of, if in any.
    """

    type: ClassVar[ActionType]

    def __init__(self, targets: Sequence[VmRow], *, workflow: Workflow = Workflow.NONE) -> None:
        super().__init__()
        self.targets = tuple(targets)
        self.workflow = workflow
        self._view: Callable[[], View] | None = None
        self._flag = ""

    def watch_targets(self, view: Callable[[], View]) -> None:
        """Look at the targets again by `fleet_moved`; what is different about them is told at once."""
        self._view = view

    def fleet_moved(self) -> None:
        """Something newer is known: say which of the targets are different."""
        if self._view is None or not self.is_open:
            return
        flag = changes_words(self.targets, changes_of(self.targets, self._view()))
        if flag != self._flag:
            self._flag = flag
            self._show_flag()
            self.redraw_frame()

    def _show_flag(self) -> None:
        told = self.ink(f"{self.ink.glyphs.warn} {self._flag}", "*warn") if self._flag else Content("")
        put(self.query_one("#flag", Static), told)
        self.query_one("#answer").display = bool(self._flag)

    def compose_answer(self) -> ComposeResult:
        """Where it is told that a target is different by now."""
        yield Static(id="flag")

    def begin(self) -> None:
        """Nothing is different yet."""
        super().begin()
        self._show_flag()

    def heading(self) -> str:
        """Verb and targets."""
        verb = f"{title(self.workflow)} of" if self.workflow else VERBS[self.type]
        if len(self.targets) == 1:
            return f"{verb} {cut_middle(clean(self.targets[0].name), 40)}"
        return f"{verb} {count(len(self.targets), 'VM')}"

    def state(self) -> Content:
        """State, region and id of one; the number of several."""
        ink = self.ink
        if len(self.targets) > 1:
            return ink(", ".join(cut(clean(vm.name), 16) for vm in self.targets[:3]), "muted") + ink(
                f", {ink.glyphs.ellipsis}" if len(self.targets) > 3 else "", "muted"
            )
        vm = self.targets[0]
        return ink.power(vm) + ink(f"  {cut(clean(vm.region), 14)}  id {clean(vm.id)[:8]}{ink.glyphs.ellipsis}")

    def choices(self) -> Iterable[Choice]:
        """Cancel, and on to the question."""
        return (Choice("Cancel", id="cancel", key="esc"), Choice("Continue", id="continue", key="enter", is_off=True))

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        hints = [("tab", "next field")] if len(self.fields()) > 1 else []
        return [*hints, ("enter", "asks before anything is sent")] if self.requests() else hints

    def requests(self) -> Requests:
        """What would be asked for; empty while something is missing or wrong."""
        raise NotImplementedError

    def check(self) -> None:
        """Say at each field what is wrong with it, and draw the preview."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Check anew."""
        self.check()
        self.query_one("#continue", Choice).switch(is_off=not self.requests())

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check while one types."""
        event.stop()
        self.redraw()
        self.redraw_frame()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on when all is right, else to the first field that is not."""
        event.stop()
        self.go_on()

    def chosen(self, choice: str) -> None:
        """Continue was pressed."""
        self.go_on()

    def go_on(self) -> None:
        """Answer, if all is right."""
        if asked := self.requests():
            self.answer(asked)
        elif wrong := [field for field in self.fields() if field.is_wrong]:
            self.set_focus(wrong[0].input)

    def preview(self, missing: str) -> Content:
        """The exact body, or why there is none yet."""
        ink, asked = self.ink, self.requests()
        head = ink("Request  ", "*strong")
        if not asked:
            wrong = sum(field.is_wrong for field in self.fields())
            why = f"{count(wrong, 'field')} to correct" if wrong else missing
            return head + ink("not yet: ", "muted") + ink(why, "bad" if wrong else "muted")
        times = f"{len(asked):,} {'x' if ink.is_ascii else '×'} " if len(asked) > 1 else ""
        bodies = list(dict.fromkeys(request.body_json for _, request in asked))
        shown = [head + ink(times, "*key") + ink(bodies[0], "text", "field")]
        shown += [ink(f"         {body}", "text") for body in bodies[1:3]]
        if len(bodies) > 3:
            shown.append(ink(f"         … and {len(bodies) - 3:,} more", "muted"))
        return lines(shown)
