"""The confirmation, and the ladder of how it is answered.

It takes no key until it was on the screen and the keyboard silent for 300 ms, so that neither keys typed ahead nor a
held key can confirm. For that it has all keys itself: nothing in it can be focused, and what is typed is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cftui.fleet.estimates import Estimates, Usual
from cftui.fleet.fleet import View
from cftui.fleet.history import Finding
from cftui.fleet.rows import VmRow
from cftui.fleet.rules import Rung
from cftui.operations.consent import rung_of
from cftui.operations.order import Order
from cftui.operations.plan import Plan, as_command, as_curls
from cftui.text import age, count
from cftui.tui.modals.changes import hidden_words, is_same
from cftui.tui.modals.confirm_words import ConfirmWords
from cftui.tui.modals.dialog import WIDTH, Choice, Dialog
from cftui.tui.modals.ink import lines, put
from cftui.tui.modals.plan_text import PlanText, trouble_of
from cftui.tui.modals.silence import Silence
from cftui.tui.telling import ago


class Badge(Protocol):
    """What a confirmation needs of a profile."""

    @property
    def name(self) -> str:
        """What the profile is called."""

    @property
    def is_production(self) -> bool:
        """Whether its confirmations are heavier."""


ANOTHER_ORDER: Final = "order"
"""The answer of whoever wants another order first."""


class Confirm(Dialog[bool | Literal["order"]]):
    """Ask before a plan is executed; True means go, False to ask again on the VMs as they are by now.

    Args:
        plan: What would be sent; frozen.
        order: In which order.
        profile: Whose cloud.
        view: Tells what is known now; asked again by `fleet_moved`.
        twins: By id of a VM in the plan, the others whose name looks the same; it is confirmed by name and id.
        estimates: Usual durations.
        held: Why nothing at all can be sent now, and the way out; empty when it can.
        gap: What the journal lost; empty when nothing.
        hidden: How many of the plan's VMs the filter hides.
        takes_s: How long it will take, in seconds, where that is known.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        profile: Badge,
        view: Callable[[], View],
        twins: Mapping[str, Sequence[VmRow]] | None = None,
        estimates: Estimates | None = None,
        held: Callable[[], str] = lambda: "",
        gap: str = "",
        hidden: int = 0,
        order: Order = Order(),  # noqa: B008 - frozen
        takes_s: float | None = None,
    ) -> None:
        super().__init__()
        self.plan = plan
        self.order = order
        self._takes_s = takes_s
        self._profile = profile
        self._view = view
        self._estimates = estimates
        self._twins = twins or {}
        self._held = held
        self._why_held = ""
        self.gap = gap
        self._hidden = hidden
        self.rung = rung_of(plan, order, is_production=profile.is_production, has_gap=bool(gap))
        self.can_lose_work = self.rung > Rung.YES
        self._words = ConfirmWords(plan, order, profile.name, self.rung, self._twins)
        self.wanted = self._words.wanted
        """What has to be typed; empty on the first rung."""
        self._typed = ""
        self._lit = "cancel"
        self._copied = ""
        self._silence = Silence(lambda: self.clock.monotonic())
        self._troubles: dict[str, str] = {}

    # What it says.

    @property
    def _is_one(self) -> bool:
        return self._words.number == 1

    def heading(self) -> str:
        """Verb, target, question mark."""
        return self._words.heading(self._hidden_words if self._title_tells_hidden else "")

    @property
    def _hidden_words(self) -> str:
        return hidden_words(self._hidden, self.app.size.width)

    @property
    def _title_tells_hidden(self) -> bool:
        """Whether the title has room for what the filter hides; else the body tells it."""
        cells = len(self._words.heading(self._hidden_words)) + self.state().cell_length
        return cells <= min(WIDTH, self.app.size.width) - 12

    def state(self) -> Content:
        """PRODUCTION, and how many of how many."""
        ink = self.ink
        number, skipped = self._words.number, len(self.plan.skipped)
        badge = ink(" PRODUCTION ", "*onalarm", "alarm") + Content("  ") if self._profile.is_production else Content("")
        if skipped:
            return badge + ink(f"{number + skipped:,} chosen  ", "text") + ink(f"{skipped:,} skipped", "*warn")
        if self.plan.workflow:
            most = count(self._words.requests, "request")
            return badge + ink(f"{count(number, 'VM')}, up to {most}", "text")
        return badge + ink(f"{count(number, 'VM')}, {count(number, 'request')}", "text")

    def compose_answer(self) -> ComposeResult:
        """The line to type in."""
        yield Static(id="typed")

    def choices(self) -> Iterable[Choice]:
        """Cancel, and the deed."""
        is_off = self.rung > Rung.YES
        return (
            Choice("Cancel", id="cancel", key="esc", can_focus=False),
            Choice(self._words.button, id="go", key="" if is_off else "y", is_off=is_off, can_focus=False),
        )

    def first_focus(self) -> None:
        """Nothing: all keys come here."""

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed now."""
        arrows = "up/down" if self.ink.is_ascii else "↑↓"
        scroll = [(arrows, "scroll")] if self.query_one("#body").max_scroll_y else []
        if self._is_blocked:
            again = [("c", "confirms again, as it is now" if self._is_one else "confirms again, as they are now")]
            return [*(again if self._may_ask_again else []), ("enter, n, esc", "back"), *scroll]
        if self.rung is Rung.YES:
            return [("y", self._words.does), ("enter, n, esc", "cancel"), *scroll]
        if self._is_typed:
            return [("enter", self._words.does), ("esc", "cancels"), *scroll]
        what = "name" if self.rung is Rung.TYPE_NAME else "number" if self.rung is Rung.TYPE_COUNT else "answer"
        return scroll or [("enter", f"does nothing until the {what} is complete")]

    @property
    def _is_typed(self) -> bool:
        return self._typed.strip() == self.wanted

    @property
    def _is_blocked(self) -> bool:
        """Nothing of it may be sent any more."""
        return bool(self._why_held) or len(self._troubles) == self._words.number

    @property
    def _may_ask_again(self) -> bool:
        """Whether there is a VM left to ask about anew."""
        vms = self._view().vms
        return not self._why_held and any(is_same(step.vm, vms.get(step.vm.id)) for step in self.plan.steps)

    def tick(self) -> None:
        """A second has passed: the time for changes may be over."""
        if self.is_open and self._held() != self._why_held:
            self.fleet_moved()

    def fleet_moved(self) -> None:
        """Something newer is known: look at the targets again, and say what is different."""
        if not self.is_open:
            return
        view = self._view()
        self._why_held = self._held()
        self._troubles = {
            step.vm.id: trouble
            for step in self.plan.steps
            if (trouble := trouble_of(step, view, self.plan)) is not None
        }
        self._redraw_all()

    def redraw(self) -> None:
        """Draw the body."""
        text = PlanText(
            self.plan,
            self.ink,
            self.inner_width,
            self._troubles,
            self._freshness(),
            self._copy_hint(),
            self._usual(),
            self._twins,
            self._first(),
            self.gap,
            self._view().vms,
            0 if self._title_tells_hidden else self._hidden,
            self.order,
            self._words.order_rows(self.ink, self.inner_width - (11 if self.inner_width >= 60 else 0), self._takes_s),
            is_low=self.app.size.height < 30,
        )
        body = lines(text.one() if self._is_one else text.several())
        put(self.query_one("#text", Static), body)
        self._redraw_answer()

    def _usual(self) -> Usual | None:
        """How long it usually takes: on this VM, or on any."""
        vm = self.plan.steps[0].vm if self._is_one else None
        return self._estimates.usual(self.plan.type, vm) if self._estimates else None

    def _first(self) -> str:
        """Of a resend: when the first one was sent, and that nothing is known of it."""
        first = self._view().submissions.get(self.plan.replaces)
        if first is None:
            return ""
        sent = ago(self.clock.now().timestamp() - first.intended)
        if first.finding is Finding.UNVERIFIABLE:
            return f"The first one was sent {sent}; what became of it cannot be found out from here."
        return f"The first one was sent {sent}; there is no trace of it so far."

    def _redraw_all(self) -> None:
        self.redraw()
        self.redraw_frame()

    def _redraw_answer(self) -> None:
        is_ready = not self._is_blocked and (self.rung is Rung.YES or self._is_typed)
        self.query_one("#go", Choice).switch(is_off=not is_ready, is_lit=self._lit == "go" and is_ready)
        self.query_one("#cancel", Choice).switch(
            is_lit=self.rung is Rung.YES and (self._lit == "cancel" or not is_ready)
        )
        line = self._answer_line()
        put(self.query_one("#typed", Static), line)
        self.query_one("#answer").display = bool(line.cell_length)

    def _answer_line(self) -> Content:
        ink = self.ink
        if self._why_held:
            return ink(f"{ink.glyphs.failed} Not now: {self._why_held}.", "*bad") + ink(" Nothing is sent.")
        if self._is_blocked:
            told = self._troubles[self.plan.steps[0].vm.id] if self._is_one else "All of them changed since you looked."
            return ink(f"{ink.glyphs.failed} {told}", "*bad") + ink(" Nothing is sent.")
        if self.rung is Rung.YES:
            return Content("")
        if self.inner_width < 60:
            words = "  "
        elif self.rung is Rung.TYPE_NAME:
            words = " to go on  "
        elif self.rung is Rung.TYPE_COUNT:
            words = ", the number of requests  "
        else:
            words = ", number and profile  "
        room = max(8, min(24, len(self.wanted) + 4))
        tail = self._typed[-(room - 2) :]
        line = ink("Type ") + ink(self.wanted, "*strong") + ink(words)
        line += (
            ink(ink.glyphs.cursor, "focus", "field") + ink(f" {tail}", "text", "field") + ink(" ", "text", "btnfocus")
        )
        line += ink(" " * max(0, room - len(tail) - 2), "text", "field")
        hint = self._typing_hint()
        fits = line.cell_length + 2 + hint.cell_length <= self.inner_width
        return line + Content("  ") + hint if fits else lines((line, hint))

    def _typing_hint(self) -> Content:
        ink = self.ink
        typed = self._typed.lstrip()
        if self._is_typed:
            return ink(f"{ink.glyphs.good} as asked", "good")
        if self.wanted.startswith(typed):
            left = len(self.wanted) - len(typed)
            return ink(f"{count(left, 'character')} more" if typed else "", "muted")
        return ink(f"{ink.glyphs.failed} not the same", "bad")

    def _freshness(self) -> Content:
        ink, read_at = self.ink, self._view().read_at
        if self._troubles:
            return Content("")
        if read_at is None:
            return ink("not read yet", "warn")
        how_old = age(self.clock.monotonic() - read_at)
        return ink(f"{ink.glyphs.good} ", "good") + ink(f"list {how_old}, unchanged", "muted")

    def _copy_hint(self) -> Content:
        if self._copied:
            other = "as command" if self._copied == "curl" else "as curl"
            return self.ink(f"copied as {self._copied}  ", "good") + self.ink.key("ctrl+y", other)
        return self.ink.key("ctrl+y", "copy as curl or as command")

    # Time and keys.

    def begin(self) -> None:
        """Begin the silence once it is painted; keep the shown age true."""
        self.fleet_moved()
        self.call_after_refresh(self._silence.begin)
        self.set_interval(5, self.redraw)

    def on_paste(self, event: events.Paste) -> None:
        """A paste confirms nothing."""
        event.stop()
        event.prevent_default()
        self._silence.pasted(event)

    def pressed(self, event: events.Key) -> None:
        """Every key ends here; see the module."""
        event.stop()
        if not self._silence.takes(event):
            return
        key = event.key
        if key == "escape":
            self.back()
        elif key == "ctrl+y":
            self._copy()
        elif key == self._words.order_key and self._words.has_order and not self._typed and not self._is_blocked:
            self.answer(ANOTHER_ORDER)
        elif self.scroll_body(event):
            pass
        elif self._is_blocked:
            if key == "c" and self._may_ask_again:
                self.answer(False)
            elif key in ("enter", "n"):
                self.back()
        elif self.rung is Rung.YES:
            self._press_button(key)
        else:
            self._type(event)

    def _press_button(self, key: str) -> None:
        if key == "y":
            if self._silence.stands_alone:
                self.answer(True)
        elif key == "n":
            self.back()
        elif key in ("tab", "shift+tab", "left", "right"):
            self._lit = "go" if self._lit == "cancel" else "cancel"
            self._redraw_answer()
        elif key == "enter" and self._lit == "cancel":
            self.back()
        elif key == "enter" and self._silence.stands_alone:
            self.answer(True)

    def _type(self, event: events.Key) -> None:
        match event.key:
            case "enter":
                if self._is_typed:
                    self.answer(True)
                return
            case "backspace" | "ctrl+h":
                self._typed = self._typed[:-1]
            case "ctrl+u":
                self._typed = ""
            case "ctrl+w":
                self._typed = self._typed.rstrip().rpartition(" ")[0]
            case _:
                if event.is_printable and event.character and len(self._typed) < 2 * len(self.wanted) + 8:
                    self._typed += event.character
        self._redraw_answer()
        self.redraw_frame()

    def _copy(self) -> None:
        as_command_next = self._copied == "curl"
        self._copied = "command" if as_command_next else "curl"
        text = as_command(self.plan, self.order) if as_command_next else as_curls(self.plan)
        copy = getattr(self.app, "copy_text", self.app.copy_to_clipboard)
        copy(text)
        self.redraw()

    def chosen(self, choice: str) -> None:
        """A click on the deed; it counts only as a key would."""
        if choice == "go" and self._silence.has_passed:
            self.answer(True)
