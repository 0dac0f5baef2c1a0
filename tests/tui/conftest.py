"""The cockpit on a simulated cloud: real HTTP, real engine, keys as a person presses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from cftui.clock import Clock
from cftui.fleet.history import HistoryEntry, Stage
from cftui.operations.engine import Account, Engine
from cftui.operations.engine_thread import EngineThread
from cftui.operations.state import PollLimits
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.cockpit import CockpitSettings, ProfileBadge
from tests.tui.screen import shown

MakeApp = Callable[..., CftuiApp]


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[MakeApp]:
    """Open a cockpit: `make_app(simulator, is_production=True, is_read_only=True, glyphs="ascii")`."""
    engines: list[EngineThread] = []

    def make(
        server: SimulatorServer,
        *,
        is_production: bool = False,
        is_read_only: bool = False,
        starts_read_only: bool = False,
        password: str = "",
        idle_s: float = 1.0,
        clock: Clock | None = None,
        **settings: Any,
    ) -> CftuiApp:
        cloud = server.cloud
        account = Account(
            server.url,
            cloud.email,
            password or cloud.password,
            profile="staging",
            is_read_only=is_read_only,
            starts_read_only=starts_read_only,
            read_only_source="--read-only",
        )
        state_dir = tmp_path / "state"
        limits = PollLimits(idle_s=idle_s, active_s=0.2)
        engine = EngineThread(lambda: Engine(account, state_dir=state_dir, poll=limits, clock=clock))
        engines.append(engine)
        badge = ProfileBadge("staging", is_production, "cloud.example", cloud.email, server.url)
        look = CockpitSettings(state_dir=state_dir, bell=False, **settings)
        return CftuiApp(engine, profile=badge, settings=look, clock=clock)

    yield make
    for engine in engines:
        engine.stop()


class ShiftedClock(Clock):
    """The real time, and what a test puts before it: a key held for seconds costs none."""

    def __init__(self) -> None:
        self._shift_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._shift_s

    def turn(self, seconds: float) -> None:
        """Let time pass at once, for whoever looks at the clock."""
        self._shift_s += seconds


async def cursor_on(pilot: Pilot[Any], app: CftuiApp, name: str) -> None:
    """Put the list's cursor on a VM, without a filter staying behind."""
    await pilot.press("/", *name, "enter")
    await wait_until(pilot, lambda: app.cockpit.vm is not None and app.cockpit.vm.name == name)
    await pilot.press("escape")
    await wait_until(pilot, lambda: app.cockpit.listing.query.text == "")
    assert app.cockpit.vm is not None
    assert app.cockpit.vm.name == name


async def wait_until(pilot: Pilot[Any], condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    """Let the app go on until something is so."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"never so; the screen:\n{shown(pilot.app)}")


async def until_read(pilot: Pilot[Any]) -> CftuiApp:
    """Wait for the first whole reading on the screen; the app."""
    app = pilot.app
    assert isinstance(app, CftuiApp)
    await wait_until(pilot, lambda: app.update_now.view.read_at is not None and bool(app.update_now.view.history))
    await wait_until(pilot, lambda: len(app.cockpit.table.order) == len(app.update_now.view.vms))
    await pilot.pause(0.2)
    return app


def entry(stage: Stage = Stage.ACCEPTED, **changes: Any) -> HistoryEntry:
    """An action of ours, begun at 1,000 s."""
    ended = None if stage in (Stage.ACCEPTED, Stage.SENDING, Stage.UNKNOWN) else 1012.0
    known: dict[str, Any] = {
        "id": "e1",
        "vm_id": "a" * 32,
        "vm_name": "web-01",
        "type": "reboot",
        "stage": stage,
        "status": "",
        "started": 1000.0,
        "started_at": "",
        "ended": ended,
        "completed_at": "",
        "message": "",
        "is_own": True,
        "is_settled": ended is not None,
        "handle": "act:00000000",
        "body": '{"type": "reboot"}',
    }
    return HistoryEntry(**known | changes)
