"""What the cloud says, in every spelling that section 11.1 of the API reference tolerates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftui.api.fields import instant_of
from cftui.api.models import VM, AccountInfo, Action, CloudModel, Region
from cftui.fleet.rows import Phase, Power
from tests.api.scripted import VM_ID, action, vm

ODD: list[object] = [None, "", [], {}, True, 0, -1, 1.5, "x", ["x", None], {"a": [1]}, 2**70, "\ud800", [[["v4"]]]]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_vm_in_the_documented_shape() -> None:
    row = VM.model_validate(vm(region="moscow_01", snapshot_ids=[3, "b"])).row()
    assert row._asdict() == {
        "id": VM_ID,
        "name": "web-1",
        "power": Power.ON,
        "status": "running",
        "region": "moscow_01",
        "cpu": 1,
        "ram_gb": 2,
        "disk_gb": 20,
        "address": "192.0.2.10",
        "created_at": "2015-01-14T16:00:00Z",
        "locked": False,
        "snapshot_ids": ("3", "b"),
        "search": f"{VM_ID}\nweb-1\n192.0.2.10\nmoscow_01\nrunning",
    }


@pytest.mark.parametrize(
    ("status", "power"),
    [
        ("running", Power.ON),
        ("stopped", Power.OFF),
        ("active", Power.UNKNOWN),
        (None, Power.UNKNOWN),
        (7, Power.UNKNOWN),
    ],
)
def test_a_status_beyond_the_document_is_neither_on_nor_off(status: object, power: Power) -> None:
    assert VM.model_validate(vm(status=status)).row().power is power


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2", 2),
        (2, 2),
        (2.0, 2),
        ("1.5", 1.5),
        (" 8 ", 8),
        (0, 0),
        (None, None),
        ("", None),
        ("2 GB", None),
        ("٣", None),
        ("1e3", None),
        ("-2", None),
        (-2, None),
        (True, None),
        (2**80, None),
        ([2], None),
    ],
)
def test_sizes_in_any_spelling(sent: object, read: float | None) -> None:
    model = VM.model_validate(vm(memory=sent, vcpus=sent, disk=sent))
    assert (model.memory, model.vcpus, model.disk) == (read, read, read)
    assert isinstance(model.memory, int) == (read is not None and read == int(read))


@pytest.mark.parametrize(
    ("sent", "read"), [(True, True), ("true", True), (1, True), (False, False), ("0", False), (None, None), ("?", None)]
)
def test_locked(sent: object, read: bool | None) -> None:
    model = VM.model_validate(vm(locked=sent))
    assert (model.locked, model.row().locked) == (read, bool(read))


@pytest.mark.parametrize("region", ["moscow_01", {"name": "moscow_01", "country": "ru"}, {"slug": "moscow_01"}])
def test_q11_a_region_is_a_string_or_an_object(region: object) -> None:
    assert VM.model_validate(vm(region=region)).region == "moscow_01"
    assert Action.model_validate(action(region=region)).row().region == "moscow_01"


@pytest.mark.parametrize(
    ("networks", "addresses", "chosen"),
    [
        (
            {"v4": [{"ip_address": "10.0.0.1", "type": "private"}, {"ip_address": "192.0.2.1", "type": "public"}]},
            2,
            "192.0.2.1",
        ),
        ({"private": [{"ip_address": "10.0.0.1"}], "public": [{"ip_address": "192.0.2.1"}]}, 2, "192.0.2.1"),
        ({"v4": [{"ip_address": "10.0.0.1"}], "v6": [{"ip_address": "2001:db8::1", "family": 6}]}, 2, "10.0.0.1"),
        ({"v4": {"ip_address": "10.0.0.1"}}, 1, "10.0.0.1"),
        (["10.0.0.1", {"ip_address": "10.0.0.2"}], 2, "10.0.0.1"),
        ("10.0.0.1", 1, "10.0.0.1"),
        ({"v4": [{"netmask": "255.0.0.0"}, 7, None]}, 0, ""),
        (None, 0, ""),
        (7, 0, ""),
    ],
)
def test_addresses_in_any_shape(networks: object, addresses: int, chosen: str) -> None:
    model = VM.model_validate(vm(networks=networks))
    assert len(model.networks) == addresses
    assert model.row().address == chosen


def test_image_as_object_or_name() -> None:
    whole = VM.model_validate(vm()).image
    assert whole is not None
    assert (whole.distro, whole.name) == ("some-distro", "Some OS")
    named = VM.model_validate(vm(image="Debian")).image
    assert named is not None
    assert named.name == "Debian"
    assert VM.model_validate(vm(image=7.5)).image is not None
    assert VM.model_validate(vm(image=None)).image is None


def test_unknown_members_are_kept_for_the_raw_view() -> None:
    model = VM.model_validate(vm(raw="theirs", row=1, model_config={}, unknown=2, **{"\ud800": 3}))
    assert model.unknown == {"raw": "theirs", "row": 1, "model_config": {}, "unknown": 2, "\ud800": 3}
    assert model.raw["name"] == "web-1"
    assert "theirs" not in repr(model)


@pytest.mark.fault("51")
@pytest.mark.parametrize("kind", [VM, Action, AccountInfo, Region])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_row_51_every_member_may_be_anything(kind: type[CloudModel], value: object) -> None:
    model = kind.model_validate(dict.fromkeys(kind.model_fields, value))
    if isinstance(model, VM | Action):
        assert isinstance(hash(model.row()), int)
    assert kind.model_validate({}) is not None


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.data())
def test_any_object_becomes_a_row(data: st.DataObject) -> None:
    for kind in (VM, Action):
        members = st.dictionaries(st.sampled_from(sorted(kind.model_fields)), json_values)
        row = kind.model_validate(data.draw(members)).row()
        assert isinstance(hash(row), int)


def test_an_action_in_the_documented_shape() -> None:
    row = Action.model_validate(action()).row()
    assert (row.vm_id, row.type, row.status, row.phase) == (VM_ID, "reboot", "in-progress", Phase.RUNNING)
    assert (row.started_at, row.started) == ("2015-01-14T16:31:00Z", 1421253060.0)
    assert (row.completed_at, row.completed, row.number, row.failure) == ("", None, "", "")


def test_q1_the_id_is_the_vms_unless_resource_id_stands_beside_it() -> None:
    row = Action.model_validate(action(id=36804636, resource_id=VM_ID)).row()
    assert (row.vm_id, row.number) == (VM_ID, "36804636")
    assert Action.model_validate(action(id=None)).row("asked").vm_id == "asked"


@pytest.mark.parametrize(
    ("status", "phase"),
    [("completed", Phase.SUCCEEDED), ("errored", Phase.FAILED), ("queued2", Phase.UNKNOWN), (None, Phase.UNKNOWN)],
)
def test_an_unknown_word_is_not_finished(status: object, phase: Phase) -> None:
    assert Action.model_validate(action(status=status)).row().phase is phase


@pytest.mark.parametrize("error", ["disk full", {"code": "x", "message": "disk full"}])
def test_a_reason_where_the_cloud_gives_one(error: object) -> None:
    assert Action.model_validate(action(error=error)).row().failure == "disk full"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2015-01-14T16:31:00Z", 1421253060.0),
        ("2015-01-14t16:31:00z", 1421253060.0),
        ("2015-01-14 16:31:00Z", 1421253060.0),
        ("2015-01-14T19:31:00+03:00", 1421253060.0),
        ("2015-01-14T11:31:00-0500", 1421253060.0),
        ("2015-01-14T16:31:00.5Z", 1421253060.5),
        ("2015-01-14T16:31:00.123456789Z", 1421253060.123456),
        ("1970-01-01T00:00:00Z", 0.0),
        ("2015-01-14T16:31:00", None),
        ("2015-01-14", None),
        ("2015-02-30T00:00:00Z", None),
        ("2015-01-14T16:31:60Z", None),
        ("2015-01-14T25:00:00Z", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("0001-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        ("2015-01-14T16:31:00+99:99", None),
        ("２０１５-01-14T16:31:00Z", None),
        ("1421253060", None),
        ("soon", None),
        ("", None),
    ],
)
@pytest.mark.fault("63")
def test_row_63_times(text: str, instant: float | None) -> None:
    assert instant_of(text) == instant


@settings(derandomize=True, deadline=None)
@given(st.datetimes(timezones=st.timezones()).map(lambda moment: moment.replace(fold=0)) | st.text())
def test_any_time_is_an_instant_or_not_known(moment: object) -> None:
    text = moment if isinstance(moment, str) else moment.isoformat()  # type: ignore[attr-defined]
    instant = instant_of(text)
    assert instant is None or instant >= 0
