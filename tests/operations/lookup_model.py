"""Requests whose answers are lost, looked up by the real poller on a cloud in memory and a turned clock.

What the cloud knows of every request is the truth that the poller's words are held against: `LookUps.wrong` counts.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

from cftui.api.client import CloudReader
from cftui.fleet.effects import effect_seen
from cftui.fleet.fleet import Fleet, Reading, View
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.identity import key_of
from cftui.fleet.rows import ActionRow, ActionType, Power, VmRow
from cftui.operations.journal import Baseline, JournalEntry
from cftui.operations.lookup import SETTLE_S, WATCH_ON_S
from cftui.operations.poller import Poller
from cftui.operations.state import Link, PollLimits
from tests.operations.model_cloud import Deed, JumpingClock, ModelCloud, after
from tests.operations.rows import vm

ORIGIN = "model"
NEEDS_STOPPED = frozenset({ActionType.POWER_ON, ActionType.RESIZE})
_BODIES: dict[ActionType, dict[str, object]] = {
    ActionType.RENAME: {"name": "web-2"},
    ActionType.RESIZE: {"resource": "ram", "size": 8},
    ActionType.SNAPSHOT: {"name": "s"},
}


@dataclass
class _Sent:
    """One request, and the truth about it."""

    entry: JournalEntry
    deed: Deed | None
    at: float
    """Monotonic, when the answer was given up or came."""
    listed_before: frozenset[Deed]
    is_lost: bool
    asked_at: float
    is_unreadable: bool
    absent_at: float | None = None
    told: list[Submission] = field(default_factory=list)


class LookUps:
    """One VM, what was asked of it from here, and what the poller says of it."""

    def __init__(
        self,
        type_: ActionType,
        *,
        lag_s: float = 0.0,
        can_list: bool = True,
        page: int = 200,
        looked_so_before: bool = False,
    ) -> None:
        self.type = type_
        self.clock = JumpingClock()
        before = vm(power=Power.OFF, status="stopped") if type_ in NEEDS_STOPPED else vm()
        if looked_so_before:
            before = after(before, Deed(type_, 0, 0))
        self.cloud = ModelCloud(self.clock, before, lag_s=lag_s, can_list=can_list, page=page)
        self.journal: dict[str, JournalEntry] = {}
        self.sent: dict[str, _Sent] = {}
        self.wrong: Counter[str] = Counter()
        self.late_alarms = 0
        self.double_alarms = 0
        self.restarts = 0
        self._reads = 0
        self._begin()

    # What the poller needs of an engine

    @property
    def view(self) -> View:
        return self._fleet.view

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def feed(
        self,
        *,
        vms: tuple[VmRow, ...] = (),
        gone_ids: frozenset[str] = frozenset(),
        actions: tuple[ActionRow, ...] | None = None,
        submissions: tuple[Submission, ...] = (),
        is_whole_fleet: bool = False,
        is_whole_history: bool = False,
        sequence: int | None = None,
        took_s: float = 0.0,
    ) -> None:
        self._fleet.apply(
            Reading(
                sequence if sequence is not None else self.next_sequence(),
                ORIGIN,
                self.clock.monotonic(),
                vms=vms,
                gone_ids=gone_ids,
                is_whole_fleet=is_whole_fleet,
                actions=actions,
                is_whole_history=is_whole_history,
                submissions=submissions,
            )
        )

    def tell(self, link: Link) -> None:
        pass

    def slept(self, seconds: float) -> None:
        pass

    async def keep(self, entry: JournalEntry) -> None:
        self.journal[entry.submission.token] = entry
        self.feed(submissions=(entry.submission,))
        self._judge(entry)

    async def reread_journal(self) -> None:
        pass

    # What happens

    def _begin(self) -> None:
        self._sequence = 0
        self._fleet = Fleet(ORIGIN)
        limits = PollLimits(idle_s=30, active_s=2)
        self.poller = Poller(cast(CloudReader, self.cloud), self, clock=self.clock, limits=limits, rng=random.Random(1))
        self.poller.pause(True)
        for token, entry in self.journal.items():
            if entry.submission.stage is Stage.SENDING:
                self.sent[token].is_lost = True
                self.answer(token)
                continue
            self.poller.follow(entry)
            self.feed(submissions=(entry.submission,))

    def restart(self) -> None:
        """The program ends and begins again with what the journal has."""
        self.restarts += 1
        self._begin()

    def other(self, after_s: float = 0.0, takes_s: float = 20.0, *, type_: ActionType | None = None) -> None:
        """Somebody else acts."""
        self.cloud.deeds.append(Deed(type_ or self.type, self.cloud.now() + after_s, takes_s))

    def ask(
        self,
        *,
        begins_after_s: float | None,
        takes_s: float = 20.0,
        is_errored: bool = False,
        is_lost: bool = True,
        replaces: str = "",
        is_waiting: bool = False,
        is_unreadable: bool = False,
    ) -> str:
        """Send one; its answer is lost, or names the action, or accepts it and cannot be read.

        `begins_after_s` is None when the server never begins.

        While it is waiting, `answer` is what ends that.

        Returns:
            Its token.
        """
        now, token = self.cloud.now(), f"{len(self.sent):x}".rjust(32, "0")
        deed = None
        rows = self.cloud.rows() if self.cloud.can_list else ()
        baseline = Baseline(
            tuple(row for row in rows if row.type == self.type),
            max((row.started for row in rows if row.started is not None), default=None),
        )
        listed_before = frozenset(self.cloud.listed())
        before = self.cloud.vm()
        if begins_after_s is not None:
            deed = Deed(self.type, now + begins_after_s, takes_s, token, is_errored)
            self.cloud.deeds.append(deed)
        assert is_lost or (deed is not None and begins_after_s == 0)
        submission = Submission(
            token=token,
            plan_id="p",
            vm_id=before.id,
            vm_name=before.name,
            type=self.type.value,
            body=json.dumps({"type": self.type.value} | _BODIES.get(self.type, {})),
            stage=Stage.SENDING,
            intended=self.clock.now().timestamp(),
            before=before,
            replaces=replaces,
        )
        entry = JournalEntry(submission, ORIGIN, "url", baseline)
        now_m = self.clock.monotonic()
        self.sent[token] = _Sent(entry, deed, now_m, listed_before, is_lost, now_m, is_unreadable)
        self.journal[token] = entry
        self.feed(submissions=(submission,))
        if not is_waiting:
            self.answer(token)
        return token

    def answer(self, token: str) -> None:
        """The answer of a request comes, or is given up."""
        sent = self.sent[token]
        if self.now(token).stage is not Stage.SENDING:
            return
        sent.at = self.clock.monotonic()
        if sent.is_lost:
            stage = Stage.ACCEPTED if sent.is_unreadable else Stage.UNKNOWN
            submission = replace(sent.entry.submission, stage=stage)
            entry = replace(sent.entry, submission=submission, given_up=self.clock.now().timestamp())
        else:
            assert sent.deed is not None
            submission = replace(sent.entry.submission, stage=Stage.ACCEPTED, key=key_of(sent.deed.row(0)))
            entry = replace(sent.entry, submission=submission)
        self.journal[token] = entry
        self.feed(submissions=(entry.submission,))
        self.poller.follow(entry)

    def may_resend(self, token: str) -> bool:
        """Whether the product would let it be sent again."""
        first = self.journal[token]
        submission = first.submission
        return (
            submission.stage is Stage.UNKNOWN
            and submission.is_settled
            and submission.finding in (Finding.ABSENT, Finding.UNVERIFIABLE)
            and not first.candidates(self.cloud.rows())
        )

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, then ask whatever is due."""
        self.clock.turn(seconds)
        due = self.poller._next_due(self.clock.monotonic())
        if due is not None and due <= self.clock.monotonic():
            await self.poller.round()
            self._judge_lists()

    @property
    def is_busy(self) -> bool:
        """Whether anything is still followed."""
        return bool(self.poller._followed)

    def now(self, token: str) -> Submission:
        """What is said of a request."""
        return self.journal[token].submission

    # What must hold

    def _judge(self, entry: JournalEntry) -> None:
        submission = entry.submission
        sent = self.sent[submission.token]
        before = sent.told[-1] if sent.told else sent.entry.submission
        sent.told.append(submission)
        self._judge_words(submission)
        self._judge_key(submission)
        self._judge_proof(submission, sent)
        if before.stage in _FINISHED and submission.stage not in _FINISHED[before.stage]:
            self.wrong["finished, and then not"] += 1
        if submission.finding is Finding.ABSENT and before.finding is not Finding.ABSENT:
            sent.absent_at = self.clock.monotonic()
            self.wrong["no trace told too early"] += sent.absent_at - sent.at < SETTLE_S
            self.wrong["a trace, and then none"] += before.finding is not Finding.NONE

    def _judge_words(self, submission: Submission) -> None:
        words = submission.message.replace("which is yours cannot be told", "")
        if "yours" in words.replace("very likely yours", ""):
            self.wrong["yours, and not very likely"] += 1
        if submission.is_probable and submission.stage not in (Stage.VERIFIED, Stage.ACCEPTED):
            self.wrong["a guess that is not called one"] += "very likely" not in submission.message
        is_absent, is_several = submission.finding is Finding.ABSENT, submission.finding is Finding.SEVERAL
        is_no_proof = submission.stage is Stage.UNKNOWN and "no trace so far" in submission.message
        self.wrong["absence told as proof"] += is_absent and not is_no_proof
        self.wrong["several fit, and one is picked"] += is_several and submission.key is not None

    def _judge_proof(self, submission: Submission, sent: _Sent) -> None:
        match submission.stage:
            case Stage.VERIFIED:
                shows = effect_seen(submission.type, submission.body, sent.entry.submission.before, self.cloud.vm())
                self.wrong["verified, and the VM does not show it"] += not shows
                self.wrong["verified by what another request did"] += self._shows_only_others(sent)
            case Stage.COMPLETED | Stage.ERRORED if sent.is_lost:
                self.wrong["an end that nothing proves"] += not sent.is_unreadable
            case Stage.COMPLETED | Stage.ERRORED:
                deed = sent.deed
                assert deed is not None
                # Two actions of one second have one identity: while only one of them is listed, nobody can tell which.
                key = key_of(deed.row(0))
                same = [one for one in self.cloud.deeds if one.type == self.type and key_of(one.row(0)) == key]
                is_errored, now = submission.stage is Stage.ERRORED, self.cloud.now()
                is_so = any(one.ends <= now and one.is_errored is is_errored for one in same)
                self.wrong["an end that was not so"] += not is_so and "very likely" not in submission.message
            case _:
                pass

    def _shows_only_others(self, sent: _Sent) -> bool:
        """Whether everything that can have had this effect since was begun by other requests of ours."""
        began = sent.asked_at + self.cloud.zero
        known = {token for token, one in self.sent.items() if not one.is_lost} - {sent.entry.submission.token}
        causes = [deed for deed in self.cloud.deeds if began <= deed.ends <= self.cloud.now() and not deed.is_errored]
        return bool(causes) and all(deed.token in known for deed in causes)

    def _judge_key(self, submission: Submission) -> None:
        """Whether it names an action that an answer has told to be another request's."""
        if submission.key is None:
            return
        owners = {
            deed.token for deed in self.cloud.deeds if key_of(deed.row(0)) == submission.key and deed.type == self.type
        }
        known = {token for token, sent in self.sent.items() if not sent.is_lost}
        self.wrong["another request's action is called its own"] += bool(owners) and owners <= known - {
            submission.token
        }

    def _judge_lists(self) -> None:
        """Hold what is said after a round against what could be read in it."""
        history = {entry.id: entry for entry in self.view.history}
        reads = self.cloud.reads
        for token in self.sent:
            if token not in history:
                self.wrong["vanished from the history"] += 1
                continue
            submission = self.now(token)
            is_looked_up = submission.stage is Stage.UNKNOWN and not submission.is_settled
            if (
                reads != self._reads
                and is_looked_up
                and submission.finding is Finding.PROBABLE
                and self.poller.last_error is None
            ):
                self.wrong["two fit, and one is called yours"] += self.fits(token) > 1
        self._reads = reads

    def fits(self, token: str) -> int:
        """How many listed actions are new since a request was sent and are not known to be another one's."""
        sent = self.sent[token]
        claimed = {self.now(other).key for other in self.sent if other != token}
        return sum(
            deed not in sent.listed_before and deed.type == self.type and key_of(deed.row(0)) not in claimed
            for deed in self.cloud.listed()
        )

    def judge_end(self) -> None:
        """Once nobody looks any more: nothing that arrived in time is still called absent."""
        lines = {entry.id: entry.message for entry in self.view.history}
        for token, sent in self.sent.items():
            first = self.sent.get(sent.entry.submission.replaces)
            if first is None or self.now(first.entry.submission.token).finding is not Finding.LATE or sent.is_lost:
                continue
            self.double_alarms += 1
            for one in (token, first.entry.submission.token):
                self.wrong["ran twice, and nobody was told"] += "very likely ran twice" not in lines[one]
        for token, sent in self.sent.items():
            submission = self.now(token)
            deed = sent.deed
            if deed is None or not self.cloud.can_list or not sent.is_lost:
                continue
            seen_at = deed.begins - self.cloud.zero + self.cloud.lag_s
            if seen_at > sent.at + WATCH_ON_S - 60:
                continue
            if submission.finding is Finding.ABSENT:
                self.wrong["arrived, and called absent for good"] += not self._is_another_ones(token, deed)
            elif sent.absent_at is not None:
                self.late_alarms += 1
                if "arrive late" not in submission.message:
                    self.wrong["arrived late, and nobody was told"] += 1

    def _is_another_ones(self, token: str, deed: Deed) -> bool:
        """Whether its action is taken for that of the request that was sent in its place, whose answer was lost too."""
        seconds = [t for t, sent in self.sent.items() if sent.entry.submission.replaces == token and sent.is_lost]
        return any(self.now(second).key == key_of(deed.row(0)) for second in seconds)


_FINISHED: dict[Stage, frozenset[Stage]] = {
    Stage.VERIFIED: frozenset({Stage.VERIFIED}),
    Stage.COMPLETED: frozenset({Stage.COMPLETED, Stage.VERIFIED}),
    Stage.ERRORED: frozenset({Stage.ERRORED}),
    Stage.TIMED_OUT: frozenset({Stage.TIMED_OUT}),
}
"""What a finished stage may still become."""


async def trial(rng: random.Random) -> LookUps:
    """One lost answer under one kind of weather, watched to its end; what came out wrong is in `wrong`."""
    type_ = rng.choice(list(ActionType))
    looks = LookUps(
        type_,
        lag_s=rng.choice((0.0, rng.uniform(0, 5), rng.uniform(0, 20))),
        can_list=rng.random() < 0.9,
        page=rng.choice((2, 3, 200)),
        looked_so_before=rng.random() < 0.1,
    )
    for _ in range(rng.choice((0, 0, 1, 2))):
        looks.other(-rng.uniform(0, 600), rng.uniform(1, 60), type_=rng.choice((None, *ActionType)))
    plan: list[tuple[float, Callable[[], None]]] = []
    if rng.random() < 0.1:
        takes_s = rng.uniform(1, 60)
        plan.append((rng.uniform(0, 120), lambda: looks.other(0, takes_s)))
    if rng.random() < 0.2:
        plan.append((rng.uniform(0, 120), looks.restart))
    if rng.random() < 0.1:
        jump_s = rng.choice((-3600.0, -40.0, 40.0))
        plan.append((rng.uniform(0, 120), lambda: looks.clock.jump(jump_s)))
    if rng.random() < 0.15:
        begins = rng.uniform(0, 30)
        plan += [(begins, looks.cloud.darken), (begins + rng.choice((20, 100, 1200)), looks.cloud.light_up)]
    begins_after_s = rng.choice((*[rng.uniform(0, 2)] * 5, rng.uniform(0, 60), rng.uniform(60, 840), None, None))
    takes_s, is_errored = rng.choice((0.0, rng.uniform(0, 60), rng.uniform(0, 600))), rng.random() < 0.1
    await looks.pass_time(rng.uniform(0, 30))
    first = looks.ask(begins_after_s=begins_after_s, takes_s=takes_s, is_errored=is_errored)
    resends, second, answers_at = rng.random() < 0.5, "", 0.0
    begins_again = rng.choice((0.0, 0.0, rng.uniform(0, 2), None))
    began = looks.clock.monotonic()
    plan.sort(key=lambda step: step[0])
    while (now := looks.clock.monotonic() - began) < 2500:
        while plan and plan[0][0] <= now:
            plan.pop(0)[1]()
        if resends and looks.may_resend(first) and rng.random() < 0.3:
            second = looks.ask(
                begins_after_s=begins_again, is_lost=begins_again != 0.0, replaces=first, is_waiting=True
            )
            answers_at = looks.clock.monotonic() + rng.choice((0.0, rng.uniform(0, 30)))
            resends = False
        if second and looks.clock.monotonic() >= answers_at:
            looks.answer(second)
            second = ""
        if now < 40:
            step_s = 1.0
        else:  # nothing is lost by looking seldom while the cloud shows nothing new
            step_s = max(rng.uniform(2, 20), min(looks.cloud.quiet_s(), 90 if looks.is_busy else 300) - 20)
        await looks.pass_time(min(step_s, max(1.0, plan[0][0] - now)) if plan else step_s)
    looks.judge_end()
    return looks
