"""The time of the simulated cloud: the machine's, or one that tests turn by hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> float | datetime:
        """Seconds since 1970, or an aware `datetime`, so that one clock can serve a client as well."""


class WallClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since 1970."""
        return datetime.now(UTC).timestamp()


class ManualClock:
    """Stands still until it is advanced, from any thread.

    Args:
        start: Seconds since 1970; by default 2026-11-24 03:14 UTC.
    """

    def __init__(self, start: float = datetime(2026, 11, 24, 3, 14, tzinfo=UTC).timestamp()) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since 1970."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        with self._lock:
            self._now += seconds


def seconds(clock: Clock) -> float:
    """What `clock` shows, in seconds since 1970."""
    now = clock.now()
    return now.timestamp() if isinstance(now, datetime) else now


def iso(instant: float) -> str:
    """An instant as the document prints times: `2015-01-14T16:31:00Z`, whole seconds."""
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
