"""An accepted action to its end: what each kind of answer makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionRow, VmRow
from cftui.operations.follow import CONTRADICTION_S, EFFECT_WAIT_S, Followed
from cftui.operations.journal import JournalEntry
from cftui.operations.lookup import Facts
from tests.operations.rows import STOPPED, T0, action, entry, vm


class Story:
    """A followed entry and the seconds that pass between reads."""

    def __init__(self, entry: JournalEntry, *, can_list: bool = True) -> None:
        self.followed = Followed(entry, now=0.0, wall=0.0, interval_s=2.0)
        self.now = 0.0
        self.can_list = can_list

    def listed(self, *actions: ActionRow, after: float = 2.0) -> Story:
        return self._take(after, actions=actions, is_whole=True)

    def seen(self, row: VmRow | None, *, after: float = 0.0) -> Story:
        return self._take(after, vm=row, is_vm_gone=row is None, is_about_vm=True)

    def _take(self, after: float, **facts: object) -> Story:
        self.now += after
        self.followed.advance(Facts(self.now, self.now, self.can_list, **facts))  # type: ignore[arg-type]
        self.followed.ask_again(self.now)
        return self

    @property
    def outcome(self) -> tuple[Stage, bool, str]:
        submission = self.followed.submission
        return submission.stage, submission.is_settled, submission.message


def test_a_reboot_ends_completed_and_says_that_nothing_can_verify_it() -> None:
    story = Story(entry()).listed(action()).listed(action(status="completed"))
    assert story.outcome == (Stage.COMPLETED, True, "cannot be verified on the VM")
    assert not story.followed.is_over, "the cloud may take it back"
    story.listed(action(status="completed"), after=CONTRADICTION_S)
    assert story.followed.is_over


def test_a_power_off_is_done_when_the_vm_shows_it() -> None:
    story = Story(entry("power_off")).listed(action("power_off", "completed"))
    assert story.outcome[:2] == (Stage.COMPLETED, False)
    assert story.followed.wants_vm
    story.seen(STOPPED)
    assert story.outcome == (Stage.VERIFIED, True, "stopped")


def test_a_shutdown_that_completed_while_the_vm_runs_is_not_done() -> None:
    story = Story(entry("shutdown")).listed(action("shutdown", "completed")).seen(vm())
    assert story.outcome == (Stage.COMPLETED, False, "but the VM is still running")
    story.seen(vm(), after=EFFECT_WAIT_S + 1)
    then = "power_off would be the next step; it asks first"
    assert story.outcome == (Stage.COMPLETED, True, f"but the VM is still running after 5 m 00 s; {then}")


def test_errored_without_a_reason_says_that_the_api_gave_none() -> None:
    story = Story(entry()).listed(action(status="errored"))
    assert story.outcome == (Stage.ERRORED, True, "the API gave no reason")


def test_an_unknown_status_is_not_finished() -> None:
    story = Story(entry()).listed(action(status="queued2"))
    assert story.outcome == (Stage.ACCEPTED, False, "the cloud says 'queued2', which is not known here")
    assert story.listed(action(status="completed")).outcome[0] is Stage.COMPLETED


def test_what_is_finished_stays_finished() -> None:
    story = Story(entry()).listed(action(status="completed")).listed(action(status="in-progress"))
    assert story.outcome[0] is Stage.COMPLETED


def test_an_action_missing_from_the_list_is_not_lost_at_once() -> None:
    story = Story(entry())
    for _ in range(4):
        story.listed(after=15)
    assert story.outcome[:2] == (Stage.ACCEPTED, False)
    story.listed(after=15)
    assert story.followed.wants_vm
    story.seen(vm(), after=1)
    told = "no longer listed by the cloud; its end was not seen; the VM is running"
    assert story.outcome == (Stage.TIMED_OUT, True, told)


def test_a_lost_power_off_is_verified_when_the_vm_stopped() -> None:
    story = Story(entry("power_off"))
    for _ in range(5):
        story.listed(after=20)
    story.seen(STOPPED, after=1)
    assert story.outcome == (Stage.VERIFIED, True, "no longer listed; seen on the VM: stopped")


def test_a_start_time_stamped_anew_is_followed_as_inferred() -> None:
    story = Story(entry()).listed(action(started=T0 + 3)).listed(action(started=T0 + 3, status="completed"))
    assert story.outcome[0] is Stage.COMPLETED
    assert story.followed.submission.is_probable


def test_two_later_ones_are_not_guessed_between() -> None:
    story = Story(entry()).listed(action(started=T0 + 3), action(started=T0 + 4, status="completed"))
    assert story.outcome[:2] == (Stage.ACCEPTED, False)


def test_what_was_there_before_is_never_taken_for_ours() -> None:
    old = action(started=T0 - 100, status="errored")
    story = Story(entry(baseline=(old,))).listed(old)
    assert story.outcome[:2] == (Stage.ACCEPTED, False)


def test_an_action_past_its_limit_is_stalled_and_watched_more_slowly() -> None:
    story = Story(entry()).listed(action(), after=400)
    assert story.outcome == (Stage.ACCEPTED, False, "stalled: still in progress after 6 m 00 s; watching on")
    assert story.followed.due == story.now + 60


def test_a_vm_is_gone_after_five_reads_over_a_minute() -> None:
    story = Story(entry("power_off"))
    for _ in range(4):
        story.seen(None, after=20)
    assert not story.followed.submission.is_settled
    story.seen(None, after=20)
    assert story.outcome == (Stage.UNKNOWN, True, "the VM is gone; the outcome of power_off will never be known")


def test_several_that_fit_are_no_miss() -> None:
    """An action that cannot be told from others is listed all the same: it is not lost."""
    story = Story(entry())
    for _ in range(6):
        story.listed(action(started=T0 + 3), action(started=T0 + 4, status="completed"), after=15).seen(vm())
    assert story.outcome[:2] == (Stage.ACCEPTED, False)
    assert story.outcome[2] == "several of the cloud's actions fit (2); which is yours cannot be told"


def test_what_passes_is_told_in_between_and_taken_back() -> None:
    story = Story(entry("power_off")).listed(action("power_off", "completed")).seen(vm())
    story.seen(None, after=15)
    assert story.outcome[2] == "the VM is not found (1 of 5)"
    story.listed(action("power_off", "completed"), after=2)
    assert story.outcome[2] == "the VM is not found (1 of 5)", "a list tells nothing about that"
    story.seen(vm(), after=13)
    assert story.outcome[2] == "but the VM is still running"


def test_times_of_a_vm_that_are_only_spelled_otherwise_make_it_no_other() -> None:
    before = vm(created_at="2015-01-14T16:00:00Z")
    story = Story(entry("power_off", before=before)).listed(action("power_off", "completed"))
    story.seen(STOPPED._replace(created_at="2015-01-14T16:00:00+00:00"))
    assert story.outcome == (Stage.VERIFIED, True, "stopped")


@pytest.mark.parametrize(
    ("type_", "row", "words"),
    [
        ("power_on", vm(), "seen on the VM: running"),
        ("rename", vm(name="web-2"), "seen on the VM: web-1 → web-2"),
        ("resize", STOPPED._replace(ram_gb=8), "seen on the VM: RAM 4 → 8 GB"),
        ("snapshot", vm(snapshot_ids=("s9",)), "seen on the VM: snapshot s9"),
    ],
)
def test_without_any_list_the_vm_proves_it(type_: str, row: VmRow, words: str) -> None:
    members: dict[str, dict[str, Any]] = {
        "rename": {"name": "web-2"},
        "resize": {"resource": "ram", "size": 8},
        "snapshot": {"name": "s"},
    }
    story = Story(entry(type_, before=STOPPED, **members.get(type_, {})), can_list=False).seen(row)
    assert story.outcome == (Stage.VERIFIED, True, words)


def test_without_any_list_a_reboot_is_issued_and_no_more() -> None:
    story = Story(entry(), can_list=False).listed()
    assert story.outcome[:2] == (Stage.ACCEPTED, True)
    assert "cannot be verified" in story.outcome[2]


class TestLookUp:
    """What became of a POST whose answer was lost."""

    def story(self, type_: str = "reboot", **kind: object) -> Story:
        return Story(entry(type_, stage=Stage.UNKNOWN, **kind))  # type: ignore[arg-type]

    def test_no_trace_is_said_only_when_it_is_certain_enough(self) -> None:
        story = self.story().listed(after=5).listed(after=10).listed(after=14)
        assert story.outcome[:2] == (Stage.UNKNOWN, False)
        story.listed(after=2)
        assert story.followed.submission.finding is Finding.ABSENT
        assert story.outcome[:2] == (Stage.UNKNOWN, True)
        assert not story.followed.is_over

    def test_one_new_action_is_very_likely_ours_and_no_more(self) -> None:
        story = self.story().listed(action())
        assert story.followed.submission.finding is Finding.PROBABLE
        assert story.outcome == (Stage.UNKNOWN, False, "very likely yours, not proven: in progress")
        story.listed(action(status="completed"))
        assert story.outcome == (Stage.UNKNOWN, True, "very likely yours, not proven: completed")

    def test_several_are_told_and_none_is_picked(self) -> None:
        story = self.story().listed(action(), action(started=T0 + 2, status="completed"), after=40)
        assert story.followed.submission.finding is Finding.SEVERAL
        assert story.followed.submission.key is None
        assert story.outcome[1] is False

    def test_the_effect_on_the_vm_is_proof(self) -> None:
        story = self.story("shutdown").seen(STOPPED, after=3)
        assert story.outcome == (Stage.VERIFIED, True, "seen on the VM: stopped")

    def test_an_effect_that_was_there_before_proves_nothing(self) -> None:
        story = self.story("power_off", before=STOPPED).seen(STOPPED, after=3)
        assert story.outcome[0] is Stage.UNKNOWN

    def test_a_late_arrival_is_told_after_no_trace(self) -> None:
        story = self.story().listed(after=31)
        assert story.followed.submission.finding is Finding.ABSENT
        assert story.listed(action(), after=60).followed.submission.finding is Finding.LATE
        told = "it did arrive late: very likely yours, not proven: in progress"
        assert story.outcome == (Stage.UNKNOWN, False, told)

    def test_watching_ends_a_quarter_of_an_hour_after(self) -> None:
        story = self.story().listed(after=31).listed(after=15 * 60)
        assert story.followed.is_over

    def test_without_any_list_a_reboot_cannot_be_found_out(self) -> None:
        story = Story(entry(stage=Stage.UNKNOWN), can_list=False).seen(vm(), after=31)
        assert story.followed.submission.finding is Finding.UNVERIFIABLE
        assert story.outcome[1] is True

    def test_an_accepted_action_with_an_unreadable_answer_is_found_in_the_list(self) -> None:
        story = Story(entry(started=None)).listed(action()).listed(action(status="completed"))
        assert story.outcome[0] is Stage.COMPLETED
