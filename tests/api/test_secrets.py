"""S10: the password is in no repr, no error, no log and no traceback, in any of its forms."""

from __future__ import annotations

import asyncio
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
from tests.api.scripted import Received, Script, ScriptedServer, action, close, cut, hang, http, reset, says

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


def echo(status: int, *headers: str) -> Script:
    """A server that says back all it heard, and what it made of it; in headers where they have braces."""

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        heard = received.headers["authorization"]
        secret = base64.b64decode(heard.split()[1]).decode().partition(":")[2]
        message = {"message": f"{heard} {secret} {quote(secret, safe='')}"} if status >= 300 else "<html>"
        said = tuple(header.format(secret=secret, url=quote(secret, safe=""), base64=heard[6:]) for header in headers)
        writer.write(http(status, message, headers=said, content_type=""))

    return script


SCRIPTS: dict[str, Script] = {
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
    "redirect to the password": echo(302, "Location: https://{url}.example/{base64}"),
    "redirect to all of it": echo(307, "Location: https://{base64}.example/"),
    "type": echo(200, "Content-Type: text/{url}"),
    "encoding": echo(200, "Content-Encoding: {url}"),
    "wait": echo(429, "Retry-After: {secret}", "Content-Type: text/{base64}"),
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.fault("S10")
async def test_no_form_of_the_password_comes_out(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = io.StringIO()
    reads, acts = CloudClient.account, lambda client: client.submit("x", requests.simple(ActionType.REBOOT))
    async with ScriptedServer(SCRIPTS[name]) as server:
        for attempt in (reads, acts):
            async with CloudClient(server.url, EMAIL, PASSWORD, deadlines=SHORT) as client:
                print(repr(client), str(client), vars(client), file=shown)
                with pytest.raises(CloudError) as raised:
                    await attempt(client)
            print(repr(raised.value), str(raised.value), raised.value.__dict__, file=shown)
            trace = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
            print(
                *[line for frame in trace.stack if "/cftui/api/" in frame.filename for line in _locals(frame)],
                file=shown,
            )
        assert len(server.requests) >= 2
    print(caplog.text, file=shown)
    assert [form for form in FORMS if form in shown.getvalue()] == []
    if name.startswith("echo"):
        assert "[hidden]" in shown.getvalue()


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
