"""Every source of text that others can write, led through every way out of the command line: what to run."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cftui.simulator import faults
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from tests.conftest import EMAIL, PASSWORD
from tests.faults.hostile import ALL, MARK
from tests.forked import Ended, Line, run_all

FORMS = ("table", "json", "jsonl", "csv", "excel", "name")
ODD_FOLDER = MARK.replace("/", "")

SHORT_NAMES = [name for name in ALL if len(name) < 1000]


def form(name: str) -> tuple[str, ...]:
    """The options of a form."""
    return ("-o", "csv", "--excel") if name == "excel" else ("-o", name)


def odd_attributes() -> dict[str, object]:
    """Everything about a VM but its id."""
    network = dict.fromkeys(("ip_address", "netmask", "gateway", "type"), MARK)
    image = dict.fromkeys(("id", "distro", "name"), MARK)
    attributes: dict[str, object] = dict.fromkeys(("name", "status", "region", "created_at"), MARK)
    ids = {"features": (MARK,), "backup_ids": (MARK,), "snapshot_ids": (MARK,)}
    return attributes | ids | {"image": image, "networks": (network,)}


@dataclass(frozen=True)
class Clouds:
    """Servers that say hostile things."""

    names: SimulatorServer
    """A fleet of all the hostile names."""
    odd: SimulatorServer
    """Some VMs and a history that are hostile all over."""
    acting: SimulatorServer
    """Where requests are sent and carried out."""
    refusing: SimulatorServer
    """Where they are refused, in hostile words."""
    odd_id: str
    """Of the VM of `odd` that is."""


def raw(head: str, body: str = "") -> faults.Fault:
    """An answer with bytes in its head that no server may send."""
    content = body.encode("utf-8", "surrogatepass")
    return faults.garbage(f"HTTP/1.1 {head}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)


ANSWERS: Mapping[str, faults.Fault] = {
    "an error in JSON": faults.status(500, json.dumps({"id": MARK, "message": MARK})),
    "an error as text": faults.status(503, MARK, headers={"content-type": "text/plain"}),
    "a refusal": faults.status(422, json.dumps({"message": MARK * 3000})),
    "401": raw(f'401 {MARK}\r\nWWW-Authenticate: Digest realm="{MARK}"', MARK),
    "403": faults.status(403, json.dumps({"message": MARK})),
    "404": faults.status(404, json.dumps({"error": {"message": MARK}})),
    "429": raw(f"429 Slow\r\nRetry-After: {MARK}\r\nDate: {MARK}", json.dumps({"message": MARK})),
    "a redirect": raw(f"302 Found\r\nLocation: https://{MARK}.example/{MARK}"),
    "a redirect to C1": raw("302 Found\r\nLocation: https://\x9b2J\u202e[x.example/"),
    "a redirect to no host": raw(f"307 Found\r\nLocation: {MARK}"),
    "a web page": raw(f"200 OK\r\nContent-Type: text/{MARK}", f"<title>{MARK}</title>"),
    "an encoding": raw(f"200 OK\r\nContent-Encoding: {MARK}", "{}"),
    "a broken head": faults.garbage(f"HTTP/1.1 200 {MARK}\r\n{MARK}\r\n\r\n".encode()),
    "no JSON": faults.body(MARK),
    "a list of another kind": faults.body(json.dumps({MARK: [MARK], "vms": MARK})),
    "a link elsewhere": faults.body(
        json.dumps({"vms": [{"id": "1"}], "links": {"pages": {"next": f"https://{MARK}/"}}})
    ),
}


def start(vms: int = 0, *, quirks: Sequence[str] = ()) -> SimulatorServer:
    """A calm cloud, five hundred times faster than a real one; to be entered."""
    cloud = SimulatedCloud(vms=vms, speed=500, calm=True, quirks=quirks, email=EMAIL, password=PASSWORD)
    return SimulatorServer(cloud)


@contextmanager
def hostile_clouds() -> Iterator[Clouds]:
    """All of them, running."""
    fleets = {"names": ALL, "odd": SHORT_NAMES[:5], "acting": SHORT_NAMES, "refusing": SHORT_NAMES[:3]}
    with ExitStack() as running:
        servers = {what: running.enter_context(start(quirks=["endless-actions"][what != "odd" :])) for what in fleets}
        for what, names in fleets.items():
            for name in names:
                servers[what].cloud.add_vm(name)
        servers["refusing"].faults.always("POST", ANSWERS["a refusal"])
        yield Clouds(**servers, odd_id=make_odd(servers["odd"].cloud))


def make_odd(cloud: SimulatedCloud) -> str:
    """Add a VM that is hostile all over, and a history that is; returns its id."""
    odd = cloud.add_vm("odd")
    for member, value in odd_attributes().items():
        setattr(odd, member, value)
    for vm_id in (odd.id, cloud.vms()[0].id):
        action = cloud.start_foreign_action(vm_id, "reboot")
        action.type = action.region = MARK
    action.status = MARK
    return odd.id


def at(server: SimulatorServer) -> dict[str, str]:
    """Points a command line at a cloud."""
    return {"CFTUI_URL": server.url}


def table(clouds: Clouds, home: Path) -> dict[str, Line]:
    """Every command line, by a name that says what it is about; in this order, as some read what others sent.

    Args:
        clouds: What they talk to.
        home: Where hostile files are put.
    """
    return _read(clouds) | _sent(clouds) | _typed(clouds) | _surroundings(clouds, home)


def _read(clouds: Clouds) -> dict[str, Line]:
    names, odd = at(clouds.names), at(clouds.odd)
    lines = {f"vms {kind}": Line(("vms", *form(kind)), names) for kind in FORMS}
    for kind in ("table", "csv", "jsonl"):
        out = form(kind)
        lines |= {
            f"vm {kind}": Line(("vm", clouds.odd_id, *out), odd),
            f"actions {kind}": Line(("actions", *out), odd),
            f"dry run {kind}": Line(("reboot", "@!zzz", "--dry-run", *out), odd),
            f"watch {kind}": Line(("watch", "--timeout", "0.05", *out), odd),
        }
    return lines


def _sent(clouds: Clouds) -> dict[str, Line]:
    acting, refusing = at(clouds.acting), at(clouds.refusing)
    all_of_them = ("@!zzz", "--yes", "--expect-count", str(len(SHORT_NAMES)))
    three = ("@!zzz", "--yes", "--expect-count", "3")
    return {
        "sent": Line(("reboot", *all_of_them, "--max-parallel", "50"), acting),
        "sent, not awaited": Line(("power-cycle", *all_of_them, "--no-wait", "-o", "table"), acting),
        "not possible": Line(("power-on", *all_of_them), acting),
        "wrong count": Line(("reboot", *three), acting),
        "refused": Line(("reboot", *three, "-o", "jsonl"), refusing),
        "refused, as a table": Line(("reboot", *three), refusing),
        **journals("journal"),
    }


def journals(name: str) -> dict[str, Line]:
    """What was sent, in every form."""
    return {f"{name} {kind}": Line(("journal", *form(kind))) for kind in ("table", "csv", "jsonl", "name")}


def _typed(clouds: Clouds) -> dict[str, Line]:
    typed = {
        "command": (MARK,),
        "option": ("vms", f"--{MARK}"),
        "form": ("vms", "-o", MARK),
        "number": ("demo", "--seed", MARK),
        "size": ("resize", "x", "--cpu", MARK),
        "filter": ("vms", MARK),
        "expression": ("vms", f"/{MARK}("),
        "filter key": ("vms", f"{MARK}:x"),
        "columns": ("vms", "--columns", MARK),
        "a column of that name": ("vm", clouds.odd_id, "--columns", f"x{MARK}"),
        "target": ("vm", MARK),
        "targets": ("reboot", MARK, f"{MARK}2", "--yes"),
        "handle": ("watch", f"act:{MARK}"),
        "new name": ("rename", clouds.odd_id, MARK, "--yes"),
        "template": ("snapshot", clouds.odd_id, "--name", f"{{{MARK}}}", "--dry-run"),
        "snapshot of an odd name": ("snapshot", clouds.odd_id, "--dry-run"),
        "a filter that several pass": ("vm", "@!zzz"),
        "quirk": ("simulate", "--quirk", MARK),
        "host": ("simulate", "--vms", "1", "--host", MARK),
        "profile": ("vms", "--profile", MARK),
        "url": ("vms", "--url", MARK),
        "email": ("vms", "--email", MARK),
    }
    lines = {f"typed: {what}": Line(args, at(clouds.odd)) for what, args in typed.items()}
    stdin = f"{MARK}\n".encode() + b"\xff\x9b2J\n"
    return lines | {"typed: stdin": Line(("reboot", "-", "--yes"), at(clouds.odd), stdin)}


def _surroundings(clouds: Clouds, home: Path) -> dict[str, Line]:
    """Environment, configuration, file names, and a bug."""
    odd, folder = at(clouds.odd), str(home / ODD_FOLDER)
    escaped, path = json.dumps(MARK), home / f"{ODD_FOLDER}.toml"
    path.write_text(
        f"[profiles.{escaped}]\nurl = 'https://cloud.example'\nemail = 'a@b.c'\n[profiles.x]\nurl='?'\nemail='e'"
    )
    broken = home / f"broken{ODD_FOLDER}.toml"
    broken.write_text(f"[profiles.{escaped}]\n{escaped} = 1\n")
    several = {"CFTUI_CONFIG": str(path)}
    lines = {}
    for variable in ("CFTUI_URL", "CFTUI_EMAIL", "CFTUI_PROFILE", "CFTUI_READ_ONLY", "CFTUI_CONFIG"):
        lines[f"environment: {variable}"] = Line(("vms",), odd | {variable: MARK})
    for kind in ("table", "csv"):
        lines[f"profile list {kind}"] = Line(("profile", "list", *form(kind)), several)
        lines[f"config show {kind}"] = Line(("config", "show", *form(kind)), several | {"CFTUI_PROFILE": MARK})
    return lines | {
        "config path": Line(("config", "path"), {"CFTUI_CONFIG": f"/{MARK}"}),
        "several profiles": Line(("vms",), several),
        "an unknown key": Line(("vms",), odd | {"CFTUI_CONFIG": str(broken)}),
        "state folder": Line(("journal",), {"XDG_STATE_HOME": folder}),
        "a bug": Line(("journal",), {"XDG_STATE_HOME": folder}, program=_A_BUG),
    }


_A_BUG = f"""
import cftui.cli.journal as journal
def fail(path): raise RuntimeError({MARK!r})
journal.read_journal = fail
raise SystemExit(main())
"""

Came = dict[str, tuple[Line, Ended]]


def run_table(clouds: Clouds, home: Path) -> Came:
    """Run it all: the table, every hostile answer to a read, and the journal once more after it was tampered with."""
    config = home / "config" / "cftui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("poll_active_s = 1\n")
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.getcwd(),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "CFTUI_EMAIL": EMAIL,
        "CFTUI_PASSWORD": PASSWORD,
    }
    lines = table(clouds, home)
    with ExitStack() as running:
        for what, fault in ANSWERS.items():
            server = running.enter_context(start(1))
            server.faults.always("GET", fault)
            lines[f"answer: {what}"] = Line(("vms",), at(server))
        came = run_all(lines, env=env)
    _spoil(home / "state" / "cftui" / "journal.sqlite3")
    spoilt = journals("spoilt journal")
    came |= run_all(spoilt, env=env)
    return {what: (line, came[what]) for what, line in (lines | spoilt).items()}


def _spoil(path: Path) -> None:
    """Write hostile text into every column of the journal that takes any."""
    with closing(sqlite3.connect(path)) as database, database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in tables:
            columns = {column[1] for column in database.execute(f"PRAGMA table_info({name})")}
            for column in columns & _SPOILT:
                database.execute(f"UPDATE OR IGNORE {name} SET {column} = ? || {column}", (MARK,))


_SPOILT = {"vm_name", "type", "body", "message", "status", "started_at", "completed_at", "url", "origin"}
