"""What needs somebody's eyes: outcomes that went wrong and that nobody looked at yet, and outcomes that are new."""

from __future__ import annotations

from collections.abc import Set

from cftui.fleet.history import OPEN_STAGES, HistoryEntry, Stage
from cftui.tui.telling import needs_eyes
from cftui.tui.widgets.action_list import arranged


class Attention:
    """Remembers what was looked at since the start.

    Args:
        began: When the cockpit was opened, in seconds since 1970 by the cloud's clock; what ended before is old news,
            except what is ours and still open.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._visited: set[str] = set()
        self._found: tuple[object, tuple[HistoryEntry, ...]] | None = None
        self._stages: dict[str, tuple[Stage, bool]] = {}

    def unseen(self, history: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, ...]:
        """What went wrong or is unknown, and nobody looked at; in the order of the Actions panel."""
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
        at = entry.started if entry.ended is None else entry.ended
        return at >= self._began or (entry.is_own and not entry.is_settled)
