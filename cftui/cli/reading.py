"""`vms`, `vm` and `actions`: what the cloud says, read once and printed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from cftui.api.client import CloudReader
from cftui.api.errors import NotFound
from cftui.api.models import VM
from cftui.api.vm_list import Vm, VmPage
from cftui.cli import records
from cftui.cli.exit_codes import ExitCode
from cftui.cli.options import Options
from cftui.cli.output import Listing, emit
from cftui.cli.session import Session, open_session, run
from cftui.cli.targets import expand, resolve_all, resolve_one
from cftui.clock import Clock
from cftui.config.files import load_config
from cftui.config.folders import state_dir
from cftui.config.views import SavedView, find_view, views_of
from cftui.fleet.fleet import Fleet, Reading, View
from cftui.fleet.order import column_of, sort_key
from cftui.fleet.query import filter, parse
from cftui.fleet.rows import ActionRow, VmRow
from cftui.text import count


def vms(options: Options) -> ExitCode:
    """The list of VMs, all or those that pass a filter."""
    view_by_name = _saved_view(options.view)
    query = parse(" ".join([view_by_name.filter, *options.filter]))
    session = open_session(options)
    is_whole = options.form in ("json", "jsonl")
    view, models = run(_read(session, with_actions="act:" in query.text, is_whole=is_whole))
    rows = filter(query, view.vms.values(), doing=view.doing)
    if options.view is not None:
        rows.sort(key=sort_key(column_of(view_by_name.sort)), reverse=view_by_name.is_reversed)
    shown = [records.vm_whole(models[row.id]) if is_whole else records.vm_row(row) for row in rows]
    emit(records.vms(shown), options.form, options.columns)
    if not rows:
        session.tell(f"No VM passes; there are {count(len(view.vms), 'VM')}." if view.vms else "The account has no VM.")
    return ExitCode.DONE


def _saved_view(name: str | None) -> SavedView:
    """The view of a name; without one, the list as the cloud has it.

    Raises:
        UsageError: There is none of this name.
    """
    if name is None:
        return SavedView()
    return find_view(views_of(state_dir(os.environ), load_config(os.environ).settings.views), name)


def vm(options: Options) -> ExitCode:
    """One VM whole; as a table, one line an attribute."""
    listing = run(_read_vm(open_session(options), options.targets[0]))
    if options.form != "table" or options.columns:
        emit(listing, options.form, options.columns)
        return ExitCode.DONE
    attributes = [{"attribute": key, "value": value} for key, value in listing.records[0].items()]
    emit(Listing("", "", attributes, ("attribute", "value")), "table")
    return ExitCode.DONE


def actions(options: Options) -> ExitCode:
    """The cloud's action history, newest first."""
    session = open_session(options)
    view, rows = run(_read_actions(session, expand(options.targets)))
    names = {row.id: row.name for row in view.vms.values()}
    shown = [
        row
        for row in sorted(rows, key=lambda row: row.started or 0.0, reverse=True)
        if options.status in (None, row.status) and options.type in (None, row.type, row.type.replace("_", "-"))
    ]
    emit(records.actions(shown, names), options.form, options.columns)
    return ExitCode.DONE


async def read_view(reader: CloudReader, session: Session, *, with_actions: bool) -> View:
    """The whole list, and what is in progress if asked for, as the fleet sees it.

    Raises:
        CloudError: The list could not be read; a history that cannot be read is told and left out.
    """
    return await _view_of([row async for row in _told(reader.list_vms(), session)], reader, with_actions=with_actions)


async def _told(pages: AsyncIterator[VmPage[Vm]], session: Session) -> AsyncIterator[Vm]:
    """The VMs of all pages; entries that cannot be read are told."""
    unreadable = 0
    async for page in pages:
        unreadable += page.unreadable
        for vm in page.rows:
            yield vm
    if unreadable:
        session.tell(f"{count(unreadable, 'entry', 'entries')} of the list cannot be read and are left out.")


async def _view_of(rows: Sequence[VmRow], reader: CloudReader, *, with_actions: bool) -> View:
    found = (await reader.follow([row.id for row in rows])).rows if with_actions else None
    fleet = Fleet("")
    fleet.apply(
        Reading(1, "", Clock().monotonic(), vms=tuple(rows), is_whole_fleet=True, actions=found),
    )
    return fleet.view


async def _read(session: Session, *, with_actions: bool, is_whole: bool) -> tuple[View, dict[str, VM]]:
    """The list, and each VM whole by its id if that is asked for."""
    async with await session.reader() as reader:
        if not is_whole:
            return await read_view(reader, session, with_actions=with_actions), {}
        models = {vm.id: vm async for vm in _told(reader.list_whole_vms(), session)}
        return await _view_of([vm.row() for vm in models.values()], reader, with_actions=with_actions), models


async def _read_vm(session: Session, target: str) -> Listing:
    async with await session.reader() as reader:
        view = await read_view(reader, session, with_actions=False)
        found = resolve_one(target, view)
        return records.vms([records.vm_whole(await reader.get_vm(found.id))])


async def _read_actions(session: Session, targets: list[str]) -> tuple[View, tuple[ActionRow, ...]]:
    async with await session.reader() as reader:
        view = await read_view(reader, session, with_actions=False)
        wanted = [row.id for row in resolve_all(targets, view)] if targets else list(view.vms)
        if not targets:
            with suppress(NotFound):  # then each VM's own list, as far as there are any
                return view, await reader.actions(whole=True)
        try:
            return view, tuple([row for vm_id in wanted for row in await reader.vm_actions(vm_id)])
        except NotFound:
            pass
        try:
            return view, tuple(row for row in await reader.actions(whole=True) if row.vm_id in set(wanted))
        except NotFound:
            session.tell("This cloud lets no actions be read.")
            return view, ()
