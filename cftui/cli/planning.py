"""From words on the command line to a plan: which VMs, which requests, in which order, and what is refused here."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cftui.api import requests
from cftui.api.requests import ActionRequest
from cftui.cli.options import Options
from cftui.cli.output import named
from cftui.cli.targets import resolve_all
from cftui.clock import Clock
from cftui.errors import UsageError
from cftui.fleet import effects, rules
from cftui.fleet.fleet import View
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.fleet.templates import DEFAULT_TEMPLATE, expand_template
from cftui.operations.consent import requests_of
from cftui.operations.order import STOP_LIMIT_S, Order
from cftui.operations.plan import Plan, Skipped, Step, Workflow, make_plan
from cftui.operations.workflow_rules import workflow_refusal
from cftui.operations.workflows import make_workflow
from cftui.text import count

_LISTED = 20
"""VMs that a sentence names; a person reads no more than a screen."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is about to be done."""

    command: str
    """As typed: `off`, `power-cycle`."""
    type: ActionType
    workflow: Workflow
    order: Order
    plan: Plan | None
    """None when nothing may be done."""
    skipped: tuple[Skipped, ...]

    @property
    def requests(self) -> tuple[Step, ...]:
        """The steps that may come to be sent, VM by VM; those that this order rules out are left out."""
        steps = self.plan.steps if self.plan is not None else ()
        return tuple(requests_of(steps, self.order))

    @property
    def vms(self) -> tuple[VmRow, ...]:
        """The targets of the plan, each once."""
        steps = self.plan.steps if self.plan is not None else ()
        return tuple({step.vm.id: step.vm for step in steps}.values())


def type_of(options: Options) -> ActionType:
    """What a command is about."""
    return ActionType.SHUTDOWN if options.command == "off" else ActionType(options.command.replace("-", "_"))


def workflow_of(options: Options) -> Workflow:
    """Whether it takes several requests a VM."""
    if options.command == "off":
        return Workflow.SAFE_OFF
    if options.guided:
        return Workflow.GUIDED_RESIZE
    return Workflow.COLD_SNAPSHOT if options.cold else Workflow.NONE


def order_of(options: Options) -> Order:
    """How many at once, and when to stop; nobody is asked in the middle."""
    stop_after = options.stop_after
    if options.stop_on_error:
        stop_after = 1
    return Order(
        max_parallel=options.max_parallel,
        in_flight=options.in_flight,
        stagger_s=options.stagger,
        is_canary=options.canary,
        stop_after=stop_after,
        stop_limit_s=options.timeout or STOP_LIMIT_S,
        end_limit_s=options.timeout,
        force_after_s=options.force_after,
        is_attended=False,
    )


def check(options: Options) -> None:
    """What can be known to be wrong before anyone is asked anything.

    Raises:
        UsageError: The arguments make no valid request, or contradict each other.
    """
    type_, workflow = type_of(options), workflow_of(options)
    if type_ is ActionType.RESIZE:
        requests.resize(cpu=options.cpu, ram_gb=options.ram, disk_gb=options.disk)
    elif type_ is ActionType.RENAME:
        requests.rename(options.new_name)
    if options.force_after is not None and workflow is Workflow.NONE:
        needed = "--guided" if type_ is ActionType.RESIZE else "--cold"
        raise UsageError(f"--force-after goes with {needed}: without it nothing is stopped.")
    if options.no_wait and workflow is not Workflow.NONE:
        raise UsageError(
            "--no-wait would leave VMs half way: each request is sent only once the one before has ended.",
            hint="Leave it out, or send a single shutdown: cftui shutdown TARGET --no-wait.",
        )


def prepare(options: Options, words: Sequence[str], view: View, base_url: str) -> Prepared:
    """Resolve the targets, check their number, and split them into what may be done and what may not.

    Raises:
        UsageError: A target, the count, or the arguments are wrong.
    """
    type_, workflow = type_of(options), workflow_of(options)
    targets = resolve_all(words, view)
    _check_count(options, type_, targets)
    allowed: list[tuple[VmRow, ActionRequest]] = []
    skipped: list[Skipped] = []
    for vm in targets:
        request = _request(options, type_, vm)
        if reason := _refusal(type_, workflow, vm, view) or _pointless(vm, request):
            skipped.append(Skipped(vm, reason))
        else:
            allowed.append((vm, request))
    plan = None
    if allowed and workflow is Workflow.NONE:
        plan = make_plan(allowed, base_url=base_url, skipped=skipped)
    elif allowed:
        plan = make_workflow(workflow, allowed, base_url=base_url, skipped=skipped)
    return Prepared(options.command, type_, workflow, order_of(options), plan, tuple(skipped))


def _refusal(type_: ActionType, workflow: Workflow, vm: VmRow, view: View) -> str:
    """Why nothing may be sent to a VM; that it is off already is no reason against a safe power-off."""
    doing = view.doing.get(vm.id)
    if workflow is Workflow.NONE:
        return next(offer.reason for offer in rules.availability(vm, doing=doing) if offer.type is type_)
    if workflow is Workflow.SAFE_OFF and vm.power is Power.OFF:
        return ""
    return workflow_refusal(workflow, vm, doing=doing)[0]


def _request(options: Options, type_: ActionType, vm: VmRow) -> ActionRequest:
    match type_:
        case ActionType.RESIZE:
            return requests.resize(cpu=options.cpu, ram_gb=options.ram, disk_gb=options.disk)
        case ActionType.RENAME:
            return requests.rename(options.new_name)
        case ActionType.SNAPSHOT:
            # Named after its own step, so that a name in the control panel leads to a line of the journal.
            token = secrets.token_hex(16)
            name = expand_template(options.name or DEFAULT_TEMPLATE, vm, Clock().now().astimezone(), token)
            return requests.snapshot(name, token=token)
        case _:
            return requests.simple(type_)


def _check_count(options: Options, type_: ActionType, targets: Sequence[VmRow]) -> None:
    expected, found = options.expect_count, len(targets)
    if not targets:
        raise UsageError("No VM passes; nothing was sent.")
    if type_ is ActionType.RENAME and found > 1:
        raise UsageError(f"rename takes one VM; {count(found, 'VM')} are meant.")
    if expected is not None and expected != found:
        names = ", ".join(named(vm.name) for vm in targets[:_LISTED])
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
