"""An action in words: the outcome first, then time, then the reason; never a percent, never done before it was seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cftui.fleet.estimates import Estimates
from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionRow, Phase
from cftui.tui.glyphs import UNICODE
from cftui.tui.telling import Moment, asked, bar, doing, is_in_progress, progress, squares, told
from tests.tui.conftest import entry
from tests.tui.stage import vm


def learned(*seconds: float) -> Estimates:
    return Estimates.learn(
        ActionRow(f"vm{n}", "reboot", "completed", Phase.SUCCEEDED, "t", 0.0, "t", took, "", "", "")
        for n, took in enumerate(seconds)
    )


USUAL = learned(*[45.0] * 7, 70.0, 70.0, 70.0)


def at(seconds: float, estimates: Estimates = USUAL, *, is_live: bool = True) -> Moment:
    return Moment(1000.0 + seconds, estimates, UNICODE, is_live)


@pytest.mark.parametrize(
    ("stage", "changes", "squares_", "word", "text"),
    [
        (Stage.ACCEPTED, {}, "■□□", "in progress", "12 s of usually 45 s"),
        (
            Stage.VERIFIED,
            {"type": "rename", "body": '{"type": "rename", "name": "db-9"}'},
            "■■■",
            "verified",
            "12 s  db-9",
        ),
        (Stage.COMPLETED, {}, "■■–", "completed", "12 s  cannot be verified on the VM"),
        (Stage.COMPLETED, {"is_own": False, "type": "resize"}, "■■–", "completed", "12 s"),
        (Stage.COMPLETED, {"type": "shutdown"}, "■■□", "completed", "but the VM does not show it"),
        (Stage.COMPLETED, {"type": "shutdown", "is_settled": False}, "■■□", "completed", "looking for it on the VM"),
        (Stage.ERRORED, {}, "■×□", "failed", "after 12 s; the API gave no reason"),
        (Stage.REJECTED, {"message": "422: name is already used"}, "×□□", "rejected", "422: name is already used"),
        (Stage.NOT_SENT, {"message": "connection refused"}, "×□□", "not sent", "connection refused"),
        (Stage.UNKNOWN, {}, "?□□", "unknown", "no answer came; looking it up, 12 s. Do not repeat"),
        (
            Stage.UNKNOWN,
            {"message": "Server error 500: \x1b[2J oops"},
            "?□□",
            "unknown",
            "server error 500; looking it up, 12 s. Do not repeat",
        ),
        (Stage.TIMED_OUT, {}, "■□□", "no end seen", "after 12 s; it may still be running"),
    ],
)
def test_stages(stage: Stage, changes: dict[str, Any], squares_: str, word: str, text: str) -> None:
    action = entry(stage, **changes)
    said = told(action, at(12))
    assert (squares(action, UNICODE), said.word, said.text) == (squares_, word, text)


def test_progress_past_the_usual_is_slow_and_says_so() -> None:
    usual = USUAL.usual("reboot")
    assert usual is not None
    late = at(usual.slow_s + 8)
    assert told(entry(), late).glyph == "▲"
    assert "slow: usually under" in progress(entry(), late)
    assert "%" not in progress(entry(), late)


def test_past_the_usual_it_is_told_under_what_it_usually_is() -> None:
    assert progress(entry(), at(78)) == "78 s, slow: usually under 70 s"
    assert progress(entry(), at(78), is_narrow=True) == "78 s, usual <70 s"
    assert progress(entry(), at(70)) == "70 s of usually 45 s"
    assert told(entry(), at(78)).ink == "warn"


def test_what_is_usual_is_that_of_vms_like_its_own() -> None:
    """Nine of one size in one region took 45 s, and five in another region 10 s."""
    here = [vm(number=number) for number in range(9)]
    there = [vm(number=number, region="spb_01", ram_gb=2) for number in range(20, 25)]
    rows = {row.id: row for row in (*here, *there)}
    done = [
        ActionRow(row.id, "reboot", "completed", Phase.SUCCEEDED, "t", 0.0, "t", took, row.region, "", "")
        for row, took in (*((row, 45.0) for row in here), *((row, 10.0) for row in there))
    ]
    moment = replace(at(5, Estimates.learn(done, rows)), vms=rows)
    assert progress(entry(vm_id=here[0].id), moment) == "5 s of usually 45 s"
    assert progress(entry(vm_id=there[0].id), moment) == "5 s of usually 10 s"
    assert progress(entry(vm_id="gone"), moment) == "5 s of usually 45 s"
    usual = moment.usual(entry(vm_id=there[0].id))
    assert usual is not None
    assert usual.learned_from == "this size in spb_01, 5 times"


def test_without_enough_samples_there_is_no_bar_and_no_guess() -> None:
    assert progress(entry(), at(12, Estimates.EMPTY)) == "12 s"
    assert bar(entry(), at(12, Estimates.EMPTY), 14) == []


def test_a_bar_is_elapsed_over_usual_stops_full_and_ends_in_a_sign() -> None:
    def drawn(seconds: float) -> str:
        return "".join(part.text for part in bar(entry(), at(seconds), 10))

    assert drawn(0) == "─" * 10
    assert drawn(22.5) == "━" * 5 + "─" * 5
    assert drawn(50) == "━" * 10
    assert drawn(500) == "━" * 9 + "▲"


def test_what_is_unknown_has_no_bar_and_is_not_in_progress() -> None:
    action = entry(Stage.UNKNOWN)
    assert bar(action, at(30), 14) == []
    assert not is_in_progress(action)
    assert told(action, at(30), is_narrow=True).text == "do not repeat; looked up for 30 s"


def test_offline_nothing_is_said_to_go_on() -> None:
    assert told(entry(), at(12, is_live=False)).text == "last seen 12 s in"
    assert bar(entry(), at(12, is_live=False), 14) == []


def test_a_failure_nobody_looked_at_has_its_colour_and_loses_it_when_seen() -> None:
    action = entry(Stage.ERRORED)
    assert doing(action, at(12), is_seen=False)[0].ink == "bad"
    assert doing(action, at(12), is_seen=True)[0].ink == "muted"
    assert doing(action, at(12), is_seen=True)[0].text == "× reboot failed"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"type": "resize", "resource": "ram", "size": 32}', "RAM → 32 GB"),
        ('{"type": "resize", "data": {"cpu": 4, "disk": 80}}', "CPU → 4, DISK → 80 GB"),
        ('{"type": "rename", "name": "db\\u001b[2J"}', r"db\x1b[2J"),
        ('{"type": "reboot"}', ""),
        ("no JSON", ""),
        ("[]", ""),
    ],
)
def test_what_was_asked_for(body: str, words: str) -> None:
    assert asked(entry(Stage.VERIFIED, body=body), UNICODE) == words


def test_texts_of_the_cloud_are_cleaned() -> None:
    said = told(entry(Stage.ERRORED, message="\x1b]52;c;aGk=\x07[/]"), at(12))
    assert said.text == r"after 12 s; \x1b]52;c;aGk=\x07[/]"
