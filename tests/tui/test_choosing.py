"""Choosing many: ranges, marks by filter, pasted lists, and saved views."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from cftui.fleet.order import Column
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.modals.pasted_list import PastedList
from cftui.tui.modals.view_picker import ViewPicker
from tests.conftest import StartSimulator
from tests.tui.conftest import MakeApp, until_read, wait_until
from tests.tui.screen import shown

WIDE, SMALL, TINY = (120, 40), (80, 24), (40, 12)
NEVER_S = 300.0
QUIET_S = 0.4


def marked(app: CftuiApp) -> list[int]:
    """Rows that are marked, from above."""
    order = app.cockpit.table.order
    return [index for index, vm_id in enumerate(order) if vm_id in app.cockpit.listing.marks]


async def command(pilot: Pilot[None], text: str) -> None:
    """As given on the command line."""
    assert isinstance(pilot.app, CftuiApp)
    name, _, argument = text.partition(" ")
    await pilot.app.run_command(name, argument)
    await pilot.pause(0.02)


async def paste(pilot: Pilot[None], text: str) -> None:
    pilot.app.post_message(events.Paste(text))
    await wait_until(pilot, lambda: "Found" in shown(pilot.app))
    await pilot.pause(QUIET_S)


# Ranges


async def test_a_range_follows_the_cursor_until_it_is_ended(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("down", "down", "v", "down", "down")
        assert marked(app) == [2, 3, 4]
        assert "marking a range, v ends it" in shown(app)
        await pilot.press("up", "up", "up")
        assert marked(app) == [1, 2], "it shrinks, and grows the other way"
        await pilot.press("v", "down", "down")
        assert marked(app) == [1, 2]
        assert "marking a range" not in shown(app)
        await pilot.press("G", "v", "k", "escape", "k")
        assert marked(app) == [1, 2, 18, 19]
        await pilot.press("U", "g", "ctrl+@", "j", "ctrl+@", "j", "j", "ctrl+space", "j", "ctrl+space", "j")
        assert marked(app) == [0, 1, 3, 4]
        await pilot.press("v", "j", "a", "escape", "j")
        assert marked(app) == [0, 1, 3, 4, 5, 6], "the palette ends it"


async def test_shifted_arrows_mark_a_range_that_shrinks_and_ends_with_any_other_move(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("down", "shift+down", "shift+down", "shift+down", "shift+up")
        assert marked(app) == [1, 2, 3]
        await pilot.press("down", "down")
        assert marked(app) == [1, 2, 3]
        await pilot.press("shift+up")
        assert marked(app) == [1, 2, 3, 4, 5]
        await pilot.press("space")
        assert marked(app) == [1, 2, 3, 5]


async def test_a_vm_that_vanishes_within_a_range_is_not_marked_again(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("space", "down", "v", "down")
        simulator.cloud.delete(app.cockpit.table.order[0])
        app.engine.refresh()
        await wait_until(pilot, lambda: len(app.cockpit.table.order) == 19)
        await pilot.press("down")
        assert marked(app) == [1, 2, 3]
        assert len(app.cockpit.listing.marks) == 3
        await pilot.press("i")
        await wait_until(pilot, lambda: "Act on 3 marked VMs" in shown(app))


# Marks by filter


async def test_sel_marks_what_passes_beside_what_is_marked(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        vms = app.update_now.view.vms.values()
        workers, nodes = ({vm.id for vm in vms if word in vm.name} for word in ("worker", "k8s"))
        await pilot.press(":", *"sel worker")
        assert f"{len(workers)} VMs pass worker   {len(workers)} more would be marked" in shown(app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.cockpit.listing.marks == workers)
        assert f"◆ {len(workers)} more marked" in shown(app)
        await command(pilot, "filter worker")
        await command(pilot, "sel @k8s is:running|is:stopped")
        await wait_until(pilot, lambda: app.cockpit.listing.marks == workers | nodes)
        assert f"{len(workers | nodes)} marked, {len(nodes - workers)} hidden by the filter" in shown(app)
        await command(pilot, "sel nothing-like-it")
        await wait_until(pilot, lambda: "no VM passes nothing-like-it" in shown(app))
        await command(pilot, "sel none")
        await wait_until(pilot, lambda: app.cockpit.listing.marks == set())
        for text, told in ((":sel", "sel needs a filter"), (" @", "sel needs a filter"), ("cpu>=x", "cpu>=x:")):
            await pilot.press(*text, "enter")
            await wait_until(pilot, lambda told=told: f"× {told}" in shown(app))  # type: ignore[misc]
        assert app.cockpit.listing.marks == set()


# Pasted lists


async def test_a_paste_into_the_list_is_a_list_and_never_keys(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("space")
        before = set(app.cockpit.listing.marks)
        await paste(pilot, "Affected:\n * web-01,\n * DB-01\nars y\r\n")
        assert "2 of 5 words name a VM" in shown(app)
        await pilot.press("m")
        await wait_until(pilot, lambda: not app.has_dialog)
        web, db = (simulator.cloud.find(name).id for name in ("web-01", "db-01"))
        assert app.cockpit.listing.marks == {*before, web, db}
        await paste(pilot, "web-01 k8s-node-01")
        node = simulator.cloud.find("k8s-node-01").id
        simulator.cloud.delete(node)
        app.engine.refresh()
        await wait_until(pilot, lambda: node not in app.update_now.view.vms)
        await pilot.press("r")
        await wait_until(pilot, lambda: "1 of them do not exist any more" in shown(app))
        assert app.cockpit.listing.marks == {web}
        await command(pilot, "sel paste")
        await wait_until(pilot, lambda: isinstance(app.screen, PastedList))
    assert simulator.ledger.posts == ()


# What is hidden


@pytest.mark.parametrize("size", [SMALL, TINY])
async def test_the_marks_are_counted_wherever_one_looks(
    start_simulator: StartSimulator, make_app: MakeApp, size: tuple[int, int]
) -> None:
    app = make_app(start_simulator(vms=60), idle_s=NEVER_S)
    async with app.run_test(size=size) as pilot:
        await until_read(pilot)
        await command(pilot, "sel web|db")
        await command(pilot, "filter web")
        listing = app.cockpit.listing
        visible = len(listing.visible_marks)
        hidden = len(listing.marks) - visible
        assert hidden
        for keys in ((), ("enter",), ("escape", "t"), ("+",)):  # the list, one VM, the actions, and they alone
            await pilot.press(*keys)
            told = f"◆ {visible + hidden} marked, {hidden} hidden by the filter"
            await wait_until(pilot, lambda told=told: shown(app).count(told) == 1)  # type: ignore[misc]
        await pilot.press("escape", "1", "a")
        await wait_until(pilot, lambda: f"Act on {visible} marked VMs " in shown(app))
        await pilot.press("escape", "i")
        what = f"{hidden} of them hidden by the filter" if size == SMALL else f"{hidden} hidden"
        await wait_until(pilot, lambda: f"Act on {visible + hidden} marked VMs, {what}" in shown(app))
        await pilot.press("t", "enter")
        await wait_until(pilot, lambda: "Reaches" in shown(app))
        assert f"{hidden} of them hidden by the filter" in shown(app)


# Views


async def test_a_view_keeps_filter_order_and_columns_beyond_the_end(
    simulator: SimulatorServer, make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await command(pilot, "filter worker|k8s is:running")
        app.cockpit.sort_by(Column.RAM, is_reversed=True)
        await pilot.press("W")
        order = list(app.cockpit.table.order)
        await command(pilot, "save big ones")
        await wait_until(
            pilot, lambda: "view big ones saved  worker|k8s is:running, by ram, turned round" in shown(app)
        )
    kept = tmp_path / "state" / "state.toml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    again = make_app(simulator, idle_s=NEVER_S, views={"night": "is:running db"})
    async with again.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await command(pilot, "view big ones")
        await wait_until(pilot, lambda: list(again.cockpit.table.order) == order)
        assert again.cockpit.table.is_wide
        await command(pilot, "view night")
        await wait_until(pilot, lambda: again.cockpit.listing.query.text == "is:running db")
        assert (again.cockpit.listing.sort, again.cockpit.table.is_wide) == (Column.NAME, False)
        await pilot.press(":", *"view nigth", "enter")
        await wait_until(pilot, lambda: "did you mean 'night'?" in shown(again))
        await pilot.press("escape")
        await pilot.press(":", *"view", "enter")
        await wait_until(pilot, lambda: isinstance(again.screen, ViewPicker))
        await pilot.press(*"big", "delete", "delete", "escape")
        assert list(again.cockpit.choosing.views()) == ["night"]
        await command(pilot, "save night")
        await wait_until(pilot, lambda: "'night' stands in config.toml" in shown(again))
