"""Text for people: cleaning what the network said, cutting it to cells, and wording sizes, ages and durations."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache

MAX_CHARS = 4096
"""Longest text that is shown: a name of a megabyte must not cost a frame (S4)."""

_MAX_MARKS = 8
"""Combining marks kept on one letter; more only serve to smear over neighbouring lines (S4)."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
"""Controls, format characters (direction, zero width, tags), lone surrogates, line and paragraph separators.

And what this Python does not know, whose width is anyone's guess (S1 to S3).
"""

_FILLERS = (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)
_VARIATION_SELECTORS = (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_SKIN_TONES = tuple(range(0x1F3FB, 0x1F400))
_FLAG_LETTERS = tuple(range(0x1F1E6, 0x1F200))

_HIDDEN = frozenset((*_FILLERS, *_VARIATION_SELECTORS, *_SKIN_TONES, *_FLAG_LETTERS))
"""Letters and marks that draw nothing, and what changes the width of the character beside it: terminals differ."""

_TRIGRAMS = (*range(0x2630, 0x2638), *range(0x268A, 0x2690), *range(0x4DC0, 0x4E00))
_COUNTING_RODS = (*range(0x1D300, 0x1D357), *range(0x1D360, 0x1D377))

_WIDE_SINCE_16 = frozenset((*_TRIGRAMS, *_COUNTING_RODS))
"""Two cells wide since Unicode 16, for which older Pythons have one; Textual counts two."""


_NO_LETTER = "◌"
"""Stands under a mark that comes first: it would be drawn on the cell before, which is somebody else's."""

# Hebrew and Arabic stay as they are, and no isolates (U+2066 to U+2069) of ours are put round them. Most terminals know
# no directions: they show an isolate as nothing or as a box of one cell, and a row with a box is shifted. Those that do
# (VTE, mlterm) order the cells of the finished grid and take no notice of isolates in it. So what is kept is the grid:
# a cell has the width that is counted for it, and the cells that follow stand where they would stand beside "web-1".

_LETTERS = re.compile(r"[ -~À-ɏΑ-ΡΣ-ωЀ-ҁҊ-ԯ一-鿯ァ-ヺぁ-ゖ–—…×→]*")
"""Letters of names that hold nothing to hide, so that they need not be looked at one by one."""


def clean(value: str) -> str:
    r"""Show what cannot be seen: control, direction, zero-width and tag characters become escapes such as `\x1b`.

    Lone surrogates become `\ud800`; marks beyond eight on one letter are dropped; what is longer than `MAX_CHARS` ends
    in `…`. What comes out holds no character that a terminal would obey, has no line break, and is the same when
    cleaned again.
    """
    if len(value) <= MAX_CHARS and ((value.isascii() and value.isprintable()) or _LETTERS.fullmatch(value)):
        return value
    shown = _cleaned_before(value) if len(value) <= 256 else _cleaned(value[:MAX_CHARS])
    return shown if len(value) <= MAX_CHARS >= len(shown) else shown[: MAX_CHARS - 1] + "…"


def _cleaned(value: str) -> str:
    out: list[str] = []
    marks = 0
    for char in value:
        kind = unicodedata.category(char)
        if kind in _HIDDEN_CATEGORIES or ord(char) in _HIDDEN:
            out.append(_escape(ord(char)))
            marks = 0
        elif kind[0] == "M":
            if not out:
                out.append(_NO_LETTER)
            marks += 1
            if marks <= _MAX_MARKS:
                out.append(char)
        else:
            out.append(char)
            marks = 0
    return "".join(out)


_cleaned_before = lru_cache(maxsize=8192)(_cleaned)
"""A fleet whose names are not ASCII shows the same few thousand texts on every frame."""


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(maxsize=8192)
def char_width(char: str) -> int:
    """Cells that one character takes, as Textual counts them: 0, 1 or 2."""
    if char.isascii():
        return 1
    code = ord(char)
    if unicodedata.category(char) in ("Mn", "Me", "Mc", "Cf") or 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" or code in _WIDE_SINCE_16 else 1


def width(value: str) -> int:
    """Cells that a cleaned text takes on the screen."""
    return len(value) if value.isascii() else sum(map(char_width, value))


def cut(value: str, cells: int) -> str:
    """The text in at most `cells` cells; what was cut shows as `…` at the end."""
    if width(value) <= cells:
        return value
    return _head(value, cells - 1) + "…" if cells > 0 else ""


def cut_middle(value: str, cells: int) -> str:
    """As `cut`, but from the middle, so that the number at the end of a name stays."""
    if width(value) <= cells:
        return value
    if cells < 5:
        return cut(value, cells)
    tail_cells = (cells - 1) // 3
    tail = _head(value[::-1], tail_cells)[::-1]
    while tail and char_width(tail[0]) == 0:
        tail = tail[1:]  # a mark whose letter did not fit
    return _head(value, cells - 1 - width(tail)) + "…" + tail


def fit(value: str, cells: int) -> str:
    """The text in exactly `cells` cells: cut, or padded on the right."""
    shown = cut(value, cells)
    return shown + " " * (cells - width(shown))


def _head(value: str, cells: int) -> str:
    used = 0
    for index, char in enumerate(value):
        used += char_width(char)
        if used > cells:
            return value[:index]
    return value


def duration(seconds: float) -> str:
    """`12 s`, `81 s`, `1 m 41 s`, `2 h 14 m`, `3 d`: the two largest units that matter."""
    whole = max(0, int(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86400} d"


def age(seconds: float) -> str:
    """How old something is, in steps that stand still: seconds to 10, tens of seconds, minutes, hours, days."""
    whole = max(0, int(seconds))
    if whole < 10:
        return f"{whole} s old"
    if whole < 100:
        return f"{whole // 10 * 10} s old"
    if whole < 3600:
        return f"{whole // 60} m old"
    if whole < 48 * 3600:
        return f"{whole // 3600} h old"
    return f"{whole // 86400} d old"


def number(value: float) -> str:
    """A quantity without a needless fraction: `2`, `1.5`."""
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def size_short(gb: float | None) -> str:
    """GB for a table cell: `8G`, `0.5G`, `2T` from 1000; `?` when not known."""
    if gb is None:
        return "?"
    return f"{number(round(gb / 1000, 1))}T" if gb >= 1000 else f"{number(round(gb, 2 if gb < 10 else 1))}G"


def size_words(gb: float | None) -> str:
    """GB in a sentence: `8 GB`; "unknown" when not known."""
    return "unknown" if gb is None else f"{number(gb)} GB"


def count(quantity: int, noun: str = "", plural: str = "") -> str:
    """`1 VM`, `2,013 VMs`: a number with thousands separated, and its noun when one is given."""
    if not noun:
        return f"{quantity:,}"
    return f"{quantity:,} {noun if quantity == 1 else plural or noun + 's'}"


def clock_time(moment: datetime | float, now: datetime, *, seconds: bool = True) -> str:
    """Local time of day today, month and day before: `03:14:08`, `11-23 22:10`; `odd time` when no calendar holds it.

    Args:
        moment: Aware, or seconds since 1970, which a cloud may place in any year.
        now: Aware.
        seconds: With seconds.
    """
    try:
        instant = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
        local, today = instant.astimezone(), now.astimezone()
    except (OverflowError, ValueError, OSError):
        return "odd time"
    if local.date() != today.date():
        return local.strftime("%m-%d %H:%M")
    return local.strftime("%H:%M:%S" if seconds else "%H:%M")
