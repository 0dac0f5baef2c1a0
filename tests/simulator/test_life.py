"""What becomes of an action as time passes, and what the VM looks like meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from cftui.simulator.clocks import ManualClock
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.durations import USUAL_S
from cftui.simulator.server import SimulatorServer
from tests.clock import TurnedClock
from tests.simulator.asking import act, get
from tests.simulator.conftest import MakeServer


def newest(server: SimulatorServer, vm_id: str) -> dict[str, Any]:
    action: dict[str, Any] = get(server, f"/vms/{vm_id}/actions?per_page=1")["actions"][0]
    return action


def begin(server: SimulatorServer, vm_name: str, **body: object) -> str:
    vm = server.cloud.find(vm_name)
    assert act(server, vm.id, body).status == 201
    return vm.id


@pytest.mark.parametrize("type_", list(USUAL_S))
def test_action_is_in_progress_for_about_its_usual_time(
    server: SimulatorServer, clock: ManualClock, type_: str
) -> None:
    members: dict[str, dict[str, object]] = {
        "resize": {"data": {"ram": 64}},
        "rename": {"name": "new-name"},
        "snapshot": {"name": "s"},
    }
    name = "cache-01" if type_ in ("power_on", "resize") else "web-01"
    vm_id = begin(server, name, type=type_, **members.get(type_, {}))
    clock.advance(USUAL_S[type_] / 3)
    assert newest(server, vm_id)["status"] == "in-progress"
    assert newest(server, vm_id)["completed_at"] is None
    clock.advance(USUAL_S[type_] * 2)
    action = newest(server, vm_id)
    assert (action["type"], action["status"]) == (type_, "completed")
    took = datetime.fromisoformat(action["completed_at"]) - datetime.fromisoformat(action["started_at"])
    assert USUAL_S[type_] / 2 - 1 <= took.total_seconds() <= USUAL_S[type_] * 2 + 1


@pytest.mark.parametrize(
    ("type_", "before", "after"),
    [
        ("reboot", "running", "running"),
        ("power_cycle", "running", "running"),
        ("shutdown", "running", "stopped"),
        ("power_off", "running", "stopped"),
        ("power_on", "stopped", "running"),
    ],
)
def test_vm_has_its_new_status_when_the_action_ends_and_not_before(
    server: SimulatorServer, clock: ManualClock, type_: str, before: str, after: str
) -> None:
    vm = server.cloud.find("web-01" if before == "running" else "cache-01")
    begin(server, vm.name, type=type_)
    seen = []
    for _ in range(240):
        clock.advance(0.5)
        seen.append((newest(server, vm.id)["status"], get(server, f"/vms/{vm.id}")["vm"]["status"]))
    assert seen[0] == ("in-progress", before)
    assert seen[-1] == ("completed", after)
    statuses = {status for action, status in seen if action == "completed"}
    assert statuses == {after}
    meanwhile = {status for action, status in seen if action == "in-progress"}
    assert meanwhile == ({"running", "stopped"} if type_ == "power_cycle" else {before})


def test_resize_changes_what_was_asked_for(server: SimulatorServer, clock: ManualClock) -> None:
    vm = server.cloud.add_vm("sized", status="stopped", vcpus=2, memory=4, disk=40)
    begin(server, "sized", type="resize", data={"cpu": 4, "ram": 2.5, "disk": 80})
    assert get(server, f"/vms/{vm.id}")["vm"]["vcpus"] == "2"
    clock.advance(300)
    shown = get(server, f"/vms/{vm.id}")["vm"]
    assert (shown["vcpus"], shown["memory"], shown["disk"], shown["status"]) == ("4", 2.5, "80", "stopped")
    begin(server, "sized", type="resize", resource="ram", size=8)
    clock.advance(300)
    assert get(server, f"/vms/{vm.id}")["vm"]["memory"] == 8


def test_rename_and_snapshot_show_on_the_vm(server: SimulatorServer, clock: ManualClock) -> None:
    vm_id = begin(server, "web-01", type="rename", name="Ünïcode-✓")
    clock.advance(10)
    assert get(server, f"/vms/{vm_id}")["vm"]["name"] == "Ünïcode-✓"
    before = get(server, f"/vms/{vm_id}")["vm"]["snapshot_ids"]
    begin(server, "Ünïcode-✓", type="snapshot", name="New Snapshot")
    clock.advance(600)
    after = get(server, f"/vms/{vm_id}")["vm"]["snapshot_ids"]
    assert after[:-1] == before


def test_stubborn_vm_completes_a_shutdown_and_runs_on(server: SimulatorServer, clock: ManualClock) -> None:
    vm_id = begin(server, "stubborn-01", type="shutdown")
    clock.advance(120)
    assert newest(server, vm_id)["status"] == "completed"
    assert get(server, f"/vms/{vm_id}")["vm"]["status"] == "running"
    begin(server, "stubborn-01", type="power_off")
    clock.advance(60)
    assert server.cloud.vm(vm_id).status == "stopped"


def test_broken_vm_ends_errored_and_is_unchanged(server: SimulatorServer, clock: ManualClock) -> None:
    vm_id = begin(server, "broken-01", type="power_off")
    clock.advance(60)
    action = newest(server, vm_id)
    assert action["status"] == "errored"
    assert action["completed_at"] is not None
    assert action.keys() == {"id", "status", "type", "started_at", "completed_at", "resource_type", "region"}
    assert server.cloud.vm(vm_id).status == "running"


def test_vm_is_not_locked_by_its_own_action(server: SimulatorServer) -> None:
    vm_id = begin(server, "web-01", type="reboot")
    assert get(server, f"/vms/{vm_id}")["vm"]["locked"] is False


def test_speed_divides_durations(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(speed=100)
    vm_id = begin(server, "web-01", type="reboot")
    clock.advance(1.5)
    assert newest(server, vm_id)["status"] == "completed"


def test_hours_pass_at_once_and_each_end_has_its_own_time(server: SimulatorServer, clock: ManualClock) -> None:
    first, second = begin(server, "web-01", type="reboot"), begin(server, "api-01", type="shutdown")
    clock.advance(7200)
    for vm_id in (first, second):
        action = newest(server, vm_id)
        took = datetime.fromisoformat(action["completed_at"]) - datetime.fromisoformat(action["started_at"])
        assert took.total_seconds() < 120


def test_clock_that_runs_backwards_undoes_nothing(server: SimulatorServer, clock: ManualClock) -> None:
    vm_id = begin(server, "web-01", type="power_off")
    clock.advance(60)
    assert newest(server, vm_id)["status"] == "completed"
    clock.advance(-3600)
    assert newest(server, vm_id)["status"] == "completed"
    assert act(server, vm_id, {"type": "power_on"}).json["action"]["started_at"] == "2026-11-24T03:15:00Z"


def test_clock_may_tell_datetimes() -> None:
    cloud = SimulatedCloud(vms=1, calm=True, clock=TurnedClock())
    assert cloud.submit(cloud.vms()[0].id, b'{"type": "reboot"}').started == TurnedClock().now().timestamp()


def test_calm_cloud_does_nothing_by_itself(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(vms=200)
    before = get(server, "/actions?per_page=200")
    clock.advance(86_400)
    assert get(server, "/actions?per_page=200") == before


def test_other_people_act_now_and_then_and_follow_the_rules(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(vms=200, calm=False)
    at_once = [
        action for action in get(server, "/actions?per_page=200")["actions"] if action["status"] == "in-progress"
    ]
    assert {action["type"] for action in at_once} == {"snapshot", "power_cycle", "reboot"}
    before = get(server, "/actions")["meta"]["total"]
    locked = {vm.id for vm in server.cloud.vms() if vm.locked}
    for _ in range(60):
        clock.advance(60)
        assert all(len(vm.open_actions) <= 1 for vm in server.cloud.vms())
    actions = server.cloud.actions()[before:]
    assert 30 < len(actions) < 300
    assert not locked & {action.vm_id for action in actions}
    assert sum(vm.status == "stopped" for vm in server.cloud.vms()) < 60


def test_foreign_action_goes_past_the_rules(server: SimulatorServer, clock: ManualClock) -> None:
    vm_id = begin(server, "web-01", type="reboot")
    server.cloud.start_foreign_action(vm_id, "reboot")
    first, second = get(server, f"/vms/{vm_id}/actions")["actions"][:2]
    assert first == second
    clock.advance(120)
    assert server.cloud.vm(vm_id).open_actions == ()
    with pytest.raises(ValueError, match="explode"):
        server.cloud.start_foreign_action(vm_id, "explode")


def test_deleted_vm_is_gone_and_its_actions_stay_in_the_global_list(
    server: SimulatorServer, clock: ManualClock
) -> None:
    vm_id = begin(server, "web-01", type="reboot")
    total = get(server, "/actions")["meta"]["total"]
    server.cloud.delete(vm_id)
    assert act(server, vm_id, {"type": "reboot"}).status == 404
    clock.advance(120)
    listed = get(server, "/actions")
    assert listed["meta"]["total"] == total
    assert listed["actions"][0]["status"] == "completed"
    with pytest.raises(KeyError):
        server.cloud.vm(vm_id)
    with pytest.raises(KeyError):
        server.cloud.find("web-01")
