"""The action palette: all nine, always; reasons; one letter goes on."""

import pytest

from cftui.fleet.rows import ActionType
from cftui.tui.modals.palette import ActionPalette
from cftui.tui.offers import ACTION_KEYS
from tests.tui.stage import HOSTILE, HOSTILE_SHOWN, NOTHING, SIZES, DialogApp, shown, vm, wait_until


@pytest.mark.parametrize("size", SIZES)
async def test_all_nine_are_reachable_at_every_size(size: tuple[int, int]) -> None:
    async with (app := DialogApp(ActionPalette([vm(HOSTILE)], {}))).run_test(size=size) as pilot:
        await pilot.pause()
        seen = shown(app)
        for _ in range(9):
            await pilot.press("down")
            seen += shown(app)
        for type_ in ActionType:
            assert type_.value in seen
        assert HOSTILE_SHOWN[:10] in seen


@pytest.mark.parametrize(
    ("key", "type_"), [pair for pair in ACTION_KEYS.items() if pair[1] not in ("power_on", "resize")]
)
async def test_a_letter_goes_on_at_once(key: str, type_: ActionType) -> None:
    async with (app := DialogApp(ActionPalette([vm()], {}))).run_test() as pilot:
        await pilot.press(key)
        assert app.answer is type_


async def test_an_action_that_cannot_be_done_says_why_and_does_nothing() -> None:
    async with (app := DialogApp(ActionPalette([vm()], {}))).run_test(size=(120, 40)) as pilot:
        await pilot.press("z")
        assert app.answer == NOTHING
        assert "× resize not now: must be powered off first → 2 does it" in shown(app)
        await pilot.press("n", "enter")
        assert app.answer == NOTHING
        assert "power_on not now: it is running already" in shown(app)


async def test_read_only_shows_all_nine_and_opens_none() -> None:
    async with (app := DialogApp(ActionPalette([vm()], {}, is_read_only=True))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*ACTION_KEYS, "enter")
        assert app.answer == NOTHING
        assert shown(app).count("not now: read-only") >= 9


async def test_arrows_and_enter_take_the_action_under_the_cursor() -> None:
    async with (app := DialogApp(ActionPalette([vm()], {}))).run_test() as pilot:
        await pilot.press("down", "down", "enter")
        assert app.answer is ActionType.SHUTDOWN


async def test_finding_by_name_moves_the_cursor_and_takes_no_letter() -> None:
    async with (app := DialogApp(ActionPalette([vm()], {}))).run_test() as pilot:
        await pilot.press("slash", *"reset")
        assert app.answer == NOTHING
        await pilot.press("enter")
        assert app.answer is ActionType.PASSWORD_RESET


async def test_escape_leaves_finding_first_and_then_the_palette() -> None:
    async with (app := DialogApp(ActionPalette([vm()], {}))).run_test() as pilot:
        await pilot.press("slash", "x", "escape")
        assert app.answer == NOTHING
        await pilot.press("escape")
        assert app.answer is None


async def test_several_targets_tell_how_many_can_and_why_others_cannot() -> None:
    targets = [vm(f"web-{number}", number, is_on=number > 2) for number in range(1, 15)]
    async with (app := DialogApp(ActionPalette(targets, {}))).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        text = shown(app)
        assert "Act on 14 marked VMs" in text
        assert "12 of 14" in text
        assert "Skipped: 2 it is stopped" in text
        await pilot.press("e")
        assert app.answer == NOTHING
        assert "rename not now: two VMs would get one name" in shown(app)


async def test_heavier_confirmations_are_announced() -> None:
    async with (app := DialogApp(ActionPalette([vm()], {}))).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert shown(app).count("▲ asks the name") == 3
    async with (app := DialogApp(ActionPalette([vm()], {}, is_production=True))).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert shown(app).count("▲ asks the name") == 11


async def test_keys_after_the_answer_are_kept_for_the_next_dialog() -> None:
    palette = ActionPalette([vm(is_on=False)], {})
    async with DialogApp(palette).run_test() as pilot:
        palette.answer(ActionType.RESIZE)
        palette.on_key(event := _key("8"))
        await pilot.pause()
        assert palette.late_keys == [event]


def _key(name: str):  # type: ignore[no-untyped-def]
    from textual.events import Key

    return Key(name, name)


async def test_what_is_typed_on_after_a_refused_letter_is_no_wish() -> None:
    """Hands type `c`, the name and enter for a power cycle; on a stopped VM none of these letters may act."""
    app = DialogApp(ActionPalette([vm("cache-03", is_on=False)], {}, is_read_only=False, not_live_reason=""))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("c", "e")
        assert app.answer == NOTHING
        app.clock.turn(1.0)
        await pilot.press("e")
        await wait_until(pilot, lambda: app.answer is ActionType.RENAME)
