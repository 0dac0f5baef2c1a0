"""What was measured, beside what it is measured against: one line a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated measurements of one thing."""

    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        """The one in the middle."""
        return median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        around = f" [{_short(low)}-{_short(high)}]" if len(self.values) > 1 else ""
        return f"{_short(self.median)} {self.unit}{around}".replace(" %", "%")


@dataclass(frozen=True, slots=True)
class Goal:
    """A number that the ratio, or the measurement itself, has to keep."""

    name: str
    most: float | None = None
    least: float | None = None
    unit: str = "x"
    """`x`: of the ratio. Any other: of our own median, in this unit."""

    def is_met(self, figure: Figure) -> bool:
        """Whether it is kept."""
        value = figure.ratio if self.unit == "x" else figure.ours.median
        assert value is not None, "a goal for a ratio needs a reference"
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def __str__(self) -> str:
        sign, limit = ("<=", self.most) if self.most is not None else (">=", self.least)
        assert limit is not None
        unit = self.unit if self.unit in ("x", "%") else f" {self.unit}"
        return f"{self.name} {sign} {_short(limit)}{unit}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    ours: Spread
    against: str = ""
    """What it is measured against; empty when the measurement speaks for itself."""
    reference: Spread | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Our median over the reference's."""
        return self.ours.median / self.reference.median if self.reference is not None else None

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing where no goal was set."""
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met(self) else "missed"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "what": self.what,
            "ours": {"median": self.ours.median, "values": self.ours.values, "unit": self.ours.unit},
            "against": self.against,
            "reference": None
            if self.reference is None
            else {
                "median": self.reference.median,
                "values": self.reference.values,
                "unit": self.reference.unit,
            },
            "ratio": self.ratio,
            "goal": None if self.goal is None else str(self.goal),
            "verdict": self.verdict or None,
        }


_HEAD = ("what", "cftui", "reference", "", "ratio", "goal", "")


def as_table(figures: Iterable[Figure]) -> str:
    """All of them, under one another."""
    lines = [_HEAD, *(_cells(figure) for figure in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        str(figure.ours),
        "" if figure.reference is None else str(figure.reference),
        figure.against,
        "" if figure.ratio is None else f"{_short(figure.ratio)}x",
        "" if figure.goal is None else str(figure.goal),
        figure.verdict,
    )


def milliseconds(seconds: Sequence[float]) -> Spread:
    """Times, for people."""
    return Spread(tuple(1000 * value for value in seconds), "ms")


def _short(value: float) -> str:
    """Three digits that matter."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
