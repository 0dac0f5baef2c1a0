"""What is asked of the cloud: validated, and light to import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from cftui.api import requests
from cftui.api.requests import ActionRequest, InvalidRequestError
from cftui.fleet.rows import ActionType


@pytest.mark.parametrize(
    ("make", "body"),
    [
        (lambda: requests.simple(ActionType.REBOOT), '{"type": "reboot"}'),
        (lambda: requests.resize(ram_gb=2), '{"type": "resize", "resource": "ram", "size": 2}'),
        (lambda: requests.resize(cpu=2.0), '{"type": "resize", "resource": "cpu", "size": 2}'),
        (lambda: requests.resize(disk_gb=0.5), '{"type": "resize", "resource": "disk", "size": 0.5}'),
        (
            lambda: requests.resize(cpu=2, ram_gb=3, disk_gb=30),
            '{"type": "resize", "data": {"cpu": 2, "ram": 3, "disk": 30}}',
        ),
        (lambda: requests.resize(cpu=2, disk_gb=30), '{"type": "resize", "data": {"cpu": 2, "disk": 30}}'),
        (lambda: requests.rename("new-name"), '{"type": "rename", "name": "new-name"}'),
        (lambda: requests.snapshot('é "q"'), '{"type": "snapshot", "name": "\\u00e9 \\"q\\""}'),
    ],
)
def test_bodies_are_the_documents_and_come_back_from_the_journal(make: Callable[[], ActionRequest], body: str) -> None:
    assert make().body_json == body
    assert requests.from_body(body).body_json == body
    assert requests.from_body(body).sizes == make().sizes
    assert requests.from_body(body).name == make().name


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: requests.simple(ActionType.RESIZE), "type"),
        (lambda: requests.simple(ActionType.RENAME), "type"),
        (lambda: requests.resize(), "size"),
        (lambda: requests.resize(cpu=1.5), "cpu"),
        (lambda: requests.resize(cpu=0), "cpu"),
        (lambda: requests.resize(ram_gb=-1), "ram"),
        (lambda: requests.resize(disk_gb=float("nan")), "disk"),
        (lambda: requests.resize(disk_gb=float("inf")), "disk"),
        (lambda: requests.resize(ram_gb=True), "ram"),
        (lambda: requests.rename(""), "name"),
        (lambda: requests.rename("  "), "name"),
        (lambda: requests.rename(" x"), "name"),
        (lambda: requests.rename("a\nb"), "name"),
        (lambda: requests.snapshot("a\x1b[2J"), "name"),
        (lambda: requests.snapshot("a\u202eb"), "name"),
        (lambda: requests.rename("x" * 256), "name"),
    ],
)
def test_nonsense_is_refused_at_its_field(make: Callable[[], ActionRequest], field: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        make()
    assert raised.value.field == field


def test_requests_and_errors_need_neither_httpx_nor_pydantic() -> None:
    program = "import sys, cftui.api.requests, cftui.api.errors, cftui.api.urls; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"httpx", "pydantic", "msgspec", "textual"}.isdisjoint(done.stdout.split())
