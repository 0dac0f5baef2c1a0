"""Bytes to values: bounded, strict first, and the one documented damage (a trailing comma) second.

Nothing here trusts the sender.
"""

from __future__ import annotations

import json
import logging
import math
import re

from cftui.api.errors import BadAnswer

MAX_NESTING = 64
"""Levels of arrays and objects; the deepest documented answer has five."""

MAX_VALUES = 100_000
"""Commas in one object: a small one of tiny values would take forty times its bytes. A VM has some thirty."""

_MAX_DIGITS = 100
"""Longest whole number; the interpreter's own limit would end in a ValueError at 4,300."""

_log = logging.getLogger(__name__)

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
"""A JSON string, or what is left of one; possessive, so that hostile input costs one pass."""
_STRING_OR_COMMA = re.compile(_STRING + rb"|(?<![\[{,]),(?=[ \t\r\n]*+[}\]])", re.DOTALL)
_STRING_OR_BRACKET = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)


def strip_trailing_commas(body: bytes) -> bytes:
    """Without commas directly before `}` or `]`, outside strings: all nine documented bodies have one."""
    return _STRING_OR_COMMA.sub(lambda match: b"" if match[0] == b"," else match[0], body)


def _unique(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) != len(members):
        raise BadAnswer("The reply contradicts itself: one member is given twice.")
    return found


def _refuse(word: str) -> object:
    raise BadAnswer(f"The reply is unreadable: {word} is not JSON.")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise BadAnswer("The reply is unreadable: a number is too large.")
    return value


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise BadAnswer("The reply is unreadable: a number is too large.")
    return int(digits)


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)


def _check_nesting(body: bytes) -> None:
    if body.count(b"{") + body.count(b"[") <= MAX_NESTING:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(body):
        if match[0] in b"[{":
            depth += 1
            if depth > MAX_NESTING:
                raise BadAnswer("The reply is unreadable: it is nested too deep.")
        elif match[0] in b"]}":
            depth -= 1


def _parse(body: bytes) -> object:
    """One JSON value, by the letter.

    Raises:
        BadAnswer: It contradicts itself, or goes beyond what an answer may hold.
        ValueError: It is no JSON or no UTF-8.
    """
    if body.count(b",") > MAX_VALUES:
        raise BadAnswer("The reply is unreadable: it holds too many values.")
    _check_nesting(body)
    value: object = _STRICT.decode(body.decode("utf-8"))
    return value


def parse(body: bytes) -> object:
    """One JSON value; strict first, then without trailing commas.

    Raises:
        BadAnswer: It cannot be read.
    """
    try:
        return _parse(body)
    except ValueError:
        pass
    try:
        value = _parse(strip_trailing_commas(body))
    except ValueError:
        reason = "it is empty" if not body.strip() else "it is not JSON"
        raise BadAnswer(f"The reply is unreadable: {reason}.") from None
    _log.debug("a reply had trailing commas")
    return value


def read_object(body: bytes, key: str, *, bare_with: str) -> dict[str, object]:
    """The object under `key`, or the whole reply where it comes without its envelope.

    Args:
        body: The reply.
        key: The envelope's member: `vm`, `action`, `account`.
        bare_with: A member that only the bare object would have.

    Raises:
        BadAnswer: The reply holds no such object.
    """
    reply = parse(body)
    if isinstance(reply, dict):
        value = reply.get(key)
        if isinstance(value, dict):
            return value
        if key not in reply and bare_with in reply:
            return reply
    raise BadAnswer(f"The reply is unreadable: it holds no {key!r}.")
