"""The demo fleet and its past."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from cftui.simulator.clocks import ManualClock
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.durations import USUAL_S
from cftui.simulator.seed import DOCUMENT_VM_ID


def shown(cloud: SimulatedCloud) -> tuple[list[bytes], list[bytes]]:
    return cloud.listed_vms(0, 10_000)[0], cloud.listed_actions(0, 100_000)[0]


def calm(vms: int = 200, seed: int = 1) -> SimulatedCloud:
    return SimulatedCloud(vms=vms, seed=seed, calm=True, clock=ManualClock())


def test_same_seed_same_fleet_and_past() -> None:
    assert shown(calm()) == shown(calm())
    assert shown(calm(seed=2))[0] != shown(calm())[0]


def test_fleet_does_not_depend_on_the_time() -> None:
    later = SimulatedCloud(calm=True, clock=ManualClock(2_000_000_000.0))
    assert shown(later)[0] == shown(calm())[0]


@pytest.mark.parametrize("vms", [0, 1, 2, 5, 37, 200])
def test_fleet_has_the_size_asked_for_and_begins_with_the_documents_vm(vms: int) -> None:
    cloud = calm(vms)
    assert len(cloud.vms()) == vms
    assert [vm.id for vm in cloud.vms()[:1]] == [DOCUMENT_VM_ID][:vms]
    assert [vm.name for vm in cloud.vms()] == [vm.name for vm in calm(200).vms()[:vms]]


def test_names_ids_and_addresses_are_told_apart() -> None:
    vms = calm(2000).vms()
    assert len({vm.name for vm in vms}) == len({vm.id for vm in vms}) == 2000
    addresses = [network["ip_address"] for vm in vms for network in vm.networks]
    assert len(set(addresses)) == len(addresses)
    assert all(all(int(part) < 256 for part in address.split(".")) for address in addresses)
    assert all(re.fullmatch(r"[0-9a-f]{32}", vm.id) for vm in vms)


def test_usual_fleet_has_who_one_expects() -> None:
    vms = {vm.name: vm for vm in calm().vms()}
    expected = {
        "api-03", "db-02", "cache-06", "k8s-node-12", "ci-runner-07", "pay-gw-01", "stubborn-01", "stubborn-02",
        "broken-01", "mail-01", "bastion-01", "web-07",
    }  # fmt: skip
    assert expected <= vms.keys()
    assert {vm.region for vm in vms.values()} == {"moscow_01", "moscow_02", "moscow_03", "spb_01"}
    assert len({vm.image["name"] for vm in vms.values()}) >= 4
    assert len({(vm.vcpus, vm.memory, vm.disk) for vm in vms.values()}) >= 8
    assert 2 <= sum(vm.locked for vm in vms.values()) <= 6
    assert 10 <= sum(vm.status == "stopped" for vm in vms.values()) <= 30
    assert all(
        vms[name].status == "running" and not vms[name].locked for name in ("stubborn-01", "broken-01", "web-01")
    )


@pytest.mark.parametrize("vms", [1, 5, 200])
def test_past_teaches_the_usual_duration_of_every_type(vms: int) -> None:
    cloud = calm(vms)
    completed = [action for action in cloud.actions() if action.status == "completed"]
    counts = Counter(action.type for action in completed)
    assert all(counts[type_] >= 30 for type_ in USUAL_S)
    for type_, usual_s in USUAL_S.items():
        took = sorted(
            action.completed - action.started for action in completed if action.type == type_ and action.completed
        )
        assert usual_s * 0.6 < took[len(took) // 2] < usual_s * 1.6


def test_past_is_over_and_in_order_and_no_vm_did_two_things_at_once() -> None:
    cloud = calm()
    last: dict[str, float] = {}
    for action in cloud.actions():
        assert action.completed is not None
        assert last.get(action.vm_id, 0.0) <= action.started < action.completed < cloud.now() - 60
        last[action.vm_id] = action.completed
    started = [action.started for action in cloud.actions()]
    assert started == sorted(started)
    assert started[0] > cloud.now() - 8 * 86_400


def test_past_of_a_fast_cloud_was_fast() -> None:
    fast = SimulatedCloud(vms=20, speed=10, calm=True, clock=ManualClock())
    took = [
        action.completed - action.started for action in fast.actions() if action.type == "reboot" and action.completed
    ]
    assert 3 < sorted(took)[len(took) // 2] < 6


def test_only_broken_vms_have_failures_behind_them() -> None:
    cloud = calm()
    errored = [action for action in cloud.actions() if action.status == "errored"]
    assert len(errored) >= 5
    assert all(cloud.vm(action.vm_id).name.startswith("broken-") for action in errored)


def test_past_snapshots_are_on_their_vms() -> None:
    cloud = calm()
    taken = Counter(
        action.vm_id for action in cloud.actions() if (action.type, action.status) == ("snapshot", "completed")
    )
    assert {vm.id: len(vm.snapshot_ids) for vm in cloud.vms() if vm.snapshot_ids} == taken


@pytest.mark.parametrize("options", [{"vms": -1}, {"speed": 0}, {"speed": float("nan")}, {"speed": float("inf")}])
def test_numbers_without_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"cannot have fewer|above 0"):
        SimulatedCloud(**options)  # type: ignore[arg-type]
