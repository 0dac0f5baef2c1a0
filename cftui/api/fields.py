"""How one member of an answer is read: in every spelling that section 11.1 of the API reference tolerates."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainValidator

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,12}))?"
    r"(?:([Zz])|([+-][0-9]{2}):?([0-9]{2}))",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text_of(value: object) -> str:
    """A text, or a number as text; everything else is "not known", the empty text. A boolean is no number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def texts_of(value: object) -> tuple[str, ...]:
    """A list of ids or words, whatever their element type; elements without a text are left out."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(text for text in map(text_of, value) if text)


def quantity_of(value: object) -> float | None:
    """A size or count as a number, whole ones as `int`; None when it is not one, negative, or beyond reason."""
    if isinstance(value, str):
        stripped = value.strip()
        if not _NUMBER.fullmatch(stripped):
            return None
        value = float(stripped)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value < 1e15 or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else value


def count_of(value: object) -> int | None:
    """A whole number, or None."""
    number = quantity_of(value)
    return number if isinstance(number, int) else None


def flag_of(value: object) -> bool | None:
    """Yes, no, or not known."""
    word = text_of(value).strip().lower() if not isinstance(value, bool) else str(value).lower()
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(word)


def name_of(value: object) -> str:
    """A text, or the name inside an object: a region is either."""
    if isinstance(value, dict):
        return text_of(value.get("name")) or text_of(value.get("slug")) or text_of(value.get("id"))
    return text_of(value)


def instant_of(text: str) -> float | None:
    """An ISO 8601 time with a zone, in seconds since 1970.

    None for what is not one moment (no zone, February 30, second 60), and for times before 1970, which clouds use to
    say "not yet". Digits past the microsecond are dropped.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        return None
    day, time, fraction, _, hours, minutes = match.groups()
    offset = f"{hours}:{minutes}" if hours else "+00:00"
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{(fraction or '0')[:6]:0<6}{offset}")
        seconds = (moment - _EPOCH).total_seconds()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds >= 0 else None


Text = Annotated[str, PlainValidator(text_of)]
"""As sent; empty when not known. Not pydantic's own `str`, which refuses lone surrogates."""

Texts = Annotated[tuple[str, ...], PlainValidator(texts_of)]

Quantity = Annotated[float | None, PlainValidator(quantity_of)]
"""A number whatever its spelling (the document types `vcpus` and `disk` as strings); None when not known."""

Count = Annotated[int | None, PlainValidator(count_of)]

Flag = Annotated[bool | None, PlainValidator(flag_of)]

Name = Annotated[str, PlainValidator(name_of)]
"""The name of something that is a string here and an object there; empty when not known."""
