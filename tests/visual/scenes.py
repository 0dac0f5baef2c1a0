"""Scenes: states of the cockpit that matter, each led up to by keys and by the cloud, the same on every run.

One clock for the simulated cloud, the engine and the screen, turned by the scene; everything else is real: HTTP, the
engine on its thread, the app. The snapshot tests compare them; `python -m tests.screenshots` makes README's pictures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from cftui.api import requests
from cftui.clock import Clock
from cftui.fleet.history import Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.engine import Account, Engine
from cftui.operations.engine_thread import EngineThread
from cftui.operations.plan import make_plan
from cftui.operations.state import LinkState, PollLimits
from cftui.simulator import faults
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.cockpit import CockpitSettings, ProfileBadge

URL = "https://cloudsfor.com/api/v1"
WIDEST, WIDE, SMALL, TINY = (160, 45), (120, 40), (80, 24), (40, 12)


class SceneClock(Clock):
    """Stands still until it is turned; may be looked at from any thread."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._sleepers: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 3, 14, 8, tzinfo=UTC) + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 5000.0 + self._elapsed

    async def sleep(self, seconds: float) -> None:
        due = self._elapsed + seconds
        self._sleepers.append(due)
        try:
            while self._elapsed < due:  # noqa: ASYNC110 - turned from another thread
                await asyncio.sleep(0.002)
        finally:
            self._sleepers.remove(due)

    @property
    def is_waited_for(self) -> bool:
        """Whether the engine has nothing more to do at this moment, and sleeps until a later one."""
        return any(due > self._elapsed for due in self._sleepers)

    def turn(self, seconds: float) -> None:
        """Let time pass for everyone."""
        self._elapsed += seconds


class Stage:
    """A cloud, an engine and an app on one clock.

    Args:
        folder: For the state of the engine.
        scene: What is to be shown.
    """

    def __init__(self, folder: Path, scene: Scene) -> None:
        self.clock = SceneClock()
        self.cloud = SimulatedCloud(
            vms=scene.vms, calm=scene.is_calm, quirks=scene.quirks, clock=self.clock, email="ops@example.com"
        )
        self.server = SimulatorServer(self.cloud)
        self.server.start()
        account = Account(
            self.server.url,
            self.cloud.email,
            self.cloud.password,
            is_read_only=scene.is_read_only,
        )
        limits = PollLimits(idle_s=30, active_s=2)
        self.thread = EngineThread(lambda: self._engine(account, folder, limits))
        name = "prod" if scene.is_production else "staging"
        badge = ProfileBadge(name, scene.is_production, "cloudsfor.com", self.cloud.email, URL)
        settings = CockpitSettings(theme=scene.theme, glyphs=scene.glyphs, bell=False)
        self.app = CftuiApp(self.thread, profile=badge, settings=settings, clock=self.clock)
        self._scene = scene

    def _engine(self, account: Account, folder: Path, limits: PollLimits) -> Engine:
        self.engine = Engine(account, state_dir=folder, clock=self.clock, poll=limits)
        return self.engine

    def close(self) -> None:
        """End the cloud; the app ended its engine."""
        self.thread.stop()
        self.server.stop()

    async def play(self, pilot: Pilot[None]) -> None:
        """Lead up to the scene and hold still."""
        if self._scene.waits_for_reading:
            await self.until(pilot, lambda: self.app.update_now.link.state is LinkState.LIVE)
            await self.until(pilot, lambda: len(self.app.cockpit.table.order) == len(self.app.update_now.view.vms))
            if self.cloud.vms():
                await self.until(pilot, lambda: bool(self.app.update_now.view.history))
        await self._scene.steps(self, pilot)
        for field_ in self.app.screen.query(Input):
            field_.cursor_blink = False
        await self.rest(pilot)

    async def until(self, pilot: Pilot[None], condition: Callable[[], bool]) -> None:
        """Let the app go on until something is so; time stands still."""
        for _ in range(1500):
            if condition():
                return
            await pilot.pause(0.01)
        raise AssertionError("the scene was never so")

    async def rest(self, pilot: Pilot[None]) -> None:
        """Until the engine and the screen have nothing more to do at this moment."""
        await self.until(pilot, lambda: self.clock.is_waited_for or not self._scene.sleeps)
        if self._scene.size[0] >= WIDE[0] and self.app.update_now.link.state is LinkState.LIVE:
            await self.until(pilot, lambda: self._are_details_read)
        before, now = "", self.app.export_screenshot()
        while before != now:
            await pilot.pause(0.1)
            before, now = now, self.app.export_screenshot()
        for screen in self.app.screen_stack:
            if (tick := getattr(screen, "tick", None)) is not None:
                tick()
        await pilot.pause()

    @property
    def _are_details_read(self) -> bool:
        vm = self.app.cockpit.vm
        return vm is None or vm.id in self.app.cockpit.attributes

    async def pass_time(self, pilot: Pilot[None], seconds: float, *, by: float = 2.0) -> None:
        """Turn the clock in steps, each long enough for the engine to ask what is due."""
        while seconds > 0:
            self.clock.turn(min(by, seconds))
            seconds -= by
            await pilot.pause(0.02)
            await self.until(pilot, lambda: self.clock.is_waited_for)

    def vm(self, name: str) -> VmRow:
        """A VM as the screen knows it."""
        return next(vm for vm in self.app.update_now.view.vms.values() if vm.name == name)

    async def send(
        self, pilot: Pilot[None], name: str, request: requests.ActionRequest | ActionType
    ) -> list[Submission]:
        """A confirmed action on a VM, without its dialogs."""
        ready = requests.simple(request) if isinstance(request, ActionType) else request
        plan = make_plan([(self.vm(name), ready)], base_url=URL)
        sent = await asyncio.wrap_future(self.thread.execute(plan))
        await pilot.pause(0.05)
        return sent

    async def press(self, pilot: Pilot[None], *keys: str) -> None:
        """Keys one by one, as a person presses them."""
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.02)

    async def go_to(self, pilot: Pilot[None], name: str) -> None:
        """Put the cursor on a VM without a filter staying behind."""
        await self.press(pilot, "/", *name, "enter")
        await self.press(pilot, "escape")
        vm = self.app.cockpit.vm
        assert vm is not None
        assert vm.name == name, (vm.name, name)


Steps = Callable[[Stage, Pilot[None]], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """One picture: what is shown, how large, and how to get there."""

    name: str
    shows: str
    """What one should see."""
    steps: Steps
    size: tuple[int, int] = WIDE
    vms: int = 214
    is_calm: bool = False
    quirks: Mapping[str, str] = field(default_factory=dict)
    theme: str = "night"
    glyphs: str = "unicode"
    is_production: bool = False
    is_read_only: bool = False
    is_colourless: bool = False
    waits_for_reading: bool = True
    sleeps: bool = True
    """Whether the engine comes to rest; without credentials it waits for a person."""
    is_in_readme: bool = False


async def busy(stage: Stage, pilot: Pilot[None]) -> None:
    """An ordinary bad night: something in progress, something failed, something unknown, something verified."""
    await stage.send(pilot, "cache-01", ActionType.POWER_ON)
    await stage.pass_time(pilot, 2)
    await stage.send(pilot, "broken-01", ActionType.REBOOT)
    await stage.pass_time(pilot, 2)
    await stage.send(pilot, "stubborn-01", ActionType.SHUTDOWN)
    await stage.pass_time(pilot, 26)
    stage.server.faults.next("POST", faults.status(422, '{"message": "name is already used"}'))
    await stage.send(pilot, "web-07", requests.rename("web-08"))
    await stage.pass_time(pilot, 2)
    stage.server.faults.next("POST", faults.close(carried_out=True))
    await stage.send(pilot, "api-09", ActionType.REBOOT)
    await stage.pass_time(pilot, 2)
    await stage.send(pilot, "backup-02", requests.snapshot("backup-02-before"))
    await stage.pass_time(pilot, 30)
    await stage.send(pilot, "api-03", ActionType.REBOOT)
    await stage.pass_time(pilot, 12)
    await stage.press(pilot, "down", "down")


async def still(stage: Stage, pilot: Pilot[None]) -> None:
    """Nothing but the first reading."""


async def palette(stage: Stage, pilot: Pilot[None]) -> None:
    """All nine actions on a running VM."""
    await stage.press(pilot, "down", "down", "down", "a")


async def resize(stage: Stage, pilot: Pilot[None]) -> None:
    """A form with one error, one unit and one advice."""
    await stage.go_to(pilot, "cache-01")
    await stage.press(pilot, "a", "z")
    await stage.press(pilot, *"2.5", "tab", *"32768", "space", *"MB", "tab", *"60")


async def rename(stage: Stage, pilot: Pilot[None]) -> None:
    """A new name as it is typed."""
    await stage.press(pilot, "a", "e")
    await stage.press(pilot, *"-new")


async def confirm(stage: Stage, pilot: Pilot[None]) -> None:
    """A reboot, one `y` from being sent."""
    await stage.press(pilot, "down", "down", "a", "r")
    await stage.pass_time(pilot, 1, by=0.5)


async def confirm_typed(stage: Stage, pilot: Pilot[None]) -> None:
    """A power-off in production: half of the name is typed."""
    await stage.go_to(pilot, "pay-gw-01")
    await stage.press(pilot, "a", "o")
    await stage.pass_time(pilot, 1, by=0.5)
    await stage.press(pilot, *"pay-g")


async def confirm_many(stage: Stage, pilot: Pilot[None]) -> None:
    """Twelve at once: how many, which, which not, and the number to type."""
    await stage.send(pilot, "cache-03", ActionType.REBOOT)
    await stage.press(pilot, "/", *"cache", "enter", "*")
    await stage.press(pilot, "a", "c")
    await stage.pass_time(pilot, 1, by=0.5)


async def filter_marks(stage: Stage, pilot: Pilot[None]) -> None:
    """Marks that the filter hides are counted."""
    await stage.press(pilot, "space", "space", "/", *"db", "enter", "space", "space", "space", "/")


async def nothing_matches(stage: Stage, pilot: Pilot[None]) -> None:
    """An empty result says what it hides and what is near."""
    await stage.press(pilot, "/", *"region:moskow_01")


async def bad_filter(stage: Stage, pilot: Pilot[None]) -> None:
    """A filter that cannot be read."""
    await stage.press(pilot, "/", *"regoin:x")


async def unknown(stage: Stage, pilot: Pilot[None]) -> None:
    """What became of a request whose answer was lost."""
    stage.server.faults.next("POST", faults.close())
    await stage.send(pilot, "api-03", ActionType.REBOOT)
    await stage.pass_time(pilot, 9)
    await stage.press(pilot, "t", "down", "down", "enter")


async def offline(stage: Stage, pilot: Pilot[None]) -> None:
    """The last good data stays, with its age."""
    stage.server.faults.always("*", faults.status(503, "<html>maintenance</html>", headers={"retry-after": "8"}))
    stage.clock.turn(31)
    await stage.until(pilot, lambda: stage.app.update_now.link.state is LinkState.OFFLINE)


async def unauthorised(stage: Stage, pilot: Pilot[None]) -> None:
    """A password that is no longer good."""
    stage.server.faults.always("*", faults.status(401, '{"id": "unauthorized", "message": "no"}'))
    stage.clock.turn(31)
    await stage.until(pilot, lambda: stage.app.update_now.link.state is LinkState.UNAUTHORISED)
    await stage.until(pilot, lambda: stage.app.has_dialog)


async def history(stage: Stage, pilot: Pilot[None]) -> None:
    """Actions alone, on a small screen."""
    await stage.send(pilot, "api-03", ActionType.REBOOT)
    await stage.pass_time(pilot, 12)
    await stage.press(pilot, "t")


async def details(stage: Stage, pilot: Pilot[None]) -> None:
    """One VM, on a small screen."""
    await stage.press(pilot, "down", "enter")
    await pilot.pause(0.3)


async def help_(stage: Stage, pilot: Pilot[None]) -> None:
    """Keys and signs."""
    await stage.press(pilot, "question_mark")


async def command(stage: Stage, pilot: Pilot[None]) -> None:
    """A command as it is typed."""
    await stage.press(pilot, "colon", *"reboot")


SCENES = (
    Scene("cockpit", "The list, the details and the actions of a bad night.", busy, is_in_readme=True),
    Scene("cockpit-160x45", "The same, with addresses and dates.", busy, size=WIDEST),
    Scene("cockpit-80x24", "The list over the whole width, the actions below.", busy, size=SMALL, is_in_readme=True),
    Scene("cockpit-40x12", "One column: name and what is being done.", busy, size=TINY),
    Scene("details-80x24", "Everything about one VM.", details, size=SMALL),
    Scene("history-80x24", "The actions as a screen.", history, size=SMALL),
    Scene(
        "palette", "All nine actions, those that cannot be done with reason and way out.", palette, is_in_readme=True
    ),
    Scene("palette-80x24", "The same on a small screen.", palette, size=SMALL),
    Scene("resize", "An error at its field, a unit, an advice; nothing can be sent yet.", resize, is_in_readme=True),
    Scene("rename-80x24", "A new name and the request that would be sent.", rename, size=SMALL),
    Scene("confirm", "The VM, what it does, the exact request; Cancel has the focus.", confirm, is_in_readme=True),
    Scene("confirm-80x24", "The same on a small screen.", confirm, size=SMALL),
    Scene("confirm-typed", "A double frame, PRODUCTION, warnings, a field.", confirm_typed, is_production=True),
    Scene("confirm-many", "How many, which, which are skipped, and the number.", confirm_many, is_in_readme=True),
    Scene("filter-marks", "Found letters underlined, hidden marks counted.", filter_marks),
    Scene("nothing-matches-80x24", "One sentence, what is hidden, the nearest word.", nothing_matches, size=SMALL),
    Scene("bad-filter-80x24", "What is wrong with the filter, and the nearest key.", bad_filter, size=SMALL),
    Scene("unknown", "A violet frame: do not repeat it.", unknown, is_in_readme=True),
    Scene("offline", "Since when, why, next try; everything else faded.", offline, is_in_readme=True),
    Scene("unauthorised-80x24", "A field for another password.", unauthorised, size=SMALL, sleeps=False),
    Scene("empty-80x24", "No VMs, and that it is no error.", still, size=SMALL, vms=0, is_calm=True),
    Scene(
        "production-read-only",
        "A red status line; nothing can be sent.",
        palette,
        is_production=True,
        is_read_only=True,
    ),
    Scene("help", "Keys, signs and squares.", help_, is_in_readme=True),
    Scene("command-line-80x24", "Usage, reach and completions above the line.", command, size=SMALL),
    Scene("hostile-names", "Names as visible text.", still, vms=20, is_calm=True, quirks={"hostile-names": ""}),
    Scene("day", "The light theme.", busy, theme="day", is_in_readme=True),
    Scene("clear", "The theme for all kinds of sight.", busy, theme="clear"),
    Scene("ansi", "The terminal's own sixteen colours.", busy, theme="ansi"),
    Scene("no-colour-ascii-80x24", "No colour, no Unicode.", busy, size=SMALL, glyphs="ascii", is_colourless=True),
)
