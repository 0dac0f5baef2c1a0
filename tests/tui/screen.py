"""What a person sees: the screen as lines of text, read out of a screenshot."""

from __future__ import annotations

import html
import re
from typing import Any

from textual.app import App

_RUN = re.compile(r'<text[^>]* x="([\d.]+)"[^>]*-line-(\d+)\)"[^>]*>(.*?)</text>', re.DOTALL)
_CELL = 12.2
"""Width of a cell in the picture."""


def shown(app: App[Any]) -> str:
    """The screen, line by line, without blanks at the ends."""
    lines = [""] * app.size.height
    runs = [(int(line), float(x), text) for x, line, text in _RUN.findall(app.export_screenshot())]
    for line, x, text in sorted(runs):
        if line < len(lines):
            lines[line] = lines[line].ljust(round(x / _CELL)) + html.unescape(text).replace("\xa0", " ")
    return "\n".join(line.rstrip() for line in lines)
