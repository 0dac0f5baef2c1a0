"""Every row of the catalogue has a test that names it, or a reason."""

from __future__ import annotations

from tests.faults.catalogue import TITLES, UNTESTED, named_rows


def test_every_row_has_a_test_or_a_reason() -> None:
    named = {row for row, _ in named_rows()}
    assert named <= TITLES.keys(), "a test names a row that is not in the catalogue"
    assert not named & UNTESTED.keys(), "a row has a test and a reason for having none"
    assert named | UNTESTED.keys() == TITLES.keys(), "a row has neither"
