"""The quirk `rate-limit`: so many requests in a minute, then 429; and how that is told."""

from __future__ import annotations

from collections.abc import Callable


class RateLimit:
    """Counts the requests of the last minute of the cloud's time.

    Args:
        value: `COUNT` or `COUNT:STYLE`.
    """

    WINDOW_S = 60.0

    def __init__(self, value: str) -> None:
        count, _, self._style = value.partition(":")
        self._limit = int(count)
        self._spent: list[float] = []

    def take(self, now: float) -> float | None:
        """Count a request.

        Returns:
            None when it may pass, else after how many seconds it might.
        """
        self._spent = [at for at in self._spent if at > now - self.WINDOW_S]
        if len(self._spent) >= self._limit:
            return self._spent[0] + self.WINDOW_S - now
        self._spent.append(now)
        return None

    def headers(
        self, now: float, wait_s: float | None, http_date: Callable[[float], str]
    ) -> tuple[tuple[str, str], ...]:
        """How the limit is told, in the chosen spelling."""
        if self._style == "bare":
            return ()
        prefix = "x-ratelimit-" if self._style == "x" else "ratelimit-"
        resets = (self._spent[0] if self._spent else now) + self.WINDOW_S
        told = [
            (prefix + "limit", str(self._limit)),
            (prefix + "remaining", str(max(0, self._limit - len(self._spent)))),
            (prefix + "reset", str(int(resets))),
        ]
        if wait_s is not None:
            told.append(("retry-after", http_date(now + wait_s + 1) if self._style == "date" else str(int(wait_s) + 1)))
        return tuple(told)
