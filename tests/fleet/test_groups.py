from __future__ import annotations

import pytest

from cftui.fleet.groups import Toll, group_of, reach, standing_warnings, tolls
from cftui.fleet.rows import ActionType, Power, VmRow
from tests.fleet.build import vm


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("db-01", "db-*"),
        ("k8s-node-07", "k8s-node-*"),
        ("web2", "web*"),
        ("api_3.example.org", "api_*.example.org"),
        ("gateway", "gateway"),
        ("42", "4*"),
        ("", ""),
    ],
)
def test_the_group_of_a_name(name: str, group: str) -> None:
    assert group_of(name) == group


def test_what_is_taken_of_each_group() -> None:
    vms = [vm(f"d{n}", f"db-{n}") for n in (1, 2, 3)]
    vms += [vm(f"w{n}", f"web-{n}") for n in (1, 2, 3, 4)]
    vms[2] = vms[2]._replace(power=Power.OFF, status="stopped")
    fleet = {row.id: row for row in vms}
    targets = [fleet["d1"], fleet["d2"], fleet["d3"], fleet["w1"], fleet["w2"], fleet["w3"]]
    assert tolls(targets, fleet) == [Toll("db-*", 2, 2, 3), Toll("web-*", 3, 4, 4)]
    assert [toll.takes_all for toll in tolls(targets, fleet)] == [True, False]


def test_a_group_of_one_is_not_emptied_loudly() -> None:
    only = vm("g", "gateway")
    assert tolls([only], {"g": only}) == [Toll("gateway", 1, 1, 1)]
    assert not tolls([only], {"g": only})[0].takes_all


OFF, BACK, ON = {ActionType.SHUTDOWN}, {ActionType.REBOOT}, {ActionType.POWER_ON}


def fleet_of(**running: tuple[int, int]) -> dict[str, VmRow]:
    """`db=(2, 3)`: three db-*, of which two run."""
    rows = [vm(f"{name}{n}", f"{name}-{n}") for name, (_, size) in running.items() for n in range(1, size + 1)]
    stopped = {f"{name}{n}" for name, (up, size) in running.items() for n in range(up + 1, size + 1)}
    return {row.id: row._replace(power=Power.OFF) if row.id in stopped else row for row in rows}


def test_the_last_of_a_group_is_warned_of() -> None:
    fleet = fleet_of(db=(3, 3), web=(4, 4), lb=(9, 9))
    targets = [fleet[vm_id] for vm_id in ("db1", "db2", "db3", "web1", "web2", "web3", "lb1")]
    assert standing_warnings(OFF, targets, fleet) == (
        "This would stop 3 of 3 running db-*.",
        "This would leave 1 of 4 running web-*.",
    )
    assert standing_warnings(BACK, targets, fleet) == (
        "This would restart 3 of 3 running db-*.",
        "This would leave 1 of 4 running web-* meanwhile.",
    )
    assert standing_warnings(OFF | ON, targets, fleet)[0] == "This would restart 3 of 3 running db-*."
    assert standing_warnings(ON, targets, fleet) == ()


def test_one_vm_is_warned_of_only_when_it_is_the_last() -> None:
    fleet = fleet_of(db=(1, 3), web=(2, 2))
    assert standing_warnings(OFF, [fleet["db1"]], fleet) == ("This would stop the last running db-*.",)
    assert standing_warnings(OFF, [fleet["db2"]], fleet) == ()
    assert standing_warnings(OFF, [fleet["web1"]], fleet) == ()
    only = vm("g", "gateway")
    assert standing_warnings(OFF, [only], {"g": only}) == ()


def test_many_groups_are_counted_and_hostile_names_cleaned() -> None:
    fleet = fleet_of(a=(2, 2), b=(2, 2), c=(2, 2), d=(2, 2), e=(2, 2))
    (told,) = standing_warnings(OFF, list(fleet.values()), fleet)
    assert told.endswith("2 of 2 running c-* and 2 more groups.")
    hostile = {row.id: row for row in (vm("1", "\x1b]0;x-1"), vm("2", "\x1b]0;x-2"))}
    (told,) = standing_warnings(OFF, list(hostile.values()), hostile)
    assert "\x1b" not in told


def test_the_reach_is_told_by_group() -> None:
    fleet = fleet_of(node=(39, 40), db=(3, 3)) | {"g": vm("g", "gateway")}
    nodes = [fleet[f"node{n}"] for n in range(1, 13)]
    assert reach(OFF, nodes, fleet) == ((("12 of 40", "node-*"),), "27 others keep running")
    assert str(reach(ON, nodes, fleet)) == "12 of 40 node-*"
    more = [*nodes, fleet["db1"], fleet["db2"], fleet["g"]]
    assert str(reach(OFF, more, fleet)) == "12 of 40 node-*, 2 of 3 db-*, 1 more; 28 others keep running"
    dbs = [fleet[f"db{n}"] for n in (1, 2, 3)]
    assert str(reach(OFF, dbs, fleet)) == "3 of 3 db-*; no other of them runs"
    assert str(reach(OFF, [fleet["g"]], fleet)) == ""
