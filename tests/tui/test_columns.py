"""Which columns stand where: they leave in their order, never overlap, and leave room for what is being done."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftui.fleet.rows import Power, VmRow
from cftui.tui.glyphs import UNICODE
from cftui.tui.widgets.columns import cell, columns

VM = VmRow(
    "a" * 32, "web-01", Power.ON, "running", "moscow_01", 4, 8, 2000, "10.0.1.1", "2015-01-14T16:00:00Z", False, (), ""
)


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (39, "glyph name doing"),
        (54, "glyph name doing"),
        (58, "name state doing"),
        (70, "name state region ram doing"),
        (79, "name state region cpu ram disk doing"),
        (96, "name state region cpu ram disk address doing"),
        (119, "name state region cpu ram disk address created doing"),
    ],
)
def test_columns_leave_in_their_order(cells: int, keys: str) -> None:
    assert [column.key for column in columns(cells)] == keys.split()


def test_places_at_120_columns() -> None:
    assert [column.x for column in columns(79)] == [3, 20, 31, 42, 46, 52, 59]


@given(st.integers(38, 300), st.integers(0, 300), st.integers(0, 40))
def test_columns_never_overlap_and_end_with_the_list(cells: int, name: int, region: int) -> None:
    placed = columns(cells, name_cells=name, region_cells=region)
    for before, after in pairwise(placed):
        assert before.x + before.width < after.x
    assert placed[-1].key == "doing"
    assert placed[-1].width >= 17
    assert placed[-1].x + placed[-1].width == cells


def test_long_names_grow_the_column_only_where_there_is_room() -> None:
    assert columns(79, name_cells=40)[0].width == 17
    assert columns(140, name_cells=40)[0].width == 28


@pytest.mark.parametrize(("key", "text"), [("ram", "8G"), ("disk", "2T"), ("cpu", "4"), ("created", "2015-01-14")])
def test_cells(key: str, text: str) -> None:
    assert "".join(part.text for part in cell(key, VM, 10, UNICODE)) == text


def test_what_is_not_known_is_a_question_mark() -> None:
    assert cell("cpu", VM._replace(cpu=None), 3, UNICODE)[0].text == "?"
    assert cell("ram", VM._replace(ram_gb=None), 5, UNICODE)[0].text == "?"
