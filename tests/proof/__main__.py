"""`python -m tests.proof`: break everything, many times, and print what came of it in one table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version

from tests.proof.figures import Figure, Scale, as_table

CHAPTERS = {
    "posts": "faults over real sockets: duplicates, losses, wrong verdicts",
    "cuts": "a connection cut at every byte of a POST exchange",
    "lookups": "what the look-up says of lost answers, and the state machines",
    "kills": "kill -9 in the middle of a confirmation",
    "deaths": "lost lines and signals",
    "strings": "hostile strings, through a real terminal",
    "canary": "the password, looked for everywhere",
    "soak": "a day with a thousand actions",
    "clients": "what other published clients do",
}


def main() -> int:
    """Try it all, or the chapters that are named; 1 when anything of ours came out wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proof",
        description="Try to make cftui act twice, lose an action, or tell an untruth.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="chapters:\n" + "\n".join(f"  {name:8}  {words}" for name, words in CHAPTERS.items()),
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="all if none is named")
    parser.add_argument("--short", action="store_true", help="a minute or so instead of half an hour")
    asked = parser.parse_args()
    if unknown := [name for name in asked.chapters if name not in CHAPTERS]:
        parser.error(f"no such chapter: {', '.join(unknown)}")
    found: list[Figure] = []
    for name in asked.chapters or CHAPTERS:
        began = time.perf_counter()
        found += figures_of(name, Scale.SHORT if asked.short else Scale.LONG)
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    print(
        f"cftui {version('cftui')}, {platform.python_implementation()} {platform.python_version()}, "
        f"textual {version('textual')}, httpx {version('httpx')}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n"
    )
    print(as_table(found))
    bad = [figure for figure in found if not figure.is_good]
    print(f"\n{len(found) - len(bad)} figures hold, {len(bad)} do not")
    return 1 if bad else 0


def figures_of(chapter: str, scale: Scale) -> list[Figure]:
    """Try one chapter."""
    figures: list[Figure] = import_module(f"tests.proof.{chapter}").figures(scale)
    return figures


if __name__ == "__main__":
    sys.exit(main())
