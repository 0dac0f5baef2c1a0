"""The terminal itself: what may reach it, the clipboard behind it, the signals it sends, and how a crash leaves it."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import FrameType

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from cftui.text import clean

CLIPBOARD_MAX_BYTES = 32_000
"""What terminals take of an OSC 52 without complaint."""
_HANGUP_EVERY_S = 1.0
"""How often the terminal is asked whether it is still there."""

_WATCHDOG_S = 2.0
"""A terminal that is gone may block the last write for ever; after this the process ends anyway."""

_ASCII = str.maketrans(
    {"…": "~", "–": "-", "→": ">", "×": "x", "·": ",", "▌": ">", "●": "*", "○": "o", "■": "#", "□": ".", "▲": "!"}
    | {"►": "~", "✓": "v", "◆": "+", "↑": "^", "↓": "v", "┆": ":"}
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
        return text.translate(_ASCII) if self._is_ascii and not text.isascii() else text

    def _style(self, style: Style | None) -> Style | None:
        return style if style is None or not self._is_colourless else _without_colour(style)


@lru_cache(1024)
def _without_colour(style: Style) -> Style:
    return style.without_color


def speaks_utf8() -> bool:
    """Whether the stream that the cockpit draws on can show more than ASCII."""
    encoding = getattr(sys.__stderr__, "encoding", "") or ""
    return encoding.lower().replace("-", "") in ("utf8", "")


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


@contextlib.contextmanager
def signals(leave: Callable[[int], None]) -> Iterator[None]:
    """While inside, SIGTERM, SIGHUP and SIGINT restore the screen and end the program with 143, 129 and 130.

    Python's own handlers, not the loop's: those hung when the terminal's output was blocked. Works on the main thread
    only; elsewhere signals are left alone.

    Args:
        leave: Asks the app to end with an exit code; runs between two bytecodes of the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        code = 128 + number
        watchdog = threading.Timer(_WATCHDOG_S, os._exit, (code,))
        watchdog.daemon = True
        watchdog.start()
        leave(code)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    ended = threading.Event()
    threading.Thread(target=_watch_for_hangup, args=(ended,), name="cftui-terminal", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch_for_hangup(ended: threading.Event) -> None:
    """Send ourselves the hang-up that a lost terminal should bring, and does not where it is not the controlling one.

    Without it the program goes on, reading an end of file as fast as it can.
    """
    poll = select.poll()
    poll.register(sys.__stdin__.fileno() if sys.__stdin__ else 0, select.POLLHUP)
    while not ended.wait(_HANGUP_EVERY_S):
        if any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0)):
            os.kill(os.getpid(), signal.SIGHUP)
            return


def tame_collector() -> None:
    """Keep the collector from walking over every VM while somebody types.

    With 10,000 VMs alive a full pass stops the screen for a third of a second; what was read so far stays, and need not
    be looked at again.
    """
    gc.enable()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def crash_report(state_dir: Path | None, stamp: str) -> str:
    """Write down the exception being handled, without local variables; they may hold secrets.

    Args:
        state_dir: Where the report goes, readable by its owner alone; None writes none.
        stamp: Part of the file's name.

    Returns:
        What to print: what happened and where the report is.
    """
    error = sys.exc_info()[1]
    said = clean(f"{type(error).__name__}: {error}")[:300]
    where = ""
    if state_dir is not None:
        path = state_dir / f"crash-{stamp}.txt"
        with contextlib.suppress(OSError):
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(traceback.format_exc())
            where = f"\nA report without secrets is in {path}."
    return (
        f"cftui met a bug and had to stop: {said}{where}\n"
        "What was sent goes on in the cloud; the next start follows it. `cftui journal` lists it."
    )
