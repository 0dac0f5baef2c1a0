"""One line of the action history: a submission of ours, an action of the cloud, or both when they are the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from cftui.fleet.identity import ActionKey
from cftui.fleet.rows import ActionRow, Phase, VmRow, instant


class Stage(StrEnum):
    """How true it is; the words are those of `cftui/run/1`."""

    SKIPPED = "skipped"
    NOT_SENT = "not_sent"
    """Provably nothing left this machine."""
    REJECTED = "rejected"
    SENDING = "sending"
    """The intent is on disk and the POST is under way; never seen in a finished run."""
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    """Completed for the cloud; not, or not yet, seen on the VM."""
    VERIFIED = "verified"
    """Completed for the cloud and seen on the VM."""
    ERRORED = "errored"
    TIMED_OUT = "timed_out"
    """Accepted, and not seen to finish within its limit; it may still be running."""
    UNKNOWN = "unknown"
    """The answer was lost: it may have begun, or not."""


class Finding(StrEnum):
    """What the look-up of a lost answer came to; its words are the messages of the entry."""

    NONE = ""
    """Nothing to look up, or still looking."""
    PROBABLE = "probable"
    """One action fits: very likely ours, not proven."""
    LATE = "late"
    """An action that fits, or its effect, turned up after it had been said that there was no trace."""
    SEVERAL = "several"
    ABSENT = "absent"
    """No trace so far; never a proof."""
    UNVERIFIABLE = "unverifiable"
    """Nothing that can be read from here could tell."""


OPEN_STAGES = frozenset({Stage.SENDING, Stage.ACCEPTED})
"""Stages that still move by themselves; UNKNOWN is looked up, COMPLETED may wait for its effect."""

TROUBLED_STAGES = frozenset({Stage.ERRORED, Stage.REJECTED, Stage.NOT_SENT, Stage.TIMED_OUT, Stage.UNKNOWN})
"""Stages that are counted until their row was visited."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What this machine sent, or was about to: a journal row as everyone else sees it."""

    token: str
    """32 hex digits, ours; `handle` is made of its first eight."""
    plan_id: str
    vm_id: str
    vm_name: str
    """As the operator saw it when confirming."""
    type: str
    body: str
    """The exact request body, JSON."""
    stage: Stage
    intended: float
    """When the intent was written: seconds since 1970 by this machine's wall clock."""
    key: ActionKey | None = None
    """The cloud's action, once it is known which."""
    status: str = ""
    started_at: str = ""
    completed_at: str = ""
    message: str = ""
    """One plain sentence about the outcome."""
    before: VmRow | None = None
    """The VM as read just before sending; effects count only against it."""
    is_probable: bool = False
    """The key was inferred by the look-up: very likely ours, not proven."""
    is_settled: bool = False
    """Nobody waits for more news of it; another request to its VM may be sent."""
    reason: str = ""
    """One word for the verdict: `journal`, `changed`, `refused`, `timeout`, `422`; empty when all went as asked."""
    finding: Finding = Finding.NONE
    replaces: str = ""
    """The token of the request that it was sent again for; empty for all others."""

    @property
    def handle(self) -> str:
        """What `cftui watch` takes: `act:3f9c01aa`."""
        return f"act:{self.token[:8]}"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A row of the Actions panel, of `cftui actions` and of a VM's own history."""

    id: str
    """Stable for a row's life: the submission's token, else the action key as text."""
    vm_id: str
    vm_name: str
    type: str
    stage: Stage
    status: str
    started: float
    """Seconds since 1970: by the cloud's clock where it is known, else by ours. Orders the history."""
    started_at: str
    ended: float | None
    completed_at: str
    message: str
    is_own: bool
    is_settled: bool
    """False while news of it is awaited."""
    handle: str
    body: str
    is_probable: bool = False
    finding: Finding = Finding.NONE

    @property
    def is_open(self) -> bool:
        """Whether it still blocks another action on its VM."""
        return self.stage in OPEN_STAGES or (self.stage is Stage.UNKNOWN and not self.is_settled)


_STAGE_OF_PHASE = {
    Phase.RUNNING: Stage.ACCEPTED,
    Phase.SUCCEEDED: Stage.COMPLETED,
    Phase.FAILED: Stage.ERRORED,
    Phase.UNKNOWN: Stage.ACCEPTED,
}


_BEGAN = frozenset({Stage.ACCEPTED, Stage.COMPLETED, Stage.VERIFIED, Stage.ERRORED, Stage.TIMED_OUT})
_FITTING = frozenset({Finding.PROBABLE, Finding.LATE, Finding.SEVERAL})


def ran_twice(first: Submission, second: Submission) -> str:
    """What both lines say once a request has turned up after it was sent again; empty while there is no sign of that.

    Args:
        first: A request that was called absent.
        second: The one that was sent in its place.
    """
    began_again = second.stage in _BEGAN or (second.stage is Stage.UNKNOWN and second.finding in _FITTING)
    if first.finding is not Finding.LATE or not began_again:
        return ""
    times = (datetime.fromtimestamp(one.intended, UTC).astimezone().strftime("%H:%M:%S") for one in (first, second))
    return f"very likely ran twice: {' and '.join(times)}"


def entry_of_submission(
    submission: Submission, action: ActionRow | None, note: str = "", *, alarm: str = ""
) -> HistoryEntry:
    """The line of something sent from here; its stage is what the sender says of it.

    Args:
        submission: What was sent.
        action: The cloud's action, where it is known which and it was read.
        note: A contradiction of the cloud's, to stand behind the message.
        alarm: What is graver than its message, to stand before it.
    """
    key_started = submission.key.started if submission.key else None
    started = action.started if action and action.started is not None else key_started
    if started is None:
        started = instant(submission.started_at)
    ended = action.completed if action else None
    return HistoryEntry(
        id=submission.token,
        vm_id=submission.vm_id,
        vm_name=submission.vm_name,
        type=submission.type,
        stage=submission.stage,
        status=submission.status or (action.status if action else ""),
        started=submission.intended if started is None else started,
        started_at=submission.started_at or (action.started_at if action else ""),
        ended=instant(submission.completed_at) if ended is None else ended,
        completed_at=submission.completed_at or (action.completed_at if action else ""),
        message="; ".join(filter(None, (alarm, submission.message, "" if note in submission.message else note))),
        is_own=True,
        is_settled=submission.is_settled,
        handle=submission.handle,
        body=submission.body,
        is_probable=submission.is_probable,
        finding=submission.finding,
    )


def entry_of_action(
    key: ActionKey, action: ActionRow, *, vm_name: str, seen: float, note: str = "", is_lost: bool = False
) -> HistoryEntry:
    """The line of an action that was not sent from here.

    What succeeded is *completed* and never *verified*: how the VM looked before is not known.

    Args:
        key: Its key; the entry's id is its text.
        action: As last read.
        vm_name: The VM's name as last read; empty when the VM was not read.
        seen: Where it stands in the history when the cloud tells no readable time: seconds since 1970.
        note: A contradiction of the cloud's.
        is_lost: The cloud lists it no more although it never finished.
    """
    is_finished = action.phase in (Phase.SUCCEEDED, Phase.FAILED)
    if is_lost:
        message = "the cloud does not list it any more; how it ended is not known"
    elif action.phase is Phase.FAILED:
        message = action.failure or "the API gave no reason"
    else:
        message = f"the cloud says {action.status!r}" if action.phase is Phase.UNKNOWN else ""
    started = action.completed if action.started is None else action.started
    return HistoryEntry(
        id=str(key),
        vm_id=action.vm_id,
        vm_name=vm_name,
        type=action.type,
        stage=Stage.TIMED_OUT if is_lost else _STAGE_OF_PHASE[action.phase],
        status=action.status,
        started=seen if started is None else started,
        started_at=action.started_at,
        ended=action.completed if is_finished else None,
        completed_at=action.completed_at,
        message="; ".join(filter(None, (message, note))),
        is_own=False,
        is_settled=is_finished or is_lost,
        handle="",
        body="",
    )
