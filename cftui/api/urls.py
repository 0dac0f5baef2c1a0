"""The base URL: where the cloud is, checked and spelled in one way; pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urljoin, urlsplit

from cftui.errors import ConfigError
from cftui.text import clean, cut

DEFAULT_PATH = "/api/v1"
FALLBACK_PATH = "/v1"
"""Four of the document's ten examples use it."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]+", re.ASCII)


def normalise_url(url: str, *, allow_http: bool = False) -> tuple[str, bool]:
    """The base URL in its one spelling: lower-case host, no trailing dot, no default port, no slash at the end.

    Args:
        url: As configured or typed.
        allow_http: Whether `http` may leave this machine; to loopback it always may.

    Returns:
        Origin and base path, and whether a path was given; without one the document's `/api/v1` is taken.

    Raises:
        ConfigError: It is no such URL; the message says why.
    """
    shown = shown_url(url)

    def refused(reason: str, hint: str = "") -> ConfigError:
        return ConfigError(f"The URL {shown!r} cannot be used: {reason}.", hint=hint)

    if not url.isprintable() or any(char.isspace() for char in url) or "\\" in url:
        raise refused("it holds white space, control characters or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").removesuffix(".")
    except ValueError:
        raise refused("host or port cannot be read") from None
    scheme = parts.scheme
    if scheme not in _DEFAULT_PORTS or not parts.netloc:
        raise refused("it does not begin with https://", "Example: https://cloudsfor.com")
    if "@" in parts.netloc:
        raise refused("it holds a user name or password", "Give the e-mail apart from the URL.")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise refused("it has a query or fragment")
    if port == 0:
        raise refused("port 0 is no port")
    try:
        name, is_loopback = _host(host)
    except ValueError as error:
        raise refused(str(error)) from None
    if scheme == "http" and not (is_loopback or allow_http):
        raise refused("http would send the password in the clear", "Use https://, or set allow_http in the profile.")
    origin = f"{scheme}://{name}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[scheme]) else "")
    path = parts.path.rstrip("/")
    for segment in path.split("/")[1:]:
        if not _SEGMENT.fullmatch(segment) or not segment.replace("%2e", ".").replace("%2E", ".").strip("."):
            raise refused("its path cannot be used")
    return origin + (path or DEFAULT_PATH), bool(path)


def _host(host: str) -> tuple[str, bool]:
    """The host's one spelling, and whether it is this machine; names beyond ASCII become what goes over the wire."""
    if ":" in host:
        six = ipaddress.IPv6Address(host)
        if six.scope_id is not None:
            raise ValueError("an address with a zone is no cloud")
        return f"[{six.compressed}]", _is_loopback(six.ipv4_mapped or six)
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ValueError("the host is no name") from None
    labels = name.split(".")
    if not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("the host is no name")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1], re.ASCII):
        try:
            four = ipaddress.IPv4Address(name)
        except ValueError:
            raise ValueError("the host is neither a name nor an address") from None
        return name, _is_loopback(four)
    return name, name == "localhost"


def _is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is this machine; where machines find what tells them about themselves, there is no cloud."""
    if address.is_link_local:
        raise ValueError("link-local addresses are no cloud")
    if address.is_unspecified or address.is_multicast:
        raise ValueError("nobody has this address")
    return address.is_loopback


def shown_url(url: str) -> str:
    """A URL as it was given, for people: cleaned, cut, without user, password, query and fragment."""
    base = re.split(r"[?#]", re.sub(r".*@", "…@", url, flags=re.DOTALL), maxsplit=1)[0]
    return cut(clean(base), 80)


def is_clear(base_url: str) -> bool:
    """Whether the password travels to it in the clear: `http` that leaves this machine."""
    try:
        normalise_url(base_url)
    except ConfigError:
        return base_url.startswith("http:")
    return False


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, in one spelling; empty when it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else ""


def same_origin(link: str, base_url: str) -> str:
    """A link made whole if it leads to the base URL's own origin; else empty, as credentials go nowhere else."""
    if not link.isprintable() or "\\" in link:
        return ""
    try:
        whole = urljoin(base_url, link)
        has_user = "@" in urlsplit(whole).netloc
    except ValueError:
        return ""
    return whole if not has_user and origin_of(whole) == origin_of(base_url) else ""
