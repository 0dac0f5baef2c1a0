from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cftui.fleet.identity import ActionKey, MatchKind, candidates, find, key_of, keyed
from cftui.fleet.rows import ActionRow
from tests.fleet.build import action, key

STATUSES = st.sampled_from(["in-progress", "completed", "errored", "queued"])
ROWS = st.builds(
    lambda vm_id, type_, status, second: action(vm_id, type_, status, second=second),
    st.sampled_from("ab"),
    st.sampled_from(["reboot", "resize"]),
    STATUSES,
    st.one_of(st.none(), st.integers(0, 3)),
)
few = settings(derandomize=True, deadline=None, max_examples=100)


def test_the_documents_shutdown_and_power_off_of_one_second_are_two_actions() -> None:
    assert key_of(action(type_="shutdown")) != key_of(action(type_="power_off"))


def test_a_key_reads_as_one_line() -> None:
    assert str(key("vm", "reboot")) == "vm/reboot/1421253060/0"
    assert str(ActionKey("vm", "reboot", 1.25, 2)) == "vm/reboot/1.25/2"
    assert str(key_of(action("vm", second=None))) == "vm/reboot/?/0"
    assert str(key_of(action("vm", number="77"))) == "vm/reboot/#77"


def test_two_actions_of_one_second_are_numbered_in_the_clouds_order() -> None:
    first, second = action(status="completed"), action(status="in-progress")
    assert list(keyed([first, second])) == [key(), key(occurrence=1)]


def test_known_actions_keep_their_number_in_whatever_order_they_are_listed() -> None:
    done, running = action(status="completed"), action()
    known = keyed([done, running])
    assert keyed([running, done], known) == known


def test_of_two_alike_the_unfinished_one_is_the_one_that_moved() -> None:
    known = keyed([action(status="completed"), action()])
    failed = action(status="errored")
    assert keyed([failed, action(status="completed")], known)[key(occurrence=1)] == failed


def test_a_row_that_two_pages_hold_is_one_action() -> None:
    row = action(status="completed", took=4)
    assert list(keyed([row, row], {}, merges_repeats=True)) == [key()]
    assert len(keyed([row, row])) == 2


def test_the_equal_instant_is_an_exact_match() -> None:
    match = find(key(), [action(second=-60, status="completed"), action(status="completed"), action("b")])
    assert match.kind is MatchKind.EXACT
    assert match.key == key()
    assert match.row == action(status="completed")


def test_a_restamped_action_is_inferred_when_it_is_alone_later_and_free() -> None:
    later = action(second=3)
    assert find(key(), [later]).kind is MatchKind.INFERRED
    assert find(key(), [later]).key == key(second=3)
    assert find(key(), [later], claimed={key(second=3)}).kind is MatchKind.NONE
    assert find(key(), [later], baseline=[later]).kind is MatchKind.NONE
    assert find(key(), [action(second=-3)]).kind is MatchKind.NONE


def test_several_are_never_picked_from() -> None:
    match = find(key(), [action(second=3), action(second=4, status="errored")])
    assert match.kind is MatchKind.AMBIGUOUS
    assert match.key is None
    assert match.row is None


def test_several_of_one_status_tell_that_status() -> None:
    match = find(key(), [action(status="completed", took=3), action(status="completed", took=3)])
    assert match.kind is MatchKind.AMBIGUOUS
    assert match.row is not None
    assert match.row.status == "completed"


def test_a_number_is_matched_by_number_alone() -> None:
    rows = [action(number="7"), action(number="8")]
    assert find(key_of(rows[1]), rows).row == rows[1]
    assert find(key_of(action(number="9")), rows).kind is MatchKind.NONE


def test_without_a_readable_time_being_new_must_do() -> None:
    lost = key_of(action(second=None))
    assert find(lost, [action(second=5)], baseline=[]).kind is MatchKind.INFERRED
    assert find(lost, [action(second=5), action(second=None)]).kind is MatchKind.AMBIGUOUS


def test_after_a_lost_answer_only_what_was_not_there_before_may_be_ours() -> None:
    before = [action(second=-90, status="completed"), action("b")]
    mine = action(second=2)
    assert candidates("a", "reboot", [*before, mine], baseline=before) == {key(second=2): mine}
    assert candidates("a", "reboot", before, baseline=before) == {}
    assert candidates("a", "shutdown", [mine], baseline=before) == {}


def test_an_action_that_moved_on_since_the_baseline_is_not_new() -> None:
    assert candidates("a", "reboot", [action(status="completed", took=3)], baseline=[action()]) == {}


def test_a_new_action_in_the_second_of_an_old_one_is_found() -> None:
    old, mine = action(status="completed", took=0), action()
    for rows in ([old, mine], [mine, old]):
        assert list(candidates("a", "reboot", rows, baseline=[old]).values()) == [mine]


@few
@given(st.lists(ROWS, max_size=8), st.randoms(use_true_random=False))
def test_numbering_knows_every_row_again_in_any_order(rows: list[ActionRow], random: object) -> None:
    known = keyed(rows)
    assert len(known) == len(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = keyed(shuffled, known)
    assert again.keys() == known.keys()
    assert all(again[k] == known[k] for k in known)


@few
@given(st.lists(ROWS, max_size=6), st.lists(ROWS, max_size=6), st.randoms(use_true_random=False))
def test_finding_does_not_depend_on_the_order_and_never_finds_a_stranger(
    before: list[ActionRow], rows: list[ActionRow], random: object
) -> None:
    match = find(key(), rows, baseline=before)
    assert all(k.vm_id == "a" and k.type == "reboot" for k in match.found)
    assert (match.key is not None) == (match.kind in (MatchKind.EXACT, MatchKind.INFERRED))
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = find(key(), shuffled, baseline=before)
    assert again.kind is match.kind
    assert sorted(map(repr, again.found.values())) == sorted(map(repr, match.found.values()))


@few
@given(st.lists(ROWS, max_size=6))
def test_what_was_there_before_is_never_a_candidate(rows: list[ActionRow]) -> None:
    assert candidates("a", "reboot", rows, baseline=rows) == {}
