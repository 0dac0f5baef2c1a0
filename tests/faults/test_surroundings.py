"""What the machine around it may be like: hostile variables, foreign folders, other users; none of them has a say."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import signal
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from cftui import private
from cftui.cli.choice import Flags, choose
from cftui.cli.crash import report
from cftui.config.files import append_profile, load_config
from cftui.config.models import Profile
from cftui.config.remembered import remember_base_url
from cftui.errors import ConfigError
from cftui.fleet.estimates import Estimates
from cftui.operations import memory
from cftui.simulator.server import SimulatorServer
from tests.cli.conftest import account_of
from tests.faults.places import Places
from tests.pty_reader import Terminal

SCRIPT = str(Path(sys.executable).with_name("cftui"))
MODULE = (sys.executable, "-m", "cftui")
TRAPS = ("httpx", "sqlite3", "textual", "tomllib", "getpass", "argparse", "asyncio", "json", "typing")


# Variables of the environment.


@pytest.fixture
def recorder() -> Iterator[tuple[str, list[object]]]:
    """A proxy that nobody should use: its URL, and who came."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            while True:
                try:
                    came.append(listener.accept())
                except OSError:
                    return

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def hostile(places: Places, proxy: str) -> dict[str, str]:
    """Every variable that programs of this kind obey, set against us; programs that leave a trace when they are run."""
    traps = places.root / "traps"
    traps.mkdir(exist_ok=True)
    for name in ("pager", "editor", "browser", "askpass"):
        (traps / name).write_text(f"#!/bin/sh\ntouch {traps}/ran-{name}\n")
        (traps / name).chmod(0o755)
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {
        **dict.fromkeys((*proxies, *map(str.lower, proxies)), proxy),
        "NO_PROXY": "",
        "SSL_CERT_FILE": "/dev/null",
        "SSL_CERT_DIR": str(traps),
        "REQUESTS_CA_BUNDLE": "/dev/null",
        "PYTHONHTTPSVERIFY": "0",
        "SSLKEYLOGFILE": str(traps / "ran-keys.log"),
        "NETRC": str(traps / "netrc"),
        "PAGER": str(traps / "pager"),
        "MANPAGER": str(traps / "pager"),
        "LESSOPEN": f"|{traps}/pager %s",
        "EDITOR": str(traps / "editor"),
        "VISUAL": str(traps / "editor"),
        "BROWSER": str(traps / "browser"),
        "SSH_ASKPASS": str(traps / "askpass"),
        "SUDO_ASKPASS": str(traps / "askpass"),
        "TEXTUAL": "debug,devtools",
        "TEXTUAL_LOG": str(traps / "ran-textual.log"),
        "TEXTUAL_PRESS": "a,p,y",
        "TEXTUAL_DRIVER": "os:system",
        "TEXTUAL_SCREENSHOT": "1",
        "TEXTUAL_SCREENSHOT_LOCATION": str(traps),
        "XDG_STATE_HOME": "here",
        "XDG_CONFIG_HOME": "../there",
    }


def ran(places: Places) -> list[str]:
    """What left a trace."""
    return [path.name for path in (places.root / "traps").iterdir() if path.name.startswith("ran-")]


@pytest.mark.fault("S13", "S14")
def test_hostile_variables_have_no_effect_on_commands(
    places: Places, simulator: SimulatorServer, recorder: tuple[str, list[object]]
) -> None:
    """And what is ignored is said once, unless nothing is to be said."""
    proxy, came = recorder
    env = hostile(places, proxy) | account_of(simulator)
    one = simulator.cloud.add_vm("one", status="running", locked=False)
    acted = places.run("reboot", one.id, "--yes", "--no-wait", env=env)
    assert acted.code == 0
    assert "proxy variables are ignored: HTTP_PROXY, HTTPS_PROXY" in acted.stderr
    assert "no absolute path, and ignored: XDG_CONFIG_HOME, XDG_STATE_HOME" in acted.stderr
    assert acted.stderr.count("ignored") == 2
    assert "ignored" not in places.run("vms", "--quiet", env=env).stderr
    assert places.run("--help", env=env).code == 0
    assert (came, ran(places)) == ([], [])
    assert (places.state / "journal.sqlite3").exists()
    assert sorted(path.name for path in places.home.iterdir()) == [".local"]


@pytest.mark.fault("S13", "S14")
def test_hostile_variables_have_no_effect_on_the_cockpit(
    places: Places, simulator: SimulatorServer, recorder: tuple[str, list[object]]
) -> None:
    proxy, came = recorder
    env = places.environ | hostile(places, proxy) | account_of(simulator)
    with Terminal(MODULE, env=env) as terminal:
        terminal.wait_for("proxy variables are ignored")
        terminal.wait_for("web-01")
        terminal.listen(0.5)
        terminal.type("q")
        assert terminal.wait(10) == 0
    assert (came, ran(places)) == ([], [])
    assert simulator.ledger.posts == ()


@pytest.mark.fault("S13")
def test_what_a_profile_decides_itself_is_not_said_to_be_ignored(places: Places) -> None:
    places.write_config('[profiles.own]\nurl = "https://a.example"\nemail = "a@b.c"\nproxy = "http://127.0.0.1:1"\n')
    environ = places.environ | {"HTTPS_PROXY": "http://127.0.0.1:2"}
    assert choose(load_config(environ), Flags(), environ).notes == ()


# Where one stands.


@pytest.mark.fault("S14")
@pytest.mark.parametrize("command", [(SCRIPT,), MODULE], ids=["script", "module"])
def test_modules_where_one_stands_are_not_run(
    places: Places, simulator: SimulatorServer, command: tuple[str, ...]
) -> None:
    """Not even where a careless PYTHONPATH puts the working folder before everything else."""
    folder = places.root / "hostile"
    folder.mkdir()
    names = TRAPS if command == (SCRIPT,) else [name for name in TRAPS if name != "typing"]  # runpy itself imports it
    for name in names:
        (folder / f"{name}.py").write_text(f"open({str(places.root / 'hijacked')!r}, 'w')\nraise SystemExit(99)\n")
    env = account_of(simulator) | {"PYTHONPATH": f":{places.root}/mine"}
    ended = places.run("watch", env=env, cwd=folder, command=command)  # loads httpx and sqlite3
    assert ended.code == 0
    assert "Traceback" not in ended.stderr
    assert not (places.root / "hijacked").exists()


@pytest.mark.fault("S14")
def test_what_is_meant_stays_on_the_search_path(places: Places) -> None:
    code = "import cftui.cli.main, sys; print(*sys.path, sep='\\n')"
    root = str(Path(private.__file__).parent.parent)
    env = {"PYTHONPATH": os.pathsep.join(("", "relative", str(places.home), root))}
    found = places.run("-c", code, command=(sys.executable,), env=env).stdout.splitlines()
    assert str(places.home) in found, "named in full, though one stands there"
    assert root in found
    assert str(places.home / "relative") not in found
    env = {"PYTHONPATH": os.pathsep.join(("", "relative", root))}
    found = places.run("-c", code, command=(sys.executable,), env=env).stdout.splitlines()
    assert str(places.home) not in found


# The state folder under somebody else's hand.


WRITERS: dict[str, Callable[[Path], object]] = {
    "memory": lambda state: memory.save(state / "fleet-x.json", "x", saved_at=1.0, vms=(), estimates=Estimates.EMPTY),
    "state.toml": lambda state: remember_base_url(state, "https://a.example/api/v1", "https://a.example/v1"),
    "crash report": lambda state: report(RuntimeError("x")),
}


@pytest.fixture
def state(places: Places, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder that this process uses, not there yet; its parent is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(places.state.parent))
    places.state.parent.mkdir(parents=True, mode=0o700)
    return places.state


@pytest.mark.fault("S15", "85")
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("attack", ["link", "open", "readable", "parent", "file", "owner"])
def test_nothing_is_written_to_a_state_folder_that_is_not_ones_own(
    places: Places, state: Path, writer: Callable[[Path], object], attack: str
) -> None:
    victim = places.root / "victim"
    victim.mkdir(mode=0o700)
    match attack:
        case "link":
            state.symlink_to(victim)
        case "file":
            state.write_text("mine")
        case "parent":
            state.parent.chmod(0o777)
        case "owner" if os.geteuid() == 0:
            state.mkdir(mode=0o700)
            os.chown(state, 65534, -1)
        case _:
            state.mkdir(mode=0o700)
            state.chmod({"open": 0o777, "readable": 0o755}.get(attack, 0o770))
    before = state.lstat().st_mode if state.is_symlink() or state.exists() else None
    writer(state)
    assert list(victim.iterdir()) == []
    assert not state.is_dir() or state.is_symlink() or list(state.iterdir()) == []
    if before is not None:
        assert state.lstat().st_mode == before, "nothing is mended unasked"


@pytest.mark.fault("S15")
@pytest.mark.parametrize("kind", ["link", "dangling", "hard link", "pipe"])
def test_a_name_that_leads_elsewhere_is_replaced_and_not_followed(places: Places, state: Path, kind: str) -> None:
    victim = places.root / "victim"
    victim.write_text("as it was")
    victim.chmod(0o600)
    state.mkdir(mode=0o700)
    for name in ("fleet-x.json", "state.toml"):
        match kind:
            case "link":
                (state / name).symlink_to(victim)
            case "dangling":
                (state / name).symlink_to(places.root / "nothing")
            case "hard link":
                (state / name).hardlink_to(victim)
            case _:
                os.mkfifo(state / name, 0o600)
        assert memory.load(state / name, "x") is None, "and not read, nor waited for"
    for writer in WRITERS.values():
        writer(state)
    assert (victim.read_text(), victim.stat().st_nlink) == ("as it was", 1)
    assert not (places.root / "nothing").exists()
    assert memory.load(state / "fleet-x.json", "x") is not None
    for path in state.iterdir():
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
        assert path.is_file()
        assert not path.is_symlink()


@pytest.mark.fault("S15")
def test_a_folder_that_is_swapped_between_look_and_use_receives_nothing(places: Places, state: Path) -> None:
    victim, aside = places.root / "victim", places.root / "aside"
    victim.mkdir(mode=0o755)
    aside.mkdir()
    ended = threading.Event()

    def swap() -> None:
        for number in itertools.count():
            if ended.is_set():
                return
            for step in (
                lambda to=aside / str(number): state.rename(to),
                lambda: state.symlink_to(victim),
                state.unlink,
            ):
                with contextlib.suppress(OSError):
                    step()

    thread = threading.Thread(target=swap)
    thread.start()
    met: set[str] = set()
    for number in range(1000):
        try:
            private.replace(state / "secret", str(number).encode())
        except (OSError, ConfigError) as error:
            met.add(type(error).__name__)
    ended.set()
    thread.join()
    assert list(victim.iterdir()) == []
    assert "ConfigError" in met, "the link was met"
    assert list(aside.rglob("secret")), "and so was the folder"


@pytest.mark.fault("S15", "S16")
def test_a_file_is_never_found_half_written(places: Places, state: Path) -> None:
    """What cannot be written whole leaves what was there, and nothing beside it."""
    private.replace(state / "kept", b"as it was")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            private.replace(state / "kept", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert [(path.name, path.read_bytes()) for path in state.iterdir()] == [("kept", b"as it was")]


@pytest.mark.fault("S15")
def test_a_shared_folder_with_the_sticky_bit_will_do(places: Places) -> None:
    """In /tmp nobody can replace what is somebody else's."""
    shared = places.root / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    private.replace(shared / "cftui" / "kept", b"x")
    assert private.read(shared / "cftui" / "kept", is_secret=True) == b"x"
    append_profile(shared / "config" / "config.toml", "own", Profile("https://a.example", "a@b.c"))


# Another user of the machine.


@pytest.mark.fault("S15", "S24")
def test_nothing_that_is_written_can_be_read_by_others(places: Places, simulator: SimulatorServer) -> None:
    """Whatever umask the shell has."""
    open_umask = ("sh", "-c", f'umask 0; exec {sys.executable} -m cftui "$@"', "cftui")
    env = account_of(simulator, CFTUI_URL=simulator.url.removesuffix("/api/v1"))
    one = simulator.cloud.add_vm("one", status="running", locked=False)
    assert places.run("reboot", one.id, "--yes", "--no-wait", env=env, command=open_umask).code == 0
    with Terminal([*open_umask], env=places.environ | env) as terminal:
        terminal.wait_for("web-01")
        terminal.type("q")
        assert terminal.wait(10) == 0
    written = {path: path.lstat() for path in places.home.rglob("*")}
    names = {path.name.partition("-")[0] for path in written}
    assert {"journal.sqlite3", "fleet", "state.toml"} <= names
    for path, found in written.items():
        assert found.st_mode & 0o077 == 0, path
        assert found.st_uid == os.geteuid()
    assert list(places.temporary.iterdir()) == []


# What is installed.


@pytest.mark.fault("S20", "S25")
def test_the_packages_that_a_user_gets_are_these() -> None:
    """Every package more is one more that can be taken over; this list is changed on purpose only."""
    found = closure("cftui") - {"uc-micro-py"}  # older versions of linkify-it-py need it
    assert found == {
        *("textual", "rich", "pygments", "markdown-it-py", "mdurl", "mdit-py-plugins", "linkify-it-py"),
        *("httpx", "httpcore", "h11", "anyio", "sniffio", "idna", "certifi", "typing-extensions", "platformdirs"),
        *("pydantic", "pydantic-core", "annotated-types", "typing-inspection", "msgspec", "tomli-w"),
    }
    assert len(found) == 22
    (h11,) = (one for one in map(Requirement, requires("cftui") or []) if one.name == "h11")
    assert not h11.specifier.contains("0.15.99"), "CVE-2025-43859"
    assert Version(version("h11")) >= Version("0.16")


def closure(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """The names of all packages that come along with one."""
    found: set[str] = set()
    for one in map(Requirement, requires(name) or []):
        if one.marker is not None and not any(one.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            continue
        dependency = one.name.lower().replace("_", "-")
        found |= {dependency} | closure(dependency, frozenset(one.extras))
    return found


def test_the_traps_would_be_seen(places: Places) -> None:
    """A trap that cannot spring proves nothing."""
    env = hostile(places, "http://127.0.0.1:1")
    places.run("-c", '"$PAGER"; "$EDITOR"', command=("sh",), env=env)
    assert sorted(ran(places)) == ["ran-editor", "ran-pager"]
    folder = places.root / "hostile"
    folder.mkdir()
    (folder / "argparse.py").write_text("raise SystemExit(99)\n")
    found = places.run("-c", "import argparse", command=(sys.executable,), env={"PYTHONPATH": ":"}, cwd=folder)
    assert found.code == 99
