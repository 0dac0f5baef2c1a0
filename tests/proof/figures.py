"""What was tried and what went wrong: one line a figure, and the sizes of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Scale(StrEnum):
    """How much is tried."""

    SHORT = "short"
    """Seconds: part of the test suite."""
    LONG = "long"
    """Minutes: the figures that README quotes."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    tried: int
    wrong: int
    """How many of them came out as they must not; 0 is the only good value for what is ours."""
    unit: str = ""
    """What was tried: `POSTs`, `kills`, `strings`."""
    note: str = ""
    """Conditions, or what else was counted."""
    not_run: str = ""
    """Why it was not tried here; then nothing was."""
    is_ours: bool = True
    """False for another program beside ours: what it gets wrong is told, not held against this run."""

    @property
    def is_good(self) -> bool:
        """Whether it holds what is promised; what was not tried promises nothing."""
        return not self.is_ours or bool(self.not_run) or (self.tried > 0 and self.wrong == 0)


def as_table(figures: Iterable[Figure]) -> str:
    """All of them, under one another."""
    lines = [("what", "tried", "wrong", "")]
    for figure in figures:
        if figure.not_run:
            lines.append((figure.what, "-", "-", f"not run: {figure.not_run}"))
        else:
            tried = f"{figure.tried:,} {figure.unit}".rstrip()
            lines.append((figure.what, tried, f"{figure.wrong:,}", figure.note))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
