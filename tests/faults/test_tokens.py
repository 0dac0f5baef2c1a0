"""The oracle itself: it tells apart what a terminal would."""

from __future__ import annotations

import pytest

from tests.faults.tokens import forbidden, sequences, text_of


@pytest.mark.parametrize(
    ("stream", "names"),
    [
        ("plain, шалом, 日本 👍 é".encode(), []),
        (b"\x1b[1;1H\x1b[38;2;1;2;3mred\x1b[0m\x1b[m", ["CSI H", "CSI m"]),
        (
            b"\x1b[?1049h\x1b[?25l\x1b[?2026$p\x1b[>1u\x1b[6n",
            ["CSI ?1049h", "CSI ?25l", "CSI ?2026$p", "CSI >1u", "CSI 6n"],
        ),
        (b"a\x1b]52;c;RVZJTA==\x07b", ["OSC 52"]),
        (b"\x1b]0;t\x1b\\x", ["OSC 0"]),
        ("\x1b]8;;http://x\x9c".encode(), ["OSC 8"]),
        (b"a\x1b]52;c;aGk= and all the rest", ["OSC 52 without end"]),
        (b"\x1bPq\x1b\\\x1b_a\x1b\\\x1b^b\x1b\\\x1bXc\x1b\\", ["DCS", "APC", "PM", "SOS"]),
        (b"\x1bc\x1b(0\x1b7\x1b", ["ESC c", "ESC (0", "ESC 7", "ESC"]),
        (
            b"\0\x07\b\t\n\x0b\x0c\r\x0e\x0f\x7f",
            ["C0 " + name for name in ["NUL", "BEL", "BS", "TAB", "LF", "VT", "FF", "CR", "SO", "SI", "7f"]],
        ),
        ("\x9b2J\x9d".encode(), ["C1 U+009B", "C1 U+009D"]),
        (b"a\x9b2J", ["byte 9b"]),
        (
            "a\u202eb\u2066\u200b\ufeff\u2028\U000e0041".encode(),
            [f"hidden U+{code}" for code in ["202E", "2066", "200B", "FEFF", "2028", "E0041"]],
        ),
        (("e" + "\u0301" * 8).encode(), []),
        (("e" + "\u0301" * 300).encode(), ["marks without end"]),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_each_kind_is_named(stream: bytes, names: list[str]) -> None:
    assert list(sequences(stream)) == names
    assert len(forbidden(stream, ())) == len(list(sequences(stream).elements())[:10])
    assert not forbidden(stream, names)


def test_a_long_utf8_character_is_no_terminator() -> None:
    """Its last byte may be 9c, which ends a string only where bytes are not UTF-8."""
    assert list(sequences("\x1b]0;М\u041c\x07".encode())) == ["OSC 0"]


def test_what_is_left_is_the_text() -> None:
    assert text_of(b"\x1b[1mone\x1b[0m \x1b]0;title\x07two") == "one two"
