"""The cockpit dies with dignity: whatever ends it, the screen is restored, the journal complete, the process gone."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from tests.conftest import StartSimulator
from tests.faults.cockpit import COMMAND, GONE_WITHIN_S, Cockpit, is_restored, journalled, wait_for
from tests.pty_reader import Terminal

SECRET = "-".join(("hunter", "2"))
GOES_ON = b"1 action not seen to end yet: what was sent goes on in the cloud"


@pytest.fixture
def cloud(start_simulator: StartSimulator) -> Iterator[SimulatorServer]:
    """Three VMs, no faster than real ones; nobody confirms more than one action."""
    server = start_simulator(vms=3, speed=1.0)
    yield server
    assert len(server.ledger.posts) <= 1


def ended(cockpit: Cockpit, *, within_s: float = GONE_WITHIN_S) -> int:
    """Its exit code, and that it came in time and without a word of Python."""
    code = cockpit.wait(within_s)
    assert b"Traceback" not in cockpit.written
    assert b"Exception" not in cockpit.written
    return code


@pytest.mark.fault("93")
def test_a_signal_ends_it_in_order(start_simulator: StartSimulator, tmp_path: Path) -> None:
    """With a reboot in progress: the screen is as before, the last line says what goes on, and one row is kept."""
    ends = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGQUIT: 131, signal.SIGTERM: 143, None: 130}
    clouds = [start_simulator(vms=1, speed=1.0) for _ in ends]
    homes = [tmp_path / str(number) for number in range(len(ends))]
    with contextlib.ExitStack() as stack:
        cockpits = [stack.enter_context(Cockpit(*each)) for each in zip(clouds, homes, strict=True)]
        for cockpit in cockpits:
            cockpit.open().confirm_reboot()
        for cockpit, number in zip(cockpits, ends, strict=True):
            cockpit.see("reboot accepted")
            if number is None:
                cockpit.type("\x03")
                cockpit.see("again quits")
                cockpit.type("\x03")
            else:
                cockpit.send(number)
        for cockpit, code in zip(cockpits, ends.values(), strict=True):
            assert ended(cockpit) == code
            assert is_restored(cockpit.written)
            said = cockpit.written[cockpit.written.rindex(b"\x1b[?1049l") :]
            assert GOES_ON in said, (code, said)
    for cloud, home in zip(clouds, homes, strict=True):
        assert journalled(home) == ["accepted"]
        assert len(cloud.ledger.posts) == 1


@pytest.mark.fault("89")
def test_the_line_drops_and_the_next_start_shows_the_same(cloud: SimulatorServer, tmp_path: Path) -> None:
    with Cockpit(cloud, tmp_path) as cockpit:
        cockpit.open().confirm_reboot()
        cockpit.see("reboot accepted")
        cockpit.drop()
        assert ended(cockpit) == 129
    with Cockpit(cloud, tmp_path) as cockpit:
        cockpit.see("1 in progress")
        cockpit.see("■□□")
        cockpit.type("q")
        assert ended(cockpit) == 0
        assert is_restored(cockpit.written)
        assert GOES_ON in cockpit.written
    assert journalled(tmp_path) == ["accepted"]
    assert len(cloud.ledger.posts) == 1


@pytest.mark.fault("91")
@pytest.mark.parametrize("is_controlling", [True, False])
def test_a_lost_terminal_is_noticed_without_a_signal(
    cloud: SimulatorServer, tmp_path: Path, is_controlling: bool
) -> None:
    """`nohup`, or a terminal that is not the controlling one: an end of file can be read as fast as one likes."""
    ignoring = [signal.SIGHUP] if is_controlling else []
    with Cockpit(cloud, tmp_path, is_login=is_controlling, ignoring=ignoring) as cockpit:
        cockpit.open()
        if is_controlling:
            cockpit.send(signal.SIGHUP)
            cockpit.listen(0.3)  # ignored, and so it stays
        busy_s = cockpit.cpu_s
        cockpit.drop()
        wait_for(lambda: cockpit.has_ended, within_s=GONE_WITHIN_S)
        assert cockpit.cpu_s - busy_s < 0.5
        assert ended(cockpit) == 129


@pytest.mark.fault("90")
@pytest.mark.parametrize("is_answered", [True, False])
def test_the_line_drops_while_a_post_is_under_way(cloud: SimulatorServer, tmp_path: Path, is_answered: bool) -> None:
    """The answer has two seconds; without it, the next start says that the outcome is not known, and looks it up."""
    cloud.faults.next("POST", faults.delay(0.8) if is_answered else faults.hang(carried_out=True))
    with Cockpit(cloud, tmp_path) as cockpit:
        cockpit.open().confirm_reboot()
        wait_for(lambda: cloud.ledger.posts)
        cockpit.drop()
        assert ended(cockpit) == 129
    assert journalled(tmp_path) == ["accepted" if is_answered else "unknown"]
    with Cockpit(cloud, tmp_path) as cockpit:
        cockpit.see("1 in progress" if is_answered else "very likely yours")
        cockpit.type("q")
        assert ended(cockpit) == 0
    assert len(journalled(tmp_path)) == 1
    assert len(cloud.ledger.posts) == 1


@pytest.mark.fault("104")
def test_the_line_drops_in_the_middle_of_many(start_simulator: StartSimulator, tmp_path: Path) -> None:
    """Whatever was sent has its row, the rest is not sent: not before the end, and not by the next start."""
    cloud = start_simulator(vms=0, speed=50.0)
    for number in range(20):
        cloud.cloud.add_vm(f"vm-{number:02}")
    cloud.faults.always("POST", faults.delay(0.3))
    with Cockpit(cloud, tmp_path) as cockpit:
        cockpit.open()
        cockpit.type("*a")
        cockpit.see("graceful restart")
        cockpit.type("r")
        cockpit.see("20 requests")
        cockpit.press("20", lambda: "as asked" in cockpit.shown)
        cockpit.type("\r")
        wait_for(lambda: len(cloud.ledger.posts) >= 3)
        cockpit.drop()
        assert ended(cockpit) == 129
    sent = len(cloud.ledger.posts)
    assert 3 <= sent < 20
    assert len([stage for stage in journalled(tmp_path) if stage != "not_sent"]) == sent
    with Cockpit(cloud, tmp_path) as cockpit:
        cockpit.see("interrupted")
        cockpit.listen(1.0)
        cockpit.send(signal.SIGTERM)
        assert ended(cockpit) == 143
    assert len(cloud.ledger.posts) == sent


@pytest.mark.fault("92")
def test_nobody_reads_the_terminal(cloud: SimulatorServer, tmp_path: Path) -> None:
    """Or it is stopped (ctrl+s): the cloud is asked all the same, memory stays, and in the end all is painted anew."""
    unread, stopped = Cockpit(cloud, tmp_path / "unread"), Cockpit(cloud, tmp_path / "stopped")
    with unread, stopped:
        held = [(one.open(), terminal_of(one)) for one in (unread, stopped)]
        termios.tcflow(held[1][1], termios.TCOOFF)
        for cockpit, _ in held:
            paint_much(cockpit)
        time.sleep(0.5)
        memory, asked = [memory_kb(cockpit.pid) for cockpit, _ in held], cloud.ledger.count("GET", "/vms")
        cloud.cloud.add_vm("new-vm")
        time.sleep(3.2)
        assert cloud.ledger.count("GET", "/vms") - asked >= 4
        assert all(memory_kb(cockpit.pid) - before < 2048 for (cockpit, _), before in zip(held, memory, strict=True))

        for cockpit, line in held:
            termios.tcflow(line, termios.TCOON)
            cockpit.wipe()  # as if the terminal had lost all that it showed
            for text in ("new-vm", "web-01", "3 Actions", "q quit"):
                cockpit.see(text, within_s=4)

        termios.tcflow(held[1][1], termios.TCOOFF)
        for cockpit, _ in held:
            paint_much(cockpit)
            cockpit.send(signal.SIGTERM)
        wait_for(lambda: unread.has_ended and stopped.has_ended, within_s=GONE_WITHIN_S)
        for cockpit, line in held:
            assert ended(cockpit) == 143
            assert is_restored(cockpit.written)
            assert termios.tcgetattr(line)[3] & termios.ECHO
            os.close(line)


def terminal_of(cockpit: Cockpit) -> int:
    """A descriptor of its terminal, as the program itself has it."""
    return os.open(f"/proc/{cockpit.pid}/fd/0", os.O_RDWR | os.O_NOCTTY)


def paint_much(cockpit: Cockpit) -> None:
    """Let it paint rows again and again, and nobody take it."""
    for _ in range(100):
        cockpit.type("jk")
        time.sleep(0.005)


def memory_kb(pid: int) -> int:
    """How much memory a process holds."""
    (kb,) = re.findall(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(kb)


@pytest.mark.fault("94")
def test_stopped_by_ctrl_z_and_continued(start_simulator: StartSimulator, tmp_path: Path) -> None:
    """In a shell: it has the terminal back, `bg` changes nothing, `fg` paints all of it anew and asks at once."""
    cloud = start_simulator(vms=1, speed=20.0)
    with Cockpit(cloud, tmp_path, command=["/bin/sh", "-i"], env={"PS1": "shell> "}) as shell:
        shell.see("shell>")
        shell.type(" ".join(COMMAND) + "\n")
        shell.open().confirm_reboot()
        shell.see("reboot accepted")
        shell.wipe()
        shell.type("\x1a")
        shell.see("shell>")
        assert is_restored(shell.written)
        shell.type("bg\necho $((40 + 2))\n")
        shell.see("42")
        asked = cloud.ledger.count()
        time.sleep(3.0)  # longer than the reboot takes, and than it is from one reading to the next
        assert cloud.ledger.count() == asked
        cloud.cloud.add_vm("meanwhile")
        shell.resize(100, 30)
        at = shell.type("fg\n")
        assert shell.see("meanwhile") - at < 1.0
        shell.see("completed")
        shell.see("q quit")
        assert "stalled" not in shell.shown
        shell.wipe()
        shell.type("q")
        shell.see("shell>")
        shell.type("echo $((1000 + $?))\n")
        shell.see("1000")
        assert is_restored(shell.written)


@pytest.mark.fault("94")
def test_stopped_by_somebody_else_or_where_no_shell_could_continue_it(cloud: SimulatorServer, tmp_path: Path) -> None:
    """SIGSTOP gives no warning: the terminal is taken anew afterwards. Without a shell ctrl+z must not stop it."""
    with Cockpit(cloud, tmp_path) as cockpit:
        cockpit.open()
        cockpit.type("\x1a")
        cockpit.see("no shell to go back to")
        cockpit.listen(0.3)
        place = len(cockpit.written)
        cockpit.wipe()
        cockpit.send(signal.SIGSTOP)
        time.sleep(0.1)
        cockpit.send(signal.SIGCONT)
        cockpit.wait_for("\x1b[?1049h", since=place)
        cockpit.see("web-01")
        cockpit.type("/")
        for key in "abcdefgh":  # in order: one thread reads the keys
            cockpit.type(key)
            cockpit.read(0.01)
        cockpit.see("abcdefgh")
        cockpit.send(signal.SIGSTOP)
        cockpit.send(signal.SIGTERM)
        time.sleep(0.1)
        cockpit.send(signal.SIGCONT)
        assert ended(cockpit) == 143
        assert is_restored(cockpit.written)


@pytest.mark.fault("96")
def test_a_storm_of_sizes(cloud: SimulatorServer, tmp_path: Path) -> None:
    """2,000 of them, 0×0 among them, over an open confirmation: it lives, nothing is sent, and one cell says so."""
    with Cockpit(cloud, tmp_path) as cockpit:
        cockpit.open()
        cockpit.type("a")
        cockpit.see("graceful restart")
        cockpit.type("r")
        cockpit.see("y reboots")
        for number in range(2000):
            Terminal.resize(cockpit, number * 7 % 301, number * 13 % 201)
            Terminal.read(cockpit, 0)
        cockpit.resize(1, 1)
        cockpit.rest(0.5, at_most_s=20)
        cockpit.resize(38, 10)
        cockpit.see("this is 38×10.")
        assert "`cftui vms` works here." in " ".join(cockpit.shown.split())
        cockpit.type("y")  # the question cannot be seen
        cockpit.listen(0.5)
        cockpit.resize(120, 40)
        cockpit.see("Reboot api-01?")
        cockpit.type("\x1b")
        cockpit.listen(0.3)
        cockpit.resize(80, 14)
        cockpit.see("web-01")
        cockpit.type("t")
        cockpit.see("esc back")
        cockpit.resize(30, 5)  # on a screen of its own, too
        cockpit.see("30×5.")
        assert "completed" not in cockpit.shown
        cockpit.type("q")
        assert ended(cockpit) == 0
        assert is_restored(cockpit.written)
    assert cloud.ledger.posts == ()


BROKEN = """
import asyncio, signal, sys
from cftui.cli.main import main
from cftui.operations.poller import Poller
from cftui.tui.app import CftuiApp

def fail(*_):
    token = "-".join(("hunter", "2"))
    raise RuntimeError(f"it went wrong with {token}")

async def work():
    fail()

CftuiApp.key_f12 = fail
CftuiApp.key_f11 = lambda app: app.run_worker(work())
CftuiApp.key_f10 = lambda app: asyncio.get_running_loop().call_later(0.1, signal.raise_signal, signal.SIGUSR1)
signal.signal(signal.SIGUSR1, fail)
if sys.argv[1] == "before":
    CftuiApp.get_default_screen = fail
if sys.argv[1] == "engine":
    Poller._next_due = fail
del sys.argv[1]
sys.exit(main())
"""
"""The cockpit as it is, with a bug in one place: what is behind a key, and in what is drawn or asked first."""


@pytest.mark.fault("97", "S23")
@pytest.mark.parametrize(
    ("place", "key"),
    [("handler", "\x1b[24~"), ("worker", "\x1b[23~"), ("signal", "\x1b[21~"), ("before", ""), ("engine", "")],
)
def test_a_bug_anywhere(cloud: SimulatorServer, tmp_path: Path, place: str, key: str) -> None:
    """The screen is restored, what was sent is kept, and a report holds neither variables nor what was said: 70."""
    cloud.faults.next("POST", faults.delay(0.5))
    with Cockpit(cloud, tmp_path, command=(sys.executable, "-W", "error", "-c", BROKEN, place)) as cockpit:
        if key:
            cockpit.open().confirm_reboot()
            wait_for(lambda: cloud.ledger.posts)
            cockpit.type(key)
        assert ended(cockpit, within_s=20) == 70
        assert is_restored(cockpit.written)
        said = cockpit.written[cockpit.written.rfind(b"\x1b[?1049l") :].decode()
    assert (GOES_ON.decode() in said) == bool(key)
    if key:
        assert journalled(tmp_path) == ["accepted"]
    (report,) = (tmp_path / "state" / "cftui").glob("crash-*.txt")
    assert str(report) in said.replace("\r\n", "\n")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    told = report.read_text()
    assert "RuntimeError" in told
    assert " in fail" in told
    for text in (told, said):
        assert "hunter" not in text
        assert "it went wrong" not in text
        assert "Traceback" not in text


BROKEN_FORM = """
import sys
from cftui.cli.main import main
from cftui.tui.welcome_app import WelcomeApp

def fail(app):
    raise RuntimeError(f"it went wrong with {app.focused}")

WelcomeApp.key_f12 = fail
sys.exit(main())
"""


@pytest.mark.fault("97", "S23")
def test_a_bug_in_the_form_that_holds_a_password(cloud: SimulatorServer, tmp_path: Path) -> None:
    unset = dict.fromkeys(("CFTUI_URL", "CFTUI_EMAIL", "CFTUI_PASSWORD"), "")
    command = (sys.executable, "-W", "error", "-c", BROKEN_FORM)
    with Cockpit(cloud, tmp_path, command=command, env=unset) as form:
        form.see("password")
        form.type(SECRET)  # as well as may be: into the field that has the focus
        form.see(SECRET)
        form.wipe()
        place = len(form.written)
        form.type("\x1b[24~")
        assert ended(form) == 70
        assert is_restored(form.written)
        assert SECRET.encode() not in form.written[place:]
    (report,) = (tmp_path / "state" / "cftui").glob("crash-*.txt")
    assert SECRET not in report.read_text()
    assert "went wrong" not in report.read_text()


@pytest.mark.fault("102")
@pytest.mark.parametrize(
    "env",
    [
        {"TERM": "vt100", "COLORTERM": "", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "linux", "COLORTERM": ""},
        {"TERM": "xterm", "COLORTERM": "", "LC_ALL": "en_US.ISO-8859-1", "PYTHONIOENCODING": "iso-8859-1"},
        {"NO_COLOR": "1"},
    ],
    ids=["C locale", "linux", "iso-8859-1", "no colour"],
)
def test_poor_terminals(start_simulator: StartSimulator, tmp_path: Path, env: dict[str, str]) -> None:
    """A state has its word and its sign there too; what cannot be spelled is spelled in ASCII."""
    cloud = start_simulator(vms=1, password="password")
    with Cockpit(cloud, tmp_path, env=env) as cockpit:
        cockpit.open()
        assert re.search(r"web-01 .* running", cockpit.shown)
        if "LC_ALL" in env:
            assert "* running" in cockpit.shown
            assert cockpit.written.isascii()
        if env.get("COLORTERM") == "":
            assert b"38;2;" not in cockpit.written
        if "NO_COLOR" in env:
            assert not re.search(rb"\x1b\[[\d;]*[34]\d(;[\d;]*)?m", cockpit.written)
        cockpit.type("q")
        assert ended(cockpit) == 0
        assert is_restored(cockpit.written)
