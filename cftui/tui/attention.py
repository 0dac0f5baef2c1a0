"""What needs somebody's eyes: outcomes that went wrong and that nobody looked at yet, and outcomes that are new."""

from __future__ import annotations

import math
from collections.abc import Set

from cftui.fleet.history import OPEN_STAGES, HistoryEntry, Stage
from cftui.tui.telling import needs_eyes
from cftui.tui.widgets.action_list import arranged


class Attention:
    """Remembers what was looked at since the start.

    What was wrong already when the history was read first is old news; what is ours and open never is. No clock is
    asked: the cloud's may be minutes off.
    """

    def __init__(self) -> None:
        self._visited: set[str] = set()
        self._old_news: frozenset[str] | None = None
        self._newest_old = -math.inf
        """When the newest action of the first reading began: what began before and turns up later is no news."""
        self._found: tuple[object, tuple[HistoryEntry, ...]] | None = None
        self._stages: dict[str, tuple[Stage, bool]] = {}

    def unseen(self, history: tuple[HistoryEntry, ...], *, is_read: bool) -> tuple[HistoryEntry, ...]:
        """What went wrong or is unknown, and nobody looked at; in the order of the Actions panel.

        Args:
            history: As known now.
            is_read: Whether the cloud's history was read, so that what is wrong in it for the first time is old news.
        """
        if self._old_news is None and is_read:
            self._old_news = frozenset(entry.id for entry in history if needs_eyes(entry) and entry.is_settled)
            self._newest_old = max((entry.started for entry in history), default=-math.inf)
            self._found = None
        if self._found is None or self._found[0] is not history:
            found = {entry.id: entry for entry in history if needs_eyes(entry) and self._is_news(entry)}
            self._found = (history, tuple(found[id_] for id_ in arranged(list(found.values()), frozenset())))
        return self._found[1]

    def visit(self, entry_id: str) -> bool:
        """Somebody looks at it; whether that is new."""
        is_new = entry_id not in self._visited
        self._visited.add(entry_id)
        self._found = None if is_new else self._found
        return is_new

    def outcomes(self, history: tuple[HistoryEntry, ...], changed: Set[str]) -> list[HistoryEntry]:
        """Our own actions that came to an outcome since the last call, newest first."""
        ended = []
        for entry in history:
            if not entry.is_own or entry.id not in changed:
                continue
            before, now = self._stages.get(entry.id), (entry.stage, entry.is_settled)
            self._stages[entry.id] = now
            is_over = entry.stage not in OPEN_STAGES and (entry.stage is not Stage.COMPLETED or entry.is_settled)
            if before is not None and before != now and is_over:
                ended.append(entry)
        return ended

    def _is_news(self, entry: HistoryEntry) -> bool:
        if entry.id in self._visited:
            return False
        if self._old_news is None:
            return entry.is_own and not entry.is_settled
        return entry.id not in self._old_news and (entry.is_own or entry.started >= self._newest_old)
