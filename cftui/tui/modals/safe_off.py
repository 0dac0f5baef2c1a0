"""One VM on its way through a workflow: its steps, the countdown while it is watched, and one key for each choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from textual import events
from textual.content import Content
from textual.widgets import Static

from cftui.fleet.history import HistoryEntry, Stage
from cftui.fleet.rows import Power, VmRow
from cftui.operations.plan import Role, Step, Workflow
from cftui.operations.runs import OVER, TargetState, TargetView
from cftui.operations.state import Update
from cftui.text import age, clean, clock_time, cut_middle, duration
from cftui.tui.attention import entry_of
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, pad, put
from cftui.tui.modals.silence import Silence
from cftui.tui.ordering import seconds_words
from cftui.tui.run_notes import step_told, still
from cftui.tui.run_telling import RunMoment, way_out
from cftui.tui.telling import progress, squares, told
from cftui.tui.workflow_words import title

Wish = Literal["force", "retry", "start"]
"""What leads to a confirmation of its own: cutting the power, trying again, starting the VM."""

_NAME_CELLS = 18
_TALL = 30
"""From this height on there is air between the steps."""
_BAR_CELLS = 50
_CUTS = {"power_off": "cuts the power; asks for the name first", "power_cycle": "resets it; asks for the name first"}


class WatchRun(Dialog[Wish]):
    """Show how far it is; hiding it decides nothing.

    Args:
        run_id: Of the run.
        told: The run at this instant.
        update: What is known now.
        wait: Watches on for another limit.
        give_up: Sends nothing more.
        held: Why nothing at all can be sent now, and the way out; empty when it can.
    """

    def __init__(
        self,
        run_id: str,
        *,
        told: Callable[[], RunMoment],
        update: Callable[[], Update],
        wait: Callable[[], None],
        give_up: Callable[[], None],
        held: Callable[[], str],
    ) -> None:
        super().__init__()
        self.run_id = run_id
        self._told_now = told
        self._update = update
        self._wait = wait
        self._give_up = give_up
        self._held = held
        self._silence = Silence(lambda: self.clock.monotonic())

    # What is so

    @property
    def _run(self) -> RunMoment:
        return self._told_now()

    @property
    def _target(self) -> TargetView:
        return self._run.run.targets[0]

    @property
    def _vm(self) -> VmRow | None:
        return self._run.moment.vms.get(self._target.vm_id)

    @property
    def _workflow(self) -> Workflow:
        return self._run.run.plan.workflow

    @property
    def _is_watched(self) -> bool:
        return self._target.decide_by is not None or self._target.state is TargetState.ASKING

    @property
    def _is_over(self) -> bool:
        return self._target.state in OVER

    @property
    def _stopped_halfway(self) -> bool:
        """Whether this run has stopped a VM that ran before, and ended before it was started again."""
        seen, vm = self._run.steps[self._target.tokens[0]].vm, self._vm
        has_start = any(step.role is Role.START for step in self._run.run.plan.steps)
        is_off = vm is not None and vm.power is Power.OFF
        return has_start and is_off and seen.power is not Power.OFF and self._target.state is TargetState.FAILED

    # What it says

    def heading(self) -> str:
        """What it is about."""
        return f"{title(self._workflow)} of {cut_middle(clean(self._target.vm_name), 40)}"

    def state(self) -> Content:
        """How the VM is, and how old that is."""
        ink, vm, read_at = self.ink, self._vm, self._update().view.read_at
        if vm is None:
            return ink("the VM is gone", "*bad")
        is_still = self._is_watched and vm.power is not Power.OFF and self._workflow is not Workflow.ESCALATING_REBOOT
        told_ = (ink("still ", "*warn") if is_still else Content("")) + ink.power(vm)
        return told_ if read_at is None else told_ + ink(f"  {age(self.clock.monotonic() - read_at)}", "muted")

    def choices(self) -> Iterable[Choice]:
        """Hiding has the focus."""
        return (Choice("Close" if self._is_over else "Hide", id="cancel", key="esc"),)

    def keys(self) -> Sequence[tuple[str, str]]:
        """What escape does."""
        if self._is_over:
            return [("esc", "closes")]
        if self._target.state is TargetState.ASKING:
            return [("esc", "hides this; it stays your turn")]
        if self._target.decide_by is not None:
            called = "its power is cut" if self._run.run.order.force_after_s is not None else "you are called"
            return [("esc", f"hides this; watching goes on, and {called} at {self._limit_words}")]
        return [("esc", "hides this; it goes on")]

    def begin(self) -> None:
        """Keys count once it was seen and the keyboard silent."""
        self.call_after_refresh(self._silence.begin)

    def tick(self) -> None:
        """A second has passed."""
        if self.is_open:
            self.redraw()
            self.redraw_frame()

    def fleet_moved(self) -> None:
        """Something newer is known."""
        self.tick()

    def redraw(self) -> None:
        """The steps, and what can be chosen."""
        body = lines([*self._steps(), Content(""), *self._choices_told()])
        put(self.query_one("#text", Static), body)
        self.query_one("#cancel", Choice).switch(label="Close" if self._is_over else "Hide")

    @property
    def _limit_words(self) -> str:
        return seconds_words(self._run.watched(self._target)[1])

    # The steps

    def _steps(self) -> Iterable[Content]:
        run, target = self._run, self._target
        at, air = 0, [Content("")] if self.app.size.height >= _TALL else []
        for step in run.steps_of(target):
            at += 1
            yield from air if at > 1 and self._is_watched else ()
            yield from self._step(at, step)
            is_waited_for = step.role is Role.STOP or self._workflow is Workflow.ESCALATING_REBOOT
            if is_waited_for and self._is_watched and step.token in run.entries:
                at += 1
                yield from air
                yield from self._watched(at, run.entries[step.token])
        if self._is_watched and run.run.order.force_after_s is None and self._workflow is Workflow.SAFE_OFF:
            yield from air
            yield self._row(self.ink.glyphs.waiting, "muted", at + 1, "you decide", self._decide_words())
        if self._is_over:
            yield Content("")
            yield from self._ended()

    def _step(self, at: int, step: Step) -> Iterable[Content]:
        run, ink = self._run, self.ink
        glyph, tone, word = step_told(run, self._target, step)
        entry = run.entries.get(step.token)
        if entry is None:
            yield self._row(glyph, tone, at, step.request.type.value, ink(word or "waits its turn", "muted"))
            return
        now, said = self.clock.now(), told(entry, run.moment)
        marks = ink(f"{squares(entry, run.glyphs)} ", said.ink)
        took = "" if entry.ended is None else f", completed in {duration(entry.ended - entry.started)}"
        match entry.stage:
            case Stage.COMPLETED | Stage.VERIFIED:
                story = ink(f"accepted {clock_time(entry.started, now)}{took}")
            case Stage.ACCEPTED:
                story = ink(f"accepted {clock_time(entry.started, now)}; {progress(entry, run.moment)}")
            case _:
                story = ink(f"{said.word} {said.text}".rstrip(), "strong")
        yield self._row(glyph, tone, at, step.request.type.value, marks + story)
        if step.role is Role.STOP and entry.stage is Stage.COMPLETED and self._is_watched:
            yield self._under(ink("which says only that the command was issued", "muted"))

    def _watched(self, at: int, entry: HistoryEntry) -> Iterable[Content]:
        """The countdown, and a bar with the usual end marked on it."""
        ink, run, target = self.ink, self._run, self._target
        glyphs, (left, limit) = ink.glyphs, run.watched(target)
        if target.state is TargetState.ASKING or target.decide_by is None:
            what = "it is not back" if self._workflow is Workflow.ESCALATING_REBOOT else "it has not stopped"
            yield self._row(glyphs.warn, "warn", at, "watch the VM", ink(what, "*warn") + ink(": your turn"))
            return
        told_ = ink(duration(left), "*strong") + ink(f" left of {seconds_words(limit)}")
        yield self._row(glyphs.busy, "busy", at, "watch the VM", told_, is_now=True)
        cells = max(10, min(_BAR_CELLS, self.inner_width - _NAME_CELLS - 8))
        full = int(cells * min(1.0, max(0.0, 1 - left / limit)))
        usual = run.moment.usual(entry)
        at_cell = int(cells * usual.median_s / limit) if usual is not None else cells
        bar = [glyphs.bar if cell < full else glyphs.bar_rest for cell in range(cells)]
        drawn = Content("")
        for cell, sign in enumerate(bar):
            is_tick = cell == at_cell
            drawn += ink(
                glyphs.usual_end if is_tick else sign, "text" if is_tick else "busy" if cell < full else "line"
            )
        yield self._under(drawn)
        if usual is not None and at_cell < cells:
            yield self._under(ink(f"{' ' * at_cell}{glyphs.up} usually {duration(usual.median_s)}", "muted"))

    def _decide_words(self) -> Content:
        if self._target.state is TargetState.ASKING:
            return self.ink("now; nothing is sent by itself", "*warn")
        return self.ink(f"at {self._limit_words} you are called; nothing is sent by itself", "muted")

    def _ended(self) -> Iterable[Content]:
        """How it ended, and how the VM stands."""
        ink, target, vm = self.ink, self._target, self._vm
        if target.state is TargetState.DONE:
            yield ink(f"{ink.glyphs.good} Done", "*good") + ink(f"  {clean(target.message)}".rstrip())
            return
        sign, tone = (ink.glyphs.unknown, "unk") if target.state is TargetState.UNKNOWN else (ink.glyphs.failed, "bad")
        why = target.message.partition("; the VM is ")[0]  # which is told below, as it is by now
        yield ink(f"{sign} {_sentence(why)}", f"*{tone}")
        if vm is None:
            return
        size = still(self._run, target, vm)
        yield ink("  The VM is ") + ink.power(vm) + ink(f" and {size}." if size else ".")

    def _row(self, glyph: str, tone: str, at: int, name: str, told_: Content, *, is_now: bool = False) -> Content:
        ink = self.ink
        head = ink(f"{glyph} ", tone) + ink(f"{at}  ", "muted") + ink(name, "*strong" if is_now else "text")
        return pad(head, _NAME_CELLS + 5) + told_

    def _under(self, told_: Content) -> Content:
        return Content(" " * (_NAME_CELLS + 5)) + told_

    # What can be chosen

    def _choices_told(self) -> Iterable[Content]:
        for key, words, told_, is_grave in self._offered():
            ink = self.ink
            head = pad(ink(key, "*key"), 5) + ink(words, "*bad" if is_grave else "text")
            yield pad(head, _NAME_CELLS + 5) + ink(told_, "muted")

    def _offered(self) -> Iterable[tuple[str, str, str, bool]]:
        """Keys that work now, what they do, and what that means."""
        force = way_out(self._workflow)
        held = self._held()
        if self._is_watched:
            order = self._run.run.order
            if order.force_after_s is None:
                yield "w", "wait longer", f"{seconds_words(order.stop_limit_s)} more", False
                cut_words = f"not now: {held}" if held else _CUTS[force]
                yield self._force_key, f"force {force}{self.ink.glyphs.ellipsis}", cut_words, not held
            asked = "reboot" if self._workflow is Workflow.ESCALATING_REBOOT else "shutdown"
            yield "g", "give up", f"sends nothing; the {asked} may still take effect", False
        elif self._target.state is TargetState.FAILED:
            again = "asks before anything is sent" if not held else f"not now: {held}"
            yield "f", f"retry {self._broke_off_at}{self.ink.glyphs.ellipsis}", again, False
            if self._stopped_halfway:
                yield "n", f"power_on{self.ink.glyphs.ellipsis}", f"as it is; {again}", False
            yield "esc", "leave it", "as it is", False

    @property
    def _broke_off_at(self) -> str:
        """The step that went wrong."""
        entry = entry_of(self._target, self._run.entries)
        return clean(entry.type) if entry is not None else "it"

    @property
    def _force_key(self) -> str:
        return "c" if self._workflow is Workflow.ESCALATING_REBOOT else "o"

    def pressed(self, event: events.Key) -> None:
        """One key a choice; each that is grave asks by itself."""
        counts = self._silence.takes(event)
        offered = {key for key, *_ in self._offered()} - {"esc"}
        if event.key not in offered:
            super().pressed(event)
            return
        event.stop()
        if not counts:
            return
        match event.key:
            case "w":
                self._wait()
            case "g":
                self._give_up()
            case _ if self._held():
                return
            case "f":
                self.answer("retry")
            case "n":
                self.answer("start")
            case _:
                self.answer("force")
        self.tick()


def _sentence(words: str) -> str:
    shown = clean(words)
    return f"{shown[:1].upper()}{shown[1:].rstrip('.')}."
