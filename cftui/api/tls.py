"""Whom we believe to be the cloud: certificates verified, nothing taken from the environment."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

import certifi

from cftui.errors import ConfigError


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
    if ca_file is None:
        context.load_verify_locations(certifi.where())
        return context
    try:
        mode = os.stat(ca_file).st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(f"ca_file {str(ca_file)!r} is not a file.")
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(f"Others may write to ca_file {str(ca_file)!r}.", hint=f"chmod go-w {ca_file}")
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        raise ConfigError(f"ca_file {str(ca_file)!r} holds no certificate in PEM form.") from None
    except OSError as error:
        raise ConfigError(f"ca_file {str(ca_file)!r} cannot be read: {error.strerror}.") from None
    return context


def make_plain_context() -> ssl.SSLContext:
    """For `http` alone: believes nobody, and so costs no time to make."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
