"""Texts made to break a terminal, a screen or a spreadsheet, by the row of the catalogue that they are about."""

from __future__ import annotations

import random
from collections.abc import Iterator

CLIPBOARD = "\x1b]52;c;RVZJTA==\x07"

NAMES: dict[str, tuple[str, ...]] = {
    "S1": (
        f"vm{CLIPBOARD}",
        "\x1b]0;title\x07",
        "\x1b]2;title\x1b\\",
        "\x1b]8;;http://x\x07link\x1b]8;;\x07",
        "\x1bP+q544e\x1b\\",
        "\x1b_Gf=100;AAAA\x1b\\",
        "\x1b^private\x1b\\",
        "\x1bXsos\x1b\\",
        "\x1bc",
        "\x1b[6n\x1b[c\x1b[21t",
        "\x1b[2J\x1b[1;1H",
        "\x1b[?1049l\x1b[?25l\x1b[?1003h",
        "\x1b[201~rm -rf\r",
        "\x1b]",
        "web\x1b",
    ),
    "S2": (
        "\x9b2J",
        "\x90q\x9c",
        "\x9d52;c;RVZJTA==\x9c",
        "\x98s\x9c\x9ep\x9c\x9fa\x9c",
        "a\0b\x07c\bd\re\x0bf\x0cg\x0eh\x0fi\x7fj",
        "two\nlines\r\nthree\ttabs\x85next",
    ),
    "S3": (
        "a\u202egnp.exe",
        "\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
        "one\u2028two\u2029three",
        "tags\U000e0001\U000e0041\U000e007f",
        "ze\u200bro\u200c \u200dwi\u2060dth\ufeff",
        "fill\u3164er\u115f\u2800",
    ),
    "S4": (
        "e" + "\u0301" * 100_000,
        "\u0301" * 12 + "first",
        "👩" + "\u200d👩" * 20_000,
        "n" * (1 << 20),
        "日本" * 60,
        "👍🏽🇩🇪☁️👨‍👩‍👧",
        "שרת-ייצור-01",
        "خادم-الإنتاج",
    ),
    "S5": (
        "[/]",
        "web[/]01",
        "[@click=app.quit]x[/]",
        '[link="x',
        "[red]red[/red]",
        "$accent",
        "{0}{name}",
        "%s%n",
        "[bold",
        "\\[x]",
    ),
    "S7": ("=cmd|' /C calc'!A1", "+1", "-1", "@x", 'q"uo"te;semi,comma'),
    "50": ("half\udc00\ud800",),
}

ALL = tuple(name for names in NAMES.values() for name in names)

MARK = "\x1b]52;c;RVZJTA==\x07\x9b2J\u202e[/]\x7f"
"""Short, and of every kind that matters most; for places where one text has to do."""

_PIECES = (
    *"\x00\x07\x08\t\n\r\x0b\x0c\x0e\x0f\x1b\x7f",
    *map(chr, range(0x80, 0xA0)),
    *"\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2028\u2029\u2060\u2066\u2067\u2068\u2069\ufeff\u061c",
    *"\u0301\u0308\u20dd\u0e33\u093e\ufe0f\U000e0100\U0001f3fd\U0001f1e9\U000e0041\u3164\u2800\u115f",
    *"aZ09-_. [](){}<>$%&*!?=+@#|'\"\\/,;:~^`",
    *"éßжשסעمرح日本語한ไก",
    *"👍👩☁❤🏳",
    *(
        "\x1b[",
        "\x1b]",
        "\x1bP",
        "\x1b_",
        "\x1b^",
        "\x1bX",
        "\x1b\\",
        "\x1b[2J",
        "\x1b]52;c;aGk=\x07",
        "\x1b[6n",
        "\x1bc",
    ),
    *("[/]", "[red]", "[@click=app.quit]", "[link=", "$accent", "{0}", "%s", "\ud800", "\udfff", "\u0301" * 12),
)


def at_random(seed: int) -> Iterator[str]:
    """Texts without end, always the same for a seed: pieces of everything above, and any character of Unicode."""
    rng = random.Random(seed)
    while True:
        size = rng.choice((1, 2, 3, 5, 8, 13, 21))
        pieces = rng.choices(_PIECES, k=size)
        if rng.random() < 0.3:
            pieces[rng.randrange(size)] = chr(rng.randrange(0x110000))
        yield "".join(pieces)
