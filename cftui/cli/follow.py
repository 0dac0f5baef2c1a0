"""Telling what happens while it happens: one line an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection

from cftui.cli.output import Narrator
from cftui.fleet.history import HistoryEntry, Submission
from cftui.operations.engine import Engine
from cftui.operations.state import Link, LinkState, Update


async def updates(engine: Engine) -> AsyncIterator[Update]:
    """What is known now, and again each time it moved; ends with the task that reads it."""
    moved = asyncio.Event()
    subscription = engine.subscribe(moved.set)
    try:
        while True:
            yield subscription.take()
            await moved.wait()
            moved.clear()
    finally:
        subscription.close()


async def narrate(engine: Engine, tokens: Collection[str], tell: Narrator) -> None:
    """Tell each step of what was sent, until cancelled."""
    link, told = LinkTeller(tell), dict[str, str]()
    async for update in updates(engine):
        link(update.link)
        for token in tokens:
            submission = update.view.submissions.get(token)
            if submission is not None and told.get(token) != (line := event_line(submission)):
                told[token] = line
                tell(line)


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


def event_line(seen: Submission | HistoryEntry) -> str:
    """`web-1: reboot accepted`, `web-1: rename verified; 3 s; web-1 → web-2`."""
    stage = seen.stage.value
    detail = seen.message.removeprefix(stage).lstrip("; ")
    return f"{seen.vm_name or seen.vm_id}: {seen.type} {stage}{'; ' if detail else ''}{detail}"
