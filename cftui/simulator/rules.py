"""What the cloud accepts and what it refuses: a body read as an order, and the order held against the VM. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from cftui.simulator.clocks import iso
from cftui.simulator.state import RUNNING, STOPPED, Vm

ACTION_TYPES = (
    "reboot",
    "power_cycle",
    "shutdown",
    "power_off",
    "power_on",
    "password_reset",
    "resize",
    "rename",
    "snapshot",
)
"""In the document's order."""

NEEDED_STATUS = {
    "reboot": RUNNING,
    "power_cycle": RUNNING,
    "shutdown": RUNNING,
    "power_off": RUNNING,
    "power_on": STOPPED,
    "resize": STOPPED,
}
"""The status a VM must have; the other types do with any."""

LARGEST: Mapping[str, float] = {"cpu": 64, "ram": 512, "disk": 10_000}
"""What this cloud offers at most: CPUs, GB, GB."""

NAME_MAX_CHARS = 255


class Refusal(Exception):
    """The cloud will not do it; nothing was changed.

    Args:
        status: HTTP status.
        error_id: The body's `id`: a word for programs.
        message: The body's `message`: a sentence for people.
    """

    def __init__(self, status: int, error_id: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_id = error_id
        self.message = message


@dataclass(frozen=True, slots=True)
class Order:
    """An action as asked for."""

    type: str
    sizes: Mapping[str, float] = field(default_factory=dict)
    """For a resize, by resource (`cpu`, `ram`, `disk`)."""
    name: str = ""
    """For a rename or a snapshot."""


def read_order(body: bytes) -> Order:
    """A POST's body as an order.

    Raises:
        Refusal: 400 when it is not JSON, 422 when it is not one of the document's requests.
    """
    asked = _read_json(body)
    if not isinstance(asked, dict):
        _unprocessable("The request body must be a JSON object.")
    type_ = asked.get("type")
    if "type" not in asked:
        _unprocessable("The attribute 'type' is missing.")
    if not isinstance(type_, str) or type_ not in ACTION_TYPES:
        _unprocessable(f"Unknown action type {_shown(type_)}: it must be one of {', '.join(ACTION_TYPES)}.")
    if type_ == "resize":
        return Order(type_, sizes=_sizes(asked))
    if type_ == "rename" or (type_ == "snapshot" and "name" in asked):
        return Order(type_, name=_name(asked))
    return Order(type_)


def check(order: Order, vm: Vm) -> None:
    """Hold an order against the VM.

    Raises:
        Refusal: 422: locked, busy, in the wrong state, or a resize that would change nothing or make a disk smaller.
    """
    if vm.locked:
        _unprocessable("The VM is locked; no action is possible until it is unlocked.")
    if vm.open_actions:
        busy = vm.open_actions[0]
        _unprocessable(f"The VM already has an action in progress: {busy.type}, since {iso(busy.started)}.")
    needed = NEEDED_STATUS.get(order.type)
    if needed is not None and vm.status != needed:
        if order.type == "resize":
            _unprocessable(f"The VM must be powered off prior to resizing; it is {vm.status}.")
        _unprocessable(f"The VM must be {needed} for {order.type}; it is {vm.status}.")
    if order.type == "resize":
        _check_sizes(order.sizes, vm)


def _check_sizes(sizes: Mapping[str, float], vm: Vm) -> None:
    current = {"cpu": vm.vcpus, "ram": vm.memory, "disk": vm.disk}
    if all(size == current[resource] for resource, size in sizes.items()):
        _unprocessable("The VM has this size already.")
    if sizes.get("disk", vm.disk) < vm.disk:
        _unprocessable(f"A disk cannot be made smaller; it has {vm.disk:g} GB.")


def _read_json(body: bytes) -> object:
    if not body.strip():
        raise Refusal(400, "bad_request", "The request body is empty; a JSON object is expected.")
    try:
        parsed: object = json.loads(body.decode(), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"{error.msg}, line {error.lineno} column {error.colno}"
        raise Refusal(400, "bad_request", f"The request body is not valid JSON: {where}.") from None
    except (ValueError, RecursionError):
        raise Refusal(400, "bad_request", "The request body is not valid JSON.") from None
    return parsed


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(constant)


def _sizes(asked: Mapping[str, object]) -> dict[str, float]:
    if "data" in asked:
        if "resource" in asked or "size" in asked:
            _unprocessable("Send either 'resource' and 'size' or 'data', not both.")
        data = asked["data"]
        if not isinstance(data, dict) or not data:
            _unprocessable("'data' must be an object with keys among disk, ram, cpu.")
        return {resource: _size(resource, size) for resource, size in data.items()}
    if "resource" not in asked or "size" not in asked:
        _unprocessable("A resize needs 'resource' and 'size', or 'data'.")
    resource = asked["resource"]
    if not isinstance(resource, str):
        _unprocessable("'resource' must be ram, disk or cpu.")
    return {resource: _size(resource, asked["size"])}


def _size(resource: str, size: object) -> float:
    if resource not in LARGEST:
        _unprocessable(f"Unknown resource {_shown(resource)}: it must be ram, disk or cpu.")
    if isinstance(size, bool) or not isinstance(size, int | float):
        _unprocessable(f"The size of {resource} must be a number.")
    if not math.isfinite(size) or size <= 0 or (resource == "cpu" and size != int(size)):
        _unprocessable(f"The size of {resource} must be a {'whole ' if resource == 'cpu' else ''}number above 0.")
    if size > LARGEST[resource]:
        _unprocessable(
            f"At most {LARGEST[resource]:g} {'CPUs' if resource == 'cpu' else f'GB of {resource}'} can be had."
        )
    return size


def _name(asked: Mapping[str, object]) -> str:
    name = asked.get("name")
    if "name" not in asked:
        _unprocessable("The attribute 'name' is missing.")
    if not isinstance(name, str) or not name.strip():
        _unprocessable("'name' must be a string that is not empty.")
    if len(name) > NAME_MAX_CHARS:
        _unprocessable(f"'name' may have at most {NAME_MAX_CHARS} characters.")
    return name


def _shown(value: object) -> str:
    return json.dumps(value)[:80]


def _unprocessable(message: str) -> NoReturn:
    raise Refusal(422, "unprocessable_entity", message)
