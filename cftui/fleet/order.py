"""The orders in which VMs can be listed."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from cftui.fleet.rows import VmRow, instant

_DIGITS = re.compile(r"[0-9]+")


class Column(StrEnum):
    """What a list of VMs can be sorted by."""

    NAME = "name"
    STATE = "state"
    REGION = "region"
    CPU = "cpu"
    RAM = "ram"
    DISK = "disk"
    ADDRESS = "address"
    CREATED = "created"


def column_of(name: str) -> Column:
    """The column of a name that was kept somewhere; by name when there is none such."""
    return Column(name) if name in set(Column) else Column.NAME


def natural(text: str) -> str:
    """A text to sort by in which numbers count as numbers: web-2 comes before web-10; capitals make no difference.

    Numbers are padded to 12 digits, and longer ones stay as they are: comparing two strings is many times faster than
    comparing tuples.
    """
    return _DIGITS.sub(lambda match: match[0].zfill(12), text.lower())


def sort_key(column: Column) -> Callable[[VmRow], Any]:
    """What to sort rows by; equal ones are in the order of their names, then ids. What is not known comes first."""
    read = _KEYS[column]
    if column is Column.NAME:
        return lambda vm: (natural(vm.name), vm.id)
    return lambda vm: (read(vm), natural(vm.name), vm.id)


def _number(value: float | None) -> float:
    return float("-inf") if value is None else value


_KEYS: dict[Column, Callable[[VmRow], Any]] = {
    Column.NAME: lambda vm: natural(vm.name),
    Column.STATE: lambda vm: vm.status.lower(),
    Column.REGION: lambda vm: natural(vm.region),
    Column.CPU: lambda vm: _number(vm.cpu),
    Column.RAM: lambda vm: _number(vm.ram_gb),
    Column.DISK: lambda vm: _number(vm.disk_gb),
    Column.ADDRESS: lambda vm: natural(vm.address),
    Column.CREATED: lambda vm: _number(instant(vm.created_at)),
}
