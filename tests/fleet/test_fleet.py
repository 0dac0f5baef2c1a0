from __future__ import annotations

from dataclasses import replace

from cftui.fleet.fleet import Change, Fleet
from cftui.fleet.history import Stage
from cftui.fleet.ledger import MAX_FINISHED
from cftui.fleet.rows import Phase
from tests.fleet.build import ORIGIN, action, key, reading, submission, vm

A, B, C = vm("a", "web-1"), vm("b", "web-2"), vm("c", "web-3")


def fleet(*readings: object) -> Fleet:
    """A fleet that has three VMs, read as reading 1."""
    result = Fleet(ORIGIN)
    result.apply(reading(1, A, B, C, whole=True))
    return result


def test_a_first_reading_adds_all_in_the_clouds_order() -> None:
    known = Fleet(ORIGIN)
    assert known.view.read_at is None
    change = known.apply(reading(1, C, A, B, whole=True))
    assert change == Change(added=frozenset("abc"))
    assert list(known.view.vms) == ["c", "a", "b"]
    assert known.view.read_at == 1.0


def test_only_what_is_different_is_told() -> None:
    known = fleet()
    vms = known.view.vms
    assert not known.apply(reading(2, A, vm("b", "web-2"), C, whole=True))
    assert known.view.vms is vms
    assert known.view.read_at == 2.0
    change = known.apply(reading(3, A, vm("b", "web-2", "stopped"), C, whole=True))
    assert change == Change(changed=frozenset("b"))
    assert vms["b"].status == "running", "a view that was handed out does not change"


def test_a_view_is_the_same_object_until_a_reading_comes_in() -> None:
    known = fleet()
    assert known.view is known.view


def test_a_foreign_reading_changes_nothing() -> None:
    known = fleet()
    assert not known.apply(replace(reading(2, whole=True), origin="https://elsewhere.test|x"))
    assert len(known.view.vms) == 3


def test_a_vm_that_a_whole_list_lacks_is_gone_and_one_that_a_page_lacks_is_not() -> None:
    known = fleet()
    assert not known.apply(reading(2, A))
    assert known.apply(reading(3, A, C, whole=True)) == Change(gone={"b": "web-2"})


def test_an_older_list_neither_changes_nor_removes_what_was_read_later() -> None:
    known = fleet()
    off, new = vm("a", "web-1", "stopped"), vm("d", "web-4")
    known.apply(reading(5, off, new))
    assert known.apply(reading(4, A, C, whole=True)) == Change(gone={"b": "web-2"})
    assert known.row("a") == off
    assert known.row("d") == new
    known.apply(reading(6, A, C, whole=True))
    assert known.row("a") == A
    assert known.row("d") is None


def test_an_older_list_does_not_bring_back_a_vm_that_is_gone() -> None:
    known = fleet()
    assert known.apply(reading(5, gone=("b",))) == Change(gone={"b": "web-2"})
    assert not known.apply(reading(4, A, B, C, whole=True))
    assert known.row("b") is None
    assert known.apply(reading(6, A, B, C, whole=True)).added == {"b"}


def test_an_older_single_reading_is_dropped() -> None:
    known = fleet()
    known.apply(reading(5, A, B, C, whole=True))
    assert not known.apply(reading(4, vm("a", "old-name"), gone=("b",)))


def test_another_vm_under_a_known_id_is_gone_and_added() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a", status="errored", second=60, took=2),)))
    assert "a" in known.view.doing
    change = known.apply(reading(3, vm("a", "new", created_at="2015-02-01T00:00:00Z")))
    assert change.gone == {"a": "web-1"}
    assert change.added == {"a"}
    assert not change.changed
    assert "a" not in known.view.doing, "what was done to the earlier VM is not told of this one"


def test_another_persons_action_is_an_entry_and_its_vm_is_doing_it() -> None:
    known = fleet()
    change = known.apply(reading(2, actions=(action("a"),)))
    (entry,) = known.view.history
    assert change == Change(entries=frozenset({entry.id}), acting=frozenset("a"))
    assert entry.id == str(key("a"))
    assert (entry.stage, entry.vm_name, entry.is_own, entry.is_open) == (Stage.ACCEPTED, "web-1", False, True)
    assert known.view.doing == {"a": entry}
    assert known.action(key("a")) == action("a")

    change = known.apply(reading(3, actions=(action("a", status="completed", took=9),)))
    assert change.acting == {"a"}
    assert known.view.history[0].stage is Stage.COMPLETED
    assert known.view.doing == {}


def test_an_unknown_word_is_not_finished_and_is_kept() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a", status="queued"),)))
    entry = known.view.doing["a"]
    assert (entry.stage, entry.status, entry.is_settled) == (Stage.ACCEPTED, "queued", False)
    assert "queued" in entry.message


def test_an_error_without_a_reason_says_that_there_is_none() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a", status="errored", took=3), action("b", status="errored", failure="x"))))
    assert {entry.message for entry in known.view.history} == {"the API gave no reason", "x"}


def test_an_action_that_a_list_lacks_stays() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a"), action("b"))))
    assert not known.apply(reading(3, actions=(action("b"),)))
    assert len(known.view.history) == 2


def test_what_is_finished_stays_finished_and_the_contradiction_is_noted() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a", status="completed", took=3),)))
    assert known.apply(reading(3, actions=(action("a"),))).entries
    entry = known.view.history[0]
    assert (entry.stage, entry.message) == (Stage.COMPLETED, "the cloud says 'in-progress' again")
    known.apply(reading(4, actions=(action("a", status="errored", took=3),)))
    assert known.view.history[0].stage is Stage.COMPLETED
    assert "contradicts itself" in known.view.history[0].message


def test_an_older_list_is_no_contradiction() -> None:
    known = fleet()
    known.apply(reading(5, actions=(action("a", status="completed", took=3),)))
    assert not known.apply(reading(4, actions=(action("a"),)))


def test_details_of_a_finished_action_may_still_come() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a", status="completed"),)))
    known.apply(reading(3, actions=(action("a", status="completed", took=7),)))
    entry = known.view.history[0]
    assert entry.ended == entry.started + 7


def test_what_was_sent_and_its_action_are_one_line() -> None:
    known = fleet()
    sent = submission(vm_id="a", stage=Stage.SENDING)
    assert known.apply(reading(2, submissions=(sent,))).acting == {"a"}
    known.apply(reading(3, actions=(action("a"),), submissions=(replace(sent, stage=Stage.ACCEPTED, key=key("a")),)))
    (entry,) = known.view.history
    assert (entry.id, entry.is_own, entry.stage) == (sent.token, True, Stage.ACCEPTED)
    assert entry.started == key("a").started
    assert entry.handle == "act:3f9c01aa"
    assert known.view.submissions[sent.token].key == key("a")


def test_an_action_that_turns_out_to_be_ours_leaves_its_own_line() -> None:
    known = fleet()
    sent = submission(vm_id="a", stage=Stage.UNKNOWN)
    known.apply(reading(2, actions=(action("a"),), submissions=(sent,)))
    assert len(known.view.history) == 2
    change = known.apply(reading(3, submissions=(replace(sent, key=key("a"), is_probable=True),)))
    assert change.entries == {sent.token, str(key("a"))}
    assert [entry.id for entry in known.view.history] == [sent.token]


def test_a_guess_that_was_wrong_gives_the_other_action_its_line_back() -> None:
    known = fleet()
    guess = submission(vm_id="a", stage=Stage.UNKNOWN, key=key("a"), is_probable=True)
    known.apply(reading(2, actions=(action("a"), action("a", second=5)), submissions=(guess,)))
    known.apply(reading(3, submissions=(replace(guess, key=key("a", second=5)),)))
    assert {entry.id for entry in known.view.history} == {guess.token, str(key("a"))}


def test_an_own_action_that_the_cloud_stamps_anew_stays_one_line() -> None:
    known = fleet()
    sent = submission(vm_id="a", key=key("a"))
    known.apply(reading(2, actions=(action("a"),), submissions=(sent,)))
    later = action("a", second=4, status="completed", took=5)
    known.apply(reading(3, actions=(later,), submissions=(replace(sent, key=key("a", second=4)),)))
    assert [entry.id for entry in known.view.history] == [sent.token]
    assert known.action(key("a")) is None


def test_anothers_action_that_the_cloud_stamps_anew_is_one_line_too() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a"),), whole_history=True))
    known.apply(reading(3, actions=(action("a", second=4),), whole_history=True))
    assert [entry.id for entry in known.view.history] == [str(key("a", second=4))]


def test_an_unfinished_action_that_whole_lists_lack_for_long_is_lost_and_blocks_no_more() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a"),), whole_history=True))
    for sequence in range(3, 7):
        known.apply(reading(sequence, actions=(), whole_history=True, at_s=100.0 * sequence))
        assert known.view.doing["a"].is_open
    change = known.apply(reading(7, actions=(), whole_history=True, at_s=700.0))
    assert change.acting == {"a"}
    assert [entry.stage for entry in known.view.history] == [Stage.TIMED_OUT]
    known.apply(reading(8, actions=(action("a"),), whole_history=True, at_s=800.0))
    assert [entry.stage for entry in known.view.history] == [Stage.ACCEPTED]


def test_a_contradiction_of_the_cloud_stands_behind_our_own_message() -> None:
    known = fleet()
    sent = submission(vm_id="a", stage=Stage.COMPLETED, key=key("a"), message="completed")
    known.apply(reading(2, actions=(action("a", status="completed", took=3),), submissions=(sent,)))
    known.apply(reading(3, actions=(action("a"),)))
    assert known.view.history[0].message == "completed; the cloud says 'in-progress' again"


def test_an_older_word_on_a_submission_is_dropped() -> None:
    known = fleet()
    done = submission(vm_id="a", stage=Stage.ERRORED, is_settled=True)
    known.apply(reading(5, submissions=(done,)))
    assert not known.apply(reading(4, submissions=(replace(done, stage=Stage.SENDING, is_settled=False),)))


def test_trouble_stays_in_doing_until_a_newer_action_of_the_vm() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a", status="errored", took=3),)))
    assert known.view.doing["a"].stage is Stage.ERRORED
    known.apply(reading(3, actions=(action("a", "power_on", "completed", second=60, took=3),)))
    assert known.view.doing == {}


def test_an_open_entry_comes_before_a_newer_trouble_and_ours_before_anothers() -> None:
    known = fleet()
    theirs = action("a", second=50)
    failed = action("a", "resize", "errored", second=90, took=1)
    known.apply(reading(2, actions=(theirs, failed)))
    assert known.view.doing["a"].id == str(key("a", second=50))
    known.apply(reading(3, submissions=(submission(vm_id="a", stage=Stage.SENDING),)))
    assert known.view.doing["a"].is_own


def test_anothers_failure_of_long_ago_is_history_and_not_news() -> None:
    known = fleet()
    rows = (action("a", status="errored", second=0, took=3), action("b", status="completed", second=9000, took=3))
    known.apply(reading(2, actions=rows))
    assert known.view.doing == {}
    assert len(known.view.history) == 2


def test_a_completed_action_whose_effect_is_not_seen_needs_eyes_until_it_is() -> None:
    known = fleet()
    sent = submission(vm_id="a", type_="shutdown", stage=Stage.COMPLETED, before=A)
    known.apply(reading(2, submissions=(sent,)))
    assert known.view.doing["a"].stage is Stage.COMPLETED
    change = known.apply(reading(3, vm("a", "web-1", "stopped")))
    assert change.acting == {"a"}
    assert known.view.doing == {}


def test_skipped_targets_are_told_in_the_history_alone() -> None:
    known = fleet()
    known.apply(reading(2, submissions=(submission(vm_id="a", stage=Stage.SKIPPED, is_settled=True),)))
    assert len(known.view.history) == 1
    assert known.view.doing == {}


def test_a_vm_that_is_gone_does_nothing() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a"),)))
    change = known.apply(reading(3, B, C, whole=True))
    assert change == Change(gone={"a": "web-1"})
    assert known.view.doing == {}
    assert known.view.history[0].vm_name == "web-1"


def test_lines_of_others_bear_the_name_of_the_vm_as_soon_as_it_is_known() -> None:
    known = Fleet(ORIGIN)
    known.apply(reading(1, actions=(action("a"),)))
    assert known.view.history[0].vm_name == ""
    assert known.view.doing == {}
    change = known.apply(reading(2, A, whole=True))
    assert change.entries
    assert change.acting == {"a"}
    assert known.view.history[0].vm_name == "web-1"


def test_the_history_is_newest_first() -> None:
    known = fleet()
    known.apply(reading(2, actions=(action("a", second=1), action("b", second=9), action("c", second=5))))
    assert [entry.vm_id for entry in known.view.history] == ["b", "c", "a"]


def test_a_list_in_another_order_or_with_a_row_twice_changes_nothing() -> None:
    known = fleet()
    rows = tuple(action("a", status="completed", second=n, took=1) for n in (0, 0, 4, 4, 4, 9)[::2])
    known.apply(reading(2, actions=rows))
    assert not known.apply(reading(3, actions=rows[::-1]))
    assert not known.apply(reading(4, actions=(*rows, *rows)))


def test_two_actions_of_one_second_are_two_lines_in_any_order() -> None:
    known = fleet()
    done, running = action("a", status="completed", took=1), action("a")
    known.apply(reading(2, actions=(done, running)))
    assert not known.apply(reading(3, actions=(running, done)))
    assert [entry.stage for entry in known.view.history].count(Stage.COMPLETED) == 1
    known.apply(reading(4, actions=(action("a", status="errored", took=8), done)))
    assert {entry.stage for entry in known.view.history} == {Stage.COMPLETED, Stage.ERRORED}
    assert all("contradicts" not in entry.message for entry in known.view.history)


def test_a_bounded_number_of_finished_actions_is_kept_and_the_others_do_not_come_back() -> None:
    known = fleet()
    rows = tuple(action("a", status="completed", second=n, took=1) for n in range(MAX_FINISHED + 900))
    running = action("b", second=-5)
    known.apply(reading(2, actions=(running, *rows)))
    assert len(known.view.history) == MAX_FINISHED + 1
    assert known.action(key("b", second=-5)) is not None
    assert not known.apply(reading(3, actions=(running, *rows)))


def test_the_same_objects_again_cost_nothing_and_news_among_them_are_seen() -> None:
    known = fleet()
    rows = tuple(action("a", status="completed", second=n, took=1) for n in range(3))
    known.apply(reading(2, actions=rows, whole_history=True))
    assert not known.apply(reading(3, actions=rows, whole_history=True))
    newer = (action("b", second=7), *rows)
    assert known.apply(reading(4, actions=newer, whole_history=True)).entries == {str(key("b", second=7))}
    row = known.action(key("b", second=7))
    assert row is not None
    assert row.phase is Phase.RUNNING
