"""The short version of `python -m tests.proof`."""

from __future__ import annotations

import pytest

from tests.proof.__main__ import CHAPTERS, figures_of
from tests.proof.figures import Figure, Scale, as_table


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_short_proof_holds(chapter: str) -> None:
    found = figures_of(chapter, Scale.SHORT)
    assert found
    assert all(figure.is_good for figure in found), f"\n{as_table(found)}"


def test_what_came_out_wrong_or_was_not_tried_is_told() -> None:
    wrong = Figure("executed twice", tried=10, wrong=1)
    nothing = Figure("nothing tried", tried=0, wrong=0)
    absent = Figure("with strace", tried=0, wrong=0, not_run="strace is not installed")
    theirs = Figure("another client", tried=1, wrong=5, is_ours=False)
    assert [figure.is_good for figure in (wrong, nothing, absent, theirs)] == [False, False, True, True]
    assert "not run: strace is not installed" in as_table([absent])
