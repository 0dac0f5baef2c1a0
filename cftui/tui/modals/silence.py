"""Which keys a confirmation takes: those of a person who had time to read it, and none that a machine made."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.message import Message

SILENCE_S = 0.3
"""How long the keyboard must be silent, on a dialog that can be seen, before a key counts."""
AFTER_PASTE_S = 0.05
"""Keys this soon after a paste belong to it."""
ALONE_S = 0.05
"""A letter so soon behind another key is no person's yes: replies of the terminal read as keys come in one burst."""
_ROUNDING_S = 1e-6
_AT_ONCE_S = 0.05
"""A key handled within this was handled at once."""


class Silence:
    """The silence before the first key that counts.

    Args:
        now: Tells the time, in seconds of a monotonic clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since: float | None = None
        self._has_begun_to_take = False
        self._pasted_at = self._last_key_at = float("-inf")
        self.stands_alone = False
        """Whether the last key came by itself, not in one burst with others."""

    def begin(self) -> None:
        """The dialog can be seen."""
        self._since = self._now()

    @property
    def has_passed(self) -> bool:
        """Whether something pressed now would count."""
        since = self._since
        return self._has_begun_to_take or (since is not None and self._now() - since > SILENCE_S - _ROUNDING_S)

    def takes(self, event: events.Key) -> bool:
        """Whether a key counts; one that does not begins the silence anew."""
        at = self._arrival(event)
        self.stands_alone = at - self._last_key_at > ALONE_S
        self._last_key_at = at
        if not self._has_begun_to_take:
            since = self._since
            if since is None:
                return False
            self._since = max(since, at)
            self._has_begun_to_take = at - since > SILENCE_S - _ROUNDING_S
        return self._has_begun_to_take and at - self._pasted_at > AFTER_PASTE_S

    def pasted(self, event: events.Paste) -> None:
        """Something was pasted: it confirms nothing, and ends no silence."""
        self._pasted_at = self._arrival(event)
        if not self._has_begun_to_take and self._since is not None:
            self._since = max(self._since, self._pasted_at)

    def _arrival(self, event: events.Event) -> float:
        """When a key arrived, however long it waited since while the loop was busy with something else."""
        waited = Message().time - event.time
        return self._now() - (waited if waited > _AT_ONCE_S else 0.0)
