"""Templates, targets and orders: small pure things that choose or name VMs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cftui.fleet.order import Column, natural, sort_key
from cftui.fleet.query import QueryError
from cftui.fleet.targets import TargetError, resolve, resolve_one
from cftui.fleet.templates import DEFAULT_TEMPLATE, TemplateError, expand_template
from tests.fleet.build import entry, vm

NOW = datetime(2026, 11, 24, 3, 14, 8, tzinfo=UTC)
TOKEN = "3f9c01aa" + "0" * 24

VMS = {
    row.id: row
    for row in [
        vm("5609f1ee1b0c4d2d", "web-1"),
        vm("5609f1ee99999999", "web-2", "stopped"),
        vm("aaaaaaaabbbbbbbb", "twin"),
        vm("aaaaaaaacccccccc", "twin"),
        vm("web-2", "odd"),
    ]
}


def test_the_default_template_ends_in_the_token() -> None:
    assert expand_template(DEFAULT_TEMPLATE, vm(), NOW, TOKEN) == "web-1-2026-11-24-3f9c01aa"


def test_every_field_of_a_template() -> None:
    assert expand_template("{id} {time} {name}{name}", vm("7", "[/]{id}"), NOW, TOKEN) == "7 0314 [/]{id}[/]{id}"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{nmae}", "the nearest is {name}"),
        ("{zzz}", "there are {name}, {date}"),
        ("{}", "there are {name}, {date}"),
        ("{name", "{ stands alone"),
        ("name}", "} stands alone"),
        ("{{name}}", "{ stands alone"),
    ],
)
def test_an_unknown_brace_is_an_error(template: str, told: str) -> None:
    with pytest.raises(TemplateError) as caught:
        expand_template(template, vm(), NOW, TOKEN)
    assert told in caught.value.message


def test_a_full_id_comes_before_a_name() -> None:
    assert resolve_one("web-2", VMS).name == "odd"


def test_an_exact_name_or_a_unique_prefix_of_six_means_one() -> None:
    assert resolve_one("web-1", VMS).id == "5609f1ee1b0c4d2d"
    assert resolve("5609f1ee1b", VMS) == (VMS["5609f1ee1b0c4d2d"],)


@pytest.mark.parametrize(("text", "count"), [("twin", 2), ("5609f1ee", 2), ("aaaaaa", 2)])
def test_what_means_several_lists_them(text: str, count: int) -> None:
    with pytest.raises(TargetError) as caught:
        resolve_one(text, VMS)
    assert len(caught.value.candidates) == count
    assert all(row.id in caught.value.message for row in caught.value.candidates)


@pytest.mark.parametrize("text", ["aaaaa", "WEB-1", "", "web", "nothing"])
def test_what_means_none_says_so(text: str) -> None:
    with pytest.raises(TargetError):
        resolve(text, VMS)


def test_the_nearest_names_are_proposed() -> None:
    with pytest.raises(TargetError) as caught:
        resolve("wbe-1", VMS)
    assert "web-1" in caught.value.hint


def test_a_filter_means_all_that_pass() -> None:
    assert [row.name for row in resolve("@web is:running", VMS)] == ["web-1", "odd"]
    assert [row.name for row in resolve("@act:running", VMS, doing={"web-2": entry()})] == ["odd"]
    with pytest.raises(TargetError):
        resolve("@nothing-like-it", VMS)
    with pytest.raises(QueryError):
        resolve("@nokey:1", VMS)


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["web-10", "Web-2", "web-1", "web", "api", "web-2b", "web-" + "9" * 5000]
    assert sorted(names, key=natural)[:6] == ["api", "web", "web-1", "Web-2", "web-2b", "web-10"]


@pytest.mark.parametrize("column", list(Column))
def test_every_column_orders_every_row(column: Column) -> None:
    rows = [
        vm("3", "web-10", cpu=None, ram_gb=None, disk_gb=None, address="", created_at="never"),
        vm("2", "web-2", "stopped", region="moscow_10", cpu=4, ram_gb=8, disk_gb=80, address="10.0.0.10"),
        vm("1", "web-2", address="10.0.0.9", created_at="2015-01-14T17:00:00+03:00"),
    ]
    key = sort_key(column)
    ordered = [row.id for row in sorted(rows, key=key)]
    expected = {"name": "123", "state": "132", "region": "132", "created": "312"}.get(column.value, "312")
    assert "".join(ordered) == expected
