"""Keys handed on one at a time, so that what is typed ahead meets what it was meant for."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from textual import events
from textual.app import ReturnType

from cftui.tui.guarded import GuardedApp
from cftui.tui.messages import KeyHandled

AFTER_PASTE_S = 0.05
"""Keys this soon behind a paste, or behind one another after it, are the rest of it: a paste may hold its own end."""
_KEY_LOST_S = 0.5
"""A key whose widget went away never reports back; after this the next one goes ahead."""


class OneKeyAtATime(GuardedApp[ReturnType]):
    """An app whose next key waits until all that the last one did was begun.

    Else a key typed ahead would reach the list or field that had the focus, not the one that the key before it goes to.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._waiting: deque[events.Key] = deque()
        self._is_key_under_way = False
        self._key_sent = -math.inf
        self._paste_ended = -math.inf

    def tell_left_out(self) -> None:
        """Say that what came behind a paste was left out; called for its first key."""

    async def on_event(self, event: events.Event) -> None:
        """Queue keys, but for the rest of a paste; hand everything else on."""
        if isinstance(event, events.Paste):
            self._paste_ended = event.time
        elif isinstance(event, events.Key) and not event.is_forwarded:
            if self._belongs_to_paste(event):
                return
            self._waiting.append(event)
            if not self._is_key_under_way or event.time - self._key_sent > _KEY_LOST_S:
                await self._send_keys()
            return
        await super().on_event(event)

    def _belongs_to_paste(self, event: events.Key) -> bool:
        if not 0 <= event.time - self._paste_ended <= AFTER_PASTE_S:
            return False
        self._paste_ended = event.time
        self.tell_left_out()
        return True

    async def on_key_handled(self, message: KeyHandled) -> None:
        """The last key is done with."""
        message.stop()
        self._is_key_under_way = False
        await self._send_keys()

    async def _send_keys(self) -> None:
        self._is_key_under_way = False
        while self._waiting and not self._is_key_under_way:
            event = self._waiting.popleft()
            target = self.focused or self.screen
            await super().on_event(event)
            if event.is_forwarded:
                self._key_sent = event.time
                self._is_key_under_way = target.post_message(KeyHandled())
