"""How one VM of a run is led through its steps, each sent at most once whichever program sends it.

What was sent by an earlier program is known by its token, so that a run that was interrupted is led through what it
did already, and goes on where it stood.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from cftui.clock import Clock
from cftui.fleet import rules
from cftui.fleet.effects import effect_seen
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import Power, VmRow, instant
from cftui.operations.order import Order
from cftui.operations.plan import Role, Step
from cftui.operations.runs import WAIT, TargetState, TargetView
from cftui.text import duration

_LOOK_EVERY_S = 5.0
"""How often a VM that does not stop is read once nobody else does."""

_YOUR_TURN = {Role.STOP: "it has not stopped: your turn", Role.ALWAYS: "it is not back: your turn"}

_UNREACHABLE = frozenset({"unread", "unreachable"})
"""Reasons of a request that was not sent which say more of the cloud than of the VM."""

_GOOD = frozenset({Stage.VERIFIED, Stage.COMPLETED})
_NOT_BEGUN = frozenset({Stage.SKIPPED, Stage.NOT_SENT, Stage.REJECTED})
_WRONG = _NOT_BEGUN | {Stage.ERRORED, Stage.TIMED_OUT}


class Tools(Protocol):
    """What leading a VM through its steps needs of whoever can send and see."""

    async def send(self, step: Step) -> Submission:
        """Send one step, at most once for ever; what was sent before is given back as it is now."""

    @property
    def wait_s(self) -> float:
        """For how long the cloud asked to be sent nothing more; 0 when it did not."""

    def leave_out(self, step: Step, message: str) -> None:
        """The first step of a VM is not sent, and the message says why."""

    def now(self, token: str) -> Submission | None:
        """What is known of a step; None when it was never begun."""

    def vm(self, vm_id: str) -> VmRow | None:
        """The VM as last read."""

    async def look(self, vm_id: str) -> None:
        """Read the VM now; a failure is nobody's concern here."""

    async def news_of(self, token: str, *, within_s: float) -> None:
        """Until there is news of a step, or the time is over."""


class Conductor(Protocol):
    """Who says when a request may be sent, for all VMs of a run."""

    gate: asyncio.Semaphore
    """Passed by each request while it is under way."""

    @property
    def must_wait(self) -> bool:
        """Whether no further VM may begin just now."""

    @property
    def is_patient(self) -> bool:
        """Whether a VM may begin later than now, by itself."""

    @property
    def is_parked(self) -> bool:
        """Whether nothing is sent before somebody says so: what was sent is followed, the rest stays where it is."""

    @property
    def refusal(self) -> str:
        """Why nothing may be sent any more; empty while it may."""

    async def turn(self) -> None:
        """Wait until a further VM may begin, or until nothing may any more."""

    def moved(self, target: Carrying) -> None:
        """The view of a VM is different."""


@dataclass(slots=True)
class Carrying:
    """One VM on its way through its steps.

    Args:
        steps: Of one VM, in the plan's order.
        order: Limits.
        tools: Sends and sees.
        clock: The time.
        conductor: Says when.
    """

    steps: Sequence[Step]
    order: Order
    tools: Tools
    clock: Clock
    conductor: Conductor
    view: TargetView = field(init=False)
    is_given_up: bool = False
    is_doubtful: bool = False
    """Whether something about it went wrong, or is not known, as soon as that is told."""
    is_unreachable: bool = False
    """Whether its last request was not sent because the cloud does not answer."""
    has_sent_all: bool = False
    """Whether nothing more of it will be sent, whatever its end."""
    _has_stopped_it: bool = False
    _has_sent: bool = False
    """Whether any of it was sent by this very program."""

    def __post_init__(self) -> None:
        vm = self.steps[0].vm
        self.view = TargetView(vm.id, vm.name, tuple(step.token for step in self.steps))

    async def lead(self) -> None:
        """Through all steps to the last one's end, or to the first that goes wrong."""
        for index, step in enumerate(self.steps):
            if step.role is Role.FORCE and index:
                continue  # sent by the step before it, or not at all
            if words := self._not_needed(step, self.steps[index + 1 :]):
                self._set(self.view.state, words, not_needed=self.view.not_needed | {step.token})
                continue
            force = next((s for s in self.steps[index + 1 : index + 2] if s.role is Role.FORCE), None)
            if not await self._do(step, force):
                return
        self.has_sent_all = True
        self._end(TargetState.DONE, self._how_it_ended())

    def give_up(self) -> None:
        """Send nothing more; what was sent may still take effect."""
        self.is_given_up = True

    def break_off(self, message: str) -> None:
        """Nothing more can be told of it: what was sent may have any end."""
        self._end(TargetState.UNKNOWN if self.view.began_at is not None else TargetState.FAILED, message)

    def wait_longer(self) -> None:
        """Watch for another limit before anyone is asked, or asked again."""
        limit_s, decide_by = self.order.stop_limit_s, self.view.decide_by
        if self.view.state is TargetState.ASKING:
            self._set(TargetState.ACTIVE, "", decide_by=self.clock.monotonic() + limit_s)
        elif decide_by is not None and self.order.force_after_s is None:
            self._set(TargetState.ACTIVE, self.view.message, decide_by=decide_by + limit_s)

    def _not_needed(self, step: Step, later: Sequence[Step]) -> str:
        if self.tools.now(step.token) is not None:
            return ""
        if any(self.tools.now(other.token) is not None for other in later):
            return "passed over before"
        vm = self.tools.vm(step.vm.id) or step.vm
        if step.role is Role.STOP and vm.power is Power.OFF:
            return "stopped already"
        if step.role is Role.START and not self._has_stopped_it:
            return "it was stopped before and stays so"
        if step.role is Role.START and vm.power is Power.ON:
            return "running already"
        return ""

    async def _do(self, step: Step, force: Step | None) -> bool:
        """One step to its end; whether the next may follow."""
        submission = await self._send(step)
        if submission is None:
            return False
        if submission.reason == WAIT:  # nothing was sent, and nobody waits for the cloud to let it
            return self._judge(submission, step)
        if step.role is Role.STOP and submission.stage not in _NOT_BEGUN:
            self._has_stopped_it = True
        is_last = step.token == self.steps[-1].token
        if is_last:
            self.has_sent_all = True
            self.conductor.moved(self)
        if force is not None:
            return await self._watch(step, force)
        return self._judge(await self._settled(submission), step)

    async def _send(self, step: Step) -> Submission | None:
        """The step once it was sent, now or by an earlier program, or None when its turn never came."""
        is_first = self.view.began_at is None
        while (submission := self.tools.now(step.token)) is None:
            if is_first:
                await self.conductor.turn()
            else:
                await self._until_the_cloud_lets(step)
            async with self.conductor.gate:
                if self.conductor.refusal:
                    self._not_sent(step)
                    return None
                if is_first and self.conductor.must_wait:
                    continue
                self._set(TargetState.ACTIVE, began_at=self.clock.monotonic() if is_first else self.view.began_at)
                self._has_sent = True
                submission = await self.tools.send(self._expected(step))
            if submission.reason != WAIT or not self._is_patient(step, is_first=is_first):
                break
            if is_first:
                self._set(TargetState.WAITING, submission.message, began_at=None)
        if self.view.began_at is None:
            ago = max(0.0, self.clock.now().timestamp() - submission.intended)
            self._set(TargetState.ACTIVE, began_at=self.clock.monotonic() - ago)
        self.is_unreachable = self._has_sent and submission.reason in _UNREACHABLE
        if submission.stage in _WRONG or submission.stage is Stage.UNKNOWN:
            self.is_doubtful = True
            self.conductor.moved(self)
        return submission

    async def _until_the_cloud_lets(self, step: Step) -> None:
        """Wait as the cloud asks rather than leave a VM half way; for no longer than the step itself may take."""
        until = self.clock.monotonic() + self._limit_s(step.request.type)
        while 0 < (wait_s := self.tools.wait_s) <= until - self.clock.monotonic() and not self.is_given_up:
            self._set(self.view.state, f"the cloud asks to wait {duration(math.ceil(wait_s))}")
            await self.clock.sleep(min(wait_s, _LOOK_EVERY_S))

    def _is_patient(self, step: Step, *, is_first: bool) -> bool:
        """Whether what the cloud asked to wait with is sent when that time is over."""
        if is_first:
            return self.conductor.is_patient
        return self.tools.wait_s <= self._limit_s(step.request.type) and not self.is_given_up

    def _not_sent(self, step: Step) -> None:
        if self.conductor.is_parked:
            is_next = "" if self.view.began_at is None else self._stands(f"{step.request.type} is next")
            self._set(TargetState.WAITING, is_next)
        elif self.view.began_at is None:
            self.tools.leave_out(step, self.conductor.refusal)
            self._end(TargetState.LEFT_OUT, self.conductor.refusal)
        else:
            self._end(TargetState.FAILED, self._stands(self.conductor.refusal))

    def _expected(self, step: Step) -> Step:
        """The step with the VM as it must be found: as confirmed, and then as this run has left it."""
        now = self.tools.vm(step.vm.id)
        has_begun = any(self.tools.now(other.token) is not None for other in self.steps)
        if not has_begun or now is None:
            return step
        seen = step.vm._replace(power=now.power, status=now.status, cpu=now.cpu, ram_gb=now.ram_gb, disk_gb=now.disk_gb)
        if step.role is Role.ALWAYS and now.power is Power.ON and any(one.role is Role.STOP for one in self.steps):
            seen = seen._replace(
                power=Power.OFF, status="stopped"
            )  # somebody started it: what needs it off is not sent
        return replace(step, vm=seen)

    async def _settled(self, submission: Submission) -> Submission:
        """A step when nobody waits for news of it any more, or its type's usual limit has passed."""
        limit_s = self._limit_s(submission.type)
        deadline = self.clock.monotonic() + limit_s
        while not submission.is_settled and (left := deadline - self.clock.monotonic()) > 0 and not self.is_given_up:
            await self.tools.news_of(submission.token, within_s=left)
            submission = self.tools.now(submission.token) or submission
        if submission.is_settled or submission.stage not in (Stage.SENDING, Stage.ACCEPTED):
            return submission
        how = "given up" if self.is_given_up else f"not seen to finish in {duration(limit_s)}"
        message = f"{how}; it may still be running"
        return replace(submission, stage=Stage.TIMED_OUT, message=message)

    def _limit_s(self, type_: str) -> float:
        return rules.usual_limit_s(type_) if self.order.end_limit_s is None else self.order.end_limit_s

    async def _watch(self, step: Step, force: Step) -> bool:
        """A VM that was asked to stop (or to reboot): until it has, or somebody decides."""
        if self.tools.now(force.token) is not None:
            return await self._cut(force)
        began = self.clock.monotonic()
        force_at = None if self.order.force_after_s is None else began + self.order.force_after_s
        self._set(TargetState.ACTIVE, "", decide_by=force_at or began + self.order.stop_limit_s)
        looked_at = began
        while True:
            submission = self.tools.now(step.token)
            assert submission is not None
            if self._has_taken_effect(step, submission):
                self._set(TargetState.ACTIVE, "", decide_by=None)
                return True
            if submission.stage is Stage.UNKNOWN and submission.is_settled:
                return self._judge(submission, step)
            is_over = submission.is_settled and submission.stage in _WRONG
            if step.role is Role.STOP and submission.stage is Stage.TIMED_OUT:
                is_over = False  # the VM itself tells whether it stops
            if is_over and (force_at is None or submission.stage is not Stage.ERRORED):
                return self._judge(submission, step)
            if self.conductor.is_parked and submission.is_settled:
                self._set(TargetState.WAITING, self._stands(submission.message), decide_by=None)
                return False
            if self.is_given_up:
                if submission.stage is Stage.UNKNOWN:
                    return self._judge(submission, step)
                self._end(TargetState.FAILED, self._stands("given up" if self.order.is_attended else "it did not stop"))
                return False
            now = self.clock.monotonic()
            if force_at is not None and (now >= force_at or is_over) and not _is_open(submission):
                return await self._cut(force)
            decide_by = self.view.decide_by
            if force_at is not None and decide_by is not None:  # and its shutdown has not ended
                decide_by = max(decide_by, began + self.order.stop_limit_s)
            if decide_by is not None and now >= decide_by and not self.conductor.is_parked:
                if not self.order.is_attended:
                    self.give_up()
                    continue
                if self.view.state is not TargetState.ASKING:
                    self._set(TargetState.ASKING, _YOUR_TURN[step.role])
            if submission.is_settled and now - looked_at >= _LOOK_EVERY_S:
                looked_at = now
                await self.tools.look(step.vm.id)
            ends = [deadline for deadline in (force_at, decide_by) if deadline is not None and deadline > now]
            await self.tools.news_of(step.token, within_s=min([_LOOK_EVERY_S, *(end - now for end in ends)]))

    async def _cut(self, force: Step) -> bool:
        self._set(TargetState.ACTIVE, "", decide_by=None)
        forced = await self._send(force)
        self.has_sent_all = self.has_sent_all or force is self.steps[-1]
        return forced is not None and self._judge(await self._settled(forced), force)

    def _has_taken_effect(self, step: Step, submission: Submission) -> bool:
        if step.role is not Role.STOP:
            return submission.stage in _GOOD and submission.is_settled
        vm = self.tools.vm(step.vm.id)
        return submission.stage is Stage.VERIFIED or (
            submission.is_settled
            and vm is not None
            and vm.power is Power.OFF
            and submission.stage is not Stage.REJECTED
        )

    def _judge(self, submission: Submission, step: Step) -> bool:
        if submission.stage is Stage.UNKNOWN:
            self._end(TargetState.UNKNOWN, self._stands(submission.message))
            return False
        vm = self.tools.vm(step.vm.id)
        is_missing = vm is not None and effect_seen(submission.type, submission.body, submission.before, vm) is False
        if submission.stage not in _GOOD or (submission.stage is Stage.COMPLETED and is_missing):
            self._end(TargetState.FAILED, self._stands(submission.message))
            return False
        return True

    def _stands(self, why: str) -> str:
        """How it ended before its end, and how the VM stands then."""
        vm = self.tools.vm(self.view.vm_id)
        if len(self.steps) == 1 or vm is None:
            return why
        return f"{why}; the VM is {vm.status}" if why else f"the VM is {vm.status}"

    def _how_it_ended(self) -> str:
        last = next((s for s in reversed(self.steps) if self.tools.now(s.token) is not None), None)
        if last is None:
            return self.view.message
        submission = self.tools.now(last.token)
        return submission.message if submission is not None else ""

    def _end(self, state: TargetState, message: str) -> None:
        self.has_sent_all = True
        now = self.clock.monotonic()
        if not self._has_sent and self.view.began_at is not None:
            now = min(now, self.view.began_at + self._took_s())
        self._set(state, message, ended_at=now, decide_by=None)

    def _took_s(self) -> float:
        """By the cloud's clock: how long what an earlier program sent was under way, as far as that was told."""
        told = [one for step in self.steps if (one := self.tools.now(step.token)) is not None]
        begun = [at for one in told if (at := instant(one.started_at)) is not None]
        ended = [at for one in told if (at := instant(one.completed_at)) is not None]
        return max(0.0, max(ended) - min(begun)) if begun and ended else 0.0

    def _set(self, state: TargetState, message: str = "", **changes: object) -> None:
        self.view = replace(self.view, state=state, message=message, **changes)  # type: ignore[arg-type]
        self.conductor.moved(self)


def _is_open(submission: Submission) -> bool:
    return not submission.is_settled and submission.stage in (Stage.SENDING, Stage.ACCEPTED, Stage.UNKNOWN)
