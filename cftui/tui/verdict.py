"""The first thing that is told of a request: whether the cloud took it."""

from __future__ import annotations

from cftui.fleet.history import Stage, Submission
from cftui.text import clean
from cftui.tui.glyphs import Glyphs
from cftui.tui.look import Line, Part
from cftui.tui.telling import why_unknown

_WORDS = {Stage.REJECTED: "rejected", Stage.ERRORED: "failed"}


def verdict(submission: Submission, glyphs: Glyphs) -> Line:
    """What became of a request at once, in a line."""
    words = f"{clean(submission.vm_name)} {submission.type}"
    match submission.stage:
        case Stage.REJECTED | Stage.NOT_SENT | Stage.ERRORED | Stage.SKIPPED:
            head = f"{glyphs.failed} {words} {_WORDS.get(submission.stage, 'not sent')}"
            return [Part(head, "*bad"), Part(f"  {clean(submission.message)}")]
        case Stage.UNKNOWN:
            return [
                Part(f"{glyphs.unknown} {words}: {why_unknown(submission.message)}", "*unk"),
                Part("  do not repeat it"),
            ]
        case _:
            return [Part(f"{glyphs.busy} {words} {submission.stage}", "*busy")]
