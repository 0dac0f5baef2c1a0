"""What is refused, with which status and sentence; nothing refused has an effect."""

from __future__ import annotations

import pytest

from cftui.simulator.clocks import ManualClock
from cftui.simulator.server import SimulatorServer
from tests.simulator.asking import act, ask


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "empty"),
        (b"reboot", 400, "not valid JSON"),
        (b'{"type": "reboot",}', 400, "not valid JSON"),
        (b'{"type": "resize", "resource": "ram", "size": NaN}', 400, "not valid JSON"),
        (b'{"type": "\xff"}', 400, "not valid JSON"),
        (b"[" * 100_000, 400, "not valid JSON"),
        (b'{"type": "resize", "resource": "ram", "size": ' + b"9" * 5000 + b"}", 400, "not valid JSON"),
        ([], 422, "JSON object"),
        ({}, 422, "'type' is missing"),
        ({"type": None}, 422, "Unknown action type null"),
        ({"type": "Reboot"}, 422, 'Unknown action type "Reboot"'),
        ({"type": "rebuild"}, 422, "must be one of reboot, power_cycle"),
        ({"type": "rename"}, 422, "'name' is missing"),
        ({"type": "rename", "name": " "}, 422, "not empty"),
        ({"type": "rename", "name": 7}, 422, "must be a string"),
        ({"type": "rename", "name": "x" * 256}, 422, "at most 255"),
        ({"type": "snapshot", "name": ""}, 422, "not empty"),
        ({"type": "resize"}, 422, "needs 'resource' and 'size', or 'data'"),
        ({"type": "resize", "resource": "ram"}, 422, "needs 'resource' and 'size'"),
        ({"type": "resize", "resource": "memory", "size": 2}, 422, 'Unknown resource "memory"'),
        ({"type": "resize", "resource": ["ram"], "size": 2}, 422, "'resource' must be"),
        ({"type": "resize", "resource": "ram", "size": "2"}, 422, "must be a number"),
        ({"type": "resize", "resource": "ram", "size": True}, 422, "must be a number"),
        ({"type": "resize", "resource": "ram", "size": 0}, 422, "above 0"),
        ({"type": "resize", "resource": "cpu", "size": 1.5}, 422, "whole number"),
        ({"type": "resize", "resource": "ram", "size": 100_000}, 422, "At most 512"),
        ({"type": "resize", "resource": "ram", "size": 2, "data": {"ram": 2}}, 422, "not both"),
        ({"type": "resize", "data": {}}, 422, "'data' must be an object"),
        ({"type": "resize", "data": [1]}, 422, "'data' must be an object"),
        ({"type": "resize", "data": {"ram": 2, "swap": 1}}, 422, 'Unknown resource "swap"'),
    ],
)
def test_body_that_is_no_request_of_the_document(
    server: SimulatorServer, body: object, status: int, words: str
) -> None:
    vm = server.cloud.find("web-01")
    before = len(server.cloud.actions())
    reply = act(server, vm.id, body)
    assert (reply.status, reply.json["id"]) == (status, {400: "bad_request", 422: "unprocessable_entity"}[status])
    assert words in reply.message
    assert len(server.cloud.actions()) == before
    assert server.ledger.posts[-1].verdict == "refused"


@pytest.mark.parametrize("type_", ["reboot", "power_cycle", "shutdown", "power_off"])
def test_stopped_vm_refuses_what_needs_a_running_one(server: SimulatorServer, type_: str) -> None:
    vm = server.cloud.find("cache-01")
    assert vm.status == "stopped"
    reply = act(server, vm.id, {"type": type_})
    assert (reply.status, reply.message) == (422, f"The VM must be running for {type_}; it is stopped.")


def test_running_vm_refuses_power_on_and_resize(server: SimulatorServer) -> None:
    vm = server.cloud.find("web-01")
    assert act(server, vm.id, {"type": "power_on"}).message == "The VM must be stopped for power_on; it is running."
    reply = act(server, vm.id, {"type": "resize", "resource": "ram", "size": 2})
    assert (reply.status, reply.message) == (422, "The VM must be powered off prior to resizing; it is running.")


def test_vm_in_a_third_state_takes_no_power_action(server: SimulatorServer) -> None:
    vm = server.cloud.find("web-01")
    server.cloud.set_status(vm.id, "migrating")
    assert act(server, vm.id, {"type": "reboot"}).status == 422
    assert act(server, vm.id, {"type": "power_on"}).status == 422
    assert act(server, vm.id, {"type": "rename", "name": "moved"}).status == 201


def test_resize_to_the_same_size_or_to_a_smaller_disk(server: SimulatorServer) -> None:
    vm = server.cloud.add_vm("sized", status="stopped", vcpus=2, memory=4, disk=40)
    assert "this size already" in act(server, vm.id, {"type": "resize", "resource": "ram", "size": 4}).message
    assert "this size already" in act(server, vm.id, {"type": "resize", "data": {"cpu": 2, "disk": 40}}).message
    assert "cannot be made smaller" in act(server, vm.id, {"type": "resize", "resource": "disk", "size": 20}).message
    assert act(server, vm.id, {"type": "resize", "data": {"cpu": 2, "ram": 2, "disk": 40}}).status == 201


def test_busy_vm_refuses_another_action(server: SimulatorServer, clock: ManualClock) -> None:
    vm = server.cloud.find("web-01")
    assert act(server, vm.id, {"type": "reboot"}).status == 201
    reply = act(server, vm.id, {"type": "rename", "name": "second"})
    assert reply.status == 422
    assert reply.message == "The VM already has an action in progress: reboot, since 2026-11-24T03:14:00Z."
    clock.advance(120)
    assert act(server, vm.id, {"type": "rename", "name": "second"}).status == 201


def test_locked_vm_refuses_all_nine(server: SimulatorServer) -> None:
    vm = server.cloud.find("backup-01")
    assert vm.locked
    for body in (
        *(
            {"type": type_}
            for type_ in ("reboot", "power_cycle", "shutdown", "power_off", "power_on", "password_reset")
        ),
        {"type": "resize", "resource": "ram", "size": 64},
        {"type": "rename", "name": "n"},
        {"type": "snapshot", "name": "n"},
    ):
        reply = act(server, vm.id, body)
        assert (reply.status, "locked" in reply.message) == (422, True)
    server.cloud.lock(vm.id, False)
    assert act(server, vm.id, {"type": "rename", "name": "n"}).status == 201


def test_snapshot_without_a_name_is_taken_as_the_documents_table_has_none(server: SimulatorServer) -> None:
    assert act(server, server.cloud.find("web-01").id, {"type": "snapshot"}).status == 201


def test_names_need_not_differ(server: SimulatorServer, clock: ManualClock) -> None:
    assert act(server, server.cloud.find("api-01").id, {"type": "rename", "name": "web-01"}).status == 201
    clock.advance(60)
    assert [vm.name for vm in server.cloud.vms()].count("web-01") == 2


def test_unknown_vm_is_not_found(server: SimulatorServer) -> None:
    reply = act(server, "0" * 32, {"type": "reboot"})
    assert (reply.status, reply.json["id"]) == (404, "not_found")


def test_body_must_be_declared_as_json(server: SimulatorServer) -> None:
    vm = server.cloud.find("web-01")
    reply = ask(
        server,
        "POST",
        f"/vms/{vm.id}/actions",
        {"type": "reboot"},
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (reply.status, reply.json["id"]) == (415, "unsupported_media_type")
