"""Messages that cross screens; the others live in their widget."""

from __future__ import annotations

from textual.message import Message


class FleetMoved(Message):
    """Something newer is known; the app asks the engine for all that changed since what was last drawn.

    Without payload on purpose: replaceable messages that carry changes lose those of the replaced ones.
    """

    def can_replace(self, message: Message) -> bool:
        """One is as good as many."""
        return isinstance(message, FleetMoved)


class DetailsWanted(Message):
    """The cursor rests on a VM of which only the list's attributes are known."""

    def __init__(self, vm_id: str) -> None:
        super().__init__()
        self.vm_id = vm_id


class EntryVisited(Message):
    """Somebody looks at an action of the history; it is not counted as unseen any more."""

    def __init__(self, entry_id: str) -> None:
        super().__init__()
        self.entry_id = entry_id


class KeyHandled(Message):
    """Follows a key on its way through the widgets; when it arrives, all that the key did was begun."""
