from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftui.fleet.sizes import CLOUDSFOR, Remark, SizeError, check_resize, parse_size
from tests.fleet.build import vm


@pytest.mark.parametrize(
    ("text", "gb"),
    [
        ("8", 8),
        (" 8G ", 8),
        ("8 GB", 8),
        ("8gib", 8),
        ("8192 MB", 8),
        ("512m", 0.5),
        ("1T", 1000),
        ("1.5 TB", 1500),
        ("1.5", 1.5),
        (".5", 0.5),
        ("2.", 2),
    ],
)
def test_a_size_is_read_as_people_write_it(text: str, gb: float) -> None:
    assert parse_size(text, "ram") == gb


@pytest.mark.parametrize(
    ("text", "resource", "told"),
    [
        ("", "ram", "a number, such as 8 or 1.5"),
        ("eight", "ram", "a number, such as 8 or 1.5"),
        ("-1", "ram", "a number, such as 8 or 1.5"),
        ("٣", "ram", "a number, such as 8 or 1.5"),
        ("1e9", "ram", "a number, such as 8 or 1.5"),
        ("nan", "ram", "a number, such as 8 or 1.5"),
        ("0", "disk", "a number above 0"),
        ("1,5", "ram", "no commas: write 1.5 or 1000"),
        ("8 PB", "disk", "units are MB, GB and TB"),
        ("2.5", "cpu", "whole CPUs only: 2 or 3"),
        ("0.5", "cpu", "whole CPUs only: 1"),
        ("2 GB", "cpu", "a count has no unit: write 2"),
    ],
)
def test_what_is_no_size_says_what_would_be_right(text: str, resource: str, told: str) -> None:
    with pytest.raises(SizeError) as caught:
        parse_size(text, resource)
    assert caught.value.message == told
    assert isinstance(caught.value, ValueError)


def test_remarks_on_a_resize() -> None:
    row = vm(cpu=2, ram_gb=4, disk_gb=40)
    assert check_resize(row, {"cpu": 4, "ram": 8}) == {}
    assert check_resize(row, {"ram": 4}) == {"ram": Remark("it has 4 GB already; leave it empty", True)}
    assert check_resize(row, {"cpu": 2}) == {"cpu": Remark("it has 2 already; leave it empty", True)}
    assert check_resize(row, {"cpu": 2.5})["cpu"].is_error
    assert check_resize(row, {"ram": 0})["ram"].is_error
    assert check_resize(row, {"ram": float("nan")})["ram"].is_error


def test_a_disk_is_warned_of_both_ways_and_refused_in_neither() -> None:
    row = vm(disk_gb=40)
    assert not check_resize(row, {"disk": 20})["disk"].is_error
    assert "smaller" in check_resize(row, {"disk": 20})["disk"].text
    assert "undo" in check_resize(row, {"disk": 80})["disk"].text
    assert check_resize(vm(disk_gb=None), {"disk": 80}) == {}


def test_the_form_can_be_built_from_the_traits() -> None:
    assert [resource.name for resource in CLOUDSFOR.resources] == ["cpu", "ram", "disk"]
    assert CLOUDSFOR.resource("cpu").is_whole
    assert CLOUDSFOR.must_be_off


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(st.sampled_from("0123456789. gGmMtTbBiI,-+e"), max_size=10), st.sampled_from(["cpu", "ram", "disk"]))
def test_whatever_is_typed_is_a_positive_size_or_a_size_error(text: str, resource: str) -> None:
    try:
        size = parse_size(text, resource)
    except SizeError:
        return
    assert 0 < size < float("inf")
    assert resource != "cpu" or size == int(size)
