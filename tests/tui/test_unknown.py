"""What is known of a request whose answer was lost; and errors that have no place of their own."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cftui.errors import UsageError
from cftui.fleet.fleet import View
from cftui.fleet.history import Finding, Stage, Submission, entry_of_submission
from cftui.tui.modals.notices import Problem, UnknownOutcome
from tests.tui.stage import HOSTILE, HOSTILE_SHOWN, NOTHING, SMALL, DialogApp, shown, vm

SENT = Submission(
    token="3f" * 16,
    plan_id="p",
    vm_id=vm().id,
    vm_name="api-09",
    type="reboot",
    body='{"type": "reboot"}',
    stage=Stage.UNKNOWN,
    intended=datetime(2026, 11, 24, 3, 13, 44, tzinfo=UTC).timestamp(),
    before=vm("api-09"),
    reason="read-error",
)
ABSENT = replace(SENT, finding=Finding.ABSENT, is_settled=True, message="no trace so far; it may still arrive")


def unknown(sent: Submission) -> UnknownOutcome:
    return UnknownOutcome(entry_of_submission(sent, None), sent)


async def test_while_it_is_looked_up_it_cannot_be_sent_again() -> None:
    async with (app := DialogApp(unknown(SENT))).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        text = shown(app)
        for part in (
            "What became of reboot on api-09?",
            "do not repeat it yet",
            "Sent 03:13:44, 10 s ago; the connection broke before the answer came.",
            "All nine actions on this VM wait for it.",
            "running, api-09",
            "none so far",
            "not now: only if the look-up ends without a trace",
            "– Send again…",
        ):
            assert part in text
        await pilot.press("r")
        assert app.answer == NOTHING
        await pilot.press("enter")
        assert app.answer is None


async def test_it_may_be_sent_again_once_the_look_up_ended_without_a_trace() -> None:
    async with (app := DialogApp(unknown(ABSENT))).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "The first request may still arrive: then it happens twice." in shown(app)
        await pilot.press("r")
        assert app.answer == "resend"


@pytest.mark.parametrize("finding", [Finding.PROBABLE, Finding.SEVERAL])
async def test_it_is_not_offered_again_when_something_fits(finding: Finding) -> None:
    async with (app := DialogApp(unknown(replace(ABSENT, finding=finding)))).run_test() as pilot:
        await pilot.press("r", "tab", "r")
        assert app.answer == NOTHING


async def test_it_follows_what_becomes_known() -> None:
    views = [View(submissions={SENT.token: SENT})]
    dialog = UnknownOutcome(entry_of_submission(SENT, None), SENT, view=lambda: views[-1])
    async with (app := DialogApp(dialog)).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        done = replace(SENT, stage=Stage.COMPLETED, message="very likely yours (not proven)", is_settled=True)
        views.append(View(submissions={SENT.token: done}, history=(entry_of_submission(done, None),)))
        dialog.fleet_moved()
        await pilot.pause()
        assert "now completed" in shown(app)
        assert "very likely yours (not proven)" in shown(app)
        await pilot.press("r")
        assert app.answer == NOTHING


async def test_everything_can_be_copied() -> None:
    async with (app := DialogApp(unknown(SENT))).run_test() as pilot:
        await pilot.press("ctrl+y")
        (text,) = app.copied
        assert "act:3f3f3f3f" in text
        assert '{"type": "reboot"}' in text


@pytest.mark.parametrize("size", SMALL)
async def test_hostile_words_are_harmless_at_every_size(size: tuple[int, int]) -> None:
    async with (app := DialogApp(unknown(replace(ABSENT, vm_name=HOSTILE, message=HOSTILE)))).run_test(
        size=size
    ) as pilot:
        seen = shown(app)
        for _ in range(8):
            await pilot.press("down")
            seen += shown(app)
        assert HOSTILE_SHOWN in seen
        assert "Close" in seen


@pytest.mark.parametrize("size", SMALL)
async def test_a_problem_says_what_to_do_next(size: tuple[int, int]) -> None:
    error = UsageError(f"No VM has the name {HOSTILE!r}.", hint="Nearest: web-1.")
    async with (app := DialogApp(Problem(error))).run_test(size=size) as pilot:
        await pilot.pause()
        text = shown(app)
        assert "Cannot do that" in text
        assert "Nearest: web-1." in text
        await pilot.press("ctrl+y", "enter")
        assert app.copied == [f"Cannot do that: {error}"]
        assert app.answer is None


@pytest.mark.fault("34", "35", "37", "38", "108")
@pytest.mark.parametrize(
    ("finding", "message", "told", "may_resend"),
    [
        (
            Finding.PROBABLE,
            "very likely yours, not proven: completed",
            "very likely yours (not proven) completed",
            False,
        ),
        (Finding.SEVERAL, "several fit (2: 10:02:01, 10:02:04)", "several fit (2: 10:02:01, 10:02:04)", False),
        (Finding.ABSENT, "no trace so far; it may still arrive", "no trace so far", True),
        (Finding.UNVERIFIABLE, "cannot be found out from here; check the VM", "cannot be found out from here", True),
        (Finding.LATE, "it did arrive late: very likely yours, not proven", "it did arrive late", False),
    ],
)
async def test_each_finding_has_its_words_and_only_two_may_be_sent_again(
    finding: Finding, message: str, told: str, may_resend: bool
) -> None:
    sent = replace(ABSENT, finding=finding, message=message)
    async with (app := DialogApp(unknown(sent))).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = " ".join(shown(app).replace("│", " ").split())
        assert told in text
        assert "Sent 03:13:44, 10 s ago;" in text
        assert ("The first request may still arrive: then it happens twice." in text) is may_resend
        app.clock.turn(150)
        dialog = app.screen
        assert isinstance(dialog, UnknownOutcome)
        dialog.tick()
        await pilot.pause()
        assert "Sent 03:13:44, 2 m ago;" in shown(app)
        await pilot.press("r")
        assert (app.answer == "resend") is may_resend


async def test_it_is_not_sent_again_while_nothing_may_be_sent() -> None:
    dialog = UnknownOutcome(entry_of_submission(ABSENT, None), ABSENT, held=lambda: "read-only → :rw 10m")
    async with (app := DialogApp(dialog)).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "Send again: not now: read-only → :rw 10m" in shown(app)
        await pilot.press("r")
        assert app.answer == NOTHING
