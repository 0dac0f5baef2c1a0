"""Workflows from the palette to their ends: safe power-off, guided resize, cold snapshot, escalating reboot; undo."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot

from cftui.api.requests import ActionRequest, rename, resize, simple
from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import Change, View
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Workflow
from cftui.operations.runs import TargetState
from cftui.operations.state import Link, Update
from cftui.operations.workflows import make_workflow
from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.glyphs import UNICODE
from cftui.tui.inverse import inverse_of
from cftui.tui.modals.confirm import Confirm
from cftui.tui.modals.order import OrderDialog
from cftui.tui.modals.safe_off import WatchRun
from cftui.tui.run_telling import RunMoment
from cftui.tui.running import fresh
from cftui.tui.telling import Moment
from cftui.tui.widgets.run_head import RunHead
from tests.conftest import StartSimulator
from tests.tui.conftest import MakeApp, cursor_on, entry, until_read, wait_until
from tests.tui.screen import shown
from tests.tui.stage import NOTHING, STAGING, DialogApp, view_of, vm

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
        await app.run_command("escalating_reboot", "cache-01")
        await wait_until(pilot, lambda: "escalating reboot: not now: it is stopped" in shown(app))
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


# The order that is asked for


def pace(dialog: OrderDialog) -> str:
    """The line of the pace that is marked."""
    (marked,) = [line for line in shown(dialog.app).splitlines() if "●" in line]
    return marked.partition("●")[2].strip(" │")


async def test_a_zero_is_no_time_after_which_power_is_cut() -> None:
    """Nor is it never, which an empty field means."""
    dialog = OrderDialog(Order(force_after_s=60), targets=1, workflow=Workflow.SAFE_OFF)
    async with (app := DialogApp(dialog)).run_test(size=WIDE) as pilot:
        await pilot.press("tab", "ctrl+u", "0")
        await wait_until(pilot, lambda: "× a time above 0; empty for never" in shown(app))
        await pilot.press("enter")
        assert app.answer == NOTHING
        await pilot.press("backspace")
        await wait_until(pilot, lambda: "empty for never" not in shown(app))
        await pilot.press("enter")
        assert app.answer == Order()


async def test_the_pace_that_is_marked_is_what_the_fields_say() -> None:
    dialog = OrderDialog(Order(), targets=12)
    async with (app := DialogApp(dialog)).run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert pace(dialog) == "all at once"
        await pilot.press("tab", "5")
        await wait_until(pilot, lambda: pace(dialog) == "5 at a time")
        await pilot.press("x")
        await wait_until(pilot, lambda: "× a whole number" in shown(app))
        assert pace(dialog) == "5 at a time"
        await pilot.press("backspace", "backspace")
        await wait_until(pilot, lambda: pace(dialog) == "all at once")
        await pilot.press("shift+tab", "down")
        await wait_until(pilot, lambda: pace(dialog) == "3 at a time")
        await pilot.press("tab", "ctrl+u", "7")
        await wait_until(pilot, lambda: pace(dialog) == "7 at a time")
        await pilot.press("shift+tab", "down", "tab", "ctrl+u", "2")
        await wait_until(pilot, lambda: "1 alone, then 2 at a time" in shown(app))
        assert pace(dialog) == "1 alone, then 10 %, then the rest"
        await pilot.press("shift+tab", "up", "up", "down", "enter")
        assert app.answer == Order(in_flight=3)


# How it is told


@pytest.mark.parametrize("began_at", [None, 999.9])
async def test_a_watch_of_less_than_half_a_second_is_drawn(began_at: float | None) -> None:
    plan, order = plan_of(Workflow.SAFE_OFF, vm()), Order(stop_limit_s=0.3)
    run, step, view = fresh(plan, order), plan.steps[0], view_of(vm())
    target = replace(run.targets[0], state=TargetState.ACTIVE, decide_by=1000.2, began_at=began_at)
    asked = entry(Stage.COMPLETED, id=step.token, type="shutdown")
    moment = Moment(1000.0, Estimates.EMPTY, UNICODE, vms=view.vms)
    told = RunMoment(
        replace(run, targets=(target,), counts={}),
        {step.token: asked},
        {s.token: s for s in plan.steps},
        moment,
        1000.0,
    )
    assert told.watched(target)[1] == 1.0
    assert told.watched(replace(target, decide_by=None)) == (0.0, 1.0)
    update = Update(Change(), view, Link(), Estimates.EMPTY, False)
    dialog = WatchRun(
        run.id,
        told=lambda: told,
        update=lambda: update,
        wait=lambda: None,
        give_up=lambda: None,
        held=lambda: "",
    )
    async with (app := DialogApp(dialog)).run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "left of 1 s" in shown(app)


class HeadApp(DialogApp):
    """Nothing but the head of a run."""

    @property
    def data_look(self) -> object:
        return self.look

    def compose(self) -> ComposeResult:
        yield RunHead()


@pytest.mark.parametrize(
    ("doubtful", "words"), [(0, ""), (1, "2 failures more stop it"), (2, "1 failure more stops it"), (3, "")]
)
async def test_how_near_a_run_is_to_stopping_is_what_the_run_counts(doubtful: int, words: str) -> None:
    """Also what went wrong in doubt counts, whatever it ended as; here nothing has ended."""
    vms = [vm(), vm("b", 2)]
    plan = plan_of(Workflow.SAFE_OFF, *vms)
    run = replace(fresh(plan, Order(stop_after=3)), doubtful=doubtful)
    moment = Moment(1000.0, Estimates.EMPTY, UNICODE, vms=view_of(*vms).vms)
    told = RunMoment(run, {}, {step.token: step for step in plan.steps}, moment, 1000.0)
    async with (app := HeadApp()).run_test(size=WIDE) as pilot:
        app.query_one(RunHead).show(told, eta_s=None)
        await pilot.pause()
        assert "0 of 2 ended" in shown(app)
        assert ("more stop" in shown(app)) is bool(words)
        assert words in shown(app)


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
