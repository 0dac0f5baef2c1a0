"""What can be done to some VMs now: nine actions and four workflows, each with its key, and its reason where not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cftui.fleet import rules
from cftui.fleet.history import HistoryEntry
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.plan import Workflow
from cftui.operations.workflow_rules import workflow_refusal
from cftui.tui.workflow_words import NAMES, WORKFLOW_KEYS

ACTION_KEYS: Mapping[str, ActionType] = dict(zip("rcsonpzet", ActionType, strict=True))
"""The letter of each action; fixed, because hands rely on them."""

Wish = ActionType | Workflow
"""What can be chosen."""

KEYS: Mapping[str, Wish] = {**ACTION_KEYS, **WORKFLOW_KEYS}
"""Everything that can be chosen, in its order."""

ALIASES = {"resize_guided": "guided_resize", "reboot_escalating": "escalating_reboot"}
"""Other names of commands: the action first."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One action or workflow over all targets."""

    type: Wish
    key: str
    able: int
    """How many of the targets can do it now."""
    refusals: tuple[tuple[str, str, int], ...]
    """Reason, way out and how many VMs, the most frequent first."""

    @property
    def is_open(self) -> bool:
        """Whether it can be done to any."""
        return self.able > 0

    @property
    def name(self) -> str:
        """What it is called: the API's word, or a workflow's name."""
        return name_of(self.type)


def offers(
    targets: Sequence[VmRow],
    doing: Mapping[str, HistoryEntry],
    *,
    is_read_only: bool = False,
    locked_by: str = "",
    not_live_reason: str = "",
) -> list[Offer]:
    """All nine actions over the targets, in the document's order, and the workflows behind them."""
    able: Counter[Wish] = Counter()
    refused: dict[Wish, Counter[tuple[str, str]]] = {wish: Counter() for wish in KEYS.values()}
    for vm in targets:
        for one in rules.availability(
            vm,
            doing=doing.get(vm.id),
            is_read_only=is_read_only,
            locked_by=locked_by,
            not_live_reason=not_live_reason,
        ):
            if one.type is ActionType.RENAME and len(targets) > 1:
                refused[one.type]["two VMs would get one name", "rename them one at a time"] += 1
            elif one.is_allowed:
                able[one.type] += 1
            else:
                refused[one.type][one.reason, one.way_out] += 1
        for workflow in WORKFLOW_KEYS.values():
            reason, way_out = workflow_refusal(
                workflow,
                vm,
                doing=doing.get(vm.id),
                is_read_only=is_read_only,
                locked_by=locked_by,
                not_live_reason=not_live_reason,
            )
            if reason:
                refused[workflow][reason, way_out] += 1
            else:
                able[workflow] += 1
    return [
        Offer(wish, key, able[wish], tuple((*why, times) for why, times in refused[wish].most_common()))
        for key, wish in KEYS.items()
    ]


def name_of(wish: Wish) -> str:
    """What it is called: the API's word, or a workflow's name."""
    return NAMES[wish] if isinstance(wish, Workflow) else wish.value


def wish_of(name: str) -> Wish:
    """What a command's name means.

    Raises:
        ValueError: It means none of them.
    """
    word = name.replace("-", "_")
    return next((workflow for workflow in WORKFLOW_KEYS.values() if workflow == word), None) or ActionType(word)


def refusal(
    wish: Wish,
    vm: VmRow,
    *,
    doing: HistoryEntry | None = None,
    is_read_only: bool = False,
    locked_by: str = "",
    not_live_reason: str = "",
) -> tuple[str, str]:
    """Why it cannot be done to a VM now, and the way out; twice empty when it can.

    All but the first argument are those of `rules.availability`.
    """
    if isinstance(wish, Workflow):
        return workflow_refusal(
            wish, vm, doing=doing, is_read_only=is_read_only, locked_by=locked_by, not_live_reason=not_live_reason
        )
    offered = rules.availability(
        vm, doing=doing, is_read_only=is_read_only, locked_by=locked_by, not_live_reason=not_live_reason
    )
    return next((one.reason, one.way_out) for one in offered if one.type is wish)
