"""The nine verbs: resolve the targets, make the plan, ask, send each request once, wait, and say how it ended."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cftui.api import requests
from cftui.api.requests import ActionRequest
from cftui.cli import records
from cftui.cli.exit_codes import ExitCode, of_outcome, of_several
from cftui.cli.follow import narrate
from cftui.cli.options import Options
from cftui.cli.output import OutputError, emit, forget_stdout
from cftui.cli.reading import read_view
from cftui.cli.session import Session, choose_for, open_session
from cftui.cli.targets import expand, resolve_all
from cftui.clock import Clock
from cftui.errors import JournalError, ReadOnlyError, UsageError
from cftui.fleet import effects, rules
from cftui.fleet.fleet import View
from cftui.fleet.history import Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.fleet.templates import DEFAULT_TEMPLATE, expand_template
from cftui.operations.engine import Account, Engine
from cftui.operations.plan import Plan, Skipped, make_plan
from cftui.text import clean, count

_LISTED = 20
"""Targets listed in the question; a person reads no more than a screen."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is about to be done."""

    type: ActionType
    plan: Plan | None
    """None when nothing may be done."""
    skipped: tuple[Skipped, ...]


def act(options: Options) -> ExitCode:
    """Run one verb.

    Raises:
        UsageError: Before anything was sent: arguments, targets, count, no terminal to ask at.
        ReadOnlyError: Nothing may be changed.
        JournalError: The journal cannot be used; nothing was sent.
        CloudError: The list could not be read; nothing was sent.
    """
    type_ = ActionType(options.command.replace("-", "_"))
    _check(options, type_)
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
            return _dry_run(session, runner.run(_prepare_dry(session, type_, words)))
        return _Run(session, runner, type_, words)()


class _Run:
    """One run on one engine, from first reading to exit code; a person is asked between two stretches of the loop."""

    def __init__(self, session: Session, runner: asyncio.Runner, type_: ActionType, words: list[str]) -> None:
        self._session = session
        self._options = session.options
        self._tell = session.tell
        self._runner = runner
        self._type = type_
        self._words = words
        self._engine: Engine | None = None

    def __call__(self) -> ExitCode:
        try:
            prepared = self._runner.run(self._prepare())
            for one in prepared.skipped:
                self._tell.error(f"{one.vm.name}: {self._options.command} is not possible: {one.reason}.")
            if prepared.plan is None:
                return self._print(prepared, [])
            self._ask(prepared.plan)
            return self._print(prepared, self._runner.run(self._execute(prepared.plan)))
        except KeyboardInterrupt:
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
        return prepare(self._options, self._type, self._words, update.view, account)

    def _ask(self, plan: Plan) -> None:
        """Get a yes, from --yes or from a person.

        Raises:
            UsageError: Neither can be had.
        """
        if self._options.yes:
            return
        if not is_interactive():
            raise UsageError(
                f"There is no terminal to confirm {plan.type} at; nothing was sent.", hint="Give --yes if it is meant."
            )
        choice = self._session.choice
        place = f"{choice.url}, profile {choice.profile_name}" if choice.profile_name else choice.url
        production = " PRODUCTION" if choice.is_production else ""
        self._tell.error(f"{self._options.command} on {count(len(plan.steps), 'VM')} at {place}{production}:")
        for step in plan.steps[:_LISTED]:
            self._tell.error(f"  {step.vm.name}  {step.vm.id}  {step.vm.status}  {step.body}")
        if len(plan.steps) > _LISTED:
            self._tell.error(f"  and {count(len(plan.steps) - _LISTED)} more")
        sys.stderr.write(f"Send {count(len(plan.steps), 'request')}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("Not confirmed; nothing was sent.")

    async def _execute(self, plan: Plan) -> list[Submission]:
        assert self._engine is not None
        options = self._options
        tokens = {step.token for step in plan.steps}
        narrator = asyncio.create_task(narrate(self._engine, tokens, self._tell))
        try:
            sent = await self._engine.execute(
                plan, max_parallel=options.max_parallel, stop_on_error=options.stop_on_error
            )
            if options.no_wait:
                return sent
            waiting = [one.token for one in sent if not one.is_settled]
            settled = {one.token: one for one in await self._engine.settle(waiting, timeout_s=options.timeout)}
            return [settled.get(one.token, one) for one in sent]
        finally:
            await asyncio.sleep(0)  # the last news is told before the narrator goes
            narrator.cancel()
            await asyncio.gather(narrator, return_exceptions=True)

    def _print(self, prepared: Prepared, submissions: Sequence[Submission]) -> ExitCode:
        """Results to stdout; the code is that of the actions, whatever becomes of the output."""
        options = self._options
        waited = not options.no_wait
        is_verifiable = effects.is_verifiable(prepared.type)
        codes = [
            of_outcome(
                one.stage, is_verifiable=is_verifiable, waited=waited, is_probable=one.is_probable, reason=one.reason
            )
            for one in submissions
        ]
        code = of_several(codes + [ExitCode.FAILED] * bool(prepared.skipped))
        results = [records.skipped(one.vm, prepared.type.value, one.reason) for one in prepared.skipped]
        results += [records.result(one) for one in submissions]
        listing = records.run(prepared.type.value, results, name_key="vm_name" if waited else "handle")
        form = options.form
        if options.no_wait and options.output is None and not options.columns:
            form, listing = "name", replace(listing, records=[one for one in results if one["handle"]])
        try:
            emit(listing, form, options.columns)
        except BrokenPipeError:
            forget_stdout()
        except OutputError as error:
            raise OutputError(error.message, code=code) from error
        return code

    def _tell_what_goes_on(self) -> None:
        """One line on what was sent and has not ended: an interrupt recalls nothing."""
        if self._engine is None:
            return
        own = [one for one in self._engine.view.submissions.values() if not one.is_settled]
        if own:
            handles = " ".join(one.handle for one in own[:5])
            self._tell.error(f"Interrupted; what was sent goes on in the cloud. Follow it: cftui watch {handles}")

    async def _close(self) -> None:
        if self._engine is not None:
            await self._engine.stop()


def prepare(options: Options, type_: ActionType, words: Sequence[str], view: View, account: Account) -> Prepared:
    """Resolve the targets, check their number, and split them into what may be done and what may not.

    Raises:
        UsageError: A target, the count, or the arguments are wrong.
    """
    targets = resolve_all(words, view)
    _check_count(options, type_, targets)
    allowed: list[tuple[VmRow, ActionRequest]] = []
    skipped: list[Skipped] = []
    for vm in targets:
        request = make_request(options, type_, vm)
        availability = next(one for one in rules.availability(vm, doing=view.doing.get(vm.id)) if one.type is type_)
        if not availability.is_allowed:
            skipped.append(Skipped(vm, availability.reason))
        elif reason := _pointless(vm, request):
            skipped.append(Skipped(vm, reason))
        else:
            allowed.append((vm, request))
    if not allowed:
        return Prepared(type_, None, tuple(skipped))
    plan = make_plan(allowed, base_url=account.base_url, skipped=skipped)
    if type_ is ActionType.SNAPSHOT:
        plan = _named_by_token(plan, options.name or DEFAULT_TEMPLATE)
    return Prepared(type_, plan, tuple(skipped))


def make_request(options: Options, type_: ActionType, vm: VmRow) -> ActionRequest:
    """The request for one VM.

    Raises:
        UsageError: The arguments make no valid request.
    """
    match type_:
        case ActionType.RESIZE:
            return requests.resize(cpu=options.cpu, ram_gb=options.ram, disk_gb=options.disk)
        case ActionType.RENAME:
            return requests.rename(options.new_name)
        case ActionType.SNAPSHOT:
            return requests.snapshot(_snapshot_name(options.name or DEFAULT_TEMPLATE, vm, "0" * 32))
        case _:
            return requests.simple(type_)


def _named_by_token(plan: Plan, template: str) -> Plan:
    """Snapshots named after their own step, so that a name in the control panel leads to a line of the journal."""
    steps = tuple(
        replace(step, request=requests.snapshot(_snapshot_name(template, step.vm, step.token))) for step in plan.steps
    )
    return replace(plan, steps=steps)


def _snapshot_name(template: str, vm: VmRow, token: str) -> str:
    return expand_template(template, vm, Clock().now().astimezone(), token)


def is_interactive() -> bool:
    """Whether a person can be asked: stdin and stderr are terminals."""
    return bool(sys.stdin and sys.stderr and sys.stdin.isatty() and sys.stderr.isatty())


def _check(options: Options, type_: ActionType) -> None:
    """What can be known to be wrong before anyone is asked anything."""
    if type_ is ActionType.RESIZE:
        requests.resize(cpu=options.cpu, ram_gb=options.ram, disk_gb=options.disk)
    elif type_ is ActionType.RENAME:
        requests.rename(options.new_name)


def _check_count(options: Options, type_: ActionType, targets: Sequence[VmRow]) -> None:
    expected, found = options.expect_count, len(targets)
    if not targets:
        raise UsageError("No VM passes; nothing was sent.")
    if type_ is ActionType.RENAME and found > 1:
        raise UsageError(f"rename takes one VM; {count(found, 'VM')} are meant.")
    if expected is not None and expected != found:
        names = ", ".join(clean(vm.name) for vm in targets[:_LISTED])
        raise UsageError(
            f"--expect-count says {expected}, but {count(found, 'VM')} are meant; nothing was sent.",
            hint=f"They are: {names}{', …' if found > _LISTED else ''}",
        )
    if expected is None and found > 1 and options.yes and not options.dry_run:
        raise UsageError(
            f"{count(found, 'VM')} are meant; nothing was sent.", hint=f"Beside --yes give --expect-count {found}."
        )


def _pointless(vm: VmRow, request: ActionRequest) -> str:
    """Why a request would change nothing; its effect could then never be seen."""
    sizes = request.sizes
    if sizes and all(effects.current_size(vm, resource) == size for resource, size in sizes.items()):
        return "it has this size already"
    if request.type is ActionType.RENAME and request.name == vm.name:
        return "it has this name already"
    return ""


async def _prepare_dry(session: Session, type_: ActionType, words: Sequence[str]) -> Prepared:
    """As for a real run, with a reader that cannot send."""
    account = await session.account(is_read_only=True)
    async with await session.reader(account) as reader:
        view = await read_view(reader, session, with_actions=True)
    return prepare(session.options, type_, words, view, account)


def _dry_run(session: Session, prepared: Prepared) -> ExitCode:
    options = session.options
    for one in prepared.skipped:
        session.tell.error(f"{one.vm.name}: {options.command} is not possible: {one.reason}.")
    emit(records.plan(prepared.plan.steps if prepared.plan else ()), options.form, options.columns)
    session.tell("Dry run: nothing was sent.")
    return ExitCode.FAILED if prepared.skipped else ExitCode.DONE
