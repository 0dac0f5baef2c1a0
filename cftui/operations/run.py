"""One confirmed plan while it is carried out: waves, how many at once, pause, stop after so many failures."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby

from cftui.clock import Clock
from cftui.operations.carrying import Carrying, Tools
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Workflow
from cftui.operations.runs import OVER, STOPPED, RunState, RunView, TargetState
from cftui.text import duration

log = logging.getLogger(__name__)

PARKED = "nothing more is sent before it is confirmed anew"

_WAITS = "the cloud asks to wait"

_BAD = frozenset({TargetState.FAILED, TargetState.UNKNOWN})


class Run:
    """Leads every VM of a plan through its steps, each request sent at most once.

    Args:
        plan: What was confirmed.
        order: How many at once, and when to stop.
        tools: Sends and sees.
        clock: The time.
        confirmed_at: Seconds since 1970.
        changed: Called when the view is different.
        hopeless: Why no further request can be sent at all (nothing can be journalled, the credentials are refused);
            empty while some can.
        is_parked: The program that began it ended before it did: what was sent is followed, and nothing more is sent.
    """

    def __init__(
        self,
        plan: Plan,
        order: Order,
        tools: Tools,
        *,
        clock: Clock,
        confirmed_at: float,
        changed: Callable[[], None] = lambda: None,
        hopeless: Callable[[], str] = lambda: "",
        is_parked: bool = False,
    ) -> None:
        self.plan = plan
        self.order = order
        self._tools = tools
        self._clock = clock
        self._confirmed_at = confirmed_at
        self._changed = changed
        self._hopeless = hopeless
        self._state = RunState.INTERRUPTED if is_parked else RunState.RUNNING
        self._message = ""
        self._view: RunView | None = None
        self._going_on = asyncio.Event()
        self._going_on.set()
        self._halted = asyncio.Event()
        """Whoever waits for a turn of theirs need not: none will come."""
        self._all_sent = asyncio.Event()
        self._over = asyncio.Event()
        self._next_start = 0.0
        self._sent: set[int] = set()
        self._doubtful: set[int] = set()
        self.gate = asyncio.Semaphore(order.max_parallel)
        self._targets = [
            Carrying(list(steps), order, tools, clock, self)
            for _, steps in groupby(plan.steps, key=lambda step: step.vm.id)
        ]
        # Kept up to date one VM at a time: what an event costs does not grow with the run.
        self._views = [target.view for target in self._targets]
        self._places = {id(target): place for place, target in enumerate(self._targets)}
        self._counts = Counter({TargetState.WAITING: len(self._targets)})
        self._began_at = None if is_parked else clock.monotonic()
        self._ended_at: float | None = None
        if is_parked:
            self._all_sent.set()

    @property
    def view(self) -> RunView:
        """How it stands; the same object until something moves."""
        if self._view is None:
            self._view = RunView(
                self.plan,
                self.order,
                self._state,
                self._confirmed_at,
                tuple(self._views),
                self._message,
                counts=dict(self._counts),
                doubtful=len(self._doubtful),
                began_at=self._began_at,
                ended_at=self._ended_at,
            )
        return self._view

    @property
    def state(self) -> RunState:
        """Whether more is to come."""
        return self._state

    @property
    def message(self) -> str:
        """Why it stopped, or waits."""
        return self._message

    @property
    def is_listed(self) -> bool:
        """Whether it is more than one request to one VM, which the history shows well enough."""
        return len(self._targets) > 1 or self.plan.workflow is not Workflow.NONE

    @property
    def unsent(self) -> int:
        """VMs that have not begun and may still."""
        return 0 if self._state in (RunState.ENDED, RunState.INTERRUPTED) else self._counts[TargetState.WAITING]

    async def carry_out(self) -> None:
        """Every wave to its end; never raises but for the end of the task itself."""
        try:
            if self.is_parked:
                await asyncio.gather(*map(self._lead, self._targets))
            else:
                await self._waves()
            if not self.is_parked or not self._counts[TargetState.WAITING]:
                self._ended_at = self._clock.monotonic()
                self._set(RunState.ENDED, self._message)
        finally:  # neither a bug nor the end of the program leaves anybody waiting
            self._all_sent.set()
            self._over.set()

    async def _waves(self) -> None:
        begin = 0
        waves = self.order.waves(len(self._targets))
        for index, size in enumerate(waves):
            wave = self._targets[begin : begin + size]
            begin += size
            await self._wave(wave)
            if index < len(waves) - 1 and any(target.view.state in _BAD for target in wave) and self.order.is_canary:
                self.abort(f"{'the first VM' if size == 1 else 'the first wave'} went wrong")

    async def until_sent(self) -> None:
        """Until nothing more will be sent; ends may still be awaited."""
        await self._all_sent.wait()

    async def until_ended(self) -> None:
        """Until every VM has come to its end."""
        await self._over.wait()

    def pause(self, is_paused: bool) -> None:
        """Begin no further VM, or go on; what is in flight goes on to its end."""
        if self._state in (RunState.RUNNING, RunState.PAUSED):
            self._set(RunState.PAUSED if is_paused else RunState.RUNNING, "")
            (self._going_on.clear if is_paused else self._going_on.set)()

    def abort(self, message: str = "aborted") -> None:
        """Begin nothing more; what was sent goes on and is followed to its end."""
        if self._state in (RunState.RUNNING, RunState.PAUSED):
            self._set(RunState.STOPPING, message)
            self._going_on.set()
            self._halted.set()

    def wait_longer(self, vm_id: str) -> None:
        """Watch a VM that has not stopped for another limit."""
        for target in self._of(vm_id):
            target.wait_longer()

    def give_up(self, vm_id: str) -> None:
        """Send nothing more to a VM; what was sent may still take effect."""
        for target in self._of(vm_id):
            target.give_up()

    def _of(self, vm_id: str) -> list[Carrying]:
        return [target for target in self._targets if target.view.vm_id == vm_id and target.view.state not in OVER]

    async def _wave(self, wave: Sequence[Carrying]) -> None:
        flight = asyncio.Semaphore(self.order.in_flight or len(wave) or 1)

        async def lead(target: Carrying) -> None:
            async with flight:
                await self._lead(target)

        await asyncio.gather(*map(lead, wave))

    async def _lead(self, target: Carrying) -> None:
        """A bug that ends one VM's way begins nothing more of any, and leaves no other VM untold."""
        try:
            await target.lead()
        except Exception:
            log.exception("A VM of a run failed inside cftui")
            target.break_off("it failed inside cftui; look at the VM")
            self.abort("it failed inside cftui")

    async def turn(self) -> None:
        """Wait until a further VM may begin, or until nothing may any more."""
        if self.is_parked:
            return
        while not self.refusal:
            await self._clock.wait(self._going_on)
            await self._until_the_cloud_lets()
            start = max(self._clock.monotonic(), self._next_start)
            self._next_start = start + self.order.stagger_s
            if start > self._clock.monotonic():
                await self._clock.wait(self._halted, start - self._clock.monotonic())
            if not self.must_wait:
                return  # else its turn came while nothing may begin, and it takes another one

    async def _until_the_cloud_lets(self) -> None:
        while len(self._targets) > 1 and (wait_s := self._tools.wait_s) > 0 and not self.refusal:
            if not self._message:
                self._set(self._state, f"{_WAITS} {duration(math.ceil(wait_s))}")
            await self._clock.wait(self._halted, wait_s)
        if self._message.startswith(_WAITS) and not self._tools.wait_s:
            self._set(self._state, "")

    @property
    def must_wait(self) -> bool:
        """Whether no further VM may begin just now. One VM alone never waits: nothing is sent late by itself."""
        return self._state is RunState.PAUSED or (len(self._targets) > 1 and self._tools.wait_s > 0)

    @property
    def is_patient(self) -> bool:
        """Whether a VM may begin later than now, by itself."""
        return len(self._targets) > 1

    @property
    def is_parked(self) -> bool:
        """Whether nothing is sent before somebody says so."""
        return self._state is RunState.INTERRUPTED

    @property
    def refusal(self) -> str:
        """Why nothing may be sent any more; empty while it may."""
        if self.is_parked:
            return PARKED
        if self._state not in (RunState.RUNNING, RunState.PAUSED):
            return STOPPED if self._message in ("", "aborted", STOPPED) else f"{STOPPED}: {self._message}"
        return self._hopeless()

    def moved(self, target: Carrying) -> None:
        """The view of a VM is different."""
        self._view = None
        place = self._places[id(target)]
        before, self._views[place] = self._views[place].state, target.view
        if before is not target.view.state:
            self._counts[before] -= 1
            self._counts[target.view.state] += 1
        if target.has_sent_all and id(target) not in self._sent:
            self._sent.add(id(target))
            if len(self._sent) == len(self._targets):
                self._all_sent.set()
        if (target.is_doubtful or target.view.state in _BAD) and id(target) not in self._doubtful:
            self._doubtful.add(id(target))
            if self.order.stop_after is not None and len(self._doubtful) >= self.order.stop_after:
                self.abort(f"stopped after {len(self._doubtful)} went wrong")
        if self._hopeless():
            self._halted.set()
        if self._state is RunState.RUNNING and target.is_unreachable and self.order.is_attended and self.unsent:
            self._set(RunState.PAUSED, "the cloud does not answer; go on when it does")
            self._going_on.clear()
        self._changed()

    def _set(self, state: RunState, message: str) -> None:
        self._state, self._message, self._view = state, message, None
        self._changed()
