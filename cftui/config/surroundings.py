"""What is set in the environment and has no say, so that nobody believes it has: told once, at the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cftui.config.folders import ignored_folders
from cftui.config.models import Profile

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def left_out(environ: Mapping[str, str], profile: Profile | None) -> Iterator[str]:
    """A phrase for each kind of variable that is ignored although somebody may count on it.

    Not for those of certificates and key logs: they are set on many machines for other programs' sake, and what a
    private authority needs is told where a certificate is refused.

    Args:
        environ: The environment.
        profile: The one in use; where it names a proxy, nobody expects the environment to.
    """
    proxies = [name for name in _PROXIES if environ.get(name)]
    if proxies and not (profile and profile.proxy):
        yield f"proxy variables are ignored: {', '.join(proxies)}"
    if folders := ignored_folders(environ):
        yield f"no absolute path, and ignored: {', '.join(folders)}"
    if profile and profile.password_command and environ.get("CFTUI_PASSWORD"):
        yield "the password comes from password_command; CFTUI_PASSWORD is not used"
