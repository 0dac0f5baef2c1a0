"""The look-up of lost answers under every weather, and what it got wrong before it was tried so."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import ClassVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionType
from tests.operations.lookup_model import LookUps, trial

TRIALS = 60


class LookUpMachine(RuleBasedStateMachine):
    """One VM: answers are lost, others act, lists lag, the cloud goes dark, the program begins again."""

    steps: ClassVar[Counter[str]] = Counter()
    """What was done in all examples together."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.looks: LookUps
        self.waiting = ""

    @initialize(
        type_=st.sampled_from(ActionType),
        lag_s=st.sampled_from([0.0, 3.0, 20.0]),
        can_list=st.sampled_from([True, True, True, False]),
        page=st.sampled_from([2, 3, 200]),
        looked_so_before=st.booleans(),
    )
    def begin(self, type_: ActionType, lag_s: float, can_list: bool, page: int, looked_so_before: bool) -> None:
        self.looks = LookUps(type_, lag_s=lag_s, can_list=can_list, page=page, looked_so_before=looked_so_before)
        self.steps["machines"] += 1

    def teardown(self) -> None:
        try:
            if hasattr(self, "looks"):
                self.steps["requests"] += len(self.looks.sent)
        finally:
            self.runner.close()

    def may_ask(self) -> bool:
        return all(self.looks.now(token).is_settled for token in self.looks.sent)

    @precondition(may_ask)
    @rule(
        begins_after_s=st.sampled_from([None, 0.0, 0.5, 25.0, 60.0, 200.0]),
        takes_s=st.sampled_from([0.0, 20.0, 300.0]),
        is_errored=st.booleans(),
        is_again=st.booleans(),
    )
    def an_answer_is_lost(self, begins_after_s: float | None, takes_s: float, is_errored: bool, is_again: bool) -> None:
        self.waiting = self.looks.ask(
            begins_after_s=begins_after_s,
            takes_s=takes_s,
            is_errored=is_errored,
            is_waiting=True,
            replaces=self.resendable() if is_again else "",
        )

    @precondition(may_ask)
    @rule(takes_s=st.sampled_from([0.0, 20.0, 300.0]), is_again=st.booleans())
    def a_request_is_sent(self, takes_s: float, is_again: bool) -> None:
        replaces = self.resendable() if is_again else ""
        self.waiting = self.looks.ask(
            begins_after_s=0.0, takes_s=takes_s, is_lost=False, is_waiting=True, replaces=replaces
        )

    def resendable(self) -> str:
        return next((token for token in reversed(self.looks.sent) if self.looks.may_resend(token)), "")

    @precondition(lambda self: self.waiting)
    @rule()
    def its_answer_comes_or_is_given_up(self) -> None:
        self.looks.answer(self.waiting)
        self.waiting = ""

    @rule(after_s=st.sampled_from([-5.0, 0.0, 10.0]), takes_s=st.sampled_from([0.0, 40.0]))
    def somebody_else_acts(self, after_s: float, takes_s: float) -> None:
        self.looks.other(after_s, takes_s)

    @rule(seconds=st.sampled_from([1.0, 2.0, 7.0, 16.0, 61.0, 900.0]), times=st.integers(1, 9))
    def time_passes(self, seconds: float, times: int) -> None:
        for _ in range(times):
            self.runner.run(self.looks.pass_time(seconds))

    @rule()
    def nobody_answers(self) -> None:
        self.looks.cloud.darken()

    @rule()
    def they_answer_again(self) -> None:
        self.looks.cloud.light_up()

    @rule()
    def the_program_begins_again(self) -> None:
        self.looks.restart()
        self.waiting = ""

    @rule(seconds=st.sampled_from([-3600.0, -40.0, 40.0]))
    def the_wall_clock_jumps(self, seconds: float) -> None:
        self.looks.clock.jump(seconds)

    @invariant()
    def nothing_wrong_was_said(self) -> None:
        if hasattr(self, "looks"):
            assert not +self.looks.wrong, self.looks.wrong


LookUpMachine.TestCase.settings = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    stateful_step_count=25,
    phases=[Phase.generate, Phase.shrink],
)
TestLookingUp = LookUpMachine.TestCase


async def test_lost_answers_in_all_weathers() -> None:
    """`python -m tests.proof lookups` tries hundreds of thousands more."""
    wrong: Counter[str] = Counter()
    for seed in range(TRIALS):
        wrong += (await trial(random.Random(seed))).wrong
    assert not wrong, wrong


class TestFoundByTrying:
    """Each of these went wrong in a trial."""

    async def test_an_action_of_a_later_request_is_not_taken_for_a_late_arrival(self) -> None:
        """Not even while that one's answer is awaited."""
        looks = LookUps(ActionType.REBOOT)
        first = looks.ask(begins_after_s=None)
        await self.until_absent(looks, first)
        second = looks.ask(begins_after_s=0.0, is_lost=False, is_waiting=True, replaces=first)
        await looks.pass_time(16)
        assert looks.now(first).finding is Finding.ABSENT
        looks.answer(second)
        await looks.pass_time(30)
        assert looks.now(second).stage is Stage.COMPLETED
        assert looks.now(first).finding is Finding.ABSENT

    async def test_two_lost_requests_do_not_share_one_action(self) -> None:
        """The newer one has it: the older one was looked up without finding it."""
        looks = LookUps(ActionType.REBOOT, lag_s=10)
        first = looks.ask(begins_after_s=None)
        await self.until_absent(looks, first)
        second = looks.ask(begins_after_s=0.4, replaces=first)
        await looks.pass_time(16)
        assert [looks.now(token).finding for token in (first, second)] == [Finding.ABSENT, Finding.PROBABLE]

    async def test_several_that_fit_pick_none(self) -> None:
        """Also when one was called very likely before the other turned up."""
        looks = LookUps(ActionType.REBOOT)
        token = looks.ask(begins_after_s=0.0)
        await looks.pass_time(1)
        assert looks.now(token).is_probable
        looks.other()
        await looks.pass_time(2)
        told = looks.now(token)
        assert (told.finding, told.key, told.is_probable) == (Finding.SEVERAL, None, False)

    async def test_a_page_without_it_does_not_make_another_one_likely(self) -> None:
        looks = LookUps(ActionType.REBOOT, page=1)
        token = looks.ask(begins_after_s=0.0, takes_s=300)
        await looks.pass_time(1)
        looks.other(0, 300)
        for _ in range(4):
            await looks.pass_time(16)
        assert looks.now(token).finding is Finding.SEVERAL

    async def test_a_page_without_it_does_not_make_a_stranger_its_own(self) -> None:
        """An accepted action whose start is on no page that was read, and a later one that is."""
        looks = LookUps(ActionType.REBOOT, page=1)
        token = looks.ask(begins_after_s=0.0, takes_s=100, is_lost=False)
        looks.other(5, 10)
        for _ in range(10):
            await looks.pass_time(3)
        assert (looks.now(token).stage, looks.now(token).is_probable) == (Stage.ACCEPTED, False)

    async def test_what_a_later_request_did_proves_nothing(self) -> None:
        """A VM that is off after the second request does not show that the first one had any effect."""
        looks = LookUps(ActionType.POWER_OFF)
        first = looks.ask(begins_after_s=None)
        await self.until_absent(looks, first)
        second = looks.ask(begins_after_s=0.0, is_lost=False)
        await looks.pass_time(30)
        await looks.pass_time(2)
        assert looks.now(second).stage is Stage.VERIFIED
        assert looks.now(first).stage is Stage.UNKNOWN

    async def test_a_late_arrival_is_followed_to_its_end(self) -> None:
        looks = LookUps(ActionType.REBOOT)
        token = looks.ask(begins_after_s=100.0)
        await self.until_absent(looks, token)
        for _ in range(4):
            await looks.pass_time(16)
        told = looks.now(token)
        assert (told.finding, told.is_settled) == (Finding.LATE, False)
        assert told.message == "it did arrive late: very likely yours, not proven: in progress"
        await looks.pass_time(20)
        assert looks.now(token).message == "it did arrive late: very likely yours, not proven: completed"

    async def test_an_effect_after_no_trace_is_called_late(self) -> None:
        looks = LookUps(ActionType.POWER_OFF, can_list=False)
        token = looks.ask(begins_after_s=100.0)
        await self.until_absent(looks, token)
        for _ in range(10):
            await looks.pass_time(16)
        told = looks.now(token)
        assert (told.stage, told.finding) == (Stage.VERIFIED, Finding.LATE)
        assert told.message == "it did arrive late: seen on the VM: stopped"

    async def test_a_wall_clock_that_was_put_on_makes_nothing_certain(self) -> None:
        looks = LookUps(ActionType.REBOOT, lag_s=20)
        token = looks.ask(begins_after_s=0.0)
        looks.clock.jump(3600)
        looks.restart()
        await looks.pass_time(2)
        assert looks.now(token).finding is Finding.NONE
        for _ in range(4):
            await looks.pass_time(16)
        assert looks.now(token).finding is Finding.PROBABLE

    async def test_an_end_that_is_only_very_likely_says_so(self) -> None:
        """An accepted action whose answer could not be read, found in the list."""
        looks = LookUps(ActionType.REBOOT)
        token = looks.ask(begins_after_s=0.0, is_unreadable=True)
        for _ in range(3):
            await looks.pass_time(15)
        told = looks.now(token)
        assert (told.stage, told.is_probable) == (Stage.COMPLETED, True)
        assert told.message == "very likely yours, not proven; cannot be verified on the VM"

    async def test_a_late_arrival_is_found_on_a_far_page(self) -> None:
        """The page that is read shows only what others did since."""
        looks = LookUps(ActionType.REBOOT, page=1)
        token = looks.ask(begins_after_s=100.0)
        await self.until_absent(looks, token)
        looks.other(61, 10, type_=ActionType.SNAPSHOT)
        for _ in range(10):
            await looks.pass_time(16)
        assert looks.now(token).finding is Finding.LATE

    async def test_two_of_one_second_are_not_told_apart_by_their_order(self) -> None:
        """The late one has ended and the second one runs: the second is not called completed for it."""
        looks = LookUps(ActionType.REBOOT)
        first = looks.ask(begins_after_s=40.7, takes_s=0.0)
        await self.until_absent(looks, first)
        second = looks.ask(begins_after_s=0.0, takes_s=20.0, is_lost=False, replaces=first)
        for _ in range(10):
            await looks.pass_time(1)
            assert looks.now(second).stage is Stage.ACCEPTED
        assert looks.now(first).finding is Finding.LATE
        for _ in range(12):
            await looks.pass_time(1)
        assert looks.now(second).stage is Stage.COMPLETED

    async def until_absent(self, looks: LookUps, token: str) -> None:
        for _ in range(40):
            await looks.pass_time(1)
        assert looks.now(token).finding is Finding.ABSENT


async def test_a_wrong_saying_would_be_noticed() -> None:
    """The judge itself: a request that arrived while nobody looked, and is still called absent."""
    looks = LookUps(ActionType.REBOOT)
    looks.ask(begins_after_s=50.0)
    for _ in range(40):
        await looks.pass_time(1)
    looks.clock.turn(1000)
    looks.judge_end()
    assert looks.wrong["arrived, and called absent for good"] == 1
