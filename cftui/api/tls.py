"""Whom we believe to be the cloud: certificates verified, nothing taken from the environment."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

import certifi

from cftui import private
from cftui.errors import ConfigError

_DER = 2
"""`_ssl.ENCODING_DER`, which has no public name."""


class _TellingObject(ssl.SSLObject):
    """Adds to a certificate's refusal its `fingerprint`, so that it can be held against the one that is expected."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            error.fingerprint = _fingerprint(self)  # type: ignore[attr-defined]
            raise


def _fingerprint(connection: ssl.SSLObject) -> str:
    """SHA-256 of the certificate that was shown, `3F:9C:…`; empty where this Python does not hand it out."""
    try:
        if hasattr(connection, "get_unverified_chain"):  # from Python 3.13
            shown = connection.get_unverified_chain()[0]
        else:
            shown = connection._sslobj.get_unverified_chain()[0].public_bytes(_DER)  # type: ignore[attr-defined]
        return hashlib.sha256(shown).digest().hex(":").upper()
    except Exception:  # private before 3.13: whatever it does, the refusal itself must arrive
        return ""


def make_ssl_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A context that verifies certificate and host name, TLS 1.2 or newer.

    Not `ssl.create_default_context`, which obeys SSLKEYLOGFILE, nor the system's default paths, which obey
    SSL_CERT_FILE.

    Args:
        ca_file: A private authority in PEM, from the profile; then only it is believed.

    Raises:
        ConfigError: The file cannot be used, or others may write to it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslobject_class = _TellingObject  # an attribute of each context, by the manual
    if ca_file is None:
        context.load_verify_locations(certifi.where())
        return context
    try:
        content = private.read(ca_file, is_secret=False)
        # What is not ASCII stands in comments: bundles name their authorities there.
        context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):
        raise ConfigError(f"ca_file {str(ca_file)!r} holds no certificate in PEM form.") from None
    except OSError as error:
        raise ConfigError(f"ca_file {str(ca_file)!r} cannot be read: {error.strerror}.") from None
    except ConfigError as error:
        raise ConfigError(f"ca_file: {error.message}", hint=error.hint) from None
    return context


def make_plain_context() -> ssl.SSLContext:
    """For `http` alone: believes nobody, and so costs no time to make."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
