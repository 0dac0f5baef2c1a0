"""An accepted action to its end, loss or timeout; and what the VM then looks like.

No failed read ends following: only the cloud's own word, or the VM, does. What is finished stays finished.
"""

from __future__ import annotations

from dataclasses import replace

from cftui.fleet import effects, rules
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.identity import MatchKind, find
from cftui.fleet.ledger import LOST_AFTER_READS, LOST_AFTER_S
from cftui.fleet.rows import Phase, VmRow
from cftui.operations import lookup
from cftui.operations.journal import JournalEntry
from cftui.operations.lookup import Facts
from cftui.text import duration

EFFECT_WAIT_S = 300.0
"""How long a VM is watched for the effect of a completed action; a clean stop of a busy system takes minutes."""

_STALLED_INTERVAL_S = 60.0


class Followed:
    """One submission on its way to an end; holds what following needs between two reads.

    Args:
        entry: What the journal has.
        now: Seconds of the monotonic clock.
        wall: Seconds since 1970 at the same moment, to place the journal's times on the monotonic clock.
        interval_s: How often an action in progress is asked about.
    """

    def __init__(self, entry: JournalEntry, *, now: float, wall: float, interval_s: float) -> None:
        self.entry = entry
        self.due = now
        self._interval_s = interval_s
        self._since = now - max(0.0, wall - (entry.given_up or entry.submission.intended))
        self._tries = 0
        self._can_list = True
        self._misses: list[float] = []
        self._vm_misses: list[float] = []
        self._ended_at: float | None = None

    @property
    def submission(self) -> Submission:
        """What it is about."""
        return self.entry.submission

    @property
    def is_over(self) -> bool:
        """Nothing more is looked for, not even a late arrival."""
        submission = self.submission
        if submission.stage is Stage.UNKNOWN and submission.finding is Finding.ABSENT:
            return self.due - self._since > lookup.WATCH_ON_S
        return submission.is_settled

    @property
    def wants_vm(self) -> bool:
        """Whether the VM itself should be read now, for the effect."""
        submission = self.submission
        if submission.stage is Stage.COMPLETED or self._misses:
            return True
        return (self._is_looked_up or not self._can_list) and effects.is_verifiable(submission.type)

    def wants_whole_list(self, now: float) -> bool:
        """Whether it is time to say that there is no trace, which only the VM's whole list can tell."""
        is_open_question = self._is_looked_up and self.submission.finding is Finding.NONE and not self.is_over
        return is_open_question and self._can_list and now - self._since >= lookup.SETTLE_S

    @property
    def _is_looked_up(self) -> bool:
        submission = self.submission
        return submission.stage is Stage.UNKNOWN or (submission.stage is Stage.ACCEPTED and submission.key is None)

    def advance(self, facts: Facts) -> bool:
        """Take in what one round of reads brought; returns whether the entry is different."""
        before = self.entry
        self._can_list = facts.can_list
        if self.submission.stage is not Stage.SENDING:
            self._note_gone(facts)
            if not self.is_over:
                self._advance(facts)
        return self.entry != before

    def ask_again(self, now: float) -> None:
        """Set when it is due next, after a round of reads."""
        self._tries += 1
        self.due = now + self._next_wait_s(now)

    def _advance(self, facts: Facts) -> None:
        if self._is_looked_up:
            self.entry = lookup.look(self.entry, facts, since=self._since)
        elif self.submission.stage is Stage.ACCEPTED and facts.actions is not None:
            self._follow_action(facts)
        if self.submission.stage is Stage.ACCEPTED and facts.vm is not None and _is_lost(self._misses):
            self._lose(facts.vm)
        submission = self.submission
        if submission.stage is Stage.COMPLETED and not submission.is_settled and facts.vm is not None:
            self._verify(facts.vm, facts.now)
        elif submission.stage is Stage.ACCEPTED and not facts.can_list:
            self._verify_without_list(facts)
        submission = self.submission
        if submission.stage is Stage.UNKNOWN and facts.now - self._since > lookup.WATCH_ON_S:
            self._set(is_settled=True)
        if submission.stage is Stage.ACCEPTED and facts.now - self._since > rules.usual_limit_s(submission.type):
            since = duration(facts.now - self._since)
            if submission.key is None:
                self._set(
                    stage=Stage.TIMED_OUT, is_settled=True, message=f"accepted, and not seen to finish in {since}"
                )
            else:
                minutes = duration((facts.now - self._since) // 60 * 60)
                self._set(message=f"stalled: still in progress after {minutes}; watching on")

    def _follow_action(self, facts: Facts) -> None:
        submission = self.submission
        assert facts.actions is not None
        assert submission.key is not None
        match = find(submission.key, facts.actions, baseline=self.entry.baseline.rows, claimed=facts.claimed)
        row = match.row
        if row is None:
            self._misses.append(facts.now)
            if len(self._misses) > 1:
                missed = duration(facts.now - self._misses[0])
                self._set(message=f"not in the cloud's list for {missed}")
            return
        if match.kind is MatchKind.INFERRED:
            self._set(is_probable=True)
        if match.key is not None:
            self._set(key=match.key, started_at=row.started_at)
        if self._misses:
            self._misses.clear()
            self._set(message="")
        self._set(status=row.status, completed_at=row.completed_at)
        match row.phase:
            case Phase.SUCCEEDED:
                self._ended_at = facts.now
                if effects.is_verifiable(submission.type):
                    self._set(stage=Stage.COMPLETED, message="completed; looking at the VM")
                else:
                    self._set(
                        stage=Stage.COMPLETED,
                        is_settled=True,
                        message="cannot be verified on the VM",
                    )
            case Phase.FAILED:
                self._set(stage=Stage.ERRORED, is_settled=True, message=row.failure or "the API gave no reason")
            case Phase.UNKNOWN:
                self._set(message=f"the cloud says {row.status!r}, which is not known here")
            case Phase.RUNNING:
                pass

    def _verify(self, vm: VmRow, now: float) -> None:
        submission = self.submission
        seen = effects.effect_seen(submission.type, submission.body, submission.before, vm)
        if seen:
            words = effects.effect_words(submission.type, submission.body, submission.before, vm)
            self._set(stage=Stage.VERIFIED, is_settled=True, message=words)
        elif seen is None:
            self._set(is_settled=True, message="the VM looked so before; cannot be verified")
        else:
            self._ended_at = self._ended_at or now
            waited = now - self._ended_at
            note = f" after {duration(waited // 60 * 60)}" if waited >= 60 else ""
            missing = effects.missing_effect_words(submission.type, submission.body, vm)
            self._set(is_settled=waited > EFFECT_WAIT_S, message=f"but {missing}{note}")

    def _verify_without_list(self, facts: Facts) -> None:
        submission = self.submission
        if not effects.is_verifiable(submission.type):
            self._set(is_settled=True, message="issued; this cloud lists no actions, so its end cannot be verified")
        elif facts.vm is not None:
            seen = effects.effect_seen(submission.type, submission.body, submission.before, facts.vm)
            if seen:
                words = effects.effect_words(submission.type, submission.body, submission.before, facts.vm)
                self._set(stage=Stage.VERIFIED, is_settled=True, message=f"seen on the VM: {words}")
            elif seen is None:
                self._set(is_settled=True, message="issued; the VM looked so before, so its end cannot be verified")
            elif facts.now - self._since > rules.usual_limit_s(submission.type):
                missing = effects.missing_effect_words(submission.type, submission.body, facts.vm)
                self._set(stage=Stage.TIMED_OUT, is_settled=True, message=f"issued, but {missing}")

    def _lose(self, vm: VmRow) -> None:
        """The cloud lists it no more: only the VM can still tell."""
        submission = self.submission
        if effects.effect_seen(submission.type, submission.body, submission.before, vm):
            words = effects.effect_words(submission.type, submission.body, submission.before, vm)
            self._set(stage=Stage.VERIFIED, is_settled=True, message=f"no longer listed; seen on the VM: {words}")
        else:
            self._set(
                stage=Stage.TIMED_OUT, is_settled=True, message="no longer listed by the cloud; its end was not seen"
            )

    def _note_gone(self, facts: Facts) -> None:
        if facts.vm is not None:
            self._vm_misses.clear()
        if not facts.is_vm_gone or self.submission.is_settled:
            return
        self._vm_misses.append(facts.now)
        if not _is_lost(self._vm_misses):
            return
        if self.submission.stage is Stage.COMPLETED:
            self._set(is_settled=True, message="completed; the VM is gone, so it cannot be verified")
        else:
            self._set(
                stage=Stage.UNKNOWN,
                reason="gone",
                is_settled=True,
                message="the VM is gone; its end will never be known",
            )

    def _next_wait_s(self, now: float) -> float:
        submission = self.submission
        if self._is_looked_up:
            return lookup.wait_s(self._tries)
        running_s = now - self._since
        if running_s > rules.usual_limit_s(submission.type):
            return max(self._interval_s, _STALLED_INTERVAL_S)
        if self._ended_at is not None and now - self._ended_at > 30:
            return max(self._interval_s, 10.0)
        return self._interval_s

    def _set(self, **changes: object) -> None:
        self.entry = replace(self.entry, submission=replace(self.submission, **changes))  # type: ignore[arg-type]


def _is_lost(misses: list[float]) -> bool:
    """An action or a VM counts as gone by the measure of others' actions: lists lag, and proxies mix up."""
    return len(misses) >= LOST_AFTER_READS and misses[-1] - misses[0] >= LOST_AFTER_S
