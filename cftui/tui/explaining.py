"""What became of one action, and what can be done about it: the dialogs behind a row of the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cftui.api.requests import from_body
from cftui.errors import UsageError
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.plan import Plan
from cftui.tui.telling import is_unfulfilled

if TYPE_CHECKING:
    from cftui.tui.acting import Acting
    from cftui.tui.app import CftuiApp
    from cftui.tui.modals.not_sent import Unsent

_TOLD_AT_ONCE = frozenset({"changed", "gone"})
"""Reasons for which a single request that was not sent opens its dialog by itself: the VM is not what was meant."""
_TOLD_ELSEWHERE = frozenset({"stopped", "401"})
"""Reasons that have a dialog or a sentence of their own."""


class Explaining:
    """Opens what there is to say about an action.

    Args:
        app: Holds what is known.
        acting: Asks, and leads to the confirmation.
    """

    def __init__(self, app: CftuiApp, acting: Acting) -> None:
        self._app = app
        self._acting = acting
        self._seen: dict[str, VmRow] = {}
        """By token, the VM as it was confirmed, of what was not sent."""

    async def explain(self, entry: HistoryEntry) -> bool:
        """Open what is to be decided about an action; False where there is nothing of that kind."""
        submission = self._app.update_now.view.submissions.get(entry.id)
        if entry.stage is Stage.UNKNOWN:
            await self._unknown(entry, submission)
        elif entry.stage is Stage.NOT_SENT and submission is not None:
            await self._not_sent([submission], steps=1)
        elif is_unfulfilled(entry, self._app.update_now.view):
            await self._unfulfilled(entry)
        else:
            return False
        return True

    async def after(self, plan: Plan, submissions: Sequence[Submission]) -> None:
        """After a plan: tell what was not sent, if that is more than one sentence."""
        unsent = [one for one in submissions if one.stage is Stage.NOT_SENT]
        rows = {step.token: step.vm for step in plan.steps}
        self._seen |= {one.token: rows[one.token] for one in unsent}
        reasons = {one.reason for one in unsent}
        is_told = bool(reasons - _TOLD_ELSEWHERE) if len(plan.steps) > 1 else bool(reasons & _TOLD_AT_ONCE)
        if is_told and not self._app.has_dialog:
            await self._not_sent(unsent, steps=len(plan.steps))

    async def _unknown(self, entry: HistoryEntry, submission: Submission | None) -> None:
        from cftui.tui.modals.notices import UnknownOutcome

        app = self._app

        async def answered(wish: str | None) -> None:
            vm = app.update_now.view.vms.get(entry.vm_id)
            if wish != "resend" or submission is None:
                return
            if vm is None:
                error = UsageError("The VM does not exist any more.", hint="There is nothing to send it to.")
                await self._acting.tell(error)
                return
            await self._acting.confirm([(vm, from_body(submission.body))], replaces=submission.token)

        dialog = UnknownOutcome(entry, submission, view=lambda: app.update_now.view, held=self._acting.held)
        await self._acting.ask(dialog, answered)

    async def _not_sent(self, submissions: Sequence[Submission], *, steps: int) -> None:
        from cftui.tui.modals.not_sent import NotSent, Unsent

        app = self._app
        unsent: list[Unsent] = [Unsent(one, self._seen.get(one.token)) for one in submissions]
        dialog = NotSent(unsent, steps=steps, update=lambda: app.update_now, held=self._acting.held)

        async def answered(is_wanted: bool | None) -> None:
            if is_wanted:
                pairs = [(vm, from_body(one.submission.body)) for one in unsent if (vm := dialog.now(one)) is not None]
                await self._acting.confirm_able(pairs)

        await self._acting.ask(dialog, answered)

    async def _unfulfilled(self, entry: HistoryEntry) -> None:
        from cftui.tui.modals.unfulfilled import Unfulfilled

        app = self._app

        async def answered(is_wanted: bool | None) -> None:
            vm = app.update_now.view.vms.get(entry.vm_id)
            if is_wanted and vm is not None:
                await self._acting.start(ActionType.POWER_OFF, [vm])

        dialog = Unfulfilled(
            entry,
            update=lambda: app.update_now,
            cloud_now=lambda: app.moment().cloud_now,
            held=self._acting.held,
        )
        await self._acting.ask(dialog, answered)
