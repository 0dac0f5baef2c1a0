"""What changes something: resolve the targets, make the plan, ask, send each request once, wait, say how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from cftui.cli import ends, records
from cftui.cli.confirming import confirm, is_live_snapshot, live_snapshot_words
from cftui.cli.ends import TargetEnd
from cftui.cli.exit_codes import ExitCode, of_several
from cftui.cli.follow import until_refused
from cftui.cli.journal import ACKNOWLEDGE, tell_unrecorded
from cftui.cli.options import Options
from cftui.cli.output import OutputError, emit, forget_stdout, named
from cftui.cli.planning import Prepared, check, prepare
from cftui.cli.progress import narrate
from cftui.cli.reading import read_view
from cftui.cli.session import Session, choose_for, open_session
from cftui.cli.signals import leave_soon
from cftui.cli.targets import expand
from cftui.errors import JournalError, ReadOnlyError, UsageError
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import ActionType, Power
from cftui.operations.engine import Engine
from cftui.operations.plan import Workflow
from cftui.operations.runs import RunView
from cftui.text import count

_LISTED = 20
"""Names and handles that one line lists; more are counted."""


def act(options: Options) -> ExitCode:
    """Run one verb or one workflow.

    Raises:
        UsageError: Before anything was sent: arguments, targets, count, no terminal to ask at.
        ReadOnlyError: Nothing may be changed.
        JournalError: The journal cannot be used; nothing was sent.
        CloudError: The list could not be read; nothing was sent.
    """
    check(options)
    choice = choose_for(options)
    if choice.is_read_only and not options.dry_run:
        raise ReadOnlyError(
            f"Read-only: {options.command} would change the cloud.",
            hint=f"It was made so by {choice.sources['read_only']}; --dry-run shows the requests.",
        )
    words = expand(options.targets)
    session = open_session(options)
    with asyncio.Runner() as runner:
        if options.dry_run:
            return _dry_run(session, runner.run(_prepare_dry(session, words)))
        return _Run(session, runner, words)()


class _Run:
    """One run on one engine, from first reading to exit code; a person is asked between two stretches of the loop."""

    def __init__(self, session: Session, runner: asyncio.Runner, words: list[str]) -> None:
        self._session = session
        self._options = session.options
        self._tell = session.tell
        self._runner = runner
        self._words = words
        self._engine: Engine | None = None
        self._run_id = ""

    def __call__(self) -> ExitCode:
        try:
            prepared = self._runner.run(self._prepare())
            _tell_skipped(self._session, prepared)
            if prepared.plan is None:
                return self._print(prepared, None)
            if is_live_snapshot(prepared) and self._options.yes:
                self._tell.error(f"Careful: {live_snapshot_words(prepared)}")
            if prepared.requests and not self._options.yes:
                assert self._engine is not None
                confirm(prepared, self._session.choice, self._engine.view.vms, self._tell)
            return self._print(prepared, self._runner.run(self._execute(prepared)))
        except KeyboardInterrupt:
            leave_soon(ExitCode.INTERRUPTED)
            self._tell_what_goes_on()
            raise
        finally:
            self._runner.run(self._close())

    async def _prepare(self) -> Prepared:
        account = await self._session.account(is_read_only=False)
        self._engine = self._session.engine(account)
        await self._engine.start()
        update = await self._engine.first_reading()
        if update.journal_problem:
            raise JournalError(update.journal_problem)
        if update.journal_gap:
            raise JournalError(f"{update.journal_gap} Nothing was sent.", hint=ACKNOWLEDGE)
        unreadable, vms = update.link.unreadable, update.view.vms
        if unreadable and not all(word in vms for word in self._words):
            raise UsageError(
                f"{count(unreadable, 'entry', 'entries')} of the list cannot be read, so a name or a filter may mean "
                "another VM; nothing was sent.",
                hint="Name the VMs by their whole ids.",
            )
        return prepare(self._options, self._words, update.view, account.base_url)

    async def _execute(self, prepared: Prepared) -> RunView:
        assert self._engine is not None
        assert prepared.plan is not None
        plan = prepared.plan
        self._run_id = plan.id
        narrator = asyncio.create_task(narrate(self._engine, plan, self._tell))
        try:
            await self._engine.execute(plan, prepared.order)
            if not self._options.no_wait:
                await _first_of(self._engine.end_of(plan.id), until_refused(self._engine))
            return self._view
        finally:
            await asyncio.sleep(0)  # the last news is told before the narrator goes
            narrator.cancel()
            await asyncio.gather(narrator, return_exceptions=True)

    @property
    def _view(self) -> RunView:
        run = self._engine.run(self._run_id) if self._engine is not None else None
        assert run is not None, "begun"
        return run.view

    def _print(self, prepared: Prepared, run: RunView | None) -> ExitCode:
        """Results to stdout; the code is that of the actions, whatever becomes of the output."""
        options, waited = self._options, not self._options.no_wait
        targets, sent = [ends.of_skipped(one) for one in prepared.skipped], dict[str, Submission]()
        if run is not None:
            assert self._engine is not None
            sent = ends.told(run, self._engine.view.submissions, waited=waited)
            targets += ends.of_run(run, sent, self._engine.view.vms, waited=waited)
        self._tell_ends(prepared, targets)
        code = of_several(end.code for end in targets)
        is_workflow = prepared.workflow is not Workflow.NONE
        results = [records.skipped(one.vm, prepared.type.value, one.reason) for one in prepared.skipped]
        results += [records.result(one) for one in sent.values()]
        listing = records.run(
            prepared.type.value,
            results,
            name_key="vm_name" if waited else "handle",
            workflow=prepared.workflow.value,
            targets=targets if is_workflow or len(targets) > 1 else (),
        )
        form = options.form
        if form == "name" and is_workflow:
            listing = replace(listing, records=[{"vm_name": end.vm_name} for end in targets])
        if options.no_wait and options.output is None and not options.columns:
            form, listing = "name", replace(listing, records=[one for one in results if one["handle"]])
        try:
            emit(listing, form, options.columns)
        except BrokenPipeError:
            forget_stdout()
        except OutputError as error:
            raise OutputError(error.message, code=code) from error
        return code

    def _tell_ends(self, prepared: Prepared, targets: Sequence[TargetEnd]) -> None:
        """Of a workflow how each VM stands, and what to do where it broke off; of several VMs how many ended how."""
        if prepared.workflow is not Workflow.NONE:
            for end in targets:
                if end.state == "done":
                    self._tell(f"{named(end.vm_name)}: done{end.message and f': {end.message}'}")
                elif end.state != ends.SKIPPED:
                    self._tell.error(f"{named(end.vm_name)}: {end.message}.")
                    if end.next_moves:
                        self._tell.error(f"  Next: {end.next_moves}.")
        if len(targets) > 1:
            self._tell(f"{ends.summary(targets)}.")

    def _tell_what_goes_on(self) -> None:
        """What was sent and has not ended, since an interrupt recalls nothing; and what will not be sent any more."""
        if self._engine is None or not self._run_id:
            return
        run, known = self._view, self._engine.view.submissions
        own = [known[step.token] for step in run.plan.steps if step.token in known]
        open_ = [one for one in own if not one.is_settled]
        if open_:
            has_answer = all(one.stage not in (Stage.SENDING, Stage.UNKNOWN) for one in open_)
            what = "goes on in the cloud. Follow it" if has_answer else "cannot be recalled. Look it up"
            handles = " ".join(one.handle for one in open_[:_LISTED])
            more = f" and {count(len(open_) - _LISTED)} more" if len(open_) > _LISTED else ""
            self._tell.error(f"Interrupted; what was sent {what}: cftui watch {handles}{more}")
        left_out, half_way = ends.unsent(run, known)
        for name, types in half_way:
            self._tell.error(f"{named(name)}: not sent any more: {', '.join(types)}")
        if left_out:
            names = ", ".join(map(named, left_out[:_LISTED]))
            more = f" and {count(len(left_out) - _LISTED)} more" if len(left_out) > _LISTED else ""
            self._tell.error(f"Left out; nothing was sent to {count(len(left_out), 'VM')}: {names}{more}")

    async def _close(self) -> None:
        if self._engine is not None:
            await self._engine.stop()
            tell_unrecorded(self._engine.unrecorded, self._tell)


def _tell_skipped(session: Session, prepared: Prepared) -> None:
    for one in prepared.skipped:
        session.tell.error(f"{named(one.vm.name)}: {prepared.command} is not possible: {one.reason}.")
    is_resize = prepared.type is ActionType.RESIZE and prepared.workflow is Workflow.NONE
    if is_resize and any(one.vm.power is Power.ON and not one.vm.locked for one in prepared.skipped):
        session.tell.error("  With --guided a running VM is stopped safely, resized and started again.")


async def _prepare_dry(session: Session, words: Sequence[str]) -> Prepared:
    """As for a real run, with a reader that cannot send."""
    account = await session.account(is_read_only=True)
    async with await session.reader(account) as reader:
        view = await read_view(reader, session, with_actions=True)
    return prepare(session.options, words, view, account.base_url)


def _dry_run(session: Session, prepared: Prepared) -> ExitCode:
    options = session.options
    _tell_skipped(session, prepared)
    is_workflow = prepared.workflow is not Workflow.NONE
    emit(records.plan(prepared.requests, has_roles=is_workflow), options.form, options.columns)
    session.tell("Dry run: nothing was sent.")
    return ExitCode.FAILED if prepared.skipped else ExitCode.DONE


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error
