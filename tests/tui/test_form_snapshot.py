"""The snapshot form: a template for the names."""

from datetime import UTC, datetime

import pytest

from cftui.tui.modals.snapshot import SnapshotForm
from tests.tui.stage import HOSTILE, NOTHING, SMALL, DialogApp, shown, vm

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


async def test_the_default_template_ends_in_a_token() -> None:
    async with (app := DialogApp(SnapshotForm([vm(is_on=False)], now=NOW))).run_test() as pilot:
        await pilot.press("enter")
        ((_, request),) = app.answer
        head, _, token = request.name.rpartition("-")
        assert head == "api-04-2026-11-24"
        assert len(token) == 8
        assert int(token, 16) >= 0


async def test_each_vm_gets_its_own_name() -> None:
    rows = [vm("a", 1, is_on=False), vm("b", 2, is_on=False)]
    async with (app := DialogApp(SnapshotForm(rows, now=NOW))).run_test() as pilot:
        await pilot.press(*"{name} at {time}", "enter")
        assert [request.name for _, request in app.answer] == ["a at 0314", "b at 0314"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [("{nmae}", "× no field {nmae}: the nearest is {name}"), ("{", "× { stands alone"), (" x", "× no space at the")],
)
async def test_an_unknown_brace_is_an_error(typed: str, told: str) -> None:
    async with (app := DialogApp(SnapshotForm([vm()], now=NOW))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*typed)
        assert told in shown(app)
        await pilot.press("enter")
        assert app.answer == NOTHING


async def test_advice_for_running_vms_and_for_shared_names() -> None:
    rows = [vm("a", 1), vm("b", 2, is_on=False)]
    async with (app := DialogApp(SnapshotForm(rows, now=NOW))).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "▲ 1 of 2 are not stopped" in shown(app)
        await pilot.press("x")
        assert "▲ 2 snapshots would share 1 name" in shown(app)
        await pilot.press("enter")
        assert len(app.answer) == 2


@pytest.mark.parametrize("size", SMALL)
async def test_a_hostile_name_gives_a_name_that_can_be_corrected(size: tuple[int, int]) -> None:
    async with (app := DialogApp(SnapshotForm([vm(HOSTILE)], now=NOW))).run_test(size=size) as pilot:
        await pilot.pause()
        assert "× no control or invisible" in shown(app)
        await pilot.press(*"ok-{id}", "enter")
        assert app.answer[0][1].name == f"ok-{vm().id}"
