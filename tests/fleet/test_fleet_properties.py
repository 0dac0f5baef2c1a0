"""What must hold whatever the cloud answers and in whatever order the answers come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_

from hypothesis import given, settings
from hypothesis import strategies as st

from cftui.fleet.fleet import Change, Fleet, Reading, View
from cftui.fleet.history import Stage
from cftui.fleet.identity import FINISHED, key_of
from cftui.fleet.rows import ActionRow
from tests.fleet.build import ORIGIN, action, key, reading, submission, vm

few = settings(derandomize=True, deadline=None, max_examples=80)

VMS = st.builds(
    lambda id_, name, status, year: vm(id_, name, status, created_at=f"201{year}-01-01T00:00:00Z"),
    st.sampled_from("abcd"),
    st.sampled_from(["web-1", "[/]"]),
    st.sampled_from(["running", "stopped", "odd"]),
    st.sampled_from([0, 0, 0, 1]),
)
ACTIONS = st.builds(
    lambda id_, type_, status, second: action(id_, type_, status, second=second),
    st.sampled_from("abcd"),
    st.sampled_from(["reboot", "resize"]),
    st.sampled_from(["in-progress", "completed", "errored", "queued"]),
    st.integers(0, 2),
)
SUBMISSIONS = st.builds(
    lambda id_, stage, second, is_settled: submission(
        id_ * 32, id_, stage=stage, key=None if second is None else key(id_, second=second), is_settled=is_settled
    ),
    st.sampled_from("ab"),
    st.sampled_from(list(Stage)),
    st.one_of(st.none(), st.integers(0, 2)),
    st.booleans(),
)


@st.composite
def readings(draw: st.DrawFn, sequence: int) -> Reading:
    vms = draw(st.lists(VMS, max_size=4, unique_by=lambda row: row.id))
    gone = draw(st.sets(st.sampled_from("abcd"), max_size=1)) - {row.id for row in vms}
    return replace(
        reading(sequence, *vms, whole=draw(st.booleans()), gone=tuple(gone)),
        actions=draw(st.one_of(st.none(), st.lists(ACTIONS, max_size=4).map(tuple))),
        is_whole_history=draw(st.booleans()),
        submissions=tuple(draw(st.lists(SUBMISSIONS, max_size=1))),
        at=sequence * 20.0,
    )


@st.composite
def days(draw: st.DrawFn) -> list[Reading]:
    return [draw(readings(sequence)) for sequence in range(1, draw(st.integers(1, 8)) + 1)]


@dataclass
class Screen:
    """Someone who draws only what a change names, as the cockpit does."""

    vms: dict[str, object] = field(default_factory=dict)
    entries: dict[str, object] = field(default_factory=dict)
    doing: dict[str, object] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)

    def draw(self, change: Change, view: View) -> None:
        for vm_id in change.gone:
            self.vms.pop(vm_id, None)
            self.doing.pop(vm_id, None)
            self.marks.discard(vm_id)
        for vm_id in change.added | change.changed:
            self.vms[vm_id] = view.vms[vm_id]
        entries = {entry.id: entry for entry in view.history}
        _follow(self.entries, change.entries, entries)
        _follow(self.doing, change.acting, view.doing)

    def shows(self, view: View) -> bool:
        entries = {entry.id: entry for entry in view.history}
        return self.vms == view.vms and self.entries == entries and self.doing == view.doing


def _follow(shown: dict[str, object], ids: frozenset[str], now: Mapping[str, object]) -> None:
    for id_ in ids:
        if id_ in now:
            shown[id_] = now[id_]
        else:
            shown.pop(id_, None)


@few
@given(days(), st.lists(st.booleans(), min_size=8, max_size=8))
def test_merged_changes_draw_the_same_screen(day: list[Reading], draws: list[bool]) -> None:
    known, eager, lazy = Fleet(ORIGIN), Screen(), Screen()
    pending: list[Change] = []
    for one, draw in zip(day, draws, strict=False):
        change = known.apply(one)
        eager.draw(change, known.view)
        assert eager.shows(known.view)
        pending.append(change)
        if draw:
            lazy.draw(reduce(or_, pending), known.view)
            pending.clear()
            eager.marks, lazy.marks = set(known.view.vms), set(known.view.vms)
    lazy.draw(reduce(or_, pending, Change()), known.view)
    assert lazy.shows(known.view)
    assert lazy.marks == eager.marks, "a mark is lost when its VM was gone in between"


@few
@given(st.permutations(range(4)), st.data())
def test_changes_are_merged_in_any_grouping(order: list[int], data: st.DataObject) -> None:
    known = Fleet(ORIGIN)
    a, b, c = (known.apply(data.draw(readings(sequence))) for sequence in range(1, 4))
    assert (a | b) | c == a | (b | c)
    assert a | Change() == a == Change() | a


@few
@given(days())
def test_a_change_names_exactly_what_is_different(day: list[Reading]) -> None:
    known = Fleet(ORIGIN)
    for one in day:
        before = known.view
        change = known.apply(one)
        after = known.view
        assert change.gone.keys() - change.added == before.vms.keys() - after.vms.keys()
        assert change.added - change.gone.keys() == after.vms.keys() - before.vms.keys()
        kept = before.vms.keys() & after.vms.keys()
        assert change.changed | (change.added & change.gone.keys()) == {
            i for i in kept if before.vms[i] != after.vms[i]
        }
        if not change:
            assert (before.vms, before.history, before.doing) == (after.vms, after.history, after.doing)


@few
@given(days())
def test_the_same_reading_again_changes_nothing(day: list[Reading]) -> None:
    known = Fleet(ORIGIN)
    for one in day:
        known.apply(one)
        again = replace(one, at=one.at + 0.5, is_whole_history=False)
        assert not known.apply(again)


@few
@given(days(), st.randoms(use_true_random=False))
def test_vms_are_the_same_in_whatever_order_the_readings_come(day: list[Reading], random: object) -> None:
    plain = [replace(one, actions=None, submissions=()) for one in day]
    shuffled = list(plain)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Fleet(ORIGIN), Fleet(ORIGIN)
    for known, answers in ((one, plain), (other, shuffled)):
        for answer in answers:
            known.apply(answer)
    assert one.view.vms == other.view.vms
    assert one.view.read_at == other.view.read_at


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[ActionRow, ...]]:
    """Lists of a truthful cloud, oldest first: actions begin, run and end, each on a VM and second of its own."""
    ends = [draw(st.sampled_from(["completed", "errored", "in-progress"])) for _ in range(4)]
    starts = [draw(st.integers(0, 5)) for _ in range(4)]
    finishes = [start + draw(st.integers(1, 4)) for start in starts]
    return [
        tuple(
            action("abcd"[n], status=ends[n] if moment >= finishes[n] else "in-progress", second=starts[n])
            for n in range(4)
            if moment >= starts[n]
        )
        for moment in range(10)
    ]


@few
@given(lives(), st.randoms(use_true_random=False))
def test_actions_are_the_same_in_whatever_order_the_lists_come(
    life: list[tuple[ActionRow, ...]], random: object
) -> None:
    vms = [vm(id_) for id_ in "abcd"]
    day = [reading(n, actions=rows) for n, rows in enumerate(life, start=2)]
    views = []
    for is_shuffled in (False, True):
        known = Fleet(ORIGIN)
        known.apply(reading(1, *vms, whole=True))
        order = list(day)
        if is_shuffled:
            random.shuffle(order)  # type: ignore[attr-defined]
        for one in order:
            known.apply(one)
        views.append(known.view)
    assert views[0].history == views[1].history
    assert views[0].doing == views[1].doing
    assert all(not entry.message or entry.stage is Stage.ERRORED for entry in views[1].history)


@few
@given(days())
def test_what_finished_never_runs_again_and_no_line_is_there_twice(day: list[Reading]) -> None:
    known = Fleet(ORIGIN)
    finished: dict[object, object] = {}
    for one in day:
        known.apply(one)
        for row in one.actions or ():
            now = known.action(key_of(row))
            if now is not None and now.phase in FINISHED:
                assert finished.setdefault(key_of(row), now.phase) == now.phase
            else:
                finished.pop(key_of(row), None)
        ids = [entry.id for entry in known.view.history]
        assert len(ids) == len(set(ids))
        claimed = {str(s.key) for s in known.view.submissions.values() if s.key}
        assert not claimed & set(ids)
        assert all(known.view.doing[i].vm_id == i for i in known.view.doing)
        open_ids = {entry.vm_id for entry in known.view.history if entry.is_open}
        assert open_ids >= {i for i, entry in known.view.doing.items() if entry.is_open}
