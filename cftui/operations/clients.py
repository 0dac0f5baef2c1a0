"""The reader, and the one object that can POST: that one exists only while something may be changed.

A session may be read-only for good, or begin read-only and be allowed to write for a time. When the time is over the
client is gone: what was sent gets its answer, and nothing more can be sent, whoever asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from cftui.clock import Clock
from cftui.errors import ReadOnlyError, UsageError
from cftui.text import clean

if TYPE_CHECKING:
    from cftui.api.client import CloudClient, CloudReader, Deadlines, Offer
    from cftui.operations.engine import Account

    C = TypeVar("C", bound=CloudReader)

MAX_WRITING_S = 8 * 3600.0
"""The longest time for which a session that began read-only may write."""

_LOOK_EVERY_S = 5.0
"""A machine that was asleep wakes with its monotonic clock unmoved: the wall clock is looked at this often too."""

OVER = "read-only again: the time for changes is over"


class Clients:
    """Owns the connections of one account, and knows who may write with them, and until when.

    Args:
        account: Whose.
        clock: The time.
        changed: Called when what may be done became different.
        idle: Waits until nothing under way needs the connections of before.
        deadlines: Of one request; None for the usual ones.
    """

    def __init__(
        self,
        account: Account,
        *,
        clock: Clock,
        changed: Callable[[], None],
        idle: Callable[[], Awaitable[None]],
        deadlines: Deadlines | None = None,
    ) -> None:
        self._account = account
        self._clock = clock
        self._changed = changed
        self._idle = idle
        self._deadlines = deadlines
        self._reader: CloudReader | None = None
        self._client: CloudClient | None = None
        self._until_wall = 0.0
        self._relocking: asyncio.Task[None] | None = None
        self._offer: Offer | None = None
        """Of the password in use."""
        self._old: set[CloudReader] = set()
        """Replaced, and not closed yet."""
        self._forbidden: WeakSet[CloudReader] = WeakSet()
        self._closing: set[asyncio.Task[None]] = set()
        self.until: float | None = None
        """Until when this session may write, in seconds of the monotonic clock; None when no time was set."""

    # Who may write

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed now."""
        return bool(self.refusal())

    def refusal(self) -> str:
        """Why nothing may be sent now, in plain words; empty when it may."""
        account = self._account
        if account.locked_by:
            return f"read-only, by {clean(account.locked_by)}"
        if not account.starts_read_only:
            return ""
        if self.until is None:
            return "read-only"
        return OVER if self._is_over() else ""

    def refusal_to(self, client: CloudReader) -> str:
        """Why this client may send nothing more; a plan that began before a time was over goes on in no later one."""
        return self.refusal() or (OVER if client in self._forbidden else "")

    def _is_over(self) -> bool:
        assert self.until is not None
        return self._clock.monotonic() >= self.until or self._clock.now().timestamp() >= self._until_wall

    def allow(self, seconds: float) -> None:
        """Let this session write for so long from now; a time that was set before ends with this.

        Raises:
            ReadOnlyError: It is read-only for good.
            UsageError: It is not read-only, or the time is too long.
        """
        account = self._account
        if account.locked_by:
            raise ReadOnlyError(
                "This session is read-only, and that cannot be lifted.",
                hint=f"It was made so by {clean(account.locked_by)}.",
            )
        if not account.starts_read_only:
            raise UsageError("This session is not read-only: changes are allowed already.")
        if not 0 < seconds <= MAX_WRITING_S:
            raise UsageError("Changes can be allowed for 8 hours at most.")
        self.until = self._clock.monotonic() + seconds
        self._until_wall = self._clock.now().timestamp() + seconds
        if self._reader is not None and self._client is None:
            from cftui.api.client import CloudClient

            self._client = self._made(CloudClient)
        if self._relocking is None:
            self._relocking = asyncio.create_task(self._relock(), name="cftui-relock")
        self._changed()

    def forbid(self) -> None:
        """Nothing more may be sent from now on; requests under way get their answers.

        Raises:
            UsageError: The session did not begin read-only.
        """
        if not self._account.starts_read_only and not self._account.locked_by:
            raise UsageError(
                "This session did not begin read-only.",
                hint="Start with --read-only, or set start_read_only in the profile.",
            )
        if self.until is None:
            return
        self.until = None
        if self._relocking is not None:
            self._relocking.cancel()
            self._relocking = None
        client, self._client = self._client, None
        self._forbidden.update(self._old)  # those of another password, too
        if client is not None:
            self._forbidden.add(client)
            self._close_when_idle(client)
        self._changed()

    async def _relock(self) -> None:
        while self.until is not None and not self._is_over():
            await self._clock.sleep(min(self.until - self._clock.monotonic(), _LOOK_EVERY_S))
        self._relocking = None
        self.forbid()

    # The connections

    @property
    def reader(self) -> CloudReader:
        """Reads; where the session may not write by itself, an object that cannot POST."""
        assert self._reader is not None, "started"
        return self._reader

    @property
    def client(self) -> CloudClient:
        """The one object that can POST.

        Raises:
            ReadOnlyError: There is none now.
        """
        refusal = self.refusal()
        if refusal or self._client is None:
            way_out = f"It was made so by {clean(self._account.locked_by)}." if self._account.locked_by else ":rw 10m"
            raise ReadOnlyError(f"Nothing was sent: {refusal or 'read-only'}.", hint=way_out)
        return self._client

    def start(self) -> None:
        """Make them."""
        from cftui.api.client import CloudClient, CloudReader  # not before the first paint

        may_write = not self.is_read_only
        if self._account.locked_by or self._account.starts_read_only:
            self._reader = self._made(CloudReader)
            self._client = self._made(CloudClient) if may_write else None
        else:
            self._reader = self._client = self._made(CloudClient)

    def use_password(self, password: str) -> None:
        """Begin again with another password; the connections of before are closed once nothing needs them."""
        self._account = replace(self._account, password=password)
        self._offer = None
        before = self._all()
        self.start()
        for one in before:
            self._close_when_idle(one)

    async def close(self) -> None:
        """Close all of them."""
        if self._relocking is not None:
            self._relocking.cancel()
        for task in self._closing:
            task.cancel()
        for one in (*self._all(), *self._old):
            await one.close()

    def _all(self) -> tuple[CloudReader, ...]:
        known = (self._reader, self._client if self._client is not self._reader else None)
        return tuple(one for one in known if one is not None)

    def _close_when_idle(self, one: CloudReader) -> None:
        async def close() -> None:
            await self._idle()
            await one.close()
            self._old.discard(one)

        self._old.add(one)
        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _made(self, kind: type[C]) -> C:
        from cftui.api.client import Offer  # not before the first paint

        account = self._account
        self._offer = self._offer or Offer()
        return kind(
            account.base_url,
            account.email,
            account.password,
            clock=self._clock,
            ssl_context=account.ssl_context,
            proxy=account.proxy,
            deadlines=self._deadlines,
            offer=self._offer,
        )
