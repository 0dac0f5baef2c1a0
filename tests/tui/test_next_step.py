"""The three stages told apart, and the step that is offered when the last one does not come."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from cftui.fleet.fleet import View
from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import Power, VmRow
from cftui.tui.app import CftuiApp
from cftui.tui.attention import Attention
from cftui.tui.glyphs import UNICODE
from cftui.tui.telling import ago, is_unfulfilled, told, what_next
from tests.conftest import StartSimulator
from tests.tui.conftest import MakeApp, ShiftedClock, cursor_on, entry, until_read, wait_until
from tests.tui.screen import shown
from tests.tui.test_telling import at

WIDE, SMALL = (120, 40), (80, 24)


async def shut_down(pilot: Pilot[None], app: CftuiApp, name: str) -> None:
    await cursor_on(pilot, app, name)
    await pilot.press("a", "s")
    await wait_until(pilot, lambda: f"Shut down {name}?" in shown(app))
    await pilot.pause(0.4)
    await pilot.press("y")
    await wait_until(pilot, lambda: any(one.stage is Stage.COMPLETED for one in app.update_now.view.doing.values()))


@pytest.mark.fault("110")
@pytest.mark.parametrize(("size", "keys"), [(WIDE, "3"), (WIDE, "2"), (SMALL, "enter")])
async def test_a_shutdown_that_completed_while_the_vm_runs_offers_the_next_step(
    start_simulator: StartSimulator, make_app: MakeApp, size: tuple[int, int], keys: str
) -> None:
    """In Actions, in the details beside the list, and in those that have the screen."""
    simulator = start_simulator(vms=60)
    app = make_app(simulator)
    async with app.run_test(size=size) as pilot:
        await until_read(pilot)
        await shut_down(pilot, app, "stubborn-01")
        if keys == "3":
            entry_id = app.update_now.view.doing[simulator.cloud.find("stubborn-01").id].id
            app.cockpit.actions.move_to_id(entry_id)
        await pilot.press(keys)
        await pilot.pause(0.1)
        assert "■■□" in shown(app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "shutdown of stubborn-01" in shown(app))
        text = shown(app)
        for part in ("accepted", "completed", "on the VM", "the VM is still running", "still ● running"):
            assert part in text
        await pilot.press("o")
        await wait_until(pilot, lambda: "Power off stubborn-01?" in shown(app))
        await pilot.pause(0.4)
        assert simulator.ledger.count("POST") == 1
        await pilot.press(*"stubborn-01", "enter")
        await wait_until(pilot, lambda: simulator.ledger.count("POST") == 2)
        bodies = [post.body for post in simulator.ledger.posts]
        assert bodies == [b'{"type": "shutdown"}', b'{"type": "power_off"}']
        await wait_until(pilot, lambda: simulator.cloud.find("stubborn-01").status == "stopped")


@pytest.mark.fault("110", "S26")
async def test_watching_on_is_one_key_and_enter_does_the_same(
    start_simulator: StartSimulator, make_app: MakeApp
) -> None:
    simulator = start_simulator(vms=60)
    clock = ShiftedClock()
    app = make_app(simulator, starts_read_only=True, clock=clock)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await app.run_command("rw", "10m")
        await wait_until(pilot, lambda: not app.update_now.is_read_only)
        await shut_down(pilot, app, "stubborn-01")
        await app.run_command("ro")
        await wait_until(pilot, lambda: app.update_now.is_read_only)
        vm_id = simulator.cloud.find("stubborn-01").id
        for leave in ("w", "enter", "escape"):
            await app.acting.explain(app.update_now.view.doing[vm_id])
            await wait_until(pilot, lambda: "Power off:  not now: read-only → :rw 10m" in shown(app))
            await pilot.press("o", leave)
            await wait_until(pilot, lambda: not app.has_dialog)
        await app.acting.explain(app.update_now.view.doing[vm_id])
        simulator.cloud.set_status(vm_id, "stopped")
        app.engine.refresh()
        await wait_until(pilot, lambda: "now ○ stopped" in shown(app))
    assert len(simulator.ledger.posts) == 1


@pytest.mark.fault("112")
async def test_errored_without_a_reason_says_so_beside_the_state_of_the_vm(
    start_simulator: StartSimulator, make_app: MakeApp
) -> None:
    server = start_simulator(vms=60)
    app = make_app(server)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        server.cloud.start_foreign_action(server.cloud.find("broken-01").id, "reboot")
        await wait_until(pilot, lambda: "VM running; the API gave no reason" in shown(app))
        await pilot.resize_terminal(*SMALL)
        await wait_until(pilot, lambda: "failed VM running; the API gave no reason" in shown(app))


def vm(power: Power) -> VmRow:
    created = "2015-01-14T16:00:00Z"
    return VmRow("a" * 32, "web-01", power, power.value, "moscow_01", 1, 1, 20, "", created, False, (), "")


SHUTDOWN = entry(Stage.COMPLETED, type="shutdown", is_settled=False, message="but the VM is still running")


@pytest.mark.fault("110")
def test_only_what_is_newest_and_not_shown_by_the_vm_has_a_next_step() -> None:
    view = View(vms={SHUTDOWN.vm_id: vm(Power.ON)}, doing={SHUTDOWN.vm_id: SHUTDOWN})
    later = entry(Stage.ACCEPTED, id="e2", type="power_off", started=1020.0)
    assert is_unfulfilled(SHUTDOWN, view)
    assert what_next([SHUTDOWN], view) == SHUTDOWN
    assert not is_unfulfilled(SHUTDOWN, replace(view, doing={}))
    assert what_next([later, SHUTDOWN], replace(view, doing={later.vm_id: later})) is None
    assert what_next([entry(Stage.SKIPPED, id="e3"), entry(Stage.UNKNOWN, id="e4")], view) is not None
    assert not is_unfulfilled(entry(Stage.COMPLETED), replace(view, doing={SHUTDOWN.vm_id: entry(Stage.COMPLETED)}))


@pytest.mark.fault("64", "110")
def test_completed_wants_care_once_the_vm_should_have_shown_it() -> None:
    assert told(SHUTDOWN, at(20)).glyph == UNICODE.busy
    assert told(SHUTDOWN, at(60)).glyph == UNICODE.warn


@pytest.mark.fault("30")
def test_what_arrives_late_needs_eyes_again_and_is_red() -> None:
    """It was said that there was no trace, and somebody had looked at that."""
    attention = Attention()
    absent = entry(Stage.UNKNOWN, is_settled=True, finding=Finding.ABSENT, message="no trace so far")
    attention.outcomes((absent,), {absent.id})
    attention.visit(absent.id)
    late = replace(absent, finding=Finding.LATE, message="it did arrive late: very likely yours, not proven: completed")
    assert attention.outcomes((late,), {late.id}) == [late]
    assert attention.unseen((late,), is_read=False) == ()
    said = told(late, at(60))
    assert (said.ink, said.word) == ("bad", "came late")
    assert said.text.startswith("it did arrive late")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "just now"), (27, "20 s ago"), (60, "1 m ago"), (3599, "59 m ago"), (7200, "2 h ago"), (10**6, "11 d ago")],
)
def test_how_long_ago_stands_still(seconds: float, words: str) -> None:
    assert ago(seconds) == words
