"""How one request ended, in words that know nothing of the HTTP library, so that verdicts are tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from cftui.api.decode import parse
from cftui.api.errors import BadAnswer
from cftui.api.fields import text_of
from cftui.api.redaction import without_secrets
from cftui.api.retry import clamp, parse_http_date, parse_retry_after
from cftui.text import clean, cut

MAX_SERVER_WORDS = 200
"""Characters of the server's own words in a message."""


class Flaw(StrEnum):
    """Why there is no whole answer. The values are the journal's words."""

    NOT_SENT = "not-sent"
    """Provably not one byte of the request left."""
    TIMEOUT = "timeout"
    READ_ERROR = "read-error"
    NO_REPLY = "no-reply"
    """The other end closed without a whole answer."""
    WRITE_ERROR = "write"
    TOO_LARGE = "too-large"
    ENCODED = "encoded"
    """A content encoding that was not asked for; it is not unpacked."""
    UNFORESEEN = "unforeseen"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it."""

    status: int | None = None
    """None when no status line came."""
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values by lower-case name."""
    body: bytes = b""
    """Empty when it did not come whole."""
    flaw: Flaw | None = None
    cause: str = ""
    """One short phrase about the flaw: "connection refused"."""
    fingerprint: str = ""
    """SHA-256 of a certificate that was not believed; empty where none was shown."""

    def header(self, name: str) -> str:
        """The first value of a header; empty without one."""
        return next(iter(self.headers.get(name, ())), "")

    @property
    def why(self) -> str:
        """The cause with all that helps to judge it."""
        return f"{self.cause} (SHA-256 {self.fingerprint})" if self.fingerprint else self.cause

    @property
    def advice(self) -> str:
        """What to do about a connection that did not come about."""
        if self.cause.startswith("certificate"):
            return "If its authority is a private one, name it with ca_file in the profile."
        return "Check the URL and the network."

    @property
    def content_type(self) -> str:
        """The media type alone, cleaned: `text/html`."""
        return cut(clean(self.header("content-type").split(";")[0].strip().lower()), 40)

    @property
    def redirect_host(self) -> str:
        """Where a redirect leads, cleaned, without path and without what would sign in there.

        `https://other.example:8443`; "another path" on the same host; "an unreadable address" when it names nobody.
        """
        location = self.header("location")
        try:
            parts = urlsplit(location)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host:
            return "another path" if re.match(r"/(?!/)", location) else "an unreadable address"
        scheme = f"{parts.scheme}://" if parts.scheme in ("http", "https") else ""
        return cut(clean(f"{scheme}{host}{'' if port is None else f':{port}'}"), 80)

    @property
    def server_time(self) -> datetime | None:
        """The `Date` header."""
        return parse_http_date(self.header("date"))

    def retry_after_s(self, now: datetime) -> float | None:
        """How long the cloud asks to wait, 1 to 300 s: `Retry-After`, else when either spelling of rate limits resets.

        Args:
            now: The wall clock, for a cloud that sends no `Date`.
        """
        now = self.server_time or now
        asked = parse_retry_after(self.headers.get("retry-after", ()), now)
        if asked is not None or self.status != 429:
            return asked
        reset = self.header("ratelimit-reset") or self.header("x-ratelimit-reset")
        if not re.fullmatch(r"[0-9]{1,10}", reset, re.ASCII):
            return None
        return clamp((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(reset)) - now).total_seconds())

    @property
    def server_words(self) -> str:
        """What the server says about it, cleaned and cut; from `message`, else a piece of the body without its tags."""
        try:
            reply = parse(self.body)
        except BadAnswer:
            plain = re.sub(r"<[^<>]*+>", " ", self.body[:20_000].decode("utf-8", "replace"))
            return _shown(plain)
        if not isinstance(reply, dict):
            return ""
        error = reply.get("error")
        inner = error.get("message") if isinstance(error, dict) else error
        return _shown(text_of(reply.get("message")) or text_of(inner) or text_of(reply.get("id")))


def _shown(words: str) -> str:
    return cut(clean(without_secrets(" ".join(words.split())[: MAX_SERVER_WORDS * 10])), MAX_SERVER_WORDS)
