"""Workflows from the palette to their ends: safe power-off, guided resize, cold snapshot, escalating reboot; undo."""

from __future__ import annotations

import json

import pytest
from textual.pilot import Pilot

from cftui.api.requests import ActionRequest, rename, resize, simple
from cftui.fleet.fleet import View
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Workflow
from cftui.operations.workflows import make_workflow
from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.inverse import inverse_of
from cftui.tui.modals.confirm import Confirm
from cftui.tui.modals.order import OrderDialog
from cftui.tui.modals.safe_off import WatchRun
from tests.conftest import StartSimulator
from tests.tui.conftest import MakeApp, cursor_on, entry, until_read, wait_until
from tests.tui.screen import shown
from tests.tui.stage import STAGING, DialogApp, view_of, vm

WIDE = (120, 40)
QUIET_S = 0.4
VM = "web-01"
BASE_URL = "https://cloud.example/api/v1"


async def confirmed(pilot: Pilot[None], app: CftuiApp) -> None:
    """Type what the open confirmation asks for."""
    await wait_until(pilot, lambda: isinstance(app.screen, Confirm))
    await pilot.pause(QUIET_S)
    assert isinstance(app.screen, Confirm)
    wanted = app.screen.wanted
    await pilot.press(*(wanted or "y"), *(["enter"] if wanted else []))


async def my_turn_after(pilot: Pilot[None], app: CftuiApp, seconds: str) -> None:
    """Ask for another limit in the confirmation that is open."""
    await wait_until(pilot, lambda: isinstance(app.screen, Confirm))
    await pilot.pause(QUIET_S)
    await pilot.press("l")
    await wait_until(pilot, lambda: isinstance(app.screen, OrderDialog))
    await pilot.press("ctrl+u", *seconds, "enter")


def sent(simulator: SimulatorServer) -> list[str]:
    return [json.loads(post.body)["type"] for post in simulator.ledger.posts]


# With the real thing


async def test_safe_power_off_of_a_vm_that_stops(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, VM)
        await pilot.press("a", "1")
        await wait_until(pilot, lambda: "unless it is stopped; watched until it is off" in shown(app))
        assert '{"type": "power_off"}' not in shown(app)
        await confirmed(pilot, app)
        await wait_until(pilot, lambda: isinstance(app.screen, WatchRun) and "✓ Done" in shown(app))
        await pilot.press("escape", "u")
        await wait_until(pilot, lambda: f"Power on {VM}?" in shown(app))
    assert sent(simulator) == ["shutdown"]
    assert simulator.cloud.find(VM).status == "stopped"


async def test_a_vm_that_does_not_stop_is_somebodys_turn(simulator: SimulatorServer, make_app: MakeApp) -> None:
    """Waiting longer, hiding, being led back, and cutting the power, which asks for the name."""
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await app.run_command("off", "stubborn-01")
        await my_turn_after(pilot, app, "1s")
        await wait_until(pilot, lambda: "not off after 1 s: you are called" in shown(app))
        await confirmed(pilot, app)
        await wait_until(pilot, lambda: "it has not stopped: your turn" in shown(app))
        await pilot.pause(QUIET_S)
        await pilot.press("w")
        await wait_until(pilot, lambda: "left of" in shown(app))
        await wait_until(pilot, lambda: "it has not stopped: your turn" in shown(app))
        await pilot.press("escape")
        await wait_until(pilot, lambda: "your turn" in shown(app) and not app.has_dialog)
        await pilot.press("n")
        await wait_until(pilot, lambda: isinstance(app.screen, WatchRun))
        await pilot.pause(QUIET_S)
        await pilot.press("o")
        await wait_until(pilot, lambda: "Power off stubborn-01?" in shown(app))
        assert sent(simulator) == ["shutdown"]
        await confirmed(pilot, app)
        await wait_until(pilot, lambda: simulator.cloud.find("stubborn-01").status == "stopped")
    assert sent(simulator) == ["shutdown", "power_off"]


async def test_guided_resize_that_breaks_off_says_how_the_vm_stands_and_what_next(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    no = faults.status(422, '{"message": "size is not available"}')
    simulator.faults.next(lambda asked: b"resize" in asked.body, no)
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, VM)
        await pilot.press("a", "2")
        await wait_until(pilot, lambda: f"Guided resize of {VM}" in shown(app))
        assert "It is shut down first, and started again." in shown(app)
        await pilot.press("tab", *"2", "enter")
        await wait_until(pilot, lambda: "only if this stopped it" in shown(app))
        assert "RAM 1 → 2 GB" in shown(app)
        await confirmed(pilot, app)
        await wait_until(pilot, lambda: "× 422: size is not available." in shown(app))
        assert "The VM is ○ stopped and still has 1 GB RAM." in shown(app)
        assert "n    power_on…" in shown(app)
        await pilot.pause(QUIET_S)
        await pilot.press("f")
        await wait_until(pilot, lambda: f"Guided resize of {VM}?" in shown(app))
        await confirmed(pilot, app)
        await wait_until(pilot, lambda: "✓ Done" in shown(app))
    assert sent(simulator) == ["shutdown", "resize", "resize", "power_on"]
    found = simulator.cloud.find(VM)
    assert (found.status, found.memory) == ("running", 2)


async def test_a_cold_snapshot_of_the_marked_ones(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("space", "space", "a", "3")
        await wait_until(pilot, lambda: "Cold snapshot of 2 VMs" in shown(app))
        await pilot.press("enter")
        await wait_until(pilot, lambda: "Type 6, the number of requests" in shown(app))
        assert "one of its own name each" in shown(app)
        await confirmed(pilot, app)
        await wait_until(pilot, lambda: "2 of 2 ended" in shown(app), seconds=25)
        assert "■ 2 done" in shown(app)
    assert sorted(sent(simulator)) == sorted(["shutdown", "snapshot", "power_on"] * 2)


async def test_a_reboot_that_is_not_back_may_be_followed_by_a_power_cycle(
    start_simulator: StartSimulator, make_app: MakeApp
) -> None:
    simulator = start_simulator(speed=5)
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, VM)
        await pilot.press("a", "4")
        await my_turn_after(pilot, app, "0.5")
        await confirmed(pilot, app)
        await wait_until(pilot, lambda: "it is not back: your turn" in shown(app))
        await pilot.pause(QUIET_S)
        await pilot.press("c")
        await wait_until(pilot, lambda: f"Power-cycle {VM}?" in shown(app))
        assert f"Type {VM}" in shown(app)
    assert sent(simulator) == ["reboot"]


async def test_the_palette_says_why_not_and_what_instead(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, "cache-01")
        await pilot.press("a", "1")
        await wait_until(pilot, lambda: "× safe power-off not now: it is stopped already" in shown(app))
        await pilot.press("escape")
        await app.run_command("reboot_escalating", "cache-01")
        await wait_until(pilot, lambda: "Act" not in shown(app).split("\n")[2])
        assert not app.has_dialog
        await app.run_command("run")
        await wait_until(pilot, lambda: "No run yet." in shown(app))


# What has to be typed


def plan_of(workflow: Workflow, *vms: VmRow, request: ActionRequest | None = None) -> Plan:
    return make_workflow(workflow, [(row, request) for row in vms], base_url=BASE_URL)


def confirmation(plan: Plan, order: Order) -> Confirm:
    view = view_of(*{step.vm.id: step.vm for step in plan.steps}.values())
    return Confirm(plan, profile=STAGING, view=lambda: view, order=order)


@pytest.mark.parametrize(
    ("plan", "order", "wanted"),
    [
        (plan_of(Workflow.SAFE_OFF, vm()), Order(), ""),
        (plan_of(Workflow.SAFE_OFF, vm()), Order(force_after_s=60), "api-04"),
        (plan_of(Workflow.GUIDED_RESIZE, vm(), request=resize(ram_gb=32)), Order(), ""),
        (plan_of(Workflow.GUIDED_RESIZE, vm(), request=resize(disk_gb=80)), Order(), "api-04"),
        (plan_of(Workflow.GUIDED_RESIZE, vm(), vm("b", 2, is_on=False), request=resize(cpu=8)), Order(), "4"),
        (plan_of(Workflow.SAFE_OFF, vm(), vm("b", 2)), Order(force_after_s=60), "4"),
    ],
)
async def test_what_cuts_the_power_by_itself_asks_for_more(plan: Plan, order: Order, wanted: str) -> None:
    dialog = confirmation(plan, order)
    async with (app := DialogApp(dialog)).run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert dialog.wanted == wanted
        is_forced = order.force_after_s is not None
        assert ("power_off" in shown(app)) is is_forced
        assert ("its power is cut: it could lead to complications" in shown(app)) is is_forced
        app.clock.turn(0.4)
        await pilot.press("ctrl+l" if wanted == "api-04" else "l")
        assert app.answer == "order"


# The opposite


def done(type_: str, before: VmRow, now: VmRow, *, body: str = "", stage: Stage = Stage.VERIFIED) -> View:
    """A VM to which something was done."""
    ended = entry(stage, type=type_, vm_id=now.id, body=body)
    sent_ = Submission(ended.id, "p", now.id, now.name, type_, body, stage, 1000.0, before=before, is_settled=True)
    return View(vms={now.id: now}, history=(ended,), submissions={ended.id: sent_})


@pytest.mark.parametrize(
    ("type_", "body", "now", "opposite"),
    [
        ("power_off", "", vm(is_on=False), simple(ActionType.POWER_ON)),
        ("shutdown", "", vm(is_on=False), simple(ActionType.POWER_ON)),
        ("power_on", "", vm(), simple(ActionType.SHUTDOWN)),
        ("rename", rename("new").body_json, vm("new"), rename("api-04")),
        ("resize", resize(cpu=8, ram_gb=32).body_json, vm(cpu=8, ram_gb=32), resize(cpu=4, ram_gb=16)),
        ("resize", resize(disk_gb=80).body_json, vm(disk_gb=80), "its disk has grown"),
        ("resize", resize(cpu=8).body_json, vm(), "it has its old sizes already"),
        ("reboot", "", vm(), "reboot has no opposite"),
        ("snapshot", "", vm(), "snapshot has no opposite"),
    ],
)
def test_the_opposite_of_what_was_done(type_: str, body: str, now: VmRow, opposite: ActionRequest | str) -> None:
    found = inverse_of(now, done(type_, vm(), now, body=body))
    if isinstance(opposite, str):
        assert isinstance(found, str)
        assert found.startswith(opposite)
    else:
        assert found == opposite


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (Stage.ACCEPTED, "its power_off has not ended yet"),
        (Stage.ERRORED, "how its power_off left it is not certain"),
        (Stage.REJECTED, "nothing was done to it from here"),
    ],
)
def test_nothing_is_proposed_for_what_did_not_end_well(stage: Stage, why: str) -> None:
    now = vm(is_on=False)
    assert inverse_of(now, done("power_off", vm(), now, stage=stage)) == why
    others: HistoryEntry = entry(Stage.COMPLETED, vm_id=now.id, type="power_off", is_own=False)
    assert inverse_of(now, View(vms={now.id: now}, history=(others,))) == "nothing was done to it from here"
