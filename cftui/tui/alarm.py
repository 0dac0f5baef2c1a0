"""News that may be worth a bell: gathered for a moment, counted together, and kept quiet while somebody looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cftui.text import count

LONG_S = 20.0
"""Who waits for longer than this looks elsewhere meanwhile."""

GATHERED_S = 2.0
"""News that come this close together are told as one."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened, and may be worth a bell; texts are clean."""

    about: str
    """What it is counted under: a type of action, a workflow, `watched`."""
    words: str
    """All of it in a line, for when nothing else happened."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How it is counted with others: `{"ok": 198, "failed": 2}`."""
    took_s: float = 0.0
    """How long somebody may have waited for it."""
    run_id: str = ""
    """The run that it belongs to."""
    is_whole_run: bool = False
    """It counts all of its run; what happened within that run is not told beside it."""
    is_urgent: bool = False
    """Worth a bell even while somebody looks."""


class Alarm:
    """Gathers news until it is time to ring."""

    def __init__(self) -> None:
        self._waiting: list[News] = []

    def add(self, news: Iterable[News]) -> bool:
        """Take some in; whether they are the first that wait, so that somebody has to come back for them."""
        was_idle = not self._waiting
        self._waiting += news
        return was_idle and bool(self._waiting)

    def ring(self, *, has_focus: bool) -> str:
        """What to tell now, in a line, of all that waited; empty where nothing of it is worth a bell.

        Args:
            has_focus: Whether somebody looks, as far as the terminal says.
        """
        waiting, self._waiting = self._waiting, []
        return summary([news for news in waiting if news.is_urgent or not has_focus or news.took_s > LONG_S])


def summary(news: Sequence[News]) -> str:
    """Some news in one line: the words of a single one, else what they count: `reboot: 198 ok, 2 failed`."""
    whole = {one.run_id for one in news if one.is_whole_run}
    told = [one for one in news if one.is_whole_run or one.run_id not in whole]
    if len(told) == 1:
        return told[0].words
    counted: dict[str, Counter[str]] = {}
    for one in told:
        counted.setdefault(one.about, Counter()).update(one.counts)
    return "; ".join(f"{about}: {counts_words(counts)}" for about, counts in counted.items())


def counts_words(counts: Mapping[str, int]) -> str:
    """`198 ok, 2 failed`, without what there is none of."""
    return ", ".join(f"{count(number)} {word}" for word, number in counts.items() if number)
