"""The only place that asks the time or waits for it to pass."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """The machine's own clocks; tests hand in one that they turn themselves."""

    def now(self) -> datetime:
        """The wall clock, aware and in UTC; it may jump."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards; for ages, durations and deadlines."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; the loop goes on."""
        await asyncio.sleep(max(0.0, seconds))

    async def wait(self, event: asyncio.Event, timeout_s: float | None = None) -> None:
        """Until something happens, or the time is over."""
        if timeout_s is None:
            await event.wait()
            return
        waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self.sleep(timeout_s))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
