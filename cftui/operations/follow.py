"""An accepted action to its end, loss or timeout; and what the VM then looks like.

No failed read ends following: only the cloud's own word, or the VM, does. What is finished stays finished.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import NamedTuple

from cftui.fleet import effects, rules
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.identity import MatchKind, find
from cftui.fleet.ledger import LOST_AFTER_READS, LOST_AFTER_S, contradiction
from cftui.fleet.rows import Phase, VmRow
from cftui.operations import lookup
from cftui.operations.journal import JournalEntry
from cftui.operations.lookup import Facts
from cftui.text import clean, duration

EFFECT_WAIT_S = 300.0
"""How long a VM is watched for the effect of a completed action; a clean stop of a busy system takes minutes."""

CONTRADICTION_S = 300.0
"""How long what has ended is looked at now and then, for a cloud that takes its word back."""

_SLOW_INTERVAL_S = 60.0

_WHOLE_INTERVAL_S = 60.0
"""How often a late arrival is looked for beyond the newest page."""

_MISSING_INTERVAL_S = LOST_AFTER_S / (LOST_AFTER_READS - 1)
"""A VM that is not found is asked for so that it is lost after exactly as many reads as that takes."""

_DARK = "outcome still unknown"

_FOUND = frozenset({Finding.PROBABLE, Finding.LATE, Finding.SEVERAL})

_ENDED = {Stage.COMPLETED: Phase.SUCCEEDED, Stage.VERIFIED: Phase.SUCCEEDED, Stage.ERRORED: Phase.FAILED}


class _About(Enum):
    CLOUD = auto()
    VM = auto()
    LIST = auto()


class _Aside(NamedTuple):
    """Something passing that is told in a message's place, until there is an answer to what it is about."""

    about: _About
    words: str
    before: str


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
        self._began = now
        """A wall clock that was put on while nobody looked makes nothing more certain."""
        self._tries = 0
        self._can_list = True
        self._misses: list[float] = []
        self._fitting = frozenset(filter(None, [entry.submission.key]))
        """What may be it, as far as lists have shown."""
        self.is_undecided = False
        """A list that may not be whole lacked it, or held others that might be it: the whole one has to tell."""
        self._vm_misses: list[float] = []
        self._ended_at: float | None = None
        self._absent_at: float | None = None
        self._whole_at: float | None = None
        self._found_at: float | None = None
        self._note = ""
        """What a list said against the end."""
        self._phase = Phase.RUNNING
        """As the cloud listed it last."""
        self._aside: _Aside | None = None
        if (told := entry.submission.message).startswith(_DARK):
            self._aside = _Aside(_About.CLOUD, told, "")

    @property
    def submission(self) -> Submission:
        """What it is about."""
        return self.entry.submission

    @property
    def is_over(self) -> bool:
        """Nothing more is looked for, neither a late arrival nor a contradiction."""
        submission = self.submission
        if not submission.is_settled:
            return False
        if submission.stage is Stage.UNKNOWN and submission.finding is Finding.ABSENT:
            return self.due - (self._absent_at or self._since) > lookup.WATCH_ON_S
        return not self._may_be_contradicted or self.due - (self._ended_at or 0.0) > CONTRADICTION_S

    @property
    def wants_vm(self) -> bool:
        """Whether the VM itself should be read now, for the effect."""
        submission = self.submission
        if self._misses or (submission.stage is Stage.COMPLETED and not submission.is_settled):
            return True
        if self._is_looked_up and not self._can_list:
            return True
        is_awaited = self._is_looked_up or (submission.stage is Stage.ACCEPTED and not self._can_list)
        return is_awaited and effects.is_verifiable(submission.type)

    def wants_whole_list(self, now: float) -> bool:
        """Whether something is to be said that only the VM's whole list can tell: that it is not there."""
        if self.is_undecided or (self._misses and _is_lost(self._misses)):
            return self._can_list
        if self._whole_at is not None and self.submission.finding is Finding.ABSENT:
            return self._can_list and now - self._whole_at >= _WHOLE_INTERVAL_S
        is_open_question = self._is_looked_up and self.submission.finding is Finding.NONE and not self.is_over
        return is_open_question and self._can_list and not self._vm_misses and now - self._began >= lookup.SETTLE_S

    @property
    def _is_looked_up(self) -> bool:
        submission = self.submission
        return submission.stage is Stage.UNKNOWN or (submission.stage is Stage.ACCEPTED and submission.key is None)

    @property
    def _may_be_contradicted(self) -> bool:
        submission = self.submission
        return self._ended_at is not None and submission.key is not None and submission.stage in _ENDED

    def advance(self, facts: Facts) -> bool:
        """Take in what one round of reads brought; returns whether the entry is different."""
        before = self.entry
        self._can_list = facts.can_list
        if self.submission.stage is Stage.SENDING:
            return False
        if facts.trouble:
            words = f"but {facts.trouble}" if self.submission.stage is Stage.COMPLETED else facts.trouble
            self._tell_for_now(_About.VM if facts.is_about_vm else _About.LIST, words)
            return self.entry != before
        self._end_aside(facts)
        self._note_vm(facts)
        if not self.is_over:
            self._advance(facts)
        return self.entry != before

    def let_go(self) -> bool:
        """Wait no longer for the end of an accepted action; returns whether there was one to wait for."""
        if self.submission.stage is not Stage.ACCEPTED or self.submission.is_settled:
            return False
        message = "not waited for any longer; it may still be running"
        self._set(stage=Stage.TIMED_OUT, is_settled=True, message=message)
        return True

    def stay_in_the_dark(self, seconds: float) -> bool:
        """Nothing has answered for so long; returns whether the entry is different."""
        before = self.entry
        if self._is_looked_up and self.submission.finding is Finding.NONE:
            step = 60 if seconds < 600 else 600
            out = f" for {duration(seconds // step * step)}" if seconds >= step else ""
            self._tell_for_now(_About.CLOUD, f"{_DARK}; the cloud has been out of reach{out}")
        return self.entry != before

    def ask_again(self, now: float) -> None:
        """Set when it is due next, after a round of reads."""
        self._tries += 1
        self.due = now + self._next_wait_s(now)

    def _advance(self, facts: Facts) -> None:
        if self._is_looked_up:
            self._look(facts)
        elif self.submission.stage is Stage.ACCEPTED and facts.actions is not None:
            self._follow_action(facts)
        elif self._may_be_contradicted and facts.actions is not None:
            self._hold_against(facts)
        if self.submission.stage is Stage.ACCEPTED and facts.vm is not None and _is_lost(self._misses):
            self._lose(facts.vm)
        submission = self.submission
        if submission.stage is Stage.COMPLETED and not submission.is_settled and facts.vm is not None:
            self._verify(facts)
        elif submission.stage is Stage.ACCEPTED and not facts.can_list and not self._vm_misses:
            self._verify_without_list(facts)
        self._note_stall(facts)

    def _look(self, facts: Facts) -> None:
        if facts.actions is not None:
            self._whole_at = facts.now if facts.is_whole else self._whole_at
            fitting, before = self.entry.candidates(facts.actions, facts.claimed).keys(), self._fitting - facts.claimed
            self.is_undecided = not facts.is_whole and fitting != before
            if self.is_undecided and before - fitting:
                return  # what fitted before is not taken back, nor another one in its place, because of one page
            self._fitting = frozenset(fitting)
        self.entry = lookup.look(self.entry, facts, since=self._began, is_vm_missing=bool(self._vm_misses))
        submission = self.submission
        if submission.finding is Finding.ABSENT and self._absent_at is None:
            self._absent_at = facts.now
        if submission.stage is Stage.UNKNOWN and submission.finding in _FOUND:
            self._found_at = facts.now if self._found_at is None else self._found_at
            longest_s = max(lookup.WATCH_ON_S, rules.usual_limit_s(submission.type) + EFFECT_WAIT_S)
            if facts.now - self._found_at > longest_s:
                self._set(is_settled=True)

    def _note_stall(self, facts: Facts) -> None:
        submission, took_s = self.submission, facts.now - self._since
        if submission.stage is not Stage.ACCEPTED or submission.is_settled or self._misses or self._vm_misses:
            return
        if took_s <= rules.usual_limit_s(submission.type):
            return
        if submission.key is not None:
            state = repr(submission.status) if self._phase is Phase.UNKNOWN else "in progress"
            minutes = duration(took_s // 60 * 60)
            self._set(message=f"stalled: still {state} after {minutes}; watching on")
        elif facts.is_whole or not facts.can_list:
            message = f"accepted, and not seen to finish in {duration(took_s)}"
            self._set(stage=Stage.TIMED_OUT, is_settled=True, message=message)

    def _follow_action(self, facts: Facts) -> None:
        submission = self.submission
        assert facts.actions is not None
        assert submission.key is not None
        match = find(submission.key, facts.actions, baseline=self.entry.baseline.rows, claimed=facts.claimed)
        self.is_undecided = match.kind in (MatchKind.INFERRED, MatchKind.AMBIGUOUS) and not facts.is_whole
        if self.is_undecided:
            return  # what was read may not reach back to it
        row = match.row
        if row is None and match.found:
            self._misses.clear()
            self._set(message=f"several of the cloud's actions fit ({len(match.found)}); which is yours cannot be told")
            return
        if row is None:
            self._misses.append(facts.now)
            if len(self._misses) > 1:
                missed = duration(facts.now - self._misses[0])
                self._set(message=f"not in the cloud's list for {missed} ({len(self._misses)} reads)")
            return
        self._misses.clear()
        if match.kind is MatchKind.INFERRED:
            self._set(is_probable=True)
        if match.key is not None:
            self._set(key=match.key, started_at=row.started_at)
        self._phase = row.phase
        self._set(status=row.status, completed_at=row.completed_at, message="")
        match row.phase:
            case Phase.SUCCEEDED:
                self._ended_at = facts.now
                is_verifiable = effects.is_verifiable(submission.type)
                message = "completed; looking at the VM" if is_verifiable else "cannot be verified on the VM"
                message = self._sure(message)
                self._set(stage=Stage.COMPLETED, is_settled=not is_verifiable, message=message)
            case Phase.FAILED:
                self._ended_at = facts.now
                self._set(
                    stage=Stage.ERRORED, is_settled=True, message=self._sure(row.failure or "the API gave no reason")
                )
            case Phase.UNKNOWN:
                self._set(message=f"the cloud says {row.status!r}, which is not known here")
            case Phase.RUNNING:
                pass

    def _sure(self, message: str) -> str:
        """An end of an action that is only very likely ours says so."""
        return f"{lookup.GUESS}; {message}" if self.submission.is_probable else message

    def _hold_against(self, facts: Facts) -> None:
        """What is finished stays finished; that a later list says otherwise is told beside it."""
        submission = self.submission
        assert facts.actions is not None
        assert submission.key is not None
        found = find(submission.key, facts.actions, baseline=self.entry.baseline.rows, claimed=facts.claimed)
        if found.kind is not MatchKind.EXACT or found.row is None:
            return
        row = found.row
        if row.phase is _ENDED[submission.stage] or self._note:
            return
        self._note = contradiction(row, submission.status)
        self._set(message=self._noted(submission.message))
        if row.phase in (Phase.SUCCEEDED, Phase.FAILED):
            self._set(reason="conflict", is_settled=True)

    def _noted(self, message: str) -> str:
        return "; ".join(filter(None, (message, self._note)))

    def _verify(self, facts: Facts) -> None:
        submission, vm, now = self.submission, facts.vm, facts.now
        assert vm is not None
        if facts.is_replaced:
            # Whatever the VM shows from now on may be the later request's doing.
            later = f"{clean(facts.sent_after)} was sent after it" if facts.sent_after else "it was sent again"
            self._set(is_settled=True, message=self._noted(self._sure(f"completed; {later}")))
            return
        seen = effects.effect_seen(submission.type, submission.body, submission.before, vm)
        if seen:
            words = effects.effect_words(submission.type, submission.body, submission.before, vm)
            self._set(stage=Stage.VERIFIED, is_settled=True, message=self._noted(words))
        elif seen is None:
            self._set(is_settled=True, message=self._noted(self._sure("the VM looked so before; cannot be verified")))
        else:
            self._ended_at = now if self._ended_at is None else self._ended_at
            waited = now - self._ended_at
            missing = effects.missing_effect_words(submission.type, submission.body, vm)
            message = f"but {missing}"
            if waited >= 60:
                message += f" after {duration(waited // 60 * 60)}{_then(submission.type)}"
            self._set(is_settled=waited > EFFECT_WAIT_S, message=self._noted(self._sure(message)))

    def _verify_without_list(self, facts: Facts) -> None:
        submission = self.submission
        if not effects.is_verifiable(submission.type):
            self._set(is_settled=True, message="issued; this cloud lists no actions, so its end cannot be verified")
        elif facts.vm is None:
            self._set(message="the cloud has no list of its actions; watching the VM instead")
        else:
            seen = effects.effect_seen(submission.type, submission.body, submission.before, facts.vm)
            if seen:
                words = effects.effect_words(submission.type, submission.body, submission.before, facts.vm)
                self._set(stage=Stage.VERIFIED, is_settled=True, message=f"seen on the VM: {words}")
            elif seen is None:
                self._set(is_settled=True, message="issued; the VM looked so before, so its end cannot be verified")
            elif facts.now - self._since > rules.usual_limit_s(submission.type):
                missing = effects.missing_effect_words(submission.type, submission.body, facts.vm)
                message = f"issued, but {missing}{_then(submission.type)}"
                self._set(stage=Stage.TIMED_OUT, is_settled=True, message=message)

    def _lose(self, vm: VmRow) -> None:
        """The cloud lists it no more: only the VM can still tell."""
        submission = self.submission
        if effects.effect_seen(submission.type, submission.body, submission.before, vm):
            words = effects.effect_words(submission.type, submission.body, submission.before, vm)
            self._set(stage=Stage.VERIFIED, is_settled=True, message=f"no longer listed; seen on the VM: {words}")
        else:
            message = f"no longer listed by the cloud; its end was not seen; the VM is {clean(vm.status) or 'there'}"
            self._set(stage=Stage.TIMED_OUT, is_settled=True, message=message)

    def _note_vm(self, facts: Facts) -> None:
        """Whether the VM is still the one that was acted on."""
        submission = self.submission
        if self.is_over or (submission.stage in _ENDED and submission.is_settled):
            return
        if facts.vm is not None:
            self._vm_misses.clear()
            if submission.before is not None and facts.vm.is_another_than(submission.before):
                self._lose_vm("the VM was replaced: another one has its id now")
        elif facts.is_vm_gone:
            self._vm_misses.append(facts.now)
            if _is_lost(self._vm_misses):
                self._lose_vm("the VM is gone")
            else:
                self._tell_for_now(_About.VM, f"the VM is not found ({len(self._vm_misses)} of {LOST_AFTER_READS})")

    def _lose_vm(self, what: str) -> None:
        submission = self.submission
        if submission.stage is Stage.COMPLETED:
            self._set(is_settled=True, message=self._noted(f"completed; {what}, so it cannot be verified"))
        else:
            message = f"{what}; the outcome of {clean(submission.type)} will never be known"
            self._set(stage=Stage.UNKNOWN, reason="gone", finding=Finding.NONE, is_settled=True, message=message)

    def _next_wait_s(self, now: float) -> float:
        submission = self.submission
        if self._vm_misses:
            return _MISSING_INTERVAL_S
        if self._is_looked_up:
            return lookup.wait_s(self._tries)
        if submission.is_settled or now - self._since > rules.usual_limit_s(submission.type):
            return max(self._interval_s, _SLOW_INTERVAL_S)
        if self._ended_at is not None and now - self._ended_at > 30:
            return max(self._interval_s, 10.0)
        return self._interval_s

    def _tell_for_now(self, about: _About, words: str) -> None:
        """Tell something that passes, in the place of what is told."""
        submission = self.submission
        if submission.is_settled or submission.finding is not Finding.NONE:
            return
        is_instead = self._aside is not None and submission.message == self._aside.words
        before = self._aside.before if self._aside is not None and is_instead else submission.message
        self._aside = _Aside(about, words, before)
        self._set(message=words)

    def _end_aside(self, facts: Facts) -> None:
        """What was told for the time being is over, once there is an answer to what it was about."""
        aside = self._aside
        if aside is None or (aside.about is not _About.CLOUD and facts.is_about_vm != (aside.about is _About.VM)):
            return
        self._aside = None
        if self.submission.message == aside.words:
            self._set(message=aside.before)

    def _set(self, **changes: object) -> None:
        self.entry = replace(self.entry, submission=replace(self.submission, **changes))  # type: ignore[arg-type]


def _then(type_: str) -> str:
    words = effects.next_step_words(type_)
    return f"; {words}" if words else ""


def _is_lost(misses: list[float]) -> bool:
    """An action or a VM counts as gone by the measure of others' actions: lists lag, and proxies mix up."""
    return len(misses) >= LOST_AFTER_READS and misses[-1] - misses[0] >= LOST_AFTER_S
