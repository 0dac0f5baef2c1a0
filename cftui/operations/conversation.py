"""What asking needs of the engine, and how the conversation with the cloud is told to everyone else."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from cftui.fleet.fleet import View
from cftui.fleet.history import Submission
from cftui.fleet.rows import ActionRow, VmRow
from cftui.operations.journal import JournalEntry
from cftui.operations.state import Link


class Facade(Protocol):
    """What the poller needs of the engine: where facts go, and what is known."""

    @property
    def view(self) -> View:
        """The fleet as known now."""

    def next_sequence(self) -> int:
        """A sequence number for a read that begins now."""

    def feed(
        self,
        *,
        vms: tuple[VmRow, ...] = (),
        gone_ids: frozenset[str] = frozenset(),
        actions: tuple[ActionRow, ...] | None = None,
        submissions: tuple[Submission, ...] = (),
        is_whole_fleet: bool = False,
        is_whole_history: bool = False,
        sequence: int | None = None,
        took_s: float = 0.0,
    ) -> None:
        """Apply one reading."""

    def tell(self, link: Link) -> None:
        """The state of the conversation is different."""

    def slept(self, seconds: float) -> None:
        """The machine was asleep so long: what is known is that much older than the monotonic clock says."""

    async def keep(self, entry: JournalEntry) -> None:
        """An entry that is followed moved on."""

    async def reread_journal(self) -> None:
        """Take in what other programs on the same journal did."""


class Conversation:
    """How the conversation stands; each change is told at once.

    Args:
        engine: Who is told.
        link: How it begins.
    """

    def __init__(self, engine: Facade, link: Link) -> None:
        self._engine = engine
        self.link = link

    def say(self, **changes: object) -> None:
        """Some of it is different."""
        link = replace(self.link, **changes)  # type: ignore[arg-type]
        if link != self.link:
            self.link = link
            self._engine.tell(link)
