"""Sizes that a VM can be given: what may be asked for, what is typed for it, and what to say before it is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from cftui.errors import UsageError
from cftui.fleet.effects import current_size
from cftui.fleet.rows import VmRow
from cftui.text import number, size_words


class SizeError(UsageError, ValueError):
    """A typed size cannot be read; the message says what would be right."""

    title = "Size"


class Resource(NamedTuple):
    """One thing that a resize changes."""

    name: str
    """As in the request: `cpu`, `ram`, `disk`."""
    label: str
    unit: str
    """Stands behind a quantity in sentences; empty for a count."""
    is_whole: bool
    minimum: float
    """Sizes below or at zero are refused; a larger minimum is advice."""
    may_shrink: bool
    """False where shrinking may not be possible; the document does not say, so it is advice and the cloud decides."""


class Traits(NamedTuple):
    """What a cloud can resize; the form is built from it."""

    resources: tuple[Resource, ...]
    takes_several: bool
    """Whether one request may hold several resources."""
    must_be_off: bool

    def resource(self, name: str) -> Resource:
        """The resource of this name; KeyError when there is none."""
        return {resource.name: resource for resource in self.resources}[name]


CLOUDSFOR = Traits(
    (
        Resource("cpu", "CPU", "", is_whole=True, minimum=1, may_shrink=True),
        Resource("ram", "RAM", "GB", is_whole=False, minimum=0.5, may_shrink=True),
        Resource("disk", "disk", "GB", is_whole=False, minimum=1, may_shrink=False),
    ),
    takes_several=True,
    must_be_off=True,
)
"""API: "Resize a VM"; sections 2.1 and 12.9 of the API reference."""


class Remark(NamedTuple):
    """What there is to say of one field."""

    text: str
    is_error: bool
    """False for advice: the request can be sent all the same."""


_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})\s*([a-z]*)", re.ASCII)

_GB_PER_UNIT = {
    "": 1.0,
    "g": 1.0,
    "gb": 1.0,
    "gib": 1.0,
    "m": 1 / 1024,
    "mb": 1 / 1024,
    "mib": 1 / 1024,
} | dict.fromkeys(("t", "tb", "tib"), 1000.0)
"""A megabyte is the 1,024th part, as clouds count memory: 8192 MB is 8 GB. A terabyte is what tables show as one:
1,000."""


def parse_size(text: str, resource: str) -> float:
    """Read a size as typed: `8`, `8G`, `8 GB`, `8192 MB`, `1T`, `1.5`.

    Args:
        text: As typed; a number alone is GB, or a count of CPUs.
        resource: `cpu`, `ram` or `disk`.

    Returns:
        GB, or for `cpu` a whole count.

    Raises:
        SizeError: It is no number above zero, has an unknown unit, or is a fraction of a CPU.
    """
    traits = CLOUDSFOR.resource(resource)
    if traits.unit:
        size = parse_gb(text)
    else:
        match = _matched(text)
        if match[2]:
            raise SizeError("a count has no unit: write 2")
        size = float(match[1])
    if size <= 0:
        raise SizeError("a number above 0")
    if traits.is_whole and size != int(size):
        lower = int(size)
        raise SizeError(f"whole {traits.label}s only: {f'{lower} or ' if lower else ''}{lower + 1}")
    return size


def parse_gb(text: str) -> float:
    """Read a quantity with or without a unit as GB; zero is one.

    Raises:
        SizeError: It is no number, or has an unknown unit.
    """
    match = _matched(text)
    if match[2] not in _GB_PER_UNIT:
        raise SizeError("units are MB, GB and TB")
    return float(match[1]) * _GB_PER_UNIT[match[2]]


def check_resize(vm: VmRow, sizes: Mapping[str, float]) -> dict[str, Remark]:
    """What there is to say before a resize is sent, by resource; resources without remark are left out.

    Args:
        vm: The VM as last read.
        sizes: Wanted sizes by resource: a count of CPUs, GB.
    """
    remarks = {name: _remark(vm, CLOUDSFOR.resource(name), size) for name, size in sizes.items()}
    return {name: remark for name, remark in remarks.items() if remark}


def _remark(vm: VmRow, resource: Resource, size: float) -> Remark | None:
    if not 0 < size < float("inf"):
        return Remark("a number above 0", is_error=True)
    if resource.is_whole and size != int(size):
        return Remark(f"whole {resource.label}s only: {int(size) or 1} or {(int(size) or 1) + 1}", is_error=True)
    current = current_size(vm, resource.name)
    if current == size:
        shown = size_words(size) if resource.unit else number(size)
        return Remark(f"it has {shown} already; leave it empty", is_error=True)
    if size < resource.minimum:
        return Remark(f"less than {number(resource.minimum)} {resource.unit} may be refused", is_error=False)
    if current is not None and not resource.may_shrink:
        smaller = f"a {resource.label} may not be possible to make smaller"
        return Remark(
            smaller if size < current else "it may not be possible to undo: shrinking is not promised", is_error=False
        )
    return None


def _matched(text: str) -> re.Match[str]:
    typed = text.strip().lower()
    if "," in typed:
        raise SizeError("no commas: write 1.5 or 1000")
    match = _SIZE.fullmatch(typed)
    if match is None:
        raise SizeError("a number, such as 8 or 1.5")
    return match
