"""Changes allowed for a time: how long was asked for, and how much of it is left, in words that stand still."""

from __future__ import annotations

import math
import re

from cftui.clock import Clock
from cftui.errors import UsageError
from cftui.operations.clients import MAX_WRITING_S
from cftui.operations.state import Update
from cftui.text import clean, cut

USUAL = "10m"
"""What is meant when no time is named."""

_TIME = re.compile(r"([0-9]{1,5})\s*([smh])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600}
_STEP_S = 10


def seconds_of(text: str) -> float:
    """A time as people write it: `10m`, `90s`, `1h`; nothing stands for `USUAL`.

    Raises:
        UsageError: It is no such time, or longer than changes can be allowed.
    """
    written = _TIME.fullmatch(text.strip().lower() or USUAL)
    seconds = int(written[1]) * _UNITS_S[written[2]] if written else 0
    if not seconds:
        raise UsageError(f"{cut(clean(text), 20)} is no time.", hint="Write 10m, 90s or 1h.")
    if seconds > MAX_WRITING_S:
        raise UsageError(f"{cut(clean(text), 20)} is too long.", hint="8h at most.")
    return seconds


def seconds_left(update: Update, clock: Clock) -> float | None:
    """For how long changes are still allowed; None where no time was set, or it is over."""
    if update.is_read_only or update.writes_until is None:
        return None
    left = update.writes_until - clock.monotonic()
    return left if left > 0 else None


def may_change(update: Update, clock: Clock) -> bool:
    """Whether anything may be changed now."""
    return not update.is_read_only and (update.writes_until is None or seconds_left(update, clock) is not None)


def left_words(seconds: float) -> str:
    """How much is left: whole minutes, and tens of seconds in the last one; it steps, so that a line may stand still.

    Rounded up: the moment of `10m` says `10 m`, and the last step `10 s`.
    """
    if seconds <= 60:
        return f"{math.ceil(seconds / _STEP_S) * _STEP_S} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} m" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} m"
