"""The password, looked for everywhere: files, arguments, environments, output, the screen, logs, and what objects say.

Everything runs as it does for a user, with libraries logging all they can: each command, the cockpit on a terminal with
an action, a lost sign-in and a crash, and the simulated cloud. What was written then is searched for every form in
which the password could have been.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyte

from cftui.cli.exit_codes import ExitCode
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from tests.faults.places import Places
from tests.proof.figures import Figure, Scale
from tests.pty_reader import Terminal

EMAIL = "canary@example.com"

PASSWORDS = {
    "all that is odd": "-c4n:4ry@/%2F \"ö'\\<&x",
    "a host's name": "c4nary0123456789",
    "not ASCII": "c4narie-пароль-密码-é",
    "long": "c4nary-" + "0123456789abcdef" * 64,
    "spaces and quotes": " c4nary 'and' \"more\" $HOME `x` ",
    "a URL": "https://c4nary:c4nary@c4nary.example/?c4nary#c4nary",
}

_HEAD = 12
"""So many of its first characters give a password away."""


@dataclass(frozen=True)
class Canary:
    """A password that is looked for."""

    name: str
    password: str
    email: str = EMAIL

    @property
    def forms(self) -> dict[str, bytes]:
        """What would give it away, by what it is."""
        raw = self.password.encode()
        texts = {
            "raw": self.password,
            "its beginning": self.password[:_HEAD],
            "base64": base64.b64encode(raw).decode(),
            "base64 for URLs": base64.urlsafe_b64encode(raw).decode(),
            "sign-in": base64.b64encode(f"{self.email}:{self.password}".encode()).decode(),
            "URL": quote(self.password, safe=""),
            "path": quote(self.password),
            "form": quote_plus(self.password),
            "JSON": json.dumps(self.password)[1:-1],
            "JSON beyond ASCII": json.dumps(self.password, ensure_ascii=False)[1:-1],
            "repr": repr(self.password)[1:-1],
            "ascii": ascii(self.password)[1:-1],
            "HTML": html.escape(self.password),
            "SVG": html.escape(self.password).replace(" ", "&#160;"),
            "hex": raw.hex(),
        }
        return {what: text.encode() for what, text in texts.items()} | {"UTF-16": self.password.encode("utf-16-le")}

    def found_in(self, content: bytes) -> list[str]:
        """The forms that a text holds."""
        return [what for what, form in self.forms.items() if form in content]


_LOUD = """
import asyncio, gc, logging, os, signal, sys, threading
from pathlib import Path
logging.basicConfig(level=logging.DEBUG, filename=os.environ["CANARY_LOG"])
from cftui.cli.main import main

SECRET, OUT = Path(os.environ["CANARY_SECRET"]), Path(os.environ["CANARY_OUT"])

def said_by_objects():
    gc.unfreeze()  # what is frozen is not listed
    said = []
    for one in gc.get_objects():
        if type(one).__module__.partition(".")[0] in ("cftui", "httpx", "httpcore") and not isinstance(one, type):
            try:
                said.append(f"{one!r} {one}")
            except Exception as error:
                said.append(repr(error))
    (OUT / f"objects-{os.getpid()}-{len(said)}").write_text("\\n".join(said), errors="backslashreplace")

def fail(*_, **__):
    password = SECRET.read_text().rstrip("\\n")
    raise RuntimeError(f"while signing in with {password}", password)
"""
"""Around our program: every library logs what it can, and it can be made to fail while it holds the password."""

_COMMANDS = """
import json
for words in json.loads(os.environ["CANARY_WORDS"]):
    if words == ["crash"]:
        import cftui.cli.reading
        cftui.cli.reading.vms, words = fail, ["vms"]
    print(f"{words}: {main(words)}", file=sys.stderr)
said_by_objects()
"""

_COCKPIT = """
def app():
    from cftui.tui.app import CftuiApp
    gc.unfreeze()
    return next(one for one in gc.get_objects() if isinstance(one, CftuiApp))

def look(*_):
    (OUT / f"picture-{len(list(OUT.iterdir()))}.svg").write_text(app().export_screenshot())
    said_by_objects()

signal.signal(signal.SIGUSR1, look)
signal.signal(signal.SIGUSR2, lambda *_: app().call_later(fail))
sys.exit(main([]))
"""


class Ground:
    """A home in which everything is run, and all that came of it.

    Args:
        root: An empty folder, of mode 0700.
        canary: The password.
    """

    def __init__(self, root: Path, canary: Canary) -> None:
        self.canary = canary
        self.places = Places(root)
        self.out = root / "out"
        self.out.mkdir(mode=0o700)
        programs = root / "programs"
        programs.mkdir(mode=0o700)
        for name in ("tmux", "password"):
            told = f"{self.out}/program-{name}-$$"
            lines = [f"tr '\\0' '\\n' < /proc/$$/environ > {told}", f"tr '\\0' '\\n' < /proc/$$/cmdline >> {told}"]
            lines += [f"cat {self.places.secret}"] if name == "password" else [f"cat > {told}-stdin"]
            (programs / name).write_text("\n".join(["#!/bin/sh", *lines, ""]))
            (programs / name).chmod(0o700)
        self.places.secret.write_text(canary.password + "\n")
        self.environ = self.places.environ | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONASYNCIODEBUG": "1",
            "TEXTUAL": "debug,devtools",
            "TEXTUAL_LOG": str(self.out / "textual.log"),
            "TERM": "xterm-256color",
            "CANARY_LOG": str(self.out / "debug.log"),
            "CANARY_SECRET": str(self.places.secret),
            "CANARY_OUT": str(self.out),
        }
        self.root = root

    def configure(self, url: str, source: str) -> None:
        """A profile whose password comes from a program or from a file."""
        where = {"command": 'password_command = ["password"]', "file": f'password_file = "{self.places.secret}"'}
        self.places.write_config(
            f'poll_active_s = 1\n[profiles.own]\nurl = "{url}"\nemail = "{EMAIL}"\n{where.get(source, "")}\n'
        )

    def commands(self, *lines: list[str], **env: str) -> None:
        """Run command lines one after another in one process; keep what it printed."""
        ended = subprocess.run(
            [sys.executable, "-c", _LOUD + _COMMANDS],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
            cwd=self.places.home,
            env=self.environ | {"CANARY_WORDS": json.dumps(lines)} | env,
        )
        self.keep("commands", ended.stdout + b"\n" + ended.stderr)
        assert ended.stderr.count(b"]: ") >= len(lines), "each command came to its end"

    def keep(self, name: str, content: bytes) -> None:
        """Keep something that is searched later."""
        (self.out / f"{name}-{len(list(self.out.iterdir()))}").write_bytes(content)

    def places_with_it(self) -> tuple[int, list[str]]:
        """How many files were searched, and where the password is in one of its forms."""
        found, searched = [], 0
        for folder in (self.places.home, self.places.temporary, self.out):
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    searched += 1
                    content = path.read_bytes()
                    found += [f"{path.relative_to(self.root)}: {what}" for what in self.canary.found_in(content)]
                found += [f"the name of {path}: {what}" for what in self.canary.found_in(os.fsencode(path.name))]
        return searched, found


class Watch:
    """Looks at the arguments of every process of the machine and at the environments of those that ours started.

    A context manager; looks about ten times a second.

    Args:
        canary: What is looked for.
        marked: An environment that holds this belongs to us.
    """

    def __init__(self, canary: Canary, marked: bytes) -> None:
        self.seen: set[str] = set()
        self.looks = 0
        self._canary = canary
        self._marked = marked
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._ended.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    arguments, environ = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
                    self.looks += 1
                    content = arguments + (environ if self._marked in environ else b"")
                    self.seen |= {f"process {arguments[:60]!r}: {what}" for what in self._canary.found_in(content)}


def figures(scale: Scale) -> list[Figure]:
    """Run everything with one password, or with each, and search."""
    names = list(PASSWORDS)[:1] if scale is Scale.SHORT else list(PASSWORDS)
    searched = looks = forms = 0
    found: list[str] = []
    for name in names:
        canary = Canary(name, PASSWORDS[name])
        with tempfile.TemporaryDirectory(prefix="cftui-canary-") as folder:
            ground = Ground(Path(folder), canary)
            with Watch(canary, f"CANARY_OUT={ground.out}".encode()) as watch:
                _run_everything(ground, is_short=scale is Scale.SHORT)
            files, there = ground.places_with_it()
            searched, looks, forms = searched + files, looks + watch.looks, len(canary.forms)
            found += there + sorted(watch.seen)
    passwords = f"{len(names)} password{'s' if len(names) > 1 else ''} in {forms} forms"
    note = f"{passwords}; {looks:,} looks at processes" + "".join(f"; {where}" for where in found[:5])
    return [Figure("the password where it must not be", searched, len(found), "files and streams", note)]


def _run_everything(ground: Ground, *, is_short: bool) -> None:
    password = ground.canary.password
    with SimulatorServer(SimulatedCloud(vms=12, speed=300, calm=True, email=EMAIL, password=password)) as server:
        one = server.cloud.add_vm("one", status="running", locked=False).id
        broken = server.cloud.add_vm("broken-one", status="running", locked=False).id
        url = server.url.removesuffix("/api/v1")
        ground.configure(url, "command")
        lines = [
            ["vms", "-o", "json"],
            ["vm", one],
            ["reboot", one, "--dry-run"],
            ["reboot", one, "--yes"],
            ["power-on", one, "--yes"],
            ["actions"],
            ["journal", "-o", "jsonl"],
            ["profile", "list"],
            ["config", "show"],
            ["config", "path"],
            ["vms", "--url", "http://localhost:1"],
            ["vms", "--nonsense"],
            ["crash"],
        ]
        if not is_short:
            lines[:0] = [
                ["reboot", broken, "--yes"],
                ["rename", one, "other", "--yes", "--no-wait"],
                ["snapshot", one, "--yes"],
                ["resize", one, "--ram", "3", "--yes"],
                ["watch"],
                ["reboot", one, "no-such-vm", "--yes"],
            ]
        ground.commands(*lines)
        _cockpit(ground, server, is_short=is_short)
    if not is_short:
        _simulate(ground)


def _cockpit(ground: Ground, server: SimulatorServer, *, is_short: bool) -> None:
    """An action, the clipboard, a lost sign-in with the password typed, and a crash."""
    password = ground.canary.password
    ground.configure(server.url.removesuffix("/api/v1"), "file")
    environ = ground.environ | {"TMUX": "/tmp/tmux-0/default,1,0"}
    with Terminal([sys.executable, "-c", _LOUD + _COCKPIT], env=environ) as terminal:
        terminal.wait_for("web-01")
        terminal.type("/name:one\r")
        terminal.listen(0.3)
        terminal.type("ar")
        terminal.wait_for("Request")
        posts = len(server.ledger.posts)
        for _ in range(40):  # it takes a key only once nobody has pressed any for a moment
            terminal.listen(0.5)
            terminal.type("y")
            if len(server.ledger.posts) > posts:
                break
        terminal.listen(0.3)
        terminal.type("cu")
        terminal.listen(0.3)
        server.cloud.password = "another"
        terminal.type("\x12")
        terminal.wait_for("Sign in")
        terminal.listen(0.2)
        terminal.type(password)
        terminal.listen(0.2)
        terminal.send(signal.SIGUSR1)
        terminal.type("\x03\x01\x03")
        terminal.listen(0.2)
        server.cloud.password = password
        terminal.type("\r")
        terminal.listen(0.5)
        terminal.send(signal.SIGUSR1)
        terminal.listen(0.3)
        terminal.send(signal.SIGUSR2)
        assert terminal.wait(20) == ExitCode.BUG
        assert list(ground.out.glob("picture-*"))
        ground.keep("terminal", terminal.written)
        ground.keep("text", re.sub(rb"\x1b\[[0-9;?<]*[A-Za-z]", b"", terminal.written))
        if not is_short:
            ground.keep("screen", "\n".join(_screens(terminal.written)).encode())


def _screens(written: bytes) -> Iterator[str]:
    """What could be read on the screen, at every point where it stood still."""
    screen = pyte.Screen(120, 40)
    stream = pyte.ByteStream(screen)
    for frame in written.split(b"\x1b[?2026l"):
        stream.feed(frame)
        yield from screen.display
        yield screen.title


def _simulate(ground: Ground) -> None:
    """The simulated cloud as a program, with the password on its stdin."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cftui", "simulate", "--port", "0", "--password-stdin", "--email", EMAIL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ground.places.home,
        env=ground.environ,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(ground.canary.password.encode() + b"\n")
    process.stdin.flush()
    url = process.stdout.readline().decode().strip()
    ground.commands(["vms"], ["reboot", "web-01", "--yes", "--no-wait"], CFTUI_URL=url, CFTUI_PROFILE="own")
    process.send_signal(signal.SIGTERM)
    ground.keep("simulate", b"\n".join(process.communicate(timeout=10)))
