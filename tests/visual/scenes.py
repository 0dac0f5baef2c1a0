"""Scenes: states of the cockpit that matter, each led up to by keys and by the cloud, the same on every run.

One clock for the simulated cloud, the engine and the screen, turned by the scene; everything else is real: HTTP, the
engine on its thread, the app. The snapshot tests compare them; `python -m tests.screenshots` makes README's pictures.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from cftui.api import requests
from cftui.clock import Clock
from cftui.fleet.history import Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.engine import Account, Engine
from cftui.operations.engine_thread import EngineThread
from cftui.operations.order import Order
from cftui.operations.plan import make_plan
from cftui.operations.state import LinkState, PollLimits
from cftui.simulator import faults
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.cockpit import CockpitSettings, ProfileBadge
from cftui.tui.modals.confirm import Confirm
from cftui.tui.modals.order import OrderDialog
from cftui.tui.screens.run import RunScreen

URL = "https://cloudsfor.com/api/v1"
WIDEST, WIDE, SMALL, TINY = (160, 45), (120, 40), (80, 24), (40, 12)


class SceneClock(Clock):
    """Stands still until it is turned; may be looked at from any thread."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._sleepers: dict[asyncio.Future[None], float] = {}
        """Who sleeps on the engine's loop, and until when."""
        self._awake: set[asyncio.Task[object]] = set()
        """Tasks that waited on this clock and are about something now, such as a request."""

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 3, 14, 8, tzinfo=UTC) + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 5000.0 + self._elapsed

    async def wait(self, event: asyncio.Event, timeout_s: float | None = None) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._awake.discard(task)
        try:
            await super().wait(event, timeout_s)
        finally:
            self._awake.add(task)

    async def sleep(self, seconds: float) -> None:
        due = self._elapsed + seconds
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers[over] = due
        try:
            while self._elapsed < due:  # it may have been turned by less than was asked for
                await over
        finally:
            del self._sleepers[over]

    @property
    def is_waited_for(self) -> bool:
        """Whether the engine has nothing more to do at this moment, and sleeps until a later one."""
        sleepers, awake = list(self._sleepers.values()), list(self._awake)
        is_busy = any(not task.done() for task in awake) or any(due <= self._elapsed for due in sleepers)
        return bool(sleepers) and not is_busy

    def turn(self, seconds: float) -> None:
        """Let time pass for everyone."""
        self._elapsed += seconds
        for over, due in list(self._sleepers.items()):
            if due <= self._elapsed:
                over.get_loop().call_soon_threadsafe(_wake, over)


def _wake(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


class Stage:
    """A cloud, an engine and an app on one clock.

    Args:
        folder: For the state of the engine.
        scene: What is to be shown.
    """

    def __init__(self, folder: Path, scene: Scene) -> None:
        self._token_hex, numbers = secrets.token_hex, itertools.count()

        def token_hex(nbytes: int | None = None) -> str:
            """The same names of plans and steps on every run; whoever is on another thread has real ones."""
            if threading.current_thread() is not threading.main_thread():
                return self._token_hex(nbytes)
            return hashlib.sha256(b"%d" % next(numbers)).hexdigest()[: 2 * (nbytes or 32)]

        secrets.token_hex = token_hex
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
            starts_read_only=scene.starts_read_only,
            read_only_source="profile 'prod'",
        )
        limits = PollLimits(idle_s=30, active_s=2)
        if scene.is_after_a_run:
            before = threading.Thread(target=lambda: asyncio.run(self._leave_a_run(account, folder, limits)))
            before.start()
            before.join()
        self.thread = EngineThread(lambda: self._engine(account, folder, limits))
        name = "prod" if scene.is_production else "staging"
        badge = ProfileBadge(name, scene.is_production, "cloudsfor.com", self.cloud.email, URL)
        settings = CockpitSettings(theme=scene.theme, glyphs=scene.glyphs, bell=False, state_dir=folder)
        self.app = CftuiApp(self.thread, profile=badge, settings=settings, clock=self.clock)
        self._scene = scene

    def _engine(self, account: Account, folder: Path, limits: PollLimits) -> Engine:
        self.engine = Engine(account, state_dir=folder, clock=self.clock, poll=limits)
        return self.engine

    async def _leave_a_run(self, account: Account, folder: Path, limits: PollLimits) -> None:
        """A program that ends in the middle of a run."""
        engine = self._engine(account, folder, limits)
        await engine.start()
        await engine.first_reading()
        vms = [vm for vm in engine.view.vms.values() if vm.name.startswith("worker-") and vm.status == "running"]
        plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=URL)
        plan = replace(plan, id="7c1f" + "0" * 12)
        sending = asyncio.create_task(engine.execute(plan, Order(in_flight=3, stop_after=2)))
        while not self.clock.is_waited_for or len(self.server.ledger.posts) < 8:
            if self.clock.is_waited_for and self.server.ledger.posts:  # what comes before the first waits for no clock
                self.clock.turn(2)
            await asyncio.sleep(0.01)
        await engine.stop()
        await sending
        self.clock.turn(240)

    def close(self) -> None:
        """End the cloud; the app ended its engine."""
        secrets.token_hex = self._token_hex
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

    async def pass_time(self, pilot: Pilot[None], seconds: float, *, by: float = 10.0) -> None:
        """Turn the clock in steps, each long enough for the engine to ask what is due."""
        while seconds > 0:
            await self.turn(pilot, min(by, seconds))
            seconds -= by
            await pilot.pause(0.02)
            await self.until(pilot, lambda: self.clock.is_waited_for)

    async def turn(self, pilot: Pilot[None], seconds: float) -> None:
        """Turn the clock while nothing is being asked: an answer would seem to have taken that long."""
        before, now = -1, self.server.ledger.count()
        while before != now or not self.clock.is_waited_for:
            await pilot.pause(0.03)
            before, now = now, self.server.ledger.count()
        self.clock.turn(seconds)

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
        await pilot.press(*keys)
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
    starts_read_only: bool = False
    is_colourless: bool = False
    waits_for_reading: bool = True
    is_after_a_run: bool = False
    """Whether the program before ended in the middle of a run."""
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
    await stage.pass_time(pilot, 1)


async def confirm_typed(stage: Stage, pilot: Pilot[None]) -> None:
    """A power-off in production: half of the name is typed."""
    await stage.go_to(pilot, "pay-gw-01")
    await stage.press(pilot, "a", "o")
    await stage.pass_time(pilot, 1)
    await stage.press(pilot, *"pay-g")


async def confirm_many(stage: Stage, pilot: Pilot[None]) -> None:
    """Twelve at once: how many, which, which not, and the number to type."""
    await stage.send(pilot, "cache-03", ActionType.REBOOT)
    await stage.press(pilot, "/", *"cache", "enter", "*")
    await stage.press(pilot, "a", "c")
    await stage.pass_time(pilot, 1)


async def confirmed(stage: Stage, pilot: Pilot[None]) -> None:
    """Answer the confirmation that is open with what it asks for."""
    await stage.until(pilot, lambda: isinstance(stage.app.screen, Confirm))
    await stage.pass_time(pilot, 1)
    assert isinstance(stage.app.screen, Confirm)
    wanted, posts = stage.app.screen.wanted, stage.server.ledger.count("POST")
    await stage.press(pilot, *(wanted or "y"), *(["enter"] if wanted else []))
    await stage.until(pilot, lambda: stage.server.ledger.count("POST") > posts)


async def order(stage: Stage, pilot: Pilot[None]) -> None:
    """Another order for twelve VMs, with a number that is none."""
    await stage.press(pilot, "/", *"cache", "enter", "*", "a", "1")
    await stage.pass_time(pilot, 1)
    await stage.press(pilot, "l")
    await stage.until(pilot, lambda: isinstance(stage.app.screen, OrderDialog))
    await stage.press(pilot, "tab", "tab", "backspace", *"two")


async def confirm_workflow(stage: Stage, pilot: Pilot[None]) -> None:
    """The steps of a guided resize, each with its condition, and every request."""
    await stage.go_to(pilot, "api-03")
    await stage.press(pilot, "a", "2")
    await stage.press(pilot, "tab", *"16", "enter")
    await stage.pass_time(pilot, 1)


async def confirm_workflows(stage: Stage, pilot: Pilot[None]) -> None:
    """A safe power-off of several."""
    await stage.press(pilot, "/", *"cache", "enter", "*", "a", "1")
    await stage.pass_time(pilot, 1)


async def run_many(stage: Stage, pilot: Pilot[None]) -> None:
    """A run of a dozen in the middle: some ended, one failed, one unknown, some in flight, the rest waiting."""
    await stage.send(pilot, "worker-05", ActionType.REBOOT)
    await stage.press(pilot, "/", *"worker-0|worker-1", "enter", "*", "a", "r")
    refuse, lose = stage.vm("worker-08").id, stage.vm("worker-10").id
    no = faults.status(422, '{"message": "the host is being emptied"}')
    stage.server.faults.next(lambda asked: asked.method == "POST" and refuse in asked.target, no)
    stage.server.faults.next(lambda asked: asked.method == "POST" and lose in asked.target, faults.close())
    await stage.until(pilot, lambda: isinstance(stage.app.screen, Confirm))
    await stage.pass_time(pilot, 1)
    await stage.press(pilot, "l")
    await stage.until(pilot, lambda: isinstance(stage.app.screen, OrderDialog))
    await stage.press(pilot, "tab", "tab", "backspace", "4", "enter")
    await confirmed(stage, pilot)


async def run_middle(stage: Stage, pilot: Pilot[None]) -> None:
    """In the middle."""
    await run_many(stage, pilot)
    await stage.pass_time(pilot, 176, by=8)
    await stage.press(pilot, "n")


async def run_ended(stage: Stage, pilot: Pilot[None]) -> None:
    """At its end."""
    await run_many(stage, pilot)
    await stage.pass_time(pilot, 600, by=30)
    await stage.press(pilot, "n")


async def safe_off(stage: Stage, pilot: Pilot[None]) -> None:
    """A VM that does not stop, while it is watched."""
    await stage.go_to(pilot, "stubborn-01")
    await stage.press(pilot, "a", "1")
    await confirmed(stage, pilot)
    await stage.pass_time(pilot, 74)


async def safe_off_asking(stage: Stage, pilot: Pilot[None]) -> None:
    """The same, once it is somebody's turn."""
    await safe_off(stage, pilot)
    await stage.pass_time(pilot, 60)


async def broken_off(stage: Stage, pilot: Pilot[None]) -> None:
    """A guided resize that the cloud refused in the middle: how the VM stands, and what next."""
    no = faults.status(422, '{"message": "size is not available"}')
    stage.server.faults.next(lambda asked: b"resize" in asked.body, no)
    await confirm_workflow(stage, pilot)
    await confirmed(stage, pilot)
    await stage.pass_time(pilot, 60)


async def interrupted(stage: Stage, pilot: Pilot[None]) -> None:
    """A run that the program before did not bring to its end."""
    await stage.until(pilot, lambda: bool(stage.app.update_now.runs))
    await stage.pass_time(pilot, 6)
    await stage.press(pilot, "R")
    await stage.until(pilot, lambda: isinstance(stage.app.screen, RunScreen))


async def interrupted_banner(stage: Stage, pilot: Pilot[None]) -> None:
    """The same, as the cockpit tells it."""
    await stage.until(pilot, lambda: bool(stage.app.update_now.runs))
    await stage.pass_time(pilot, 6)


async def filter_marks(stage: Stage, pilot: Pilot[None]) -> None:
    """Marks that the filter hides are counted."""
    await stage.press(pilot, "space", "space", "/", *"db", "enter", "space", "space", "space", "/")


async def last_standing(stage: Stage, pilot: Pilot[None]) -> None:
    """All of one group, all but one of another, some that are hidden: what would be left is said before the number."""
    await stage.app.run_command("sel", "kafka !kafka-06|name=cache-01")
    await stage.app.run_command("sel", "name=queue-01|name=cache-01")
    await stage.app.run_command("sel", "web|k8s-node-0 is:running")
    await stage.app.run_command("filter", "web|k8s")
    await stage.press(pilot, "i", "s")
    await stage.pass_time(pilot, 1)


TICKET = """Affected since 02:50, please check:
 * web-01, web-02 (WEB-03 is fine)
 * 203.0.113.9 and 10.0.0.1
 * db-99 staging
"""


async def pasted(stage: Stage, pilot: Pilot[None]) -> None:
    """A ticket as it was pasted: whom it names, which word is two VMs, which words are nobody."""
    stage.cloud.add_vm("staging")
    stage.cloud.add_vm("staging")
    stage.app.engine.refresh()
    await stage.until(pilot, lambda: len(stage.app.update_now.view.vms) == 216)
    await stage.press(pilot, "space", "space")
    stage.app.post_message(events.Paste(TICKET))
    await stage.until(pilot, lambda: stage.app.has_dialog)
    await stage.pass_time(pilot, 1)


async def paste_field(stage: Stage, pilot: Pilot[None]) -> None:
    """A field for a list, and what was typed so far."""
    await stage.app.run_command("sel", "paste")
    await stage.press(pilot, *"web-01", "enter", *"db-0")


async def views(stage: Stage, pilot: Pilot[None]) -> None:
    """Saved views; two letters were typed."""
    for name, words in (("night shift", "is:running !staging"), ("big", "ram>=32"), ("databases", "db|es|kafka")):
        await stage.app.run_command("filter", words)
        await stage.press(pilot, *(["O"] if name == "big" else []))
        await stage.app.run_command("save", name)
    await stage.app.run_command("view")
    await stage.press(pilot, *"as")


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


async def no_trace(stage: Stage, pilot: Pilot[None]) -> None:
    """The look-up ended: it may be sent again, and what that may mean is said."""
    stage.server.faults.next("POST", faults.close())
    await stage.send(pilot, "api-03", ActionType.REBOOT)
    await stage.pass_time(pilot, 60)
    await stage.press(pilot, "n", "t", "enter")
    await stage.until(pilot, lambda: stage.app.has_dialog)


async def writing(stage: Stage, pilot: Pilot[None]) -> None:
    """Read-only is lifted for ten minutes, and some of them are over."""
    await stage.press(pilot, "colon", *"rw 10m", "enter")
    await stage.until(pilot, lambda: stage.app.update_now.writes_until is not None)
    await stage.pass_time(pilot, 100)


async def changed(stage: Stage, pilot: Pilot[None]) -> None:
    """Somebody stopped and renamed the VM between the last reading and the yes."""
    await stage.go_to(pilot, "api-03")
    await stage.press(pilot, "a", "t", "enter")
    await stage.pass_time(pilot, 1)
    vm_id = stage.vm("api-03").id
    stage.cloud.set_status(vm_id, "stopped")
    stage.cloud.vm(vm_id).name = "api-03-old"
    await stage.press(pilot, "y")
    await stage.until(pilot, lambda: stage.app.has_dialog)


async def unfulfilled(stage: Stage, pilot: Pilot[None]) -> None:
    """The cloud calls a shutdown completed, and the VM runs on."""
    await stage.send(pilot, "stubborn-01", ActionType.SHUTDOWN)
    await stage.pass_time(pilot, 100)
    await stage.go_to(pilot, "stubborn-01")
    await stage.press(pilot, "ctrl+r")
    await stage.until(pilot, lambda: stage.app.update_now.view.read_at == stage.clock.monotonic())
    await stage.press(pilot, "t", "enter")
    await stage.until(pilot, lambda: stage.app.has_dialog)


async def unfulfilled_details(stage: Stage, pilot: Pilot[None]) -> None:
    """The same, where one VM has the whole screen."""
    await stage.send(pilot, "stubborn-01", ActionType.SHUTDOWN)
    await stage.pass_time(pilot, 100)
    await stage.go_to(pilot, "stubborn-01")
    await stage.press(pilot, "enter")
    await pilot.pause(0.3)


async def vanished(stage: Stage, pilot: Pilot[None]) -> None:
    """A marked VM is gone: that stays on the screen until it was seen."""
    await stage.press(pilot, "space", "space", "space")
    stage.cloud.delete(stage.vm("api-02").id)
    await stage.turn(pilot, 31)
    await stage.until(pilot, lambda: bool(stage.app.cockpit.lost))
    await stage.pass_time(pilot, 10)


async def offline(stage: Stage, pilot: Pilot[None]) -> None:
    """The last good data stays, with its age."""
    await stage.turn(pilot, 0)
    stage.server.faults.always("*", faults.status(503, "<html>maintenance</html>", headers={"retry-after": "8"}))
    stage.clock.turn(31)
    await stage.until(pilot, lambda: stage.app.update_now.link.state is LinkState.OFFLINE)


async def unauthorised(stage: Stage, pilot: Pilot[None]) -> None:
    """A password that is no longer good."""
    await stage.turn(pilot, 0)
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
    Scene("last-standing", "Shares of groups, hidden ones, and what would be left, before the number.", last_standing),
    Scene("last-standing-80x24", "The same on a small screen: what decides comes first.", last_standing, size=SMALL),
    Scene("pasted", "Whom a ticket names, what is ambiguous, what is nobody; Cancel has the focus.", pasted),
    Scene("pasted-80x24", "The same on a small screen.", pasted, size=SMALL),
    Scene("pasted-40x12", "The same on the smallest.", pasted, size=TINY),
    Scene("paste-field-80x24", "A field of several lines, and what it comes to so far.", paste_field, size=SMALL),
    Scene("views-80x24", "Saved views with what they show; letters narrow.", views, size=SMALL),
    Scene("order", "Paces and numbers; one of them is none.", order),
    Scene("order-80x24", "The same on a small screen.", order, size=SMALL),
    Scene("confirm-workflow", "Steps with their conditions, and every request.", confirm_workflow, is_calm=True),
    Scene("confirm-workflow-80x24", "The same on a small screen.", confirm_workflow, size=SMALL, is_calm=True),
    Scene("confirm-workflows", "A safe power-off of several, and its order.", confirm_workflows, is_calm=True),
    Scene("run", "The strip, the counts, a row a VM, and the failed one explained.", run_middle, is_calm=True),
    Scene("run-80x24", "The same on a small screen.", run_middle, size=SMALL, is_calm=True),
    Scene("run-40x12", "The same on the smallest.", run_middle, size=TINY, is_calm=True),
    Scene("run-ended", "How it ended, and how it is gone on with.", run_ended, is_calm=True),
    Scene("safe-off", "Steps, countdown, the usual end on the bar, one key a choice.", safe_off, is_calm=True),
    Scene("safe-off-asking", "The same at its limit.", safe_off_asking, is_calm=True),
    Scene("safe-off-80x24", "The same on a small screen.", safe_off, size=SMALL, is_calm=True),
    Scene("broken-off", "How the VM stands, and one key a next move.", broken_off, is_calm=True),
    Scene(
        "interrupted", "What was sent and what not, and two ways on.", interrupted, is_calm=True, is_after_a_run=True
    ),
    Scene(
        "interrupted-80x24",
        "The banner: how many were not sent, and the key that opens it.",
        interrupted_banner,
        size=SMALL,
        is_calm=True,
        is_after_a_run=True,
    ),
    Scene("filter-marks", "Found letters underlined, hidden marks counted.", filter_marks),
    Scene("nothing-matches-80x24", "One sentence, what is hidden, the nearest word.", nothing_matches, size=SMALL),
    Scene("bad-filter-80x24", "What is wrong with the filter, and the nearest key.", bad_filter, size=SMALL),
    Scene("unknown", "A violet frame: do not repeat it.", unknown, is_in_readme=True),
    Scene("unknown-80x24", "The same on a small screen.", unknown, size=SMALL),
    Scene("no-trace-80x24", "No trace so far; what sending again may mean.", no_trace, size=SMALL, is_calm=True),
    Scene("changed", "What was seen, what is, and one key to ask again.", changed),
    Scene("changed-80x24", "The same on a small screen.", changed, size=SMALL),
    Scene("unfulfilled", "Accepted, completed, and not on the VM; the next step.", unfulfilled, is_calm=True),
    Scene("unfulfilled-80x24", "The same on a small screen.", unfulfilled, size=SMALL, is_calm=True),
    Scene("unfulfilled-details-80x24", "What next, beside the VM.", unfulfilled_details, size=SMALL, is_calm=True),
    Scene("vanished-80x24", "A marked VM that is gone, below the list.", vanished, size=SMALL),
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
    Scene(
        "writing",
        "An amber badge and line: changes are allowed, for how long, and how it ends.",
        writing,
        is_production=True,
        starts_read_only=True,
    ),
    Scene("writing-80x24", "The same on a small screen.", writing, size=SMALL, starts_read_only=True),
    Scene("read-only-80x24", "Looking only, and the way out.", palette, size=SMALL, starts_read_only=True),
    Scene("help", "Keys, signs and squares.", help_, is_in_readme=True),
    Scene("command-line-80x24", "Usage, reach and completions above the line.", command, size=SMALL),
    Scene("hostile-names", "Names as visible text.", still, vms=20, is_calm=True, quirks={"hostile-names": ""}),
    Scene("day", "The light theme.", busy, theme="day", is_in_readme=True),
    Scene("clear", "The theme for all kinds of sight.", busy, theme="clear"),
    Scene("ansi", "The terminal's own sixteen colours.", busy, theme="ansi"),
    Scene("no-colour-ascii-80x24", "No colour, no Unicode.", busy, size=SMALL, glyphs="ascii", is_colourless=True),
)
