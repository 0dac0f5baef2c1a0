"""One confirmation, at most one POST, a verdict.

The order is the product's first promise: read the VM again, refuse what changed, put the intent on disk, POST once
on a fresh connection, classify by default-deny, put the outcome on disk. Nothing here repeats a POST, and nothing
that is not provably "not sent", "rejected" or "accepted" becomes anything but "unknown".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from cftui.api import errors
from cftui.clock import Clock
from cftui.errors import JournalError
from cftui.fleet import rules
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.identity import key_of
from cftui.fleet.rows import ActionRow, VmRow
from cftui.operations.journal import NOTHING_LISTED, AlreadyOpenError, Baseline, Journal, JournalEntry
from cftui.operations.plan import Plan, Step

if TYPE_CHECKING:
    from cftui.api.client import CloudClient


class Feed(Protocol):
    """How facts reach the fleet: as small readings."""

    def __call__(
        self,
        *,
        vms: tuple[VmRow, ...] = (),
        gone_ids: frozenset[str] = frozenset(),
        actions: tuple[ActionRow, ...] | None = None,
        submissions: tuple[Submission, ...] = (),
    ) -> None:
        """Apply one small reading and wake whoever watches."""


class Sender:
    """Sends the steps of confirmed plans for one account.

    Args:
        client: The one object that can POST.
        journal: Open.
        clock: For the times that the journal keeps.
        origin: Names the account in the journal.
        feed: Takes every fact that sending brings.
        doing: The open or newest history entry of a VM, as the fleet knows it now.
        may_send: Asked once more just before the intent; False while everything is being stopped.
        refused: Told when the cloud refuses the credentials.
    """

    def __init__(
        self,
        client: CloudClient,
        journal: Journal,
        *,
        clock: Clock,
        origin: str,
        feed: Feed,
        doing: Callable[[str], HistoryEntry | None],
        may_send: Callable[[], bool] = lambda: True,
        refused: Callable[[errors.Unauthorized], None] = lambda error: None,
    ) -> None:
        self._client = client
        self._journal = journal
        self._clock = clock
        self._origin = origin
        self._feed = feed
        self._doing = doing
        self._may_send = may_send
        self._refused_credentials = refused

    async def send(self, step: Step, plan: Plan, baseline: Baseline) -> JournalEntry:
        """Send one step, once, or say why it was not sent.

        Args:
            step: What was confirmed.
            plan: The plan it belongs to.
            baseline: What was listed before.

        Returns:
            The entry with its verdict; it is in the journal unless nothing was about to be sent.
        """
        entry = planned(step, plan, origin=self._origin, at=self._clock.now(), baseline=baseline)
        try:
            now = (await self._client.get_vm(step.vm.id)).row()
        except errors.NotFound:
            self._feed(gone_ids=frozenset({step.vm.id}))
            return self._refused(entry, "gone", "the VM no longer exists")
        except errors.Unauthorized as error:
            self._refused_credentials(error)
            return self._refused(entry, "401", error.message)
        except errors.CloudError as error:
            return self._refused(entry, "unread", f"the VM could not be read first: {error.message}")
        self._feed(vms=(now,))
        if difference := changed_since(step.vm, now, type_=plan.type):
            return self._refused(entry, "changed", f"changed since you looked: {difference}")
        allowed = next(a for a in rules.availability(now, doing=self._doing(step.vm.id)) if a.type is plan.type)
        if not allowed.is_allowed:
            return self._refused(entry, "refused", allowed.reason, stage=Stage.SKIPPED)
        if not self._may_send():
            return self._refused(entry, "stopped", "the run was stopped before its turn")
        entry = replace(entry, submission=replace(entry.submission, before=now, intended=self._wall()))
        try:
            await self._journal.intend(entry)
        except AlreadyOpenError as error:
            return self._refused(entry, "already-open", error.message, stage=Stage.SKIPPED)
        except JournalError as error:
            return self._refused(entry, "journal", f"{_plain(error.message)}; nothing was sent")
        self._feed(submissions=(entry.submission,))
        entry = await self._post(entry, step)
        return await self._record(entry)

    async def _post(self, entry: JournalEntry, step: Step) -> JournalEntry:
        try:
            row = await self._client.submit(step.vm.id, step.request)
        except errors.CloudError as error:
            return await self._failed(entry, error)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever it was, the request may have left
            return self._unknown(entry, "unforeseen", f"no answer could be read ({type(error).__name__})")
        key = key_of(row) if row.number or row.started is not None else None
        if key is not None and key in map(key_of, entry.baseline.rows):
            return self._unknown(entry, "same-key", "the answer names an action that was there before")
        self._feed(actions=(row,) if key is not None else None)
        submission = replace(
            entry.submission, stage=Stage.ACCEPTED, key=key, status=row.status, started_at=row.started_at
        )
        return replace(entry, submission=submission)

    async def _failed(self, entry: JournalEntry, error: errors.CloudError) -> JournalEntry:
        if isinstance(error, errors.OutcomeUnknown):
            if error.is_accepted:
                submission = replace(
                    entry.submission,
                    stage=Stage.ACCEPTED,
                    reason=error.reason,
                    message="accepted, but the answer is unreadable; looking it up",
                )
                return replace(entry, submission=submission, given_up=self._wall())
            return self._unknown(entry, error.reason, _plain(error.message))
        if isinstance(error, errors.Unreachable):
            return self._ended(entry, Stage.NOT_SENT, "unreachable", error.cause)
        if isinstance(error, errors.Unauthorized):
            self._refused_credentials(error)
        else:
            await self._reread(entry.submission.vm_id)
        return self._ended(entry, Stage.REJECTED, str(error.status or ""), _plain(error.message))

    async def _reread(self, vm_id: str) -> None:
        """After a refusal, show the VM as it is: that a 4xx changed nothing is documented nowhere."""
        try:
            self._feed(vms=((await self._client.get_vm(vm_id)).row(),))
        except errors.NotFound:
            self._feed(gone_ids=frozenset({vm_id}))
        except errors.CloudError:
            pass  # the poller tells about the cloud

    def _unknown(self, entry: JournalEntry, reason: str, what: str) -> JournalEntry:
        submission = replace(entry.submission, stage=Stage.UNKNOWN, reason=reason, message=what)
        return replace(entry, submission=submission, given_up=self._wall())

    def _ended(self, entry: JournalEntry, stage: Stage, reason: str, message: str) -> JournalEntry:
        submission = replace(entry.submission, stage=stage, reason=reason, message=message, is_settled=True)
        return replace(entry, submission=submission)

    def _refused(
        self, entry: JournalEntry, reason: str, message: str, *, stage: Stage = Stage.NOT_SENT
    ) -> JournalEntry:
        entry = self._ended(entry, stage, reason, message)
        self._feed(submissions=(entry.submission,))
        return entry

    async def _record(self, entry: JournalEntry) -> JournalEntry:
        try:
            await self._journal.record(entry)
        except JournalError as error:
            # The truth about the POST outranks the disk: it is shown all the same.
            told = f"not recorded: {_plain(error.message)}; the next start will have to look it up"
            message = f"{entry.submission.message}; {told}".lstrip("; ")
            entry = replace(entry, submission=replace(entry.submission, message=message))
        self._feed(submissions=(entry.submission,))
        return entry

    def _wall(self) -> float:
        return self._clock.now().timestamp()


def planned(step: Step, plan: Plan, *, origin: str, at: datetime, baseline: Baseline = NOTHING_LISTED) -> JournalEntry:
    """The entry of a step before anything is sent."""
    submission = Submission(
        token=step.token,
        plan_id=plan.id,
        vm_id=step.vm.id,
        vm_name=step.vm.name,
        type=plan.type.value,
        body=step.body,
        stage=Stage.SENDING,
        intended=at.timestamp(),
    )
    return JournalEntry(submission, origin, step.url, baseline, plan.replaces)


def changed_since(seen: VmRow, now: VmRow, *, type_: str) -> str:
    """What differs between the VM that was confirmed and the VM as it is; empty when nothing that matters does."""
    if seen.created_at and now.created_at and seen.created_at != now.created_at:
        return "another VM has this id now"
    differences = []
    if seen.name != now.name:
        differences.append(f"now named {now.name!r}")
    if seen.status != now.status:
        differences.append(f"now {now.status or 'of unknown state'}")
    if seen.locked != now.locked:
        differences.append("now locked" if now.locked else "no longer locked")
    if type_ == "resize" and (seen.cpu, seen.ram_gb, seen.disk_gb) != (now.cpu, now.ram_gb, now.disk_gb):
        differences.append("its size is different")
    return ", ".join(differences)


def _plain(message: str) -> str:
    return message.rstrip(".")
