"""The verdict on a POST as a table; the numbers are the rows of the fault catalogue."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftui.api.errors import (
    CloudError,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)
from cftui.api.exchange import Exchange, Flaw
from cftui.api.verdict import UNDECIDED_4XX, verdict
from cftui.fleet.rows import ActionRow, Phase
from cftui.text import clean
from tests.api.scripted import VM_ID, action

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
JSON = {"content-type": ("application/json; charset=utf-8",)}


def judge(exchange: Exchange, type_: str = "reboot") -> ActionRow:
    return verdict(exchange, host="cloud.example", vm_id=VM_ID, type_=type_, now=NOW)


def answer(status: int, body: object = "", **headers: str) -> Exchange:
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return Exchange(status, JSON | {name.replace("_", "-"): (value,) for name, value in headers.items()}, content)


def accepted(**members: object) -> Exchange:
    return answer(201, {"action": action(**members)})


REFUSALS = [
    ("15", answer(429), RateLimited),
    ("16", answer(409), Rejected),
    ("16", answer(422), Rejected),
    ("16", answer(423), Rejected),
    ("17", answer(400), Rejected),
    ("18", answer(401), Unauthorized),
    ("18", answer(403), Forbidden),
    ("19", answer(404), NotFound),
    ("20", answer(405), Rejected),
    ("20", answer(410), Rejected),
    ("20", answer(413), Rejected),
    ("20", answer(415), Rejected),
    ("20", answer(451), Rejected),
    ("20", Exchange(422, flaw=Flaw.NO_REPLY, cause="cut"), Rejected),
]


@pytest.mark.parametrize(("row", "exchange", "kind"), REFUSALS)
def test_what_is_refused(row: str, exchange: Exchange, kind: type[CloudError]) -> None:
    with pytest.raises(kind) as raised:
        judge(exchange)
    assert type(raised.value) is kind
    assert (raised.value.status, raised.value.vm_id) == (exchange.status, VM_ID)


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("1", "name not found"),
        ("2", "connection refused"),
        ("3", "no connection in 5 s"),
        ("4", "certificate: expired"),
        ("5", "proxy refused"),
        ("6", "not a request that can be sent"),
    ],
)
def test_what_was_not_sent(row: str, cause: str) -> None:
    with pytest.raises(Unreachable, match=f"Not sent to cloud.example: {cause}") as raised:
        judge(Exchange(flaw=Flaw.NOT_SENT, cause=cause))
    assert (raised.value.cause, raised.value.vm_id) == (cause, VM_ID)


UNKNOWN = [
    ("7", Exchange(flaw=Flaw.READ_ERROR), "read-error"),
    ("8", Exchange(flaw=Flaw.NO_REPLY), "no-reply"),
    ("9", Exchange(flaw=Flaw.TIMEOUT), "timeout"),
    ("10", Exchange(flaw=Flaw.WRITE_ERROR), "write"),
    ("13", answer(500, "<h1>Oops</h1>"), "500"),
    *[("14", answer(status), str(status)) for status in (501, 502, 503, 504, 520, 524, 599)],
    *[("20", answer(status), str(status)) for status in (408, 425, 499)],
    *[("21", answer(status, location="https://other.example/"), "redirect") for status in (301, 302, 303, 307, 308)],
    ("any", Exchange(flaw=Flaw.UNFORESEEN), "unforeseen"),
    ("any", Exchange(), "unforeseen"),
    ("any", answer(101), "101"),
    ("any", answer(600), "600"),
    ("any", answer(999), "999"),
]


@pytest.mark.parametrize(("row", "exchange", "reason"), UNKNOWN)
def test_what_is_unknown(row: str, exchange: Exchange, reason: str) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        judge(exchange)
    assert (raised.value.reason, raised.value.is_accepted, raised.value.vm_id) == (reason, False, VM_ID)


MISMATCHES = [
    ("24", accepted(id="77"), "accepted-mismatch"),
    ("24", accepted(type="power_off"), "accepted-mismatch"),
    ("24", accepted(id="900", resource_id="77"), "accepted-mismatch"),
]
UNREADABLE = [
    ("22", answer(201, json.dumps({"action": action()})[:60]), "accepted-noid"),
    ("22", Exchange(201, JSON, flaw=Flaw.NO_REPLY, cause="closed"), "accepted-noid"),
    ("22", Exchange(201, JSON, flaw=Flaw.TIMEOUT, cause="late"), "accepted-noid"),
    ("23", answer(200, "<html></html>", content_type="text/html"), "accepted-noid"),
    ("23", answer(201, {"action": action()}, content_type="text/plain"), "accepted-noid"),
    ("23", answer(201), "accepted-noid"),
    ("23", answer(204), "accepted-noid"),
    ("45", Exchange(201, JSON, flaw=Flaw.TOO_LARGE, cause="large"), "accepted-noid"),
    ("46", Exchange(201, JSON, flaw=Flaw.ENCODED, cause="gzip"), "accepted-noid"),
    ("48", answer(201, '{"action": {"id": "1", "id": "2"}}'), "accepted-noid"),
    ("49", answer(201, '{"action": {"id": NaN}}'), "accepted-noid"),
    ("50", answer(201, b'{"action": {"id": "\xff"}}'), "accepted-noid"),
    ("51", answer(201, {"action": {"id": True, "type": None}}), "accepted-noid"),
    ("51", answer(201, {"action": []}), "accepted-noid"),
    ("51", answer(201, {"vm": {}}), "accepted-noid"),
    ("51", answer(201, "[]"), "accepted-noid"),
]


@pytest.mark.parametrize(("row", "exchange", "reason"), MISMATCHES + UNREADABLE)
def test_what_began_but_cannot_be_named(row: str, exchange: Exchange, reason: str) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        judge(exchange)
    assert (raised.value.reason, raised.value.is_accepted) == (reason, True)


@pytest.mark.parametrize("started_at", [None, "", "soon", "2015-02-30T00:00:00Z", 0, [], "0001-01-01T00:00:00Z"])
def test_row_25_accepted_without_a_start_time(started_at: object) -> None:
    row = judge(accepted(started_at=started_at))
    assert (row.vm_id, row.type, row.started) == (VM_ID, "reboot", None)


def test_row_26_accepted_with_an_unknown_status() -> None:
    row = judge(accepted(status="queued2"))
    assert (row.status, row.phase) == ("queued2", Phase.UNKNOWN)


@pytest.mark.parametrize(("status", "phase"), [("completed", Phase.SUCCEEDED), ("errored", Phase.FAILED)])
def test_row_27_accepted_and_ended_at_once(status: str, phase: Phase) -> None:
    assert judge(accepted(status=status)).phase is phase


def test_row_24_an_id_of_its_own_beside_the_vms() -> None:
    row = judge(accepted(id=36804636, resource_id=VM_ID))
    assert (row.vm_id, row.number) == (VM_ID, "36804636")


def test_row_24_an_id_that_both_repeat_is_the_vms() -> None:
    """Else all actions of a VM would be one."""
    row = judge(accepted(resource_id=VM_ID))
    assert (row.vm_id, row.number, row.started) == (VM_ID, "", 1421253060.0)


def test_row_107_the_documents_own_answer_with_its_trailing_comma() -> None:
    printed = json.dumps({"action": action()}, indent=2).replace('"moscow_01"', '"moscow_01",')
    row = judge(answer(201, printed))
    assert (row.started, row.number, row.region) == (1421253060.0, "", "moscow_01")


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_accepts(status: int) -> None:
    assert judge(answer(status, {"action": action()})).vm_id == VM_ID


def test_a_bare_action_and_one_without_id_are_read() -> None:
    assert judge(answer(201, action())).vm_id == VM_ID
    assert judge(accepted(id=None)).vm_id == VM_ID
    assert judge(accepted(type=None)).type == "reboot"


def test_row_15_how_long_to_wait() -> None:
    for headers, wait, words in [
        ({"retry_after": "12"}, 12, "it asks to wait 12 s"),
        ({}, None, "it does not say how long to wait"),
        ({"x_ratelimit_reset": "1795490060"}, 20, "it asks to wait 20 s"),
    ]:
        with pytest.raises(RateLimited, match=words) as raised:
            judge(answer(429, "", date="Tue, 24 Nov 2026 03:14:00 GMT", **headers))
        assert raised.value.retry_after_s == wait


def test_server_words_are_cleaned_and_cut() -> None:
    with pytest.raises(Rejected) as raised:
        judge(answer(422, {"id": "locked", "message": "locked\x1b]52;c;RVZJTA==\x07 by resize " + "x" * 500}))
    assert "\x1b" not in raised.value.message
    assert "locked\\x1b]52" in raised.value.message
    assert len(raised.value.message) < 260


def test_row_13_html_loses_its_tags() -> None:
    with pytest.raises(OutcomeUnknown, match="error 500: Oops it broke"):
        judge(answer(500, "<html><h1>Oops</h1>\n<p>it broke</p>"))


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("https://other.example/x", "to https://other.example;"),
        ("https://thief:hunter2@other.example:8443/x?token=hunter2", "to https://other.example:8443;"),
        ("//other.example/x", "to other.example;"),
        ("/login?next=hunter2", "to another path;"),
        ("http://[bad", "an unreadable address"),
        ("https://other.example:port/", "an unreadable address"),
        ("", "an unreadable address"),
        ("file:///etc/hunter2", "an unreadable address"),
        ("https://\x1bc\x9b2J.example/", r"to https://\x1bc\x9b2j.example;"),
    ],
)
def test_row_21_the_redirects_target_is_named(location: str, name: str) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        judge(answer(307, location=location))
    assert name in raised.value.message
    assert "hunter2" not in raised.value.message
    assert raised.value.message.isprintable()


@pytest.mark.fault("105")
@pytest.mark.parametrize(
    "body",
    [
        '{"action": {"root_password": "N3w s3cret"',
        '{"message": "done; new password is N3w-s3cret"}',
        "<p>Password: N3w-s3cret</p>",
        "token=N3w-s3cret",
        "{'user_passwd': 'N3w s3cret', 'x': 1",
    ],
)
def test_what_looks_like_a_password_is_not_told(body: str) -> None:
    with pytest.raises(OutcomeUnknown, match=r"\[hidden\]") as raised:
        judge(answer(500, body))
    assert "s3cret" not in raised.value.message


def test_a_sentence_about_passwords_is_told() -> None:
    with pytest.raises(Unauthorized, match="the e-mail or the password is wrong"):
        judge(answer(401, {"message": "the e-mail or the password is wrong"}))


def test_hiding_takes_no_time() -> None:
    for hostile in ("a" * 100_000, "password" * 20_000, "token" + " " * 100_000, '"' * 100_000):
        began = time.perf_counter()
        with pytest.raises(OutcomeUnknown):
            judge(answer(500, hostile))
        assert time.perf_counter() - began < 0.5


@given(
    status=st.integers(-1, 1000),
    flaw=st.sampled_from([None, *(flaw for flaw in Flaw if flaw is not Flaw.NOT_SENT)]),
    body=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["action", "id", "type", "status", "message", "error", "raw"]), inner)
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(
        st.sampled_from(["location", "retry-after", "content-type", "date", "ratelimit-reset"]), st.text(max_size=12)
    ),
)
def test_whatever_comes_is_judged_and_only_proof_is_a_refusal(
    status: int, flaw: Flaw | None, body: bytes, headers: dict[str, str]
) -> None:
    """The default is "unknown": "not sent" takes a flaw that says so, a refusal one of the decided 4xx."""
    exchange = Exchange(status, {name: (value,) for name, value in headers.items()}, body, flaw)
    raised: CloudError | None = None
    try:
        judge(exchange)
    except CloudError as error:
        raised = error
    if raised is None:
        assert 200 <= status < 300
        assert flaw is None
    elif isinstance(raised, OutcomeUnknown):
        assert raised.is_accepted == (200 <= status < 300)
    else:
        assert not isinstance(raised, Unreachable)
        assert 400 <= status < 500
        assert status not in UNDECIDED_4XX
    assert raised is None or raised.message == clean(raised.message)


def test_every_status_has_a_verdict_and_only_4xx_is_a_refusal() -> None:
    for status in range(100, 1000):
        with pytest.raises((OutcomeUnknown, Rejected, Unauthorized, Forbidden, NotFound)) as raised:
            judge(answer(status))
        is_refusal = not isinstance(raised.value, OutcomeUnknown)
        assert is_refusal == (400 <= status < 500 and status not in (408, 425, 499))
