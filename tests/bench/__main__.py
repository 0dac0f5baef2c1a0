"""`python -m tests.bench`: every figure in one run, each beside what it is measured against.

Nothing here is a test: what a machine takes is looked at, never asserted. What can be counted is asserted in
`tests/tui/test_counts.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from tests.bench import keys, latency, polls, posts, start, wire
from tests.bench.table import Figure, as_table


def main() -> int:
    """Measure, and print one table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure cftui, in ratios.")
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=f"of: {', '.join(_chapters(True))}; all if none")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: two minutes or so instead of ten")
    parser.add_argument("--json", action="store_true", help="every single value, for programs")
    asked = parser.parse_args()
    chapters = _chapters(asked.quick)
    if unknown := [name for name in asked.chapters if name not in chapters]:
        parser.error(f"no such chapter: {', '.join(unknown)}")
    before = _conditions()
    found: dict[str, list[Figure]] = {}
    for name in asked.chapters or chapters:
        print(f"measuring {name} …", file=sys.stderr)
        found[name] = list(chapters[name]())
    conditions = before | {"load after": _load()}
    everything = [figure for figures in found.values() for figure in figures]
    if asked.json:
        print(json.dumps({"conditions": conditions, "figures": [figure.as_json() for figure in everything]}, indent=1))
        return 0
    print(", ".join(f"{name} {value}" for name, value in conditions.items()))
    print("median [lowest-highest]; ratio of medians; times are for orientation only")
    print()
    print(as_table(everything))
    verdicts = [figure.verdict for figure in everything]
    print(f"\n{verdicts.count('met')} goals met, {verdicts.count('missed')} missed")
    return 0


def _chapters(is_quick: bool) -> dict[str, Callable[[], Iterator[Figure]]]:
    """What is measured, by name, in order."""
    return {
        "start": lambda: start.figures(3 if is_quick else 7),
        "polls": lambda: polls.figures(5 if is_quick else 15),
        "keys": lambda: keys.figures(6 if is_quick else 18, has_largest_table=not is_quick),
        "latency": lambda: latency.figures(5.0 if is_quick else 20.0),
        "wire": lambda: wire.figures(5.0 if is_quick else 20.0, 2 if is_quick else 5),
        "posts": lambda: posts.figures(2 if is_quick else 3, 200 if is_quick else 1000),
    }


def _conditions() -> dict[str, str]:
    return {
        "cftui": version("cftui"),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "textual": version("textual"),
        "httpx": version("httpx"),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load before": _load(),
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
