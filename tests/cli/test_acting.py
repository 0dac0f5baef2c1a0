"""The nine verbs: what is sent, what is not, what is printed, and the exit code."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cftui.simulator.faults import reset, status
from cftui.simulator.server import SimulatorServer
from cftui.simulator.state import Vm
from tests.cli.conftest import Ran, Run, account_of
from tests.conftest import StartSimulator

NEEDS_RUNNING = {"reboot", "power-cycle", "shutdown", "power-off", "password-reset"}


def vm_that_is(simulator: SimulatorServer, status: str) -> Vm:
    """A plain VM: small, without a name that misbehaves."""
    return simulator.cloud.add_vm(f"plain-{status}", status=status, locked=False)


def bodies(simulator: SimulatorServer) -> list[object]:
    return [json.loads(post.body) for post in simulator.ledger.posts]


VERBS: list[tuple[list[str], dict[str, object], str]] = [
    (["reboot"], {"type": "reboot"}, "completed"),
    (["power-cycle"], {"type": "power_cycle"}, "completed"),
    (["shutdown"], {"type": "shutdown"}, "verified"),
    (["power-off"], {"type": "power_off"}, "verified"),
    (["power-on"], {"type": "power_on"}, "verified"),
    (["password-reset"], {"type": "password_reset"}, "completed"),
    (["resize", "--ram", "5"], {"type": "resize", "resource": "ram", "size": 5}, "verified"),
    (
        ["resize", "--cpu", "3", "--ram", "3.5", "--disk", "30"],
        {"type": "resize", "data": {"cpu": 3, "ram": 3.5, "disk": 30}},
        "verified",
    ),
    (["rename", "new-name"], {"type": "rename", "name": "new-name"}, "verified"),
    (["snapshot", "--name", "of {id}"], {"type": "snapshot", "name": "of {id}"}, "verified"),
]
"""A command line without its target, the body that the document prints for it, and how far it can be seen to get."""


def test_each_verb_sends_what_the_document_prints_and_waits_for_the_end(cftui: Run, simulator: SimulatorServer) -> None:
    """Ten processes side by side, on one journal."""
    vms = [
        simulator.cloud.add_vm("plain", status="running" if words[0] in NEEDS_RUNNING else "stopped")
        for words, _, _ in VERBS
    ]

    def act(vm: Vm, words: list[str]) -> Ran:
        return cftui(words[0], vm.id, *words[1:], "--yes", "-o", "json")

    with ThreadPoolExecutor(5) as pool:
        ended = list(pool.map(act, vms, [words for words, _, _ in VERBS]))
    sent = {post.path.split("/")[-2]: json.loads(post.body) for post in simulator.ledger.posts}
    assert len(simulator.ledger.posts) == len(VERBS)
    for vm, ran, (words, body, stage) in zip(vms, ended, VERBS, strict=True):
        expected = {**body, "name": f"of {vm.id}"} if words[0] == "snapshot" else body
        assert (ran.code, sent[vm.id]) == (0, expected), ran
        (result,) = ran.json["results"]
        assert ran.json["schema"] == "cftui/run/1"
        assert ran.json["type"] == result["type"] == body["type"]
        assert (result["vm_id"], result["vm_name"]) == (vm.id, "plain")
        assert (result["stage"], result["status"]) == (stage, "completed")
        assert result["started_at"].endswith("Z")
        assert result["completed_at"].endswith("Z")
        assert result["handle"].startswith("act:")
        assert "accepted" in ran.stderr


def test_a_dry_run_prints_the_request_and_sends_nothing(cftui: Run, simulator: SimulatorServer) -> None:
    vm = vm_that_is(simulator, "stopped")
    ran = cftui("resize", vm.name, "--cpu", "2", "--ram", "3", "--dry-run", "-o", "json")
    url = f"{simulator.url}/vms/{vm.id}/actions"
    body = {"type": "resize", "data": {"cpu": 2, "ram": 3}}
    request = {"vm_id": vm.id, "vm_name": vm.name, "method": "POST", "url": url, "body": body}
    assert ran.json == {"schema": "cftui/plan/1", "requests": [request]}
    assert ran.code == 0
    assert url in cftui("power-on", vm.name, "--dry-run").stdout
    assert simulator.ledger.posts == ()


def test_a_snapshot_is_named_after_its_journal_entry(cftui: Run, simulator: SimulatorServer) -> None:
    vm = vm_that_is(simulator, "running")
    ran = cftui("snapshot", vm.name, "--yes", "--no-wait")
    assert ran.code == 0
    handle = ran.stdout.strip()
    (body,) = bodies(simulator)
    assert isinstance(body, dict)
    assert body["name"].startswith(f"{vm.name}-20")
    assert body["name"].endswith(handle.removeprefix("act:"))


@pytest.mark.parametrize("arguments", [("--cpu", "1.5"), ("--ram", "-1"), ("--disk", "nan"), ()])
def test_a_resize_that_makes_no_sense_asks_nobody(
    cftui: Run, simulator: SimulatorServer, arguments: tuple[str, ...]
) -> None:
    ran = cftui("resize", "any", *arguments, "--yes")
    assert (ran.code, ran.stdout, simulator.ledger.requests) == (2, "", ())


def test_without_a_terminal_it_is_refused_unless_yes(cftui: Run, simulator: SimulatorServer) -> None:
    vm = vm_that_is(simulator, "running")
    ran = cftui("reboot", vm.name, stdin="y\n")
    assert (ran.code, ran.stdout, simulator.ledger.posts) == (2, "", ())
    assert "--yes" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"), [(("--yes",), "--expect-count 2"), (("--yes", "--expect-count", "3"), "2 VMs are meant")]
)
def test_several_targets_need_their_number(
    cftui: Run, simulator: SimulatorServer, arguments: tuple[str, ...], hint: str
) -> None:
    first, second = (simulator.cloud.add_vm(f"pair-{number}") for number in (1, 2))
    ran = cftui("reboot", first.name, second.id, *arguments)
    assert (ran.code, ran.stdout, simulator.ledger.posts) == (2, "", ())
    assert hint in ran.stderr


def test_targets_by_filter_by_list_and_twice_are_each_sent_once(cftui: Run, simulator: SimulatorServer) -> None:
    pair = [simulator.cloud.add_vm(f"pair-{number}") for number in (1, 2)]
    ran = cftui("reboot", "@pair-", "-", "--yes", "--expect-count", "2", stdin=f"{pair[0].id}\n\npair-2\n")
    assert ran.code == 0
    assert sorted(post.path.split("/")[-2] for post in simulator.ledger.posts) == sorted(vm.id for vm in pair)


def test_one_target_that_is_not_found_stops_all_of_them(cftui: Run, simulator: SimulatorServer) -> None:
    vm = vm_that_is(simulator, "running")
    twins = [simulator.cloud.add_vm("twin") for _ in range(2)]
    ran = cftui("reboot", vm.name, "nobody", "twin", "--yes", "--expect-count", "3")
    assert (ran.code, ran.stdout, simulator.ledger.posts) == (2, "", ())
    assert "'nobody'" in ran.stderr
    assert all(twin.id in ran.stderr for twin in twins)


def test_what_may_not_be_done_is_refused_with_its_reason_and_the_rest_is_done(
    cftui: Run, simulator: SimulatorServer
) -> None:
    stopped, running = vm_that_is(simulator, "stopped"), vm_that_is(simulator, "running")
    locked = simulator.cloud.add_vm("kept", locked=True)
    ran = cftui("shutdown", stopped.name, running.name, locked.name, "--yes", "--expect-count", "3", "-o", "json")
    assert ran.code == 1
    assert len(simulator.ledger.posts) == 1
    stages = {result["vm_name"]: (result["stage"], result["message"]) for result in ran.json["results"]}
    assert stages["plain-stopped"] == ("skipped", "it is stopped already")
    assert stages["kept"] == ("skipped", "locked by the provider")
    assert stages["plain-running"][0] == "verified"
    assert "it is stopped already" in ran.stderr


@pytest.mark.parametrize("arguments", [("resize", "{vm}", "--cpu", "1"), ("rename", "{vm}", "{vm}")])
def test_what_would_change_nothing_is_refused(
    cftui: Run, simulator: SimulatorServer, arguments: tuple[str, ...]
) -> None:
    vm = simulator.cloud.add_vm("same", status="stopped", vcpus=1)
    ran = cftui(*(word.format(vm=vm.name) for word in arguments), "--yes")
    assert (ran.code, simulator.ledger.posts) == (1, ())
    assert "already" in ran.stderr


@pytest.mark.parametrize("how", [("--read-only",), ()])
def test_read_only_sends_nothing_and_asks_nobody(cftui: Run, simulator: SimulatorServer, how: tuple[str, ...]) -> None:
    vm = vm_that_is(simulator, "running")
    ran = cftui("reboot", vm.name, "--yes", *how, env={} if how else {"CFTUI_READ_ONLY": "yes"})
    assert (ran.code, ran.stdout, simulator.ledger.requests) == (2, "", ())
    assert ("--read-only" if how else "CFTUI_READ_ONLY") in ran.stderr
    assert cftui("reboot", vm.name, "--dry-run", *how, env={} if how else {"CFTUI_READ_ONLY": "yes"}).code == 0


def test_an_action_that_errs_is_1(cftui: Run, simulator: SimulatorServer) -> None:
    vm = simulator.cloud.add_vm("broken-disk")
    ran = cftui("reboot", vm.name, "--yes", "-o", "json")
    assert (ran.code, ran.json["results"][0]["stage"]) == (1, "errored")


def test_a_rejection_is_1_and_says_the_clouds_words(cftui: Run, simulator: SimulatorServer) -> None:
    vm = vm_that_is(simulator, "running")
    simulator.faults.next("POST", status(422, '{"id": "unprocessable_entity", "message": "not \\u001b[2Jtoday"}'))
    ran = cftui("reboot", vm.name, "--yes", "-o", "json")
    assert (ran.code, ran.json["results"][0]["stage"]) == (1, "rejected")
    assert "today" in ran.json["results"][0]["message"]
    assert "\x1b" not in ran.stderr


def test_a_shutdown_that_the_system_ignores_is_5(cftui: Run, simulator: SimulatorServer) -> None:
    """It completes for the cloud, and the VM still runs when the time is over."""
    vm = simulator.cloud.add_vm("stubborn-one")
    ran = cftui("shutdown", vm.name, "--yes", "--timeout", "2.5", "-o", "json")
    assert (ran.code, ran.json["results"][0]["stage"]) == (5, "completed")


def test_an_action_that_does_not_end_is_5(start_simulator: StartSimulator, run: Run) -> None:
    simulator = start_simulator(quirks=["endless-actions"])
    vm = vm_that_is(simulator, "running")
    ran = run("reboot", vm.name, "--yes", "--timeout", "1", "-o", "json", env=account_of(simulator))
    assert (ran.code, ran.json["results"][0]["stage"]) == (5, "timed_out")


def test_a_reboot_without_any_action_list_is_5(start_simulator: StartSimulator, run: Run) -> None:
    simulator = start_simulator(quirks=["no-actions"])
    vm = vm_that_is(simulator, "running")
    ran = run("reboot", vm.name, "--yes", "-o", "json", env=account_of(simulator))
    assert (ran.code, len(simulator.ledger.posts)) == (5, 1)
    assert "cannot be verified" in ran.json["results"][0]["message"]


def test_a_lost_answer_is_6_and_is_sent_once(start_simulator: StartSimulator, run: Run) -> None:
    """Without an action list nothing can tell what became of a reboot."""
    simulator = start_simulator(quirks=["no-actions"])
    vm = vm_that_is(simulator, "running")
    simulator.faults.next("POST", reset(carried_out=True))
    ran = run("reboot", vm.name, "--yes", "--timeout", "2", "-o", "json", env=account_of(simulator))
    assert (ran.code, ran.json["results"][0]["stage"]) == (6, "unknown")
    assert len(simulator.ledger.posts) == 1


def test_a_journal_that_others_can_read_is_7_and_nothing_is_sent(cftui: Run, simulator: SimulatorServer) -> None:
    vm = vm_that_is(simulator, "running")
    cftui("reboot", vm.name, "--yes", "--no-wait")
    journal = Path(os.environ["XDG_STATE_HOME"], "cftui", "journal.sqlite3")
    journal.chmod(0o644)
    ran = cftui("reboot", simulator.cloud.add_vm("next").name, "--yes")
    assert (ran.code, ran.stdout, len(simulator.ledger.posts)) == (7, "", 1)
    assert "chmod 600" in ran.stderr


def test_a_wrong_password_sends_nothing(cftui: Run, simulator: SimulatorServer) -> None:
    ran = cftui("reboot", "web-01", "--yes", env={"CFTUI_PASSWORD": "wrong"})
    assert (ran.code, ran.stdout, simulator.ledger.posts) == (4, "", ())


def test_a_dead_cloud_is_3_and_sends_nothing(cftui: Run, simulator: SimulatorServer) -> None:
    simulator.refuse_connections()
    ran = cftui("reboot", "web-01", "--yes")
    assert (ran.code, ran.stdout, simulator.ledger.posts) == (3, "", ())
