"""The question before anything is sent: what, to whom, where, in which order; and what has to be typed."""

from __future__ import annotations

import contextlib
import sys
import termios
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cftui.cli.output import Narrator, complain, named
from cftui.cli.planning import Prepared
from cftui.config.models import Choice
from cftui.errors import UsageError
from cftui.fleet import groups, rules
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.consent import answer_to, rung_of
from cftui.operations.order import Order
from cftui.operations.plan import Role, Step, Workflow
from cftui.text import clean, count, duration

_LISTED = 20
"""Targets listed in the question; a person reads no more than a screen."""

_BODIES = 3
"""Different bodies that are shown whole; `--dry-run` shows every one."""


def is_interactive() -> bool:
    """Whether a person can be asked: stdin and stderr are terminals."""
    return bool(sys.stdin and sys.stderr and sys.stdin.isatty() and sys.stderr.isatty())


def confirm(prepared: Prepared, choice: Choice, vms: Mapping[str, VmRow], tell: Narrator) -> None:
    """Get a yes from the person at the terminal.

    Args:
        prepared: What would be sent.
        choice: Where, and whether that is production.
        vms: All that are known, by id: which names are alike, and of which groups something would be left.
        tell: Takes the lines of the question.

    Raises:
        UsageError: There is none; nothing was sent.
    """
    if not is_interactive():
        raise UsageError(
            f"There is no terminal to confirm {prepared.command} at; nothing was sent.",
            hint="Give --yes if it is meant.",
        )
    for line in _question(prepared, choice, vms):
        tell.error(line)
    wanted = wanted_answer(prepared, choice, vms)
    # What was typed before the question stood there answers nothing.
    with contextlib.suppress(termios.error):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    complain(_prompt(prepared, wanted))
    answer = sys.stdin.readline().strip()
    if answer != wanted if wanted else answer.lower() not in ("y", "yes"):
        raise UsageError("Not confirmed; nothing was sent.")


def wanted_answer(prepared: Prepared, choice: Choice, vms: Mapping[str, VmRow]) -> str:
    """What has to be typed, by the ladder of `operations.consent`; empty where y is enough."""
    plan, vm = prepared.plan, prepared.vms[0]
    assert plan is not None
    rung = rung_of(plan, prepared.order, is_production=choice.is_production)
    looks = rules.looks(vm.name)
    has_twin = any(other.id != vm.id and rules.looks(other.name) == looks for other in vms.values())
    return answer_to(rung, plan.steps, prepared.order, has_twin=has_twin, profile=choice.profile_name)


def _prompt(prepared: Prepared, wanted: str) -> str:
    number, is_workflow = len(prepared.requests), prepared.workflow is not Workflow.NONE
    sent = f"{'up to ' if is_workflow and number > 1 else ''}{count(number, 'request')}"
    return f"Type {wanted} to send {sent}: " if wanted else f"Send {sent}? [y/N] "


def _question(prepared: Prepared, choice: Choice, vms: Mapping[str, VmRow]) -> Iterator[str]:
    place = f"{choice.url}, profile {choice.profile_name}" if choice.profile_name else choice.url
    production = " PRODUCTION" if choice.is_production else ""
    targets = prepared.vms
    yield f"{prepared.command} on {count(len(targets), 'VM')} at {place}{production}:"
    asked = {step.vm.id for step in prepared.requests}
    for vm in targets[:_LISTED]:
        nothing = "" if vm.id in asked else ", so nothing is sent"
        yield f"  {named(vm.name)}  {clean(vm.id)}  {named(vm.status)}{nothing}"
    if len(targets) > _LISTED:
        yield f"  and {count(len(targets) - _LISTED)} more"
    if prepared.skipped:
        yield f"  Skipped: {skipped_words(prepared)}."
    if len(targets) > 1:
        yield f"  Order: {order_words(prepared.order, len(targets))}."
    yield from (f"  {line}" for line in request_lines(prepared.requests, prepared.order))
    yield from (f"  {sentence}" for sentence in _blast(prepared, vms))
    yield from (f"  Careful: {sentence}" for sentence in warnings(prepared))


def skipped_words(prepared: Prepared) -> str:
    """`2 locked by the provider, 1 it is stopped already`."""
    reasons = Counter(one.reason for one in prepared.skipped)
    return ", ".join(f"{count(number)} {reason}" for reason, number in reasons.most_common())


def order_words(order: Order, targets: int) -> str:
    """`1 alone, then 10 % (4), then the rest (35); 4 requests at once; stops after 2 failures`."""
    words = []
    waves = order.waves(targets)
    if len(waves) > 1:
        rest = f", then the rest ({waves[2]:,})" if len(waves) > 2 else ""
        words.append(f"1 alone, then 10 % ({waves[1]:,}){rest}, no further than the first that goes wrong")
    words.append(f"{count(order.max_parallel, 'request')} at once")
    if order.in_flight is not None:
        words.append(f"{count(order.in_flight, 'VM')} in progress at once")
    if order.stagger_s:
        words.append(f"{duration(order.stagger_s)} between two beginnings")
    if order.stop_after is not None:
        words.append(f"stops after {count(order.stop_after, 'failure')}")
    return "; ".join(words)


def request_lines(steps: Iterable[Step], order: Order) -> Iterator[str]:
    """Each different request once, with how often it is sent and when: `3 times POST …/actions {"type": "reboot"}`."""
    by_kind: dict[tuple[ActionType, Role], list[Step]] = {}
    for step in steps:
        by_kind.setdefault((step.request.type, step.role), []).append(step)
    for (_, role), alike in by_kind.items():
        bodies = list(dict.fromkeys(step.body for step in alike))
        times = f"{count(len(alike))} times " if len(alike) > 1 else ""
        url = alike[0].url if len(alike) == 1 else alike[0].url.replace(f"/{alike[0].url.split('/')[-2]}/", "/…/")
        shown = bodies if len(bodies) <= _BODIES else bodies[:1]
        more = f" and {count(len(bodies) - 1, 'other body', 'other bodies')}, one a VM" if len(bodies) > _BODIES else ""
        yield f"{times}POST {url} {', '.join(shown)}{more}{_condition(role, order)}"


def _condition(role: Role, order: Order) -> str:
    match role:
        case Role.STOP:
            return f", then watched for up to {duration(order.stop_limit_s)}" if order.force_after_s is None else ""
        case Role.FORCE:
            return f", only if the VM has not stopped {duration(order.force_after_s or 0)} after that"
        case Role.START:
            return ", if this stopped the VM and all went well"
        case _:
            return ""


def _blast(prepared: Prepared, vms: Mapping[str, VmRow]) -> list[str]:
    """Which share of which groups several VMs are, and of which groups next to nothing goes on running."""
    types, targets = {step.request.type for step in prepared.requests}, prepared.vms
    share = str(groups.reach(types, targets, vms)) if len(targets) > 1 else ""
    told = [f"{share}."] if share else []
    return told + [f"Careful: {sentence}" for sentence in groups.standing_warnings(types, targets, vms)]


def warnings(prepared: Prepared) -> list[str]:
    """What to know before it is sent, the gravest first."""
    told = [live_snapshot_words(prepared)] if is_live_snapshot(prepared) else []
    for step in prepared.requests:
        if step.role in (Role.ALWAYS, Role.FORCE):
            told += rules.warnings(step.request.type, frozenset(step.request.sizes))
    return list(dict.fromkeys(told))


def is_live_snapshot(prepared: Prepared) -> bool:
    """Whether a snapshot is made of a VM that is not stopped."""
    is_snapshot = prepared.type is ActionType.SNAPSHOT and prepared.workflow is Workflow.NONE
    return is_snapshot and any(vm.power is not Power.OFF for vm in prepared.vms)


def live_snapshot_words(prepared: Prepared) -> str:
    """That a snapshot of a running VM may be incomplete, and the way to one that is whole."""
    live = [vm for vm in prepared.vms if vm.power is not Power.OFF]
    who = f"{named(live[0].name)} is" if len(live) == 1 else f"{count(len(live), 'VM')} are"
    return f"{who} not stopped: what is written meanwhile may be incomplete in the snapshot; --cold stops first."
