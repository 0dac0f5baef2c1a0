"""Many steps of one plan: so many at a time, in order, stopping where told to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from cftui.fleet.history import Stage
from cftui.operations.journal import JournalEntry
from cftui.operations.plan import Plan, Step

_BAD = frozenset({Stage.SKIPPED, Stage.REJECTED, Stage.NOT_SENT, Stage.UNKNOWN})

_HOPELESS = frozenset({"journal", "401", "stopped"})
"""Reasons that hold for every step that would follow: nothing can be journalled, the credentials are refused."""


async def run(
    plan: Plan,
    send: Callable[[Step], Awaitable[JournalEntry]],
    not_begun: Callable[[Step], JournalEntry],
    *,
    max_parallel: int,
    stop_on_error: bool,
) -> list[JournalEntry]:
    """Send every step, each at most once.

    Args:
        plan: What was confirmed.
        send: Sends one step and returns its verdict.
        not_begun: The entry of a step that is not sent because the run was stopped.
        max_parallel: How many may be under way at once.
        stop_on_error: Begin no further step after one that was refused, rejected, or whose outcome is unknown.

    Returns:
        An entry for every step, in the plan's order; those that were not begun are `not_sent`.
    """
    entries: dict[str, JournalEntry] = {}
    waiting = deque(plan.steps)
    is_stopped = False

    async def work() -> None:
        nonlocal is_stopped
        while waiting and not is_stopped:
            step = waiting.popleft()
            entry = entries[step.token] = await send(step)
            reason = entry.submission.reason
            is_stopped |= reason in _HOPELESS or (stop_on_error and entry.submission.stage in _BAD)

    await asyncio.gather(*(work() for _ in range(min(max_parallel, len(plan.steps)))))
    entries |= {step.token: not_begun(step) for step in waiting}
    return [entries[step.token] for step in plan.steps]
