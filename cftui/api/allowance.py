"""What one list may cost before it is given up: time, entries, bytes. Limits of single requests never add up to it."""

from __future__ import annotations

from cftui.api.errors import BadAnswer, ReadFailed
from cftui.clock import Clock

TOTAL_S = 120.0
"""For all pages of one list together: a thousand pages of which each is just in time would take five hours."""

MAX_ENTRIES = 200_000
"""Of one list, twice the largest fleet that anything here was measured with."""

MAX_BYTES = 256 * 2**20
"""Of one list: what that many VMs take in the documented shape, and room."""


class Allowance:
    """Begun with a list's first page, and used up page by page.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends = clock.monotonic() + TOTAL_S
        self._entries = self._bytes = 0

    def begin_page(self) -> None:
        """Before a page is asked for.

        Raises:
            ReadFailed: The list takes too long.
        """
        if self._clock.monotonic() >= self._ends:
            cause = f"a list did not come to its end in {TOTAL_S:.0f} s"
            raise ReadFailed(f"{cause.capitalize()}.", cause=cause)

    def take(self, entries: int, size: int) -> None:
        """After a page of so many entries and bytes.

        Raises:
            BadAnswer: The list is too long.
        """
        self._entries += entries
        self._bytes += size
        if self._entries > MAX_ENTRIES:
            raise BadAnswer(f"The list holds more than {MAX_ENTRIES:,} entries; it was not read to its end.")
        if self._bytes > MAX_BYTES:
            raise BadAnswer(f"The list is larger than {MAX_BYTES // 2**20} MB; it was not read to its end.")
