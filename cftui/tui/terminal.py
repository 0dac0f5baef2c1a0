"""The terminal itself: what may reach it, the clipboard behind it, and what calls somebody to it."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from cftui.text import clean, cut

if TYPE_CHECKING:
    from textual.driver import Driver

CLIPBOARD_MAX_BYTES = 32_000
"""What terminals take of an OSC 52 without complaint."""

BELL = "\x07"
PUSH_TITLE = "\x1b[22;2t"
"""Makes the terminal remember its title; one that knows no stack of titles takes no notice."""
POP_TITLE = "\x1b[23;2t"
"""Brings back what was remembered."""

_MAX_TITLE, _MAX_BODY = 80, 200
"""Cells; GNU screen passes on 768 bytes at most."""
_WITHOUT_TITLE = ("dumb", "linux", "vt")
"""What the names of terminals without a title begin with: the console of Linux draws a part of the sequence."""

_ASCII = str.maketrans(
    {"…": "~", "–": "-", "→": ">", "×": "x", "·": ",", "▌": ">", "●": "*", "○": "o", "■": "#", "□": ".", "▲": "!"}
    | {"►": "~", "✓": "v", "◆": "+", "◉": "@", "↑": "^", "↓": "v", "┆": ":"}
    | dict.fromkeys("─━╸╴╶╺═", "-")
    | dict.fromkeys("│┃║▏▎▕▊", "|")
    | dict.fromkeys("┌┐└┘├┤┬┴┼╔╗╚╝╭╮╯╰┏┓┗┛", "+")
)


class DoorFilter(LineFilter):
    """The last look at every cell: no control byte passes, whatever drew it.

    Args:
        is_colourless: Take every colour away; attributes stay.
        is_ascii: Spell our own signs in ASCII.
    """

    def __init__(self, *, is_colourless: bool = False, is_ascii: bool = False) -> None:
        super().__init__()
        self._is_colourless = is_colourless
        self._is_ascii = is_ascii

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with clean texts."""
        if not (self._is_colourless or self._is_ascii) and all(text.isprintable() for text, _, _ in segments):
            return segments
        return [Segment(self._text(text), self._style(style)) for text, style, _ in segments]

    def _text(self, text: str) -> str:
        text = text if text.isprintable() else clean(text)
        return ascii_of(text) if self._is_ascii and not text.isascii() else text

    def _style(self, style: Style | None) -> Style | None:
        return style if style is None or not self._is_colourless else _without_colour(style)


@lru_cache(1024)
def _without_colour(style: Style) -> Style:
    return style.without_color


def speaks_utf8() -> bool:
    """Whether the stream that the cockpit draws on can show more than ASCII."""
    encoding = getattr(sys.__stderr__, "encoding", "") or ""
    return encoding.lower().replace("-", "") in ("utf8", "")


def emit(driver: Driver | None, sequence: str) -> None:
    """Send a bell, a notification or a title, past the door on purpose: the one place where that is done.

    It goes by the driver's own writer, so that it never falls into the middle of a frame.

    Args:
        driver: The app's; None before there is one.
        sequence: Made here, of texts that are clean.
    """
    if driver is not None and not driver.is_headless:
        driver.write(sequence)


def has_title(environ: Mapping[str, str]) -> bool:
    """Whether a terminal of this kind has a title to be set."""
    kind = environ.get("TERM", "")
    return bool(kind) and not kind.startswith(_WITHOUT_TITLE)


def title(text: str) -> str:
    """What asks a terminal for a title."""
    return f"\x1b]2;{_said(text, _MAX_TITLE)}\x07"


def notification(kind: str, head: str, body: str, environ: Mapping[str, str]) -> str:
    """What asks a terminal for a desktop notification, wrapped for tmux or GNU screen where it has to pass them.

    tmux hands it on where `allow-passthrough` is on, and drops it otherwise.

    Args:
        kind: `osc9` (iTerm2, WezTerm, Windows Terminal), `osc777` (foot, Ghostty, urxvt) or `osc99` (kitty).
        head: Its first line.
        body: What there is to say; any text.
        environ: Tells what stands between.
    """
    head, body = _said(head, _MAX_TITLE), _said(body, _MAX_BODY)
    match kind:
        case "osc99":
            sequence = f"\x1b]99;i=cftui:d=0;{head}\x07\x1b]99;i=cftui:p=body;{body}\x07"
        case "osc777":
            sequence = f"\x1b]777;notify;{head.replace(';', ',')};{body.replace(';', ',')}\x07"
        case _:
            sequence = f"\x1b]9;{head}: {body}\x07"
    if environ.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return f"\x1bP{sequence}\x1b\\" if environ.get("STY") else sequence


def _said(text: str, cells: int) -> str:
    """A text that cannot end the sequence it stands in."""
    return cut(clean(text), cells)


def ascii_of(text: str) -> str:
    """A text with our own signs spelled in ASCII."""
    return text.translate(_ASCII)


def copy(text: str, osc52: Callable[[str], None]) -> str:
    """Put a text on the clipboard.

    In tmux the text goes through tmux itself, as its default setting swallows OSC 52; elsewhere the terminal is asked.

    Args:
        text: What to copy.
        osc52: Writes the terminal's escape sequence.

    Returns:
        What went wrong, as a sentence; empty when nothing is known to have.
    """
    if len(text.encode()) > CLIPBOARD_MAX_BYTES:
        return f"not copied: more than {CLIPBOARD_MAX_BYTES // 1000} kB"
    if os.environ.get("TMUX"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["tmux", "load-buffer", "-w", "-"]
            env = {name: value for name, value in os.environ.items() if name != "CFTUI_PASSWORD"}
            subprocess.run(command, input=text.encode(), timeout=2, check=True, capture_output=True, env=env)  # noqa: S603
            return ""
    osc52(text)
    return ""


def tame_collector() -> None:
    """Keep the collector from walking over every VM while somebody types.

    With 10,000 VMs alive a full pass stops the screen for a third of a second; what was read so far stays, and need not
    be looked at again.
    """
    gc.enable()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
