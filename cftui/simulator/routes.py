"""Which request means what: paths, methods, sign-in, pages, and the bodies of refusals. No sockets."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping

from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.messages import Answer, Request
from cftui.simulator.rules import Refusal
from cftui.simulator.seed import ACCOUNT_UUID, IMAGES, REGIONS
from cftui.simulator.wire import Json

PREFIXES = (("api", "v1"), ("v1",))
"""The document writes /api/v1 in its prose and /v1 in four of its examples; both work."""

PER_PAGE, MOST_PER_PAGE = 20, 200
"""Entries of a page, where nothing is asked for and at most."""

WEB_PAGE = b"<!DOCTYPE html>\n<html><head><title>CloudsFor</title></head><body><h1>Welcome</h1></body></html>\n"

Slice = Callable[[int, int], tuple[list[bytes], int]]
"""Objects from one place to another, and how many there are."""


class Routes:
    """The HTTP face of a cloud.

    Args:
        cloud: Where everything is asked and done.
    """

    def __init__(self, cloud: SimulatedCloud) -> None:
        self._cloud = cloud
        self._wire = cloud.wire

    def answer(self, request: Request, *, carry_out: bool = True) -> Answer:
        """What the cloud answers; a POST has its effect here, unless `carry_out` is false."""
        try:
            return self._routed(request, carry_out)
        except Refusal as refusal:
            return self.refused(refusal)

    def refused(self, refusal: Refusal) -> Answer:
        """A refusal as an answer."""
        extra = {401: (("www-authenticate", 'Basic realm="CloudsFor", charset="UTF-8"'),)}
        return Answer(
            refusal.status, self._wire.error(refusal.error_id, refusal.message), headers=extra.get(refusal.status, ())
        )

    def _routed(self, request: Request, carry_out: bool) -> Answer:
        prefix = next((known for known in PREFIXES if request.segments[: len(known)] == known), None)
        if prefix is None:
            raise _not_found()
        if "account-html" in self._cloud.quirks and prefix == PREFIXES[0] and request.method != "POST":
            return Answer(int(self._cloud.quirks["account-html"]), WEB_PAGE, "text/html; charset=utf-8")
        if not self._may_enter(request):
            raise Refusal(401, "unauthorized", "Unable to authenticate you: the e-mail or the password is wrong.")
        quirks = self._cloud.quirks
        can_list = "no-actions" not in quirks
        match request.segments[len(prefix) :]:
            case ("account",):
                return self._read(request, self._account)
            case ("regions",):
                return self._read(request, lambda: self._list(request, "regions", self._fixed(REGIONS)))
            case ("distros",):
                return self._read(request, lambda: self._list(request, "distros", self._fixed(_DISTROS)))
            case ("networks",):
                return self._read(request, lambda: self._list(request, "networks", self._fixed(_NETWORKS)))
            case ("vms",):
                return self._read(request, lambda: self._list(request, "vms", self._cloud.listed_vms))
            case ("vms", vm_id):
                return self._read(request, lambda: Answer(200, self._wire.one("vm", self._cloud.shown_vm(vm_id))))
            case ("actions",) if can_list and "no-global-actions" not in quirks:
                return self._read(request, lambda: self._list(request, "actions", self._cloud.listed_actions))
            case ("vms", vm_id, "actions"):
                if request.method == "POST":
                    return self._submit(request, vm_id, carry_out)
                if not can_list:
                    raise _not_found()
                return self._read(
                    request,
                    lambda: self._list(
                        request, "actions", lambda start, stop: self._cloud.listed_actions(start, stop, vm_id)
                    ),
                    allowed="GET, HEAD, POST",
                )
        raise _not_found()

    def _may_enter(self, request: Request) -> bool:
        expected = f"{self._cloud.email}:{self._cloud.password}"
        return hmac.compare_digest(request.credentials.encode(), expected.encode())

    def _read(self, request: Request, read: Callable[[], Answer], *, allowed: str = "GET, HEAD") -> Answer:
        if request.method in ("GET", "HEAD"):
            return read()
        message = f"{request.method} is not possible here; possible are: {allowed}."
        return Answer(405, self._wire.error("method_not_allowed", message), headers=(("allow", allowed),))

    def _account(self) -> Answer:
        _, total = self._cloud.listed_vms(0, 0)
        account: Json = {"email": self._cloud.email, "uuid": ACCOUNT_UUID, "vm_limit": total + 50}
        return Answer(200, self._wire.one("account", self._wire.listed(account)))

    def _submit(self, request: Request, vm_id: str, carry_out: bool) -> Answer:
        if request.header("content-type").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "unsupported_media_type", "Send the request body as Content-Type: application/json.")
        action = self._cloud.submit(vm_id, request.body, carry_out=carry_out)
        return Answer(201, self._wire.one("action", self._wire.action(action)), action=action)

    def _list(self, request: Request, key: str, things: Slice) -> Answer:
        per_page = min(MOST_PER_PAGE, request.number("per_page", PER_PAGE) or PER_PAGE)
        if "small-pages" in self._cloud.quirks:
            per_page = min(per_page, int(self._cloud.quirks["small-pages"]))
        page = request.number("page", 1) or 1
        found, total = things((page - 1) * per_page, page * per_page)
        return Answer(200, self._wire.page(key, found, total, _links(request, page, per_page, total)))

    def _fixed(self, things: tuple[Mapping[str, object], ...]) -> Slice:
        return lambda start, stop: ([self._wire.listed(dict(thing)) for thing in things[start:stop]], len(things))


def _links(request: Request, page: int, per_page: int, total: int) -> dict[str, str]:
    """Whole URLs of the other pages, only those that apply."""
    last = max(1, -(-total // per_page))
    pages = {"first": 1, "prev": min(page - 1, last)} if page > 1 else {}
    if page < last:
        pages |= {"next": page + 1, "last": last}
    at = f"http://{request.header('host')}{request.path}"
    return {name: f"{at}?page={number}&per_page={per_page}" for name, number in pages.items()}


def _not_found() -> Refusal:
    return Refusal(404, "not_found", "The resource you were accessing could not be found.")


_DISTROS: tuple[Mapping[str, object], ...] = tuple(
    {
        "id": image["id"],
        "name": image["distro"],
        "description": image["name"],
        "image_type": "iso" if image["distro"].endswith(".iso") else "template",
    }
    for image in IMAGES
)

_NETWORKS: tuple[Mapping[str, object], ...] = (
    {
        "id": "11081d5dcd884cf48f73a9d0ba8be005",
        "name": "backend",
        "parent_id": "5055efc9313843ae9f408fe179e4b332",
        "tag": "999",
        "size": 2,
    },
)
