"""`python -m tests.faults`: every row with the tests about it, and the rows without one with their reasons."""

from __future__ import annotations

import sys

from tests.faults.catalogue import CHAPTERS, UNTESTED, named_rows


def main() -> int:
    """Print the rows; 1 when one has neither a test nor a reason."""
    tests: dict[str, list[str]] = {}
    for row, where in named_rows():
        tests.setdefault(row, []).append(where)
    missing = []
    for chapter in CHAPTERS:
        print(f"\n{chapter.title}")
        for number, title in chapter.rows.items():
            found = tests.get(number, [])
            if not found and number not in UNTESTED:
                missing.append(number)
            told = f"{found[0]}{f' and {len(found) - 1} more' if len(found) > 1 else ''}" if found else ""
            print(f"  {number:>4}  {title:<76}  {told or UNTESTED.get(number, 'NO TEST')}")
    rows = sum(len(chapter.rows) for chapter in CHAPTERS)
    print(f"\n{rows} rows, {len(tests)} with a test, {len(UNTESTED)} without one for a reason, {len(missing)} missing")
    if missing:
        print("missing:", *missing)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
