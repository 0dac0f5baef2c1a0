"""S10: the password is in no repr, no error, no log and no traceback, in any of its forms."""

from __future__ import annotations

import base64
import io
import json
import logging
import traceback
from urllib.parse import quote

import pytest

from cftui.api import requests
from cftui.api.client import CloudClient
from cftui.api.errors import CloudError
from cftui.fleet.rows import ActionType
from tests.api.conftest import SHORT
from tests.api.scripted import Received, ScriptedServer, action, close, cut, hang, http, reset, says

PASSWORD = 'c4nary "pä/ss\\:word'
EMAIL = "user@example.com"
FORMS = {
    PASSWORD,
    base64.b64encode(PASSWORD.encode()).decode(),
    base64.b64encode(f"{EMAIL}:{PASSWORD}".encode()).decode(),
    quote(PASSWORD, safe=""),
    json.dumps(PASSWORD)[1:-1],
    json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
}


def echo(status: int) -> object:
    """A server that says back all it heard, and what it made of it."""

    async def script(received: Received, writer: object) -> None:
        heard = received.headers["authorization"]
        secret = base64.b64decode(heard.split()[1]).decode().partition(":")[2]
        writer.write(http(status, {"message": f"{heard} {secret} {quote(secret, safe='')}"}))  # type: ignore[attr-defined]

    return script


SCRIPTS = {
    "echo 401": echo(401),
    "echo 422": echo(422),
    "echo 500": echo(500),
    "html": says(http(500, "<html>", content_type="text/html")),
    "hang": hang,
    "close": close,
    "reset": reset,
    "cut": cut(http(201, {"action": action()}), 30),
    "garbage": says(b"\x00\xff\r\n\r\n"),
    "redirect": says(http(302, headers=("Location: https://other.example/",))),
}


@pytest.mark.parametrize("name", SCRIPTS)
async def test_no_form_of_the_password_comes_out(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = io.StringIO()
    async with (
        ScriptedServer(SCRIPTS[name]) as server,  # type: ignore[arg-type]
        CloudClient(server.url, EMAIL, PASSWORD, deadlines=SHORT) as client,
    ):
        print(repr(client), str(client), vars(client), file=shown)
        for attempt in (client.account(), client.submit("x", requests.simple(ActionType.REBOOT))):
            with pytest.raises(CloudError) as raised:
                await attempt
            print(repr(raised.value), str(raised.value), raised.value.__dict__, file=shown)
            trace = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
            print(
                *[line for frame in trace.stack if "/cftui/api/" in frame.filename for line in _locals(frame)],
                file=shown,
            )
        assert len(server.requests) >= 2
    print(caplog.text, file=shown)
    assert [form for form in FORMS if form in shown.getvalue()] == []
    assert ("[hidden]" in shown.getvalue()) == name.startswith("echo")


def _locals(frame: traceback.FrameSummary) -> list[str]:
    return [f"{name}={value}" for name, value in (frame.locals or {}).items()]


async def test_a_short_password_does_not_shred_what_the_server_says() -> None:
    script = says(http(422, {"message": "banana"}))
    async with ScriptedServer(script) as server, CloudClient(server.url, EMAIL, "an") as client:
        with pytest.raises(CloudError, match="banana"):
            await client.account()


async def test_the_libraries_log_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = says(http(200, {"account": {}}))
    async with ScriptedServer(script) as server, CloudClient(server.url, EMAIL, PASSWORD) as client:
        await client.account()
    assert [record.name for record in caplog.records if record.name.startswith(("httpx", "httpcore"))] == []
