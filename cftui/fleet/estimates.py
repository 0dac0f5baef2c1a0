"""How long an action usually takes, learned from the history."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import ClassVar, NamedTuple

from cftui.fleet.rows import ActionRow, ActionType, Phase, VmRow
from cftui.text import clean, count, duration

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
    """A learned spread, in seconds."""

    median_s: float
    slow_s: float
    """The 90th percentile: past it, it is slow."""
    samples: int
    of: str = ""
    """What it was learned from, where that is not all VMs: `this size in moscow_01`; not cleaned."""

    def is_slow(self, elapsed_s: float) -> bool:
        """Whether something is past it, by the whole seconds in which it is told."""
        return int(elapsed_s) > self.slow_s

    @property
    def learned_from(self) -> str:
        """`this size in moscow_01, 12 times`; `12 times` where it was learned from all VMs. Cleaned."""
        return ", ".join(filter(None, (clean(self.of), count(self.samples, "time"))))


def progress_words(elapsed_s: float, usual: Usual | None) -> str:
    """How far an action is: `38 s of usually 45 s`, `78 s, slow: usually under 70 s`, or `38 s` where nothing is usual.

    Args:
        elapsed_s: How long it has been going on.
        usual: The spread of its like; None with too few of them.
    """
    took = duration(elapsed_s)
    if usual is None:
        return took
    if usual.is_slow(elapsed_s):
        return f"{took}, slow: usually under {duration(usual.slow_s)}"
    return f"{took} of usually {duration(usual.median_s)}"


class Sample(NamedTuple):
    """How long one action took."""

    taken_s: float
    region: str = ""
    size: str = ""
    """Of its VM, as far as it matters for the type; empty when the VM was not known."""


_Samples = Mapping[tuple[float, str], Sample]
"""By when it started and on which VM: the same action teaches once however often it is read."""


class Estimates:
    """Usual durations by action type, and by size and region where enough is known; immutable.

    Args:
        samples: What was learned before, by type.
    """

    EMPTY: ClassVar[Estimates]

    def __init__(self, samples: Mapping[str, _Samples] | None = None) -> None:
        self._samples: Mapping[str, _Samples] = samples or {}
        self._usual: dict[tuple[str, str, str], Usual] = {}
        """By type, size and region; either may be empty for any."""
        for type_, taken in self._samples.items():
            groups: dict[tuple[str, str], list[float]] = {}
            for sample in taken.values():
                for group in {(s, r) for s in ("", sample.size) for r in ("", sample.region)}:
                    groups.setdefault(group, []).append(sample.taken_s)
            for (size, region), seconds in groups.items():
                if len(seconds) >= MIN_SAMPLES:
                    self._usual[type_, size, region] = _spread(seconds, size, region)

    def usual(self, type_: str, vm: VmRow | None = None) -> Usual | None:
        """The spread of a type, for VMs most like this one of which enough is known; None with too few of all."""
        size, region = (size_of(type_, vm), vm.region) if vm is not None else ("", "")
        finest = ((size, region), (size, ""), ("", region), ("", ""))
        return next((self._usual[type_, *group] for group in finest if (type_, *group) in self._usual), None)

    def durations(self, type_: str) -> tuple[float, ...]:
        """The samples themselves in seconds, oldest first."""
        return tuple(sample.taken_s for sample in self._samples.get(type_, {}).values())

    @classmethod
    def learn(cls, actions: Iterable[ActionRow], vms: Mapping[str, VmRow] | None = None) -> Estimates:
        """From finished actions; those that failed, or whose times make no sense, teach nothing."""
        return cls().learned(actions, vms)

    def learned(self, actions: Iterable[ActionRow], vms: Mapping[str, VmRow] | None = None) -> Estimates:
        """What is known after these too; the very same object when they teach nothing new.

        Args:
            actions: As the cloud lists them.
            vms: By id, for the size of an action's VM.
        """
        fresh: dict[str, dict[tuple[float, str], Sample]] = {}
        for row in actions:
            if row.phase is not Phase.SUCCEEDED or row.started is None or row.completed is None:
                continue
            taken, key = row.completed - row.started, (row.started, row.vm_id)
            if 0 <= taken <= LONGEST_S and key not in self._samples.get(row.type, ()):
                vm = (vms or {}).get(row.vm_id)
                size, region = (size_of(row.type, vm), vm.region) if vm is not None else ("", row.region)
                fresh.setdefault(row.type, {})[key] = Sample(max(SHORTEST_S, taken), region, size)
        merged = dict(self._samples)
        for type_, taken_by_key in fresh.items():
            if type_ in merged or len(merged) < MAX_TYPES:
                merged[type_] = _newest({**merged.get(type_, {}), **taken_by_key})
        return self if merged == self._samples else Estimates(merged)

    def to_json(self) -> str:
        """As text for the state folder: `{"reboot": [[started, vm_id, seconds, region, size], …]}`."""
        return json.dumps({type_: [[*key, *sample] for key, sample in s.items()] for type_, s in self._samples.items()})

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


def size_of(type_: str, vm: VmRow) -> str:
    """What of a VM's size an action of this type may depend on, in powers of two: its disk, or its memory."""
    gb = vm.disk_gb if type_ in (ActionType.SNAPSHOT, ActionType.RESIZE) else vm.ram_gb
    return str(round(math.log2(gb))) if gb is not None and 0 < gb < math.inf else ""


def _spread(seconds: list[float], size: str, region: str) -> Usual:
    ordered = sorted(seconds)
    of = " in ".join(filter(None, ("this size" if size else "", region))) if size else region
    return Usual(median(ordered), ordered[math.ceil(0.9 * len(ordered)) - 1], len(ordered), of)


def _newest(samples: Mapping[tuple[float, str], Sample]) -> _Samples:
    return dict(sorted(samples.items())[-MAX_SAMPLES:])


def _sample(row: object) -> tuple[tuple[float, str], Sample] | None:
    match row:
        case [int() | float() as started, str(vm_id), int() | float() as taken, *rest] if math.isfinite(started):
            words = [word for word in rest if isinstance(word, str)]
            if SHORTEST_S <= taken <= LONGEST_S and len(words) in (0, 2):
                return (float(started), vm_id), Sample(float(taken), *words)
    return None
