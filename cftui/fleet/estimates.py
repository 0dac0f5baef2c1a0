"""How long an action usually takes, learned from the history."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import ClassVar, NamedTuple

from cftui.fleet.rows import ActionRow, Phase

MIN_SAMPLES = 5
"""Fewer than these say nothing worth showing (F4)."""

MAX_SAMPLES = 200
"""The newest of one type that are kept: enough for a 90th percentile, and a faster cloud is believed soon."""

MAX_TYPES = 50
"""Types are words of the cloud; more than these are not learned, so that no answer can fill the memory."""

LONGEST_S = 86_400.0
"""Longer ones were left alone by someone, or a clock was wrong."""

SHORTEST_S = 1.0
"""The cloud tells whole seconds; anything shorter counts as one, so that a bar can be drawn over it."""


class Usual(NamedTuple):
    """The learned spread of one action type, in seconds."""

    median_s: float
    slow_s: float
    """The 90th percentile: past it, it is slow."""
    samples: int


_Samples = Mapping[tuple[float, str], float]
"""Seconds taken, by when it started and on which VM: the same action teaches once however often it is read."""


class Estimates:
    """Usual durations by action type; immutable.

    Args:
        samples: What was learned before, by type.
    """

    EMPTY: ClassVar[Estimates]

    def __init__(self, samples: Mapping[str, _Samples] | None = None) -> None:
        self._samples: Mapping[str, _Samples] = samples or {}
        self._usual = {type_: _spread(taken) for type_, taken in self._samples.items() if len(taken) >= MIN_SAMPLES}

    def usual(self, type_: str) -> Usual | None:
        """The spread of a type, or None with fewer than `MIN_SAMPLES` samples."""
        return self._usual.get(type_)

    def durations(self, type_: str) -> tuple[float, ...]:
        """The samples themselves in seconds, oldest first."""
        return tuple(self._samples.get(type_, {}).values())

    @classmethod
    def learn(cls, actions: Iterable[ActionRow]) -> Estimates:
        """From finished actions; those that failed, or whose times make no sense, teach nothing."""
        return cls().learned(actions)

    def learned(self, actions: Iterable[ActionRow]) -> Estimates:
        """What is known after these too; the very same object when they teach nothing new."""
        fresh: dict[str, dict[tuple[float, str], float]] = {}
        for row in actions:
            if row.phase is not Phase.SUCCEEDED or row.started is None or row.completed is None:
                continue
            taken, sample = row.completed - row.started, (row.started, row.vm_id)
            if 0 <= taken <= LONGEST_S and sample not in self._samples.get(row.type, ()):
                fresh.setdefault(row.type, {})[sample] = max(SHORTEST_S, taken)
        merged = dict(self._samples)
        for type_, taken_by_sample in fresh.items():
            if type_ in merged or len(merged) < MAX_TYPES:
                merged[type_] = _newest({**merged.get(type_, {}), **taken_by_sample})
        return self if merged == self._samples else Estimates(merged)

    def to_json(self) -> str:
        """As text for the state folder: `{"reboot": [[started, vm_id, seconds], …]}`."""
        return json.dumps({type_: [[*key, taken] for key, taken in s.items()] for type_, s in self._samples.items()})

    @classmethod
    def from_json(cls, text: str) -> Estimates:
        """What `to_json` wrote; whatever else is in the text teaches nothing."""
        try:
            stored = json.loads(text)
        except (ValueError, RecursionError):
            return cls()
        samples: dict[str, _Samples] = {}
        for type_, rows in list(stored.items())[:MAX_TYPES] if isinstance(stored, dict) else ():
            taken = dict(filter(None, map(_sample, rows))) if isinstance(rows, list) else {}
            if taken:
                samples[type_] = _newest(taken)
        return cls(samples)


Estimates.EMPTY = Estimates()


def _spread(taken: _Samples) -> Usual:
    ordered = sorted(taken.values())
    return Usual(median(ordered), ordered[math.ceil(0.9 * len(ordered)) - 1], len(ordered))


def _newest(samples: Mapping[tuple[float, str], float]) -> _Samples:
    return dict(sorted(samples.items())[-MAX_SAMPLES:])


def _sample(row: object) -> tuple[tuple[float, str], float] | None:
    match row:
        case [int() | float() as started, str(vm_id), int() | float() as taken] if SHORTEST_S <= taken <= LONGEST_S:
            return ((float(started), vm_id), float(taken)) if math.isfinite(started) else None
        case _:
            return None
