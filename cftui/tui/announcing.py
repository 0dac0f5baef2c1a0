"""What came to an end, or waits for somebody: told in a rule, by a bell, through the terminal, and in its title."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from cftui.fleet.history import Finding, HistoryEntry, Stage
from cftui.operations.account import account_name
from cftui.operations.plan import Workflow
from cftui.operations.runs import RunView, TargetState, TargetView
from cftui.operations.state import Update
from cftui.text import clean, count, cut
from cftui.tui import terminal
from cftui.tui.alarm import GATHERED_S, LONG_S, Alarm, News, counts_words, summary
from cftui.tui.attention import Runs, entry_of, turns
from cftui.tui.driver import TerminalDriver
from cftui.tui.look import Part
from cftui.tui.telling import needs_eyes, told
from cftui.tui.watching import Watching
from cftui.tui.workflow_words import NAMES

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp
    from cftui.tui.attention import Attention
    from cftui.tui.widgets.bars import Standing

_COUNTED_AS = {
    TargetState.DONE: "ok",
    TargetState.FAILED: "failed",
    TargetState.UNKNOWN: "unknown",
    TargetState.LEFT_OUT: "not begun",
}


class Announcing:
    """Tells news once, and rings for those that are worth it.

    Args:
        app: Shows them; has the terminal.
        attention: Knows which outcomes are new.
    """

    def __init__(self, app: CftuiApp, attention: Attention) -> None:
        self._app = app
        self._attention = attention
        self._since = app.clock.now().timestamp()
        self._runs = Runs()
        self._alarm = Alarm()
        profile = app.profile
        self.watching = Watching(app.settings.state_dir, account_name(profile.api, profile.email))
        self._has_title = app.settings.has_title and terminal.has_title(os.environ)

    def take(self, update: Update) -> None:
        """Something newer is known: one message for all that is news, and perhaps a bell a little later."""
        outcomes = self._outcomes(update)
        ended, asking = self._runs.take(update.runs)
        watched = self.watching.take(update, self._app.moment())
        self._say(outcomes, ended, asking, watched)
        news = [self._of_outcome(entry, update) for entry in outcomes if self._is_worth_it(entry)]
        news += [_of_run(run) for run in ended] + [self._of_turn(*one) for one in asking] + watched
        if self._alarm.add(news):
            self._app.set_timer(GATHERED_S, self._ring)

    def entitle(self, standing: Standing) -> None:
        """Keep the terminal's title: `cftui staging ►3 ×1 ?1`; nothing is written while it stays the same."""
        driver = self._app._driver
        if not self._has_title or not isinstance(driver, TerminalDriver):
            return
        glyphs = self._app.look.glyphs
        signs, numbers = (glyphs.busy, glyphs.failed, glyphs.unknown), (standing.in_progress, standing.failed)
        counts = zip(signs, (*numbers, standing.unknown), strict=True)
        told_counts = (f"{sign}{count(number)}" for sign, number in counts if number)
        driver.entitle(terminal.title(" ".join(["cftui", cut(standing.profile, 30), *told_counts])))

    # What is news.

    def _outcomes(self, update: Update) -> list[HistoryEntry]:
        """Our own actions that ended, newest first; of those of a run only what went wrong, but for what it left out.

        The rest is told by the run itself, at its end.
        """
        changed, submissions = update.change.entries, update.view.submissions
        begun = {id_ for id_ in changed if id_ in submissions and submissions[id_].intended >= self._since}
        ended = self._attention.outcomes(update.view.history, changed, begun)
        targets = [target for run in update.runs for target in run.targets] if ended else []
        of_runs = {token for target in targets for token in target.tokens}
        left_out = {token for one in targets if one.state is TargetState.LEFT_OUT for token in one.tokens}
        return [e for e in ended if e.id not in of_runs or (needs_eyes(e) and e.id not in left_out)]

    def _is_worth_it(self, entry: HistoryEntry) -> bool:
        is_long = self._app.moment().elapsed(entry) > LONG_S
        return needs_eyes(entry) or is_long or entry.vm_id in self.watching.ids

    def _of_outcome(self, entry: HistoryEntry, update: Update) -> News:
        said, moment = told(entry, self._app.moment()), self._app.moment()
        submission = update.view.submissions.get(entry.id)
        is_unknown = entry.stage is Stage.UNKNOWN and entry.finding is not Finding.LATE
        counted = "unknown" if is_unknown else "failed" if needs_eyes(entry) else "ok"
        words = f"{cut(clean(entry.vm_name), 40)} {clean(entry.type)} {said.word}"
        return News(
            clean(entry.type),
            f"{words}, {said.text}" if said.text else words,
            {counted: 1},
            moment.elapsed(entry),
            submission.plan_id if submission is not None else "",
        )

    def _of_turn(self, run: RunView, target: TargetView) -> News:
        words = f"{cut(clean(target.vm_name), 40)} {_label(run)}: {clean(target.message) or 'your turn'}"
        waited_s = self._app.clock.monotonic() - (target.began_at or 0.0)
        return News(_label(run), words, {"your turn": 1}, waited_s)

    # Telling it.

    def _say(
        self,
        outcomes: list[HistoryEntry],
        ended: list[RunView],
        asking: list[tuple[RunView, TargetView]],
        watched: list[News],
    ) -> None:
        """The gravest of it as a message, which stands until the next one; the rest is in Actions."""
        glyphs = self._app.look.glyphs
        if asking:
            words = summary([self._of_turn(*one) for one in asking])
            key = Part(f"  {self._app.key_of('next')}", "*key")
            self._app.say([Part(f"{glyphs.warn} {words}", "*warn"), key])
        elif ended:
            news = [_of_run(run) for run in ended]
            is_good = all(target.state is TargetState.DONE for run in ended for target in run.targets)
            sign, ink = (glyphs.good, "*good") if is_good else (glyphs.warn, "*warn")
            self._app.say([Part(f"{sign} {summary(news)}", ink)])
        elif len(outcomes) == 1:
            said = told(outcomes[0], self._app.moment())
            head = f"{said.glyph} {clean(outcomes[0].vm_name)} {clean(outcomes[0].type)} {said.word}"
            self._app.say([Part(head, f"*{said.ink}"), Part(f"  {said.text}")])
        elif outcomes:
            is_bad = any(map(needs_eyes, outcomes))
            words = summary([self._of_outcome(entry, self._app.update_now) for entry in outcomes])
            self._app.say([Part(f"{glyphs.warn if is_bad else glyphs.good} {words}", "*warn" if is_bad else "*good")])
        elif watched:
            ink = "*warn" if any(one.is_urgent for one in watched) else "*busy"
            self._app.say([Part(f"{glyphs.watched} {summary(watched)}", ink)])

    def _ring(self) -> None:
        app = self._app
        words = self._alarm.ring(has_focus=app.app_focus)
        if not words:
            return
        if app.settings.bell:
            terminal.emit(app._driver, terminal.BELL)
        if app.settings.notify != "off":
            words = terminal.ascii_of(words) if app.is_ascii else words
            head = f"cftui {clean(app.profile.name)}"
            terminal.emit(app._driver, terminal.notification(app.settings.notify, head, words, os.environ))

    def turn_entries(self) -> list[HistoryEntry]:
        """The newest request of each VM that waits for a decision."""
        update = self._app.update_now
        asking = [target for _, target in turns(update.runs)]
        by_id = {entry.id: entry for entry in update.view.history} if asking else {}
        return [entry for target in asking if (entry := entry_of(target, by_id)) is not None]


def _label(run: RunView) -> str:
    return run.plan.type.value if run.plan.workflow is Workflow.NONE else NAMES[run.plan.workflow]


def _of_run(run: RunView) -> News:
    states = Counter(target.state for target in run.targets)
    counts = {word: states[state] for state, word in _COUNTED_AS.items()}
    began = [target.began_at for target in run.targets if target.began_at is not None]
    ended = [target.ended_at for target in run.targets if target.ended_at is not None]
    took_s = max(ended, default=0.0) - min(began) if began else 0.0
    label, only = _label(run), run.targets[0]
    words = f"{label}: {counts_words(counts)}"
    if len(run.targets) == 1:
        how = "done" if only.state is TargetState.DONE else _COUNTED_AS.get(only.state, "")
        words = f"{cut(clean(only.vm_name), 40)} {label} {how}"
        words = f"{words}, {clean(only.message)}" if only.message else words
    return News(label, words, counts, took_s, run.id, is_whole_run=True)
