"""Which base path this cloud answers under: the document itself uses two. API reference: 11.1.14."""

from __future__ import annotations

import ssl

from cftui.api.client import CloudReader
from cftui.api.errors import BadAnswer, NotFound
from cftui.api.urls import DEFAULT_PATH, FALLBACK_PATH


async def find_base_url(
    base_url: str, email: str, password: str, *, ssl_context: ssl.SSLContext | None = None, proxy: str = ""
) -> str:
    """The base URL under which GET account answers.

    Only for a URL that was given without a path: `/v1` is asked once if there is nothing, or a web page, under
    `/api/v1`.

    Args:
        base_url: With `/api/v1`, as `normalise_url` makes it.
        email: Of the account.
        password: Of the account.
        ssl_context: As for `CloudReader`.
        proxy: As for `CloudReader`.

    Raises:
        CloudError: What `/api/v1` answered, when `/v1` is no better.
    """

    async def ask(url: str) -> None:
        async with CloudReader(url, email, password, ssl_context=ssl_context, proxy=proxy) as reader:
            await reader.account()

    try:
        await ask(base_url)
    except (NotFound, BadAnswer) as first:
        other = base_url.removesuffix(DEFAULT_PATH) + FALLBACK_PATH
        try:
            await ask(other)
        except (NotFound, BadAnswer):
            raise first from None
        return other
    return base_url
