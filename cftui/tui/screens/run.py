"""A run as a screen: what was confirmed for several VMs, one line each in the frozen order."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from cftui.fleet.history import Stage
from cftui.operations.progress import eta_s
from cftui.operations.runs import RunState, RunView, TargetState, TargetView
from cftui.operations.state import Update
from cftui.text import clean, clock_time, count
from cftui.tui import standing as how
from cftui.tui.keymap import bindings
from cftui.tui.look import Line, Part
from cftui.tui.messages import EntryVisited
from cftui.tui.run_notes import lines_of, retry_words, skipped_lines
from cftui.tui.run_telling import RunMoment, short_id, subject
from cftui.tui.widgets.bars import Banner, Hint, KeyLine, StatusLine
from cftui.tui.widgets.row_list import RowList
from cftui.tui.widgets.rule import Rule
from cftui.tui.widgets.run_head import RunHead
from cftui.tui.widgets.target_list import TargetList
from cftui.tui.widgets.target_note import TargetNote

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp

_TALL = 30
"""From this height on there is air in the head, and a line of it in the note."""
_LOW = 16
"""Lower terminals show no more of the selected VM than its name and how it stands."""
_WIDE = 100
"""From this width on keys have longer words."""
_SAID_S = 6.0
"""How long a message stands in the rule, in seconds."""
_NEEDS_YOU = frozenset({TargetState.ASKING, TargetState.FAILED, TargetState.UNKNOWN})


class RunScreen(Screen[None]):
    """Head, list and the selected VM; what reaches the cloud is asked of the app.

    Args:
        run: As it is when this is opened.
        vm_id: The VM that is selected at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("run")
    AUTO_FOCUS = "TargetList"

    def __init__(self, run: RunView, *, vm_id: str = "") -> None:
        super().__init__()
        self.run_shown = run
        self._vm_id = vm_id
        self._said: Line = []
        self._said_until = 0.0

    @property
    def cockpit(self) -> CftuiApp:
        """The app."""
        return cast("CftuiApp", self.app)

    def compose(self) -> ComposeResult:
        """From above: status, banner, rule, head, VMs, the selected one, keys."""
        self.status, self.banner, self.keys = StatusLine(), Banner(), KeyLine()
        self.rule, self.head = Rule("Run", subject(self.run_shown)), RunHead()
        self.targets, self.note_rule, self.note = TargetList(), Rule("", ""), TargetNote()
        yield self.status
        yield self.banner
        yield self.rule
        yield self.head
        yield self.targets
        yield self.note_rule
        yield self.note
        yield self.keys

    def on_mount(self) -> None:
        """Show what is known."""
        self._lay_out()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.tick()
        if self._vm_id:
            self.targets.move_to_id(self._vm_id)
        self._visit()

    def on_resize(self) -> None:
        """Other sizes have other columns."""
        self._lay_out()
        self.call_after_refresh(self.tick)

    def _lay_out(self) -> None:
        height = self.app.size.height
        is_tall = height >= _TALL
        self.note.display = height >= _LOW
        self.head.styles.height = 4 if is_tall else 2
        self.note.styles.height = 5 if is_tall else 3

    # What is known

    @property
    def told(self) -> RunMoment:
        """The run at this instant."""
        return self.cockpit.acting.running.told(self.run_shown)

    @property
    def target(self) -> TargetView | None:
        """The VM under the cursor; None on one that was skipped."""
        return self.targets.cursor_target

    def take(self, update: Update) -> None:
        """Something newer is known."""
        self.run_shown = self.cockpit.acting.running.now(self.run_shown)
        if self.is_mounted:
            self.tick()

    def tick(self) -> None:
        """Clocks step, and every line tells how things stand; cells that stay the same cost nothing."""
        app, update, told = self.cockpit, self.cockpit.update_now, self.told
        if app.clock.monotonic() >= self._said_until:
            self._said = []
        self.status.show(app.standing())
        self.banner.show(*how.banner(update, app.clock, app.key_of("refresh"), app.key_of("pause")))
        self._show_rule()
        self.head.show(told, eta_s=eta_s(told.run, update.estimates, update.view.vms, told.now))
        self.targets.show(told)
        self._show_note(told)
        self._show_keys(told)

    def _show_rule(self) -> None:
        app, run = self.cockpit, self.run_shown
        confirmed = clock_time(run.confirmed_at, app.clock.now())
        facts: Line = [Part(f"confirmed {confirmed}", "muted"), Part("  ")]
        match run.state:
            case RunState.PAUSED:
                facts.append(Part(" PAUSED ", "*oncaution", "caution"))
            case RunState.INTERRUPTED:
                facts.append(Part("interrupted", "*warn"))
            case RunState.STOPPING:
                facts.append(Part("stopping", "*warn"))
            case RunState.ENDED:
                facts.append(Part("ended", "*strong"))
            case _:
                facts = facts[:1]
        marked = how.marks(app.cockpit.listing, app.look.glyphs, self.size.width // 2)
        right = self._said or [*marked, Part("  " if marked else ""), Part(f"run {short_id(run)}", "muted")]
        self.rule.show(title=subject(run), facts=facts, right=right, is_lit=True)

    def _show_note(self, told: RunMoment) -> None:
        target, skipped = self.targets.cursor_target, self.targets.cursor_skipped
        if target is not None:
            said = told.told(target)
            app = self.cockpit
            lines = lines_of(told, target, app.update_now.view, app.clock.now(), app.key_of)
            if self.note.size.height > len(lines):
                lines.insert(-1, [])
            facts: Line = [Part(f"{said.glyph} {said.word}".rstrip(), said.ink)]
            self.note_rule.show(title=clean(target.vm_name), facts=facts)
        elif skipped is not None:
            lines = skipped_lines(skipped)
            self.note_rule.show(title=clean(skipped.vm.name), facts=[Part("skipped", "muted")])
        else:
            lines = []
        self.note.show(lines)

    def _show_keys(self, told: RunMoment) -> None:
        key, run = self.cockpit.key_of, self.run_shown
        waiting = run.count(TargetState.WAITING)
        hints: list[Hint] = []
        if run.state is RunState.INTERRUPTED:
            hints += [Hint(key("run_resume"), "resume…"), Hint(key("run_give_up"), "leave as it is")]
        elif run.state in (RunState.RUNNING, RunState.PAUSED) and waiting:
            hints.append(Hint(key("run_pause"), "go on" if run.state is RunState.PAUSED else "pause"))
            hints.append(Hint(key("run_abort"), f"abort the {count(waiting)} waiting"))
        if self._may_retry:
            hints.append(Hint(key("run_retry"), retry_words(told, is_short=True), 1))
        hints += [Hint(key("details"), "open the VM", 3), Hint(key("run_export"), "export", 4)]
        hints.append(Hint(key("run_copy"), "copy", 5))
        is_over = run.state in (RunState.ENDED, RunState.INTERRUPTED)
        leave = "back" if is_over or self.size.width < _WIDE else "leave it running"
        self.keys.show([*hints, Hint("esc", leave), Hint(key("help"), "help")])

    def say(self, line: Line) -> None:
        """Stand a message in the rule for some seconds."""
        self._said = line
        self._said_until = self.cockpit.clock.monotonic() + _SAID_S
        self._show_rule()

    @on(RowList.CursorMoved)
    def _moved(self) -> None:
        self._visit()
        self._show_note(self.told)

    def _visit(self) -> None:
        """Whatever went wrong with the VM under the cursor was looked at."""
        if self.target is not None:
            for token in self.target.tokens:
                self.post_message(EntryVisited(token))

    @on(RowList.RowChosen)
    async def _chosen(self) -> None:
        await self.action_details()

    # Keys

    @property
    def _may_retry(self) -> bool:
        run = self.run_shown
        has_some = run.count(TargetState.FAILED) or run.count(TargetState.LEFT_OUT)
        return bool(has_some) and run.state is not RunState.INTERRUPTED

    def action_pause_run(self) -> None:
        """Begin no further VM, or go on."""
        run = self.run_shown
        if run.state in (RunState.RUNNING, RunState.PAUSED):
            self.cockpit.engine.pause_run(run.id, run.state is RunState.RUNNING)

    async def action_abort_run(self) -> None:
        """Ask whether the waiting ones are to be left out."""
        await self.cockpit.acting.running.abort(self.run_shown)

    async def action_retry(self) -> None:
        """Ask about those that went wrong anew, in a plan of its own."""
        if self._may_retry:
            await self.cockpit.acting.running.retry(self.run_shown)

    async def action_resume_run(self) -> None:
        """Ask whether an interrupted run is to go on."""
        await self.cockpit.acting.running.resume(self.run_shown)

    async def action_wait(self) -> None:
        """Watch the VM under the cursor for another limit."""
        if self.target is not None:
            self.cockpit.acting.running.wait_longer(self.run_shown, self.target)

    async def action_force(self) -> None:
        """Ask about cutting the power of the VM under the cursor."""
        if self.target is not None:
            await self.cockpit.acting.running.force(self.run_shown, self.target)

    async def action_give_up(self) -> None:
        """Send nothing more to the VM under the cursor; of an interrupted run, to none of its VMs."""
        if self.run_shown.state is RunState.INTERRUPTED:
            await self.cockpit.acting.running.dismiss(self.run_shown)
        elif self.target is not None:
            self.cockpit.acting.running.give_up(self.run_shown, self.target)

    def action_next(self) -> None:
        """To the next VM that needs somebody."""
        run, at = self.run_shown, self.targets.cursor
        wanting = [index for index, target in enumerate(run.targets) if target.state in _NEEDS_YOU]
        if wanting:
            self.targets.move_to(next((index for index in wanting if index > at), wanting[0]))

    async def action_details(self) -> None:
        """What became of a request of unknown outcome, else everything about the VM."""
        app, target = self.cockpit, self.target
        vm_id = target.vm_id if target is not None else ""
        if target is not None:
            entry = self.told.told(target).entry
            is_unknown = entry is not None and entry.stage is Stage.UNKNOWN
            if entry is not None and is_unknown and await app.acting.explain(entry):
                return
        elif (skipped := self.targets.cursor_skipped) is not None:
            vm_id = skipped.vm.id
        if vm_id in app.update_now.view.vms:
            await app.open_vm(vm_id)

    async def action_palette(self) -> None:
        """Act on the VM under the cursor."""
        vms, target = self.cockpit.update_now.view.vms, self.target
        if target is not None and target.vm_id in vms:
            await self.cockpit.acting.choose([vms[target.vm_id]])

    async def action_export(self) -> None:
        """Save the whole story as a file."""
        await self.cockpit.acting.running.export(self.told)

    def action_copy(self) -> None:
        """Copy the whole story as Markdown."""
        from cftui.tui.run_export import as_markdown

        self.cockpit.copy_text(as_markdown(self.told))
