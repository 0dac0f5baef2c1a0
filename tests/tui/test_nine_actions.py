"""Each of the nine actions, from the first key to what was seen on the VM."""

from __future__ import annotations

import json
import re

import pytest
from textual.pilot import Pilot

from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from tests.tui.conftest import MakeApp, until_read, wait_until
from tests.tui.screen import shown

VM = "web-01"
SILENCE_S = 0.4
"""A confirmation takes no key until it was on the screen, and the keyboard silent, for 0.3 s."""


async def cursor_on(pilot: Pilot[None], app: CftuiApp, name: str) -> None:
    await pilot.press("/", *name, "enter")
    await wait_until(pilot, lambda: app.cockpit.vm is not None and app.cockpit.vm.name == name)


async def stopped(pilot: Pilot[None], app: CftuiApp, server: SimulatorServer) -> None:
    """As somebody else would have done it."""
    server.cloud.set_status(server.cloud.find(VM).id, "stopped")
    await pilot.press("ctrl+r")
    await wait_until(pilot, lambda: app.cockpit.vm is not None and app.cockpit.vm.status == "stopped")


@pytest.mark.parametrize(
    ("key", "type_", "starts_stopped", "asks_name"),
    [
        ("r", "reboot", False, False),
        ("c", "power_cycle", False, True),
        ("s", "shutdown", False, False),
        ("o", "power_off", False, True),
        ("n", "power_on", True, False),
        ("p", "password_reset", False, True),
    ],
)
async def test_actions_without_a_form(
    simulator: SimulatorServer, make_app: MakeApp, key: str, type_: str, starts_stopped: bool, asks_name: bool
) -> None:
    app = make_app(simulator)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, VM)
        if starts_stopped:
            await stopped(pilot, app, simulator)
        await pilot.press("a", key)
        await wait_until(pilot, lambda: app.has_dialog and f'"{type_}"' in shown(app))
        await pilot.pause(SILENCE_S)
        await pilot.press(*(f"{VM}" if asks_name else "y"), *(["enter"] if asks_name else []))
        word = "completed" if type_ in ("reboot", "power_cycle", "password_reset") else "verified"
        await wait_until(pilot, lambda: f"{VM} {type_} {word}" in shown(app))
    (post,) = simulator.ledger.posts
    assert json.loads(post.body) == {"type": type_}
    assert post.path.endswith(f"/vms/{simulator.cloud.find(VM).id}/actions")


async def test_resize(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, VM)
        await stopped(pilot, app, simulator)
        await pilot.press("a", "z")
        await wait_until(pilot, lambda: app.has_dialog and "CPU" in shown(app))
        await pilot.press("tab", *"2", "enter")
        await wait_until(pilot, lambda: '"resize"' in shown(app) and "POST" in shown(app))
        await pilot.pause(SILENCE_S)
        await pilot.press("y")
        await wait_until(pilot, lambda: f"{VM} resize verified" in shown(app))
    (post,) = simulator.ledger.posts
    assert json.loads(post.body) == {"type": "resize", "resource": "ram", "size": 2}
    assert simulator.cloud.find(VM).memory == 2


async def test_rename(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, VM)
        await pilot.press("a", "e")
        await wait_until(pilot, lambda: app.has_dialog and "new name" in shown(app))
        await pilot.press("end", *"-blue", "enter")
        await wait_until(pilot, lambda: '"rename"' in shown(app) and "POST" in shown(app))
        await pilot.pause(SILENCE_S)
        await pilot.press("y")
        await wait_until(pilot, lambda: "rename verified" in shown(app))
    (post,) = simulator.ledger.posts
    assert json.loads(post.body) == {"type": "rename", "name": "web-01-blue"}


async def test_snapshot(simulator: SimulatorServer, make_app: MakeApp) -> None:
    before = len(simulator.cloud.find(VM).snapshot_ids)
    app = make_app(simulator)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, VM)
        await pilot.press("a", "t")
        await wait_until(pilot, lambda: app.has_dialog and "{token}" in shown(app))
        await pilot.press("enter")
        await wait_until(pilot, lambda: '"snapshot"' in shown(app) and "POST" in shown(app))
        await pilot.pause(SILENCE_S)
        await pilot.press("y")
        await wait_until(pilot, lambda: f"{VM} snapshot verified" in shown(app), seconds=25)
    (post,) = simulator.ledger.posts
    assert re.fullmatch(r"web-01-\d{4}-\d\d-\d\d-[0-9a-f]+", json.loads(post.body)["name"])
    assert len(simulator.cloud.find(VM).snapshot_ids) == before + 1


async def test_several_vms_are_one_plan_and_one_post_each(simulator: SimulatorServer, make_app: MakeApp) -> None:
    """The third one marked is locked: it is skipped with its reason."""
    app = make_app(simulator)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_read(pilot)
        await pilot.press("space", "space", "space", "a", "r")
        await wait_until(pilot, lambda: "Reboot 2 VMs" in shown(app))
        await pilot.pause(SILENCE_S)
        await pilot.press("2", "enter")
        await wait_until(pilot, lambda: len(simulator.ledger.posts) == 2)
        await wait_until(pilot, lambda: "2 of 2 ended" in shown(app))
    assert len({post.path for post in simulator.ledger.posts}) == 2
