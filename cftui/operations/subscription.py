"""Who watches what the engine knows, from whichever thread: one wake-up a batch, everything on asking."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from cftui.fleet.fleet import Change
from cftui.operations.state import Update


class Subscription:
    """A reader's own place in the stream of changes; made by `Subscribers.add`."""

    def __init__(self, subscribers: Subscribers, wake: Callable[[], None], update: Callable[[], Update]) -> None:
        self._subscribers = subscribers
        self._wake = wake
        self._update = update
        self._change = Change()
        self._is_awake = False

    def take(self) -> Update:
        """Everything since the last call, merged, and what is known now; from any thread."""
        with self._subscribers.lock:
            change, self._change = self._change, Change()
            self._is_awake = False
            return replace(self._update(), change=change)

    def close(self) -> None:
        """No more wake-ups; from any thread."""
        self._subscribers.drop(self)

    def tell(self, change: Change) -> None:
        """There is more to take; wakes once until it is taken. Called with the lock held."""
        self._change = self._change | change
        if not self._is_awake:
            self._is_awake = True
            self._wake()


class Subscribers:
    """All subscriptions of one engine, and the lock under which what is known changes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._subscriptions: set[Subscription] = set()

    def add(self, wake: Callable[[], None], update: Callable[[], Update]) -> Subscription:
        """A new subscription, which has everything still to come.

        Args:
            wake: Called on the engine's thread, once until `take`.
            update: What is known now.
        """
        subscription = Subscription(self, wake, update)
        with self.lock:
            self._subscriptions.add(subscription)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        """Tell it nothing more."""
        with self.lock:
            self._subscriptions.discard(subscription)

    def tell(self, change: Change) -> None:
        """Something is different: in the fleet, or, with an empty change, in the conversation with the cloud."""
        with self.lock:
            for subscription in self._subscriptions:
                subscription.tell(change)
