"""Read-only on the screen: what it says, how it is lifted for a time, and that nothing gets past it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rich.console import RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.pilot import Pilot
from textual.screen import Screen

from cftui.api import requests
from cftui.errors import UsageError
from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionType
from cftui.operations.plan import make_plan
from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.keymap import KEYS
from cftui.tui.offers import ACTION_KEYS
from cftui.tui.screens.run import RunScreen
from cftui.tui.writing import left_words, seconds_of
from tests.tui.conftest import MakeApp, ShiftedClock, cursor_on, until_read, wait_until
from tests.tui.screen import shown
from tests.tui.test_run_screen import left_behind, names
from tests.visual.scenes import Scene, still
from tests.visual.scenes import Stage as Play

WIDE, SMALL = (120, 40), (80, 24)
_LEAVES = frozenset({"quit", "suspend"})


def status(app: CftuiApp) -> str:
    return shown(app).splitlines()[0]


def banner(app: CftuiApp) -> str:
    return shown(app).splitlines()[1]


async def command(pilot: Pilot[None], line: str) -> None:
    await pilot.press(":", *line, "enter")
    await pilot.pause(0.05)


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 600), ("10m", 600), ("90s", 90), ("1h", 3600), (" 8H ", 28_800), ("5 m", 300)]
)
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["10", "m", "0s", "-5m", "9h", "481m", "1d", "1h30m", "٣m", "\x1b[2Jm", "1e9s"])
def test_other_times_are_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        seconds_of(text)
    assert str(caught.value).isprintable()


def test_what_is_left_steps_and_stands_still_between() -> None:
    assert [left_words(s) for s in (600, 599, 541, 540, 61, 60, 51, 50, 0.5)] == [
        *("10 m", "10 m", "10 m", "9 m", "2 m", "60 s", "60 s", "50 s", "10 s")
    ]
    assert left_words(8 * 3600) == "8 h 00 m"


async def test_it_is_lifted_for_a_time_and_ended_at_once(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, starts_read_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await until_read(pilot)
        assert "READ-ONLY" in status(app)
        assert "Looking only. :rw 10m allows changes for ten minutes." in banner(app)
        await cursor_on(pilot, app, "web-01")
        await pilot.press("a")
        await wait_until(pilot, lambda: shown(app).count("not now: read-only → :rw 10m") >= 9)
        await pilot.press("r", "escape")
        await command(pilot, "rw")
        await wait_until(pilot, lambda: "▲ WRITE 10 m" in status(app))
        assert "READ-ONLY" not in status(app)
        assert "CHANGES ALLOWED for 10 m more, then read-only again.  :ro ends it now." in banner(app)
        await pilot.press("a", "r")
        await wait_until(pilot, lambda: "Reboot web-01?" in shown(app))
        await pilot.pause(0.4)
        await pilot.press("y")
        await wait_until(pilot, lambda: len(simulator.ledger.posts) == 1)
        # What becomes of the reboot is told in the same place.
        await wait_until(pilot, lambda: all(one.is_settled for one in app.update_now.view.submissions.values()))
        await command(pilot, "ro")
        await wait_until(pilot, lambda: "READ-ONLY" in status(app))
        await wait_until(pilot, lambda: "read-only again" in shown(app))
        await command(pilot, "reboot db-01")
        await wait_until(pilot, lambda: "reboot: not now: read-only" in shown(app))
        assert not app.has_dialog
    assert len(simulator.ledger.posts) == 1


@pytest.mark.fault("S26")
async def test_a_question_that_is_open_when_the_time_ends_can_only_be_left(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    clock = ShiftedClock()
    app = make_app(simulator, starts_read_only=True, clock=clock)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, "web-01")
        await command(pilot, "rw 60s")
        await wait_until(pilot, lambda: "WRITE 60 s" in status(app))
        await pilot.press("a", "r")
        await wait_until(pilot, lambda: "Reboot web-01?" in shown(app))
        clock.turn(60)
        await wait_until(pilot, lambda: "Not now: read-only → :rw 10m. Nothing is sent." in shown(app))
        await pilot.pause(0.4)
        await pilot.press("y", "c", "tab")
        await pilot.pause(0.1)
        await pilot.press("y")
        assert app.has_dialog
        await pilot.press("enter")
        await wait_until(pilot, lambda: not app.has_dialog)
        assert "READ-ONLY" in status(app)
    assert simulator.ledger.posts == ()


@pytest.mark.fault("S26")
async def test_what_is_locked_for_good_is_not_lifted_and_says_by_what(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator, is_read_only=True, starts_read_only=True)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        assert "Looking only, by --read-only." in banner(app)
        await pilot.press(":", *"rw 5m")
        await wait_until(pilot, lambda: "cannot be lifted: read-only by --read-only" in shown(app))
        await pilot.press("enter")
        await wait_until(pilot, lambda: "It was made so by --read-only." in shown(app))
        await pilot.press("escape", "a")
        await wait_until(pilot, lambda: "not now: read-only, by --read-only" in shown(app))
        assert ":rw" not in shown(app)


async def test_the_line_says_what_it_would_do_and_refuses_what_is_no_time(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator, starts_read_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await until_read(pilot)
        await pilot.press(":", *"rw 2h")
        assert "changes are allowed for 2 h 00 m, then read-only again by itself" in shown(app)
        await pilot.press("ctrl+u", *"rw 9h", "enter")
        await wait_until(pilot, lambda: "9h is too long. 8h at most." in shown(app))
        await pilot.press("ctrl+u", *"rw soon", "enter")
        await wait_until(pilot, lambda: "soon is no time. Write 10m, 90s or 1h." in shown(app))
        assert app.update_now.is_read_only


async def test_where_nothing_is_locked_there_is_nothing_to_lift(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=SMALL) as pilot:
        await until_read(pilot)
        await command(pilot, "rw 10m")
        await wait_until(pilot, lambda: "changes are allowed already" in shown(app))
        await pilot.press("escape")
        assert "WRITE" not in status(app)


@pytest.mark.fault("S26")
@pytest.mark.parametrize("kind", ["is_read_only", "starts_read_only"])
async def test_no_key_and_no_command_gets_past_it(simulator: SimulatorServer, make_app: MakeApp, kind: str) -> None:
    """Every key of the cockpit, every letter of the palette, every command; on the list, in details and in Actions."""
    app = make_app(simulator, clock=ShiftedClock(), **{kind: True})
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)

        for key in KEYS:
            if kind == "starts_read_only" and key.id not in _LEAVES:
                await pilot.press(key.keys.split(",")[0], "y", "escape")
        await pilot.press("escape", "escape", "1", "space", "space")
        for letter in ACTION_KEYS:
            await pilot.press("a", letter, "y", "enter", "escape")
        for place in ("2", "3"):
            await pilot.press(place, "a", "r", "y", "enter", "escape", "1")
        for type_ in ActionType:
            for argument in ("web-01", "@web", ""):
                await app.run_command(type_.value, argument)
                assert not app.has_dialog
        assert app.update_now.is_read_only
    assert simulator.ledger.posts == ()


@pytest.mark.fault("S26", "40")
async def test_what_is_looked_up_or_sent_again_gets_not_past_it(simulator: SimulatorServer, make_app: MakeApp) -> None:
    """A session left a request of unknown outcome and one in progress; the next one only looks."""
    clock = ShiftedClock()
    first = make_app(simulator, clock=clock)
    async with first.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        vms = {vm.name: vm for vm in first.update_now.view.vms.values()}
        simulator.faults.next("POST", faults.close())
        for name in ("web-01", "api-02"):
            plan = make_plan([(vms[name], requests.simple(ActionType.REBOOT))], base_url=simulator.url)
            await asyncio.wrap_future(first.engine.execute(plan))
        clock.turn(60)
        first.engine.refresh()
        await wait_until(
            pilot,
            lambda: any(one.finding is Finding.ABSENT for one in first.update_now.view.submissions.values()),
        )
    posts = len(simulator.ledger.posts)
    again = make_app(simulator, is_read_only=True, clock=clock)
    async with again.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        absent = next(one for one in again.update_now.view.history if one.stage is Stage.UNKNOWN)
        again.cockpit.actions.move_to_id(absent.id)
        await pilot.press("3", "enter")
        await wait_until(pilot, lambda: "What became of reboot on web-01?" in shown(again))
        assert "no trace so far" in shown(again)
        assert "Send again: not now: read-only, by --read-only" in shown(again)
        await pilot.press("r", "tab", "enter", "r", *"web-01", "enter", "escape")
    assert len(simulator.ledger.posts) == posts


@pytest.mark.fault("S26", "40")
@pytest.mark.parametrize("kind", ["is_read_only", "starts_read_only"])
async def test_a_run_that_was_left_behind_is_not_resumed_past_it(
    simulator: SimulatorServer, make_app: MakeApp, tmp_path: Path, kind: str
) -> None:
    await left_behind(simulator, tmp_path / "state", names(simulator, 3))
    posts = len(simulator.ledger.posts)
    app = make_app(simulator, **{kind: True})
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await app.run_command("run")
        await wait_until(pilot, lambda: isinstance(app.screen, RunScreen) and "2 not sent" in shown(app))
        await pilot.press("R")
        await wait_until(pilot, lambda: "Reboot 2 VMs?" in shown(app))
        assert "Not now: read-only" in shown(app)
        await pilot.pause(0.4)
        await pilot.press("y", "2", "enter")
        await wait_until(pilot, lambda: not app.has_dialog)
        await pilot.pause(0.4)
        assert "2 not sent" in shown(app)
        assert app.update_now.is_read_only
    assert len(simulator.ledger.posts) == posts


async def test_the_countdown_costs_a_few_cells_a_step_and_nothing_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene("lifted", "An ordinary calm minute.", still, vms=20, is_calm=True, starts_read_only=True)
    stage = Play(tmp_path, scene)
    app = stage.app
    async with app.run_test(size=WIDE) as pilot:
        await stage.play(pilot)
        await stage.press(pilot, ":", *"rw 10m", "enter")
        await stage.until(pilot, lambda: app.update_now.writes_until is not None)
        app.cockpit.say([])
        await stage.rest(pilot)
        painted: list[int] = []
        show = app._display

        def noticed(screen: Screen[object], renderable: RenderableType | None) -> None:
            if isinstance(renderable, ChopsUpdate):
                painted.append(sum(end - first for _, first, end in renderable.spans))
            elif isinstance(renderable, LayoutUpdate):
                painted.extend(10_000 for _ in renderable.strips)
            show(screen, renderable)

        monkeypatch.setattr(app, "_display", noticed)
        for _ in range(4):
            stage.clock.turn(14)
            app.cockpit.tick()
            await pilot.pause(0.05)
        assert painted == [], "between two steps"
        stage.clock.turn(5)
        app.cockpit.tick()
        await pilot.pause(0.05)
        assert len(painted) == 1
        assert painted[0] <= 160, "a digit less moves what stands behind it, in two lines"
    stage.close()
