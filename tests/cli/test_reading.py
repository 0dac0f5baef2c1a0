"""`vms`, `vm`, `actions`, `config`, `profile`: what is printed, and how it fails."""

import csv
import io
import json
import os

import pytest

from cftui.config.folders import config_path, state_dir
from cftui.config.views import SavedView, keep_view
from cftui.simulator.server import SimulatorServer
from tests.cli.conftest import Run, account_of
from tests.conftest import StartSimulator

_CONTROLS = set(map(chr, [*range(32), *range(0x7F, 0xA0)])) - {"\r", "\n"}

DOCUMENTS_VM = "5609f1ee1b0c4d2da622737b5ca25e6c"


def test_vms_prints_a_table_to_stdout_and_nothing_else(cftui: Run, simulator: SimulatorServer) -> None:
    ran = cftui("vms")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.lines[0].split() == ["NAME", "STATUS", "CPU", "RAM", "GB", "DISK", "GB", "ADDRESS", "REGION", "ID"]
    assert [line.split()[-1] for line in ran.lines[1:]] == [vm.id for vm in simulator.cloud.vms()]
    assert "\x1b" not in ran.stdout


def test_vms_as_json_has_the_apis_keys_and_numbers(cftui: Run) -> None:
    document = cftui("vms", "-o", "json").json
    assert document["schema"] == "cftui/vms/1"
    vm = next(vm for vm in document["vms"] if vm["id"] == DOCUMENTS_VM)
    assert {"id", "name", "memory", "vcpus", "disk", "locked", "created_at", "status", "snapshot_ids"} <= vm.keys()
    assert {"backup_ids", "image", "features", "networks", "region"} <= vm.keys()
    assert [type(vm[key]) for key in ("memory", "vcpus", "disk", "locked")] == [int, int, int, bool]


def test_vms_as_lines_names_and_csv_agree(cftui: Run) -> None:
    as_lines = [json.loads(line) for line in cftui("vms", "-o", "jsonl").lines]
    names = cftui("vms", "-o", "name").lines
    table = cftui("vms", "-o", "csv", "--columns", "name,id").stdout
    assert [vm["name"] for vm in as_lines] == names
    assert table.count("\r\n") == table.count("\n") == 21
    rows = list(csv.reader(io.StringIO(table)))
    assert rows[0] == ["name", "id"]
    assert rows[1:] == [[vm["name"], vm["id"]] for vm in as_lines]


def test_options_count_before_and_after_the_command(cftui: Run) -> None:
    assert cftui("-o", "name", "vms").stdout == cftui("vms", "-o", "name").stdout != ""


def test_vms_filters_by_all_words(cftui: Run, simulator: SimulatorServer) -> None:
    stopped = {vm.name for vm in simulator.cloud.vms() if vm.status == "stopped"}
    assert set(cftui("vms", "status:stopped", "-o", "name").lines) == stopped
    none = cftui("vms", "no-such-thing")
    assert (none.code, none.stderr) == (0, "No VM passes; there are 20 VMs.\n")


def test_vms_shows_a_saved_view_in_its_order(cftui: Run, simulator: SimulatorServer) -> None:
    state = state_dir(os.environ)
    keep_view(state, "big", SavedView("worker|k8s", "name", is_reversed=True))
    config_path(os.environ).write_text('[views]\nresting = "is:stopped"\n')
    wanted = sorted((vm.name for vm in simulator.cloud.vms() if vm.name.startswith(("worker", "k8s"))), reverse=True)
    assert cftui("vms", "--view", "big", "-o", "name").lines == wanted
    assert cftui("vms", "worker", "--view", "resting", "-o", "name").lines == ["worker-02"]
    ran = cftui("vms", "--view", "bigg")
    assert (ran.code, ran.stdout) == (2, "")
    assert "There is no view 'bigg'; did you mean 'big'?" in ran.stderr


def test_vms_knows_what_is_in_progress(start_simulator: StartSimulator, run: Run) -> None:
    """`act:` needs the history; it is read only then."""
    simulator = start_simulator(quirks=["endless-actions"])
    simulator.cloud.start_foreign_action(DOCUMENTS_VM, "snapshot", name="x")
    ran = run("vms", "act:running", "-o", "name", env=account_of(simulator))
    assert ran.lines == [simulator.cloud.vm(DOCUMENTS_VM).name]
    asked = simulator.ledger.count(path="/actions")
    run("vms", env=account_of(simulator))
    assert simulator.ledger.count(path="/actions") == asked > 0


@pytest.mark.parametrize("filter_", ["regoin:moscow", "/unfinished", "cpu>x"])
def test_a_filter_that_cannot_be_read_asks_nobody(cftui: Run, simulator: SimulatorServer, filter_: str) -> None:
    ran = cftui("vms", filter_)
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("cftui: ")
    assert simulator.ledger.requests == ()


def test_a_column_that_does_not_exist_names_those_that_do(cftui: Run) -> None:
    ran = cftui("vms", "--columns", "name,sise")
    assert ran.code == 2
    assert "'sise'" in ran.stderr
    assert "vcpus" in ran.stderr


def test_vm_shows_everything_of_one(cftui: Run) -> None:
    document = cftui("vm", DOCUMENTS_VM[:8], "-o", "json").json
    (vm,) = document["vms"]
    assert vm["id"] == DOCUMENTS_VM
    assert vm["image"]["name"]
    assert vm["networks"]["v4"][0]["ip_address"]
    table = cftui("vm", DOCUMENTS_VM)
    assert table.code == 0
    assert "created_at" in table.stdout


def test_names_that_mean_several_list_the_candidates(cftui: Run, simulator: SimulatorServer) -> None:
    first, second = (simulator.cloud.add_vm("twin") for _ in range(2))
    ran = cftui("vm", "twin")
    assert (ran.code, ran.stdout) == (2, "")
    assert first.id in ran.stderr
    assert second.id in ran.stderr


def test_actions_lists_the_clouds_history_newest_first(cftui: Run, simulator: SimulatorServer) -> None:
    begun = simulator.cloud.start_foreign_action(DOCUMENTS_VM, "reboot")
    document = cftui("actions", DOCUMENTS_VM, "--type", "reboot", "-o", "json").json
    assert document["schema"] == "cftui/actions/1"
    times = [action["started_at"] for action in document["actions"]]
    assert times == sorted(times, reverse=True)
    assert {action["type"] for action in document["actions"]} == {"reboot"}
    assert {action["vm_id"] for action in document["actions"]} == {begun.vm_id}
    assert cftui("actions", "--status", "no-such-status").lines[1:] == []


def test_actions_without_any_list_says_so(start_simulator: StartSimulator, run: Run) -> None:
    simulator = start_simulator(quirks=["no-actions"])
    ran = run("actions", DOCUMENTS_VM, env=account_of(simulator))
    assert (ran.code, ran.stderr) == (0, "This cloud lets no actions be read.\n")


def test_the_other_base_path_is_found_and_said(start_simulator: StartSimulator, run: Run) -> None:
    simulator = start_simulator(quirks=["account-html"])
    origin = simulator.url.removesuffix("/api/v1")
    ran = run("vms", "-o", "name", env=account_of(simulator, CFTUI_URL=origin))
    assert ran.code == 0
    assert len(ran.lines) == 20
    assert ran.stderr == f"No API under {origin}/api/v1; using {origin}/v1.\n"


def test_a_wrong_password_is_4_and_is_asked_once(cftui: Run, simulator: SimulatorServer) -> None:
    ran = cftui("vms", env={"CFTUI_PASSWORD": "wrong"})
    assert (ran.code, ran.stdout) == (4, "")
    assert "refused the e-mail and password" in ran.stderr
    assert len(simulator.ledger.requests) == 1


def test_a_dead_host_is_3(run: Run, simulator: SimulatorServer) -> None:
    env = account_of(simulator)
    simulator.refuse_connections()
    ran = run("vms", env=env)
    assert (ran.code, ran.stdout) == (3, "")
    assert "connection refused" in ran.stderr


def test_a_web_page_is_3(start_simulator: StartSimulator, run: Run) -> None:
    ran = run("vms", env=account_of(start_simulator(quirks=["account-html"])))
    assert (ran.code, ran.stdout) == (3, "")
    assert len(ran.stderr.splitlines()) <= 2


def test_hostile_names_reach_no_terminal(start_simulator: StartSimulator, run: Run) -> None:
    """Tables and CSV show escapes; JSON keeps the name and is ASCII."""
    simulator = start_simulator(vms=0)
    names = ["[/]", "\x1b]52;c;RVZJTA==\x07", "a\u202egnp.exe", "\x9b2J", "line\nfeed", '=cmd|"x"']
    for name in names:
        simulator.cloud.add_vm(name)
    table, listed = run("vms", env=account_of(simulator)), run("vms", "-o", "csv", env=account_of(simulator))
    for printed in (table.stdout, listed.stdout):
        assert "[/]" in printed
        assert not any(char in _CONTROLS for char in printed)
        assert "\u202e" not in printed
    assert len(table.lines) == 1 + len(names)
    document = run("vms", "-o", "json", env=account_of(simulator))
    assert document.stdout.isascii()
    assert [vm["name"] for vm in document.json["vms"]] == names


def test_actions_are_all_that_the_cloud_has(cftui: Run, simulator: SimulatorServer) -> None:
    assert len(cftui("actions", "-o", "jsonl").lines) == len(simulator.cloud.actions())
    of_one = len(simulator.cloud.actions(DOCUMENTS_VM))
    assert len(cftui("actions", DOCUMENTS_VM, "-o", "jsonl").lines) == of_one > 0
