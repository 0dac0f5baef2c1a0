"""The truth about what was received, noted before it is answered: what a client's story can be held against."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cftui.simulator.messages import Request

KEPT_READS = 20_000
"""How many requests are kept in full; the counts never forget."""

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})

Verdict = Literal["pending", "accepted", "refused", "not carried out", "incomplete"]
"""Of a POST: not decided; begun; refused by the cloud; lost to a fault before any effect; never received whole."""


@dataclass(slots=True, eq=False)
class Received:
    """One request, as it was received."""

    time: float
    """Seconds since 1970, by the cloud's clock."""
    method: str
    target: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    """Without those that carry secrets."""
    connection: int
    """Which connection brought it, from 1."""
    position: int
    """Its place on that connection: 1 on a fresh one."""
    verdict: Verdict = "pending"
    """For a POST; stays pending for reads."""
    status: int | None = None
    """HTTP status that the cloud decided on; a fault may have kept it from the client."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def is_executed(self) -> bool:
        """Whether it had its effect."""
        return self.verdict == "accepted"


class Ledger:
    """Everything received, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._posts: list[Received] = []
        self._recent: deque[Received] = deque(maxlen=KEPT_READS)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._connections = 0
        self._positions: dict[int, int] = {}
        self.on_post: Callable[[Received], None] | None = None
        """Called with each POST once its verdict is known, on the server's thread."""

    @property
    def posts(self) -> tuple[Received, ...]:
        """Every POST, in the order of arrival."""
        with self._lock:
            return tuple(self._posts)

    @property
    def executed(self) -> tuple[Received, ...]:
        """The POSTs that had their effect."""
        return tuple(post for post in self.posts if post.is_executed)

    @property
    def requests(self) -> tuple[Received, ...]:
        """Every request, the last 20,000 at most."""
        with self._lock:
            return tuple(self._recent)

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        with self._lock:
            return self._connections

    def count(self, method: str = "", path: str = "") -> int:
        """How many requests came; of one method, and with paths that end so, where given."""
        with self._lock:
            return sum(n for (verb, at), n in self._counts.items() if method in ("", verb) and at.endswith(path))

    def connected(self) -> int:
        """Note a new connection.

        Returns:
            Its number.
        """
        with self._lock:
            self._connections += 1
            self._positions[self._connections] = 0
            return self._connections

    def disconnected(self, connection: int) -> None:
        """Note that a connection has ended."""
        with self._lock:
            self._positions.pop(connection, None)

    def note(self, request: Request, time: float, verdict: Verdict = "pending") -> Received:
        """Note a request, before anything is done about it."""
        with self._lock:
            position = self._positions.get(request.connection, 0) + 1
            self._positions[request.connection] = position
            received = Received(
                time,
                request.method,
                request.target,
                request.body,
                tuple(header for header in request.headers if header[0] not in SECRET_HEADERS),
                request.connection,
                position,
                verdict,
            )
            self._recent.append(received)
            self._counts[request.method, received.path] += 1
            if request.method == "POST":
                self._posts.append(received)
            return received

    def decided(self, received: Received, status: int, verdict: Verdict) -> None:
        """Note what was decided about a POST, before the answer leaves."""
        with self._lock:
            received.status = status
            received.verdict = verdict
        if self.on_post is not None:
            self.on_post(received)
