"""The confirmation, and the ladder of how it is answered.

It takes no key until it was on the screen and the keyboard silent for 300 ms, so that neither keys typed ahead nor a
held key can confirm. For that it has all keys itself: nothing in it can be focused, and what is typed is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cftui.fleet import rules
from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import View
from cftui.fleet.rows import ActionType
from cftui.fleet.rules import Rung
from cftui.operations.plan import Plan, as_command, as_curl
from cftui.text import age, clean, count, cut_middle
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines
from cftui.tui.modals.plan_text import VERBS, PlanText, trouble_of

SILENCE_S = 0.3
"""How long the keyboard must be silent, on a dialog that can be seen, before a key counts."""
AFTER_PASTE_S = 0.05
"""Keys this soon after a paste belong to it."""
_ROUNDING_S = 1e-6
_AT_ONCE_S = 0.05
"""A key handled within this was handled at once."""
NAME_MAX_CELLS = 64
"""A name longer than this, or an empty one, is not typed; the first of the id is."""


class Badge(Protocol):
    """What a confirmation needs of a profile."""

    @property
    def name(self) -> str:
        """What the profile is called."""

    @property
    def is_production(self) -> bool:
        """Whether its confirmations are heavier."""


class Confirm(Dialog[bool]):
    """Ask before a plan is executed; True means go.

    Args:
        plan: What would be sent; frozen.
        profile: Whose cloud.
        view: Tells what is known now; asked again by `fleet_moved`.
        same_name_ids: VMs whose name another VM has too; they are confirmed by name and id.
        estimates: Usual durations.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        profile: Badge,
        view: Callable[[], View],
        same_name_ids: Collection[str] = (),
        estimates: Estimates | None = None,
    ) -> None:
        super().__init__()
        self.plan = plan
        self._profile = profile
        self._view = view
        self._estimates = estimates
        self.rung = rules.rung(
            plan.type,
            targets=len(plan.steps),
            resources=frozenset(resource for step in plan.steps for resource in step.request.sizes),
            is_production=profile.is_production,
            is_resend=plan.is_resend,
        )
        self.can_lose_work = self.rung > Rung.YES
        self.wanted = self._wanted(same_name_ids)
        """What has to be typed; empty on the first rung."""
        self._shown = ""
        self._line = "?"
        self._typed = ""
        self._lit = "cancel"
        self._copied = ""
        self._silent_since: float | None = None
        self._takes_keys = False
        self._pasted_at = float("-inf")
        self._troubles: dict[str, str] = {}

    def _wanted(self, same_name_ids: Collection[str]) -> str:
        step = self.plan.steps[0]
        match self.rung:
            case Rung.YES:
                return ""
            case Rung.TYPE_NAME:
                name = clean(step.vm.name).strip()
                if not name or len(name) > NAME_MAX_CELLS:
                    return clean(step.vm.id)[:6]
                return f"{name} {clean(step.vm.id)[:6]}" if step.vm.id in same_name_ids else name
            case Rung.TYPE_COUNT:
                return str(len(self.plan.steps))
            case _:
                return f"{len(self.plan.steps)} {clean(self._profile.name).strip()}"

    # What it says.

    @property
    def _verb(self) -> str:
        return VERBS[self.plan.type]

    @property
    def _is_one(self) -> bool:
        return len(self.plan.steps) == 1

    def heading(self) -> str:
        """Verb, target, question mark."""
        again = " again" if self.plan.is_resend else ""
        if self._is_one:
            return f"{self._verb} {cut_middle(clean(self.plan.steps[0].vm.name), 40)}{again}?"
        return f"{self._verb} {count(len(self.plan.steps), 'VM')}{again}?"

    def state(self) -> Content:
        """PRODUCTION, and how many of how many."""
        ink = self.ink
        steps, skipped = len(self.plan.steps), len(self.plan.skipped)
        badge = ink(" PRODUCTION ", "*onalarm", "alarm") + Content("  ") if self._profile.is_production else Content("")
        if skipped:
            return badge + ink(f"{steps + skipped:,} chosen  ", "text") + ink(f"{skipped:,} skipped", "*warn")
        return badge + ink(f"{count(steps, 'VM')}, {count(steps, 'request')}", "text")

    def compose_answer(self) -> ComposeResult:
        """The line to type in."""
        yield Static(id="typed")

    def choices(self) -> Iterable[Choice]:
        """Cancel, and the deed."""
        label = self._button()
        is_off = self.rung > Rung.YES
        return (
            Choice("Cancel", id="cancel", key="esc", can_focus=False),
            Choice(label, id="go", key="" if is_off else "y", is_off=is_off, can_focus=False),
        )

    def _button(self) -> str:
        verb = {ActionType.PASSWORD_RESET: "Reset"}.get(self.plan.type, self._verb)
        return verb if self._is_one else f"{verb} {len(self.plan.steps):,}"

    def first_focus(self) -> None:
        """Nothing: all keys come here."""

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed now."""
        arrows = "up/down" if self.ink.is_ascii else "↑↓"
        scroll = [(arrows, "scroll")] if self.query_one("#body").max_scroll_y else []
        if self._is_blocked:
            return [("enter, n, esc", "back"), *scroll]
        if self.rung is Rung.YES:
            return [("y", self._does()), ("enter, n, esc", "cancel"), *scroll]
        if self._is_typed:
            return [("enter", self._does()), ("esc", "cancels"), *scroll]
        what = "name" if self.rung is Rung.TYPE_NAME else "number" if self.rung is Rung.TYPE_COUNT else "answer"
        return scroll or [("enter", f"does nothing until the {what} is complete")]

    def _does(self) -> str:
        return {
            ActionType.REBOOT: "reboots",
            ActionType.POWER_CYCLE: "power-cycles",
            ActionType.SHUTDOWN: "shuts down",
            ActionType.POWER_OFF: "powers off",
            ActionType.POWER_ON: "powers on",
            ActionType.PASSWORD_RESET: "resets it",
            ActionType.RESIZE: "resizes",
            ActionType.RENAME: "renames",
            ActionType.SNAPSHOT: "takes it",
        }[self.plan.type]

    @property
    def _is_typed(self) -> bool:
        return self._typed.strip() == self.wanted

    @property
    def _is_blocked(self) -> bool:
        """Nothing of it may be sent any more."""
        return len(self._troubles) == len(self.plan.steps)

    def fleet_moved(self) -> None:
        """Something newer is known: look at the targets again, and say what is different."""
        if not self.is_attached or self.is_answered:
            return
        view = self._view()
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
            self._estimates.usual(self.plan.type) if self._estimates else None,
        )
        body = lines(text.one() if self._is_one else text.several())
        if body.markup != self._shown:  # repainting what is the same would cost bytes
            self._shown = body.markup
            self.query_one("#text", Static).update(body)
        self._redraw_answer()

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
        if line.markup != self._line:
            self._line = line.markup
            self.query_one("#typed", Static).update(line)
            self.query_one("#answer").display = bool(line.cell_length)

    def _answer_line(self) -> Content:
        ink = self.ink
        if self._is_blocked:
            told = self._troubles[self.plan.steps[0].vm.id] if self._is_one else "All of them changed since you looked."
            return ink(f"{ink.glyphs.failed} {told}", "*bad") + ink(" Nothing is sent; go back and look again.")
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

    def on_mount(self) -> None:
        """Begin the silence once it is painted; keep the shown age true."""
        self.fleet_moved()
        self.call_after_refresh(self._begin_silence)
        self.set_interval(5, self.redraw)

    def _begin_silence(self) -> None:
        self._silent_since = self.clock.monotonic()

    def _arrival(self, event: events.Event) -> float:
        """When a key arrived, however long it waited since while the loop was busy with something else."""
        waited = Message().time - event.time
        return self.clock.monotonic() - (waited if waited > _AT_ONCE_S else 0.0)

    def _may_act(self, event: events.Event) -> bool:
        """Whether a key counts; one that does not begins the silence anew."""
        at = self._arrival(event)
        if not self._takes_keys:
            since = self._silent_since
            if since is None:
                return False
            self._silent_since = max(since, at)
            self._takes_keys = at - since > SILENCE_S - _ROUNDING_S
        return self._takes_keys and at - self._pasted_at > AFTER_PASTE_S

    def on_paste(self, event: events.Paste) -> None:
        """A paste confirms nothing."""
        event.stop()
        event.prevent_default()
        self._pasted_at = self._arrival(event)
        if not self._takes_keys and self._silent_since is not None:
            self._silent_since = max(self._silent_since, self._pasted_at)

    def pressed(self, event: events.Key) -> None:
        """Every key ends here; see the module."""
        event.stop()
        if not self._may_act(event):
            return
        key = event.key
        if key == "escape":
            self.back()
        elif key == "ctrl+y":
            self._copy()
        elif self.scroll_body(event):
            pass
        elif self._is_blocked:
            if key in ("enter", "n"):
                self.back()
        elif self.rung is Rung.YES:
            self._press_button(key)
        else:
            self._type(event)

    def _press_button(self, key: str) -> None:
        if key == "y":
            self.answer(True)
        elif key == "n":
            self.back()
        elif key in ("tab", "shift+tab", "left", "right"):
            self._lit = "go" if self._lit == "cancel" else "cancel"
            self._redraw_answer()
        elif key == "enter":
            if self._lit == "go":
                self.answer(True)
            else:
                self.back()

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
        text = as_command(self.plan) if as_command_next else "\n".join(as_curl(step) for step in self.plan.steps)
        copy = getattr(self.app, "copy_text", self.app.copy_to_clipboard)
        copy(text)
        self.redraw()

    def chosen(self, choice: str) -> None:
        """A click on the deed; it counts only as a key would."""
        if self._takes_keys or self._silence_passed():
            self.answer(True)

    def _silence_passed(self) -> bool:
        since = self._silent_since
        return since is not None and self.clock.monotonic() - since > SILENCE_S - _ROUNDING_S
