"""Row 4, S13 and S18: whom we believe to be the cloud."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from cftui.api import requests
from cftui.api.client import CloudClient
from cftui.api.errors import Unreachable
from cftui.api.tls import make_ssl_context
from cftui.errors import ConfigError
from cftui.fleet.rows import ActionType
from tests.api.scripted import VM_ID, Received, ScriptedServer, action, http, says

REBOOT = requests.simple(ActionType.REBOOT)
ACCEPTED = says(http(201, {"action": action()}))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    path.chmod(0o600)
    return path


def serving(cert: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    return context


async def submit(tls: ssl.SSLContext, ca_file: Path | None) -> list[Received]:
    async with ScriptedServer(ACCEPTED, tls) as server:
        context = make_ssl_context(ca_file)
        async with CloudClient(server.url, "user@example.com", "password", ssl_context=context) as client:
            await client.submit(VM_ID, REBOOT)
        return server.requests


async def refused(tls: ssl.SSLContext, ca_file: Path | None) -> str:
    with pytest.raises(Unreachable, match=r"Not sent to 127\.0\.0\.1") as raised:
        await submit(tls, ca_file)
    return raised.value.cause


async def test_a_private_authority_through_ca_file(authority: trustme.CA, ca_file: Path) -> None:
    assert len(await submit(serving(authority.issue_cert("127.0.0.1")), ca_file)) == 1


async def test_row_4_certificates_that_prove_nothing(authority: trustme.CA, ca_file: Path) -> None:
    good = serving(authority.issue_cert("127.0.0.1"))
    assert "unable to get local issuer" in await refused(good, None)
    with pytest.raises(Unreachable, match="ca_file in the profile"):
        await submit(good, None)
    assert "127.0.0.1" in await refused(serving(authority.issue_cert("other.example")), ca_file)
    expired = authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    assert await refused(serving(expired), ca_file) == "certificate: certificate has expired"
    stranger = trustme.CA().issue_cert("127.0.0.1")
    assert (await refused(serving(stranger), ca_file)).startswith("certificate: ")


async def test_row_4_plain_http_on_the_port(ca_file: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(http(400))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        context = make_ssl_context(ca_file)
        async with CloudClient(f"https://127.0.0.1:{port}/v1", "a@b.c", "password", ssl_context=context) as client:
            with pytest.raises(Unreachable) as raised:
                await client.submit(VM_ID, REBOOT)
    assert raised.value.cause == "no TLS: wrong version number"


async def test_s13_the_environment_has_no_say(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password stolen")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    tls = serving(authority.issue_cert("127.0.0.1"))
    assert (await refused(tls, None)).startswith("certificate: ")
    (received,) = await submit(tls, ca_file)
    assert received.headers["authorization"] == "Basic dXNlckBleGFtcGxlLmNvbTpwYXNzd29yZA=="
    assert not keys.exists()


def test_s18_the_context_is_strict() -> None:
    context = make_ssl_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats()["x509_ca"] > 50


def test_s18_a_ca_file_that_cannot_be_trusted(ca_file: Path, tmp_path: Path) -> None:
    ca_file.chmod(0o666)
    with pytest.raises(ConfigError, match="Others may write"):
        make_ssl_context(ca_file)
    for path in (tmp_path, tmp_path / "missing", tmp_path / "empty"):
        (tmp_path / "empty").write_text("no certificate")
        with pytest.raises(ConfigError, match="ca_file"):
            make_ssl_context(path)
