"""What became of one action, and what can be done about it: the dialogs behind a row of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cftui.api.requests import from_body
from cftui.errors import UsageError
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.tui.telling import is_unfulfilled

if TYPE_CHECKING:
    from cftui.tui.acting import Acting
    from cftui.tui.app import CftuiApp

_TOLD_AT_ONCE = frozenset({"changed", "gone"})
"""Reasons for which a single request that was not sent opens its dialog by itself: the VM is not what was meant."""


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
            await self._not_sent(submission)
        elif is_unfulfilled(entry, self._app.update_now.view):
            await self._unfulfilled(entry)
        else:
            return False
        return True

    async def after(self, vm: VmRow, submission: Submission) -> None:
        """After a request: tell why it was not sent, if that is more than one sentence.

        Args:
            vm: As it was confirmed.
            submission: What became of the request.
        """
        if submission.stage is Stage.NOT_SENT:
            self._seen[submission.token] = vm
            if submission.reason in _TOLD_AT_ONCE and not self._app.has_dialog:
                await self._not_sent(submission)

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

    async def _not_sent(self, submission: Submission) -> None:
        from cftui.tui.modals.not_sent import NotSent

        app = self._app
        seen = self._seen.get(submission.token)
        dialog = NotSent(submission, seen, update=lambda: app.update_now, held=self._acting.held)

        async def answered(is_wanted: bool | None) -> None:
            if is_wanted and (vm := dialog.now()) is not None:
                await self._acting.confirm_able([(vm, from_body(submission.body))])

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
