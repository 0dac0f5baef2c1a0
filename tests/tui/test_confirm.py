"""The confirmation: the ladder, the silence, the paste, and a VM that changes meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from textual import events

from cftui.api.requests import ActionRequest, resize, simple
from cftui.fleet.fleet import View
from cftui.fleet.history import Finding
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.plan import Skipped, make_plan
from cftui.tui.modals.confirm import Confirm
from tests.tui.stage import (
    HOSTILE,
    HOSTILE_SHOWN,
    NOTHING,
    PRODUCTION,
    SIZES,
    STAGING,
    DialogApp,
    shown,
    view_of,
    vm,
)
from tests.tui.test_unknown import SENT

BASE_URL = "https://cloud.example/api/v1"


class Known:
    """What is known; a test changes it."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __call__(self) -> View:
        return self.view


def confirm(
    request: ActionRequest | ActionType,
    *targets: VmRow,
    profile: Any = STAGING,
    skipped: Sequence[Skipped] = (),
    **more: Any,
) -> Confirm:
    asked = simple(request) if isinstance(request, ActionType) else request
    vms = targets or (vm(),)
    plan = make_plan(
        [(row, asked) for row in vms], base_url=BASE_URL, skipped=skipped, is_resend=more.pop("is_resend", False)
    )
    return Confirm(plan, profile=profile, view=more.pop("view", Known(view_of(*vms))), **more)


async def quiet(app: DialogApp, pilot: Any) -> None:
    """Wait until it is on the screen, then 300 ms of silence."""
    await pilot.pause()
    app.clock.turn(0.3)


# The first rung.


async def test_y_confirms_the_first_rung() -> None:
    async with (app := DialogApp(confirm(ActionType.REBOOT))).run_test() as pilot:
        await quiet(app, pilot)
        await pilot.press("y")
        assert app.answer is True


@pytest.mark.parametrize("key", ["enter", "n", "escape"])
async def test_enter_presses_cancel_which_has_the_focus(key: str) -> None:
    async with (app := DialogApp(confirm(ActionType.REBOOT))).run_test(size=(120, 40)) as pilot:
        await quiet(app, pilot)
        assert "[ Cancel ]" in shown(app)
        await pilot.press(key)
        assert app.answer is None


async def test_enter_presses_the_deed_when_that_has_the_focus() -> None:
    async with (app := DialogApp(confirm(ActionType.REBOOT))).run_test(size=(120, 40)) as pilot:
        await quiet(app, pilot)
        await pilot.press("tab")
        assert "[ Reboot ]" in shown(app)
        app.clock.turn(0.1)
        await pilot.press("enter")
        assert app.answer is True


async def test_no_other_key_confirms() -> None:
    async with (app := DialogApp(confirm(ActionType.REBOOT))).run_test() as pilot:
        await quiet(app, pilot)
        await pilot.press(*"rcsopzet", "Y", "space", "a")
        assert app.answer == NOTHING


# The silence.


async def test_keys_typed_ahead_do_nothing_and_begin_the_silence_anew() -> None:
    async with (app := DialogApp(confirm(ActionType.REBOOT))).run_test() as pilot:
        await pilot.pause()
        app.clock.turn(0.2)
        await pilot.press("y")
        app.clock.turn(0.2)
        await pilot.press("y")
        assert app.answer == NOTHING
        app.clock.turn(0.29)
        await pilot.press("y")
        assert app.answer == NOTHING
        app.clock.turn(0.3)
        await pilot.press("y")
        assert app.answer is True


async def test_even_escape_and_enter_wait_for_the_silence() -> None:
    async with (app := DialogApp(confirm(ActionType.REBOOT))).run_test() as pilot:
        await pilot.pause()
        await pilot.press("enter", "escape", "n")
        assert app.answer == NOTHING


async def test_a_held_key_never_confirms() -> None:
    async with (app := DialogApp(confirm(ActionType.REBOOT))).run_test() as pilot:
        await pilot.pause()
        for _ in range(60):
            await pilot.press("y")
            app.clock.turn(0.033)
        assert app.answer == NOTHING


async def test_a_key_that_waited_in_a_queue_counts_from_when_it_was_typed() -> None:
    """A loop that hung for a second hands on what was typed ahead late; late is not silent."""
    async with (app := DialogApp(dialog := confirm(ActionType.REBOOT))).run_test() as pilot:
        await pilot.pause()
        key = events.Key("y", "y")
        key.time -= 1.0
        app.clock.turn(1.0)
        dialog.on_key(key)
        await pilot.pause()
        assert app.answer == NOTHING


async def test_a_paste_confirms_nothing() -> None:
    async with (app := DialogApp(confirm(ActionType.POWER_OFF))).run_test() as pilot:
        await quiet(app, pilot)
        await pilot.press("a")
        app.post_message(events.Paste("pi-04\n"))
        await pilot.press("enter", *"pi-04", "enter")
        assert app.answer == NOTHING
        app.clock.turn(0.1)
        await pilot.press(*"pi-04", "enter")
        assert app.answer is True


# The other rungs.


async def test_power_off_asks_for_the_name_and_enter_acts_on_an_exact_match_alone() -> None:
    async with (app := DialogApp(confirm(ActionType.POWER_OFF))).run_test(size=(120, 40)) as pilot:
        await quiet(app, pilot)
        assert "Type api-04 to go on" in shown(app)
        await pilot.press("y", "enter", "backspace", *"api-0", "enter")
        assert app.answer == NOTHING
        assert "1 character more" in shown(app)
        await pilot.press("5", "enter")
        assert app.answer == NOTHING
        assert "× not the same" in shown(app)
        await pilot.press("backspace", "4", "enter")
        assert app.answer is True


async def test_the_beginning_of_the_id_is_asked_for_where_names_repeat() -> None:
    one = vm("web-1", 1, id="5609f1ee1b0c4d2da622737b5ca25e6c")
    async with (
        app := DialogApp(confirm(ActionType.POWER_OFF, one, twins={one.id: [vm("web-1", 2)]}))
    ).run_test() as pilot:
        await quiet(app, pilot)
        await pilot.press(*"web-1", "enter")
        assert app.answer == NOTHING
        await pilot.press("space", *"5609f1", "enter")
        assert app.answer is True


async def test_a_disk_a_resend_and_production_ask_for_the_name() -> None:
    for dialog in (
        confirm(resize(disk_gb=80), vm(is_on=False)),
        confirm(ActionType.REBOOT, is_resend=True),
        confirm(ActionType.REBOOT, profile=PRODUCTION),
    ):
        async with (app := DialogApp(dialog)).run_test(size=(120, 40)) as pilot:
            await quiet(app, pilot)
            await pilot.press("y", "enter", "backspace")
            assert app.answer == NOTHING
            assert "Type api-04 to go on" in shown(app)


async def test_several_ask_for_the_number_of_requests() -> None:
    targets = [vm(f"k8s-node-{number}", number) for number in range(1, 13)]
    skipped = [Skipped(vm("k8s-node-99", 99, is_on=False), "it is stopped")]
    async with (app := DialogApp(confirm(ActionType.REBOOT, *targets, skipped=skipped))).run_test(
        size=(120, 40)
    ) as pilot:
        await quiet(app, pilot)
        text = shown(app)
        for part in ("Reboot 12 VMs?", "13 chosen", "1 skipped", "k8s-node-7 000000", "k8s-node-99", "it is stopped"):
            assert part in text
        assert "12 × POST https://cloud.example/api/v1/vms/…/actions" in text
        assert '{"type": "reboot"}' in text
        await pilot.press("y", "enter", "backspace", *"13", "enter")
        assert app.answer == NOTHING
        await pilot.press("backspace", "2", "enter")
        assert app.answer is True


async def test_of_two_hundred_what_decides_is_seen_first() -> None:
    """On a small screen, without scrolling: the share, what would be left, how many are skipped and why, requests."""
    nodes = [vm(f"k8s-node-{number}", number) for number in range(1, 178)]
    dbs = [vm(f"db-{number}", 200 + number, region="spb_01") for number in (1, 2, 3)]
    webs = [vm(f"web-{number}", 300 + number) for number in (1, 2, 3, 4)]
    skipped = [Skipped(vm(f"cache-{n}", 400 + n, is_on=False), "it is stopped → power it on: n") for n in range(7)]
    skipped += [Skipped(vm(f"mail-{n}", 500 + n), "locked by the provider") for n in range(5)]
    skipped += [Skipped(vm(f"gone-{n}", 600 + n), "it does not exist any more") for n in range(3)]
    targets = [*nodes[:150], *dbs, *webs[:3]]
    known = Known(view_of(*nodes, *dbs, *webs, *(one.vm for one in skipped)))
    dialog = confirm(ActionType.SHUTDOWN, *targets, skipped=skipped, view=known, hidden=4)
    async with (app := DialogApp(dialog)).run_test(size=(80, 24)) as pilot:
        await quiet(app, pilot)
        for part in (
            "Shut down 156 VMs?",
            "▲ 4 of them hidden by the filter",
            "150 of 177 k8s-node-*   3 of 3 db-*   3 of 4 web-*",
            "28 others keep running",
            "▲ This would stop 3 of 3 running db-*.",
            "▲ This would leave 1 of 4 running web-*.",
            "7 it is stopped → power it on: n  cache-0",
            "5 locked by the provider",
            "3 it does not exist any more",
            "156 × POST",
            "Type 156",
        ):
            assert part in shown(app)
        for _ in range(8):
            await pilot.press("pagedown")
        assert "mail-4 000000  ● running  locked by the provider" in shown(app), "each is named at the end"


@pytest.mark.parametrize("type_", [ActionType.SHUTDOWN, ActionType.POWER_ON])
async def test_the_last_one_of_its_group_is_warned_of(type_: ActionType) -> None:
    last, off = vm("db-1", is_on=type_ is ActionType.SHUTDOWN), vm("db-2", 2, is_on=False)
    dialog = confirm(type_, last, view=Known(view_of(last, off)))
    async with (app := DialogApp(dialog)).run_test(size=(80, 24)) as pilot:
        await quiet(app, pilot)
        is_told = "▲ This would stop the last running db-*." in shown(app)
        assert is_told is (type_ is ActionType.SHUTDOWN)


async def test_several_in_production_ask_for_the_number_and_the_profile() -> None:
    targets = [vm(f"db-{number}", number) for number in (1, 2)]
    async with (app := DialogApp(confirm(ActionType.REBOOT, *targets, profile=PRODUCTION))).run_test(
        size=(120, 40)
    ) as pilot:
        await quiet(app, pilot)
        assert "PRODUCTION" in shown(app)
        await pilot.press("2", "enter")
        assert app.answer == NOTHING
        await pilot.press("space", *"prod", "enter")
        assert app.answer is True


async def test_a_resend_says_when_the_first_one_was_sent_and_that_it_may_still_arrive() -> None:
    first = replace(SENT, finding=Finding.ABSENT, is_settled=True)
    known = Known(view_of(vm(), submissions={first.token: first}))
    plan = make_plan([(vm(), simple(ActionType.REBOOT))], base_url=BASE_URL, is_resend=True, replaces=first.token)
    async with (app := DialogApp(Confirm(plan, profile=STAGING, view=known))).run_test(size=(80, 24)) as pilot:
        await quiet(app, pilot)
        text = shown(app)
        assert "Reboot api-04 again?" in text
        assert "The first one was sent 10 s ago; there is no trace of it so far." in text
        assert "The first request may still arrive: then it happens twice." in text
        assert "Type api-04 to go on" in text


# What it shows.


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("type_", [ActionType.REBOOT, ActionType.POWER_OFF])
async def test_everything_can_be_read_at_every_size(size: tuple[int, int], type_: ActionType) -> None:
    one = vm(HOSTILE)
    async with (app := DialogApp(confirm(type_, one))).run_test(size=size) as pilot:
        await quiet(app, pilot)
        seen = shown(app)
        assert "Cancel" in seen
        for _ in range(12):
            await pilot.press("down")
            seen += "\n" + shown(app)
        assert HOSTILE_SHOWN in seen
        assert one.id in seen
        assert "POST" in seen
        assert f'{{"type": "{type_.value}"}}' in seen
        if type_ is ActionType.POWER_OFF:
            assert "it could lead to" in seen
            assert "Type " in seen


async def test_a_hostile_name_is_typed_as_it_is_shown() -> None:
    async with (app := DialogApp(confirm(ActionType.POWER_OFF, vm("[/]\x07")))).run_test() as pilot:
        await quiet(app, pilot)
        await pilot.press("[", "/", "]", "\\", *"x07", "enter")
        assert app.answer is True


async def test_it_copies_curl_and_then_the_command_without_secrets() -> None:
    async with (app := DialogApp(confirm(ActionType.REBOOT))).run_test(size=(120, 40)) as pilot:
        await quiet(app, pilot)
        await pilot.press("ctrl+y")
        assert "copied as curl" in shown(app)
        await pilot.press("ctrl+y")
        curl, command = app.copied
        assert curl.startswith("curl -X POST")
        assert f"/vms/{vm().id}/actions" in curl
        assert "$CFTUI_EMAIL" in curl
        assert command == f"cftui reboot {vm().id}"
        assert app.answer == NOTHING


async def test_a_resize_says_what_changes() -> None:
    async with (app := DialogApp(confirm(resize(ram_gb=32, cpu=8), vm(is_on=False)))).run_test(size=(120, 40)) as pilot:
        await quiet(app, pilot)
        assert "CPU 4 → 8   RAM 16 → 32 GB" in shown(app)


# What changes meanwhile.


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (vm(power=Power.OFF, status="stopped"), "Changed since you looked: now stopped."),
        (vm("other"), "Changed since you looked: now called other."),
        (vm(locked=True), "Changed since you looked: now locked."),
        (None, "Gone since you looked: there is no such VM any more."),
    ],
)
@pytest.mark.parametrize("type_", [ActionType.REBOOT, ActionType.POWER_CYCLE])
async def test_a_vm_that_changed_meanwhile_can_only_be_cancelled(
    now: VmRow | None, told: str, type_: ActionType
) -> None:
    known = Known(view_of(vm()))
    async with (app := DialogApp(dialog := confirm(type_, view=known))).run_test(size=(120, 40)) as pilot:
        await quiet(app, pilot)
        known.view = view_of(*([now] if now else []))
        dialog.fleet_moved()
        await pilot.pause()
        assert told in shown(app)
        await pilot.press("y", *"api-04", "tab")
        assert app.answer == NOTHING
        await pilot.press("enter")
        assert app.answer is None


async def test_one_of_several_that_changed_is_named() -> None:
    targets = [vm(f"db-{number}", number) for number in (1, 2, 3)]
    known = Known(view_of(*targets[:2], targets[2]._replace(locked=True)))
    async with (app := DialogApp(confirm(ActionType.REBOOT, *targets, view=known))).run_test(size=(120, 40)) as pilot:
        await quiet(app, pilot)
        assert "1 changed since you looked: db-3" in shown(app)
        await pilot.press("3", "enter")
        assert app.answer is True


@pytest.mark.parametrize("theme", ["mono", "ansi", "day", "clear"])
async def test_the_heavier_frame_is_another_shape_in_every_theme(theme: str) -> None:
    async with (app := DialogApp(confirm(ActionType.POWER_OFF), theme=theme)).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "═" in shown(app)
    async with (app := DialogApp(confirm(ActionType.REBOOT), theme=theme)).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "═" not in shown(app)


async def test_ascii_draws_nothing_else() -> None:
    async with (app := DialogApp(confirm(ActionType.POWER_OFF), theme="mono", is_ascii=True)).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.pause()
        assert shown(app).isascii()
