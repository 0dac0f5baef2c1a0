from __future__ import annotations

from dataclasses import replace

import pytest

from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionType, Power
from cftui.fleet.rules import Rung, availability, description, is_verifiable, rung, usual_limit_s, warnings
from tests.fleet.build import entry, vm

ON, OFF, ODD = vm(status="running"), vm(status="stopped"), vm(status="suspended")
CHANGING = ODD._replace(power=Power.CHANGING, status="stopping\x1b]0;x\x07")


def refused(**changes: object) -> dict[str, str]:
    row = changes.pop("row", ON)
    told = availability(row, **changes)  # type: ignore[arg-type]
    return {one.type.value: f"{one.reason} → {one.way_out}" for one in told if not one.is_allowed}


@pytest.mark.parametrize("row", [ON, OFF, ODD, CHANGING])
def test_all_nine_are_always_listed_in_the_documents_order(row: object) -> None:
    told = availability(row)  # type: ignore[arg-type]
    assert [one.type for one in told] == list(ActionType)
    assert all(one.is_allowed == (not one.reason) for one in told)


def test_a_running_vm_cannot_be_powered_on_or_resized() -> None:
    assert refused(row=ON) == {
        "power_on": "it is running already → ",
        "resize": "must be powered off first → 2 does it",
    }


def test_a_stopped_vm_cannot_be_stopped_or_restarted() -> None:
    assert refused(row=OFF) == {
        "reboot": "it is stopped → power it on: n",
        "power_cycle": "it is stopped → power it on: n",
        "shutdown": "it is stopped already → ",
        "power_off": "it is stopped already → ",
    }


def test_an_unknown_status_contradicts_nothing() -> None:
    assert refused(row=ODD) == {}


def test_a_vm_that_is_changing_is_not_off_yet_and_its_word_is_cleaned() -> None:
    told = refused(row=CHANGING)
    assert list(told) == ["resize"]
    assert told["resize"].isprintable()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"row": vm(locked=True)}, "locked by the provider → "),
        ({"is_read_only": True}, "read-only → :rw 10m"),
        ({"is_read_only": True, "locked_by": "profile 'prod'"}, "read-only, by profile 'prod' → "),
        ({"not_live_reason": "offline"}, "offline → "),
        ({"doing": entry()}, "reboot is in progress → follow it: t"),
        ({"doing": entry(is_own=False)}, "reboot is in progress, not from here → follow it: t"),
        ({"doing": entry(Stage.SENDING)}, "reboot is being sent → follow it: t"),
        (
            {"doing": entry(Stage.UNKNOWN)},
            "the outcome of reboot is not known yet; looking it up → do not repeat it",
        ),
    ],
)
def test_some_things_block_all_nine(changes: dict[str, object], reason: str) -> None:
    assert refused(**changes) == {type_.value: reason for type_ in ActionType}


@pytest.mark.parametrize("stage", [Stage.ERRORED, Stage.TIMED_OUT, Stage.VERIFIED, Stage.NOT_SENT])
def test_what_has_ended_blocks_nothing(stage: Stage) -> None:
    assert refused(row=ODD, doing=entry(stage)) == {}
    assert refused(row=ODD, doing=replace(entry(Stage.UNKNOWN), is_settled=True)) == {}


LIGHT = ["power_on", "reboot", "shutdown", "rename", "snapshot", "resize"]
HEAVY = ["power_off", "power_cycle", "password_reset"]


@pytest.mark.parametrize("type_", [*LIGHT, *HEAVY])
def test_the_ladder(type_: str) -> None:
    kind = ActionType(type_)
    assert rung(kind, targets=1) == (Rung.YES if type_ in LIGHT else Rung.TYPE_NAME)
    assert rung(kind, targets=1, is_resend=True) == Rung.TYPE_NAME
    assert rung(kind, targets=1, is_production=True) == Rung.TYPE_NAME
    assert rung(kind, targets=2) == Rung.TYPE_COUNT
    assert rung(kind, targets=2, is_production=True) == Rung.TYPE_COUNT_AND_PROFILE


def test_resizing_a_disk_asks_for_the_name() -> None:
    assert rung(ActionType.RESIZE, targets=1, resources=frozenset({"cpu", "ram"})) == Rung.YES
    assert rung(ActionType.RESIZE, targets=1, resources=frozenset({"ram", "disk"})) == Rung.TYPE_NAME


def test_every_action_is_described_in_one_short_line() -> None:
    lines = [description(type_) for type_ in ActionType]
    assert len(set(lines)) == 9
    assert all(0 < len(line) <= 56 and not line.endswith(".") for line in lines)


def test_what_can_do_harm_says_so_before() -> None:
    assert "complications" in warnings(ActionType.POWER_OFF)[0]
    assert "issued" in warnings(ActionType.SHUTDOWN)[0]
    assert warnings(ActionType.RESIZE) == ()
    assert "smaller" in warnings(ActionType.RESIZE, frozenset({"disk"}))[0]
    assert warnings(ActionType.SNAPSHOT, vm=OFF) == ()
    assert "not stopped" in warnings(ActionType.SNAPSHOT, vm=ON)[0]
    assert warnings(ActionType.RENAME) == ()
    assert "twice" in warnings(ActionType.POWER_OFF, is_resend=True)[0]


@pytest.mark.parametrize("type_", list(ActionType))
def test_what_no_vm_can_show_is_said_last(type_: ActionType) -> None:
    told = warnings(type_, frozenset({"disk"}), vm=ON)
    assert ("Nothing on the VM can verify its end." in told[-1:]) == (not is_verifiable(type_))


def test_limits_by_type() -> None:
    assert usual_limit_s("reboot") == 300
    assert usual_limit_s("resize") == 3600
    assert usual_limit_s("snapshot") == 7200
    assert usual_limit_s("restore") == 300
