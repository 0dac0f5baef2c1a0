"""What can go wrong, row by row, and what an attacker may send: which test is about it, or why none is.

A test names its rows with `@pytest.mark.fault("7", "8")`, or a single case of it with
`pytest.param(..., marks=pytest.mark.fault("7"))`. `python -m tests.faults` lists rows and tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent.parent


class Chapter(NamedTuple):
    """Rows that belong together."""

    title: str
    rows: dict[str, str]
    """Their titles by number."""


CHAPTERS = (
    Chapter(
        "What becomes of a POST",
        {
            "1": "the host's name is not found",
            "2": "the connection is refused",
            "3": "no connection in time",
            "4": "TLS: expired, wrong host, unknown authority, no TLS at all, too old",
            "5": "the configured proxy refuses",
            "6": "a request that cannot be sent at all",
            "7": "reset after the request was read",
            "8": "closed without an answer",
            "9": "carried out and never answered",
            "10": "the connection dies while the request is sent",
            "11": "whoever waits for the answer is cancelled",
            "12": "the program dies between intent and outcome",
            "13": "500 with a page",
            "14": "501 to 504 and 520 to 599",
            "15": "429, with and without a wait",
            "16": "409, 422, 423: busy or locked",
            "17": "400: a value the cloud refuses",
            "18": "401 and 403",
            "19": "404: the VM is gone, or the base path is wrong",
            "20": "other refusals; 408, 425 and 499 decide nothing",
            "21": "redirects",
            "22": "accepted, and the answer is cut",
            "23": "accepted, and the answer is no JSON, or empty",
            "24": "accepted, and the answer names something else",
            "25": "accepted without a start time",
            "26": "accepted with an unknown status",
            "27": "accepted and over already",
            "28": "the answer repeats an action that was there before",
            "29": "a kept connection closed as the POST leaves",
            "30": "the action turns up after it was called absent",
            "31": "the same, after it was sent again",
            "32": "interim answers without end",
            "33": "the state before cannot be read",
        },
    ),
    Chapter(
        "Looking up what became of it",
        {
            "34": "the cloud stays dark",
            "35": "the list lags behind",
            "36": "the action stands on a later page",
            "37": "two actions fit",
            "38": "the one that fits is somebody else's",
            "39": "the VM is deleted meanwhile",
            "40": "the program is started again meanwhile",
        },
    ),
    Chapter(
        "Reading and polling",
        {
            "41": "server errors",
            "42": "429 with seconds to wait",
            "43": "odd values of Retry-After",
            "44": "an answer that drips, or stalls",
            "45": "a body without end",
            "46": "compressed though nobody asked",
            "47": "cut JSON; a page of somebody else's",
            "48": "keys that come twice",
            "49": "numbers and nesting that no reader expects",
            "50": "bytes that are no text; half characters",
            "51": "members of the wrong type",
            "52": "401 in the middle of a session",
            "53": "403 for one VM",
            "54": "404 for a VM or its actions",
            "55": "a followed action is missing from the list",
            "56": "lists out of order, pages that overlap",
            "57": "an action that never ends",
            "58": "a status that is not known",
            "59": "completed, and then in progress again",
            "60": "completed, and then errored",
            "61": "progress that falls, an end before its beginning",
            "62": "a start time that changes",
            "63": "odd start times",
            "64": "completed, and the VM lags behind",
            "65": "a kept connection reset on a read",
            "66": "unknown members, types, and ten thousand VMs",
            "67": "an hour of darkness with two hundred actions in progress",
            "68": "page links in a circle, or to another host",
            "69": "an id that another VM has now",
            "70": "an answer about another VM",
        },
    ),
    Chapter(
        "Time",
        {
            "71": "the wall clock jumps",
            "72": "the machine was asleep",
            "73": "summer time",
            "74": "the cloud's clock is off",
        },
    ),
    Chapter(
        "Journal, configuration, disk",
        {
            "75": "the disk is full at the intent",
            "76": "the disk is full at the outcome",
            "77": "a file system that cannot be written",
            "78": "the journal is damaged",
            "79": "the journal is empty, or lost its rows",
            "80": "the journal is removed or replaced while running",
            "81": "another program holds the journal",
            "82": "two programs confirm on one VM at once",
            "83": "the journal of a newer version",
            "84": "a file system whose locks do not hold",
            "85": "links, other owners, other modes",
            "86": "killed at any moment of a confirmation",
            "87": "a configuration that cannot be read, or contradicts itself",
            "88": "a journal of a million rows",
        },
    ),
    Chapter(
        "Terminal, process, operator",
        {
            "89": "the line drops while idle",
            "90": "the line drops during a POST",
            "91": "hang-ups are ignored and the terminal is gone",
            "92": "nobody reads the terminal",
            "93": "TERM, INT twice, QUIT",
            "94": "stopped and continued",
            "95": "stdout closed or full",
            "96": "a storm of sizes, and one cell",
            "97": "a bug anywhere",
            "98": "enter twice in one burst",
            "99": "pastes",
            "100": "the table moves between choosing and pressing",
            "101": "the VM changes between dialog and confirmation",
            "102": "poor terminals and locales",
            "103": "the terminal's own replies read as keys",
            "104": "many at once, and the line dies in the middle",
            "105": "password_reset whose end cannot be seen",
            "106": "a day, and a thousand actions",
        },
    ),
    Chapter(
        "This API",
        {
            "107": "trailing commas, as documented",
            "108": "no list of actions anywhere",
            "109": "two base paths",
            "110": "a shutdown that completed while the VM runs on",
            "111": "a VM deleted by somebody without a reply",
            "112": "errored without a reason",
            "113": "two resizes of one VM",
        },
    ),
    Chapter(
        "Attacks",
        {
            "S1": "escape sequences in names",
            "S2": "control characters of the other kind",
            "S3": "direction, zero width, tags; names that look the same",
            "S4": "marks without end, wide and right-to-left names, a megabyte",
            "S5": "markup",
            "S6": "hostile text from every other source",
            "S7": "formulas in CSV",
            "S8": "line breaks in JSON lines and logs",
            "S9": "odd passwords",
            "S10": "the password anywhere it should not be",
            "S11": "odd base URLs",
            "S12": "redirects with credentials",
            "S13": "variables of the environment: proxies, certificates, key logs",
            "S14": "the working directory and search paths",
            "S15": "the state folder under somebody else's hand",
            "S16": "configuration and credentials that others can write",
            "S17": "a password command that hangs",
            "S18": "TLS that must be refused",
            "S19": "headers without bound, cookies",
            "S20": "bytes that are no HTTP",
            "S21": "401 with another scheme",
            "S22": "the clipboard",
            "S23": "crash reports and logs",
            "S24": "another user of the machine",
            "S25": "what is installed",
            "S26": "read-only means read-only",
        },
    ),
)

UNTESTED: dict[str, str] = {
    "84": "needs a network file system whose locks do not hold; every start proves them with two of its own",
}
"""Rows without a test, and why."""

TITLES = {number: title for chapter in CHAPTERS for number, title in chapter.rows.items()}


class Named(NamedTuple):
    """A row that a test names."""

    row: str
    where: str
    """`tests/api/test_submit.py:42`."""


def named_rows(folder: Path = TESTS) -> Iterator[Named]:
    """Every row named by a mark, in the order of the files."""
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fault":
                where = f"{path.relative_to(folder.parent)}:{node.lineno}"
                yield from (Named(str(word.value), where) for word in node.args if isinstance(word, ast.Constant))
