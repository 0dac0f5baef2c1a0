"""The snapshot form: a template for the name, and what it gives for each VM."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cftui.api import requests
from cftui.api.requests import InvalidRequestError
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.fleet.templates import DEFAULT_TEMPLATE, FIELDS, TemplateError, expand_template
from cftui.operations.plan import Workflow
from cftui.text import count
from cftui.tui.modals.form import Field, Form, Requests
from cftui.tui.modals.ink import put


class SnapshotForm(Form):
    """A snapshot of each target, named by a template.

    Args:
        targets: At least one VM.
        now: Date and time of the names.
        workflow: `COLD_SNAPSHOT` where they are stopped first and started again.
    """

    type = ActionType.SNAPSHOT

    def __init__(self, targets: Sequence[VmRow], *, now: datetime, workflow: Workflow = Workflow.NONE) -> None:
        super().__init__(targets, workflow=workflow)
        self._now = now.astimezone()
        self._tokens = {vm: secrets.token_hex(16) for vm in targets}

    def compose_body(self) -> ComposeResult:
        """The template, what may stand in it, and what comes of it."""
        yield Field("name", id="field-name", value=DEFAULT_TEMPLATE)
        yield Static(id="help")
        yield Static(id="preview")

    @property
    def _field(self) -> Field:
        return self.query_one("#field-name", Field)

    def _asked(self) -> Requests:
        """Raises TemplateError or InvalidRequestError with what would be right."""
        template = self._field.value
        return [
            (vm, requests.snapshot(expand_template(template, vm, self._now, token), token=token))
            for vm, token in self._tokens.items()
        ]

    def requests(self) -> Requests:
        """One request a VM, each with its own name."""
        try:
            return self._asked()
        except (TemplateError, InvalidRequestError):
            return []

    def check(self) -> None:
        """Say what is wrong with the template, or what to take care of."""
        ink, field = self.ink, self._field
        try:
            asked = self._asked()
        except (TemplateError, InvalidRequestError) as error:
            field.say(error.message)
        else:
            names = {request.name for _, request in asked}
            running = sum(vm.power is not Power.OFF for vm in self.targets)
            if len(names) < len(asked):
                field.say(f"{count(len(asked), 'snapshot')} would share {count(len(names), 'name')}", is_error=False)
            elif running and self.workflow:
                who = "it is" if len(self.targets) == 1 else f"{running:,} of {len(self.targets):,} are"
                field.say(f"{who} shut down first, and started again", tone="muted")
            elif running:
                who = (
                    "it is not stopped"
                    if len(self.targets) == 1
                    else f"{running:,} of {len(self.targets):,} are not stopped"
                )
                field.say(f"{who}: what is being written may be incomplete", is_error=False)
            else:
                field.say()
        braces = "  ".join(f"{{{name}}}" for name in FIELDS)
        put(self.query_one("#help", Static), ink(f"{braces}", "key") + ink("  are filled in.", "muted"))
        put(self.query_one("#preview", Static), Content("\n") + self.preview("no name yet"))
