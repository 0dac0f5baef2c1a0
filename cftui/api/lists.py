"""A list page split into each entry's bytes, and rows kept by those bytes.

So what did not change since the last poll is neither parsed nor modelled again (P13), and an entry that cannot be read
costs that entry alone.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from cftui.api.decode import parse, strip_trailing_commas
from cftui.api.errors import BadAnswer
from cftui.api.fields import count_of

Row = TypeVar("Row")

MAX_PAGE_VALUES = 600_000
"""Commas in a page, each of which stands between two values: those of 20,000 VMs.

A page is asked to hold 200. They are counted before anything is made of them, for a value of three bytes costs
seventy times that.
"""

_log = logging.getLogger(__name__)

_UNSPLIT = (msgspec.DecodeError, UnicodeDecodeError)

_SPACE = re.compile(r"[ \t\r\n]*+")
_LENIENT = json.JSONDecoder(parse_float=str, parse_int=str)
"""Only finds where a value ends; what it makes of it is thrown away."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list, split but not read."""

    entries: tuple[bytes, ...]
    """Each entry's own JSON, in the cloud's order."""
    total: int | None
    """`meta.total`."""
    has_links: bool
    """Whether the reply speaks of paging at all."""
    next_link: str
    """`links.pages.next` as received; empty when there is none."""
    last_link: str


def split_list(body: bytes, key: str) -> ListPage:
    """Split a page into its entries.

    Raises:
        BadAnswer: There is no list under `key`, or what is around it cannot be read.
    """
    if body.count(b",") > MAX_PAGE_VALUES:
        raise BadAnswer("The page holds too many values; none of them was read.")
    try:
        entries, rest = _split(body, key)
        envelope = parse(rest)
    except RecursionError:
        raise BadAnswer("The reply is unreadable: it is nested too deep.") from None
    if not isinstance(envelope, dict) or key not in envelope:
        raise BadAnswer(f"The reply is unreadable: it holds no list of {key!r}.")
    links = envelope.get("links")
    pages = links.get("pages") if isinstance(links, dict) else None
    meta = envelope.get("meta")
    return ListPage(
        entries=entries,
        total=count_of(meta.get("total")) if isinstance(meta, dict) else None,
        has_links=isinstance(links, dict),
        next_link=_link(pages, "next"),
        last_link=_link(pages, "last"),
    )


def _link(pages: object, name: str) -> str:
    link = pages.get(name) if isinstance(pages, dict) else None
    return link if isinstance(link, str) else ""


def _split(body: bytes, key: str) -> tuple[tuple[bytes, ...], bytes]:
    """The entries, and the reply with null in the list's place.

    The quick splitter refuses two things that may be read: trailing commas, and lone surrogates in texts.
    """
    try:
        return _split_quickly(body, key)
    except _UNSPLIT:
        pass
    repaired = strip_trailing_commas(body)
    try:
        return _split_quickly(repaired, key)
    except _UNSPLIT:
        return _split_slowly(repaired, key)


def _split_quickly(body: bytes, key: str) -> tuple[tuple[bytes, ...], bytes]:
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    if key not in members:
        raise BadAnswer(f"The reply is unreadable: it holds no list of {key!r}.")
    listed = bytes(members[key])
    entries = tuple(bytes(entry) for entry in msgspec.json.decode(listed, type=list[msgspec.Raw]))
    start = body.find(listed[:64])
    while not body.startswith(listed, start):
        start = body.find(listed[:64], start + 1)
    return entries, body[:start] + b"null" + body[start + len(listed) :]


def _split_slowly(body: bytes, key: str) -> tuple[tuple[bytes, ...], bytes]:
    text = body.decode("utf-8", "surrogateescape")
    cursor = _Cursor(text)
    entries: list[str] = []
    start = end = 0
    try:
        cursor.take("{")
        while not cursor.comes("}"):
            name = _LENIENT.decode(cursor.value())
            cursor.take(":")
            if name == key and cursor.comes("["):
                start = cursor.at
                entries = cursor.elements()
                end = cursor.at
            else:
                cursor.value()
            if not cursor.comes("}"):
                cursor.take(",")
    except ValueError:
        raise BadAnswer("The reply is unreadable: it is not JSON.") from None
    if not end:
        raise BadAnswer(f"The reply is unreadable: it holds no list of {key!r}.")
    rest = text[:start] + "null" + text[end:]
    return tuple(entry.encode("utf-8", "surrogateescape") for entry in entries), rest.encode("utf-8", "surrogateescape")


class _Cursor:
    """A place in a JSON text; raises ValueError where the text is not what was expected."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def comes(self, char: str) -> bool:
        """Whether `char` is the next one after white space; stays before it."""
        match = _SPACE.match(self._text, self.at)
        assert match is not None, "white space may be empty"
        self.at = match.end()
        return self._text.startswith(char, self.at)

    def take(self, char: str) -> None:
        if not self.comes(char):
            raise ValueError(char)
        self.at += 1

    def value(self) -> str:
        """The text of the value that stands here."""
        self.comes("")
        start = self.at
        _, self.at = _LENIENT.raw_decode(self._text, start)
        return self._text[start : self.at]

    def elements(self) -> list[str]:
        """The texts of a list's elements."""
        found: list[str] = []
        self.take("[")
        while not self.comes("]"):
            found.append(self.value())
            if not self.comes("]"):
                self.take(",")
        self.take("]")
        return found


class RowCache(Generic[Row]):
    """Rows by the bytes they were read from, for as long as the last whole listing still held them.

    Args:
        read: Makes a row of one entry; raises BadAnswer when it cannot.
    """

    def __init__(self, read: Callable[[dict[str, object]], Row]) -> None:
        self._read = read
        self._last: dict[bytes, Row | None] = {}
        self._now: dict[bytes, Row | None] = {}

    def rows(self, entries: Iterable[bytes]) -> list[Row | None]:
        """One row an entry, in order; None for an entry that cannot be read."""
        found: list[Row | None] = []
        last, now = self._last, self._now
        for entry in entries:
            try:
                row = last[entry]
            except KeyError:
                row = now[entry] if entry in now else self._model(entry)
            now[entry] = row
            found.append(row)
        return found

    def finish(self) -> None:
        """The listing is complete: forget what it did not hold."""
        self._last, self._now = self._now, {}

    def _model(self, entry: bytes) -> Row | None:
        try:
            value = parse(entry)
            if not isinstance(value, dict):
                raise BadAnswer("The entry is no object.")
            return self._read(value)
        except BadAnswer as error:
            _log.debug("an entry of a list was left out: %s", error)
            return None
