"""How things stand, in words: the status line, the banner, the facts in the list's rule, the notes of an empty list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from cftui.clock import Clock
from cftui.fleet.history import HistoryEntry, Stage
from cftui.fleet.rules import read_only_words
from cftui.operations.runs import OVER, RunState
from cftui.operations.state import LinkState, Update
from cftui.text import age, clean, clock_time, count, cut, duration
from cftui.tui.cockpit import ProfileBadge
from cftui.tui.glyphs import Glyphs
from cftui.tui.listing import Listing
from cftui.tui.look import Line, Part, cells_of
from cftui.tui.run_telling import subject
from cftui.tui.telling import is_in_progress
from cftui.tui.widgets.bars import Standing
from cftui.tui.writing import left_words, may_change, seconds_left

_TRIP_STEPS_MS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 60_000)
"""Round trips are told in steps, so that the line stands still while the network breathes."""
_LONG_PATH = re.compile(r"'/[^']*?/([^'/]+/[^'/]+)'")
"""A banner has one line: of a path its end is enough, and what is wrong with it comes after it."""


def is_fresh(update: Update) -> bool:
    """Whether what is shown can be acted on and deserves its colours."""
    link = update.link
    if update.view.read_at is not None:
        return link.state is LinkState.LIVE
    return link.is_loading and link.last_known_at is None


def not_live_reason(update: Update) -> str:
    """Why nothing can be sent at all; empty when it can."""
    match update.link.state:
        case LinkState.CONNECTING:
            return "the VMs were not read yet"
        case LinkState.OFFLINE:
            return f"offline, {clean(update.link.cause) or 'the cloud does not answer'}"
        case LinkState.UNAUTHORISED:
            return "not signed in"
        case _ if update.view.read_at is None:
            return "the VMs were not read yet"
        case _:
            return f"no journal: {_sentence(update.journal_problem)}" if update.journal_problem else ""


def _sentence(text: str) -> str:
    """The first of several, to stand within another."""
    return clean(text.partition(". ")[0].rstrip("."))


def cannot_send(update: Update, clock: Clock) -> tuple[str, str]:
    """Why nothing at all can be sent now, and the way out, which may be empty; twice empty when it can."""
    if reason := not_live_reason(update):
        return reason, ""
    return ("", "") if may_change(update, clock) else read_only_words(update.locked_by)


def standing(
    update: Update, profile: ProfileBadge, clock: Clock, unseen: Sequence[HistoryEntry], trip: str
) -> Standing:
    """What the status line says now; `trip` is the round trip as it is told."""
    link = update.link
    unknown = sum(entry.stage is Stage.UNKNOWN for entry in unseen)
    words, is_stale = _age(update, clock)
    return Standing(
        profile=clean(profile.name),
        is_production=profile.is_production,
        modes=(("NO TLS",) if profile.is_clear else ())
        + (("NO JOURNAL",) if update.journal_problem else ())
        + (() if may_change(update, clock) else ("READ-ONLY",))
        + (("PAUSED",) if link.is_paused else ()),
        writes_for="" if (left := seconds_left(update, clock)) is None else left_words(left),
        account=clean(link.account or profile.email),
        host=clean(profile.host),
        in_progress=sum(map(is_in_progress, update.view.history)),
        failed=len(unseen) - unknown,
        unknown=unknown,
        age=words,
        is_stale=is_stale,
        round_trip=trip if link.state is LinkState.LIVE else "",
    )


def _age(update: Update, clock: Clock) -> tuple[str, bool]:
    link, read_at = update.link, update.view.read_at
    if read_at is None:
        if link.last_known_at is not None:
            return _last_known(link.last_known_at, clock)
        return ("reading", False) if link.state is LinkState.CONNECTING else ("no data", True)
    seconds = clock.monotonic() - read_at
    if link.state is LinkState.LIVE:
        return ("live", False) if seconds < 2 * link.poll_interval_s else (age(seconds), link.is_paused)
    return f"data {age(seconds)}", True


def _last_known(at: float, clock: Clock) -> tuple[str, bool]:
    return f"data {age(clock.now().timestamp() - at)}", True


class RoundTrip:
    """The round trip in coarse steps: up at once, down only when it is far below, so that it does not flicker."""

    def __init__(self) -> None:
        self._step_ms = 0

    def told(self, seconds: float | None) -> str:
        """`<50 ms`; empty before the first good request."""
        if seconds is None:
            return ""
        if not self._step_ms / 5 <= seconds * 1000 < self._step_ms:
            self._step_ms = next((step for step in _TRIP_STEPS_MS if seconds * 1000 < step), _TRIP_STEPS_MS[-1])
        return f"<{self._step_ms} ms" if self._step_ms < 1000 else f"<{self._step_ms // 1000} s"


def banner(update: Update, clock: Clock, refresh_key: str, pause_key: str, run_key: str = "") -> tuple[Line, str]:
    """The most serious thing that changes the rules, and its background; an empty line when nothing does.

    Args:
        update: What is known.
        clock: The time.
        refresh_key: The key that asks the cloud now.
        pause_key: The key that goes on refreshing.
        run_key: The key that opens a run; empty where interrupted ones are not told of.
    """
    link = update.link

    def said(*texts: str) -> Line:
        """Every second text bold."""
        return [Part(text, "*oncaution" if index % 2 == 0 else "oncaution") for index, text in enumerate(texts)]

    if link.state is LinkState.UNAUTHORISED:
        cause = clean(link.cause) or "the cloud refused e-mail and password"
        return said(
            "NOT SIGNED IN", f" {cause}.  ", refresh_key, " asks for the password.  Nothing can be sent."
        ), "caution"
    if link.state is LinkState.OFFLINE:
        since = _at(link.since, clock)
        line = said("OFFLINE", f" since {since}, {clean(link.cause) or 'no answer'}.  ")
        if link.next_try is not None:
            left = max(0.0, link.next_try - clock.monotonic())
            line += said("", "Next try in ", duration(left), ", ", refresh_key, " now.  ")
        return [*line, Part("Nothing can be sent.", "oncaution")], "caution"
    if update.journal_problem:
        problem = _LONG_PATH.sub(r"'…/\1'", clean(update.journal_problem))
        return said("NO JOURNAL", f" Nothing can be sent. {problem}"), "caution"
    if update.journal_gap:
        lost = clean(update.journal_gap.partition(";")[0].rstrip("."))
        return said("JOURNAL", f" {lost}. Until one action was confirmed by typing, each asks for it."), "caution"
    if link.cause and link.state in (LinkState.LIVE, LinkState.CONNECTING):
        line = said("READING" if link.next_try is None else "WAITING", f" {clean(link.cause)}.  ")
        if link.next_try is not None:
            line += said("", "Next try in ", duration(max(0.0, link.next_try - clock.monotonic())), ".")
        return line, "caution"
    if (writes_for := seconds_left(update, clock)) is not None:
        return said(
            "CHANGES ALLOWED",
            f" for {left_words(writes_for)} more, then read-only again.  ",
            ":ro",
            " ends it now.",
        ), "caution"
    if link.is_paused:
        return said(
            "PAUSED", " The list is not refreshed; actions in progress are.  ", pause_key, " goes on."
        ), "caution"
    interrupted = [run for run in update.runs if run.state is RunState.INTERRUPTED] if run_key else []
    if interrupted:
        run, more = interrupted[-1], len(interrupted) - 1
        left = sum(target.state not in OVER for target in run.targets)
        unsent = f"{subject(run)}: {count(left)} not done"
        others = f" And {count(more, 'other', 'others')}." if more else ""
        opens = " opens it; nothing is sent by itself."
        return said("INTERRUPTED", f" {unsent}.{others}  ", run_key, opens), "caution"
    if not may_change(update, clock):
        return _looking_only(update), "raised"
    return [], ""


def _looking_only(update: Update) -> Line:
    head = Part("Looking only", "*strong")
    tail = Part("No request that changes anything can leave this program.", "muted")
    if update.locked_by:
        return [head, Part(f", by {cut(clean(update.locked_by), 40)}. ", "text"), tail]
    way_out = [Part(":rw 10m", "*key"), Part(" allows changes for ten minutes.  ", "text")]
    return [head, Part(". ", "*strong"), *way_out, tail]


def _at(monotonic: float, clock: Clock) -> str:
    now = clock.now()
    return clock_time(now - timedelta(seconds=clock.monotonic() - monotonic), now)


def list_facts(update: Update, listing: Listing, clock: Clock) -> Line:
    """What stands behind `VMs`: how many, how many of them pass, and as of when."""
    link, total = update.link, len(listing.vms)
    if link.is_loading and link.total and update.view.read_at is None:
        facts = [Part(f"{count(link.loaded)} of {count(link.total)}", "text")]
    elif listing.query.text.strip():
        facts = [Part(f"{count(len(listing.order))} of {count(total)}", "text")]
    else:
        facts = [Part(count(total), "text")]
    if link.unreadable:
        facts += [Part("  "), Part(count(link.unreadable, "unreadable entry", "unreadable entries"), "warn")]
    if not is_fresh(update) and total:
        if update.view.read_at is not None:
            facts += [Part("  "), Part(f"as of {_at(update.view.read_at, clock)}", "warn")]
        elif link.last_known_at is not None:
            at = datetime.fromtimestamp(link.last_known_at, clock.now().tzinfo)
            facts += [Part("  "), Part(f"last known, {clock_time(at, clock.now())}", "warn")]
    return facts


def marks(listing: Listing, glyphs: Glyphs, cells: int) -> Line:
    """How many VMs are marked, and how many of them the filter hides; empty while none is.

    Args:
        listing: Has the marks.
        glyphs: The signs in force.
        cells: Room for it; where that is short, what hides them is left out.
    """
    if not listing.marks:
        return []
    line: Line = [Part(f"{glyphs.marked} {count(len(listing.marks))} marked", "*mark")]
    if hidden := listing.hidden_among(listing.marks):
        told = f", {count(hidden)} hidden by the filter"
        fits = cells_of(line) + len(told) <= cells
        line.append(Part(told if fits else f", {count(hidden)} hidden", "*warn"))
    return line


def loading_tail(update: Update, cells: int, bar: str, rest: str) -> list[Line]:
    """Below the rows that were read while more are coming: how many, and a bar that steps with each page."""
    link = update.link
    if not (link.is_loading and link.total and update.view.read_at is None) or link.loaded >= link.total:
        return []
    width = max(8, min(40, cells - 24))
    full = width * link.loaded // link.total
    return [
        [Part(f"{count(link.total - link.loaded)} more are being read. Filter and look now: only read ones.", "muted")],
        [Part(bar * full, "busy"), Part(rest * (width - full), "line")],
    ]


def notes(update: Update, listing: Listing, profile: ProfileBadge, clock: Clock, refresh_key: str) -> list[Line]:
    """What stands in the middle of a list without rows: whether that is an error, and the keys out."""
    link = update.link
    if listing.vms:
        hidden = len(listing.marks)
        under: Line = [Part(f"{count(len(listing.vms), 'VM')} hidden", "muted")]
        if hidden:
            under += [Part(", ", "muted"), Part(f"{hidden} of them marked", "*warn")]
        near = listing.nearest()
        advice: list[Line] = []
        if near is not None:
            typed, known = (cut(clean(word), 30) for word in near)
            advice = [
                [Part(f"no {typed}; nearest: {known}  ", "muted"), Part("tab", "*key"), Part(" takes it", "muted")]
            ]
        return [
            [Part("Nothing matches ", "*strong"), Part(cut(clean(listing.query.text), 40), "*key")],
            under,
            *advice,
            [],
            [Part("esc", "*key"), Part(" clear the filter", "muted")],
        ]
    if link.state is LinkState.UNAUTHORISED:
        return [
            [Part("Not signed in.", "*strong")],
            [Part(clean(link.cause) or "The cloud refused e-mail and password.", "muted")],
            [],
            [Part(refresh_key, "*key"), Part(" type the password again", "muted")],
        ]
    if link.state is LinkState.OFFLINE:
        return [
            [Part("Nothing is known yet.", "*strong")],
            [Part(f"{clean(profile.host)} does not answer: {clean(link.cause) or 'no answer'}", "muted")],
            [Part(clean(link.hint), "muted")],
            [Part(refresh_key, "*key"), Part(" try now", "muted")],
        ]
    if update.view.read_at is None:
        return [[Part("Reading the VMs.", "*strong")], [Part(clean(profile.host), "muted")]]
    seconds = duration(clock.monotonic() - update.view.read_at)
    return [
        [Part("No VMs in this account.", "*strong")],
        [Part(f"The list was read {seconds} ago and is empty; that is not an error.", "muted")],
        [],
        [Part(refresh_key, "*key"), Part(" read again     ", "muted"), Part("q", "*key"), Part(" quit", "muted")],
    ]


def since(history: Sequence[HistoryEntry], clock: Clock) -> str:
    """When the oldest action that is shown began: `02:41`."""
    if not history:
        return ""
    now = clock.now()
    return clock_time(history[-1].started, now, seconds=False)
