"""A terminal's view of a stream of bytes: text, and all that a terminal would obey or that reorders what it shows.

An oracle: it shares no code with what it judges.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

MOST_MARKS = 8
"""Combining marks on one letter; more smear over the lines above and below."""

_SEQUENCE = re.compile(
    rb"""
      \x1b\[ (?P<csi> [0-?]* [ -/]* [@-~])
    | \x1b (?P<string> [\]PX^_]) (?P<content> .*?) (?P<end> \x1b\\ | \x07 | \xc2\x9c | \Z)
    | \x1b (?P<escape> [ -/]* [0-~] | [ -/]* \Z | .)
    | (?P<control> [\x00-\x1f\x7f])
    """,
    re.VERBOSE | re.DOTALL,
)
_STRINGS = {b"]": "OSC", b"P": "DCS", b"X": "SOS", b"^": "PM", b"_": "APC"}
_CONTROLS = {0: "NUL", 7: "BEL", 8: "BS", 9: "TAB", 10: "LF", 11: "VT", 12: "FF", 13: "CR", 14: "SO", 15: "SI"}
_TELLING_FINALS = frozenset("hlpuqtn")
"""Final characters whose parameters say what is asked of the terminal; those of all others are places and colours."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_TAGS = range(0xE0000, 0xE1000)


class Token(NamedTuple):
    """A piece of the stream."""

    name: str
    """`text`; or what it is, without what varies from line to line: `CSI m`, `CSI ?1049h`, `OSC 52`, `C0 BEL`."""
    at: int
    """Where it begins."""
    content: str = ""
    """Of a text, the text; of a control string (OSC and its kin), what stands in it."""


def tokens(stream: bytes) -> Iterator[Token]:
    """The stream from beginning to end."""
    at = 0
    for match in _SEQUENCE.finditer(stream):
        yield from _text(stream, at, match.start())
        yield _token(match)
        at = match.end()
    yield from _text(stream, at, len(stream))


def sequences(stream: bytes) -> Counter[str]:
    """How often each thing came that is no text, by name."""
    return Counter(token.name for token in tokens(stream) if token.name != "text")


def forbidden(stream: bytes, allowed: Collection[str]) -> list[str]:
    """What came and was not allowed, each with its place and what stands around it; the first ten."""
    found = [token for token in tokens(stream) if token.name != "text" and token.name not in allowed]
    return [f"{token.name} at {token.at}: {stream[max(0, token.at - 60) : token.at + 60]!r}" for token in found[:10]]


def text_of(stream: bytes) -> str:
    """The text alone."""
    return "".join(token.content for token in tokens(stream) if token.name == "text")


def _token(match: re.Match[bytes]) -> Token:
    at = match.start()
    if (csi := match["csi"]) is not None:
        return Token(f"CSI {_shape(csi.decode('ascii'))}", at)
    if (kind := match["string"]) is not None:
        content = match["content"].decode("utf-8", "replace")
        number = content.partition(";")[0] if kind == b"]" else ""
        end = "" if match["end"] else " without end"
        return Token(f"{_STRINGS[kind]} {number}".rstrip() + end, at, content)
    if (escape := match["escape"]) is not None:
        return Token(f"ESC {escape.decode('latin-1')}".rstrip(), at)
    code = match["control"][0]
    return Token(f"C0 {_CONTROLS.get(code, f'{code:02x}')}", at)


def _shape(csi: str) -> str:
    """A control sequence without its places and colours."""
    if csi[-1] in _TELLING_FINALS or not csi[0].isdigit():
        return csi if csi[-1] in _TELLING_FINALS else csi.translate({ord(char): None for char in "0123456789;:"})
    return csi.lstrip("0123456789;:")


def _text(stream: bytes, start: int, end: int) -> Iterator[Token]:
    """Text, with what in it is no UTF-8, hidden, or too many marks, as tokens of their own."""
    while start < end:
        try:
            whole, broken = stream[start:end].decode("utf-8"), end
        except UnicodeDecodeError as error:
            broken = start + error.start
            whole = stream[start:broken].decode("utf-8")
        yield from _characters(whole, start)
        if broken < end:
            yield Token(f"byte {stream[broken]:02x}", broken)
        start = broken + 1


def _characters(text: str, at: int) -> Iterator[Token]:
    if text.isascii():  # controls were taken out before
        yield Token("text", at, text)
        return
    marks = 0
    for place, char in enumerate(text):
        kind = unicodedata.category(char)
        marks = marks + 1 if kind[0] == "M" else 0
        if kind in _HIDDEN or ord(char) in _TAGS:
            yield Token(f"{'C1' if kind == 'Cc' else 'hidden'} U+{ord(char):04X}", at + place)
        elif marks == MOST_MARKS + 1:
            yield Token("marks without end", at + place)
    yield Token("text", at, text)
