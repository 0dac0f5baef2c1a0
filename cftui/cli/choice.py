"""Flag over environment over profile over file over default; and what of a profile may be used for which cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from cftui.api.urls import normalise_url, origin_of
from cftui.config.files import nearest
from cftui.config.models import Choice, Config, Profile, Settings
from cftui.config.surroundings import left_out
from cftui.errors import ConfigError, UsageError
from cftui.text import clean

TRUE_WORDS = ("1", "true", "yes")
FALSE_WORDS = ("0", "false", "no")


class NotConfiguredError(UsageError):
    """No cloud or no account is known yet.

    Args:
        message: What is missing.
        hint: What to do next.
        is_partly_configured: One of the two is known; if not, the cockpit shows its first-start form instead.
    """

    title = "No configuration yet"

    def __init__(self, message: str, *, hint: str, is_partly_configured: bool) -> None:
        super().__init__(message, hint=hint)
        self.is_partly_configured = is_partly_configured


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says about where to connect; None where it says nothing."""

    profile: str | None = None
    url: str | None = None
    email: str | None = None
    read_only: bool = False


def choose(config: Config, flags: Flags, environ: Mapping[str, str]) -> Choice:
    """Decide where to connect, as whom, and with which settings.

    A profile's secret, `read_only` and `production` belong to its URL's origin and its e-mail: where flag or
    environment name others, none of them counts.

    Raises:
        NotConfiguredError: No URL or no e-mail is known.
        ConfigError: A profile that does not exist, or a value that cannot be used.
    """
    sources: dict[str, str] = {}
    name = _named(flags.profile, "--profile", environ, "CFTUI_PROFILE", sources, "profile") or _default_profile(
        config, sources
    )
    profile = _profile(config, name) if name else None
    label = f"profile {clean(name)!r}"
    url = _named(flags.url, "--url", environ, "CFTUI_URL", sources, "url")
    email = _named(flags.email, "--email", environ, "CFTUI_EMAIL", sources, "email")
    if profile is not None:
        for key, given in (("url", url), ("email", email)):
            if not given:
                sources[key] = label
        url, email = url or profile.url, email or profile.email
    if not url or not email:
        if config.profiles and not name:
            raise ConfigError(
                "Several profiles are configured and none is chosen.",
                hint=f"Name one with --profile: {', '.join(map(clean, config.profiles))}.",
            )
        missing = " and ".join(what for what, value in (("URL", url), ("e-mail", email)) if not value)
        raise NotConfiguredError(
            f"No {missing} of a cloud is known.",
            hint=f"Set CFTUI_URL and CFTUI_EMAIL, or write a profile to {config.path}; `cftui demo` needs neither.",
            is_partly_configured=bool(url or email),
        )
    if ":" in email or not email.isprintable():
        raise ConfigError(
            f"The e-mail {clean(email)!r} holds a colon or an invisible character.",
            hint="Basic authentication cannot carry it.",
        )
    allow_http = profile is not None and profile.allow_http and origin_of(profile.url) == origin_of(url)
    base_url, has_path = normalise_url(url, allow_http=allow_http)
    own = profile if _is_own(profile, base_url, email) else None
    is_read_only = _read_only(own, label, flags, environ, sources)
    return Choice(
        url=base_url,
        has_path=has_path,
        email=email,
        profile_name=name if own else "",
        profile=own,
        is_read_only=is_read_only,
        starts_read_only=own is not None and own.start_read_only,
        is_production=own is not None and own.production,
        settings=_settings(config, own, label, sources),
        sources=sources,
        notes=(*_left_out(profile, own, label, environ, sources), *left_out(environ, own)),
    )


def _left_out(
    profile: Profile | None, own: Profile | None, label: str, environ: Mapping[str, str], sources: Mapping[str, str]
) -> list[str]:
    """What two sources disagree on, and which of them counts."""
    notes = []
    if profile is not None and own is None:
        others = " and ".join(source for key in ("url", "email") if (source := sources[key]) != label)
        notes.append(f"{others}: another cloud or account than that of {label}, of which nothing is used")
    if sources["read_only"] == label and environ.get("CFTUI_READ_ONLY"):
        notes.append(f"{label} is read-only, whatever CFTUI_READ_ONLY says")
    return notes


def _is_own(profile: Profile | None, base_url: str, email: str) -> bool:
    """Whether origin and e-mail are the profile's own, so that its secret may be used."""
    if profile is None or profile.email != email:
        return False
    own_url, _ = normalise_url(profile.url, allow_http=profile.allow_http)
    return origin_of(own_url) == origin_of(base_url)


def _named(
    flag: str | None, option: str, environ: Mapping[str, str], variable: str, sources: dict[str, str], key: str
) -> str:
    for value, source in ((flag, option), (environ.get(variable), variable)):
        if value:
            sources[key] = source
            return value
    return ""


def _default_profile(config: Config, sources: dict[str, str]) -> str:
    if config.settings.profile:
        sources["profile"] = "config file"
        return config.settings.profile
    if len(config.profiles) == 1:
        sources["profile"] = "the only one"
        return next(iter(config.profiles))
    return ""


def _profile(config: Config, name: str) -> Profile:
    if name not in config.profiles:
        known = ", ".join(clean(known) for known in config.profiles) or "none"
        raise ConfigError(
            f"There is no profile {clean(name)!r}{nearest(name, list(config.profiles))}",
            hint=f"Profiles in {config.path}: {known}.",
        )
    return config.profiles[name]


def _read_only(
    profile: Profile | None, label: str, flags: Flags, environ: Mapping[str, str], sources: dict[str, str]
) -> bool:
    """Whoever says read-only is obeyed: a flag, the environment or the profile; none of them can lift another's."""
    word = environ.get("CFTUI_READ_ONLY", "").lower()
    if word and word not in TRUE_WORDS + FALSE_WORDS:
        raise ConfigError(
            f"CFTUI_READ_ONLY is {clean(word)!r}; it takes {', '.join(TRUE_WORDS)} or {', '.join(FALSE_WORDS)}."
        )
    for says_so, source in (
        (flags.read_only, "--read-only"),
        (word in TRUE_WORDS, "CFTUI_READ_ONLY"),
        (profile is not None and profile.read_only, label),
    ):
        if says_so:
            sources["read_only"] = source
            return True
    sources["read_only"] = "default"
    return False


def _settings(config: Config, profile: Profile | None, label: str, sources: dict[str, str]) -> Settings:
    for field in fields(Settings):
        if field.name != "profile":
            sources[field.name] = "config file" if field.name in config.given else "default"
    own: dict[str, Any] = {}
    for key in ("theme", "poll_idle_s", "poll_active_s", "bell", "notify"):
        value = getattr(profile, key, None)
        if value not in (None, ""):
            own[key] = value
            sources[key] = label
    return replace(config.settings, **own)
