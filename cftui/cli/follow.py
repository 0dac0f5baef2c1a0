"""Telling what happens while it happens: one line an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from cftui.cli.output import named
from cftui.clock import Clock
from cftui.fleet.estimates import progress_words
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.operations.engine import Engine
from cftui.operations.state import Link, LinkState, Update

_LOOK_EVERY_S = 5.0
"""So often it is looked whether some action takes long enough to be told of again."""
_STEPS_S = (10.0, 30.0)
"""An action in progress is told of after so long, then each full minute."""
_MOST_AT_ONCE = 3
"""Where more than these are in progress, what happens to them is news enough."""


async def updates(engine: Engine) -> AsyncIterator[Update]:
    """What is known now, again each time it moved, and every few seconds; ends with the task that reads it."""
    moved, clock = asyncio.Event(), Clock()

    async def beat() -> None:
        while True:
            await clock.sleep(_LOOK_EVERY_S)
            moved.set()

    subscription, beating = engine.subscribe(moved.set), asyncio.create_task(beat())
    try:
        while True:
            yield subscription.take()
            await moved.wait()
            moved.clear()
    finally:
        beating.cancel()
        subscription.close()


class LinkTeller:
    """Tells when the cloud stops answering and when it answers again.

    Args:
        tell: Takes a line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._state = LinkState.LIVE

    def __call__(self, link: Link) -> None:
        """Tell it, if the state is another than before."""
        if link.state is self._state or link.state is LinkState.CONNECTING:
            return
        self._state = link.state
        match link.state:
            case LinkState.OFFLINE:
                self._tell(f"The cloud does not answer ({link.cause}); asking again.")
            case LinkState.UNAUTHORISED:
                self._tell("The cloud refuses the e-mail and password; nothing more is asked.")
            case _:
                self._tell("The cloud answers again.")


class ProgressTeller:
    """Tells in coarse steps how long actions have been in progress: `web-1: reboot, 38 s of usually 45 s`.

    Args:
        tell: Takes a line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._clock = Clock()
        self._steps: dict[str, int] = {}

    def __call__(self, entries: Iterable[HistoryEntry], update: Update) -> None:
        """Tell it of those that have come to another step."""
        going = [entry for entry in entries if entry.stage is Stage.ACCEPTED and not entry.message]
        if len(going) > _MOST_AT_ONCE or update.link.state is not LinkState.LIVE:
            return
        offset = update.link.server_offset
        now = self._clock.now().timestamp() if offset is None else self._clock.monotonic() + offset
        for entry in going:
            elapsed_s = max(0.0, now - entry.started)
            usual = update.estimates.usual(entry.type, update.view.vms.get(entry.vm_id))
            step = sum(elapsed_s >= step for step in _STEPS_S) + int(elapsed_s // 60)
            step += bool(step) and usual is not None and usual.is_slow(elapsed_s)
            if step > self._steps.get(entry.id, 0):
                self._steps[entry.id] = step
                self._tell(f"{named(entry.vm_name or entry.vm_id)}: {entry.type}, {progress_words(elapsed_s, usual)}")


def event_line(seen: Submission | HistoryEntry) -> str:
    """`web-1: reboot accepted`, `web-1: rename verified; 3 s; web-1 → web-2`."""
    stage = seen.stage.value
    detail = seen.message.removeprefix(stage).lstrip("; ")
    return f"{named(seen.vm_name or seen.vm_id)}: {seen.type} {stage}{'; ' if detail else ''}{detail}"


async def until_refused(engine: Engine) -> None:
    """Until the cloud refuses the credentials: nobody is there to give others, so nothing more will be known."""
    async for update in updates(engine):
        if update.link.state is LinkState.UNAUTHORISED:
            return
