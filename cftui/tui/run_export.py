"""The whole story of a run as a file or for the clipboard: Markdown to read, CSV and JSON to go on with."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cftui.fleet.history import HistoryEntry, Stage
from cftui.operations.runs import RunView
from cftui.text import clean, count
from cftui.tui.look import Line
from cftui.tui.ordering import pace_words, stop_words
from cftui.tui.run_telling import RunMoment, counts_of, short_id, subject

FORMATS = {"md": "Markdown", "csv": "CSV", "json": "JSON"}
"""By the end of a file's name."""

_KEYS = ("vm_id", "vm_name", "type", "stage", "status", "started_at", "completed_at", "message", "handle")
_FORMULA = frozenset("=+-@＝＋－＠")
"""How a text begins that a spreadsheet would compute."""

_FILES_OF_ONE_NAME = 1000


def as_text(told: RunMoment, form: str) -> str:
    """The run in one of `FORMATS`."""
    return {"md": as_markdown, "csv": _as_csv, "json": _as_json}[form](told)


def save(told: RunMoment, form: str, folder: Path) -> str:
    """Write the run into a new file that nobody else may read; never over one that is there.

    Args:
        told: The run.
        form: One of `FORMATS`.
        folder: Where to.

    Returns:
        The file's name.

    Raises:
        OSError: It cannot be written.
    """
    stem = f"cftui-run-{short_id(told.run)}"
    for number in range(1, _FILES_OF_ONE_NAME):
        name = f"{stem}{f'-{number}' if number > 1 else ''}.{form}"
        try:
            opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
            file.write(as_text(told, form))
        return name
    raise FileExistsError(17, f"{stem}.{form} and its successors exist")


def as_markdown(told: RunMoment) -> str:
    """A heading, what was confirmed and how it stands, and a line for each VM."""
    run = told.run
    confirmed = datetime.fromtimestamp(run.confirmed_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    order = "; ".join(filter(None, (pace_words(run.order, len(run.targets)), stop_words(run.order))))
    lines = [
        f"# Run {short_id(run)}: {_inert(subject(run))}",
        "",
        f"Confirmed {confirmed} UTC; {run.ended:,} of {count(len(run.targets), 'VM')} ended, run {run.state}.",
        _plain(counts_of(told)),
        f"Order: {order}.",
        *([_sentence(run)] if run.message else []),
        "",
        "| # | VM | id | state | what became of it | started | ended |",
        "| ---: | --- | --- | --- | --- | --- | --- |",
    ]
    for number, target in enumerate(run.targets, 1):
        said = told.told(target)
        what = "; ".join(filter(None, (said.text,)))
        times = (_time(said.entry.started), _time(said.entry.ended)) if said.entry is not None else ("", "")
        cells = (str(number), target.vm_name, target.vm_id, said.word or "in progress", what, *times)
        lines.append(f"| {' | '.join(map(_inert, cells))} |")
    for one in run.plan.skipped:
        cells = ("", one.vm.name, one.vm.id, "skipped", one.reason, "", "")
        lines.append(f"| {' | '.join(map(_inert, cells))} |")
    return "\n".join(lines) + "\n"


def records(told: RunMoment) -> list[dict[str, object]]:
    """One a request that was begun, one a VM that was not: the objects of `cftui/run/1`."""
    found: list[dict[str, object]] = []
    for target in told.run.targets:
        begun = [told.entries[token] for token in target.tokens if token in told.entries]
        found += [_record(entry) for entry in begun]
        if not begun:
            type_ = told.steps[target.tokens[0]].request.type.value
            found.append(_nothing(target.vm_id, target.vm_name, type_, Stage.NOT_SENT, target.message or "waiting"))
    type_ = told.run.plan.type.value
    return found + [_nothing(s.vm.id, s.vm.name, type_, Stage.SKIPPED, s.reason) for s in told.run.plan.skipped]


def _record(entry: HistoryEntry) -> dict[str, object]:
    return {
        "vm_id": entry.vm_id,
        "vm_name": entry.vm_name,
        "type": entry.type,
        "stage": entry.stage.value,
        "status": entry.status or None,
        "started_at": entry.started_at or None,
        "completed_at": entry.completed_at or None,
        "message": entry.message,
        "handle": entry.handle if entry.stage is not Stage.NOT_SENT else None,
    }


def _nothing(vm_id: str, vm_name: str, type_: str, stage: Stage, message: str) -> dict[str, object]:
    named: dict[str, object] = dict.fromkeys(_KEYS)
    return named | {"vm_id": vm_id, "vm_name": vm_name, "type": type_, "stage": stage.value, "message": message}


def _as_json(told: RunMoment) -> str:
    run = told.run
    workflow = {"workflow": run.plan.workflow.value} if run.plan.workflow else {}
    targets = [
        {"vm_id": one.vm_id, "vm_name": one.vm_name, "state": one.state.value, "message": one.message}
        for one in run.targets
    ]
    document: Mapping[str, object] = {
        "schema": "cftui/run/1",
        "type": run.plan.type.value,
        **workflow,
        "results": records(told),
        "targets": targets,
    }
    return json.dumps(document, indent=2) + "\n"


def _as_csv(told: RunMoment) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_KEYS)
    for record in records(told):
        writer.writerow(_cell(record[key]) for key in _KEYS)
    return out.getvalue()


def _cell(value: object) -> str:
    """A text that a spreadsheet takes as text; what cannot be seen shows as escapes."""
    text = "" if value is None else clean(str(value))
    return f"'{text}" if text[:1] in _FORMULA else text


def _inert(text: str) -> str:
    """A text that Markdown takes as text."""
    return "".join(f"\\{char}" if char in "\\|`*_[]<>#" else char for char in clean(text))


def _plain(line: Line) -> str:
    return ", ".join(part.text.strip() for part in line if part.text.strip()) + "."


def _sentence(run: RunView) -> str:
    message = clean(run.message)
    return f"{message[:1].upper()}{message[1:]}."


def _time(seconds: float | None) -> str:
    try:
        return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "odd time"
