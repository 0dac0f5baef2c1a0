"""What is asked of the cloud when an action is started: validated once, and spelled in one place.

Method, path and body come from here for the confirmation, the journal, the dry run, curl and the POST itself, so that
they cannot differ. Needs nothing but the standard library, so that a screen can build one without loading a client.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from urllib.parse import quote

from cftui.errors import UsageError
from cftui.fleet.rows import ActionType

NAME_MAX_CHARS = 255
"""Longest name that is sent; the document gives no limit, and no cloud's is longer."""


class InvalidRequestError(UsageError):
    """The request would not be one of the document's; nothing was sent.

    Args:
        field: Which argument is wrong: `cpu`, `ram`, `disk`, `name`, `size`.
        message: What would be right, as shown beside the field.
    """

    title = "Not a valid request"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One action to ask for: its type and the members that the document prints for it, no more and no less.

    Make one with `simple`, `resize`, `rename` or `snapshot`; they validate.
    """

    type: ActionType
    members: tuple[tuple[str, object], ...] = ()
    """Body members after `type`, in the document's order."""
    token: str = field(default="", compare=False)
    """Names the submission that will carry it, 32 hex digits; given where a snapshot's name holds it, else empty."""

    @property
    def body(self) -> dict[str, object]:
        """The request body as an object; `type` comes first."""
        return {"type": self.type.value} | dict(self.members)

    @property
    def body_json(self) -> str:
        """The exact body that is sent: `{"type": "reboot"}`. ASCII, with the spaces that people read."""
        return json.dumps(self.body)

    @property
    def sizes(self) -> dict[str, float]:
        """For a resize, what was asked for by resource: `cpu` as a count, `ram` and `disk` in GB; else empty."""
        body = self.body
        data = body.get("data")
        if isinstance(data, dict):
            return dict(data)
        size = body.get("size")
        return {str(body["resource"]): size} if isinstance(size, int | float) else {}

    @property
    def name(self) -> str:
        """For a rename or a snapshot, the name that is sent; else empty."""
        return str(self.body.get("name", ""))


def simple(type_: ActionType) -> ActionRequest:
    """A request without further members: the six power and password actions.

    API: "Reboot a VM" to "Password Reset a VM".
    """
    if type_ in (ActionType.RESIZE, ActionType.RENAME, ActionType.SNAPSHOT):
        raise InvalidRequestError("type", f"{type_} needs more than its type.")
    return ActionRequest(type_)


def resize(*, cpu: float | None = None, ram_gb: float | None = None, disk_gb: float | None = None) -> ActionRequest:
    """More or less of one resource, or of several at once; the VM must be powered off.

    One resource is sent in the document's single form (`resource` and `size`), several in its bulk form (`data`).

    Args:
        cpu: Wanted number of CPUs, whole.
        ram_gb: Wanted memory in GB.
        disk_gb: Wanted disk in GB.

    Raises:
        InvalidRequestError: Nothing was asked for, or a size is not a positive number (whole for CPUs).

    API: "Resize a VM".
    """
    asked = {"cpu": cpu, "ram": ram_gb, "disk": disk_gb}
    sizes = {resource: _size(resource, size) for resource, size in asked.items() if size is not None}
    if not sizes:
        raise InvalidRequestError("size", "give at least one of cpu, ram and disk")
    if len(sizes) == 1:
        ((resource, size),) = sizes.items()
        return ActionRequest(ActionType.RESIZE, (("resource", resource), ("size", size)))
    return ActionRequest(ActionType.RESIZE, (("data", sizes),))


def rename(name: str) -> ActionRequest:
    """A new name for a VM.

    Raises:
        InvalidRequestError: The name is empty, too long, or holds characters that cannot be seen.

    API: "Rename a VM".
    """
    return ActionRequest(ActionType.RENAME, (("name", _name(name)),))


def snapshot(name: str, *, token: str = "") -> ActionRequest:
    """A snapshot of a VM's disk, under a name.

    Args:
        name: The image's name.
        token: See `ActionRequest.token`.

    Raises:
        InvalidRequestError: As for `rename`.

    API: "Snapshot a VM"; its table omits `name`, its prose and sample set it.
    """
    return ActionRequest(ActionType.SNAPSHOT, (("name", _name(name)),), token)


def from_body(body: str) -> ActionRequest:
    """The request whose `body_json` this was, as the journal keeps it."""
    members = json.loads(body)
    return ActionRequest(ActionType(members.pop("type")), tuple(members.items()))


def action_path(base_path: str, vm_id: str) -> str:
    """Where actions of a VM are started and listed: `/api/v1/vms/ID/actions`; ids are opaque, hence escaped."""
    return f"{base_path}/vms/{quote_id(vm_id)}/actions"


def quote_id(vm_id: str) -> str:
    """An id as one path segment; `..` and `.` are escaped too, so that no id can name another path."""
    quoted = quote(vm_id, safe="", errors="backslashreplace")  # half a character names nothing, and must break nothing
    return quoted.replace(".", "%2E") if not vm_id.strip(".") else quoted


def _size(resource: str, size: float) -> float:
    if isinstance(size, bool) or not math.isfinite(size) or size <= 0:
        raise InvalidRequestError(resource, "a number above 0")
    if resource == "cpu" and size != int(size):
        raise InvalidRequestError(resource, f"whole CPUs only: {int(size)} or {int(size) + 1}")
    return int(size) if size == int(size) else size


def _name(name: str) -> str:
    if not name.strip():
        raise InvalidRequestError("name", "a name cannot be empty")
    if name != name.strip():
        raise InvalidRequestError("name", "no space at the beginning or the end")
    if not name.isprintable():
        raise InvalidRequestError("name", "no control or invisible characters")
    if len(name) > NAME_MAX_CHARS:
        raise InvalidRequestError("name", f"at most {NAME_MAX_CHARS} characters")
    return name
