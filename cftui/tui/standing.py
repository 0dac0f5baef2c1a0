"""How things stand, in words: the status line, the banner, the facts in the list's rule, the notes of an empty list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cftui.clock import Clock
from cftui.fleet.history import HistoryEntry, Stage
from cftui.operations.state import LinkState, Update
from cftui.text import age, clean, clock_time, count, cut, duration
from cftui.tui.cockpit import ProfileBadge
from cftui.tui.listing import Listing
from cftui.tui.look import Line, Part
from cftui.tui.telling import is_in_progress
from cftui.tui.widgets.bars import Standing

_TRIP_STEPS_MS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 60_000)
"""Round trips are told in steps, so that the line stands still while the network breathes."""


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
        case _:
            return "" if update.view.read_at is not None else "the VMs were not read yet"


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
        modes=(("READ-ONLY",) if update.is_read_only else ()) + (("PAUSED",) if link.is_paused else ()),
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


def banner(update: Update, clock: Clock, refresh_key: str, pause_key: str) -> tuple[Line, str]:
    """The most serious thing that changes the rules, and its background; an empty line when nothing does."""
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
    if link.is_paused:
        return said(
            "PAUSED", " The list is not refreshed; actions in progress are.  ", pause_key, " goes on."
        ), "caution"
    if update.is_read_only:
        return [
            Part("Looking only.", "*strong"),
            Part(" No request that changes anything can leave this program.", "muted"),
        ], "raised"
    return [], ""


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
    if not is_fresh(update) and total:
        if update.view.read_at is not None:
            facts += [Part("  "), Part(f"as of {_at(update.view.read_at, clock)}", "warn")]
        elif link.last_known_at is not None:
            at = datetime.fromtimestamp(link.last_known_at, clock.now().tzinfo)
            facts += [Part("  "), Part(f"last known, {clock_time(at, clock.now())}", "warn")]
    return facts


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
