"""How long to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftui.api.retry import next_delay, parse_retry_after

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


def http_date(**after: float) -> str:
    return format_datetime(NOW + timedelta(**after), usegmt=True)


@pytest.mark.parametrize(
    ("values", "wait"),
    [
        (["7"], 7),
        ([" 7 "], 7),
        (["0"], 1),
        (["1000000000"], 300),
        (["1" + "0" * 20], 300),
        ([http_date(seconds=40)], 40),
        ([http_date(hours=-1)], 1),
        ([http_date(days=4000)], 300),
        (["5", "9"], 9),
        (["5", "nonsense"], 5),
        (["-5"], None),
        (["1e9"], None),
        (["7.5"], None),
        (["٣"], None),
        ([""], None),
        ([], None),
        (["soon"], None),
        (["Tue, 99 Nov 2026 03:14:00 GMT"], None),
        (["Mon, 01 Jan 99999 00:00:00 GMT"], None),
    ],
)
def test_row_43_retry_after(values: list[str], wait: float | None) -> None:
    assert parse_retry_after(values, NOW) == wait


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.one_of(st.text(), st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,5} .*")), max_size=3)
)
def test_any_retry_after_is_a_sane_wait_or_none(values: list[str]) -> None:
    wait = parse_retry_after(values, NOW)
    assert wait is None or 1 <= wait <= 300


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 10_000), st.integers())
def test_delays_grow_to_a_cap_and_are_spread(attempt: int, seed: int) -> None:
    most = min(30, 2.0 ** min(attempt, 10))
    assert most / 2 <= next_delay(attempt, None, Random(seed)) <= most


def test_what_the_cloud_asks_for_is_obeyed() -> None:
    assert 12 <= next_delay(1, 12, Random(1)) <= 13.2


def test_while_dark_no_wait_is_shorter_than_fifteen_seconds() -> None:
    rng = Random(1)
    waits = [next_delay(20, None, rng) for _ in range(4000)]
    assert min(waits) >= 15
    assert max(waits) - min(waits) > 14, "not all at once"
