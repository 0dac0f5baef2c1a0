from __future__ import annotations

import time
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from cftui import text

some = settings(derandomize=True, deadline=None, max_examples=150)

HOSTILE = [
    "vm\x1b]52;c;RVZJTA==\x07",
    "\x1b]0;t\x07",
    "\x1b]8;;http://x\x07",
    "\x1bP…\x1b\\",
    "\x1b_a\x1b^b\x1bXc\x1bc",
    "\x1b[6n\x1b[2J\x1b[1;1H",
    "\x1b]",
    "\x90\x98\x9b\x9c\x9d\x9e\x9f",
    "\0\x07\b\r\x0b\x0c\x0e\x0f\x7f",
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "\u2028\u2029\u200b\u200c\u200d\u2060\ufeff\u180e\u00ad",
    "\U000e0001\U000e0041\U000e007f",
    "a\u202egnp.exe",
    "\ud800",
    "e" + "\u0301" * 100_000,
    "\u200d" * 20_000,
    "n" * (1 << 20),
    "☁\ufe0f 👍\U0001f3fd",
]
ANY = st.one_of(st.text(max_size=60), st.text(st.characters(categories=["Cs", "Cf", "Mn", "Cc", "L"]), max_size=60))

FORBIDDEN = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


@pytest.mark.fault("S1", "S2", "S3", "S4")
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_terminal_would_obey_is_shown(value: str) -> None:
    shown = text.clean(value)
    assert not {unicodedata.category(char) for char in shown} & FORBIDDEN
    assert len(shown) <= text.MAX_CHARS
    assert text.clean(shown) == shown
    assert shown


def test_every_hidden_character_of_unicode_is_shown() -> None:
    hidden = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in FORBIDDEN]
    assert all(text.clean(char).isascii() for char in hidden)
    tags = [chr(code) for code in range(0xE0000, 0xE1000)]
    assert all(text.clean(char).isascii() for char in tags)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("web-1", "web-1"),
        ("веб-1 日本 שלום", "веб-1 日本 שלום"),
        ("[/] {0} %s $x", "[/] {0} %s $x"),
        ("a\x1bb", "a\\x1bb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb", "a\\x0ab"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 8),
        ("\u0301" * 9 + "e", "◌" + "\u0301" * 8 + "e"),
        ("🇩🇪", "\\U0001f1e9\\U0001f1ea"),
    ],
)
def test_clean(value: str, shown: str) -> None:
    assert text.clean(value) == shown


@some
@given(ANY)
@example("\x1b" * text.MAX_CHARS)
def test_clean_twice_is_clean_once(value: str) -> None:
    shown = text.clean(value)
    assert text.clean(shown) == shown
    assert not {unicodedata.category(char) for char in shown} & FORBIDDEN
    assert len(shown) <= text.MAX_CHARS


@some
@given(ANY)
def test_a_cleaned_text_is_as_wide_as_textual_thinks(value: str) -> None:
    shown = "".join(char for char in text.clean(value) if unicodedata.category(char) != "Co")
    assert text.width(shown) == cell_len(shown)


@some
@given(ANY, st.integers(-1, 40))
def test_cut_never_exceeds_and_leaves_alone_what_fits(value: str, cells: int) -> None:
    shown = text.clean(value)
    for cut in (text.cut, text.cut_middle):
        short = cut(shown, cells)
        assert text.width(short) <= max(cells, 0)
        if text.width(shown) <= cells:
            assert short == shown
        else:
            assert ("…" in short) == (cells > 0)
    if cells >= 0:
        assert text.width(text.fit(shown, cells)) == cells


def test_the_number_at_the_end_of_a_name_stays() -> None:
    assert text.cut_middle("k8s-production-worker-07", 15) == "k8s-produc…r-07"
    assert text.cut("k8s-production-worker-07", 15) == "k8s-production…"
    assert text.cut_middle("日本日本日本日本", 9) == "日本日…本"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (12.9, "12 s"), (99, "99 s"), (101, "1 m 41 s"), (8040, "2 h 14 m"), (259_200, "3 d")],
)
def test_durations(seconds: float, words: str) -> None:
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(2, "2 s old"), (29, "20 s old"), (125, "2 m old"), (7300, "2 h old"), (259_200, "3 d old")]
)
def test_ages_stand_still(seconds: float, words: str) -> None:
    assert text.age(seconds) == words


@pytest.mark.parametrize(
    ("gb", "short", "words"),
    [
        (None, "?", "unknown"),
        (8, "8G", "8 GB"),
        (0.5, "0.5G", "0.5 GB"),
        (2000, "2T", "2000 GB"),
        (1024, "1T", "1024 GB"),
        (1500, "1.5T", "1500 GB"),
        (1 / 3, "0.33G", "0.333333 GB"),
    ],
)
def test_sizes(gb: float | None, short: str, words: str) -> None:
    assert text.size_short(gb) == short
    assert text.size_words(gb) == words


def test_counts() -> None:
    assert text.count(1, "VM") == "1 VM"
    assert text.count(2013, "VM") == "2,013 VMs"
    assert text.count(2, "entry", "entries") == "2 entries"
    assert text.count(1000) == "1,000"


def test_the_day_is_told_when_it_is_not_today() -> None:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert text.clock_time(now.replace(hour=3, minute=14, second=8), now) == "03:14:08"
    assert text.clock_time(now.replace(hour=3, minute=14, second=8), now, seconds=False) == "03:14"
    assert text.clock_time(now.replace(day=23, hour=10, minute=10), now) == "11-23 10:10"


@pytest.mark.parametrize("instant", [1e300, -1e300, float("inf"), float("nan"), 1e12])
def test_a_time_that_no_calendar_holds_is_odd_and_no_crash(instant: float) -> None:
    assert text.clock_time(instant, datetime(2026, 11, 24, tzinfo=UTC)) == "odd time"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_calendars_ends_are_no_crash_in_any_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    for year in (1, 9999):
        moment = datetime(year, 12 if year > 1 else 1, 31 if year > 1 else 1, tzinfo=UTC)
        assert text.clock_time(moment, datetime(2026, 11, 24, tzinfo=UTC))
    monkeypatch.undo()
    time.tzset()
