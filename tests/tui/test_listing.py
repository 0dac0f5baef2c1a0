"""Order, filter and marks: they belong to VMs, and nothing moves that nobody moved."""

from __future__ import annotations

import pytest

from cftui.fleet.fleet import Change, View
from cftui.fleet.order import Column
from cftui.fleet.query import QueryError
from cftui.fleet.rows import Power, VmRow
from cftui.tui.listing import Listing


def row(name: str, *, status: str = "running", cpu: float = 1) -> VmRow:
    power = Power.ON if status == "running" else Power.OFF
    return VmRow(f"id-{name}", name, power, status, "moscow_01", cpu, 1, 20, "", "", False, (), f"{name}\n{status}")


def view(*rows: VmRow) -> View:
    return View(vms={vm.id: vm for vm in rows}, read_at=1.0)


def names(listing: Listing) -> list[str]:
    return [listing.vms[vm_id].name for vm_id in listing.order]


@pytest.fixture
def listing() -> Listing:
    listing = Listing()
    listing.take(view(row("web-10"), row("web-2"), row("db-1", status="stopped")), Change())
    listing.reorder()
    return listing


def test_numbers_in_names_count_as_numbers(listing: Listing) -> None:
    assert names(listing) == ["db-1", "web-2", "web-10"]


def test_a_changed_or_new_vm_moves_nothing_until_reordered(listing: Listing) -> None:
    known = view(row("zz-renamed")._replace(id="id-db-1"), row("web-2"), row("web-10"), row("aa-1"))
    listing.take(known, Change(added=frozenset({"id-aa-1"}), changed=frozenset({"id-db-1"})))
    assert names(listing) == ["zz-renamed", "web-2", "web-10", "aa-1"]
    assert listing.is_stale
    assert listing.reorder()
    assert names(listing) == ["aa-1", "web-2", "web-10", "zz-renamed"]
    assert not listing.reorder()


def test_a_vanished_vm_loses_its_mark_and_is_told(listing: Listing) -> None:
    listing.mark_all()
    lost = listing.take(view(row("web-2"), row("web-10")), Change(gone={"id-db-1": "db-1"}))
    assert lost == {"id-db-1": "db-1"}
    assert names(listing) == ["web-2", "web-10"]
    assert listing.marks == {"id-web-2", "id-web-10"}


def test_marks_do_not_pass_to_another_vm_under_the_same_id(listing: Listing) -> None:
    listing.mark("id-db-1", True)
    same_id = view(row("db-1"), row("web-2"), row("web-10"))
    lost = listing.take(same_id, Change(added=frozenset({"id-db-1"}), gone={"id-db-1": "db-1"}))
    assert lost == {"id-db-1": "db-1"}
    assert listing.marks == set()
    assert sorted(names(listing)) == ["db-1", "web-10", "web-2"]


def test_hidden_marks_stay_and_are_not_visible(listing: Listing) -> None:
    listing.mark_all()
    listing.filter("web")
    assert listing.visible_marks == ["id-web-2", "id-web-10"]
    assert len(listing.marks) == 3
    listing.invert()
    assert listing.marks == {"id-db-1"}
    listing.mark_all()
    listing.mark_all()
    assert listing.marks == {"id-db-1"}


def test_a_filter_narrows_and_widens(listing: Listing) -> None:
    for text, shown in (("w", 2), ("web-1", 1), ("web", 2), ("!web", 1), ("!web-1", 2), ("", 3)):
        listing.filter(text)
        assert len(listing.order) == shown, text


def test_marks_made_while_a_filter_stands_count_for_the_next_one(listing: Listing) -> None:
    listing.filter("is:marked")
    assert names(listing) == []
    listing.mark("id-web-2", True)
    listing.filter("is:marked web")
    assert names(listing) == ["web-2"]


def test_a_bad_filter_changes_nothing(listing: Listing) -> None:
    listing.filter("web")
    with pytest.raises(QueryError):
        listing.filter("cpu>=many")
    assert names(listing) == ["web-2", "web-10"]


def test_sort_by_another_column_and_back(listing: Listing) -> None:
    listing.sort_by(Column.STATE)
    assert names(listing)[-1] == "db-1"
    listing.sort_by(Column.NAME, is_reversed=True)
    assert names(listing) == ["web-10", "web-2", "db-1"]


def test_a_new_vm_that_does_not_pass_stays_out(listing: Listing) -> None:
    listing.filter("web")
    known = view(row("web-2"), row("web-10"), row("db-1"), row("db-2"))
    listing.take(known, Change(added=frozenset({"id-db-2"})))
    assert names(listing) == ["web-2", "web-10"]


def test_a_range_grows_shrinks_and_leaves_other_marks(listing: Listing) -> None:
    listing.mark("id-web-10", True)
    listing.begin_range("id-web-2")
    listing.extend_range("id-db-1")
    assert listing.marks == {"id-db-1", "id-web-2", "id-web-10"}
    listing.extend_range("id-web-2")
    assert listing.marks == {"id-web-2", "id-web-10"}
    listing.end_range()
    listing.extend_range("id-db-1")
    assert listing.marks == {"id-web-2", "id-web-10"}


def test_another_order_or_another_way_to_mark_ends_a_range(listing: Listing) -> None:
    for change in (
        lambda: listing.filter("web"),
        lambda: listing.filter(""),
        lambda: listing.sort_by(Column.NAME, is_reversed=not listing.is_reversed),
        listing.mark_all,
        listing.invert,
        listing.unmark_all,
        lambda: listing.mark("id-web-2", True),
        lambda: listing.mark_these(["id-web-2"]),
    ):
        listing.begin_range("id-web-2")
        change()
        assert not listing.is_marking_range


def test_a_range_knows_no_vm_that_is_gone(listing: Listing) -> None:
    listing.mark("id-db-1", True)
    listing.begin_range("id-web-2")
    listing.take(view(row("web-2"), row("web-10")), Change(gone={"id-db-1": "db-1"}))
    listing.extend_range("id-web-10")
    assert listing.marks == {"id-web-2", "id-web-10"}
    listing.take(view(row("web-10")), Change(gone={"id-web-2": "web-2"}))
    assert not listing.is_marking_range


def test_marks_by_filter_and_by_list_reach_what_is_hidden(listing: Listing) -> None:
    listing.filter("db")
    assert listing.mark_passing("web") == (2, 2)
    assert listing.mark_passing("web-2") == (1, 0)
    assert listing.hidden_among(listing.marks) == 2
    with pytest.raises(QueryError):
        listing.mark_passing("cpu>=many")
    assert listing.mark_these(["id-db-1", "nobody"], replaces=True) == 1
    assert listing.marks == {"id-db-1"}
    assert listing.mark_passing("is:marked") == (1, 0)
