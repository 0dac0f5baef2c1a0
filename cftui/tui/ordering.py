"""In which order a plan of several is carried out: what is usual, and how an order is said."""

from __future__ import annotations

import math
import re

from cftui.operations.order import Order
from cftui.text import count, duration, number

AT_ONCE_UP_TO = 3
"""So few may begin all at once: they can be watched one by one."""

_MOST_IN_FLIGHT = 16

_TIME = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,2})?)\s*([smh]?)", re.ASCII)
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}
_LONGEST_S = 24 * 3600


def usual_order(targets: int) -> Order:
    """The order that a plan has until somebody chooses another one.

    Up to three VMs begin at once. More of them: one alone, whose end shows whether the action does any good at all;
    then a tenth, then the rest, never more than a tenth of all in flight (at least 3, at most 16), so that most of a
    service goes on serving. One failure may be that VM's own; two are a pattern, and somebody should look.
    """
    if targets <= AT_ONCE_UP_TO:
        return Order()
    in_flight = min(_MOST_IN_FLIGHT, max(3, math.ceil(targets / 10)))
    return Order(in_flight=in_flight, is_canary=True, stop_after=2)


def pace_words(order: Order, targets: int) -> str:
    """`1 alone, then 3 at a time`, `all at once`, `3 at a time, 10 s apart`."""
    at_a_time = order.in_flight if order.in_flight is not None and order.in_flight < targets else None
    pace = f"{at_a_time:,} at a time" if at_a_time else "all at once"
    waves = order.waves(targets)
    if len(waves) > 1:
        tenth = f"{waves[1]:,}" if len(waves) > 2 and waves[1] > (at_a_time or 0) else ""
        after = f"then {tenth}, then the rest, {pace}" if tenth else f"then {pace}"
        pace = f"1 alone, {after}"
    return f"{pace}, {seconds_words(order.stagger_s)} apart" if order.stagger_s else pace


def stop_words(order: Order) -> str:
    """`stop after 2 failures`; empty where nothing stops it."""
    return f"stop after {count(order.stop_after, 'failure')}" if order.stop_after else ""


def about(seconds: float) -> str:
    """A time that is only estimated, in steps nobody takes for exact: `40 s`, `1 m 30 s`, `4 m`."""
    if seconds < 100:
        return duration(max(5, 5 * math.ceil(seconds / 5)))
    if seconds < 300:
        half_minutes = math.ceil(seconds / 30)
        return f"{half_minutes // 2} m 30 s" if half_minutes % 2 else f"{half_minutes // 2} m"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} m" if minutes < 100 else duration(minutes * 60)


def seconds_words(seconds: float) -> str:
    """A time as it may be typed again: `90 s`, `0.5 s`, `2 m`."""
    if seconds >= 60 and seconds % 60 == 0:
        return f"{number(seconds / 60)} m"
    return f"{number(seconds)} s"


def typed_seconds(text: str) -> float | None:
    """A time as people write it, in seconds: `90`, `90 s`, `2m`, `1h`; None where it is none, or above a day."""
    written = _TIME.fullmatch(text.strip().lower())
    seconds = float(written[1]) * _UNITS_S[written[2]] if written else math.inf
    return seconds if seconds <= _LONGEST_S else None
