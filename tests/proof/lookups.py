"""What is said of lost answers, in hundreds of thousands of weathers; and the state machines, at length."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.operations.lookup_model import trial
from tests.operations.test_machine_engine import CftuiMachine
from tests.operations.test_machine_lookup import LookUpMachine
from tests.proof.figures import Figure, Scale

TRIALS = {Scale.SHORT: 150, Scale.LONG: 200_000}
EXAMPLES: dict[type[RuleBasedStateMachine], dict[Scale, tuple[int, int]]] = {
    CftuiMachine: {Scale.SHORT: (2, 10), Scale.LONG: (500, 30)},
    LookUpMachine: {Scale.SHORT: (20, 20), Scale.LONG: (3_000, 40)},
}
"""How many examples of how many steps."""

_SHARE = 500
"""Trials that one process does before it asks for more."""

WEATHER = (
    "lists up to 20 s old, a server that begins up to 14 min late or never, others acting on the same VM in 10 %, "
    "darkness, restarts, resends, clouds without a list"
)


def figures(scale: Scale) -> list[Figure]:
    """Trials of the look-up, then both machines."""
    return [*_trials(scale), *(_machine(machine, *sizes[scale]) for machine, sizes in EXAMPLES.items())]


def _trials(scale: Scale) -> Iterable[Figure]:
    count = TRIALS[scale]
    wrong: Counter[str] = Counter()
    if scale is Scale.SHORT:
        wrong = tried(range(count))
    else:
        shares = [range(first, min(first + _SHARE, count)) for first in range(0, count, _SHARE)]
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            for share in pool.map(tried, shares):
                wrong += share
    late, twice = wrong.pop(LATE, 0), wrong.pop(TWICE, 0)
    requests = wrong.pop(REQUESTS, 0)
    told = f"; {', '.join(f'{words}: {n}' for words, n in wrong.items())}" if wrong else ""
    yield Figure("lost answers looked up", count, wrong.total(), "trials", f"{requests:,} requests; {WEATHER}{told}")
    unheard = wrong["arrived late, and nobody was told"] + wrong["arrived, and called absent for good"]
    yield Figure("late arrivals told", late, unheard, "arrivals", f"{twice:,} of them after it was sent again")


LATE, TWICE, REQUESTS = "late", "twice", "requests"


def tried(seeds: Iterable[int]) -> Counter[str]:
    """What came out wrong in these trials, and what was counted beside."""

    async def run() -> Counter[str]:
        found: Counter[str] = Counter()
        for seed in seeds:
            looks = await trial(random.Random(seed))
            found += looks.wrong
            found += Counter({LATE: looks.late_alarms, TWICE: looks.double_alarms, REQUESTS: len(looks.sent)})
        return found

    return asyncio.run(run())


def _machine(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> Figure:
    what = {CftuiMachine: "everything at once, over real HTTP", LookUpMachine: "look-ups, any order"}[machine]
    note, wrong = f"up to {steps} steps each", 0
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(machine.TestCase.settings.suppress_health_check),
    )
    try:
        run_state_machine_as_test(machine, settings=profile)
    except Exception as error:  # whatever an example ended in is one thing that must not happen
        note, wrong = f"{note}; {type(error).__name__}: {str(error)[:300]}", 1
    return Figure(what, examples, wrong, "examples", note)
