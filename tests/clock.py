"""A clock that tests turn by hand."""

from __future__ import annotations

import asyncio
import heapq
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from cftui.clock import Clock

_START = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


class TurnedClock(Clock):
    """Stands still until `advance` is called; sleepers wake in order, each seeing its own instant."""

    def __init__(self, start: datetime = _START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self._awake: set[asyncio.Task[Any]] = set()
        """Tasks that slept on this clock and are about something now."""

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, timeout_s: float | None = None) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._awake.discard(task)
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if timeout_s is not None:
            self._count += 1
            heapq.heappush(self._sleepers, (self._elapsed + max(0.0, timeout_s), self._count, over))
        waits: list[asyncio.Future[Any]] = [over, asyncio.ensure_future(event.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self._awake.add(task)

    def turn(self, seconds: float) -> None:
        """Let time pass without waking anyone; for what only looks at the clock."""
        self._elapsed += seconds

    async def advance(self, seconds: float) -> None:
        """Let time pass for everyone who sleeps on this loop.

        Before each step real time passes until everybody who was woken sleeps again, so that what was woken (and waits
        for real answers from a real server) is done with its round.
        """
        end = self._elapsed + seconds
        await self._until_all_sleep()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not future.done():
                future.set_result(None)
                await self._until_all_sleep()
        self._elapsed = end
        await asyncio.sleep(0)

    async def _until_all_sleep(self, *, at_most_s: float = 1.0) -> None:
        deadline = time.monotonic() + at_most_s
        current = asyncio.current_task()
        await asyncio.sleep(0.001)
        while time.monotonic() < deadline:
            self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
            heapq.heapify(self._sleepers)
            self._awake = {task for task in self._awake if not task.done() and task is not current}
            if self._sleepers and not self._awake:
                return
            await asyncio.sleep(0.001)
