"""Which base path this cloud answers under: the document itself uses two. API reference: 11.1.14."""

from __future__ import annotations

import ssl
from contextlib import aclosing

from cftui.api.client import CloudReader
from cftui.api.errors import BadAnswer, NotFound
from cftui.api.urls import DEFAULT_PATH, FALLBACK_PATH


async def find_base_url(
    base_url: str, email: str, password: str, *, ssl_context: ssl.SSLContext | None = None, proxy: str = ""
) -> str:
    """The base URL under which GET account answers, or else the list of VMs.

    Only for a URL that was given without a path: `/v1` is asked if there is nothing, or a web page, under `/api/v1`.

    Args:
        base_url: With `/api/v1`, as `normalise_url` makes it.
        email: Of the account.
        password: Of the account.
        ssl_context: As for `CloudReader`.
        proxy: As for `CloudReader`.

    Raises:
        CloudError: What `/api/v1` answered, when `/v1` is no better.
    """
    urls = (base_url, base_url.removesuffix(DEFAULT_PATH) + FALLBACK_PATH)
    failures: list[NotFound | BadAnswer] = []
    # The document of the actions names no account endpoint: where none is found, a list of VMs is as good.
    for ask in (_ask_account, _ask_vms):
        for url in urls:
            async with CloudReader(url, email, password, ssl_context=ssl_context, proxy=proxy) as reader:
                try:
                    await ask(reader)
                except (NotFound, BadAnswer) as error:
                    failures.append(error)
                else:
                    return url
    raise failures[0]


async def sign_in(reader: CloudReader) -> str:
    """Prove that URL and credentials are right, by reading alone.

    Returns:
        The account's e-mail; empty where the cloud does not tell it.

    Raises:
        CloudError: They are not, or the cloud is out of reach.
    """
    try:
        return (await reader.account()).email or ""
    except NotFound:
        await _ask_vms(reader)
        return ""


async def _ask_account(reader: CloudReader) -> None:
    await reader.account()


async def _ask_vms(reader: CloudReader) -> None:
    async with aclosing(reader.list_vms()) as pages:
        await anext(pages)
