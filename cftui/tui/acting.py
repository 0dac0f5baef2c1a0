"""From a wish to a confirmed plan to its first verdict: palette, form, confirmation; one dialog at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from textual.screen import ModalScreen

from cftui.api.requests import ActionRequest, simple
from cftui.errors import CftuiError, UsageError
from cftui.fleet.history import HistoryEntry
from cftui.fleet.order import Column
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.consent import targets_of
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Skipped, Workflow, make_plan
from cftui.operations.workflows import make_workflow
from cftui.text import clean, clock_time, count
from cftui.tui.explaining import Explaining
from cftui.tui.inverse import propose_inverse
from cftui.tui.look import Part
from cftui.tui.modals.changes import is_same
from cftui.tui.offers import Wish, name_of, refusal, wish_of
from cftui.tui.ordering import usual_order
from cftui.tui.running import Running, is_run
from cftui.tui.standing import cannot_send, not_live_reason
from cftui.tui.twins import twins_of
from cftui.tui.verdict import verdict
from cftui.tui.workflow_words import WITH_FORM
from cftui.tui.writing import seconds_of

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp
    from cftui.tui.modals.form import Form

_FORMS: frozenset[Wish] = frozenset({ActionType.RESIZE, ActionType.RENAME, ActionType.SNAPSHOT, *WITH_FORM})


class Acting:
    """Leads one action from a key to the engine.

    Every dialog is pushed before the key that asked for it is done with, so that keys typed ahead meet the dialog and
    not the list.

    Args:
        app: Pushes the dialogs, holds the engine.
    """

    def __init__(self, app: CftuiApp) -> None:
        self._app = app
        self._explaining = Explaining(app, self)
        self.running = Running(app, self)
        """Runs of several VMs or of several steps."""

    async def choose(self, targets: Sequence[VmRow]) -> None:
        """Open the palette for these VMs, frozen by id now."""
        if not targets:
            self._app.say([Part("nothing to act on: all marked VMs are hidden by the filter", "warn")])
            return
        from cftui.tui.modals.palette import ActionPalette

        update = self._app.update_now
        palette = ActionPalette(
            targets,
            update.view.doing,
            is_read_only=update.is_read_only,
            locked_by=update.locked_by,
            not_live_reason=not_live_reason(update),
            is_production=self._app.profile.is_production,
            has_gap=bool(update.journal_gap),
            hidden=self._app.cockpit.listing.hidden_among(vm.id for vm in targets),
            update=lambda: self._app.update_now,
        )

        async def chosen(wish: Wish | None) -> None:
            if wish is not None:
                await self.start(wish, targets)

        await self.ask(palette, chosen)

    async def start(self, wish: Wish, targets: Sequence[VmRow]) -> None:
        """Ask for what an action or a workflow needs beyond its targets, then for the confirmation."""
        able, skipped = self._sorted_out(wish, targets)
        if not able:
            reason = skipped[0].reason if len(skipped) == 1 else f"none of {count(len(skipped), 'VM')} can do it now"
            self._app.say([Part(f"{name_of(wish)}: not now: {reason}", "warn")])
            return
        workflow = wish if isinstance(wish, Workflow) else Workflow.NONE
        if wish not in _FORMS:
            request = simple(wish) if isinstance(wish, ActionType) else None
            await self.confirm([(vm, request) for vm in able], skipped, workflow=workflow)
            return

        async def filled(pairs: list[tuple[VmRow, ActionRequest]] | None) -> None:
            if pairs:
                await self.confirm(pairs, skipped, workflow=workflow)

        form = self._form(wish, able)
        form.watch_targets(lambda: self._app.update_now.view)
        await self.ask(form, filled)

    def _sorted_out(self, wish: Wish, targets: Sequence[VmRow]) -> tuple[list[VmRow], list[Skipped]]:
        update = self._app.update_now
        able: list[VmRow] = []
        skipped: list[Skipped] = []
        for vm in targets:
            now = update.view.vms.get(vm.id)
            if now is None or not is_same(vm, now):
                why = "it does not exist any more" if now is None else "another VM has its id now"
                skipped.append(Skipped(vm, why))
                continue
            reason, way_out = refusal(
                wish,
                now,
                doing=update.view.doing.get(vm.id),
                is_read_only=update.is_read_only,
                locked_by=update.locked_by,
                not_live_reason=not_live_reason(update),
            )
            if not reason:
                able.append(now)
            else:
                skipped.append(Skipped(now, f"{reason} {way_out and f'→ {way_out}'}".strip()))
        return able, skipped

    def _form(self, wish: Wish, targets: Sequence[VmRow]) -> Form:
        now, workflow = self._app.clock.now(), wish if isinstance(wish, Workflow) else Workflow.NONE
        match wish:
            case ActionType.RESIZE | Workflow.GUIDED_RESIZE:
                from cftui.tui.modals.resize import ResizeForm

                return ResizeForm(targets, now=now, workflow=workflow)
            case ActionType.RENAME:
                from cftui.tui.modals.rename import RenameForm

                taken = {vm.name for vm in self._app.update_now.view.vms.values()} - {targets[0].name}
                return RenameForm(targets, now=now, taken=taken)
            case _:
                from cftui.tui.modals.snapshot import SnapshotForm

                return SnapshotForm(targets, now=now, workflow=workflow)

    async def confirm(
        self,
        pairs: Sequence[tuple[VmRow, ActionRequest | None]],
        skipped: Sequence[Skipped] = (),
        *,
        replaces: str = "",
        workflow: Workflow = Workflow.NONE,
    ) -> None:
        """Freeze the plan and ask about it; what is confirmed goes to the engine once.

        Args:
            pairs: VMs with their requests; None for workflows without one.
            skipped: Named, and not acted on.
            replaces: For sending again, the token of what it replaces.
            workflow: What is done to each VM, where that is more than its request.
        """
        base_url = self._app.profile.api
        if workflow:
            plan = make_workflow(workflow, pairs, base_url=base_url, skipped=skipped)
        else:
            asked = [(vm, request) for vm, request in pairs if request is not None]
            plan = make_plan(asked, base_url=base_url, skipped=skipped, is_resend=bool(replaces), replaces=replaces)

        async def again() -> None:
            await self.confirm_able(pairs, skipped, replaces=replaces, workflow=workflow)

        await self.ask_about(plan, usual_order(len(pairs)), again=again)

    async def ask_about(
        self,
        plan: Plan,
        order: Order,
        *,
        again: Callable[[], Awaitable[None]],
        go: Callable[[Plan, Order, bool], Awaitable[None]] | None = None,
    ) -> None:
        """Show a frozen plan; nothing of it is sent before it is confirmed.

        Args:
            plan: What would be sent.
            order: In which order; it may be changed in the confirmation.
            again: Asks anew about the VMs as they are by then.
            go: Carries out what was confirmed, told whether a gap in the journal was accepted; None to execute it.
        """
        from cftui.tui.modals.confirm import ANOTHER_ORDER, Confirm

        app = self._app
        dialog = Confirm(
            plan,
            profile=app.profile,
            view=lambda: app.update_now.view,
            twins=twins_of([step.vm for step in plan.steps], app.update_now.view.vms.values()),
            estimates=app.update_now.estimates,
            held=self.held,
            gap=app.update_now.journal_gap,
            hidden=app.cockpit.listing.hidden_among({step.vm.id for step in plan.steps}),
            order=order,
            takes_s=self.running.takes_s(plan, order),
        )

        async def answered(answer: bool | str | None) -> None:
            if answer == ANOTHER_ORDER:
                await self._ask_for_order(plan, order, again=again, go=go)
            elif answer is True:
                await (go or self._go)(plan, order, bool(dialog.gap))
            elif answer is False:
                await again()

        await self.ask(dialog, answered)

    async def _ask_for_order(
        self,
        plan: Plan,
        order: Order,
        *,
        again: Callable[[], Awaitable[None]],
        go: Callable[[Plan, Order, bool], Awaitable[None]] | None,
    ) -> None:
        from cftui.tui.modals.order import OrderDialog

        async def answered(other: Order | None) -> None:
            await self.ask_about(plan, other or order, again=again, go=go)

        await self.ask(OrderDialog(order, targets=len(targets_of(plan)), workflow=plan.workflow), answered)

    async def confirm_able(
        self,
        pairs: Sequence[tuple[VmRow, ActionRequest | None]],
        skipped: Sequence[Skipped] = (),
        *,
        replaces: str = "",
        workflow: Workflow = Workflow.NONE,
    ) -> None:
        """Ask anew about the VMs as they are now; those that cannot do it any more are skipped, with the reason."""
        requests = {vm.id: request for vm, request in pairs}
        first = pairs[0][1] if pairs else None
        wish: Wish | None = workflow or (first.type if first is not None else None)
        able, refused = self._sorted_out(wish, [vm for vm, _ in pairs]) if wish is not None else ([], [])
        if able:
            again = [(vm, requests[vm.id]) for vm in able]
            await self.confirm(again, [*skipped, *refused], replaces=replaces, workflow=workflow)
            return
        why = refused[0].reason if len(refused) == 1 else "none of them can do it now"
        self._app.say([Part(f"not now: {why}", "warn")])

    def held(self) -> str:
        """Why nothing at all can be sent now, and the way out; empty when it can."""
        reason, way_out = cannot_send(self._app.update_now, self._app.clock)
        return f"{reason} {self._app.look.glyphs.arrow} {way_out}" if way_out else reason

    async def _go(self, plan: Plan, order: Order, accepts_gap: bool) -> None:
        if is_run(plan):
            await self.running.begin(plan, order)
        work = self._execute(plan, order, accepts_gap=accepts_gap)
        self._app.run_worker(work, group="execute", exit_on_error=False)

    async def _execute(self, plan: Plan, order: Order, *, accepts_gap: bool) -> None:
        try:
            submissions = await asyncio.wrap_future(self._app.engine.execute(plan, order, accepts_gap=accepts_gap))
        except Exception as error:
            self.running.close(plan.id)
            await self.tell_failed(error)
            return
        if not is_run(plan):  # a run tells of itself
            self._app.say(verdict(submissions[0], self._app.look.glyphs))
            await self._explaining.after(plan.steps[0].vm, submissions[0])

    async def explain(self, entry: HistoryEntry) -> bool:
        """Open what is to be decided about an action, or the run it belongs to; False where there is neither."""
        if self.running.tells_of(entry):
            return await self.running.open_entry(entry)
        return await self._explaining.explain(entry) or await self.running.open_entry(entry)

    async def tell_failed(self, error: Exception) -> None:
        """Show why sending failed: a bug in it, too; what that left is in the journal."""
        if not isinstance(error, CftuiError):
            error = CftuiError(f"Sending failed inside cftui ({type(error).__name__}).", hint="Look at Actions: t")
        await self.tell(error)

    async def tell(self, error: CftuiError) -> None:
        """Show an error that has no place of its own."""
        from cftui.tui.modals.notices import Problem

        await self._app.push_screen(Problem(error))

    async def ask_password(self, reason: str) -> None:
        """Ask for another password after the cloud refused one."""
        from cftui.tui.modals.password import AskPassword

        app = self._app

        def answered(password: str | None) -> None:
            if password:
                app.engine.set_credentials(password)

        await self.ask(AskPassword(clean(app.profile.email), clean(app.profile.host), reason), answered)

    async def allow_writing(self, text: str) -> None:
        """Lift read-only for a time: `10m`, `90s`, `1h`.

        Raises:
            UsageError: It is no such time.
        """
        seconds = seconds_of(text)
        try:
            await asyncio.wrap_future(self._app.engine.allow_writing(seconds))
        except CftuiError as error:
            await self.tell(error)
            return
        until = clock_time(self._app.clock.now() + timedelta(seconds=seconds), self._app.clock.now())
        sign = self._app.look.glyphs.warn
        self._app.say([Part(f"{sign} changes are allowed until {until}", "*warn"), Part("  :ro ends it", "text")])

    async def forbid_writing(self) -> None:
        """End at once what lifted read-only."""
        try:
            await asyncio.wrap_future(self._app.engine.forbid_writing())
        except CftuiError as error:
            await self.tell(error)

    async def copy(self, vms: Sequence[VmRow]) -> None:
        """Choose what to copy of some VMs."""
        if not vms:
            return
        from cftui.tui.modals.pickers import CopyMenu

        def answered(text: str | None) -> None:
            if text:
                self._app.copy_text(text)

        await self.ask(CopyMenu(vms, base_url=self._app.profile.api), answered)

    async def command(self, name: str, argument: str = "") -> None:
        """Do what a command says; an action opens its form or confirmation, never more.

        Args:
            name: As the command line lists it.
            argument: What stands behind it.
        """
        from cftui.tui.commands import reached

        app = self._app
        try:
            match name.replace("-", "_"):
                case "filter":
                    if wrong := await app.cockpit.set_filter(argument):
                        app.say([Part(wrong, "warn")])
                case "sort":
                    listing, column = app.cockpit.listing, Column(argument.lower())
                    app.cockpit.sort_by(column, is_reversed=column is listing.sort and not listing.is_reversed)
                case "sel" | "save" | "view":
                    await app.cockpit.choosing.command(name, argument)
                case "vm":
                    for vm in reached(argument, app.update_now.view)[:1]:
                        app.cockpit.table.move_to_id(vm.id)
                        await app.open_vm(vm.id)
                case "theme" if argument in app.available_themes:
                    app.theme = argument
                case "watch":
                    app.duty.watch(argument)
                case "handover":
                    await app.duty.handover(argument)
                case "history":
                    await app.open_history()
                case "run":
                    await self.running.open_one(argument)
                case "inverse":
                    await propose_inverse(
                        app, reached(argument, app.update_now.view) if argument else app.cockpit.targets()
                    )
                case "q!":
                    await self._app.action_quit(is_certain=True)
                case "quit" | "q":
                    await app.action_quit()
                case "rw":
                    await self.allow_writing(argument)
                case "ro":
                    await self.forbid_writing()
                case "refresh" | "pause" | "profile" | "help":
                    await app.run_action(name)
                case _:
                    targets = list(reached(argument, app.update_now.view)) if argument else app.cockpit.targets()
                    if not argument and app.cockpit.says_what_vanished():
                        return
                    await self.start(wish_of(name), targets)
        except (UsageError, ValueError) as error:
            app.say([Part(f"{name}: {clean(str(error))}", "warn")])

    async def ask(self, dialog: ModalScreen[Any], answered: Any) -> None:
        """Push a dialog unless one is open."""
        if not self._app.has_dialog:
            await self._app.push_screen(dialog, answered)
