from __future__ import annotations

import pytest

from cftui.fleet.effects import effect_seen, effect_words, is_verifiable, missing_effect_words
from cftui.fleet.rows import ActionType
from tests.fleet.build import vm

ON, OFF = vm(status="running"), vm(status="stopped")
RAM = '{"type": "resize", "resource": "ram", "size": 8}'
ALL = '{"type": "resize", "data": {"cpu": 4, "ram": 8, "disk": 80}}'
RENAME = '{"type": "rename", "name": "web-2"}'
SNAPSHOT = '{"type": "snapshot", "name": "x"}'


@pytest.mark.parametrize(
    ("type_", "body", "before", "now", "seen"),
    [
        ("power_on", "", OFF, ON, True),
        ("power_on", "", OFF, OFF, False),
        ("power_on", "", OFF, vm(status="starting"), False),
        ("power_on", "", ON, ON, None),
        ("power_off", "", ON, OFF, True),
        ("shutdown", "", ON, ON, False),
        ("shutdown", "", OFF, ON, None),
        ("shutdown", "", None, OFF, None),
        ("shutdown", "", None, ON, False),
        ("rename", RENAME, ON, vm(name="web-2"), True),
        ("rename", RENAME, ON, ON, False),
        ("rename", RENAME, vm(name="web-2"), vm(name="web-2"), None),
        ("rename", "{}", ON, ON, None),
        ("resize", RAM, OFF, vm(ram_gb=8), True),
        ("resize", RAM, OFF, vm(ram_gb=4), False),
        ("resize", RAM, vm(ram_gb=8), vm(ram_gb=8), None),
        ("resize", RAM, OFF, vm(ram_gb=None), None),
        ("resize", RAM, vm(ram_gb=None), vm(ram_gb=8), None),
        ("resize", ALL, OFF, vm(cpu=4, ram_gb=8, disk_gb=80), True),
        ("resize", ALL, OFF, vm(cpu=4, ram_gb=8, disk_gb=40), False),
        ("resize", "not json", OFF, OFF, None),
        ("resize", "[]", OFF, OFF, None),
        ("snapshot", SNAPSHOT, vm(snapshot_ids=("1",)), vm(snapshot_ids=("1", "2")), True),
        ("snapshot", SNAPSHOT, vm(snapshot_ids=("1",)), vm(snapshot_ids=("1",)), False),
        ("snapshot", SNAPSHOT, vm(snapshot_ids=("1",)), vm(snapshot_ids=()), False),
        ("snapshot", SNAPSHOT, None, vm(snapshot_ids=("1",)), None),
        ("reboot", "", ON, ON, None),
        ("power_cycle", "", ON, ON, None),
        ("password_reset", "", ON, ON, None),
        ("restore", "", ON, ON, None),
        ("power_off", "", ON, vm("other", status="stopped"), None),
        ("power_off", "", ON, vm(status="stopped", created_at="2026-01-01T00:00:00Z"), None),
    ],
)
def test_an_effect_counts_only_against_how_the_vm_was(
    type_: str, body: str, before: object, now: object, seen: bool | None
) -> None:
    assert effect_seen(type_, body, before, now) is seen  # type: ignore[arg-type]


def test_three_of_the_nine_show_on_no_vm() -> None:
    shown = {type_.value for type_ in ActionType if is_verifiable(type_)}
    assert shown == {"shutdown", "power_off", "power_on", "resize", "rename", "snapshot"}
    assert not is_verifiable("restore")


@pytest.mark.parametrize(
    ("type_", "body", "before", "now", "words"),
    [
        ("power_on", "", OFF, ON, "running"),
        ("shutdown", "", ON, OFF, "stopped"),
        ("rename", RENAME, vm(name="web\x1b[1m"), vm(name="web-2"), r"web\x1b[1m → web-2"),
        ("resize", RAM, vm(ram_gb=16), vm(ram_gb=32), "RAM 16 → 32 GB"),
        ("resize", RAM, vm(ram_gb=None), vm(ram_gb=32), "RAM 32 GB"),
        ("resize", ALL, vm(cpu=2, ram_gb=4, disk_gb=40), vm(cpu=4, ram_gb=8, disk_gb=40), None),
        ("snapshot", SNAPSHOT, vm(), vm(snapshot_ids=("abcdef0123",)), "snapshot abcdef01"),
        ("reboot", "", ON, ON, ""),
    ],
)
def test_the_effect_in_a_few_words(type_: str, body: str, before: object, now: object, words: str | None) -> None:
    told = effect_words(type_, body, before, now)  # type: ignore[arg-type]
    assert told == (words if words is not None else "CPU 2 → 4, RAM 4 → 8 GB, disk 40 GB")


def test_what_is_missing_is_named() -> None:
    assert missing_effect_words("shutdown", "", ON) == "the VM is still running"
    assert missing_effect_words("resize", ALL, vm(cpu=4, ram_gb=8, disk_gb=40)) == "the VM still has disk 40 GB"
    assert missing_effect_words("rename", RENAME, ON) == "the VM is still named web-1"
    assert missing_effect_words("snapshot", SNAPSHOT, ON) == "the VM has no new snapshot"
