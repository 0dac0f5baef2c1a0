"""One confirmation, at most one POST, a verdict.

The order is the product's first promise: read the VM again, refuse what changed, put the intent on disk, POST once
on a fresh connection, classify by default-deny, put the outcome on disk. Nothing here repeats a POST, and nothing
that is not provably "not sent", "rejected" or "accepted" becomes anything but "unknown".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from cftui.api import errors
from cftui.clock import Clock
from cftui.errors import JournalError
from cftui.fleet import effects, rules
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.identity import key_of
from cftui.fleet.rows import ActionRow, Phase, VmRow
from cftui.operations.journal import NOTHING_LISTED, AlreadyOpenError, Baseline, JournalEntry
from cftui.operations.plan import Plan, Step
from cftui.operations.runs import WAIT
from cftui.text import clean, clock_time

if TYPE_CHECKING:
    from cftui.api.client import CloudClient
    from cftui.operations.keeping import Keeping

GONE = "the VM no longer exists"

_REFUSALS = (errors.Rejected, errors.Unauthorized, errors.Forbidden, errors.NotFound)
"""The cloud's own word that it did nothing; what else a POST may raise proves nothing."""


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
        journal: Takes the intent before anything is sent, and the outcome whatever becomes of the disk.
        clock: For the times that the journal keeps.
        origin: Names the account in the journal.
        feed: Takes every fact that sending brings.
        doing: The open or newest history entry of a VM, as the fleet knows it now.
        held: Asked once more just before the intent: why nothing may begin any more, a word and a sentence; or None.
        refused: Told when the cloud refuses the credentials, or asks to wait.
    """

    def __init__(
        self,
        client: CloudClient,
        journal: Keeping,
        *,
        clock: Clock,
        origin: str,
        feed: Feed,
        doing: Callable[[str], HistoryEntry | None],
        held: Callable[[], tuple[str, str] | None] = lambda: None,
        refused: Callable[[errors.Unauthorized | errors.RateLimited], None] = lambda error: None,
    ) -> None:
        self._client = client
        self._journal = journal
        self._clock = clock
        self._origin = origin
        self._feed = feed
        self._doing = doing
        self._held = held
        self._tell_refusal = refused

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
        except errors.NotFound as error:
            what = await self._what_is_missing(step.vm.id, error)
            return self._refused(entry, "gone" if what == GONE else "unread", what)
        except errors.Unauthorized as error:
            self._tell_refusal(error)
            return self._refused(entry, "401", error.message)
        except errors.CloudError as error:
            reason = "unread"
            if isinstance(error, errors.RateLimited):
                self._tell_refusal(error)
                if error.retry_after_s is not None and len(plan.steps) > 1:
                    reason = WAIT  # one of several is sent when its time comes
            return self._refused(entry, reason, f"cannot read the VM's state first: {error.message}")
        self._feed(vms=(now,))
        if difference := changed_since(step.vm, now, type_=step.request.type):
            return self._refused(entry, "changed", f"changed since you looked: {difference}")
        allowed = next(a for a in rules.availability(now, doing=self._doing(step.vm.id)) if a.type is step.request.type)
        if not allowed.is_allowed:
            return self._refused(entry, "refused", allowed.reason, stage=Stage.SKIPPED)
        if held := self._held():
            return self._refused(entry, *held)
        entry = replace(entry, submission=replace(entry.submission, before=now, intended=self._wall()))
        try:
            await self._journal.intend(entry)
        except AlreadyOpenError as error:
            return self._refused(entry, "already-open", error.message, stage=Stage.SKIPPED)
        except JournalError as error:
            return self._refused(entry, "journal", f"{_plain(error.message)}; nothing was sent")
        self._feed(submissions=(entry.submission,))
        entry = await self._record(await self._post(entry, step))
        if entry.submission.stage is Stage.REJECTED and entry.submission.reason != "401":
            entry = await self._look_after_refusal(entry)
        return entry

    async def _post(self, entry: JournalEntry, step: Step) -> JournalEntry:
        try:
            row = await self._client.submit(step.vm.id, step.request)
        except errors.CloudError as error:
            return self._failed(entry, error)
        except asyncio.CancelledError:
            told = "stopped before its answer came; a sent request cannot be recalled, so it is looked up"
            await self._record(self._unknown(entry, "cancelled", told))
            raise
        except Exception as error:  # whatever it was, the request may have left
            return self._unknown(entry, "unforeseen", f"no answer could be read ({type(error).__name__})")
        return self._accepted(entry, row)

    def _accepted(self, entry: JournalEntry, row: ActionRow) -> JournalEntry:
        key = key_of(row) if row.number or row.started is not None else None
        if key is not None and key in map(key_of, entry.baseline.rows):
            told = "the server repeated an older action; whether a new one began is unclear"
            return self._unknown(entry, "same-key", told)
        self._feed(actions=(row,) if key is not None else None)
        stage, is_settled, message = Stage.ACCEPTED, False, ""
        match row.phase:
            case Phase.SUCCEEDED:
                stage, is_settled = Stage.COMPLETED, not effects.is_verifiable(entry.submission.type)
                message = "cannot be verified on the VM" if is_settled else "completed at once; looking at the VM"
            case Phase.FAILED:
                stage, is_settled, message = Stage.ERRORED, True, row.failure or "the API gave no reason"
            case _ if key is None:
                message = "accepted, waiting for a start time"
            case Phase.UNKNOWN:
                message = f"accepted; the cloud says {clean(row.status)!r}, which is not known here"
            case _:
                pass
        submission = replace(
            entry.submission,
            stage=stage,
            is_settled=is_settled,
            key=key,
            status=row.status,
            started_at=row.started_at,
            completed_at=row.completed_at,
            message=message,
        )
        return replace(entry, submission=submission)

    def _failed(self, entry: JournalEntry, error: errors.CloudError) -> JournalEntry:
        told = _plain(error.message)
        if isinstance(error, errors.OutcomeUnknown) and error.is_accepted:
            told = f"{told[:1].lower()}{told[1:]}; looking it up"
            submission = replace(entry.submission, stage=Stage.ACCEPTED, reason=error.reason, message=told)
            return replace(entry, submission=submission, given_up=self._wall())
        if isinstance(error, errors.Unreachable):
            return self._ended(entry, Stage.NOT_SENT, "unreachable", told.removeprefix("Not sent to "))
        if isinstance(error, _REFUSALS):
            if isinstance(error, errors.Unauthorized | errors.RateLimited):
                self._tell_refusal(error)
            if isinstance(error, errors.RateLimited) and error.retry_after_s is not None:
                now = self._clock.now()
                told += f", until {clock_time(now + timedelta(seconds=error.retry_after_s), now)}"
            return self._ended(entry, Stage.REJECTED, str(error.status or ""), told)
        return self._unknown(entry, error.reason if isinstance(error, errors.OutcomeUnknown) else "unforeseen", told)

    async def _look_after_refusal(self, entry: JournalEntry) -> JournalEntry:
        """After a refusal, show the VM as it is: that a 4xx changed nothing is documented nowhere."""
        submission = entry.submission
        what = ""
        try:
            self._feed(vms=((await self._client.get_vm(submission.vm_id)).row(),))
            if submission.reason == "404":
                what = "the VM is there, so the base path may be wrong"
        except errors.NotFound as error:
            what = await self._what_is_missing(submission.vm_id, error)
        except errors.CloudError:
            pass  # the poller tells about the cloud
        if not what:
            return entry
        return await self._record(
            replace(entry, submission=replace(submission, message=f"{submission.message}; {what}"))
        )

    async def _what_is_missing(self, vm_id: str, missing: errors.NotFound) -> str:
        """What it means that a VM is not found: it is gone, or nothing is to be found under this base path."""
        try:
            await self._client.account()
        except (errors.NotFound, errors.BadAnswer):
            return "neither the VM nor the account is found, so the base path may be wrong"
        except errors.CloudError:
            return _plain(missing.message)
        if missing.status != 404:
            return _plain(missing.message)
        self._feed(gone_ids=frozenset({vm_id}))
        return GONE

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
        await self._journal.keep(entry)
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
        type=step.request.type.value,
        body=step.body,
        stage=Stage.SENDING,
        intended=at.timestamp(),
        replaces=plan.replaces,
    )
    return JournalEntry(submission, origin, step.url, baseline)


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
