"""Each quirk does what its sentence says, and the others stay away."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from cftui.simulator.clocks import ManualClock
from cftui.simulator.quirks import DEFAULTS, QUIRKS, parse_quirks
from cftui.simulator.seed import HOSTILE_NAMES
from cftui.simulator.server import SimulatorServer
from tests.simulator.asking import act, ask, get
from tests.simulator.conftest import MakeServer


def test_every_quirk_has_a_sentence_and_starts_by_its_bare_name(make_server: MakeServer) -> None:
    assert all(sentence.endswith(".") for sentence in QUIRKS.values())
    assert DEFAULTS.keys() <= QUIRKS.keys()
    for name in QUIRKS:
        assert make_server(quirks=[name]).cloud.quirks == {name: DEFAULTS.get(name, "")}


@pytest.mark.parametrize(
    ("quirks", "words"),
    [
        (["trailing-comma"], "Unknown quirk 'trailing-comma'. There are: trailing-commas, "),
        (["no-date=1"], "takes no value"),
        (["small-pages=0"], "cannot have the value '0'"),
        (["small-pages=many"], "cannot have the value 'many'"),
        (["slow=-1"], "cannot have the value"),
        (["slow=nan"], "cannot have the value"),
        (["rate-limit=5:loud"], "cannot have the value"),
        (["account-html=99"], "cannot have the value"),
        ({"demo-mode": "yes"}, "takes no value"),
    ],
)
def test_wrong_quirk_is_one_clear_sentence(quirks: Mapping[str, str] | Iterable[str], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_quirks(quirks)


def test_quirks_come_as_texts_or_by_name() -> None:
    assert parse_quirks(["slow", "small-pages=3"]) == parse_quirks({"slow": "2", "small-pages": "3"})


def without_trailing_commas(raw: bytes) -> Any:
    with pytest.raises(json.JSONDecodeError):
        json.loads(raw)
    return json.loads(re.sub(rb",(?=\s*[}\]])", b"", raw))


def test_trailing_commas(make_server: MakeServer) -> None:
    plain, odd = make_server(), make_server(quirks=["trailing-commas"])
    vm_id = plain.cloud.find("web-01").id
    for path in ("/account", "/vms?per_page=5", f"/vms/{vm_id}", "/actions"):
        mended = without_trailing_commas(ask(odd, "GET", path).raw)
        expected = ask(plain, "GET", path, headers={"Host": f"{odd.host}:{odd.port}"}).json
        assert mended == expected
    posted = act(odd, vm_id, {"type": "reboot"}).raw
    assert posted.endswith(b'"region": "moscow_01",},}')
    assert without_trailing_commas(posted)["action"]["type"] == "reboot"


def test_numbers_as_strings_and_strings_as_numbers(make_server: MakeServer) -> None:
    page = get(make_server(quirks=["numbers-as-strings"]), "/vms")
    assert (page["vms"][0]["memory"], page["vms"][0]["locked"], page["meta"]) == ("1", False, {"total": "12"})
    vm = get(make_server(quirks=["strings-as-numbers"]), "/vms")["vms"][0]
    assert (vm["vcpus"], vm["disk"]) == (1, 20)


def test_unknown_fields(make_server: MakeServer) -> None:
    plain, odd = make_server(), make_server(quirks=["unknown-fields"])
    known, more = get(plain, "/vms")["vms"][0], get(odd, "/vms")["vms"][0]
    assert known.items() <= more.items()
    assert more.keys() - known.keys() == {"x_tier", "x_notes"}
    assert "x_tier" in act(odd, known["id"], {"type": "reboot"}).json["action"]


def test_unknown_status(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(vms=100, quirks=["unknown-status=thinking"])
    statuses = [vm["status"] for vm in get(server, "/vms?per_page=200")["vms"]]
    assert 5 <= statuses.count("thinking") <= 40
    vm_id = server.cloud.find("web-01").id
    assert act(server, vm_id, {"type": "reboot"}).json["action"]["status"] == "thinking"
    clock.advance(120)
    assert get(server, "/actions")["actions"][0]["status"] == "completed"


def test_nulls_and_missing_members(make_server: MakeServer) -> None:
    vm = get(make_server(quirks=["nulls"]), "/vms")["vms"][0]
    assert [vm[member] for member in ("memory", "image", "networks", "snapshot_ids", "region")] == [None] * 5
    server = make_server(quirks=["missing-members"])
    vm = get(server, "/vms")["vms"][0]
    assert not {"locked", "features", "backup_ids", "networks", "region", "resource_type"} & vm.keys()
    assert act(server, vm["id"], {"type": "reboot"}).json["action"].keys() == {
        "id", "status", "type", "started_at", "completed_at",
    }  # fmt: skip
    server = make_server(quirks=["missing-members=started_at,id", "nulls=status"])
    action = act(server, vm["id"], {"type": "reboot"}).json["action"]
    assert action["status"] is None
    assert not {"started_at", "id"} & action.keys()


def test_region_objects(make_server: MakeServer) -> None:
    server = make_server(quirks=["region-objects"])
    vm = get(server, "/vms")["vms"][0]
    assert vm["region"]["name"] == "moscow_01"
    assert act(server, vm["id"], {"type": "reboot"}).json["action"]["region"]["name"] == "moscow_01"


def test_numbered_actions(make_server: MakeServer) -> None:
    server = make_server(quirks=["numbered-actions"])
    vm_id = server.cloud.find("web-01").id
    action = act(server, vm_id, {"type": "reboot"}).json["action"]
    assert (action["resource_id"], action["id"]) == (vm_id, str(len(server.cloud.actions())))
    assert get(server, "/actions")["actions"][0] == action


def test_same_second(make_server: MakeServer) -> None:
    server = make_server(quirks=["same-second"])
    vm_id = server.cloud.find("web-01").id
    action = act(server, vm_id, {"type": "reboot"}).json["action"]
    assert get(server, "/actions")["actions"][:2] == [action, action]
    assert len(server.ledger.executed) == 1


def test_restamped_start(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(quirks=["restamped-start"])
    vm_id = server.cloud.find("web-01").id
    posted = act(server, vm_id, {"type": "reboot"}).json["action"]
    assert get(server, "/actions")["actions"][0] == posted
    clock.advance(4)
    assert get(server, "/actions")["actions"][0] == posted | {"started_at": "2026-11-24T03:14:03Z"}


def test_endless_actions(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(quirks=["endless-actions"])
    act(server, server.cloud.find("web-01").id, {"type": "reboot"})
    clock.advance(86_400)
    assert get(server, "/actions")["actions"][0]["status"] == "in-progress"


def test_late_effect(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(quirks=["late-effect=100"])
    vm = server.cloud.find("web-01")
    act(server, vm.id, {"type": "power_off"})
    clock.advance(60)
    assert get(server, "/actions")["actions"][0]["status"] == "completed"
    assert get(server, f"/vms/{vm.id}")["vm"]["status"] == "running"
    clock.advance(60)
    assert get(server, f"/vms/{vm.id}")["vm"]["status"] == "stopped"


def test_late_actions(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(quirks=["late-actions"])
    vm_id = server.cloud.find("web-01").id
    before = get(server, "/actions")
    act(server, vm_id, {"type": "reboot"})
    assert get(server, "/actions") == before
    clock.advance(20)
    assert get(server, "/actions")["actions"][0]["id"] == vm_id


def test_no_global_actions_and_no_actions(make_server: MakeServer) -> None:
    partly, none = make_server(quirks=["no-global-actions"]), make_server(quirks=["no-actions"])
    vm_id = partly.cloud.find("web-01").id
    assert ask(partly, "GET", "/actions").status == 404
    assert ask(partly, "GET", f"/vms/{vm_id}/actions").status == 200
    assert ask(none, "GET", "/actions").status == 404
    assert ask(none, "GET", f"/vms/{vm_id}/actions").status == 404
    assert act(none, vm_id, {"type": "reboot"}).status == 201
    assert ask(none, "GET", f"/vms/{vm_id}").status == 200


def test_actions_oldest_first(make_server: MakeServer) -> None:
    server = make_server(quirks=["actions-oldest-first"])
    times = [action["started_at"] for action in get(server, "/actions?per_page=50")["actions"]]
    assert times == sorted(times)


def test_small_pages_without_links_or_meta(make_server: MakeServer) -> None:
    server = make_server(quirks=["small-pages=5", "no-links", "no-meta"])
    pages = [get(server, f"/vms?page={page}&per_page=200") for page in (1, 2, 3, 4)]
    assert [len(page["vms"]) for page in pages] == [5, 5, 2, 0]
    assert all(page.keys() == {"vms"} for page in pages)
    assert get(make_server(quirks=["small-pages"]), "/vms")["links"]["pages"]["next"].endswith("?page=2&per_page=5")


def test_hostile_names(make_server: MakeServer) -> None:
    server = make_server(vms=60, quirks=["hostile-names"])
    names = [vm["name"] for vm in get(server, "/vms?per_page=200")["vms"]]
    assert set(HOSTILE_NAMES) <= set(names)
    assert {"[/]", "\x1b]52;c;RVZJTA==\x07"} <= set(names)
    assert max(map(len, names)) == 1_048_576
    assert {"web-01", "stubborn-01", "broken-01"} <= set(names)
    assert not any(control in ask(server, "GET", "/vms?per_page=200").raw for control in (b"\x1b", b"\x07", b"\x00"))


def test_demo_mode(make_server: MakeServer) -> None:
    server = make_server(quirks=["demo-mode"])
    reply = act(server, server.cloud.find("web-01").id, {"type": "snapshot", "name": "n"})
    assert (reply.status, reply.message) == (403, "Snapshots are not available in demo mode.")
    assert act(server, server.cloud.find("web-01").id, {"type": "reboot"}).status == 201


def test_rate_limit(make_server: MakeServer, clock: ManualClock) -> None:
    server = make_server(quirks=["rate-limit=3"])
    remaining = [ask(server, "GET", "/account").headers["ratelimit-remaining"] for _ in range(3)]
    assert remaining == ["2", "1", "0"]
    clock.advance(10)
    refused = act(server, server.cloud.find("web-01").id, {"type": "reboot"})
    assert (refused.status, refused.json["id"], refused.headers["retry-after"]) == (429, "too_many_requests", "51")
    assert server.ledger.executed == ()
    clock.advance(51)
    assert ask(server, "GET", "/account").status == 200


@pytest.mark.parametrize("style", ["x", "date", "bare"])
def test_rate_limit_in_other_spellings(make_server: MakeServer, clock: ManualClock, style: str) -> None:
    server = make_server(quirks=[f"rate-limit=1:{style}"])
    ask(server, "GET", "/account")
    reply = ask(server, "GET", "/account")
    assert reply.status == 429
    told = {name for name in reply.headers if "limit" in name or name == "retry-after"}
    match style:
        case "x":
            assert told == {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"}
        case "date":
            assert parsedate_to_datetime(reply.headers["retry-after"]).timestamp() == clock.now() + 61
        case "bare":
            assert told == set()


def test_html_502_every_third_request_and_the_post_counts(make_server: MakeServer) -> None:
    server = make_server(quirks=["html-502=3"])
    assert [ask(server, "GET", "/account").status for _ in range(5)] == [200, 200, 502, 200, 200]
    reply = act(server, server.cloud.find("web-01").id, {"type": "reboot"})
    assert (reply.status, reply.headers["content-type"], len(server.ledger.executed)) == (502, "text/html", 1)


def test_drop_after_accept(make_server: MakeServer) -> None:
    server = make_server(quirks=["drop-after-accept"])
    vm_id = server.cloud.find("web-01").id
    with pytest.raises(http.client.RemoteDisconnected):
        act(server, vm_id, {"type": "reboot"})
    assert get(server, "/actions")["actions"][0]["id"] == vm_id
    assert act(server, vm_id, {"type": "reboot"}).status == 422


def test_slow_and_no_date(make_server: MakeServer) -> None:
    server = make_server(quirks=["slow=0.2", "no-date"])
    begun = time.monotonic()
    assert "date" not in ask(server, "GET", "/account").headers
    assert time.monotonic() - begun >= 0.2


@pytest.mark.parametrize(("quirk", "status"), [("account-html", 200), ("account-html=404", 404)])
def test_account_html_below_one_prefix(make_server: MakeServer, quirk: str, status: int) -> None:
    server: SimulatorServer = make_server(quirks=[quirk])
    reply = ask(server, "GET", "/account")
    assert (reply.status, reply.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert ask(server, "GET", "/account", prefix="/v1").json["account"]["email"] == "user@example.com"
