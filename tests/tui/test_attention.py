"""What calls somebody: counted until looked at, rung for once, in the title, and clean whatever VMs are called."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from cftui.api.requests import simple
from cftui.config.watched import keep_watched, watched_of
from cftui.errors import UsageError
from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import Change, View
from cftui.fleet.history import HistoryEntry, Stage
from cftui.fleet.rows import ActionType
from cftui.operations.order import Order
from cftui.operations.plan import Workflow, make_plan
from cftui.operations.runs import RunState, RunView, TargetState, TargetView
from cftui.operations.state import Link, Update
from cftui.operations.workflows import make_workflow
from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from cftui.text import clean, cut
from cftui.tui.alarm import Alarm, News, summary
from cftui.tui.attention import Attention, Runs
from cftui.tui.duty import names_for, parse_handover
from cftui.tui.glyphs import UNICODE
from cftui.tui.telling import Moment
from cftui.tui.terminal import has_title, notification, title
from cftui.tui.watching import Watching
from tests.conftest import StartSimulator
from tests.faults.cockpit import Cockpit
from tests.faults.tokens import Token, tokens
from tests.fleet.build import submission
from tests.tui.conftest import MakeApp, entry, until_read, wait_until
from tests.tui.screen import shown
from tests.tui.stage import vm

HOSTILE = "\x1b]0;pwned\x07\x1b\\\x9c;x"
BLURRED = "\x1b[O"


def ended(name: str, kind: str, took_s: float = 3, *, about: str = "reboot", run_id: str = "") -> News:
    return News(about, f"{name} {about} {kind}", {kind: 1}, took_s, run_id)


# What is worth a bell


def test_while_somebody_looks_only_what_took_long_or_is_urgent_rings() -> None:
    alarm = Alarm()
    assert alarm.add([ended("web-1", "failed")])
    assert alarm.ring(has_focus=True) == ""
    alarm.add([ended("web-1", "failed")])
    assert alarm.ring(has_focus=False) == "web-1 reboot failed"
    alarm.add([ended("web-1", "ok", 21), ended("web-2", "ok", 20)])
    assert alarm.ring(has_focus=True) == "web-1 reboot ok"
    alarm.add([News("watched", "web-1 is gone", {"vanished": 1}, is_urgent=True)])
    assert alarm.ring(has_focus=True) == "web-1 is gone"


def test_news_that_come_together_ring_once_and_are_counted() -> None:
    alarm = Alarm()
    assert alarm.add([ended("web-1", "ok"), ended("web-2", "failed")])
    assert not alarm.add([ended("web-3", "ok"), ended("db-1", "unknown", about="resize")])
    assert alarm.ring(has_focus=False) == "reboot: 2 ok, 1 failed; resize: 1 unknown"
    assert not alarm.add([])
    assert alarm.ring(has_focus=False) == ""


def test_a_run_is_told_as_one_and_what_happened_in_it_not_beside_it() -> None:
    whole = News("reboot", "reboot: 198 ok, 2 failed", {"ok": 198, "failed": 2}, 300, "run", is_whole_run=True)
    assert summary([ended("web-1", "failed", run_id="run"), whole]) == "reboot: 198 ok, 2 failed"
    assert summary([whole, ended("db-1", "ok")]) == "reboot: 199 ok, 2 failed"


# What is counted until somebody looked


def run_of(state: TargetState, *, of: RunState = RunState.ENDED, token: str = "e1") -> RunView:
    plan = make_plan([(vm(), simple(ActionType.SHUTDOWN))], base_url="http://x")
    return RunView(plan, Order(), of, 0.0, (TargetView(vm().id, "web-01", (token,), state),))


def test_a_vm_that_went_wrong_in_a_run_counts_though_its_request_did_not() -> None:
    completed = entry(Stage.COMPLETED, type="shutdown")
    attention = Attention()
    assert attention.unseen((completed,), is_read=True) == ()
    for run in (run_of(TargetState.FAILED), run_of(TargetState.UNKNOWN)):
        assert attention.unseen((completed,), is_read=True, runs=(run,)) == (completed,)
    assert attention.visit(completed.id)
    assert attention.unseen((completed,), is_read=True, runs=(run_of(TargetState.FAILED),)) == ()


def test_what_a_run_left_out_is_told_by_the_run_alone() -> None:
    not_sent = entry(Stage.NOT_SENT, message="the run was stopped before its turn")
    attention = Attention()
    attention.unseen((), is_read=True)
    assert attention.unseen((not_sent,), is_read=True, runs=(run_of(TargetState.LEFT_OUT),)) == ()
    assert attention.unseen((not_sent,), is_read=True) == (not_sent,)


def test_what_goes_wrong_after_somebody_looked_was_not_seen() -> None:
    attention = Attention()
    assert attention.unseen((entry(),), is_read=True) == ()
    assert not attention.visit("e1")
    failed = entry(Stage.ERRORED)
    assert attention.unseen((failed,), is_read=True) == (failed,)


def test_each_end_of_a_run_and_each_turn_is_told_once() -> None:
    runs, before = Runs(), run_of(TargetState.DONE)
    asking = run_of(TargetState.ASKING, of=RunState.RUNNING)
    assert runs.take([before]) == ([], [])
    assert runs.take([before, asking]) == ([], [(asking, asking.targets[0])])
    assert runs.take([before, asking]) == ([], [])
    over = replace(asking, state=RunState.ENDED, targets=(replace(asking.targets[0], state=TargetState.FAILED),))
    assert runs.take([before, over]) == ([over], [])
    assert runs.take([before, over]) == ([], [])


def test_an_outcome_is_told_though_nobody_saw_it_begin() -> None:
    rejected = entry(Stage.REJECTED)
    assert Attention().outcomes((rejected,), {rejected.id}) == []
    assert Attention().outcomes((rejected,), {rejected.id}, {rejected.id}) == [rejected]


# Watch marks

MOMENT = Moment(1000.0, Estimates.EMPTY, UNICODE)
THEIRS = entry(is_own=False, vm_id=vm().id, started=1001.0)


def update(*vms: object, change: Change, history: tuple[HistoryEntry, ...] = (), **link: object) -> Update:
    rows = {row.id: row for row in vms}  # type: ignore[attr-defined]
    view = View(vms=rows, history=history, read_at=1.0)  # type: ignore[arg-type]
    return Update(change, view, Link(round_trip_s=0.1, **link), Estimates.EMPTY, False)  # type: ignore[arg-type]


def words(watching: Watching, now: Update) -> list[str]:
    return [news.words for news in watching.take(now, MOMENT)]


def test_a_watched_vm_tells_its_status_and_what_others_do_to_it(tmp_path: Path) -> None:
    watching = Watching(tmp_path / "state", "account")
    assert watching.watch([vm()]) == 1
    assert words(watching, update(vm(), change=Change())) == []
    stopped = vm(is_on=False)
    changed = Change(changed=frozenset({stopped.id}), entries=frozenset({"e1"}))
    assert words(watching, update(stopped, change=changed, history=(THEIRS,))) == [
        "api-04: running to stopped",
        "api-04: reboot begun, not from here",
    ]
    over = replace(THEIRS, stage=Stage.ERRORED, ended=1012.0, is_settled=True)
    moved = Change(entries=frozenset({"e1"}))
    assert words(watching, update(stopped, change=moved, history=(over,))) == ["api-04: reboot failed, not from here"]
    assert words(watching, update(stopped, change=moved, history=(over,))) == []
    watching.unwatch([stopped.id])
    assert words(watching, update(vm(), change=changed, history=(over,))) == []


def test_what_may_yet_turn_out_to_be_ours_is_not_called_others(tmp_path: Path) -> None:
    """The answer to our own POST is read a moment before it is known to be that."""
    watching = Watching(tmp_path / "state", "account")
    watching.watch([vm()])
    assert words(watching, update(vm(), change=Change())) == []
    sent = submission(vm_id=vm().id, stage=Stage.SENDING)
    now = update(vm(), change=Change(entries=frozenset({"e1"})), history=(THEIRS,))
    known = replace(now.view, submissions={sent.token: sent})
    assert words(watching, replace(now, view=known)) == []
    ours = replace(THEIRS, id=sent.token, is_own=True)
    assert words(watching, update(vm(), change=Change(entries=frozenset({"e1", ours.id})), history=(ours,))) == []
    assert words(watching, replace(now, view=known)) == []
    rejected = replace(known, submissions={sent.token: replace(sent, stage=Stage.REJECTED)})
    assert words(watching, replace(now, view=rejected, change=Change())) == ["api-04: reboot begun, not from here"]


def test_what_had_ended_before_is_no_news(tmp_path: Path) -> None:
    keep_watched(tmp_path / "state", "account", {vm().id: "api-04"})
    watching = Watching(tmp_path / "state", "account")
    old = replace(THEIRS, started=900.0, ended=910.0, stage=Stage.COMPLETED, is_settled=True)
    first = update(vm(), change=Change(entries=frozenset({"e1"})), history=(old,))
    assert words(watching, first) == []
    older = replace(old, id="e2", started=800.0, ended=810.0)
    assert words(watching, update(vm(), change=Change(entries=frozenset({"e2"})), history=(older,))) == []


def test_a_watched_vm_that_vanishes_is_told_loudly_also_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    watching = Watching(state, "account")
    watching.watch([vm(name=HOSTILE), vm("db-1", 2)])
    gone = Change(gone={vm().id: HOSTILE})
    (news,) = watching.take(update(vm("db-1", 2), change=gone), MOMENT)
    assert news.is_urgent
    assert news.words.isprintable()
    assert news.words.endswith("is watched and does not exist any more")
    assert watched_of(state, "account") == {vm("db-1", 2).id: "db-1"}
    again = Watching(state, "account")
    assert words(again, update(change=Change(), unreadable=1)) == []
    assert words(again, update(change=Change())) == ["db-1 is watched and does not exist any more"]
    assert watched_of(state, "account") == {}


def test_watch_marks_are_kept_for_their_account_alone(tmp_path: Path) -> None:
    keep_watched(tmp_path, "one", {"a": "web"})
    keep_watched(tmp_path, "two", {"\ud800": "half a character"})
    keep_watched(tmp_path, "two", {"b": "db"})
    assert (watched_of(tmp_path, "one"), watched_of(tmp_path, "two")) == ({"a": "web"}, {"b": "db"})
    keep_watched(None, "one", {"c": "x"})
    assert watched_of(None, "one") == {}


async def test_w_watches_and_tells_what_somebody_else_did(simulator: SimulatorServer, make_app: MakeApp) -> None:
    one = simulator.cloud.add_vm("aaa-1")
    app = make_app(simulator, idle_s=0.3)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_read(pilot)
        assert app.cockpit.vm is not None
        assert app.cockpit.vm.id == one.id
        await pilot.press("w")
        await wait_until(pilot, lambda: "◉ watched" in shown(app))
        assert "◉ aaa-1 is watched" in shown(app)
        kept = tomllib.loads((app.settings.state_dir / "state.toml").read_text())  # type: ignore[operator]
        assert [list(marks) for marks in kept["watched"].values()] == [[one.id]]
        simulator.cloud.set_status(one.id, "stopped")
        await wait_until(pilot, lambda: "◉ aaa-1: running to stopped" in shown(app))
        await pilot.press(":", *"watch none", "enter")
        await wait_until(pilot, lambda: "1 watch mark taken away" in shown(app))
        await wait_until(pilot, lambda: "◉ watched" not in shown(app))
        await pilot.press(":", *"watch aaa-", "enter")
        await wait_until(pilot, lambda: "1 more watched" in shown(app))
        await pilot.press("enter", "w")
        await wait_until(pilot, lambda: app.announcing.watching.ids == frozenset())


# Runs and handover, on the screen


async def test_n_stops_at_your_turn_and_what_was_given_up_counts_until_seen(
    simulator: SimulatorServer, make_app: MakeApp
) -> None:
    stubborn = simulator.cloud.add_vm("stubborn-aaa")
    app = make_app(simulator, idle_s=0.3)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_read(pilot)
        row = app.update_now.view.vms[stubborn.id]
        plan = make_workflow(Workflow.SAFE_OFF, [(row, None)], base_url=app.profile.api)
        app.engine.execute(plan, Order(stop_limit_s=0.5))
        await wait_until(pilot, lambda: bool(app.announcing.turn_entries()))
        await wait_until(pilot, lambda: "stubborn-aaa safe power-off: it has not stopped: your turn" in shown(app))
        await pilot.press("n")
        await wait_until(pilot, lambda: app.has_dialog)
        assert app.cockpit.vm == row
        app.engine.give_up(plan.id, row.id)
        await wait_until(pilot, lambda: [one.vm_id for one in app.unseen()] == [row.id])
        await pilot.press("escape")
        await wait_until(pilot, lambda: not app.has_dialog)
        await pilot.press("n")
        await wait_until(pilot, lambda: app.unseen() == ())


async def test_a_handover_is_written_for_its_owner_alone_or_copied(
    simulator: SimulatorServer, make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    simulator.cloud.add_vm("broken-aaa|`")
    app = make_app(simulator, idle_s=0.3)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_read(pilot)
        (broken,) = [row for row in app.update_now.view.vms.values() if row.name.startswith("broken-aaa")]
        app.engine.execute(make_plan([(broken, simple(ActionType.REBOOT))], base_url=app.profile.api))
        await wait_until(pilot, lambda: len(app.unseen()) == 1)
        await pilot.press(":", *"handover", "enter")
        await wait_until(pilot, lambda: "handover written" in shown(app))
        (written,) = (path for path in map(Path, os.listdir()) if path.suffix == ".md")
        assert re.fullmatch(r"cftui-handover-\d{8}-\d{4}\.md", written.name)
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        document = written.read_text()
        assert document.startswith("# Handover staging\n")
        assert r"| broken-aaa\|\` | reboot | here |" in document.partition("## Needs eyes")[2]
        await app.run_command("handover", written.name)
        await wait_until(pilot, lambda: "exists already" in shown(app))
        await app.run_command("handover", "copy 8")
        await wait_until(pilot, lambda: "copied" in shown(app))
        assert "| broken-aaa" in app.clipboard


@pytest.mark.parametrize(
    ("argument", "parsed"),
    [
        ("", ("", None)),
        ("8", ("", 8.0)),
        ("8h", ("", 8.0)),
        ("copy 1.5", ("copy", 1.5)),
        ("my notes.md", ("my notes.md", None)),
        ("my notes.md 12", ("my notes.md", 12.0)),
    ],
)
def test_what_a_handover_may_be_asked_for(argument: str, parsed: tuple[str, float | None]) -> None:
    assert parse_handover(argument) == parsed


def test_hours_that_are_none_are_refused_and_documents_of_one_minute_have_names_of_their_own() -> None:
    for wrong in ("0", "100000", "copy 0h"):
        with pytest.raises(UsageError):
            parse_handover(wrong)
    first, second, *_ = names_for("", datetime(2026, 11, 24, 3, 14, tzinfo=UTC))
    assert (first.name, second.name) == ("cftui-handover-20261124-0314.md", "cftui-handover-20261124-0314-2.md")


# The terminal


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [("osc9", "OSC 9", "9;cftui x; y: "), ("osc777", "OSC 777", "777;notify;cftui x, y;"), ("osc99", "OSC 99", "99;")],
)
def test_no_text_leaves_the_notification_that_it_stands_in(kind: str, name: str, content: str) -> None:
    told = list(tokens(notification(kind, "cftui x; y", HOSTILE * 30, {}).encode()))
    assert {token.name for token in told} == {name}
    assert told[0].content.startswith(content)
    assert all(token.content.isprintable() and len(token.content) < 300 for token in told)
    wrapped = notification(kind, "cftui x; y", HOSTILE, {"TMUX": "/tmp/tmux-0/default,1,0"})
    inside = wrapped.removeprefix("\x1bPtmux;").removesuffix("\x1b\\")
    assert len(inside) == len(wrapped) - len("\x1bPtmux;\x1b\\")
    assert not re.search("(?<!\x1b)(\x1b\x1b)*\x1b(?!\x1b)", inside), "tmux ends at an escape that is not doubled"
    assert inside.replace("\x1b\x1b", "\x1b") == notification(kind, "cftui x; y", HOSTILE, {})


def test_in_screen_a_notification_is_wrapped_once() -> None:
    plain = notification("osc9", "cftui", HOSTILE, {})
    assert notification("osc9", "cftui", HOSTILE, {"STY": "1.pts-0"}) == f"\x1bP{plain}\x1b\\"
    assert plain.count("\x1b") == 1


def test_a_title_is_one_clean_line() -> None:
    (told,) = tokens(title(f"cftui {HOSTILE * 50}").encode())
    assert told.name == "OSC 2"
    assert told.content.isprintable()
    assert len(told.content) < 90


def configure(home: Path, profile: str, server: SimulatorServer, more: str) -> None:
    config = home / "config" / "cftui" / "config.toml"
    config.parent.mkdir(parents=True, mode=0o700)
    config.write_text(
        f"poll_idle_s = 1\npoll_active_s = 1\n{more}\n[profiles.{json.dumps(profile)}]\n"
        f'url = "{server.url}"\nemail = "{server.cloud.email}"\n'
    )


def titles(told: Iterable[Token]) -> list[str]:
    return [token.content.removeprefix("2;") for token in told if token.name == "OSC 2"]


def test_on_a_terminal_the_title_counts_and_a_notification_comes_once_nobody_looks(
    start_simulator: StartSimulator, tmp_path: Path
) -> None:
    """Profile and VM have names that would write a title of their own."""
    server = start_simulator(vms=0)
    server.cloud.add_vm(HOSTILE)
    configure(tmp_path, HOSTILE, server, 'notify = "osc9"')
    server.faults.always("POST", faults.status(422, json.dumps({"message": HOSTILE})))
    env = {"CFTUI_URL": "", "CFTUI_PROFILE": HOSTILE}
    with Cockpit(server, tmp_path, env=env) as cockpit:
        cockpit.open()
        assert cockpit.written.count(b"\x1b[22;2t") == 1
        cockpit.confirm_reboot()
        cockpit.see("rejected")
        cockpit.listen(2.5)
        assert b"\x1b]9;" not in cockpit.written, "somebody looks"
        cockpit.confirm_reboot()
        cockpit.type(BLURRED)
        cockpit.wait_for("\x1b]9;", within_s=10)
        cockpit.rest(0.2)
        cockpit.type("nn")
        cockpit.rest(0.3, first_within_s=2.0)
        cockpit.type("q")
        assert cockpit.wait(10) == 0
    told = list(tokens(cockpit.written))
    names = [token.name for token in told]
    name = clean(HOSTILE)
    counted = [found.removeprefix(f"cftui {cut(name, 30)}") for found in titles(told)]
    assert [found for found in counted if "►" not in found] == ["", " ×1", " ×2", " ×1", ""]
    assert all(before != after for before, after in pairwise(counted)), "what is the same is not written again"
    (sent,) = (token for token in told if token.name == "OSC 9")
    assert sent.content.startswith(f"9;cftui {name}: {name} reboot rejected, ")
    assert sent.content.isprintable()
    assert names.count("C0 BEL") == 1
    assert names.count("CSI 23;2t") == 1
    assert names.index("CSI 23;2t") > len(names) - 1 - names[::-1].index("OSC 2")


def test_a_title_is_left_alone_where_it_is_not_wanted(start_simulator: StartSimulator, tmp_path: Path) -> None:
    server = start_simulator(vms=1)
    configure(tmp_path, "prod", server, "title = false")
    with Cockpit(server, tmp_path, env={"CFTUI_URL": "", "CFTUI_PROFILE": "prod"}) as cockpit:
        cockpit.see("live")
        cockpit.type("q")
        assert cockpit.wait(10) == 0
    assert not {token.name for token in tokens(cockpit.written)} & {"OSC 2", "CSI 22;2t", "CSI 23;2t"}


def test_a_console_has_no_title() -> None:
    assert has_title({"TERM": "xterm-256color"})
    assert not any(has_title({"TERM": term}) for term in ("linux", "linux-16color", "dumb", "vt100", ""))
    assert not has_title({})
