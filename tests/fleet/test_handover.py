"""The handover of a shift: what is open first, then what needs eyes, then everything, whatever VMs are called."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cftui.fleet.handover import Shift, cell, handover
from cftui.fleet.history import HistoryEntry, Stage
from tests.fleet.build import entry

UNTIL = datetime(2026, 11, 24, 6, 10, tzinfo=UTC)
SHIFT = Shift(UNTIL - timedelta(hours=3), UNTIL, "staging", "ops@example.com", "cloud.example", "alice on jump-1")
HOSTILE = [
    "a|b",
    "`x`|",
    "two\nlines",
    "\\",
    "a\\|b",
    "\\\\|",
    "<script>",
    "[x](http://y)",
    "**b**",
    "\x1b]0;t\x07",
    "_e_",
    "&#124;",
]


def acted(name: str, minutes: float, stage: Stage, *, took_s: float | None = 34, **changes: object) -> HistoryEntry:
    """An action that began so many minutes before the shift's end."""
    started = UNTIL.timestamp() - minutes * 60
    ended = None if took_s is None else started + took_s
    made = entry(stage, is_settled=took_s is not None)
    changed = {"id": name + str(minutes), "vm_id": name, "vm_name": name, "started": started, "ended": ended}
    return replace(made, **changed | changes)  # type: ignore[arg-type]


def rows_of(document: str, section: str) -> list[list[str]]:
    """The cells of a section's rows, as a renderer splits them: at bars that nothing escapes."""
    part = document.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[found.strip() for found in re.findall(r"\|((?:\\.|[^|\\])*)(?=\|)", line)] for line in lines]


def shown(text: str) -> str:
    """A cell as a renderer shows it."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


def test_what_is_open_stands_first_then_what_needs_eyes_then_everything_oldest_first() -> None:
    document = handover(
        [
            acted("web-01", 5, Stage.ACCEPTED, took_s=None),
            acted("web-02", 90, Stage.VERIFIED, type="resize", message="RAM 16 → 32 GB"),
            acted("web-03", 60, Stage.ERRORED, took_s=12),
            acted("web-04", 400, Stage.UNKNOWN, took_s=None, message="no answer came"),
            acted("web-05", 400, Stage.ERRORED),
            acted("web-06", 30, Stage.COMPLETED, is_own=False),
            acted("web-07", 20, Stage.COMPLETED, type="shutdown"),
        ],
        {},
        SHIFT,
    )
    assert document.startswith(
        "# Handover staging\n\n"
        "- account: ops@example.com at cloud.example\n"
        "- from 2026-11-24 03:10 to 06:10 UTC (UTC+00:00)\n"
        "- by alice on jump-1\n"
        "- 5 actions from here, 1 of others; 2 still open, 2 to look at\n"
    )
    assert re.findall("^## (.*)$", document, re.MULTILINE) == [
        "Still open",
        "Needs eyes",
        "Timeline",
    ]
    assert rows_of(document, "Still open") == [
        ["11-23 23:30:00", "web-04", "reboot", "here", "6 h 40 m so far", "unknown", "no answer came"],
        ["06:05:00", "web-01", "reboot", "here", "5 m 00 s so far", "in progress", "–"],
    ]
    assert rows_of(document, "Needs eyes") == [
        ["05:10:00", "web-03", "reboot", "here", "12 s", "failed", "the API gave no reason"],
        ["05:50:00", "web-07", "shutdown", "here", "34 s", "completed, not seen on the VM", "–"],
    ]
    timeline = rows_of(document, "Timeline")
    assert [row[1] for row in timeline] == ["web-04", "web-02", "web-03", "web-06", "web-07", "web-01"]
    assert timeline[1] == ["04:40:00", "web-02", "resize", "here", "34 s", "verified", "RAM 16 → 32 GB"]
    assert timeline[3][3] == "others"


def test_a_run_has_one_line_with_its_counts_and_calls_its_failures_by_name() -> None:
    run = [acted(f"web-{n:02}", 50 - n / 10, Stage.VERIFIED) for n in range(20)]
    run += [acted("db-01", 47, Stage.ERRORED), acted("db-02", 46, Stage.UNKNOWN, message="no answer came")]
    run += [acted(f"late-{n}", 45, Stage.NOT_SENT, message="the run was stopped") for n in range(3)]
    alone = acted("alone", 10, Stage.VERIFIED)
    document = handover([*run, alone], {one.id: "plan" for one in run} | {alone.id: "other"}, SHIFT)
    first, second = rows_of(document, "Timeline")
    assert first[1:4] == ["25 VMs", "reboot", "here"]
    assert first[5:] == ["20 ok, 1 failed, 1 unknown, 3 not sent", "db-01, db-02"]
    assert second[1] == "alone"
    assert [row[1] for row in rows_of(document, "Needs eyes")] == ["db-01"]
    assert [row[1] for row in rows_of(document, "Still open")] == ["db-02"]


def test_steps_of_a_workflow_on_one_vm_stay_apart() -> None:
    steps = [acted("web-01", 9, Stage.VERIFIED, type="shutdown"), acted("web-01", 8, Stage.VERIFIED, type="resize")]
    document = handover(steps, {one.id: "plan" for one in steps}, SHIFT)
    assert [row[2] for row in rows_of(document, "Timeline")] == ["shutdown", "resize"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_in_its_cell_and_means_nothing_but_itself(name: str) -> None:
    made = acted("x", 9, Stage.ERRORED, vm_name=name, message=name, type=name)
    (row,) = rows_of(handover([made], {}, replace(SHIFT, profile=name, account=name, who=name)), "Timeline")
    plain = name.replace("\n", r"\x0a").replace("\x1b", r"\x1b").replace("\x07", r"\x07")
    assert [shown(row[index]) for index in (1, 2, 6)] == [plain] * 3
    assert len(row) == 7
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", cell(name))
    assert not set("|`*<>[]&~") & set(bare)


def test_underscores_inside_words_stay_readable() -> None:
    assert cell("power_cycle") == "power_cycle"
    assert cell("moscow_01 _x_") == r"moscow_01 \_x\_"


def test_a_shift_in_which_nothing_happened_says_so() -> None:
    document = handover([], {}, replace(SHIFT, profile="", account="", host=""))
    assert document.startswith("# Handover\n\n- from 2026-11-24")
    assert document.count("Nothing.") == 3


def test_times_that_no_calendar_holds_are_told_as_that() -> None:
    odd = acted("web-01", 0, Stage.VERIFIED, started=1e18, ended=0.0)
    assert rows_of(handover([odd], {}, SHIFT), "Timeline")[0][0] == "odd time"
