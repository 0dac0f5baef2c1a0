from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftui.fleet.estimates import MAX_SAMPLES, MAX_TYPES, Estimates, Usual
from cftui.fleet.rows import ActionRow
from tests.fleet.build import action, vm


def took(*seconds: float, type_: str = "reboot", first: int = 0) -> list[ActionRow]:
    return [
        action("a", type_, "completed", second=1000 * (first + index), took=taken)
        for index, taken in enumerate(seconds)
    ]


def test_the_median_and_the_ninetieth_percentile_are_learned() -> None:
    learned = Estimates.learn(took(*range(10, 110, 10)))
    assert learned.usual("reboot") == Usual(median_s=55, slow_s=90, samples=10)


def test_fewer_than_five_say_nothing() -> None:
    assert Estimates.learn(took(40, 40, 40, 40)).usual("reboot") is None
    assert Estimates.EMPTY.usual("reboot") is None


def test_failures_and_impossible_times_teach_nothing() -> None:
    rows = [
        *took(40, 40, 40, 40),
        action(status="errored", second=9000, took=40),
        action(status="completed", second=9001, took=-1),
        action(status="completed", second=9002, took=90_000),
        action(status="completed", second=None),
        action(second=9003),
    ]
    assert Estimates.learn(rows).usual("reboot") is None


def test_less_than_a_second_counts_as_one_so_that_a_bar_has_a_length() -> None:
    usual = Estimates.learn(took(0, 0, 0, 0, 0)).usual("reboot")
    assert usual is not None
    assert usual.median_s == 1


def test_the_same_list_read_again_teaches_nothing_new() -> None:
    rows = took(40, 41, 42)
    learned = Estimates.learn(rows)
    assert learned.learned(rows) is learned
    more = learned.learned(took(43, 44, first=3))
    assert more.usual("reboot") == Usual(42, 44, 5)
    assert learned.usual("reboot") is None


def test_only_the_newest_of_a_type_and_not_any_number_of_types_are_kept() -> None:
    learned = Estimates.learn(took(*[10] * 5, *[20] * MAX_SAMPLES))
    assert learned.durations("reboot") == (20,) * MAX_SAMPLES
    many = Estimates.learn([action("a", f"type-{n}", "completed", took=3) for n in range(MAX_TYPES + 9)])
    assert sum(bool(many.durations(f"type-{n}")) for n in range(MAX_TYPES + 9)) == MAX_TYPES


def test_what_is_kept_is_read_again() -> None:
    learned = Estimates.learn([*took(10, 20, 30, 40, 50), *took(7, type_="resize")])
    again = Estimates.from_json(learned.to_json())
    assert again.usual("reboot") == learned.usual("reboot")
    assert again.durations("resize") == (7,)
    assert again.learned(took(10, 20, 30, 40, 50)) is again


def test_size_and_region_count_once_there_is_enough_of_them() -> None:
    vms = {
        "small": vm("small", disk_gb=20, region="moscow_01"),
        "large": vm("large", disk_gb=320, region="moscow_01"),
        "there": vm("there", disk_gb=320, region="spb_01"),
    }
    rows = []
    for index, (vm_id, taken) in enumerate([*[("small", 10)] * 5, *[("large", 100)] * 5, *[("there", 300)] * 4]):
        rows.append(action(vm_id, "snapshot", "completed", second=1000 * index, took=taken))
    learned = Estimates.learn(rows, vms)
    assert learned.usual("snapshot", vms["small"]) == Usual(10, 10, 5, "this size in moscow_01")
    assert learned.usual("snapshot", vms["large"]) == Usual(100, 100, 5, "this size in moscow_01")
    assert learned.usual("snapshot", vms["there"]) == Usual(100, 300, 9, "this size")
    assert learned.usual("snapshot", vm("new", disk_gb=1000, region="moscow_01")) == Usual(55, 100, 10, "moscow_01")
    assert learned.usual("snapshot", vm("new", disk_gb=1000, region="nowhere")) == Usual(100, 300, 14)
    assert learned.usual("snapshot") == Usual(100, 300, 14)
    assert Estimates.from_json(learned.to_json()).usual("snapshot", vms["small"]) == learned.usual(
        "snapshot", vms["small"]
    )


def test_samples_without_size_and_region_are_still_read() -> None:
    old = Estimates.from_json('{"reboot": [[1, "a", 5], [2, "a", 5], [3, "a", 5], [4, "a", 5], [5, "a", 5]]}')
    assert old.usual("reboot", vm()) == Usual(5, 5, 5)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "nonsense", "[" * 5000, '{"reboot": 4}', '{"reboot": [[1, 2, 3], [null], [1, "a", -5], [1, "a", NaN]]}'],
)
def test_a_damaged_file_teaches_nothing(text: str) -> None:
    assert Estimates.from_json(text).durations("reboot") == ()


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 86_400, allow_nan=False), min_size=5, max_size=40))
def test_the_slow_mark_is_never_below_the_median(seconds: list[float]) -> None:
    usual = Estimates.learn(took(*map(round, seconds))).usual("reboot")
    assert usual is not None
    assert 1 <= usual.median_s <= usual.slow_s
