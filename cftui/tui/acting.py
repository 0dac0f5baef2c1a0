"""From a wish to a confirmed plan to its first verdict: palette, form, confirmation; one dialog at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import ModalScreen

from cftui.api.requests import ActionRequest, from_body, simple
from cftui.errors import CftuiError, UsageError
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.order import Column
from cftui.fleet.rows import ActionType, VmRow
from cftui.fleet.rules import availability
from cftui.operations.plan import Plan, Skipped, make_plan
from cftui.text import clean, count
from cftui.tui.look import Line, Part
from cftui.tui.standing import not_live_reason

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp

_FORMS = frozenset({ActionType.RESIZE, ActionType.RENAME, ActionType.SNAPSHOT})


class Acting:
    """Leads one action from a key to the engine.

    Every dialog is pushed before the key that asked for it is done with, so that keys typed ahead meet the dialog and
    not the list.

    Args:
        app: Pushes the dialogs, holds the engine.
    """

    def __init__(self, app: CftuiApp) -> None:
        self._app = app

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
            not_live_reason=not_live_reason(update),
            is_production=self._app.profile.is_production,
        )

        async def chosen(type_: ActionType | None) -> None:
            if type_ is not None:
                await self.start(type_, targets)

        await self._ask(palette, chosen)

    async def start(self, type_: ActionType, targets: Sequence[VmRow]) -> None:
        """Ask for what an action needs beyond its type, then for the confirmation."""
        able, skipped = self._sorted_out(type_, targets)
        if not able:
            reason = skipped[0].reason if len(skipped) == 1 else f"none of {count(len(skipped), 'VM')} can do it now"
            self._app.say([Part(f"{type_}: not now: {reason}", "warn")])
            return
        if type_ not in _FORMS:
            await self.confirm([(vm, simple(type_)) for vm in able], skipped)
            return

        async def filled(pairs: list[tuple[VmRow, ActionRequest]] | None) -> None:
            if pairs:
                await self.confirm(pairs, skipped)

        await self._ask(self._form(type_, able), filled)

    def _sorted_out(self, type_: ActionType, targets: Sequence[VmRow]) -> tuple[list[VmRow], list[Skipped]]:
        update = self._app.update_now
        able: list[VmRow] = []
        skipped: list[Skipped] = []
        for vm in targets:
            now = update.view.vms.get(vm.id)
            if now is None:
                skipped.append(Skipped(vm, "it does not exist any more"))
                continue
            offers = availability(
                now,
                doing=update.view.doing.get(vm.id),
                is_read_only=update.is_read_only,
                not_live_reason=not_live_reason(update),
            )
            offer = next(offer for offer in offers if offer.type is type_)
            if offer.is_allowed:
                able.append(now)
            else:
                skipped.append(Skipped(now, f"{offer.reason} {offer.way_out and f'→ {offer.way_out}'}".strip()))
        return able, skipped

    def _form(self, type_: ActionType, targets: Sequence[VmRow]) -> ModalScreen[list[tuple[VmRow, ActionRequest]]]:
        now = self._app.clock.now()
        match type_:
            case ActionType.RESIZE:
                from cftui.tui.modals.resize import ResizeForm

                return ResizeForm(targets, now=now)
            case ActionType.RENAME:
                from cftui.tui.modals.rename import RenameForm

                taken = {vm.name for vm in self._app.update_now.view.vms.values()} - {targets[0].name}
                return RenameForm(targets, now=now, taken=taken)
            case _:
                from cftui.tui.modals.snapshot import SnapshotForm

                return SnapshotForm(targets, now=now)

    async def confirm(
        self,
        pairs: Sequence[tuple[VmRow, ActionRequest]],
        skipped: Sequence[Skipped] = (),
        *,
        replaces: str = "",
    ) -> None:
        """Freeze the plan and show it; what is confirmed goes to the engine once.

        Args:
            pairs: VMs with their requests.
            skipped: Named, and not acted on.
            replaces: For sending again, the token of what it replaces.
        """
        from cftui.tui.modals.confirm import Confirm

        app = self._app
        plan = make_plan(pairs, base_url=app.profile.api, skipped=skipped, is_resend=bool(replaces), replaces=replaces)
        view = app.update_now.view
        names = Counter(vm.name for vm in view.vms.values())
        dialog = Confirm(
            plan,
            profile=app.profile,
            view=lambda: app.update_now.view,
            same_name_ids=frozenset(vm_id for vm_id, vm in view.vms.items() if names[vm.name] > 1),
            estimates=app.update_now.estimates,
        )

        def answered(is_confirmed: bool | None) -> None:
            if is_confirmed:
                app.run_worker(self._execute(plan), group="execute", exit_on_error=False)

        await self._ask(dialog, answered)

    async def _execute(self, plan: Plan) -> None:
        try:
            submissions = await asyncio.wrap_future(self._app.engine.execute(plan))
        except CftuiError as error:
            await self.tell(error)
            return
        except Exception as error:  # a bug in sending is told; what it left is in the journal
            told = CftuiError(f"Sending failed inside cftui ({type(error).__name__}).", hint="Look at Actions: t")
            await self.tell(told)
            return
        self._app.say(self._verdict(submissions))

    def _verdict(self, submissions: Sequence[Submission]) -> Line:
        glyphs = self._app.look.glyphs
        if len(submissions) == 1:
            only = submissions[0]
            words = f"{clean(only.vm_name)} {only.type}"
            match only.stage:
                case Stage.REJECTED | Stage.NOT_SENT | Stage.ERRORED | Stage.SKIPPED:
                    verdict = "rejected" if only.stage is Stage.REJECTED else "not sent"
                    return [Part(f"{glyphs.failed} {words} {verdict}", "*bad"), Part(f"  {clean(only.message)}")]
                case Stage.UNKNOWN:
                    return [Part(f"{glyphs.unknown} {words}: no answer came", "*unk"), Part("  do not repeat it")]
                case _:
                    return [Part(f"{glyphs.busy} {words} {only.stage}", "*busy")]
        stages = Counter(submission.stage for submission in submissions)
        words = ", ".join(f"{number} {stage.value.replace('_', ' ')}" for stage, number in stages.items())
        is_bad = any(stage in (Stage.REJECTED, Stage.NOT_SENT, Stage.UNKNOWN) for stage in stages)
        return [Part(f"{glyphs.warn if is_bad else glyphs.busy} {words}", "*warn" if is_bad else "*busy")]

    async def explain(self, entry: HistoryEntry) -> bool:
        """Open what is known about an action whose outcome is not known; False for all others."""
        if entry.stage is not Stage.UNKNOWN:
            return False
        from cftui.tui.modals.notices import UnknownOutcome

        app = self._app
        submission = app.update_now.view.submissions.get(entry.id)

        async def answered(wish: str | None) -> None:
            vm = app.update_now.view.vms.get(entry.vm_id)
            if wish != "resend" or submission is None:
                return
            if vm is None:
                await self.tell(UsageError("The VM does not exist any more.", hint="There is nothing to send it to."))
                return
            await self.confirm([(vm, from_body(submission.body))], replaces=submission.token)

        await self._ask(UnknownOutcome(entry, submission, view=lambda: app.update_now.view), answered)
        return True

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

        await self._ask(AskPassword(clean(app.profile.email), clean(app.profile.host), reason), answered)

    async def copy(self, vms: Sequence[VmRow]) -> None:
        """Choose what to copy of some VMs."""
        if not vms:
            return
        from cftui.tui.modals.pickers import CopyMenu

        def answered(text: str | None) -> None:
            if text:
                self._app.copy_text(text)

        await self._ask(CopyMenu(vms, base_url=self._app.profile.api), answered)

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
                case "vm":
                    for vm in reached(argument, app.update_now.view)[:1]:
                        app.cockpit.table.move_to_id(vm.id)
                        await app.open_vm(vm.id)
                case "theme" if argument in app.available_themes:
                    app.theme = argument
                case "history":
                    await app.open_history()
                case "q!":
                    await self._app.action_quit(is_certain=True)
                case "quit" | "q":
                    await app.action_quit()
                case "refresh" | "pause" | "profile" | "help":
                    await app.run_action(name)
                case _:
                    targets = list(reached(argument, app.update_now.view)) if argument else app.cockpit.targets()
                    await self.start(ActionType(name.replace("-", "_")), targets)
        except (UsageError, ValueError) as error:
            app.say([Part(f"{name}: {clean(str(error))}", "warn")])

    async def _ask(self, dialog: ModalScreen[Any], answered: Any) -> None:
        """Push a dialog unless one is open."""
        if not self._app.has_dialog:
            await self._app.push_screen(dialog, answered)
