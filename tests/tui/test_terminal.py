"""The terminal: nothing passes the door, and the clipboard behind it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from cftui.tui.terminal import CLIPBOARD_MAX_BYTES, DoorFilter, copy

BLACK = Color(0, 0, 0)
HOSTILE = ["\x1b]52;c;aGk=\x07", "\x9b2J", "\x00\x07\x08", "a\u202eb", "\ud800", "\x1b[?1049l"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_character_passes(text: str) -> None:
    ((shown, _, _),) = DoorFilter().apply([Segment(text, Style(bold=True))], BLACK)
    assert shown.isprintable()
    assert shown.isascii()


def test_clean_segments_pass_untouched() -> None:
    segments = [Segment("web-01 日本 ●", Style(color="red"))]
    assert DoorFilter().apply(segments, BLACK) is segments


def test_without_colour_attributes_stay() -> None:
    style = Style(color="red", bgcolor="blue", bold=True, reverse=True)
    ((_, shown, _),) = DoorFilter(is_colourless=True).apply([Segment("x", style)], BLACK)
    assert shown is not None
    assert (shown.color, shown.bgcolor, shown.bold, shown.reverse) == (None, None, True, True)


def test_our_own_signs_have_ascii_twins() -> None:
    ((shown, _, _),) = DoorFilter(is_ascii=True).apply([Segment("┌─ k8s-prod…-07 ═ ● ■□□ – →", None)], BLACK)
    assert shown.isascii()


def test_a_text_goes_to_the_terminal_and_a_huge_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    copied: list[str] = []
    assert copy("web-01", copied.append) == ""
    assert "not copied" in copy("x" * (CLIPBOARD_MAX_BYTES + 1), copied.append)
    assert copied == ["web-01"]


def test_inside_tmux_the_text_goes_through_tmux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    program = tmp_path / "tmux"
    program.write_text(f'#!/bin/sh\n[ "$*" = "load-buffer -w -" ] && cat > {kept}\n')
    program.chmod(0o755)
    monkeypatch.setenv("TMUX", "/tmp/tmux-1000/default,1,0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert copy("web-01\nweb-02", lambda text: None) == ""
    assert kept.read_text() == "web-01\nweb-02"
