"""The terminal: nothing passes the door, and it is left as it was found, whatever ends the program."""

from __future__ import annotations

import os
import pty
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from cftui.tui.terminal import CLIPBOARD_MAX_BYTES, DoorFilter, copy, crash_report

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


def test_a_crash_report_is_private_and_holds_no_local_variables(tmp_path: Path) -> None:
    def sign_in(password: str) -> None:
        raise RuntimeError("no \x1b[2J luck")

    secret = "-".join(("hunter", "2"))
    try:
        sign_in(secret)
    except RuntimeError:
        said = crash_report(tmp_path / "state", "20261124-031400")
    (path,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret not in path.read_text()
    assert "RuntimeError" in path.read_text()
    assert str(path) in said
    assert "\x1b" not in said


PROGRAM = """
from pathlib import Path
from cftui.operations.engine import Account, Engine
from cftui.operations.engine_thread import EngineThread
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.cockpit import CockpitSettings, ProfileBadge

with SimulatorServer(SimulatedCloud(vms=5, calm=True)) as server:
    account = Account(server.url, server.cloud.email, server.cloud.password)
    engine = EngineThread(lambda: Engine(account, state_dir=Path(STATE)))
    badge = ProfileBadge("demo", host="cloud.example", base_url=server.url)
    app = CftuiApp(engine, profile=badge, settings=CockpitSettings(state_dir=Path(STATE)))
    code = app.run_guarded()
raise SystemExit(code)
"""


def run(state_dir: Path, *, until: bytes, send: signal.Signals | None = None, keys: bytes = b"") -> tuple[int, bytes]:
    """The cockpit on a terminal of its own; exit code and all that it wrote."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM.replace("STATE", repr(str(state_dir)))])
    written, has_acted, deadline = b"", False, time.monotonic() + 30
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                written += os.read(terminal, 65536)
            except OSError:
                break
        if not has_acted and until in written:
            has_acted = True
            if send is not None:
                os.kill(pid, send)
            os.write(terminal, keys)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), written


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)], ids=["term", "hup", "int"]
)
def test_a_signal_restores_the_screen(tmp_path: Path, number: signal.Signals, code: int) -> None:
    ended, written = run(tmp_path / "state", until=b"web-01", send=number)
    assert ended == code
    assert written.rindex(b"\x1b[?1049l") > written.rindex(b"\x1b[?1049h")
    for mode in (b"\x1b[?1000l", b"\x1b[?1003l", b"\x1b[?2004l"):
        assert mode in written


def test_q_restores_the_screen_and_exits_0(tmp_path: Path) -> None:
    ended, written = run(tmp_path / "state", until=b"web-01", keys=b"q")
    assert ended == 0
    assert written.rindex(b"\x1b[?1049l") > written.rindex(b"\x1b[?1049h")
    assert b"\x1b[?25h" in written[written.rindex(b"\x1b[?1049l") :]


def test_a_terminal_that_goes_away_without_a_signal_ends_the_program(tmp_path: Path) -> None:
    """A lost terminal sends a hang-up to its own session only; one that is not controlling just ends."""
    terminal, inside = pty.openpty()
    program = PROGRAM.replace("STATE", repr(str(tmp_path / "state")))
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )
    os.close(inside)
    written = b""
    while b"web-01" not in written:
        assert select.select([terminal], [], [], 20)[0]
        written += os.read(terminal, 65536)
    os.close(terminal)
    assert process.wait(timeout=8) == 129
