"""One method an endpoint, one httpx client for its lifetime. The only module that imports httpx."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from operator import attrgetter
from typing import Self
from urllib.parse import urlsplit

import httpx  # noqa: TID251 - the one place

from cftui import __version__
from cftui.api.action_lists import ActionList, ActionLists
from cftui.api.causes import connect_cause, shown_fingerprint
from cftui.api.decode import read_object
from cftui.api.errors import BadAnswer, Unauthorized, Unreachable
from cftui.api.exchange import Exchange, Flaw
from cftui.api.lists import RowCache
from cftui.api.models import VM, AccountInfo, Region
from cftui.api.pages import PagedLists
from cftui.api.reading import LOST, body_of, named
from cftui.api.redaction import Redaction
from cftui.api.requests import ActionRequest, action_path, quote_id
from cftui.api.tls import make_plain_context, make_ssl_context
from cftui.api.verdict import verdict
from cftui.api.vm_list import VmList, VmPage, slim, whole
from cftui.clock import Clock
from cftui.errors import ConfigError, UsageError
from cftui.fleet.rows import ActionRow, VmRow
from cftui.text import clean, cut

__all__ = ["ActionList", "CloudClient", "CloudReader", "Deadlines", "VmPage"]

MAX_OBJECT_BYTES = 8 * 2**20
MAX_PAGE_BYTES = 64 * 2**20
MAX_CONNECTIONS = 8

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below it they write down every URL and header


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long one request may take in all, in seconds; httpx's own limits are per read, which a drip never meets."""

    connect_s: float = 5.0
    """For the connection, and again for TLS."""
    get_s: float = 20.0
    post_s: float = 30.0


@dataclass(slots=True)
class Offer:
    """Whether the cloud took an e-mail and a password, for all clients that offer them."""

    is_refused: bool = False
    """It answered 401: they are not offered a second time, or it may lock the account."""


class CloudReader:
    """Reads of one account; has no way to change anything.

    Use as an async context manager, or call `close`. All reads raise `CloudError`; its subclasses say what can be done.

    Args:
        base_url: Origin and base path, no slash at the end: `https://cloudsfor.com/api/v1`.
        email: Without a colon.
        password: Kept in no attribute that a repr shows.
        clock: For round trips and the cloud's time.
        ssl_context: For `https`; None makes the default one (certificates verified, environment ignored).
        proxy: From the profile only.
        deadlines: Other than the usual ones.
        offer: Shared by all that offer the same e-mail and password.

    Raises:
        UsageError: The e-mail, password or proxy cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        email: str,
        password: str,
        *,
        clock: Clock | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str = "",
        deadlines: Deadlines | None = None,
        offer: Offer | None = None,
    ) -> None:
        self.base_url = base_url
        self.email = email
        self.round_trip_s: float | None = None
        """Of the last good read."""
        self.server_offset: float | None = None
        """Add to `clock.monotonic()` for the cloud's time in seconds since 1970; None until a `Date` header told it."""
        self._offer = offer or Offer()
        self._is_well = True
        """Whether the last read was answered."""
        auth = _basic(email, password)
        self._clock = clock or Clock()
        self._deadlines = deadlines or Deadlines()
        self._host = cut(clean(urlsplit(base_url).netloc.rpartition("@")[2]), 80)
        self._redact = Redaction(email, password)
        if ssl_context is None:
            ssl_context = make_ssl_context() if base_url.startswith("https:") else make_plain_context()

        def connect(*, keeps_connections: bool) -> httpx.AsyncClient:
            return _client(auth, ssl_context, _proxy(proxy), self._deadlines, keeps_connections=keeps_connections)

        self._connect = connect
        self._kept = connect(keeps_connections=True)
        self._lists = PagedLists(base_url, self._read_page, self._clock)
        self._actions = ActionLists(self._lists, self.get_vm)
        self._vms = VmList(self._lists, slim)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, {self.email!r})"

    async def close(self) -> None:
        """Close the kept connections."""
        await self._kept.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def action_source(self) -> str:
        """Where this cloud lets actions be read, as found out so far: `untried`, `global`, `per-vm` or `none`."""
        return self._actions.source

    async def account(self) -> AccountInfo:
        """Whose account it is: the cheapest proof that URL and credentials are right. API reference: section 4."""
        return AccountInfo.model_validate(await self._object("account", "account", bare_with="email"))

    async def regions(self) -> tuple[Region, ...]:
        """The places where VMs may live. API reference: section 5."""
        cache: RowCache[Region] = RowCache(Region.model_validate)
        found: list[Region] = []
        async for page in self._lists.pages("regions"):
            found += [region for region in cache.rows(page.entries) if region is not None]
        return tuple(found)

    def list_vms(self) -> AsyncGenerator[VmPage[VmRow], None]:
        """All VMs, page by page, in the cloud's order; a VM that comes twice is given once.

        The pages are the whole list only when the last one has `is_last`.

        Raises:
            BadAnswer: The list goes on elsewhere, in a circle or without end; the pages given until then are good.

        API reference: section 3, and 11.1.12 for paging.
        """
        return self._vms.pages()

    def list_whole_vms(self) -> AsyncGenerator[VmPage[VM], None]:
        """As `list_vms`, with everything the cloud says of each: for scripts; whole models cost more memory."""
        return VmList(self._lists, whole).pages()

    async def get_vm(self, vm_id: str) -> VM:
        """One VM with everything the cloud says of it. API reference: section 3.

        Raises:
            NotFound: There is no such VM.
            BadAnswer: The reply is about another VM, or cannot be read.
        """
        vm = VM.model_validate(await self._object(f"vms/{quote_id(vm_id)}", "vm", bare_with="id", vm_id=vm_id))
        if vm.id != vm_id:
            raise BadAnswer(f"Wrong VM in reply: {cut(clean(vm.id), 40) or 'none is named'}.", vm_id=vm_id)
        return vm

    async def vm_actions(self, vm_id: str) -> tuple[ActionRow, ...]:
        """All actions of one VM, in the cloud's order. API reference: section 2.3.

        Raises:
            NotFound: There is no such VM, or no such endpoint.
        """
        return await self._actions.of_vm(vm_id)

    async def actions(self, *, whole: bool = False) -> tuple[ActionRow, ...]:
        """Actions of all VMs from the global endpoint, in the cloud's order. API reference: section 2.3.

        Args:
            whole: Read all pages, as far as 50 reach; else only those that can hold the newest.

        Raises:
            NotFound: This cloud has no such endpoint; remembered, and not asked again.
        """
        return await self._actions.of_all(whole=whole)

    async def follow(self, vm_ids: Collection[str]) -> ActionList:
        """What is known of the actions of these VMs, in the fewest requests this cloud allows. API reference: 11.3.

        Args:
            vm_ids: The VMs with something in progress.

        Returns:
            Recent actions of all VMs where there is a global endpoint; else of those of `vm_ids` whose own list could
            be read, and of which it could not and why; else none, and only the VMs themselves can be watched.

        Raises:
            CloudError: No VM's list could be read, for a reason that does not lie with the VMs.
        """
        return await self._actions.follow(vm_ids)

    async def _object(self, path: str, key: str, *, bare_with: str, vm_id: str = "") -> dict[str, object]:
        body = await self._read(f"{self.base_url}/{path}", limit=MAX_OBJECT_BYTES, vm_id=vm_id)
        with named(path, vm_id):
            return read_object(body, key, bare_with=bare_with)

    async def _read_page(self, url: str, *, vm_id: str = "") -> bytes:
        return await self._read(url, limit=MAX_PAGE_BYTES, vm_id=vm_id)

    async def _read(self, url: str, *, limit: int, vm_id: str = "") -> bytes:
        if self._offer.is_refused:
            raise Unauthorized(f"{self._host} refused the e-mail and password before.", hint="Give others.", status=401)
        began = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._deadlines.get_s
        exchange = await self._exchange(self._kept, "GET", url, limit=limit, deadline_s=self._deadlines.get_s)
        if exchange.flaw in LOST and self._is_well:  # in the dark, one probe is one request
            exchange = await self._exchange(self._kept, "GET", url, limit=limit, deadline_s=ends - loop.time())
        now = self._clock.now()
        path = cut(clean(urlsplit(url).path), 120)
        self._is_well = exchange.flaw is None
        body = body_of(exchange, host=self._host, path=path, vm_id=vm_id, now=now)
        self.round_trip_s = self._clock.monotonic() - began
        return body

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        *,
        limit: int,
        deadline_s: float,
        content: bytes | None = None,
    ) -> Exchange:
        """Send one request and hear it out. Never raises, but for the end of the task itself."""
        status: int | None = None
        headers: dict[str, tuple[str, ...]] = {}
        body, flaw, cause, fingerprint = b"", None, "", ""
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(deadline_s):
                response = await client.send(client.build_request(method, url, content=content), stream=True)
                status = response.status_code
                self._offer.is_refused |= status == 401
                headers = _headers(response)
                try:
                    body, flaw, cause = await _body(response, limit)
                finally:
                    await response.aclose()
                if _went_on(response):
                    await response.extensions["network_stream"].aclose()
        except Exception as error:
            flaw, cause = _flaw(error, deadline_s, self._deadlines)
            fingerprint = shown_fingerprint(error)
        exchange = Exchange(status, headers, body if flaw is None else b"", flaw, cause, fingerprint)
        self._learn_time(exchange, began)
        return exchange if status is None else self._without_secret(exchange, status)

    def _without_secret(self, exchange: Exchange, status: int) -> Exchange:
        """The exchange without our own secret where the cloud echoes it; what it links to stays as it came."""

        def hidden(text: str) -> str:
            return self._redact(text.encode()).decode()

        headers = {
            name: values if name == "link" else tuple(map(hidden, values)) for name, values in exchange.headers.items()
        }
        body = exchange.body if status < 300 else self._redact(exchange.body)
        return replace(exchange, body=body, headers=headers, cause=hidden(exchange.cause))

    def _learn_time(self, exchange: Exchange, began: float) -> None:
        """Narrow down the cloud's clock: the `Date` of an answer was true at some moment of the exchange."""
        moment = exchange.server_time
        if moment is None:
            return
        told = moment.timestamp()
        earliest, latest = told - self._clock.monotonic(), told + 1 - began
        known = self.server_offset
        self.server_offset = (earliest + latest) / 2 if known is None else min(max(known, earliest), latest)


class CloudClient(CloudReader):
    """A reader that can also start actions."""

    _fresh: httpx.AsyncClient | None = None
    """Keeps no connection: one that was closed while idle would leave an outcome unknown. Made when first needed."""

    async def close(self) -> None:
        """Close the kept connections."""
        if self._fresh is not None:
            await self._fresh.aclose()
        await super().close()

    async def submit(self, vm_id: str, request: ActionRequest) -> ActionRow:
        """POST one action, once, on a fresh connection. API: "VMs Actions".

        If the task is cancelled meanwhile, `CancelledError` travels on, and the request may have left: whoever cancels
        treats it as `OutcomeUnknown` with the reason `cancelled`.

        Args:
            vm_id: The VM's id as the API spells it.
            request: What is asked for; its `body_json` is sent as it is.

        Returns:
            The action as accepted; `started` is None when the cloud tells no start time.

        Raises:
            Unreachable: Provably nothing was sent.
            Rejected, RateLimited, Unauthorized, Forbidden, NotFound: The cloud refused; nothing was changed.
            OutcomeUnknown: Everything else; it may have begun.
        """
        if self._offer.is_refused:
            cause = "e-mail or password refused"
            raise Unreachable(f"Not sent to {self._host}: {cause}.", cause=cause, hint="Give others.", vm_id=vm_id)
        if self._fresh is None:
            self._fresh = self._connect(keeps_connections=False)
        exchange = await self._exchange(
            self._fresh,
            "POST",
            action_path(self.base_url, vm_id),
            limit=MAX_OBJECT_BYTES,
            deadline_s=self._deadlines.post_s,
            content=request.body_json.encode(),
        )
        return verdict(exchange, host=self._host, vm_id=vm_id, type_=request.type.value, now=self._clock.now())


def _basic(email: str, password: str) -> httpx.BasicAuth:
    if ":" in email:
        raise UsageError(f"The e-mail {cut(clean(email), 80)!r} holds a colon, which cannot be sent.")
    try:
        return httpx.BasicAuth(email, password)
    except UnicodeError:
        pass  # its text would hold the password
    raise UsageError("The e-mail or password holds characters that cannot be sent.")


def _proxy(url: str) -> httpx.Proxy | None:
    if not url:
        return None
    try:
        if url.startswith(("http://", "https://")):
            return httpx.Proxy(url)
    except (ValueError, httpx.InvalidURL):
        pass  # its text would hold the proxy's password
    raise ConfigError("The proxy is not a URL that can be used.", hint="Example: http://proxy.example:3128")


def _client(
    auth: httpx.BasicAuth,
    ssl_context: ssl.SSLContext,
    proxy: httpx.Proxy | None,
    deadlines: Deadlines,
    *,
    keeps_connections: bool,
) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        auth=auth,
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": f"cftui/{__version__}",
        },
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        verify=ssl_context,
        trust_env=False,
        proxy=proxy,
        follow_redirects=False,
        timeout=httpx.Timeout(None, connect=deadlines.connect_s),
        limits=httpx.Limits(
            max_connections=MAX_CONNECTIONS if keeps_connections else None,
            max_keepalive_connections=MAX_CONNECTIONS if keeps_connections else 0,
            keepalive_expiry=60.0,
        ),
    )


def _headers(response: httpx.Response) -> dict[str, tuple[str, ...]]:
    """Values by lower-case name, in one pass: there may be ten thousand."""
    found: dict[str, list[str]] = {}
    for name, value in response.headers.multi_items():
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


_AFTER = attrgetter("stream._stream._httpcore_stream._stream._connection._h11_state.trailing_data")
"""What came after the end of an answer. The library tells it nowhere, and would take it for the next answer's beginning
(S20); private names of its two lowest layers, which a test watches over."""


def _went_on(response: httpx.Response) -> bool:
    """Whether bytes came after the answer that nobody asked for; nothing more is believed on such a connection."""
    try:
        return bool(_AFTER(response)[0])
    except AttributeError:
        return False


async def _body(response: httpx.Response, limit: int) -> tuple[bytes, Flaw | None, str]:
    """The body as it came over the wire, bounded: nothing is unpacked, so nothing can swell."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        return b"", Flaw.ENCODED, f"unexpected encoding {cut(clean(encoding), 20)!r}"
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > limit:
            return b"", Flaw.TOO_LARGE, f"reply too large, over {limit // 2**20} MB"
        chunks.append(chunk)
    return b"".join(chunks), None, ""


def _flaw(error: Exception, deadline_s: float, deadlines: Deadlines) -> tuple[Flaw, str]:
    """What an exception proves of the request; what is not listed proves nothing."""
    match error:
        case httpx.ConnectTimeout():
            return Flaw.NOT_SENT, f"no connection in {deadlines.connect_s:g} s"
        case httpx.ConnectError():
            return Flaw.NOT_SENT, connect_cause(error)
        case httpx.ProxyError():
            return Flaw.NOT_SENT, "proxy refused"
        case httpx.PoolTimeout():
            return Flaw.NOT_SENT, "no free connection"
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError() | httpx.InvalidURL():
            return Flaw.NOT_SENT, "not a request that can be sent"
        case TimeoutError() | httpx.TimeoutException():
            return Flaw.TIMEOUT, f"no answer in {deadline_s:.2g} s"
        case httpx.WriteError():
            return Flaw.WRITE_ERROR, "connection lost while sending"
        case httpx.RemoteProtocolError():
            return Flaw.NO_REPLY, "connection closed without a whole answer"
        case httpx.ReadError():
            return Flaw.READ_ERROR, "connection lost"
        case _:
            return Flaw.UNFORESEEN, f"unforeseen {type(error).__name__}"
