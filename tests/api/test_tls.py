"""Row 4, S13 and S18: whom we believe to be the cloud."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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


@pytest.mark.fault("4", "S18")
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


@pytest.mark.fault("4")
async def test_row_4_the_fingerprint_of_what_was_shown(authority: trustme.CA) -> None:
    """To be held against the one that is expected; the cause alone stays short enough for a status line."""
    leaf = authority.issue_cert("127.0.0.1")
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    shown = hashlib.sha256(der).digest().hex(":").upper()
    context = make_ssl_context()
    async with (
        ScriptedServer(ACCEPTED, serving(leaf)) as server,
        CloudClient(server.url, "user@example.com", "password", ssl_context=context) as client,
    ):
        with pytest.raises(Unreachable) as sent:
            await client.submit(VM_ID, REBOOT)
        with pytest.raises(Unreachable) as read:
            await client.account()
    for raised in (sent, read):
        assert raised.value.message.endswith(f"certificate: unable to get local issuer certificate (SHA-256 {shown}).")
        assert raised.value.cause == "certificate: unable to get local issuer certificate"
    assert server.requests == []


@pytest.mark.fault("4", "S18")
async def test_row_4_a_version_that_is_too_old(authority: trustme.CA, ca_file: Path) -> None:
    tls = serving(authority.issue_cert("127.0.0.1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    assert (await refused(tls, ca_file)).startswith("no TLS: ")


@pytest.mark.fault("4")
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


@pytest.mark.fault("S13")
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


@pytest.mark.fault("S18")
def test_s18_the_context_is_strict() -> None:
    context = make_ssl_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.security_level >= 2, "no SHA-1, and no RSA key below 2048 bits"
    assert context.cert_store_stats()["x509_ca"] > 50


@pytest.mark.fault("S18")
def test_s18_a_ca_file_that_cannot_be_trusted(ca_file: Path, tmp_path: Path) -> None:
    ca_file.chmod(0o666)
    with pytest.raises(ConfigError, match=f"chmod go-w {ca_file}"):
        make_ssl_context(ca_file)
    for path in (tmp_path, tmp_path / "missing", tmp_path / "empty"):
        (tmp_path / "empty").write_text("no certificate")
        with pytest.raises(ConfigError, match="ca_file"):
            make_ssl_context(path)


@pytest.mark.fault("S18")
async def test_s18_a_weak_key_is_refused_even_from_the_right_authority(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    weak = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, pem = tmp_path / "key.pem", weak.public_bytes(Encoding.PEM)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    ca_file = tmp_path / "weak.pem"
    ca_file.write_bytes("# Türkische Behörde\n".encode() + pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.load_cert_chain(path)
    assert "key too weak" in await refused(tls, ca_file)
