"""Faults on demand: what the network and bad servers do to an exchange, before or after it had its effect."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from cftui.simulator.messages import Answer, Request

GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n"
)

Match = str | Callable[[Request], bool]
"""Which requests: a method (`POST`), a part of the target (`/actions`), both (`GET /vms`), all (`*`); or a function."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one exchange; made by the functions below."""

    name: str
    carried_out: bool = False
    """Whether a POST has its effect all the same. When it has not, the answer reads as if it had."""
    rewrite: Callable[[Answer], Answer] | None = None
    """Another answer in the place of the true one."""
    raw: bytes | None = None
    """Bytes instead of any HTTP."""
    cut_at: int | None = None
    """How many bytes of the answer are sent; None for all."""
    delay_s: float = 0.0
    """Real seconds before the first byte."""
    drip_s: float = 0.0
    """Real seconds after each byte; 0 sends all at once."""
    end: Literal["keep", "close", "reset", "hang"] = "keep"
    """What becomes of the connection afterwards."""
    spares_refusals: bool = False
    """Whether it leaves answers alone that are not a success."""


def hang(*, carried_out: bool = False) -> Fault:
    """The request is read and never answered."""
    return Fault("hang", carried_out, cut_at=0, end="hang")


def reset(*, carried_out: bool = False) -> Fault:
    """The connection is reset (RST) after the request was read."""
    return Fault("reset", carried_out, cut_at=0, end="reset")


def close(*, carried_out: bool = False, spares_refusals: bool = False) -> Fault:
    """The connection is closed (FIN) without an answer."""
    return Fault("close", carried_out, cut_at=0, end="close", spares_refusals=spares_refusals)


def cut(at: int, *, carried_out: bool = True, end: Literal["close", "reset", "hang"] = "close") -> Fault:
    """Only the first `at` bytes of the answer are sent, head included."""
    return Fault("cut", carried_out, cut_at=at, end=end)


def status(
    code: int, body: bytes | str = b"", *, headers: Mapping[str, str] | None = None, carried_out: bool = False
) -> Fault:
    """Another status, with this body; `content-type` among `headers` if it is not JSON."""
    extra = {name.lower(): value for name, value in (headers or {}).items()}
    content_type = extra.pop("content-type", "application/json; charset=utf-8")
    answer = Answer(code, body.encode() if isinstance(body, str) else body, content_type, tuple(extra.items()))
    return Fault(f"status {code}", carried_out, rewrite=lambda _: answer)


def html_502(*, carried_out: bool = False) -> Fault:
    """A gateway's page."""
    return replace(
        status(502, GATEWAY_PAGE, headers={"content-type": "text/html"}, carried_out=carried_out), name="html 502"
    )


def redirect(url: str, code: int = 307, *, carried_out: bool = False) -> Fault:
    """The client is sent elsewhere."""
    return status(code, b"", headers={"location": url, "content-type": "text/html"}, carried_out=carried_out)


def delay(seconds: float) -> Fault:
    """The true answer, late."""
    return Fault("delay", carried_out=True, delay_s=seconds)


def drip(seconds_per_byte: float = 0.05) -> Fault:
    """The true answer, byte by byte."""
    return Fault("drip", carried_out=True, drip_s=seconds_per_byte)


def huge(size: int = 80 * 1024 * 1024, *, carried_out: bool = True) -> Fault:
    """The true answer, with that many spaces before it."""
    return Fault("huge", carried_out, rewrite=lambda true: replace(true, body=b" " * size + true.body))


def gzipped(*, carried_out: bool = True) -> Fault:
    """The true answer, compressed though nobody asked for it."""
    return Fault(
        "gzip",
        carried_out,
        rewrite=lambda true: replace(
            true, body=gzip.compress(true.body), headers=(*true.headers, ("content-encoding", "gzip"))
        ),
    )


def body(content: bytes | str, *, carried_out: bool = True) -> Fault:
    """The true status and headers with another body."""
    raw = content.encode() if isinstance(content, str) else content
    return Fault("body", carried_out, rewrite=lambda true: replace(true, body=raw))


def truncated(*, carried_out: bool = True) -> Fault:
    """Half of the true JSON, as a whole answer."""
    return Fault("truncated", carried_out, rewrite=lambda true: replace(true, body=true.body[: len(true.body) // 2]))


def garbage(raw: bytes = b"\x00\xff\x16\x03 this is not HTTP\r\n\r\n", *, carried_out: bool = True) -> Fault:
    """Bytes that are no HTTP, then the end."""
    return Fault("garbage", carried_out, raw=raw, end="close")


@dataclass(slots=True)
class _Rule:
    match: Match
    fault: Fault
    times: int | None
    """How often it still applies; None for ever."""
    every: int
    """Only each such matching request."""
    seen: int = 0


class Faults:
    """What is to go wrong, in the order in which it was asked for; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def next(self, match: Match, fault: Fault, *, times: int = 1) -> None:
        """Let `fault` happen to the next `times` requests that match."""
        with self._lock:
            self._rules.append(_Rule(match, fault, times, 1))

    def always(self, match: Match, fault: Fault, *, every: int = 1) -> None:
        """Let `fault` happen to each matching request, or to every so manieth, until `clear`."""
        with self._lock:
            self._rules.append(_Rule(match, fault, None, every))

    def clear(self) -> None:
        """Forget all faults that have not happened yet."""
        with self._lock:
            self._rules.clear()

    @property
    def waiting(self) -> int:
        """How many faults asked for with `next` have not happened yet."""
        with self._lock:
            return sum(rule.times for rule in self._rules if rule.times is not None)

    def take(self, request: Request) -> Fault | None:
        """The fault for this request, used up; None when there is none."""
        with self._lock:
            for rule in self._rules:
                if not _matches(rule.match, request):
                    continue
                rule.seen += 1
                if rule.seen % rule.every:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                    if not rule.times:
                        self._rules.remove(rule)
                return rule.fault
        return None


def from_quirks(quirks: Mapping[str, str]) -> Faults:
    """The faults that quirks stand for: `html-502`, `drop-after-accept`, `slow`."""
    faults = Faults()
    if "html-502" in quirks:
        faults.always("*", html_502(carried_out=True), every=int(quirks["html-502"]))
    if "drop-after-accept" in quirks:
        faults.always("POST", close(carried_out=True, spares_refusals=True), every=int(quirks["drop-after-accept"]))
    if "slow" in quirks:
        faults.always("*", delay(float(quirks["slow"])))
    return faults


def _matches(match: Match, request: Request) -> bool:
    if not isinstance(match, str):
        return match(request)
    if match == "*":
        return True
    method, _, part = match.partition(" ") if not match.startswith("/") else ("", "", match)
    return method in ("", request.method) and part in request.target
