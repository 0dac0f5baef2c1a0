"""Several requests a VM: safe power-off, guided resize, cold snapshot; what is asked, sent, told, and the exit code."""

from __future__ import annotations

import json
import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cftui.api import requests
from cftui.cli.confirming import order_words, wanted_answer
from cftui.cli.options import parse
from cftui.cli.planning import Prepared, check, order_of, type_of, workflow_of
from cftui.config.models import Choice, Settings
from cftui.errors import UsageError
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.order import Order
from cftui.operations.plan import Workflow, as_command, as_curls, make_plan
from cftui.operations.workflows import make_workflow
from cftui.simulator.faults import status
from cftui.simulator.server import SimulatorServer
from cftui.simulator.state import Vm
from tests.cli.conftest import Ran, Run, account_of
from tests.cli.test_terminal import OnTerminal
from tests.fleet.build import vm as row

BASE = "https://cloud.example/api/v1"


def sent_to(simulator: SimulatorServer, vm: Vm) -> list[str]:
    """The types of what was sent to a VM, in order."""
    posts = [post for post in simulator.ledger.posts if vm.id in post.path]
    return [json.loads(post.body)["type"] for post in posts]


def target_of(ran: Ran) -> tuple[str, str]:
    (target,) = ran.json["targets"]
    return target["state"], target["message"]


CASES: list[tuple[str, str, list[str], int, list[str], str]] = [
    ("plain-1", "running", ["off"], 0, ["shutdown"], "done"),
    ("plain-2", "stopped", ["off"], 0, [], "done"),
    ("stubborn-1", "running", ["off", "--timeout", "3"], 5, ["shutdown"], "failed"),
    ("stubborn-2", "running", ["off", "--force-after", "1"], 0, ["shutdown", "power_off"], "done"),
    ("broken-1", "running", ["off"], 1, ["shutdown"], "failed"),
    ("plain-3", "running", ["resize", "--ram", "5", "--guided"], 0, ["shutdown", "resize", "power_on"], "done"),
    ("plain-4", "stopped", ["resize", "--ram", "5", "--guided"], 0, ["resize"], "done"),
    ("stubborn-3", "running", ["resize", "--ram", "5", "--guided", "--timeout", "3"], 5, ["shutdown"], "failed"),
    ("plain-5", "running", ["snapshot", "--cold"], 0, ["shutdown", "snapshot", "power_on"], "done"),
]
"""Name and status of a VM, a command without it, the exit code, what is sent, and how it ends."""


def test_each_workflow_sends_what_its_vm_needs_and_no_more(cftui: Run, simulator: SimulatorServer) -> None:
    """Nine processes side by side, on one journal."""
    vms = [simulator.cloud.add_vm(name, status=status) for name, status, *_ in CASES]

    def act(vm: Vm, words: list[str]) -> Ran:
        return cftui(words[0], vm.id, *words[1:], "--yes", "-o", "json")

    with ThreadPoolExecutor(len(CASES)) as pool:
        ended = dict(zip([case[0] for case in CASES], pool.map(act, vms, [case[2] for case in CASES]), strict=True))
    for vm, (name, was, _, code, types, state) in zip(vms, CASES, strict=True):
        ran = ended[name]
        assert (ran.code, sent_to(simulator, vm)) == (code, types), ran
        assert [result["type"] for result in ran.json["results"]] == types, "one result a request, in order"
        assert target_of(ran)[0] == state
        if state == "done":
            is_off = types[-1:] in (["shutdown"], ["power_off"]) or was == "stopped"
            assert simulator.cloud.vm(vm.id).status == ("stopped" if is_off else "running")
    assert target_of(ended["plain-2"])[1] == "stopped already"
    assert target_of(ended["stubborn-1"])[1] == "shutdown completed, but the VM is still running"
    assert f"cftui power-off {vms[2].id} to cut its power" in ended["stubborn-1"].stderr
    assert "then its power is cut" in ended["stubborn-2"].stderr
    assert "shutdown errored: " in target_of(ended["broken-1"])[1]
    assert target_of(ended["stubborn-3"])[1].endswith("the VM is still running and still has RAM 2 GB")
    assert ended["plain-3"].json["type"] == "resize"


def test_a_guided_resize_stops_at_the_first_failure_and_says_how_the_vm_stands(
    cftui: Run, simulator: SimulatorServer
) -> None:
    vm = simulator.cloud.add_vm("one", memory=2)
    simulator.faults.next(lambda sent: b"resize" in sent.body, status(422, '{"message": "size is not available"}'))
    ran = cftui("resize", "one", "--ram", "4", "--guided", "--yes", "-o", "json")
    stands = "resize rejected: 422: size is not available; the VM is stopped and still has RAM 2 GB"
    assert (ran.code, target_of(ran)) == (1, ("failed", stands))
    assert f"one: {stands}." in ran.stderr
    for move in (f"cftui resize {vm.id} --ram 4 to try", f"cftui power-on {vm.id} to start it as it is", "or leave it"):
        assert move in ran.stderr
    assert simulator.cloud.vm(vm.id).status == "stopped"


def test_a_running_vm_is_not_resized_but_shown_the_way(cftui: Run, simulator: SimulatorServer) -> None:
    simulator.cloud.add_vm("one")
    ran = cftui("resize", "one", "--ram", "4", "--yes")
    assert (ran.code, simulator.ledger.posts) == (1, ())
    assert "--guided" in ran.stderr


def test_a_dry_run_shows_every_request_with_its_condition(cftui: Run, simulator: SimulatorServer) -> None:
    on, off = simulator.cloud.add_vm("on"), simulator.cloud.add_vm("off", status="stopped")
    words = ("resize", "on", "off", "--ram", "4", "--guided", "--force-after", "60", "--dry-run")
    planned = [(one["vm_id"], one["role"], one["body"]["type"]) for one in cftui(*words, "-o", "json").json["requests"]]
    assert planned == [
        (on.id, "stop", "shutdown"),
        (on.id, "force", "power_off"),
        (on.id, "always", "resize"),
        (on.id, "start", "power_on"),
        (off.id, "always", "resize"),
    ]
    assert simulator.ledger.posts == ()


def test_a_live_snapshot_is_warned_of(cftui: Run, simulator: SimulatorServer) -> None:
    simulator.cloud.add_vm("one")
    ran = cftui("snapshot", "one", "--yes")
    assert ran.code == 0
    assert "incomplete in the snapshot; --cold stops first" in ran.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("off a --no-wait", "half way"),
        ("resize a --ram 2 --guided --no-wait", "half way"),
        ("snapshot a --cold --no-wait", "half way"),
        ("resize a --ram 2 --force-after 9", "--guided"),
        ("snapshot a --force-after 9", "--cold"),
    ],
)
def test_what_contradicts_itself_is_refused(line: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check(parse(line.split()))


@pytest.mark.parametrize(
    "words", ["--in-flight 0", "--stop-after x", "--stagger -1", "--force-after 0", "--stagger inf"]
)
def test_an_order_that_makes_no_sense_is_usage(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["off", "a", *words.split()])
    assert ended.value.code == 2
    assert words.split()[0] in capsys.readouterr().err


def test_a_workflow_copied_as_a_command_is_the_same_one() -> None:
    order = Order(
        max_parallel=8,
        in_flight=10,
        is_canary=True,
        stop_after=2,
        stagger_s=1.5,
        force_after_s=90,
        end_limit_s=60,
        stop_limit_s=60,
        is_attended=False,
    )
    both = [row(), row("b", "web-2")]
    for workflow, request in (
        (Workflow.SAFE_OFF, None),
        (Workflow.GUIDED_RESIZE, requests.resize(cpu=2, ram_gb=1.5)),
        (Workflow.COLD_SNAPSHOT, requests.snapshot("before")),
    ):
        line = as_command(make_workflow(workflow, [(vm, request) for vm in both], base_url=BASE), order)
        options = parse(shlex.split(line)[1:])
        check(options)
        assert (workflow_of(options), order_of(options)) == (workflow, order)
        assert (options.targets, options.expect_count) == ([vm.id for vm in both], 2)
    assert as_command(make_workflow(Workflow.ESCALATING_REBOOT, [(row(), None)], base_url=BASE)).startswith("# ")
    named = [(vm, requests.snapshot(vm.name)) for vm in both]
    assert len(as_command(make_workflow(Workflow.COLD_SNAPSHOT, named, base_url=BASE)).splitlines()) == 2


def test_pasted_as_curl_a_workflow_cuts_no_power() -> None:
    plan = make_workflow(Workflow.SAFE_OFF, [(row(), None)], base_url=BASE)
    lines = as_curls(plan).splitlines()
    assert [line for line in lines if "power_off" in line and not line.startswith("#")] == []
    assert sum("curl" in line for line in lines) == len(plan.steps)
    assert "#" not in as_curls(make_plan([(row(), requests.simple(ActionType.REBOOT))], base_url=BASE))


def test_the_order_is_said_in_words() -> None:
    assert order_words(Order(is_canary=True, stop_after=2), 40) == (
        "1 alone, then 10 % (4), then the rest (35), no further than the first that goes wrong; "
        "4 requests at once; stops after 2 failures"
    )
    assert order_words(Order(max_parallel=1, in_flight=3, stagger_s=90), 2) == (
        "1 request at once; 3 VMs in progress at once; 90 s between two beginnings"
    )


LADDER: list[tuple[str, int, bool, str]] = [
    ("reboot a", 1, False, ""),
    ("reboot a", 1, True, "vm-1"),
    ("power-off a", 1, False, "vm-1"),
    ("password-reset a", 1, False, "vm-1"),
    ("off a", 1, False, ""),
    ("off a --force-after 60", 1, False, "vm-1"),
    ("resize a --disk 90 --guided", 1, False, "vm-1"),
    ("resize a --ram 9 --guided", 1, False, ""),
    ("reboot a b", 2, False, "2"),
    ("reboot a b", 2, True, "2 prod"),
    ("off a b --force-after 60", 2, False, "4"),
    ("off a b", 2, True, "2 prod"),
]
"""A command, how many VMs, whether the profile is production, and what has to be typed."""


@pytest.mark.parametrize(("line", "number", "is_production", "wanted"), LADDER)
def test_what_has_to_be_typed(line: str, number: int, is_production: bool, wanted: str) -> None:
    vms = [row(f"{index}a5b6c7d", f"vm-{index}") for index in range(1, number + 1)]
    assert wanted_answer(prepared(line, vms), choice(is_production), {vm.id: vm for vm in vms}) == wanted


def test_a_name_that_another_vm_has_is_typed_with_its_id() -> None:
    one, twin = row("5609f1ee", "twin"), row("b0b0b0b0", "TWIN")
    wanted = wanted_answer(prepared("power-off a", [one]), choice(False), {one.id: one, twin.id: twin})
    assert wanted == f"twin {one.id[:6]}"


def prepared(line: str, vms: list[VmRow]) -> Prepared:
    options = parse(line.split())
    type_, workflow = type_of(options), workflow_of(options)
    request = requests.simple(type_) if type_ is not ActionType.RESIZE else requests.resize(ram_gb=9)
    if options.disk:
        request = requests.resize(disk_gb=options.disk)
    if workflow is Workflow.NONE:
        plan = make_plan([(vm, request) for vm in vms], base_url=BASE)
    else:
        plan = make_workflow(workflow, [(vm, request) for vm in vms], base_url=BASE)
    return Prepared(options.command, type_, workflow, order_of(options), plan, ())


def choice(is_production: bool) -> Choice:
    return Choice(
        url=BASE,
        has_path=True,
        email="a@b.example",
        profile_name="prod" if is_production else "",
        profile=None,
        is_read_only=False,
        starts_read_only=False,
        is_production=is_production,
        settings=Settings(),
        sources={},
        notes=(),
    )


def test_several_in_production_are_confirmed_by_number_and_profile(simulator: SimulatorServer) -> None:
    """The question says who, who not, in which order, each request once, and what is left running."""
    for name in ("pair-1", "pair-2", "pair-3"):
        simulator.cloud.add_vm(name)
    simulator.cloud.add_vm("pair-4", locked=True)
    config = Path(os.environ["XDG_CONFIG_HOME"], "cftui", "config.toml")
    config.parent.mkdir(parents=True)
    profile = f'url = "{simulator.url}"\nemail = "user@example.com"\nproduction = true\n'
    config.write_text(f"poll_active_s = 1\n[profiles.live]\n{profile}")
    password = {"CFTUI_PASSWORD": account_of(simulator)["CFTUI_PASSWORD"]}
    arguments = ["off", "@pair-", "--canary", "--stop-after", "2", "--force-after", "60"]
    for answer, code in (("6", 2), ("6 live", 1)):
        terminal = OnTerminal(arguments, os.environ | password)
        terminal.wait_for("Type 6 live to send up to 6 requests: ")
        for part in (
            "off on 3 VMs at",
            "profile live PRODUCTION",
            "pair-4: off is not possible: locked by the provider.",
            "Skipped: 1 locked by the provider.",
            "Order: 1 alone, then 10 % (1), then the rest (1)",
            "stops after 2 failures",
            f'3 times POST {simulator.url}/vms/…/actions {{"type": "shutdown"}}',
            "only if the VM has not stopped 60 s after that",
            "3 of 4 pair-*; 1 other keeps running.",
        ):
            assert part in terminal.shown
        assert simulator.ledger.posts == ()
        terminal.type(f"{answer}\n")
        assert terminal.end() == code
    assert len(simulator.ledger.posts) == 3
    assert "4 VMs: 3 done, 1 skipped." in terminal.shown


def test_what_was_typed_before_the_question_confirms_nothing(simulator: SimulatorServer) -> None:
    simulator.cloud.add_vm("one")
    terminal = OnTerminal(["reboot", "one"], os.environ | account_of(simulator))
    terminal.type("y\ny\n")
    terminal.wait_for("[y/N]")
    terminal.type("n\n")
    assert terminal.end() == 2
    assert simulator.ledger.posts == ()
