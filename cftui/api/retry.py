"""How long to wait before a read is repeated; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

BASE_S = 1.0
CAP_S = 30.0
"""While the cloud is dark: with jitter over the upper half, never more than one probe in 15 s."""

MIN_ASKED_S, MAX_ASKED_S = 1.0, 300.0
"""What a cloud may ask us to wait; more would look like a hang, less would be a loop."""

_DIGITS = re.compile(r"[0-9]+", re.ASCII)


def next_delay(attempt: int, retry_after_s: float | None, rng: Random) -> float:
    """Seconds to wait before the next try.

    Args:
        attempt: How many tries failed in a row, from 1.
        retry_after_s: What the cloud asked for; obeyed, plus up to a tenth so that clients do not return together.
        rng: Jitter comes from it: anything from a half of the doubled wait to all of it.
    """
    if retry_after_s is not None:
        return retry_after_s * (1 + rng.random() / 10)
    return (1 + rng.random()) / 2 * min(CAP_S, BASE_S * 2.0 ** min(attempt, 10))


def parse_retry_after(values: Sequence[str], now: datetime) -> float | None:
    """What `Retry-After` asks for, in seconds from 1 to 300; None when it says nothing readable.

    Args:
        values: The header's values; with several the longest wait counts.
        now: The server's own time where it is known, as a date is meant by its clock.
    """
    waits = [wait for wait in (_wait(value.strip(), now) for value in values) if wait is not None]
    return max(waits) if waits else None


def parse_http_date(value: str) -> datetime | None:
    """A `Date` header as a moment with a zone; None when it is none, or before 1970."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.year < 1970:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def clamp(seconds: float) -> float:
    """Seconds within what a cloud may ask for."""
    return min(MAX_ASKED_S, max(MIN_ASKED_S, seconds))


def _wait(value: str, now: datetime) -> float | None:
    if _DIGITS.fullmatch(value):
        return clamp(float(value)) if len(value) < 10 else MAX_ASKED_S
    moment = parse_http_date(value) if value.isascii() and any(map(str.isalpha, value)) else None
    try:
        return None if moment is None else clamp((moment - now).total_seconds())
    except OverflowError:
        return None
