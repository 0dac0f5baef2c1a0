"""The rename form: one VM, one new name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cftui.api import requests
from cftui.api.requests import InvalidRequestError
from cftui.fleet.rows import ActionType, VmRow
from cftui.text import clean, count, cut_middle
from cftui.tui.modals.form import Field, Form, Requests
from cftui.tui.modals.ink import put

_NAME_CELLS = 64
"""Of the old name; one without end must not push the field out of sight."""


class RenameForm(Form):
    """A new name for a VM; for several it says that names are given one at a time.

    Args:
        targets: One VM.
        now: Not used; all forms are made alike.
        taken: Names of other VMs; one of them is advised against, not refused.
    """

    type = ActionType.RENAME

    def __init__(self, targets: Sequence[VmRow], *, now: datetime | None = None, taken: Collection[str] = ()) -> None:
        super().__init__(targets)
        self._taken = frozenset(taken)

    def compose_body(self) -> ComposeResult:
        """The old name, and a field that holds it, all selected: typing replaces it, arrows edit it."""
        yield Static(id="old")
        yield Field("new name", id="field-name", value=clean(self.targets[0].name))
        yield Static(id="preview")

    @property
    def _field(self) -> Field:
        return self.query_one("#field-name", Field)

    def _request(self) -> requests.ActionRequest:
        """Raises InvalidRequestError with what would be right."""
        if len(self.targets) > 1:
            raise InvalidRequestError(
                "name", f"{count(len(self.targets), 'VM')} cannot get one name: rename them one at a time"
            )
        name = self._field.value
        if name in (self.targets[0].name, clean(self.targets[0].name)):
            raise InvalidRequestError("name", "it is called that now")
        return requests.rename(name)

    def requests(self) -> Requests:
        """The one request."""
        try:
            return [(self.targets[0], self._request())]
        except InvalidRequestError:
            return []

    def check(self) -> None:
        """Say what is wrong with the name."""
        ink, field = self.ink, self._field
        put(
            self.query_one("#old", Static),
            ink("     now  ", "muted")
            + ink("  ")
            + ink(cut_middle(clean(self.targets[0].name), _NAME_CELLS), "*strong"),
        )
        is_untouched = field.value == clean(self.targets[0].name) and len(self.targets) == 1
        try:
            self._request()
        except InvalidRequestError as error:
            field.say(error.message, tone="muted" if is_untouched else "")
        else:
            if field.value in self._taken:
                field.say("another VM has this name; it will have to be told apart by id", is_error=False)
            else:
                field.say()
        put(self.query_one("#preview", Static), self.preview("no new name yet") if not is_untouched else Content(""))
