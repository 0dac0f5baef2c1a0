"""Every request and response that the API document prints, over real HTTP.

The bodies are as a shell would send those of the document's cURL lines; the responses as printed, less the comma after
the last member, which is no JSON.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from typing import NamedTuple

import pytest

from cftui.simulator.clocks import ManualClock
from cftui.simulator.server import SimulatorServer
from tests.simulator.asking import CREDENTIALS, Reply, ask
from tests.simulator.conftest import MakeServer

VM = "5609f1ee1b0c4d2da622737b5ca25e6c"


class Example(NamedTuple):
    """One section of the document."""

    type: str
    curl: str
    """As printed, host and credentials included."""
    body: str
    """What the shell makes of its -d argument."""
    is_vm_off: bool
    """Whether the VM must have been turned off before."""


def _line(body: str, path: str) -> str:
    return f"""curl -X POST -H 'Content-Type: application/json' -u 'user@example.com:password' -d {body} "https://cloudsfor.com{path}/vms/{VM}/actions\""""


EXAMPLES = (
    Example("reboot", _line("""'{"type":"reboot"}'""", "/api/v1"), '{"type":"reboot"}', False),
    Example("power_cycle", _line("""'{"type":"power_cycle"}'""", "/v1"), '{"type":"power_cycle"}', False),
    Example("shutdown", _line("""'{"type":"shutdown"}'""", "/api/v1"), '{"type":"shutdown"}', False),
    Example("power_off", _line("""'{"type":"power_off"}'""", "/v1"), '{"type":"power_off"}', False),
    Example("power_on", _line("""'{"type":"power_on"}'""", "/api/v1"), '{"type":"power_on"}', True),
    Example("password_reset", _line("""'{"type":"password_reset"}'""", "/api/v1"), '{"type":"password_reset"}', False),
    Example(
        "resize",
        _line("""'{"type":"resize","data":{"cpu":2,"ram":3,"disk":30}}'""", "/v1"),
        '{"type":"resize","data":{"cpu":2,"ram":3,"disk":30}}',
        True,
    ),
    Example(
        "rename",
        _line("""'{"type":"rename","name":"new-name"}'""", "/api/v1"),
        '{"type":"rename","name":"new-name"}',
        False,
    ),
    Example(
        "snapshot",
        _line("""'{"type":"snapshot","name":"New Snapshot"}'""", "/api/v1"),
        '{"type":"snapshot","name":"New Snapshot"}',
        False,
    ),
)

BROKEN_RESIZE = Example(
    "resize",
    _line("""'{"type":"resize","resource":'ram', "size":2}'""", "/v1"),
    '{"type":"resize","resource":ram, "size":2}',
    True,
)
"""The single form as printed: the shell takes the quotes around ram away."""

MENDED_RESIZE = Example(
    "resize",
    _line("""'{"type":"resize","resource":"ram","size":2}'""", "/v1"),
    '{"type":"resize","resource":"ram","size":2}',
    True,
)


def printed_response(type_: str, started_at: str) -> dict[str, object]:
    """The document's response body."""
    return {
        "action": {
            "id": VM,
            "status": "in-progress",
            "type": type_,
            "started_at": started_at,
            "completed_at": None,
            "resource_type": "vm",
            "region": "moscow_01",
        }
    }


def run_curl(server: SimulatorServer, line: str) -> Reply:
    """Run a cURL line with another host; where there is no curl, send the same bytes without it."""
    arguments = shlex.split(line.replace("https://cloudsfor.com", f"http://{server.host}:{server.port}"))
    if shutil.which("curl") is None:
        path = re.sub(r"^http://[^/]+", "", arguments[-1])
        return ask(server, "POST", path, arguments[arguments.index("-d") + 1].encode(), prefix="")
    arguments[1:1] = ["-s", "-i", "--noproxy", "*"]
    head, _, body = subprocess.run(arguments, capture_output=True, check=True, timeout=20).stdout.partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    return Reply(int(status.split()[1]), dict(re.split(r":\s*", header, maxsplit=1) for header in headers), body)


@pytest.fixture
def fresh(make_server: MakeServer) -> SimulatorServer:
    """A fresh, calm simulator of the usual size."""
    return make_server(vms=200)


def turn_off(server: SimulatorServer, clock: ManualClock) -> None:
    assert ask(server, "POST", f"/vms/{VM}/actions", {"type": "power_off"}).status == 201
    clock.advance(60)


@pytest.mark.parametrize("example", [*EXAMPLES, MENDED_RESIZE], ids=lambda example: example.body)
def test_curl_line_gets_the_printed_answer(fresh: SimulatorServer, clock: ManualClock, example: Example) -> None:
    if example.is_vm_off:
        turn_off(fresh, clock)
    reply = run_curl(fresh, example.curl)
    assert reply.status == 201
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.headers["status"] == "201 Created"
    started_at = reply.json["action"]["started_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", started_at)
    assert reply.json == printed_response(example.type, started_at)
    assert list(reply.json["action"]) == list(printed_response("", "")["action"])  # type: ignore[call-overload]
    assert fresh.ledger.posts[-1].body == example.body.encode()
    assert fresh.ledger.posts[-1].is_executed


@pytest.mark.parametrize("example", [*EXAMPLES, MENDED_RESIZE], ids=lambda example: example.body)
@pytest.mark.parametrize("prefix", ["/api/v1", "/v1"])
def test_printed_request_body_works_below_both_prefixes(
    fresh: SimulatorServer, clock: ManualClock, example: Example, prefix: str
) -> None:
    if example.is_vm_off:
        turn_off(fresh, clock)
    pretty = json.dumps(json.loads(example.body), indent=2).encode()
    reply = ask(fresh, "POST", f"/vms/{VM}/actions", pretty, prefix=prefix)
    assert (reply.status, reply.json["action"]["type"]) == (201, example.type)


def test_single_resize_as_printed_is_told_to_be_no_json(fresh: SimulatorServer, clock: ManualClock) -> None:
    turn_off(fresh, clock)
    reply = run_curl(fresh, BROKEN_RESIZE.curl)
    assert fresh.ledger.posts[-1].body == BROKEN_RESIZE.body.encode()
    assert reply.status == 400
    assert "not valid JSON" in reply.message
    assert "column 29" in reply.message
    body = b'{\n  "type": "resize",\n  "resource": \'ram\',\n  "size": 2\n}'
    assert "line 3 column 15" in ask(fresh, "POST", f"/vms/{VM}/actions", body).message
    assert fresh.cloud.vm(VM).memory == 1


def test_document_vm_runs_in_the_documents_region(fresh: SimulatorServer) -> None:
    vm = ask(fresh, "GET", f"/vms/{VM}").json["vm"]
    assert (vm["id"], vm["status"], vm["region"], vm["locked"]) == (VM, "running", "moscow_01", False)


def test_vm_has_the_documented_types(fresh: SimulatorServer) -> None:
    vm = ask(fresh, "GET", f"/vms/{VM}").json["vm"]
    assert {name: type(value).__name__ for name, value in vm.items()} == {
        "id": "str",
        "name": "str",
        "memory": "int",
        "vcpus": "str",
        "disk": "str",
        "locked": "bool",
        "created_at": "str",
        "status": "str",
        "backup_ids": "list",
        "snapshot_ids": "list",
        "image": "dict",
        "features": "list",
        "networks": "dict",
        "region": "str",
    }
    assert vm["image"].keys() == {"id", "distro", "name"}
    assert vm["networks"]["v4"][0].keys() == {"ip_address", "netmask", "gateway", "type"}


def test_account_and_lists_have_the_documented_shape(fresh: SimulatorServer) -> None:
    account = ask(fresh, "GET", "/account").json["account"]
    assert account == {"email": "user@example.com", "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef", "vm_limit": 250}
    regions = ask(fresh, "GET", "/regions").json
    assert regions["meta"] == {"total": 4}
    assert {
        "country": "ru",
        "name": "moscow_02",
        "coordinates": {"lat": 55.79682, "lng": 37.61154},
        "description": "M10/Cloud_02",
    } in regions["regions"]
    distros = ask(fresh, "GET", "/distros").json["distros"]
    assert {distro["image_type"] for distro in distros} == {"iso", "template"}
    assert all(distro.keys() == {"id", "name", "description", "image_type"} for distro in distros)
    (network,) = ask(fresh, "GET", "/networks").json["networks"]
    assert network.keys() == {"id", "name", "parent_id", "tag", "size"}


def test_credentials_of_the_document_are_the_default(fresh: SimulatorServer) -> None:
    assert f"{fresh.cloud.email}:{fresh.cloud.password}" == CREDENTIALS
