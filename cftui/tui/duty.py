"""What somebody on duty asks for beside actions: watch marks, and the handover of a shift."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cftui.config.whoami import user_and_machine
from cftui.errors import UsageError
from cftui.fleet.handover import Shift, handover
from cftui.fleet.query import filter as passing
from cftui.fleet.query import parse
from cftui.fleet.rows import VmRow
from cftui.text import clean, count, cut, number
from cftui.tui.choosing import filter_of
from cftui.tui.look import Part

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp

_LONGEST_H = 24 * 31
_SAME_MINUTE = 20
"""So many documents of one minute get names of their own."""


class Duty:
    """Watch marks and handovers, by key and by word.

    Args:
        app: Has what is known, and says things.
    """

    def __init__(self, app: CftuiApp) -> None:
        self._app = app
        self._since = app.clock.now().replace(microsecond=0)  # the cloud tells whole seconds

    # Watch marks

    def toggle(self, vm: VmRow) -> None:
        """Watch a VM, or watch it no more."""
        watching, glyphs = self._app.announcing.watching, self._app.look.glyphs
        name = cut(clean(vm.name), 40)
        if vm.id in watching.ids:
            watching.unwatch([vm.id])
            self._app.say([Part(f"{name} is not watched any more", "text")])
        else:
            watching.watch([vm])
            words = f"{glyphs.watched} {name} is watched"
            self._app.say([Part(words, "*busy"), Part("  whatever happens to it is told", "text")])
        self._app.show_watched()

    def watch(self, argument: str) -> None:
        """Watch all VMs that pass a filter; `none` watches none, and nothing tells which are watched.

        Raises:
            UsageError: The filter cannot be read.
        """
        app, watching = self._app, self._app.announcing.watching
        sign = app.look.glyphs.watched
        if argument.lower() == "none":
            number_before = len(watching.ids)
            watching.unwatch(watching.ids)
            app.say([Part(f"{count(number_before, 'watch mark')} taken away", "text")])
        elif not argument:
            words = f"{count(len(watching.ids), 'VM')} watched"
            app.say([Part(f"{sign} {words}", "*busy"), Part(f"  {self._names()}", "text")])
        else:
            view, marks = app.update_now.view, app.cockpit.listing.marks
            found = passing(parse(filter_of(argument)), view.vms.values(), marked=marks, doing=view.doing)
            more = watching.watch(found)
            told = f"  {count(len(found))} pass{'es' if len(found) == 1 else ''} {cut(clean(argument), 32)}"
            app.say([Part(f"{sign} {count(more)} more watched", "*busy"), Part(told, "text")])
        app.show_watched()

    def _names(self) -> str:
        vms, ids = self._app.update_now.view.vms, self._app.announcing.watching.ids
        names = sorted(cut(clean(vms[vm_id].name), 24) for vm_id in ids & vms.keys())
        return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")

    # Handover

    async def handover(self, argument: str) -> None:
        """Write the shift's timeline to a file, or copy it.

        Args:
            argument: `[FILE | copy] [HOURS]`; a name of its own, and since this cockpit was opened.

        Raises:
            UsageError: The time is none, or the file cannot be written.
        """
        target, hours = parse_handover(argument)
        until = self._app.clock.now().astimezone()
        since = self._since.astimezone() if hours is None else until - timedelta(hours=hours)
        text = self._document(since, until)
        if target == "copy":
            self._app.copy_text(text)
            return
        path = await asyncio.to_thread(_write, target, until, text)
        period = f"since {since:%H:%M}" if hours is None else f"the last {number(hours)} h"
        self._app.say([Part(f"handover written, {period}", "*good"), Part(f"  {clean(str(path))}", "text")])

    def _document(self, since: datetime, until: datetime) -> str:
        app, view = self._app, self._app.update_now.view
        plans = {token: submission.plan_id for token, submission in view.submissions.items()}
        profile, link = app.profile, app.update_now.link
        shift = Shift(since, until, profile.name, link.account or profile.email, profile.host, user_and_machine())
        return handover(view.history, plans, shift)


def parse_handover(argument: str) -> tuple[str, float | None]:
    """`[FILE | copy] [HOURS]` into both; empty, and None, for what is not given.

    Raises:
        UsageError: There are no so many hours.
    """
    head, _, last = argument.strip().rpartition(" ")
    written = last.removesuffix("h")
    if not written.replace(".", "", 1).isdecimal():
        return argument.strip(), None
    hours = float(written)
    if not 0 < hours <= _LONGEST_H:
        raise UsageError(f"{cut(clean(last), 12)} hours are none.", hint=f"Above 0, {_LONGEST_H} at most.")
    return head.strip(), hours


def names_for(target: str, until: datetime) -> Sequence[Path]:
    """Where a document may be written, in this order: the first name that is free is taken."""
    if target:
        return [Path(target).expanduser()]
    stem = f"cftui-handover-{until:%Y%m%d-%H%M}"
    return [Path(f"{stem}{f'-{nth}' if nth > 1 else ''}.md") for nth in range(1, _SAME_MINUTE)]


def _write(target: str, until: datetime, text: str) -> Path:
    """Write a document that only its owner may read; nothing is overwritten, and no link followed.

    Raises:
        UsageError: It cannot be written.
    """
    shown = cut(clean(target), 60) or "The handover"
    try:
        for path in names_for(target, until):
            with contextlib.suppress(FileExistsError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
                    file.write(text)
                return path
    except (OSError, RuntimeError, ValueError) as error:  # also the home of nobody, and a name that no file can have
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise UsageError(f"{shown} cannot be written: {clean(why)}.") from error
    raise UsageError(f"{shown} exists already.", hint="Name another file.")
