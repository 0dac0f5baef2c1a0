"""Paths, methods, sign-in and pages."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from cftui.simulator.clocks import ManualClock
from cftui.simulator.server import SimulatorServer
from tests.simulator.asking import act, ask, basic, get
from tests.simulator.conftest import MakeServer


def walk(server: SimulatorServer, path: str, key: str) -> list[Any]:
    """All entries of a list, by following `next`."""
    entries = []
    while path:
        page = get(server, path)
        entries += page[key]
        following = urlsplit(page.get("links", {}).get("pages", {}).get("next", ""))
        path = f"{following.path.removeprefix('/api/v1')}?{following.query}" if following.path else ""
    return entries


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer " + basic()["Authorization"].split()[1]},
        basic("user@example.com:Password"),
        basic("user@example.com"),
        basic("username:password"),
    ],
)
def test_wrong_credentials_are_refused_everywhere(server: SimulatorServer, headers: dict[str, str]) -> None:
    vm_id = server.cloud.find("web-01").id
    for method, path in (("GET", "/account"), ("GET", "/nowhere"), ("POST", f"/vms/{vm_id}/actions")):
        reply = ask(server, method, path, b'{"type": "reboot"}', headers=headers)
        assert (reply.status, reply.json["id"]) == (401, "unauthorized")
        assert reply.headers["www-authenticate"].startswith("Basic realm=")
    assert server.ledger.executed == ()


def test_credentials_may_be_any_text(make_server: MakeServer) -> None:
    server = make_server(email="ops@example.com", password="пароль:with:colons")
    assert (
        get(server, "/account", headers=basic("ops@example.com:пароль:with:colons"))["account"]["email"]
        == "ops@example.com"
    )


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/account/", "/api/v2"),
        ("", ""),
        ("/account", ""),
        ("", "/api/v1"),
        ("/nowhere", "/api/v1"),
        ("/vms/00/actions/1", "/v1"),
        ("/actions/1", "/v1"),
        ("/vms/00", "/v1"),
        ("/vms/00/actions", "/v1"),
        ("/vms/%2e%2e/account", "/v1"),
        ("//[", ""),
    ],
)
def test_unknown_path_is_not_found(server: SimulatorServer, path: str, prefix: str) -> None:
    reply = ask(server, "GET", path or "/", prefix=prefix)
    assert (reply.status, reply.json["id"]) == (404, "not_found")
    assert reply.message


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/vms", "GET, HEAD"),
        ("DELETE", "/account", "GET, HEAD"),
        ("PUT", "/actions", "GET, HEAD"),
        ("POST", "/regions", "GET, HEAD"),
        ("DELETE", "/vms/{id}", "GET, HEAD"),
        ("PATCH", "/vms/{id}/actions", "GET, HEAD, POST"),
    ],
)
def test_wrong_method_is_told_the_right_ones(server: SimulatorServer, method: str, path: str, allowed: str) -> None:
    reply = ask(server, method, path.replace("{id}", server.cloud.find("web-01").id), {})
    assert (reply.status, reply.json["id"], reply.headers["allow"]) == (405, "method_not_allowed", allowed)


def test_head_is_get_without_the_body(server: SimulatorServer) -> None:
    head, read = ask(server, "HEAD", "/account"), ask(server, "GET", "/account")
    assert (head.status, head.raw) == (200, b"")
    assert head.headers == read.headers


def test_every_answer_has_the_clouds_date(server: SimulatorServer, clock: ManualClock) -> None:
    for path in ("/account", "/nowhere"):
        assert parsedate_to_datetime(ask(server, "GET", path).headers["date"]).timestamp() == clock.now()


def test_vms_come_in_pages(make_server: MakeServer) -> None:
    server = make_server(vms=45)
    first = get(server, "/vms")
    assert len(first["vms"]) == 20
    assert first["meta"] == {"total": 45}
    base = f"{server.url}/vms"
    assert first["links"] == {"pages": {"next": f"{base}?page=2&per_page=20", "last": f"{base}?page=3&per_page=20"}}
    middle = get(server, "/vms?page=2")
    assert middle["links"]["pages"].keys() == {"first", "prev", "next", "last"}
    last = get(server, "/vms?page=3")
    assert len(last["vms"]) == 5
    assert last["links"]["pages"].keys() == {"first", "prev"}
    assert get(server, "/vms?page=4") == {
        "vms": [],
        "links": last["links"]
        | {"pages": {"first": f"{base}?page=1&per_page=20", "prev": f"{base}?page=3&per_page=20"}},
        "meta": {"total": 45},
    }
    assert [vm["id"] for vm in walk(server, "/vms?per_page=7", "vms")] == [vm.id for vm in server.cloud.vms()]


def test_links_keep_the_prefix_that_was_asked(make_server: MakeServer) -> None:
    page = get(make_server(vms=45), "/vms", prefix="/v1")
    assert urlsplit(page["links"]["pages"]["next"]).path == "/v1/vms"


def test_whole_list_on_one_page_has_no_links(server: SimulatorServer) -> None:
    assert get(server, "/vms").keys() == {"vms", "meta"}


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("per_page=200", 200),
        ("per_page=1000", 200),
        ("per_page=0", 20),
        ("per_page=x", 20),
        ("per_page=-3", 20),
        ("page=0", 20),
        ("per_page=٣", 20),
    ],
)
def test_page_size_is_bounded(make_server: MakeServer, query: str, size: int) -> None:
    server = make_server(vms=250)
    assert (
        len(ask(server, "GET", "/vms?" + query.encode().decode("latin-1").replace("Ù£", "%D9%A3")).json["vms"]) == size
    )


def test_actions_are_listed_newest_first_and_of_one_vm_or_all(server: SimulatorServer, clock: ManualClock) -> None:
    web, api = server.cloud.find("web-01"), server.cloud.find("api-01")
    for vm in (web, api):
        act(server, vm.id, {"type": "reboot"})
        clock.advance(1)
    listed = get(server, "/actions?per_page=2")["actions"]
    assert [(action["id"], action["type"]) for action in listed] == [(api.id, "reboot"), (web.id, "reboot")]
    everything = walk(server, "/actions?per_page=150", "actions")
    assert len(everything) == get(server, "/actions")["meta"]["total"] == len(server.cloud.actions())
    times = [action["started_at"] for action in everything]
    assert times == sorted(times, reverse=True)
    own = walk(server, f"/vms/{web.id}/actions?per_page=3", "actions")
    assert own == [action for action in everything if action["id"] == web.id]


def test_ten_thousand_vms_are_walked_in_fifty_pages(make_server: MakeServer) -> None:
    server = make_server(vms=10_000)
    vms = walk(server, "/vms?per_page=200", "vms")
    assert len({vm["id"] for vm in vms}) == 10_000
    assert server.ledger.count("GET", "/vms") == 50


def test_page_changes_with_its_vm(server: SimulatorServer) -> None:
    vm = server.cloud.find("web-01")
    before = get(server, "/vms")
    server.cloud.set_status(vm.id, "suspended")
    server.cloud.lock(vm.id)
    after = get(server, "/vms")
    assert [entry for entry in after["vms"] if entry not in before["vms"]] == [
        before["vms"][0] | {"status": "suspended", "locked": True}
    ]
    added = server.cloud.add_vm("added", memory=3)
    assert get(server, "/vms")["vms"][-1]["name"] == "added"
    assert get(server, f"/vms/{added.id}")["vm"]["memory"] == 3
