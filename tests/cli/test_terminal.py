"""What needs a terminal: the question before something is changed, the password, and the cockpit's own check."""

import os
import pty
import select
import sys
import termios
from pathlib import Path

import pytest

from cftui.simulator.server import SimulatorServer
from tests.cli.conftest import COMMAND, Run, account_of
from tests.conftest import PASSWORD


class OnTerminal:
    """`cftui` on a pseudo-terminal of its own, as a person sees it."""

    def __init__(self, arguments: list[str], env: dict[str, str]) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(COMMAND[0], [*COMMAND, *arguments], env)
        termios.tcsetwinsize(self.fd, (40, 120))
        self.shown = ""

    def wait_for(self, text: str) -> None:
        while text not in self.shown:
            assert select.select([self.fd], [], [], 20)[0], f"{text!r} did not come: {self.shown}"
            chunk = self._read()
            assert chunk, f"{text!r} did not come before the end: {self.shown}"
            self.shown += chunk

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def end(self) -> int:
        """Read to the end; returns the exit code."""
        while chunk := self._read():
            self.shown += chunk
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> str:
        try:
            return os.read(self.fd, 65536).decode(errors="replace")
        except OSError:  # Linux: the other end is closed
            return ""


def test_the_question_names_vm_place_and_request_and_takes_a_yes(simulator: SimulatorServer) -> None:
    vm = simulator.cloud.add_vm("one")
    terminal = OnTerminal(["reboot", "one"], os.environ | account_of(simulator))
    terminal.wait_for("[y/N]")
    assert simulator.ledger.posts == ()
    for part in (vm.id, '{"type": "reboot"}', simulator.url):
        assert part in terminal.shown
    terminal.type("y\n")
    assert terminal.end() == 0
    assert "completed" in terminal.shown
    assert len(simulator.ledger.posts) == 1


def test_the_question_about_several_tells_what_would_be_left_running(simulator: SimulatorServer) -> None:
    for name in ("pair-1", "pair-2", "trio-1", "trio-2", "trio-3"):
        simulator.cloud.add_vm(name)
    words = ["pair-1", "pair-2", "trio-1", "trio-2"]
    terminal = OnTerminal(["shutdown", *words], os.environ | account_of(simulator))
    terminal.wait_for("Type 4 to send 4 requests: ")
    terminal.type("y\n")
    assert terminal.end() == 2
    for part in (
        "2 of 2 pair-*, 2 of 3 trio-*; 1 other keeps running.",
        "Careful: This would stop 2 of 2 running pair-*.",
        "Careful: This would leave 1 of 3 running trio-*.",
    ):
        assert part in terminal.shown
    assert simulator.ledger.posts == ()


@pytest.mark.parametrize("answer", ["\n", "n\n", "maybe\n", "\x04"])
def test_anything_but_yes_sends_nothing(simulator: SimulatorServer, answer: str) -> None:
    simulator.cloud.add_vm("one")
    terminal = OnTerminal(["shutdown", "one"], os.environ | account_of(simulator))
    terminal.wait_for("[y/N]")
    terminal.type(answer)
    assert terminal.end() == 2
    assert "nothing was sent" in terminal.shown
    assert simulator.ledger.posts == ()


def test_ctrl_c_at_the_question_sends_nothing(simulator: SimulatorServer) -> None:
    simulator.cloud.add_vm("one")
    terminal = OnTerminal(["power-off", "one"], os.environ | account_of(simulator))
    terminal.wait_for("send 1 request")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert simulator.ledger.posts == ()


def test_the_password_is_asked_for_and_not_echoed(simulator: SimulatorServer) -> None:
    env = os.environ | account_of(simulator)
    del env["CFTUI_PASSWORD"]
    terminal = OnTerminal(["vms", "-o", "name"], env)
    terminal.wait_for("Password of user@example.com")
    terminal.type(PASSWORD + "\n")
    assert terminal.end() == 0
    assert simulator.cloud.vms()[0].name in terminal.shown
    assert PASSWORD not in terminal.shown


def test_a_hostile_name_in_the_question_reaches_no_terminal(simulator: SimulatorServer) -> None:
    vm = simulator.cloud.add_vm("web\x1b]52;c;RVZJTA==\x07\u202e")
    terminal = OnTerminal(["reboot", vm.id], os.environ | account_of(simulator))
    terminal.wait_for("[y/N]")
    terminal.type("n\n")
    terminal.end()
    assert "\x1b" not in terminal.shown
    assert "\x07" not in terminal.shown
    assert r"\x1b]52;c;" in terminal.shown


@pytest.mark.fault("102")
@pytest.mark.parametrize("command", [(), ("demo",)])
def test_the_cockpit_without_a_terminal_points_at_the_command_line(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command)
    assert (ran.code, ran.stdout) == (2, "")
    assert "cftui vms" in ran.stderr


@pytest.mark.fault("102")
def test_the_cockpit_refuses_a_dumb_terminal() -> None:
    terminal = OnTerminal(["demo"], os.environ | {"TERM": "dumb"})
    assert terminal.end() == 2
    assert "dumb" in terminal.shown


def test_the_demo_shows_vms_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The cockpit opens, is left by `q`, restores the screen, and keeps no file."""
    home = tmp_path / "home"
    before = sorted(home.rglob("*"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    terminal = OnTerminal(["demo", "--vms", "20"], os.environ | {"TMPDIR": str(scratch)})
    terminal.wait_for("web-01")
    terminal.type("q")
    assert terminal.end() == 0
    assert "\x1b[?1049l" in terminal.shown
    assert list(scratch.iterdir()) == []
    assert sorted(home.rglob("*")) == before


def test_python_is_the_one_under_test() -> None:
    assert COMMAND[0] == sys.executable
