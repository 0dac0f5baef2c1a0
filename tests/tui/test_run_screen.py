"""A run on the screen: from the confirmation of several to the last one's end, and what can be done on the way."""

from __future__ import annotations

import asyncio
import csv
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from cftui.api import requests
from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import View
from cftui.fleet.rows import ActionType
from cftui.operations.engine import Account, Engine
from cftui.operations.order import Order
from cftui.operations.plan import Skipped, make_plan
from cftui.operations.runs import TargetState
from cftui.operations.state import PollLimits
from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.glyphs import UNICODE
from cftui.tui.modals.confirm import Confirm
from cftui.tui.modals.yes_no import YesNo
from cftui.tui.ordering import about, pace_words, typed_seconds, usual_order
from cftui.tui.run_export import as_text
from cftui.tui.run_telling import RunMoment
from cftui.tui.running import fresh
from cftui.tui.screens.run import RunScreen
from cftui.tui.telling import Moment
from cftui.tui.widgets.target_list import TargetList
from tests.conftest import StartSimulator
from tests.operations.conftest import eventually
from tests.tui.conftest import MakeApp, until_read, wait_until
from tests.tui.screen import shown
from tests.tui.stage import NOTHING, DialogApp, vm

WIDE = (120, 40)
QUIET_S = 0.4


async def confirmed(pilot: Pilot[None], app: CftuiApp) -> None:
    """Type what the open confirmation asks for."""
    await wait_until(pilot, lambda: isinstance(app.screen, Confirm))
    await pilot.pause(QUIET_S)
    assert isinstance(app.screen, Confirm)
    wanted = app.screen.wanted
    await pilot.press(*(wanted or "y"), *(["enter"] if wanted else []))


def names(simulator: SimulatorServer, number: int) -> list[str]:
    """VMs that run and can be rebooted."""
    running = [vm.name for vm in simulator.cloud.vms() if vm.status == "running" and not vm.locked]
    return [name for name in running if not name.startswith(("stubborn", "broken"))][:number]


async def begin(pilot: Pilot[None], app: CftuiApp, targets: list[str]) -> None:
    await app.run_command("reboot", " ".join(targets))
    await confirmed(pilot, app)
    await wait_until(pilot, lambda: isinstance(app.screen, RunScreen))


# From the confirmation to the end


async def test_a_run_opens_by_itself_is_told_to_its_end_and_opened_again(
    simulator: SimulatorServer,
    make_app: MakeApp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make_app(simulator)
    chosen = names(simulator, 3)
    refused = simulator.cloud.find(chosen[1]).id
    no = faults.status(422, '{"message": "no room"}')
    simulator.faults.next(lambda asked: asked.method == "POST" and refused in asked.target, no)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await begin(pilot, app, chosen)
        await wait_until(pilot, lambda: "3 of 3 ended" in shown(app))
        assert "422: no room" in shown(app)
        assert "2 completed" in shown(app)
        assert "× 1" in shown(app)
        await pilot.press("n")
        await wait_until(pilot, lambda: f"{chosen[1]}  × rejected" in shown(app))
        assert "f retry the failed one" in shown(app)
        await pilot.press("c")
        assert "| 2 |" in app.clipboard
        await pilot.press("ctrl+s", "j")
        saved = tmp_path / f"cftui-run-{app.update_now.runs[0].id[:4]}.json"
        await wait_until(pilot, lambda: saved.name in shown(app))
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        told = json.loads(saved.read_text())
        assert (told["schema"], told["type"]) == ("cftui/run/1", "reboot")
        assert [one["stage"] for one in told["results"]] == ["completed", "rejected", "completed"]
        await pilot.press("f")
        await wait_until(pilot, lambda: f"Reboot {chosen[1]}?" in shown(app))
        await pilot.pause(QUIET_S)
        await pilot.press("escape", "escape")
        await wait_until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.press("R")
        await wait_until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("escape")
        await app.run_command("run", app.update_now.runs[0].id[:4])
        await wait_until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("escape", "t", "g")
        entry = app.cockpit.actions.cursor_entry
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.target is not None)
        assert isinstance(app.screen, RunScreen)
        assert app.screen.target is not None
        assert entry is not None
        assert entry.id in app.screen.target.tokens
    assert len(simulator.ledger.posts) == 3


async def test_a_run_is_held_gone_on_with_and_aborted(start_simulator: StartSimulator, make_app: MakeApp) -> None:
    """One at a time, so that the others wait."""
    simulator = start_simulator(speed=30)
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        chosen = names(simulator, 4)
        await app.run_command("reboot", " ".join(chosen))
        await wait_until(pilot, lambda: "1 alone, then 3 at a time; stop after 2 failures" in shown(app))
        await pilot.pause(QUIET_S)
        await pilot.press("l")
        await wait_until(pilot, lambda: "In which order" in shown(app))
        await pilot.press("up", "up")
        assert "all at once; stop after 2 failures" in shown(app)
        await pilot.press("tab", *"x")
        assert "× a whole number, 1 or more" in shown(app)
        await pilot.press("enter", "backspace", "1", "enter")
        await wait_until(pilot, lambda: "1 at a time; stop after 2 failures" in shown(app))
        await confirmed(pilot, app)
        await wait_until(pilot, lambda: len(simulator.ledger.posts) == 1)
        await pilot.press("p")
        await wait_until(pilot, lambda: "PAUSED" in shown(app) and "paused: not begun" in shown(app))
        await pilot.press("X")
        await wait_until(pilot, lambda: "3 VMs waiting: nothing will be sent." in shown(app))
        await pilot.pause(QUIET_S)
        await pilot.press("y")
        await wait_until(pilot, lambda: "4 of 4 ended" in shown(app))
        assert shown(app).count("left out") >= 3
        await pilot.press("f")
        await wait_until(pilot, lambda: "Reboot 3 VMs?" in shown(app))
    assert len(simulator.ledger.posts) == 1


async def test_a_yes_that_was_typed_ahead_is_none() -> None:
    async with (
        app := DialogApp(YesNo("Stop it?", told=lambda: ["3 VMs waiting."], button="Stop"))
    ).run_test() as pilot:
        await pilot.pause()
        await pilot.press("y")
        app.clock.turn(0.2)
        await pilot.press("y")
        assert app.answer == NOTHING
        app.clock.turn(0.4)
        await pilot.press("y")
        assert app.answer is True


# A run that the program before did not bring to its end


async def left_behind(server: SimulatorServer, state_dir: Path, vms: list[str]) -> None:
    account = Account(server.url, server.cloud.email, server.cloud.password, profile="staging")
    engine = Engine(account, state_dir=state_dir, poll=PollLimits(idle_s=1.0, active_s=0.2))
    await engine.start()
    known = {row.name: row for row in (await engine.first_reading()).view.vms.values()}
    plan = make_plan([(known[name], requests.simple(ActionType.REBOOT)) for name in vms], base_url=account.base_url)
    sending = asyncio.create_task(engine.execute(plan, Order(in_flight=1)))
    await eventually(lambda: bool(server.ledger.posts))
    await engine.stop()
    await sending


@pytest.mark.parametrize("goes_on", [True, False])
async def test_an_interrupted_run_is_offered_and_nothing_is_sent_without_a_yes(
    simulator: SimulatorServer, make_app: MakeApp, tmp_path: Path, goes_on: bool
) -> None:
    chosen = names(simulator, 3)
    await left_behind(simulator, tmp_path / "state", chosen)
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await wait_until(pilot, lambda: "reboot on 3 VMs: 2 not done" in shown(app))
        await pilot.press("R")
        await wait_until(pilot, lambda: "not sent" in shown(app) and isinstance(app.screen, RunScreen))
        assert len(simulator.ledger.posts) == 1
        if goes_on:
            await pilot.press("R")
            await wait_until(pilot, lambda: "Reboot 2 VMs?" in shown(app))
            await confirmed(pilot, app)
            await wait_until(pilot, lambda: "3 of 3 ended" in shown(app))
        else:
            await pilot.press("x")
            await wait_until(pilot, lambda: "2 VMs of it: nothing more is sent." in shown(app))
            await pilot.pause(QUIET_S)
            await pilot.press("y")
            await wait_until(pilot, lambda: "2 left out" in shown(app))
    sent = [post.path.split("/")[-2] for post in simulator.ledger.posts]
    assert len(sent) == len(set(sent)) == (3 if goes_on else 1)


# Words and files


def test_the_usual_order_grows_careful_with_the_number() -> None:
    assert usual_order(3) == Order()
    assert usual_order(12) == Order(in_flight=3, is_canary=True, stop_after=2)
    assert [usual_order(number).in_flight for number in (40, 80, 5000)] == [4, 8, 16]
    assert pace_words(usual_order(12), 12) == "1 alone, then 3 at a time"
    assert pace_words(usual_order(200), 200) == "1 alone, then 20, then the rest, 16 at a time"
    assert pace_words(Order(in_flight=3, stagger_s=90), 2) == "all at once, 90 s apart"


def test_estimates_are_told_as_estimates() -> None:
    assert [about(seconds) for seconds in (1, 41, 99, 121, 299, 3000)] == [
        "5 s",
        "45 s",
        "1 m 40 s",
        "2 m 30 s",
        "5 m",
        "50 m",
    ]


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("2m", 120), ("0.5 s", 0.5), ("1h", 3600), ("25h", None)])
def test_times_are_read_as_people_write_them(text: str, seconds: float | None) -> None:
    assert typed_seconds(text) == seconds


def moment_of(run_names: list[str], *, done: int = 0) -> RunMoment:
    """A run of VMs of these names, of which some have ended."""
    rows = [vm(name, number) for number, name in enumerate(run_names, 1)]
    reboot = requests.simple(ActionType.REBOOT)
    skipped = [Skipped(vm("=skipped", 9999), "locked|by the provider")]
    plan = make_plan([(row, reboot) for row in rows], base_url="https://cloud.example", skipped=skipped)
    run = fresh(plan, Order())
    targets = tuple(
        replace(target, state=TargetState.FAILED, message="no [room]") if index < done else target
        for index, target in enumerate(run.targets)
    )
    moment = Moment(1000.0, Estimates.EMPTY, UNICODE, vms=View(vms={row.id: row for row in rows}).vms)
    return RunMoment(replace(run, targets=targets, counts={}), {}, {s.token: s for s in plan.steps}, moment, 1000.0)


def test_files_hold_nothing_that_a_reader_would_obey() -> None:
    told = moment_of(["[/]|`x`", "=1+1", "\x1b]52;c;QQ==\x07", "@SUM(A1)"], done=1)
    markdown = as_text(told, "md")
    assert r"\[/\]\|\`x\`" in markdown
    assert "\x1b" not in markdown
    rows = list(csv.reader(as_text(told, "csv").splitlines()))
    assert [row[1][:1] for row in rows[1:]] == ["[", "'", "\\", "'", "'"]
    assert json.loads(as_text(told, "json"))["results"][1]["vm_name"] == "=1+1"


class Counting(TargetList):
    """Counts the rows it draws."""

    drawn = 0

    def draw_row(self, index: int) -> Strip:
        self.drawn += 1
        return super().draw_row(index)


class ListApp(DialogApp):
    """Nothing but the list."""

    CSS = "Counting { height: 1fr; } Static { display: none; }"

    @property
    def data_look(self) -> object:
        return self.look

    def compose(self) -> ComposeResult:
        yield Counting()


async def test_a_thousand_targets_cost_what_a_screenful_does() -> None:
    told = moment_of([f"node-{number:04}" for number in range(1000)])
    async with (app := ListApp()).run_test(size=WIDE) as pilot:
        listed = app.query_one(Counting)
        listed.show(told)
        await pilot.pause()
        first, *others = told.run.targets
        run = replace(told.run, targets=(replace(first, state=TargetState.LEFT_OUT), *others), counts={})
        listed.drawn = 0
        listed.show(replace(told, run=run))
        await pilot.pause()
        assert 0 < listed.drawn <= 2 * WIDE[1]
        assert "left out" in shown(app)
        await pilot.press("tab", "G")
        assert "node-0999" in shown(app)
        assert "=skipped" in shown(app)
