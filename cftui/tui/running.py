"""Runs under the operator's hands: opening, stopping, trying again, going on, and deciding about a VM."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cftui.api.requests import simple
from cftui.errors import CftuiError, UsageError
from cftui.fleet.history import OPEN_STAGES, HistoryEntry, Stage
from cftui.fleet.rows import ActionType
from cftui.operations.again import failed_again
from cftui.operations.consent import targets_of
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Role, Step, Workflow, make_plan
from cftui.operations.progress import eta_s, unsent_steps
from cftui.operations.runs import OVER, RunState, RunView, TargetState, TargetView
from cftui.text import clean, count
from cftui.tui.attention import turns
from cftui.tui.look import Line, Part
from cftui.tui.ordering import usual_order
from cftui.tui.run_telling import RunMoment, short_id, subject, unsent, way_out

if TYPE_CHECKING:
    from cftui.tui.acting import Acting
    from cftui.tui.app import CftuiApp
    from cftui.tui.modals.safe_off import Wish
    from cftui.tui.screens.run import RunScreen


class Running:
    """Shows runs, and hands what was decided about them to the engine.

    Args:
        app: Holds what is known, pushes screens and dialogs.
        acting: Leads to confirmations.
    """

    def __init__(self, app: CftuiApp, acting: Acting) -> None:
        self._app = app
        self._acting = acting
        self._steps: dict[str, Mapping[str, Step]] = {}
        self._entries: tuple[object, Mapping[str, HistoryEntry]] = (None, {})

    # What is known

    def now(self, run: RunView) -> RunView:
        """The run as it is by now; as it was where nothing more is known of it."""
        return next((one for one in self._app.update_now.runs if one.id == run.id), run)

    def told(self, run: RunView) -> RunMoment:
        """The run, and all that is needed to tell of it at this instant."""
        app, run = self._app, self.now(run)
        history = app.update_now.view.history
        if self._entries[0] is not history:
            self._entries = (history, {entry.id: entry for entry in history if entry.is_own})
        if (steps := self._steps.get(run.id)) is None:
            steps = self._steps[run.id] = {step.token: step for step in run.plan.steps}
        return RunMoment(run, self._entries[1], steps, app.moment(), app.clock.monotonic())

    def takes_s(self, plan: Plan, order: Order) -> float | None:
        """How long a plan will take, in seconds, where that is known; None where it is one request to one VM."""
        if not is_run(plan):
            return None
        update = self._app.update_now
        return eta_s(fresh(plan, order), update.estimates, update.view.vms, self._app.clock.monotonic())

    def hint(self) -> Line:
        """`► run 7c1f 8 of 12  R`, for the rule of a pane; empty while no run goes on."""
        line = self._line()
        return [Part("   "), *line, Part("  "), Part(self._app.key_of("run"), "*key")] if line else []

    def _line(self) -> Line:
        run = self._under_way()
        if run is None:
            return []
        glyphs = self._app.look.glyphs
        if run.count(TargetState.ASKING):
            return [Part(f"{glyphs.warn} run {short_id(run)} your turn", "*warn")]
        if run.state is RunState.INTERRUPTED:
            return [Part(f"{glyphs.warn} run {short_id(run)} interrupted", "warn")]
        return [
            Part(f"{glyphs.busy} run {short_id(run)} ", "busy"),
            Part(f"{run.ended:,} of {len(run.targets):,}", "*busy"),
        ]

    def _under_way(self) -> RunView | None:
        """The run that is looked for first: one that waits for somebody, then one that goes on, then an interrupted."""
        runs = self._app.update_now.runs
        asking = [run for run, _ in turns(runs)]
        going = [run for run in runs if run.state not in (RunState.ENDED, RunState.INTERRUPTED)]
        interrupted = [run for run in runs if run.state is RunState.INTERRUPTED]
        return next((found[-1] for found in (asking, going, interrupted) if found), None)

    # Opening

    async def begin(self, plan: Plan, order: Order) -> None:
        """Open what was just confirmed."""
        confirmed_at = self._app.clock.now().timestamp()
        await self.open(replace(fresh(plan, order), confirmed_at=confirmed_at))

    async def open(self, run: RunView, vm_id: str = "") -> None:
        """Show a run: a dialog where it is one VM, whose steps are all there is to see; else a screen."""
        run = self.now(run)
        if self._app.has_dialog:
            return
        if len(run.targets) == 1 and run.state is not RunState.INTERRUPTED:
            await self._watch(run)
            return
        from cftui.tui.screens.run import RunScreen

        if (screen := self._screen_of(run)) is not None:
            while self._app.screen is not screen:
                self._app.pop_screen()
            if vm_id:
                screen.targets.move_to_id(vm_id)
        else:
            await self._app.push_screen(RunScreen(run, vm_id=vm_id))

    def _screen_of(self, run: RunView) -> RunScreen | None:
        from cftui.tui.screens.run import RunScreen

        screens = [screen for screen in self._app.screen_stack if isinstance(screen, RunScreen)]
        return next((screen for screen in screens if screen.run_shown.id == run.id), None)

    async def open_one(self, name: str = "") -> None:
        """Show the run that an id begins with; without one, the one that goes on, else the newest.

        Raises:
            UsageError: There is none.
        """
        runs = self._app.update_now.runs
        if name:
            found = [run for run in runs if run.id.startswith(name.strip().lower())]
            if len(found) != 1:
                raise UsageError(f"{'No' if not found else 'More than one'} run begins with {clean(name)[:20]}.")
            await self.open(found[0])
            return
        run = self._under_way() or (runs[-1] if runs else None)
        if run is None:
            raise UsageError("No run yet.", hint="One begins when several VMs or a workflow are confirmed.")
        await self.open(run)

    async def open_entry(self, entry: HistoryEntry) -> bool:
        """Show the run that a request belongs to, at its VM; False where it belongs to none."""
        found = self._found(entry)
        if found is not None:
            await self.open(found[0], found[1].vm_id)
        return found is not None

    def tells_of(self, entry: HistoryEntry) -> bool:
        """Whether its run is where to look first: it goes on with the VM, or did not send the request at all."""
        found = self._found(entry)
        return found is not None and (entry.stage is Stage.NOT_SENT or found[1].state not in OVER)

    def _found(self, entry: HistoryEntry) -> tuple[RunView, TargetView] | None:
        """The run and the VM of it that a request belongs to."""
        for run in reversed(self._app.update_now.runs):
            for target in run.targets:
                if entry.id in target.tokens:
                    return run, target
        return None

    def close(self, run_id: str) -> None:
        """Take away what shows a run that never began, if nothing is open above it."""
        from cftui.tui.modals.safe_off import WatchRun
        from cftui.tui.screens.run import RunScreen

        shown = self._app.screen
        if isinstance(shown, WatchRun) and shown.run_id == run_id:
            shown.answer(None)
        elif isinstance(shown, RunScreen) and shown.run_shown.id == run_id:
            self._app.pop_screen()

    async def _watch(self, run: RunView) -> None:
        from cftui.tui.modals.safe_off import WatchRun

        app, vm_id = self._app, run.targets[0].vm_id

        async def answered(wish: Wish | None) -> None:
            target = self.now(run).targets[0]
            match wish:
                case "force":
                    await self.force(run, target)
                case "retry":
                    await self.retry(run)
                case "start":
                    if (vm := app.update_now.view.vms.get(vm_id)) is not None:
                        await self._acting.start(ActionType.POWER_ON, [vm])

        dialog = WatchRun(
            run.id,
            told=lambda: self.told(run),
            update=lambda: app.update_now,
            wait=lambda: self.wait_longer(run, self.now(run).targets[0]),
            give_up=lambda: self.give_up(run, self.now(run).targets[0]),
            held=self._acting.held,
        )
        await self._acting.ask(dialog, answered)

    # Deciding about one VM

    def wait_longer(self, run: RunView, target: TargetView) -> None:
        """Watch it for another limit before anyone is asked, or asked again."""
        if target.state is TargetState.ASKING or target.decide_by is not None:
            self._app.engine.wait_longer(run.id, target.vm_id)

    def give_up(self, run: RunView, target: TargetView) -> None:
        """Send nothing more to a VM that is watched; what was sent may still take effect."""
        if target.state is TargetState.ASKING or target.decide_by is not None:
            self._app.engine.give_up(run.id, target.vm_id)

    async def force(self, run: RunView, target: TargetView) -> None:
        """Ask about cutting the power of a VM that is watched.

        An action of ours that the cloud still calls in progress is let go with the yes: a VM has one at a time.
        """
        app = self._app
        is_watched = target.state is TargetState.ASKING or target.decide_by is not None
        vm = app.update_now.view.vms.get(target.vm_id)
        if run.plan.workflow is Workflow.NONE or not is_watched or vm is None:
            return
        type_ = ActionType(way_out(run.plan.workflow))
        entry = app.update_now.view.doing.get(target.vm_id)
        if entry is None or entry.stage not in OPEN_STAGES or entry.id not in target.tokens:
            await self._acting.start(type_, [vm])
            return

        async def again() -> None:
            await self.force(run, next(one for one in self.now(run).targets if one.vm_id == target.vm_id))

        plan = make_plan([(vm, simple(type_))], base_url=app.profile.api)
        await self._acting.ask_about(replace(plan, lets_go=entry.id), Order(), again=again)

    # Deciding about the run

    async def abort(self, run: RunView) -> None:
        """Ask whether what has not begun is to be left out."""
        from cftui.tui.modals.yes_no import YesNo

        run = self.now(run)
        if run.state not in (RunState.RUNNING, RunState.PAUSED) or not unsent(run):
            self._say("nothing of it waits: all of it was sent", "muted")
            return

        def told() -> list[str]:
            now = self.now(run)
            going = now.count(TargetState.ACTIVE) + now.count(TargetState.ASKING)
            rest = f"{count(going, 'VM')} in flight: sent already, and followed to the end." if going else ""
            return [f"{count(unsent(now), 'VM')} waiting: nothing will be sent.", *([rest] if rest else [])]

        def answered(is_meant: bool | None) -> None:
            if is_meant:
                self._app.engine.abort_run(run.id)

        await self._acting.ask(YesNo(f"Stop {subject(run)}?", told=told, button="Leave them out"), answered)

    async def retry(self, run: RunView) -> None:
        """Ask about the VMs that failed or were left out, in a new plan."""
        app = self._app
        plan = failed_again(self.now(run), app.update_now.view, base_url=app.profile.api)
        if plan is None:
            self._say("none of them may be tried again now", "warn")
            return

        async def again() -> None:
            await self.retry(run)

        await self._acting.ask_about(plan, usual_order(len(targets_of(plan))), again=again)

    async def resume(self, run: RunView) -> None:
        """Ask about exactly what an interrupted run has left to send."""
        app, run = self._app, self.now(run)
        if run.state is not RunState.INTERRUPTED:
            return
        view = app.update_now.view
        begun = {target.vm_id for target in run.targets if not view.submissions.keys().isdisjoint(target.tokens)}

        def as_it_stands(step: Step) -> Step:
            """What the run has done to a VM is no change that somebody else made; and what it stopped is started."""
            if step.vm.id not in begun:
                return step
            role = Role.ALWAYS if step.role is Role.START else step.role
            return replace(step, vm=view.vms.get(step.vm.id, step.vm), role=role)

        steps = tuple(map(as_it_stands, unsent_steps(run, view.vms, view.submissions)))
        if not steps:
            self._say("nothing of it is left to send", "muted")
            return

        async def go(plan: Plan, order: Order, accepts_gap: bool) -> None:
            await self.open(run)
            await self._go_on(run, order, accepts_gap=accepts_gap)

        async def again() -> None:
            self._say("they are not as they were confirmed: leave the run as it is, and begin anew", "warn")

        # A script may have begun it; now somebody is here to decide.
        order = replace(run.order, is_attended=True)
        await self._acting.ask_about(replace(run.plan, steps=steps, skipped=()), order, again=again, go=go)

    async def _go_on(self, run: RunView, order: Order, *, accepts_gap: bool) -> None:
        async def resume() -> None:
            try:
                await asyncio.wrap_future(self._app.engine.resume(run.id, order=order, accepts_gap=accepts_gap))
            except Exception as error:
                await self._acting.tell_failed(error)

        self._app.run_worker(resume(), group="execute", exit_on_error=False)

    async def dismiss(self, run: RunView) -> None:
        """Ask whether an interrupted run is to be left as it is."""
        from cftui.tui.modals.yes_no import YesNo

        run = self.now(run)

        def told() -> list[str]:
            left = [target for target in self.now(run).targets if target.state not in OVER]
            return [f"{count(len(left), 'VM')} of it: nothing more is sent.", "The run is not offered again."]

        async def answered(is_meant: bool | None) -> None:
            if not is_meant:
                return
            try:
                await asyncio.wrap_future(self._app.engine.dismiss_run(run.id))
            except CftuiError as error:
                await self._acting.tell(error)

        title = f"Leave run {short_id(run)} as it is?"
        await self._acting.ask(YesNo(title, told=told, button="Leave it"), answered)

    async def export(self, told: RunMoment) -> None:
        """Save the whole story of a run in the current directory."""
        from cftui.tui.modals.export import ExportMenu
        from cftui.tui.run_export import save

        def answered(form: str | None) -> None:
            if form is None:
                return
            try:
                name = save(self.told(told.run), form, Path.cwd())
            except OSError as error:
                self._say(f"not saved: {error.strerror}", "warn")
                return
            self._app.say([Part("saved as ", "text"), Part(name, "*strong")])

        await self._acting.ask(ExportMenu(f"run {short_id(told.run)}"), answered)

    def _say(self, words: str, ink: str) -> None:
        self._app.say([Part(words, ink)])


def is_run(plan: Plan) -> bool:
    """Whether a plan is more than one request to one VM, which the history shows well enough."""
    return bool(plan.workflow) or len(plan.steps) > 1


def fresh(plan: Plan, order: Order) -> RunView:
    """A plan as a run of which nothing has begun."""
    tokens: dict[str, list[str]] = {}
    for step in plan.steps:
        tokens.setdefault(step.vm.id, []).append(step.token)
    names = {step.vm.id: step.vm.name for step in plan.steps}
    targets = tuple(TargetView(vm_id, names[vm_id], tuple(found)) for vm_id, found in tokens.items())
    return RunView(plan, order, RunState.RUNNING, 0.0, targets)
