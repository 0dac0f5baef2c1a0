"""`watch`: one line an event, until all of it has ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from cftui.api.errors import Unauthorized
from cftui.cli import records
from cftui.cli.exit_codes import ExitCode, of_outcome, of_several
from cftui.cli.follow import LinkTeller, ProgressTeller, event_line, updates
from cftui.cli.options import Options
from cftui.cli.output import emit, write
from cftui.cli.session import Session, open_session, run
from cftui.cli.targets import expand, resolve_all
from cftui.clock import Clock
from cftui.errors import UsageError
from cftui.fleet import effects
from cftui.fleet.fleet import View
from cftui.fleet.history import HistoryEntry
from cftui.operations.engine import Engine
from cftui.operations.state import LinkState
from cftui.text import clean

_HANDLE = "act:"


def watch(options: Options) -> ExitCode:
    """Watch what is in progress: all of it, or that of some VMs, or what handles name.

    Lines go to stdout as things happen; with `-o json` the ends come as one document.
    """
    words = expand(options.targets)
    session = open_session(options)
    seen = run(_watch(session, words))
    if options.form in ("json", "csv", "excel", "name"):
        types = {entry.type for entry in seen}
        listing = records.run(types.pop() if len(types) == 1 else None, [records.result(entry) for entry in seen])
        emit(listing, options.form, options.columns)
    if not seen:
        session.tell("Nothing is in progress.")
    return of_several(_code(entry) for entry in seen)


async def _watch(session: Session, words: Sequence[str]) -> list[HistoryEntry]:
    """Follow to the end, or to `--timeout`; returns the entries as last seen."""
    account = await session.account(is_read_only=True)
    engine = session.engine(account)
    await engine.start()
    try:
        first = await engine.first_reading()
        ids = [entry.id for entry in chosen(words, first.view)]
        try:
            async with asyncio.timeout(session.options.timeout):
                await _follow(engine, ids, session)
        except TimeoutError:
            session.tell("The time is over; what has not ended goes on in the cloud.")
        return list(_entries(engine.view, ids).values())
    finally:
        await engine.stop()


async def _follow(engine: Engine, ids: Sequence[str], session: Session) -> None:
    """Print each event until all have ended."""
    form, clock = session.options.form, Clock()
    link, progress, told = LinkTeller(session.tell), ProgressTeller(session.tell), dict[str, str]()
    async for update in updates(engine):
        link(update.link)
        seen = _entries(update.view, ids)
        for id_, entry in seen.items():
            line = event_line(entry)
            if told.get(id_) == line:
                continue
            told[id_] = line
            if form == "jsonl":
                write(json.dumps(records.result(entry)) + "\n")
            elif form == "table":
                write(f"{clock.now().astimezone():%H:%M:%S}  {clean(line)}\n")
        progress(seen.values(), update)
        if all(entry.is_settled for entry in seen.values()):
            return
        if update.link.state is LinkState.UNAUTHORISED:  # nobody is here to give other credentials
            raise Unauthorized(update.link.cause or "The cloud refused the e-mail and password.", status=401)


def chosen(words: Sequence[str], view: View) -> list[HistoryEntry]:
    """What is to be watched.

    Raises:
        UsageError: A handle that this machine's journal does not have, or a target that fits no VM or several.
    """
    if not words:
        return [entry for entry in view.history if not entry.is_settled]
    handles = [word for word in words if word.startswith(_HANDLE)]
    found: dict[str, HistoryEntry] = {}
    for handle in handles:
        named = [entry for entry in view.history if entry.handle and entry.handle == handle]
        if len(named) != 1:
            raise UsageError(
                f"The journal has no {clean(handle)!r} for this account.", hint="`cftui journal` lists the handles."
            )
        found[named[0].id] = named[0]
    vm_ids = {vm.id for vm in resolve_all([word for word in words if word not in handles], view)}
    found.update({entry.id: entry for entry in view.history if entry.vm_id in vm_ids and not entry.is_settled})
    return list(found.values())


def _code(entry: HistoryEntry) -> ExitCode:
    """Only the effect of our own requests is looked for on the VM; of others', the cloud's word is all there is."""
    is_verifiable = entry.is_own and effects.is_verifiable(entry.type)
    return of_outcome(entry.stage, is_verifiable=is_verifiable, is_probable=entry.is_probable)


def _entries(view: View, ids: Sequence[str]) -> dict[str, HistoryEntry]:
    wanted = set(ids)
    return {entry.id: entry for entry in view.history if entry.id in wanted}
