"""Which VMs belong together by their names, and what an action on some of them leaves of each group."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.text import clean, count, cut_middle

STOPPING = frozenset({ActionType.SHUTDOWN, ActionType.POWER_OFF, ActionType.POWER_CYCLE, ActionType.REBOOT})
"""Actions after which a running VM does not serve for a while, or at all."""

_COMING_BACK = frozenset({ActionType.REBOOT, ActionType.POWER_CYCLE, ActionType.POWER_ON})
"""Actions after which what was stopped runs again."""

_TOLD = 3
"""Groups that a sentence names; more are counted."""

_GROUP_CELLS = 28

_NUMBER = re.compile(r"(?<=.)[-_.]?\d+(?=$|\.)")
"""The number at the end of a host name, with what joins it: `db-01`, `web2`, `api_3.example.org`."""


class Toll(NamedTuple):
    """What an action takes of one group."""

    group: str
    """`db-*`; a name without a number is a group of its own."""
    stopped: int
    """Running VMs of the group that the action stops."""
    running: int
    """Running VMs of the group in all."""
    size: int
    """VMs of the group in all, whatever their state."""

    @property
    def left(self) -> int:
        """How many go on running."""
        return self.running - self.stopped

    @property
    def takes_all(self) -> bool:
        """Whether nothing of a group of several is left running."""
        return self.size > 1 and not self.left


@lru_cache(32_768)
def group_of(name: str) -> str:
    """The group that a name stands in: `k8s-node-07` is one of `k8s-node-*`.

    >>> group_of("db-01"), group_of("web2.example.org"), group_of("gateway")
    ('db-*', 'web*.example.org', 'gateway')
    """
    found = list(_NUMBER.finditer(name))
    if not found:
        return name
    last = found[0]
    joint = last.group()[0] if not last.group()[0].isdigit() else ""
    return f"{name[: last.start()]}{joint}*{name[last.end() :]}"


def tolls(targets: Iterable[VmRow], vms: Mapping[str, VmRow]) -> list[Toll]:
    """What stopping these VMs takes of each group they stand in, the emptied ones first, then the largest toll.

    Args:
        targets: VMs that would be stopped, each once; those that do not run cost nothing.
        vms: All that are known, by id.
    """
    stopped = Counter(group_of(vm.name) for vm in targets if vm.power is Power.ON)
    running = Counter(group_of(vm.name) for vm in vms.values() if vm.power is Power.ON)
    sizes = _sizes(vms)
    found = [
        Toll(group, number, max(running[group], number), max(sizes[group], number)) for group, number in stopped.items()
    ]
    return sorted(found, key=lambda toll: (not toll.takes_all, -toll.stopped, toll.group))


def standing_warnings(
    types: Collection[ActionType], targets: Sequence[VmRow], vms: Mapping[str, VmRow]
) -> tuple[str, ...]:
    """What to read before stopping the last of a group, the gravest first; none where enough of each goes on running.

    Args:
        types: What is sent to each target: one action, or the steps of a workflow.
        targets: The VMs, each once.
        vms: All that are known, by id.

    Returns:
        `This would stop 3 of 3 running db-*.`, `This would leave 1 of 4 running web-*.`; cleaned. Of one VM, only that
        it is the last one.
    """
    if STOPPING.isdisjoint(types):
        return ()
    comes_back = not _COMING_BACK.isdisjoint(types)
    grouped = [toll for toll in tolls(targets, vms) if toll.size > 1]
    told = []
    if emptied := [_taken(toll) for toll in grouped if toll.takes_all]:
        told.append(f"This would {'restart' if comes_back else 'stop'} {_listed(emptied)}.")
    thinned = [f"1 of {toll.running:,} running {_shown(toll.group)}" for toll in grouped if toll.left == 1]
    if thinned and len(targets) > 1:
        told.append(f"This would leave {_listed(thinned)}{' meanwhile' if comes_back else ''}.")
    return tuple(told)


class Reach(NamedTuple):
    """How far some VMs reach into the groups they stand in; cleaned."""

    shares: tuple[tuple[str, str], ...] = ()
    """`12 of 40` and `k8s-node-*`, the largest first; `3 more` and nothing for the rest. Empty without any group."""
    others: str = ""
    """`27 others keep running`; empty where nothing is stopped."""

    def __str__(self) -> str:
        shares = ", ".join(f"{number} {group}".rstrip() for number, group in self.shares)
        return f"{shares}; {self.others}" if self.others else shares


def reach(types: Collection[ActionType], targets: Sequence[VmRow], vms: Mapping[str, VmRow]) -> Reach:
    """Which share of which groups some VMs are, and what of those groups goes on running.

    Args:
        types: As for `standing_warnings`.
        targets: The VMs, each once.
        vms: All that are known, by id.
    """
    reached, sizes = Counter(group_of(vm.name) for vm in targets), _sizes(vms)
    groups = [(group, number) for group, number in reached.most_common() if max(sizes[group], number) > 1]
    named = groups[:_TOLD]
    shares = [(f"{number:,} of {max(sizes[group], number):,}", _shown(group)) for group, number in named]
    rest = len(targets) - sum(number for _, number in named)
    if shares and rest:
        shares.append((f"{rest:,} more", ""))
    if STOPPING.isdisjoint(types) or not shares:
        return Reach(tuple(shares))
    own, theirs = {vm.id for vm in targets}, {group for group, _ in groups}
    others = sum(vm.power is Power.ON and vm.id not in own and group_of(vm.name) in theirs for vm in vms.values())
    told = f"{count(others, 'other keeps', 'others keep')} running" if others else "no other of them runs"
    return Reach(tuple(shares), told)


def _sizes(vms: Mapping[str, VmRow]) -> Counter[str]:
    return Counter(group_of(vm.name) for vm in vms.values())


def _taken(toll: Toll) -> str:
    if toll.running == 1:
        return f"the last running {_shown(toll.group)}"
    return f"{toll.stopped:,} of {toll.running:,} running {_shown(toll.group)}"


def _shown(group: str) -> str:
    return cut_middle(clean(group), _GROUP_CELLS)


def _listed(parts: Sequence[str]) -> str:
    more = f" and {count(len(parts) - _TOLD, 'more group')}" if len(parts) > _TOLD else ""
    return ", ".join(parts[:_TOLD]) + more
