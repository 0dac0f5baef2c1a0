"""Answers of the simulated cloud in other words, and time in long steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cftui.simulator.faults import Fault
from cftui.simulator.messages import Answer
from tests.operations.conftest import World

ACTION_LISTS = "GET /actions"


def rewritten(change: Callable[[dict[str, Any]], object]) -> Fault:
    """The true answer, changed in place."""

    def rewrite(true: Answer) -> Answer:
        if true.status >= 300:
            return true
        reply = json.loads(true.body)
        change(reply)
        return replace(true, body=json.dumps(reply).encode())

    return Fault("rewritten", True, rewrite=rewrite)


def each_action(change: Callable[[dict[str, Any]], object]) -> Fault:
    """Every action of a list, or the one of an answer to a POST, changed in place."""

    def change_all(reply: dict[str, Any]) -> None:
        for action in reply["actions"] if "actions" in reply else [reply["action"]]:
            change(action)

    return rewritten(change_all)


async def leap(world: World, seconds: float, *, step: float = 30) -> None:
    """Both clocks, in long steps: whatever is due on the way happens at its own instant here, later in the cloud."""
    left = seconds
    while left > 0:
        world.cloud_clock.advance(min(step, left))
        await world.clock.advance(min(step, left))
        left -= step
