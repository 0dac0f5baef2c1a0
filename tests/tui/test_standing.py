"""How things stand, in words: fresh or not, since when, and what can be done about it."""

from __future__ import annotations

from typing import Any

import pytest

from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import Change, View
from cftui.fleet.history import HistoryEntry, Stage
from cftui.operations.state import Link, LinkState, Update
from cftui.tui.cockpit import ProfileBadge
from cftui.tui.look import Line
from cftui.tui.standing import RoundTrip, banner, is_fresh, not_live_reason, standing
from tests.clock import TurnedClock
from tests.tui.conftest import entry

PROFILE = ProfileBadge("staging", False, "cloud.example", "ops@example.com")


def update(state: LinkState = LinkState.LIVE, *, read_at: float | None = 990.0, **link: Any) -> Update:
    view = View(read_at=read_at)
    return Update(Change(), view, Link(state=state, since=900.0, **link), Estimates.EMPTY, False)


def words(line: Line) -> str:
    return "".join(part.text for part in line)


def said(state: Update) -> str:
    return words(banner(state, TurnedClock(), "ctrl+r", "Z")[0])


@pytest.mark.parametrize(
    ("state", "age", "is_stale"),
    [
        (update(), "live", False),
        (update(poll_interval_s=2.0), "10 s old", False),
        (update(LinkState.OFFLINE), "data 10 s old", True),
        (update(LinkState.CONNECTING, read_at=None), "reading", False),
        (update(LinkState.OFFLINE, read_at=None), "no data", True),
    ],
)
def test_the_age_is_always_told(state: Update, age: str, is_stale: bool) -> None:
    now = standing(state, PROFILE, TurnedClock(), (), "")
    assert (now.age, now.is_stale) == (age, is_stale)


def test_a_poll_under_way_changes_nothing() -> None:
    assert is_fresh(update(is_loading=True))
    assert not is_fresh(update(LinkState.OFFLINE, is_loading=True))
    assert standing(update(is_loading=True), PROFILE, TurnedClock(), (), "").age == "live"


def test_offline_says_since_why_next_try_key_and_consequence() -> None:
    state = update(LinkState.OFFLINE, cause="connection refused", next_try=1008.0)
    expected = "since 03:12:20, connection refused.  Next try in 8 s, ctrl+r now.  Nothing can be sent."
    assert said(state) == f"OFFLINE {expected}"


def test_unauthorised_names_the_way_out() -> None:
    assert "ctrl+r asks for the password" in said(update(LinkState.UNAUTHORISED))


def test_the_most_serious_banner_wins() -> None:
    assert said(update(LinkState.OFFLINE, is_paused=True)).startswith("OFFLINE")
    assert said(update(is_paused=True)).startswith("PAUSED")
    assert said(update()) == ""


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (update(), ""),
        (update(LinkState.CONNECTING, read_at=None), "the VMs were not read yet"),
        (update(LinkState.OFFLINE, cause="no route"), "offline, no route"),
        (update(LinkState.UNAUTHORISED), "not signed in"),
    ],
)
def test_why_nothing_can_be_sent(state: Update, reason: str) -> None:
    assert not_live_reason(state) == reason


def test_counts_of_what_needs_eyes() -> None:
    unseen: tuple[HistoryEntry, ...] = (
        entry(Stage.ERRORED),
        entry(Stage.UNKNOWN, id="e2"),
        entry(Stage.REJECTED, id="e3"),
    )
    now = standing(update(), PROFILE, TurnedClock(), unseen, "<20 ms")
    assert (now.failed, now.unknown, now.round_trip) == (2, 1, "<20 ms")


def test_the_round_trip_stands_still_while_the_network_breathes() -> None:
    trip = RoundTrip()
    assert trip.told(None) == ""
    assert [trip.told(ms / 1000) for ms in (9, 12, 8, 5, 18, 30, 12, 3)] == [
        *("<10 ms", "<20 ms", "<20 ms", "<20 ms", "<20 ms", "<50 ms", "<50 ms", "<10 ms")
    ]
