"""Row 109: which of the document's two base paths a cloud answers under."""

from __future__ import annotations

import pytest

from cftui.api.client import CloudReader
from cftui.api.errors import BadAnswer, NotFound, Unauthorized, Unreachable
from cftui.api.probe import find_base_url, sign_in
from tests.api.scripted import ScriptedServer, http, routes

GOOD = http(200, {"account": {"email": "user@example.com"}})
HTML = http(200, "<html>welcome</html>", content_type="text/html")
FIRST, OTHER = "/api/v1/account", "/v1/account"


async def probe(table: dict[str, bytes]) -> tuple[str, list[str]]:
    async with ScriptedServer(routes(dict(table))) as server:
        found = await find_base_url(server.url, "user@example.com", "password")
        assert {one.method for one in server.requests} == {"GET"}
        return found.removeprefix(server.origin), [f"{one.method} {one.target}" for one in server.requests]


async def test_the_documented_path_is_asked_first() -> None:
    assert await probe({FIRST: GOOD, OTHER: GOOD}) == ("/api/v1", [f"GET {FIRST}"])


@pytest.mark.fault("109")
@pytest.mark.parametrize("nothing", [http(404), HTML, http(404, "<html>", content_type="text/html")])
async def test_then_the_other_one(nothing: bytes) -> None:
    assert await probe({FIRST: nothing, OTHER: GOOD}) == ("/v1", [f"GET {FIRST}", f"GET {OTHER}"])


async def test_a_cloud_without_accounts_is_known_by_its_vms() -> None:
    vms = http(200, {"vms": []})
    found, asked = await probe({"/v1/vms": vms, "/v1/vms?per_page=200": vms})
    assert found == "/v1"
    assert asked[:2] == [f"GET {FIRST}", f"GET {OTHER}"]


async def test_neither() -> None:
    with pytest.raises(NotFound, match="GET /api/v1/account"):
        await probe({})
    with pytest.raises(BadAnswer, match="GET /api/v1/account with a web page"):
        await probe({FIRST: HTML})


async def test_what_tells_nothing_about_the_path_is_not_a_reason_to_try_another() -> None:
    with pytest.raises(Unauthorized):
        await probe({FIRST: http(401), OTHER: GOOD})
    with pytest.raises(Unreachable):
        await find_base_url("http://nobody.invalid/api/v1", "user@example.com", "password")


@pytest.mark.fault("52", "109")
async def test_a_refused_password_is_not_tried_under_the_other_path() -> None:
    async with ScriptedServer(routes({FIRST: http(401), OTHER: GOOD})) as server:
        with pytest.raises(Unauthorized):
            await find_base_url(server.url, "user@example.com", "password")
        assert [one.target for one in server.requests] == [FIRST]


async def test_signing_in_needs_no_account_endpoint() -> None:
    vms = http(200, {"vms": []})
    for table, email in (
        ({FIRST: GOOD}, "user@example.com"),
        ({"/api/v1/vms": vms, "/api/v1/vms?per_page=200": vms}, ""),
    ):
        async with (
            ScriptedServer(routes(dict(table))) as server,
            CloudReader(server.url, "user@example.com", "password") as reader,
        ):
            assert await sign_in(reader) == email
    async with ScriptedServer(routes({FIRST: http(401)})) as server, CloudReader(server.url, "a@b.c", "x") as reader:
        with pytest.raises(Unauthorized):
            await sign_in(reader)
