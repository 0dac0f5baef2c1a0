"""The resize form: now, new and the change of each resource; nothing goes on until all of it can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cftui.api import requests
from cftui.api.requests import InvalidRequestError
from cftui.fleet.effects import current_size
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.fleet.sizes import CLOUDSFOR, Remark, Resource, SizeError, check_resize, parse_size
from cftui.operations.plan import Workflow
from cftui.text import count, number
from cftui.tui.modals.form import Field, Form, Requests
from cftui.tui.modals.ink import put


class ResizeForm(Form):
    """More or less of CPU, RAM and disk, the same for all targets.

    Args:
        targets: At least one VM.
        now: Not used; all forms are made alike.
        workflow: `GUIDED_RESIZE` where they are stopped first and started again.
    """

    type = ActionType.RESIZE

    def __init__(
        self, targets: Sequence[VmRow], *, now: datetime | None = None, workflow: Workflow = Workflow.NONE
    ) -> None:
        super().__init__(targets, workflow=workflow)
        self._sizes: dict[str, float] = {}

    def compose_body(self) -> ComposeResult:
        """A row a resource, built from what this cloud can resize."""
        yield Static(id="head")
        for resource in CLOUDSFOR.resources:
            yield Field(resource.label, id=f"field-{resource.name}", cells=12)
        yield Static(id="help")
        yield Static(id="preview")

    def keys(self) -> Sequence[tuple[str, str]]:
        """Arrows too."""
        arrows = "up/down" if self.ink.is_ascii else "↑↓"
        return [*super().keys(), (arrows, "one more, less")]

    # What is asked for.

    def _changed(self) -> list[VmRow]:
        """Targets that would be different; one that has all these sizes already is left out."""
        return [vm for vm in self.targets if any(current_size(vm, name) != size for name, size in self._sizes.items())]

    def requests(self) -> Requests:
        """One request a VM, all with the same body."""
        if any(field.is_wrong for field in self.fields()) or not self._sizes:
            return []
        try:
            request = requests.resize(
                cpu=self._sizes.get("cpu"), ram_gb=self._sizes.get("ram"), disk_gb=self._sizes.get("disk")
            )
        except InvalidRequestError:
            return []
        return [(vm, request) for vm in self._changed()]

    def check(self) -> None:
        """Read the fields, and say what there is to say of each."""
        self._sizes = {}
        for resource in CLOUDSFOR.resources:
            self._check(resource, self.query_one(f"#field-{resource.name}", Field))
        ink, is_wide = self.ink, self.inner_width >= 60
        head = f"{'':10}{'now':>11}       new             change" if is_wide else f"{'':5}{'now':>7}   new"
        put(self.query_one("#head", Static), ink(head, "muted"))
        left_out = len(self.targets) - len(self._changed()) if self.requests() else 0
        told = "An empty field is not sent. Numbers are GB; MB and TB may be written."
        if self.workflow and (running := sum(vm.power is not Power.OFF for vm in self.targets)):
            who = "It is" if len(self.targets) == 1 else f"{running:,} of {len(self.targets):,} are"
            told = f"{who} shut down first, and started again. An empty field is not sent."
        if left_out:
            told = f"{count(left_out, 'VM that has', 'VMs that have')} these sizes already will be left out."
        put(self.query_one("#help", Static), ink(told, "warn" if left_out else "muted"))
        put(self.query_one("#preview", Static), Content("\n") + self.preview("no new size yet"))

    def _check(self, resource: Resource, field: Field) -> None:
        field.lead(self._lead(resource))
        field.tail(Content(""))
        if not field.value.strip():
            field.say()
            return
        try:
            size = parse_size(field.value, resource.name)
        except SizeError as error:
            field.say(error.message)
            field.tail(self.ink(self.ink.glyphs.none, "muted"))
            return
        remark = self._remark(resource, size)
        self._sizes[resource.name] = size
        if remark is None:
            field.say()
        else:
            field.say(remark.text, is_error=remark.is_error)
        field.tail(self._change(resource, size))

    def _remark(self, resource: Resource, size: float) -> Remark | None:
        """What there is to say of a size for all targets: an error if each has one, else the first advice."""
        told = [check_resize(vm, {resource.name: size}).get(resource.name) for vm in self.targets]
        errors = [remark for remark in told if remark is not None and remark.is_error]
        if len(errors) == len(self.targets):
            return errors[0]
        return next((remark for remark in told if remark is not None and not remark.is_error), None)

    def _known(self, resource: Resource) -> list[float]:
        return sorted({size for vm in self.targets if (size := current_size(vm, resource.name)) is not None})

    def _lead(self, resource: Resource) -> Content:
        ink, known = self.ink, self._known(resource)
        shown = "?" if not known else number(known[0]) if len(known) == 1 else f"{number(known[0])}-{number(known[-1])}"
        unit = f" {resource.unit}" if resource.unit and self.inner_width >= 60 else ""
        if self.inner_width >= 60:
            return (
                ink(f"{resource.label:10}")
                + ink(f"{shown + unit:>11}", "*strong")
                + ink(f"   {ink.glyphs.arrow}   ", "muted")
            )
        return ink(f"{resource.label:5}") + ink(f"{shown:>7}", "*strong") + ink(f" {ink.glyphs.arrow} ", "muted")

    def _change(self, resource: Resource, size: float) -> Content:
        ink, known = self.ink, self._known(resource)
        unit = f" {resource.unit}" if resource.unit else ""
        to = ink(f"  to {number(size)}{unit}", "muted")
        if len(known) != 1:
            return ink(f"to {number(size)}{unit}", "text")
        delta = size - known[0]
        return ink(f"{'+' if delta > 0 else '−'}{number(abs(delta))}{unit}", "*good" if delta > 0 else "*warn") + to

    def pressed(self, event: events.Key) -> None:
        """Up is one more, down one less, from what is typed or else from now."""
        field = next((field for field in self.fields() if field.input.has_focus), None)
        if field is None or event.key not in ("up", "down") or field.input.seen is not event:
            super().pressed(event)
            return
        event.stop()
        resource = CLOUDSFOR.resource(str(field.id).removeprefix("field-"))
        try:
            size = parse_size(field.value, resource.name)
        except SizeError:
            known = self._known(resource)
            size = known[-1] if event.key == "up" and known else known[0] if known else 1
        field.input.value = number(max(1, size + (1 if event.key == "up" else -1)))
        field.input.cursor_position = len(field.input.value)
