"""A request as it came and an answer as it will go out."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from cftui.simulator.state import Action


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, whole."""

    method: str
    target: str
    """Path and query as they came."""
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes
    connection: int
    """Which connection brought it, from 1."""

    @property
    def path(self) -> str:
        """The target's path, still escaped."""
        return self.target.partition("?")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts, unescaped."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/"))

    def header(self, name: str) -> str:
        """The first header of this name (lower case); empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def number(self, name: str, default: int) -> int:
        """A whole number from the query; `default` when it is missing or is none."""
        values = parse_qs(self.target.partition("?")[2]).get(name, [""])
        return int(values[-1]) if values[-1].isascii() and values[-1].isdigit() and len(values[-1]) < 10 else default

    @property
    def credentials(self) -> str:
        """What Basic authentication carries, `email:password`; empty when there is none, or it cannot be read."""
        scheme, _, encoded = self.header("authorization").partition(" ")
        try:
            return base64.b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else ""
        except (binascii.Error, ValueError):
            return ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    """Beside those that every answer has."""
    action: Action | None = None
    """The action that this answer says was accepted."""
