"""Names of snapshots made from a template."""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches

from cftui.errors import UsageError
from cftui.fleet.rows import VmRow
from cftui.text import clean

DEFAULT_TEMPLATE = "{name}-{date}-{token}"
"""Ends in the token, so that a human can prove in the control panel whose snapshot it is."""

FIELDS = ("name", "date", "time", "id", "token")

_BRACE = re.compile(r"\{([^{}]*)\}|[{}]")


class TemplateError(UsageError):
    """A template holds a brace that stands for nothing."""

    title = "Template"


def expand_template(template: str, vm: VmRow, now: datetime, token: str) -> str:
    """The name that a template gives for one VM.

    Args:
        template: Text with `{name}`, `{date}` (2026-11-24), `{time}` (0314), `{id}` (whole) and `{token}` (8 hex
            digits).
        vm: Whose snapshot it is.
        now: Date and time are taken in its own zone.
        token: The submission's token, 32 hex digits.

    Raises:
        TemplateError: An unknown field, or a single brace.
    """
    values = {
        "name": vm.name,
        "date": now.strftime("%Y-%m-%d"),
        "time": now.strftime("%H%M"),
        "id": vm.id,
        "token": token[:8],
    }

    def value(match: re.Match[str]) -> str:
        if match[1] in values:
            return values[match[1]]
        raise TemplateError(_advice(match[0], match[1]))

    return _BRACE.sub(value, template)


def _advice(brace: str, field: str | None) -> str:
    if field is None:
        return f"{brace} stands alone; fields are {', '.join(f'{{{known}}}' for known in FIELDS)}"
    close = get_close_matches(field.lower(), FIELDS, n=1)
    known = f"the nearest is {{{close[0]}}}" if close else f"there are {', '.join(f'{{{name}}}' for name in FIELDS)}"
    return f"no field {clean(brace)}: {known}"
