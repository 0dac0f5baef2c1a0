"""S11: what may be a base URL, and in which spelling."""

from __future__ import annotations

import pytest

from cftui.api.urls import is_clear, normalise_url, origin_of, same_origin, shown_url
from cftui.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "base", "has_path"),
    [
        ("https://cloudsfor.com", "https://cloudsfor.com/api/v1", False),
        ("https://cloudsfor.com/", "https://cloudsfor.com/api/v1", False),
        ("HTTPS://CloudsFor.COM./v1/", "https://cloudsfor.com/v1", True),
        ("https://cloudsfor.com:443/api/v1", "https://cloudsfor.com/api/v1", True),
        ("https://cloudsfor.com:8443/a%20b/v1", "https://cloudsfor.com:8443/a%20b/v1", True),
        ("https://bücher.example", "https://xn--bcher-kva.example/api/v1", False),
        ("https://сloudsfor.com", "https://xn--loudsfor-ech.com/api/v1", False),
        ("https://192.0.2.7/v1", "https://192.0.2.7/v1", True),
        ("https://[2001:DB8::0:1]/v1", "https://[2001:db8::1]/v1", True),
        ("http://localhost:8808", "http://localhost:8808/api/v1", False),
        ("http://127.0.0.1:8808/api/v1", "http://127.0.0.1:8808/api/v1", True),
        ("http://127.9.9.9", "http://127.9.9.9/api/v1", False),
        ("http://[::1]:80", "http://[::1]/api/v1", False),
        ("https://ｃｌｏｕｄsfor。com", "https://cloudsfor.com/api/v1", False),
        ("HTTP://LOCALHOST.:8808/v1", "http://localhost:8808/v1", True),
    ],
)
@pytest.mark.fault("S11")
def test_urls_that_can_be_used(url: str, base: str, has_path: bool) -> None:
    assert normalise_url(url) == (base, has_path)
    assert normalise_url(base) == (base, True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cloudsfor.com",
        "//cloudsfor.com",
        "ftp://cloudsfor.com",
        "file:///etc/passwd",
        "unix:/run/x",
        "https:cloudsfor.com",
        "https://",
        "https:///api",
        "http://cloudsfor.com",
        "http://0.0.0.0",
        "http://localhost.evil.example",
        "https://user:pw@cloudsfor.com",
        "https://cloudsfor.com@evil.example",
        "https://cloudsfor.com/api?x=1",
        "https://cloudsfor.com/api?",
        "https://cloudsfor.com/api#x",
        "https://cloudsfor.com/api#",
        "https://clouds for.com",
        "https://cloudsfor.com/\r\nHost: evil",
        "https://cloudsfor.com/\u202e",
        "https://cloudsfor.com\\@evil.example",
        "https://cloudsfor.com/../v1",
        "https://cloudsfor.com/%2E%2e/v1",
        "https://cloudsfor.com/a//b",
        "https://cloudsfor.com/[x]",
        "https://cloudsfor.com:0",
        "https://cloudsfor.com:99999",
        "https://cloudsfor.com:x",
        "https://0x7f.1",
        "https://2130706433",
        "https://127.1",
        "https://a..b",
        "https://-a.example",
        "https://" + "a" * 70 + ".example",
        "https://[::1",
        "https://[fe80::1]",
        "https://169.254.169.254/latest",
        "https://[::ffff:169.254.169.254]",
        "https://[::1%lo]",
        "https://0.0.0.0",
        "https://[::]",
        "https://224.0.0.1",
        "https://0x7f000001",
        "https://0177.0.0.1",
        "https://cloudsfor.com..",
        "https://cloudsfor.com%2eevil.example",
        "https://cloudsfor.com／evil",
        "javascript:alert(1)",
        "https://@cloudsfor.com",
        "https://cloudsfor.com/a/./b",
        "ｈttps://cloudsfor.com",
    ],
)
@pytest.mark.fault("S11")
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        normalise_url(url)
    assert "cannot be used: " in raised.value.message
    assert raised.value.message.count(". ") == 0, "one sentence"
    assert raised.value.message.isprintable()


@pytest.mark.fault("S10", "S11")
@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@cloudsfor.com",
        "https://cloudsfor.com/api?password=hunter2",
        "https://cloudsfor.com/#hunter2",
        "https://user:hunter2\\@cloudsfor.com",
    ],
)
def test_a_password_in_a_url_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        normalise_url(url)
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in shown_url(url)


def test_http_beyond_this_machine_only_when_allowed() -> None:
    assert normalise_url("http://cloud.example", allow_http=True) == ("http://cloud.example/api/v1", False)
    assert is_clear("http://cloud.example/api/v1")
    assert not is_clear("http://127.0.0.1:8808/api/v1")
    assert not is_clear("https://cloud.example/api/v1")


@pytest.mark.parametrize(
    ("link", "whole"),
    [
        ("https://cloudsfor.com/v1/vms?page=2", "https://cloudsfor.com/v1/vms?page=2"),
        ("HTTPS://CLOUDSFOR.COM:443/v1/vms?page=2", "https://CLOUDSFOR.COM:443/v1/vms?page=2"),
        ("/api/v1/vms?page=2", "https://cloudsfor.com/api/v1/vms?page=2"),
        ("?page=2", "https://cloudsfor.com/api/v1/vms?page=2"),
        ("http://cloudsfor.com/api/v1/vms?page=2", ""),
        ("https://cloudsfor.com:444/vms", ""),
        ("https://evil.example/vms", ""),
        ("//evil.example/vms", ""),
        ("https://x@cloudsfor.com/vms", ""),
        ("https://cloudsfor.com\\@evil.example", ""),
        ("file:///etc/passwd", ""),
        ("https://[bad", ""),
        ("\r\nHost: evil", ""),
    ],
)
@pytest.mark.fault("68", "S12")
def test_row_68_links_stay_at_the_origin(link: str, whole: str) -> None:
    assert same_origin(link, "https://cloudsfor.com/api/v1/vms") == whole


def test_origins_are_spelled_in_one_way() -> None:
    assert origin_of("https://A.example/x") == origin_of("https://a.example:443") == "https://a.example:443"
    assert origin_of("nonsense") == origin_of("https://[bad") == ""
