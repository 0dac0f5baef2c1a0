"""How often one confirmed reboot is carried out when the answer is lost: by cftui, and by other published clients.

The server carries out every POST and then answers 504, or nothing. The other clients are asked to reboot one server
with their usual settings, but for the time they wait for an answer; nothing of theirs is installed by this project.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import NamedTuple

from cftui.api import requests
from cftui.api.client import CloudClient, Deadlines
from cftui.api.errors import OutcomeUnknown
from cftui.fleet.rows import ActionType
from tests.api.scripted import VM_ID, Script, ScriptedServer, hang, http, says
from tests.proof.figures import Figure, Scale

INTERPRETER = "CFTUI_PROOF_PYTHON"
"""Names a Python that has the other clients; without it they are looked for in the one that runs this."""

_WAIT_S = 0.5
_AT_MOST_S = 240.0
"""Some wait a minute between two tries."""

_PAGE = b"<html><body><h1>504 Gateway Time-out</h1></body></html>"
_LOST: dict[str, Script] = {"504": says(http(504, _PAGE, content_type="text/html")), "no answer": hang}


class _Client(NamedTuple):
    name: str
    module: str
    program: str
    """Reboots one server at the URL in `sys.argv[1]`, with so many seconds of patience in `sys.argv[2]`."""


_HCLOUD = """
import sys, hcloud
from hcloud.servers import Server
client = hcloud.Client(token="t", api_endpoint=sys.argv[1], timeout=float(sys.argv[2]))
client.servers.reboot(Server(id=1))
"""
_BOTO3 = """
import sys, boto3
from botocore.config import Config
config = Config(read_timeout=float(sys.argv[2]))
ec2 = boto3.client("ec2", region_name="x-1", endpoint_url=sys.argv[1], config=config,
                   aws_access_key_id="x", aws_secret_access_key="x")
ec2.reboot_instances(InstanceIds=["i-1"])
"""
_OTHERS = (_Client("hcloud-python", "hcloud", _HCLOUD), _Client("boto3", "boto3", _BOTO3))


def figures(scale: Scale) -> list[Figure]:
    """One reboot each."""
    return asyncio.run(_figures(scale))


async def _figures(scale: Scale) -> list[Figure]:
    found = [_figure("cftui", lost, await _ours(script), is_ours=True) for lost, script in _LOST.items()]
    for client in _OTHERS:
        version = await _version(client.module)
        why_not = "" if version else f"{client.module} is not installed"
        if version and scale is Scale.SHORT:
            why_not = "it waits long between its tries: only in the long version"
        for lost, script in _LOST.items():
            name = f"{client.name} {version}".rstrip()
            if why_not:
                found.append(Figure(_what(name, lost), 0, 0, not_run=why_not, is_ours=False))
            else:
                found.append(_figure(name, lost, await _theirs(client, script), is_ours=False))
    return found


def _what(name: str, lost: str) -> str:
    return f"one reboot, {lost}: {name}"


def _figure(name: str, lost: str, carried_out: int, *, is_ours: bool) -> Figure:
    note = f"carried out {carried_out} times" if carried_out != 1 else "carried out once"
    return Figure(_what(name, lost), 1, abs(carried_out - 1), "reboot", note, is_ours=is_ours)


async def _ours(script: Script) -> int:
    deadlines = Deadlines(post_s=_WAIT_S) if script is hang else None
    async with (
        ScriptedServer(script) as server,
        CloudClient(server.url, "user@example.com", "password", deadlines=deadlines) as client,
    ):
        with contextlib.suppress(OutcomeUnknown):
            await client.submit(VM_ID, requests.simple(ActionType.REBOOT))
        return _posts(server)


async def _theirs(client: _Client, script: Script) -> int:
    async with ScriptedServer(script) as server:
        await _run(client.program, server.origin, str(_WAIT_S))
        return _posts(server)


def _posts(server: ScriptedServer) -> int:
    return sum(received.method == "POST" for received in server.requests)


async def _version(module: str) -> str:
    told = await _run(f"from importlib.metadata import version; import {module}; print(version({module!r}))")
    return told.strip()


async def _run(program: str, *args: str) -> str:
    """What a program says on stdout; nothing when it fails."""
    interpreter = os.environ.get(INTERPRETER, sys.executable)
    process = await asyncio.create_subprocess_exec(
        interpreter, "-c", program, *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        told, _ = await asyncio.wait_for(process.communicate(), _AT_MOST_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return ""
    return told.decode() if process.returncode == 0 else ""
