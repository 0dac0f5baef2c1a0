"""Nothing hostile reaches a terminal: the command line's tables, listings, errors and questions, byte by byte."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Iterator

import pytest

from cftui.api import requests
from cftui.cli.options import parse
from cftui.fleet.rows import ActionType
from cftui.operations.plan import as_command, as_curl, make_plan
from tests.faults.command_lines import Came, Clouds, hostile_clouds, run_table
from tests.faults.hostile import ALL, MARK, NAMES
from tests.faults.tokens import forbidden, text_of
from tests.tui.stage import vm

pytestmark = pytest.mark.fault("S6")


@pytest.fixture(scope="module")
def clouds() -> Iterator[Clouds]:
    with hostile_clouds() as running:
        yield running


@pytest.fixture(scope="module")
def came(clouds: Clouds, tmp_path_factory: pytest.TempPathFactory) -> Came:
    return run_table(clouds, tmp_path_factory.mktemp("home"))


@pytest.mark.fault("S1", "S2", "S3", "S21", "50")
def test_no_command_lets_anything_through(came: Came) -> None:
    """Line breaks alone; and in CSV the carriage returns before them."""
    wrong = []
    for what, (line, ended) in came.items():
        ends = {"C0 LF", "C0 CR"} if "csv" in line.args else {"C0 LF"}
        for stream, content in (("stdout", ended.stdout), ("stderr", ended.stderr)):
            wrong += [f"{what}, {stream}: {found}" for found in forbidden(content, ends)]
            if b"Traceback" in content or (ended.code in (70, 99) and what != "a bug"):
                wrong.append(f"{what}: crashed: {content[-400:]!r}")
        if b"\n" in ended.stdout.replace(b"\r\n", b"") and "csv" in line.args:
            wrong.append(f"{what}: a line break inside a cell")
    assert not wrong, "\n".join(wrong)


def test_what_is_hostile_is_shown_all_the_same(came: Came) -> None:
    """Nothing was merely left out: each place that tells of hostile text tells of it as escapes."""
    silent = {"answer: 401", "journal name", "spoilt journal name", "a bug", "vms json"}
    silent |= {
        f"typed: {what}" for what in ("new name", "snapshot of an odd name", "filter key", "a filter that several pass")
    }
    shown = {what: text_of(ended.stdout + ended.stderr) for what, (_, ended) in came.items() if what not in silent}
    no_head = {what for what, text in shown.items() if "without a whole answer" in text}  # h11 reads no such head
    assert no_head <= {
        "answer: a redirect",
        "answer: a redirect to C1",
        "answer: a redirect to no host",
        "answer: a broken head",
    }
    missing = [
        what for what, text in shown.items() if not any(sign in text for sign in ("\\x1b", "\\u001b", "\\udcff"))
    ]
    assert set(missing) - no_head <= {"answer: no JSON", "answer: a list of another kind"}


@pytest.mark.fault("S4")
def test_a_name_without_end_leaves_room_for_the_rest(came: Came) -> None:
    """A table cuts it, a sentence too; JSON keeps it whole."""
    table = came["vms table"][1].stdout.decode().splitlines()
    assert len(table) == 1 + len(ALL)
    assert max(map(len, table)) < 400
    assert sum(line.count("\u0301") for line in table) <= 16
    assert all(line.split()[-1].isalnum() and len(line.split()[-1]) == 32 for line in table[1:])


@pytest.mark.fault("S8", "S5")
def test_json_reads_back_as_it_was(came: Came) -> None:
    """One document, or one record a line, in ASCII; raw and not escaped twice."""
    assert [vm["name"] for vm in json.loads(came["vms json"][1].stdout)["vms"]] == list(ALL)
    lines = came["vms jsonl"][1].stdout.splitlines(keepends=True)
    assert all(line.endswith(b"\n") and line.isascii() for line in lines)
    assert [json.loads(line)["name"] for line in lines] == list(ALL)
    (odd,) = map(json.loads, came["vm jsonl"][1].stdout.splitlines())
    assert {odd[key] for key in ("name", "status", "region", "created_at")} == {MARK}
    assert (odd["image"]["name"], odd["networks"]["v4"][0]["gateway"], odd["features"]) == (MARK, MARK, [MARK])
    for name in ("journal jsonl", "spoilt journal jsonl", "refused"):
        for line in came[name][1].stdout.splitlines():
            assert isinstance(json.loads(line)["vm_name"], str)
    told = {
        json.loads(line)["vm_name"].removeprefix(MARK) for line in came["spoilt journal jsonl"][1].stdout.splitlines()
    }
    assert told <= {name.encode("utf-8", "backslashreplace").decode() for name in ALL}  # no half character in SQLite


@pytest.mark.fault("S7")
def test_csv_reads_back_and_computes_nothing_when_asked(came: Came) -> None:
    plain, inert = (
        [row[0] for row in csv.reader(io.StringIO(came[f"vms {form}"][1].stdout.decode(), newline=""), strict=True)][1:]
        for form in ("csv", "excel")
    )
    assert len(plain) == len(inert) == len(ALL)
    at = {name: ALL.index(name) for name in NAMES["S7"]}
    assert [plain[place] for place in at.values()] == list(at)
    assert [inert[place] for place in at.values()] == [f"'{name}" if name[0] in "=+-@" else name for name in at]
    assert not [cell for cell in inert if cell[0] in "=+-@\t\r\n＝＋－＠"]


@pytest.mark.parametrize("args", [["vms", "--excel"], ["vms", "-o", "json", "--excel"]])
def test_excel_is_a_kind_of_csv(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(args)
    assert ended.value.code == 2
    assert "--excel goes with -o csv" in capsys.readouterr().err


ODD_IDS = [
    "@status:running",
    "-",
    "--yes",
    "-x",
    "a\nb",
    "a\x1b[201~b",
    "\ud800",
    "a b",
    "é",
    "a'b",
    "$HOME",
    "`x`",
    "#",
    "a;b",
]


@pytest.mark.parametrize("vm_id", ODD_IDS, ids=ascii)
def test_a_copied_command_means_the_vm_or_nothing(vm_id: str) -> None:
    row = vm()._replace(id=vm_id)
    plan = make_plan([(row, requests.simple(ActionType.REBOOT))], base_url="https://cloud.example/api/v1")
    assert as_command(plan).startswith("# ")
    for text in (as_command(plan), as_curl(plan.steps[0])):
        assert text.isprintable()
        assert text.isascii()
    assert shlex.split(as_curl(plan.steps[0]))[-1].startswith("https://cloud.example/api/v1/vms/")


@pytest.mark.parametrize("name", ["--yes", "-x", "a b", "'; reboot x #", "$HOME {name}", "[/]"])
def test_a_copied_command_gives_the_name_that_was_confirmed(name: str) -> None:
    rename = make_plan([(vm(), requests.rename(name))], base_url="https://cloud.example/api/v1")
    options = parse(shlex.split(as_command(rename))[1:])
    assert (options.targets, options.new_name, options.yes) == ([vm().id], name, False)
    plan = make_plan([(vm(), requests.snapshot(name))], base_url="https://cloud.example/api/v1")
    if "{" in name:  # `--name` is a template, which has no way to say a brace
        assert as_command(plan).startswith("# ")
    else:
        assert parse(shlex.split(as_command(plan))[1:]).name == name


def test_steps_that_differ_are_commands_of_their_own() -> None:
    sizes = [(vm(), requests.resize(cpu=2)), (vm("b", 2), requests.resize(cpu=4))]
    lines = as_command(make_plan(sizes, base_url="https://cloud.example/api/v1")).splitlines()
    assert [parse(shlex.split(line)[1:]).cpu for line in lines] == [2, 4]
