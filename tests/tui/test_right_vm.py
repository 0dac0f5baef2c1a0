"""The VM that was meant: whatever the cloud, the table, the window or the keyboard did in between."""

from __future__ import annotations

import pytest
from textual import events
from textual.pilot import Pilot

from cftui.fleet.rules import looks
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from tests.conftest import StartSimulator
from tests.tui.conftest import MakeApp, ShiftedClock, cursor_on, until_read, wait_until
from tests.tui.screen import shown

WIDE, SMALL = (120, 40), (80, 24)
QUIET_S = 0.4
NEVER_S = 300.0
"""A list that is read so seldom stays as it is until somebody asks."""


async def ask(pilot: Pilot[None], app: CftuiApp, name: str, key: str, *form: str) -> None:
    """Lead to the confirmation, and be silent."""
    await cursor_on(pilot, app, name)
    await pilot.press("a", key, *form)
    await wait_until(pilot, lambda: "POST" in shown(app))
    await pilot.pause(QUIET_S)


def posted(simulator: SimulatorServer) -> list[str]:
    """Ids of the VMs that were posted to."""
    return [post.path.split("/")[-2] for post in simulator.ledger.posts]


# A VM that is different.


@pytest.mark.fault("101")
@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_a_difference_found_just_before_sending_is_shown_and_confirmed_anew(
    simulator: SimulatorServer, make_app: MakeApp, size: tuple[int, int]
) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=size) as pilot:
        await until_read(pilot)
        await ask(pilot, app, "web-01", "s")
        vm = simulator.cloud.find("web-01")
        vm.name = "web-01-old"
        await pilot.press("y")
        await wait_until(pilot, lambda: "Not sent: shutdown of web-01" in shown(app))
        text = shown(app)
        for part in (
            "Changed since you looked: now named 'web-01-old'.",
            "you saw",
            "it is now",
            "▲ web-01-old",
            vm.id,
        ):
            assert part in text
        assert simulator.ledger.posts == ()
        await pilot.press("c")
        await wait_until(pilot, lambda: "Shut down web-01-old?" in shown(app))
        await pilot.press("y")
        await pilot.pause(QUIET_S)
        assert simulator.ledger.posts == (), "a confirmation of its own, with its silence"
        await pilot.press("y")
        await wait_until(pilot, lambda: posted(simulator) == [vm.id])
    assert len(simulator.ledger.executed) == 1


@pytest.mark.fault("101")
async def test_what_it_cannot_do_any_more_is_not_offered_again(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await ask(pilot, app, "web-01", "r")
        simulator.cloud.set_status(simulator.cloud.find("web-01").id, "stopped")
        await pilot.press("y")
        await wait_until(pilot, lambda: "Changed since you looked: now stopped." in shown(app))
        assert "Confirm again: not now: it is stopped" in shown(app)
        await pilot.press("c", "tab", "c")
        assert "Not sent: reboot of web-01" in shown(app)
        await pilot.press("escape")
        await pilot.press("3", "enter")
        await wait_until(pilot, lambda: "Not sent: reboot of web-01" in shown(app))
        assert "you saw" in shown(app), "the row in Actions tells it again"
    assert simulator.ledger.posts == ()


@pytest.mark.fault("100", "101")
async def test_a_vm_that_is_gone_when_it_is_sent_is_told_so(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await ask(pilot, app, "web-01", "r")
        simulator.cloud.delete(simulator.cloud.find("web-01").id)
        await pilot.press("y")
        await wait_until(pilot, lambda: "Not sent: reboot of web-01" in shown(app))
        assert "gone" in shown(app)
        assert "Confirm again: not now: the VM does not exist any more" in shown(app)
        await pilot.press("c", "enter")
        await wait_until(pilot, lambda: not app.has_dialog)
    assert simulator.ledger.posts == ()


@pytest.mark.fault("69", "101")
async def test_another_vm_under_the_same_id_is_not_the_one_that_was_meant(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await ask(pilot, app, "web-01", "r")
        simulator.cloud.find("web-01").created_at = "2026-06-01T00:00:00Z"
        await pilot.press("y")
        await wait_until(pilot, lambda: "another VM has this id now." in shown(app))
        await pilot.press("c")
        assert "Not sent" in shown(app)
        assert "▲ 2026-06-01" in shown(app)
    assert simulator.ledger.posts == ()


@pytest.mark.fault("101")
@pytest.mark.parametrize(("keys", "is_blocked"), [(("a",), False), (("a", "e"), False), (("a", "r"), True)])
async def test_a_vm_that_changes_under_a_dialog_is_flagged_there_at_once(
    simulator: SimulatorServer, make_app: MakeApp, keys: tuple[str, ...], is_blocked: bool
) -> None:
    """In the palette, in a form, in the question; there one key asks anew about the VM as it is now."""
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=SMALL) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, "web-01")
        await pilot.press(*keys)
        await wait_until(pilot, lambda: app.has_dialog)
        simulator.cloud.find("web-01").name = "web-one"
        app.engine.refresh()
        await wait_until(pilot, lambda: "Changed since you looked: now called web-one." in shown(app))
        if is_blocked:
            await pilot.pause(QUIET_S)
            await pilot.press("y")
            assert "Changed since you looked" in shown(app)
            await pilot.press("c")
            await wait_until(pilot, lambda: "Reboot web-one?" in shown(app))
            await pilot.pause(QUIET_S)
            await pilot.press("y")
            await wait_until(pilot, lambda: len(simulator.ledger.posts) == 1)
    assert len(simulator.ledger.posts) == is_blocked


@pytest.mark.fault("100")
async def test_the_palette_offers_what_can_be_done_by_now(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, "web-01")
        await pilot.press("a")
        simulator.cloud.delete(simulator.cloud.find("web-01").id)
        app.engine.refresh()
        await wait_until(pilot, lambda: "Gone since you looked" in shown(app))
        assert shown(app).count("not now: it does not exist any more") >= 9
        await pilot.press("r", "escape")
        await wait_until(pilot, lambda: not app.has_dialog)


# A list that moves.


@pytest.mark.fault("100")
async def test_the_cursor_that_fell_onto_another_vm_does_not_act_on_it_unsaid(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, "db-01")
        simulator.cloud.delete(simulator.cloud.find("db-01").id)
        app.engine.refresh()
        await wait_until(pilot, lambda: len(app.cockpit.table.order) == 19)
        assert app.cockpit.vm is not None
        name = app.cockpit.vm.name
        await pilot.press("a")
        await wait_until(pilot, lambda: f"db-01 does not exist any more; the cursor is on {name} now" in shown(app))
        assert not app.has_dialog
        await pilot.press("a")
        await wait_until(pilot, lambda: f"Act on {name}" in shown(app))


@pytest.mark.fault("100")
async def test_nothing_between_choosing_and_confirming_changes_the_target(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    """VMs come, go and are renamed, the list is sorted anew, the window grows and shrinks; the id stays."""
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await ask(pilot, app, "db-01", "o")
        chosen = simulator.cloud.find("db-01").id
        simulator.cloud.delete(simulator.cloud.find("api-01").id)
        simulator.cloud.add_vm("aaa-first")
        simulator.cloud.find("web-01").name = "aab-second"
        app.engine.refresh()
        await wait_until(pilot, lambda: any(vm.name == "aaa-first" for vm in app.update_now.view.vms.values()))
        app.cockpit.listing.reorder()
        app.cockpit.show_order()
        for size in (SMALL, (40, 12), WIDE):
            await pilot.resize_terminal(*size)
        await pilot.pause(QUIET_S)
        await pilot.press(*"db-01", "enter")
        await wait_until(pilot, lambda: len(simulator.ledger.posts) == 1)
    assert posted(simulator) == [chosen]


async def test_a_mark_that_is_lost_stays_told_until_somebody_has_seen_it(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator, idle_s=NEVER_S)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("space", "space")
        first = app.cockpit.table.order[0]
        name = app.update_now.view.vms[first].name
        simulator.cloud.delete(first)
        app.engine.refresh()
        await wait_until(pilot, lambda: f"▲ {name} vanished; no longer marked" in shown(app))
        app.cockpit.say([])
        await pilot.press("down", "up", "escape")
        assert f"1 marked  ▲ {name} vanished while marked" in shown(app)
        assert "n seen" in shown(app)
        await pilot.press("n")
        await wait_until(pilot, lambda: "vanished while marked" not in shown(app))
        assert len(app.cockpit.listing.marks) == 1


# Names that look the same.


@pytest.mark.fault("S3")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web-1", "WEB-1"),
        ("web-1", "web\u200b-1"),
        ("web-1", " web -1"),
        ("web-1", "\u202eweb-1"),
        ("web-1", "ｗｅｂ-1"),
        ("web-1", "web-1\u3164"),
        ("straße", "STRASSE"),
    ],
)
def test_names_that_look_the_same(one: str, other: str) -> None:
    assert looks(one) == looks(other)


@pytest.mark.fault("S3")
def test_names_that_do_not() -> None:
    assert len({looks(name) for name in ("web-1", "web-2", "web_1", "wéb-1", "")}) == 5


@pytest.mark.fault("S3")
async def test_a_name_that_looks_like_another_is_flagged_and_needs_the_id(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    twin = simulator.cloud.add_vm("Web\u200b-01")
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await ask(pilot, app, "web-01", "o")
        vm = simulator.cloud.find("web-01")
        assert f"Another VM has a name that looks the same: Web\\u200b-01 {twin.id[:6]}" in shown(app)
        assert f"Type web-01 {vm.id[:6]} to go on" in shown(app)
        await pilot.press(*"web-01", "enter")
        await pilot.pause(0.1)
        assert simulator.ledger.posts == ()
        await pilot.press("space", *vm.id[:6], "enter")
        await wait_until(pilot, lambda: posted(simulator) == [vm.id])


@pytest.mark.fault("S3")
async def test_among_several_they_are_flagged_too(simulator: SimulatorServer, make_app: MakeApp) -> None:
    simulator.cloud.add_vm("web-01")
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press(":", *"reboot web-0 @x", "escape")
        await app.run_command("reboot", "@web|db-01")
        await wait_until(pilot, lambda: "Reboot 3 VMs?" in shown(app))
        assert "2 names look like another VM's: web-01" in shown(app)


# Keys that nobody pressed.


@pytest.mark.fault("98")
async def test_enter_held_for_two_seconds_starts_nothing_anywhere(
    start_simulator: StartSimulator, make_app: MakeApp
) -> None:
    """On the list, in Actions, in details, in the palette, in a form, in each question, in each dialog that tells."""
    simulator = start_simulator(vms=60)
    clock = ShiftedClock()
    app = make_app(simulator, clock=clock)
    places = ["1", "3", "1a", "1ao", "1aex", " ar"]
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        for keys in places:
            await pilot.press("escape", "escape", *keys)
            clock.turn(0.4)
            for _ in range(7):
                clock.turn(0.29)
                await pilot.press("enter")
    assert simulator.ledger.posts == ()


@pytest.mark.fault("98")
async def test_a_burst_opens_one_dialog_and_confirms_nothing(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        for key, character in (("a", "a"), ("a", "a"), ("r", "r"), ("r", "r"), ("y", "y"), ("y", "y"), ("enter", None)):
            app.post_message(events.Key(key, character))
        await wait_until(pilot, lambda: "Reboot" in shown(app))
        await pilot.pause(0.2)
        assert sum(screen.is_modal for screen in app.screen_stack) == 1
    assert simulator.ledger.posts == ()


@pytest.mark.fault("99")
@pytest.mark.parametrize("keys", [("a", "r"), ("a", "o"), ("1",)])
async def test_what_comes_right_behind_a_paste_is_part_of_it(
    simulator: SimulatorServer, make_app: MakeApp, keys: tuple[str, ...]
) -> None:
    """A paste that holds its own end goes on as keys: they reach no question and no list."""
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await cursor_on(pilot, app, "web-01")
        await pilot.press(*keys)
        await pilot.pause(QUIET_S)
        question = app.screen if app.has_dialog else None
        app.post_message(events.Paste("web-01\n"))
        for key in ("y", "a", "s", "y", "q", *"web-01"):
            app.post_message(events.Key(key if key != "-" else "minus", key))
        app.post_message(events.Key("enter", "\r"))
        await pilot.pause(0.2)
        assert app.is_running
        assert question is None or app.screen is question
        assert question is not None or "POST" not in shown(app)
    assert simulator.ledger.posts == ()


@pytest.mark.fault("103")
@pytest.mark.parametrize("reply", ["[?2026;2$y", "[<0;40;20M[<0;40;20my", "\t\r"])
async def test_replies_of_the_terminal_read_as_keys_confirm_nothing(
    simulator: SimulatorServer, make_app: MakeApp, reply: str
) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await ask(pilot, app, "web-01", "r")
        for character in reply:
            app.post_message(events.Key({"\t": "tab", "\r": "enter"}.get(character, character), character))
        await pilot.pause(0.2)
        assert "Reboot web-01?" in shown(app)
        assert simulator.ledger.posts == ()
        await pilot.press("y")
        await wait_until(pilot, lambda: len(simulator.ledger.posts) == 1)


# Many at once.
