"""Bytes to values, fed with what nobody should send."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftui.api.decode import parse, read_object, strip_trailing_commas
from cftui.api.errors import BadAnswer
from cftui.api.lists import split_list

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**90), 10**90)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
quietly = settings(derandomize=True, deadline=None, max_examples=150)


@quietly
@given(values, st.booleans(), st.sampled_from([None, 2]))
def test_every_json_value_survives(value: object, is_ascii: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        with pytest.raises(BadAnswer):
            parse(body)
    else:
        assert parse(body) == value


def with_trailing_commas(value: object) -> str:
    if isinstance(value, dict):
        return "{" + "".join(f"{json.dumps(k)}: {with_trailing_commas(v)} ,\n" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + "".join(f"{with_trailing_commas(v)}, " for v in value) + "]"
    return json.dumps(value)


@pytest.mark.fault("107")
@quietly
@given(values)
def test_row_107_trailing_commas_are_forgiven_and_texts_left_alone(value: object) -> None:
    assert parse(with_trailing_commas(value).encode()) == value


@quietly
@given(values)
def test_valid_json_has_no_comma_to_strip(value: object) -> None:
    body = json.dumps(value, indent=1).encode()
    assert strip_trailing_commas(body) == body


@quietly
@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0d8 \n1eE.-tfn', max_size=80).map(str.encode))
def test_any_bytes_are_a_value_or_a_bad_answer(body: bytes) -> None:
    for read in (parse, lambda data: read_object(data, "vm", bare_with="id"), lambda data: split_list(data, "vms")):
        with suppress(BadAnswer):
            read(body)


PAGE = (
    b'{"vms": [{"id": "a", "name": "\\ud800x"}, [1.5, true]], "meta": {"total": 2}, "links": {"pages": {"next": ""}}}'
)


@settings(quietly, max_examples=1000)
@given(
    st.integers(0, len(PAGE)),
    st.integers(0, 3),
    st.binary(max_size=3) | st.sampled_from(list(b'{}[]",:\\0 ')).map(lambda code: bytes([code])),
)
def test_a_damaged_page_is_a_page_or_a_bad_answer(at: int, removed: int, inserted: bytes) -> None:
    with suppress(BadAnswer):
        for entry in split_list(PAGE[:at] + inserted + PAGE[at + removed :], "vms").entries:
            with suppress(BadAnswer):
                parse(entry)


@quietly
@given(st.lists(values, max_size=6), values, st.booleans())
def test_a_list_is_split_into_its_entries(entries: list[object], other: object, has_commas: bool) -> None:
    reply = {"other": other, "vms": entries, "meta": {"total": len(entries)}}
    body = with_trailing_commas(reply) if has_commas else json.dumps(reply)
    page = split_list(body.encode(), "vms")
    assert [parse(entry) for entry in page.entries] == entries
    assert page.total == len(entries)


def test_the_list_is_found_though_its_text_stands_elsewhere_too() -> None:
    page = split_list(
        b'{"copy": "[1]", "other": [[1]], "vms": [1], "links": {"pages": {"next": "n", "last": 7}}}', "vms"
    )
    assert (page.entries, page.next_link, page.last_link, page.has_links) == ((b"1",), "n", "", True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"[,]",
        b"{,}",
        b"[1,,]",
        b'{"a" 1}',
        b'{"a": 1} x',
        b"NaN",
        b"-Infinity",
        b"[1e999]",
        b"1" * 5000,
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"a": 1, "a": 1}',
        b'{"x": {"a": 1, "\\u0061": 2}}',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'"\x00"',
        b"'ram'",
    ],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.fault("47", "48", "49", "50")
def test_rows_47_to_50_what_is_not_read(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse(body)


@pytest.mark.fault("49", "50")
def test_rows_49_and_50_what_is_read() -> None:
    assert parse(b"[" * 64 + b"]" * 64) is not None
    assert parse(b'["' + b"[" * 100 + b'"]') == ["[" * 100]
    assert parse(b'"\\ud800"') == "\ud800"
    assert parse(b"9" * 100) == int("9" * 100)


@pytest.mark.parametrize(
    "reply",
    [
        b'{"vms": [1], "vms": [2]}',
        b'{"vms": [1], "meta": {"total": 1, "total": 2}}',
        b'{"vms": [' + b"[" * 5000 + b"]" * 5000 + b"]}",
        b'{"vms": [1], "deep": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"vms": [{"name": "\\ud800"}], "vms": []}',
        b'{"vms": [{"name": "\\ud800"}]',
        b'{"vms": {"name": "\\ud800"}}',
        b'{"vms": [{"name": "\\ud800"} {}]}',
        b'{"vms": ["\\ud800", ' + b"[" * 5000,
        b'["\\ud800"]',
        b'{"\xff": 1, "vms": []}',
        b'{"vms": [], "meta": {"total": "\xff"}}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_lists_that_are_not_read(reply: bytes) -> None:
    with pytest.raises(BadAnswer):
        split_list(reply, "vms")


@pytest.mark.parametrize(
    "body", [b'"' + b'\\"' * 400_000, b'"' + b'\\"' * 400_000 + b"\\", b"[" + b", " * 400_000, b'{"a":"' * 200_000]
)
def test_hostile_input_costs_one_pass(body: bytes) -> None:
    began = time.perf_counter()
    for read in (parse, lambda data: split_list(data, "vms")):
        with pytest.raises(BadAnswer):
            read(body)
    assert time.perf_counter() - began < 3


def test_envelopes() -> None:
    assert read_object(b'{"vm": {"id": "1"}, "meta": 1}', "vm", bare_with="id") == {"id": "1"}
    assert read_object(b'{"id": "1", "name": "x"}', "vm", bare_with="id") == {"id": "1", "name": "x"}
    for body in (b'{"vm": null, "id": 1}', b"[]", b"1", b'{"name": 1}'):
        with pytest.raises(BadAnswer):
            read_object(body, "vm", bare_with="id")
