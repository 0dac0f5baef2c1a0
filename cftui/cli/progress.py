"""Telling how a run goes on: what it waits for, what was not needed, how far it is and about how long it will take."""

from __future__ import annotations

import math
from collections.abc import Callable

from cftui.cli.follow import LinkTeller, ProgressTeller, event_line, updates
from cftui.cli.output import Narrator, named
from cftui.clock import Clock
from cftui.operations.engine import Engine
from cftui.operations.plan import Plan, Workflow
from cftui.operations.progress import eta_s
from cftui.operations.runs import OVER, RunState, RunView, TargetView
from cftui.operations.state import Update
from cftui.text import clean, duration

_TENTHS = 10
"""A run tells how far it is at most so often; what happens to each VM is told anyhow."""


async def narrate(engine: Engine, plan: Plan, tell: Narrator) -> None:
    """Tell each step of what is sent, until cancelled."""
    link, run, told = LinkTeller(tell), RunTeller(plan, tell), dict[str, str]()
    progress, tokens = ProgressTeller(tell), {step.token for step in plan.steps}
    async for update in updates(engine):
        link(update.link)
        for step in plan.steps:
            submission = update.view.submissions.get(step.token)
            if submission is not None and told.get(step.token) != (line := event_line(submission)):
                told[step.token] = line
                tell(line)
        progress((entry for entry in update.view.history if entry.id in tokens), update)
        run(update)


class RunTeller:
    """Tells what is to be told of a run beside its requests.

    Args:
        plan: Which run.
        tell: Takes a line.
    """

    def __init__(self, plan: Plan, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._tell = tell
        self._clock = Clock()
        self._message = ""
        self._tenths = 0
        self._targets: dict[str, str] = {}
        """By VM id, what was said of it last."""
        self._watched: set[str] = set()

    def __call__(self, update: Update) -> None:
        """Tell it, if it is different."""
        run = next((run for run in update.runs if run.id == self._plan.id), None)
        if run is None:
            return
        if run.message != self._message and run.state is not RunState.ENDED:
            self._message = run.message
            if run.message:
                self._tell(f"{_HEADS[run.state]}: {clean(run.message)}.")
        if self._plan.workflow is not Workflow.NONE:
            for target in run.targets:
                self._tell_target(target, run)
        self._tell_progress(run, update)

    def _tell_target(self, target: TargetView, run: RunView) -> None:
        if target.decide_by is not None and target.vm_id not in self._watched:
            self._watched.add(target.vm_id)
            force_s = run.order.force_after_s
            limit_s = run.order.stop_limit_s if force_s is None else force_s
            then = "" if force_s is None else "; then its power is cut"
            self._tell(f"{named(target.vm_name)}: watching whether it stops, for up to {duration(limit_s)}{then}")
        if target.state in OVER or not target.message or self._targets.get(target.vm_id) == target.message:
            return
        self._targets[target.vm_id] = target.message
        self._tell(f"{named(target.vm_name)}: {clean(target.message)}")

    def _tell_progress(self, run: RunView, update: Update) -> None:
        number = len(run.targets)
        tenths = run.ended * _TENTHS // number
        if tenths == self._tenths or run.ended == number:
            return
        self._tenths = tenths
        left = eta_s(run, update.estimates, update.view.vms, self._clock.monotonic())
        about = f", about {_coarse(left)} left" if left is not None else ""
        self._tell(f"{run.ended:,} of {number:,}{about}")


def _coarse(seconds: float) -> str:
    """A time that is only estimated, in steps that nobody takes for exact: `25 s`, `1 m 30 s`."""
    step = 5 if seconds < 95 else 30
    return duration(max(1, math.ceil(seconds / step)) * step)


_HEADS = {
    RunState.RUNNING: "Waiting",
    RunState.PAUSED: "Paused",
    RunState.STOPPING: "Stopping",
    RunState.INTERRUPTED: "Interrupted",
}
