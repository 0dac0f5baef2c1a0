"""Servers by script and clients to them, which end with the test."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from cftui.api.client import CloudClient, Deadlines
from tests.api.scripted import Script, ScriptedServer

SHORT = Deadlines(connect_s=2, get_s=0.3, post_s=0.3)
"""For servers that are meant to keep us waiting."""

AMPLE = Deadlines(connect_s=5, get_s=10, post_s=10)

Connect = Callable[..., Awaitable[tuple[CloudClient, ScriptedServer]]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Starts a server with a script, and a client to it."""
    async with AsyncExitStack() as open_ends:

        async def start(
            script: Script, *, deadlines: Deadlines = AMPLE, tls: ssl.SSLContext | None = None, **client: object
        ) -> tuple[CloudClient, ScriptedServer]:
            server = await open_ends.enter_async_context(ScriptedServer(script, tls))
            made = CloudClient(server.url, "user@example.com", "s3cret pass", deadlines=deadlines, **client)  # type: ignore[arg-type]
            return await open_ends.enter_async_context(made), server

        yield start
