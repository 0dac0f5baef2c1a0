"""The cockpit under an operator's hands, on a simulated cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import RenderableType
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from cftui.operations.state import LinkState
from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.widgets.row_list import RowList
from tests.conftest import StartSimulator
from tests.tui.conftest import MakeApp, until_read, wait_until
from tests.tui.screen import shown
from tests.visual.scenes import Scene, Stage, still

WIDE, SMALL, TINY = (120, 40), (80, 24), (40, 12)


def names(app: CftuiApp) -> list[str]:
    """Of the VMs in the list, from above."""
    return [app.cockpit.listing.vms[vm_id].name for vm_id in app.cockpit.table.order]


def cursor_name(app: CftuiApp) -> str:
    assert app.cockpit.vm is not None
    return app.cockpit.vm.name


async def to(pilot: Pilot[None], app: CftuiApp, name: str) -> None:
    """Put the cursor on a VM, as a person does: by filter."""
    await pilot.press("/", *name, "enter")
    await wait_until(pilot, lambda: cursor_name(app) == name)


@pytest.mark.parametrize(
    ("size", "has", "has_not"),
    [
        ((160, 45), ["ADDRESS", "CREATED", "2 api-01", "3 Actions", "not from here"], []),
        (WIDE, ["STATE", "DISK", "2 api-01", "3 Actions"], ["ADDRESS"]),
        (SMALL, ["STATE", "3 Actions"], ["2 api-01", "not from here"]),
        (TINY, ["VMs  20", "by name"], ["3 Actions", "STATE"]),
    ],
)
async def test_every_size_has_its_layout(
    simulator: SimulatorServer, make_app: MakeApp, size: tuple[int, int], has: list[str], has_not: list[str]
) -> None:
    app = make_app(simulator)
    async with app.run_test(size=size) as pilot:
        await until_read(pilot)
        screen = shown(app)
        for text in has:
            assert text in screen
        for text in has_not:
            assert text not in screen


async def test_a_screen_too_small_says_so_and_comes_back(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=SMALL) as pilot:
        await until_read(pilot)
        await pilot.resize_terminal(38, 10)
        await wait_until(pilot, lambda: "cftui needs 40×12" in shown(app))
        assert "this is 38×10" in shown(app)
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: "api-01" in shown(app) and "needs" not in shown(app))


async def test_every_row_follows_a_change_of_size(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("down", "down")
        for width, height in (SMALL, (60, 20), TINY, WIDE):
            await pilot.resize_terminal(width, height)
            await pilot.pause(0.2)
            rows = [line for line in shown(app).splitlines() if cursor_name(app) in line and "─ 2" not in line]
            assert len(rows) == 1, shown(app)


async def test_an_action_from_key_to_verdict(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await to(pilot, app, "web-01")
        await pilot.press("a", "r")
        await pilot.pause(0.5)
        await pilot.press("y")
        await wait_until(pilot, lambda: len(simulator.ledger.posts) == 1)
        await wait_until(pilot, lambda: "web-01 reboot completed" in shown(app))
        (post,) = simulator.ledger.posts
        assert post.body == b'{"type": "reboot"}'
        assert "cannot be verified on the VM" in shown(app)


@pytest.mark.fault("13", "27")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.status(500, "<h1>Oops</h1>"), "web-01 reboot: server error 500  do not repeat it"),
        (
            faults.status(201, '{"action": {"type": "reboot", "status": "errored"}}'),
            "web-01 reboot failed  the API gave",
        ),
    ],
    ids=["no verdict", "failed at once"],
)
async def test_the_first_verdict_is_told_in_its_own_words(
    simulator: SimulatorServer, make_app: MakeApp, fault: faults.Fault, words: str
) -> None:
    simulator.faults.next("POST", fault)
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await to(pilot, app, "web-01")
        await pilot.press("a", "r")
        await pilot.pause(0.5)
        await pilot.press("y")
        await wait_until(pilot, lambda: words in shown(app))


async def test_keys_typed_ahead_meet_the_dialog_and_not_the_list(simulator: SimulatorServer, make_app: MakeApp) -> None:
    """`ac` in one burst opens the question about power_cycle; `c` alone would have opened the copy menu."""
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("a", "c")
        await wait_until(pilot, lambda: "Power-cycle" in shown(app))
        assert simulator.ledger.posts == ()


async def test_the_cursor_stays_on_its_vm_when_a_filter_comes_and_goes(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("down", "down")
        chosen = cursor_name(app)
        await pilot.press("/", *"web")
        await wait_until(pilot, lambda: all("web" in name for name in names(app)))
        assert "of 20" in shown(app)
        await pilot.press("escape")
        await wait_until(pilot, lambda: len(names(app)) == 20)
        assert cursor_name(app) == chosen
        assert app.cockpit.table.has_focus


async def test_a_filter_is_kept_by_enter_and_cleared_by_escape(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("/", *"web", "enter")
        await wait_until(pilot, lambda: app.cockpit.table.has_focus)
        kept = names(app)
        assert 0 < len(kept) < 20
        simulator.cloud.add_vm("zz-new")
        await wait_until(pilot, lambda: len(app.update_now.view.vms) == 21)
        assert names(app) == kept
        await pilot.press("escape")
        await wait_until(pilot, lambda: "zz-new" in names(app))


async def test_a_filter_that_cannot_be_read_says_why_and_changes_nothing(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("/", *"cpu>=x")
        await wait_until(pilot, lambda: "× " in shown(app).splitlines()[2])
        await pilot.press("escape")
        await wait_until(pilot, lambda: len(names(app)) == 20)


async def test_filtered_to_nothing_is_no_empty_account(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=SMALL) as pilot:
        await until_read(pilot)
        await pilot.press("space", "/", *"nowhere")
        await wait_until(pilot, lambda: "Nothing matches nowhere" in shown(app))
        assert "20 VMs hidden, 1 of them marked" in shown(app)
        assert "1 marked, 1 hidden by the filter" in shown(app)


async def test_an_empty_account_is_said_to_be_no_error(start_simulator: StartSimulator, make_app: MakeApp) -> None:
    app = make_app(start_simulator(vms=0))
    async with app.run_test(size=SMALL) as pilot:
        await wait_until(pilot, lambda: "No VMs in this account." in shown(app))


async def test_marks_ranges_and_the_bar_that_counts_them(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        marks = app.cockpit.listing.marks
        await pilot.press("space", "space")
        assert "2 marked" in shown(app)
        await pilot.press("down", "v", "down", "down", "v", "down")
        assert len(app.cockpit.listing.marks) == 5
        await pilot.press("*")
        assert len(app.cockpit.listing.marks) == 20
        await pilot.press("escape")
        assert len(app.cockpit.listing.marks) == 20
        await pilot.press("*", "shift+down")
        assert len(app.cockpit.listing.marks) == 2
        await pilot.press("I")
        assert len(app.cockpit.listing.marks) == 18
        await pilot.press("U")
        assert app.cockpit.listing.marks == set()
        assert marks is not None


async def test_actions_reach_the_visible_marks_else_the_cursor(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("space", "space", "space")
        assert len(app.cockpit.targets()) == 3
        await pilot.press("/", *"web", "enter")
        await pilot.pause(0.05)
        assert app.cockpit.targets() == []
        await pilot.press("a")
        await wait_until(pilot, lambda: "nothing to act on" in shown(app))
        assert len(app.cockpit.targets(includes_hidden=True)) == 3
        await pilot.press("U")
        assert [vm.name for vm in app.cockpit.targets()] == [cursor_name(app)]


async def test_a_marked_vm_that_vanishes_loses_its_mark_loudly(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        gone = cursor_name(app)
        await pilot.press("space")
        simulator.cloud.delete(simulator.cloud.find(gone).id)
        await wait_until(pilot, lambda: f"{gone} vanished; no longer marked" in shown(app))
        assert app.cockpit.listing.marks == set()
        assert gone not in names(app)


async def test_the_order_waits_while_keys_are_pressed(simulator: SimulatorServer, make_app: MakeApp) -> None:
    """A VM renamed in the cloud keeps its row; ctrl+r sorts anew, and the cursor goes along."""
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("down", "up", "space")
        first = names(app)[0]
        simulator.cloud.find(first).name = "zz-last"
        simulator.cloud.set_status(simulator.cloud.find("zz-last").id, "running")
        await wait_until(pilot, lambda: "zz-last" in names(app))
        assert names(app)[0] == "zz-last"
        assert cursor_name(app) == names(app)[1]
        await pilot.press("ctrl+r")
        await wait_until(pilot, lambda: names(app)[-1] == "zz-last")


async def test_offline_keeps_the_list_dims_it_and_says_since_when(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        simulator.refuse_connections()
        await pilot.press("ctrl+r")
        await wait_until(pilot, lambda: "OFFLINE since" in shown(app))
        assert "as of" in shown(app)
        assert "Nothing can be sent." in shown(app)
        assert len(names(app)) == 20
        assert app.data_look.is_faded
        await pilot.press("a")
        await wait_until(pilot, lambda: "offline" in shown(app))
        await pilot.press("escape")
        simulator.resume()
        await pilot.press("ctrl+r")
        await wait_until(pilot, lambda: "OFFLINE" not in shown(app))
        assert not app.data_look.is_faded


async def test_a_refused_password_is_asked_for_again(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, password="wrong")
    async with app.run_test(size=WIDE) as pilot:
        await wait_until(pilot, lambda: app.has_dialog)
        assert app.update_now.link.state is LinkState.UNAUTHORISED
        assert simulator.ledger.count("GET", "/vms") == 0
        await pilot.press(*simulator.cloud.password, "enter")
        await wait_until(pilot, lambda: len(names(app)) == 20)
        assert not app.has_dialog


async def test_hostile_names_are_shown_as_text(start_simulator: StartSimulator, make_app: MakeApp) -> None:
    server = start_simulator(vms=1)
    for name in ("[/]", "\x1b]52;c;RVZJTA==\x07", "日本語サーバー名前です", "a\u202eb"):
        server.cloud.add_vm(name)
    app = make_app(server)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        screen = shown(app)
        assert "[/]" in screen
        assert r"\x1b]52" in screen
        assert r"a\u202eb" in screen
        assert "\x1b" not in screen


async def test_a_failure_is_counted_until_its_row_was_visited(
    start_simulator: StartSimulator, make_app: MakeApp
) -> None:
    """`broken-…` end errored: the badge appears, `n` goes to the VM and takes it away."""
    server = start_simulator(vms=60)
    app = make_app(server)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        server.cloud.start_foreign_action(server.cloud.find("broken-01").id, "reboot")
        await wait_until(pilot, lambda: "1 failed" in shown(app))
        assert "n next unseen" in shown(app)
        assert "unseen" in shown(app)
        await pilot.press("n")
        await wait_until(pilot, lambda: "1 failed" not in shown(app))
        assert cursor_name(app) == "broken-01"


async def test_details_are_a_screen_of_their_own_where_it_is_narrow(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator)
    async with app.run_test(size=SMALL) as pilot:
        await until_read(pilot)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "previous, next" in shown(app) and "image" in shown(app))
        assert "1 of 20" in shown(app)
        await pilot.press("]")
        await wait_until(pilot, lambda: "2 of 20" in shown(app))
        await pilot.press("escape")
        await wait_until(pilot, lambda: "STATE" in shown(app))
        assert app.cockpit.table.cursor == 1


async def test_actions_are_a_screen_of_their_own_where_it_is_low(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=(80, 14)) as pilot:
        await until_read(pilot)
        await pilot.press("t")
        await wait_until(pilot, lambda: " Actions " in shown(app))
        await pilot.press("escape")
        await wait_until(pilot, lambda: "STATE" in shown(app))


async def test_panes_focus_and_enlarge(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("3")
        assert app.cockpit.actions.has_focus
        await pilot.press("+")
        await wait_until(pilot, lambda: "STATE" not in shown(app))
        await pilot.press("_", "2")
        await wait_until(pilot, lambda: "STATE" in shown(app))
        assert app.cockpit.about.has_focus
        await pilot.press("1")
        assert app.cockpit.table.has_focus


async def test_read_only_and_production_are_said_in_words(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator, is_production=True, is_read_only=True)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        status, banner = shown(app).splitlines()[:2]
        assert "PRODUCTION" in status
        assert "READ-ONLY" in status
        assert "Looking only" in banner


async def test_pause_is_a_banner_and_a_badge(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("Z")
        await wait_until(pilot, lambda: "PAUSED The list is not refreshed" in shown(app))
        await pilot.press("Z")
        await wait_until(pilot, lambda: "PAUSED" not in shown(app))


async def test_the_last_known_fleet_is_shown_dimmed_until_it_is_read(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
    simulator.refuse_connections()
    again = make_app(simulator)
    async with again.run_test(size=WIDE) as pilot:
        await wait_until(pilot, lambda: len(again.cockpit.table.order) == 20)
        await wait_until(pilot, lambda: "last known" in shown(again))
        assert again.data_look.is_faded


async def test_q_quits_at_once(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("q")
    assert app.return_code == 0


async def test_ctrl_c_quits_only_when_pressed_twice(simulator: SimulatorServer, make_app: MakeApp) -> None:
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: "ctrl+c again quits" in shown(app))
        await pilot.press("ctrl+c")
    assert app.return_code == 130


async def test_an_idle_cockpit_paints_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, Scene("idle", "An ordinary calm minute.", still, vms=20, is_calm=True))
    app = stage.app
    async with app.run_test(size=WIDE) as pilot:
        await stage.play(pilot)
        painted: list[object] = []
        show = app._display

        def noticed(screen: Screen[object], renderable: RenderableType | None) -> None:
            painted.append(renderable)
            show(screen, renderable)

        monkeypatch.setattr(app, "_display", noticed)
        asked = stage.server.ledger.count()
        await stage.pass_time(pilot, 62, by=31)
        await pilot.pause(1.1)
        assert stage.server.ledger.count() == asked + 4
        assert [getattr(update, "spans", update) for update in painted if update is not None] == []
    stage.close()


async def test_moving_costs_the_same_however_many_vms_there_are(
    start_simulator: StartSimulator, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cursor down draws two rows, a page down draws those in sight; of 3,000 as of 20."""
    app = make_app(start_simulator(vms=3000))
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        drawn: list[int] = []
        draw = RowList.draw

        def counted(table: RowList, y: int) -> Strip:
            drawn.append(y)
            return draw(table, y)

        monkeypatch.setattr(RowList, "draw", counted)
        await pilot.press("down")
        assert len(drawn) == 2
        drawn.clear()
        await pilot.press("pagedown")
        assert len(drawn) == app.cockpit.table.size.height


async def test_server_texts_find_no_way_to_commands(simulator: SimulatorServer, make_app: MakeApp) -> None:
    """The command line opens what it names, and sends nothing by itself."""
    app = make_app(simulator)
    async with app.run_test(size=WIDE) as pilot:
        await until_read(pilot)
        await pilot.press(":", *"filter web", "enter")
        await wait_until(pilot, lambda: all("web" in name for name in names(app)))
        await pilot.press(":", *"reboot web-01", "enter")
        await wait_until(pilot, lambda: app.has_dialog)
        assert simulator.ledger.posts == ()
