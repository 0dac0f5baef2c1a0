"""`config` and `profile`: what is configured, and where each value came from; no secret is shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields

from cftui.api.urls import shown_url
from cftui.cli.choice import NotConfiguredError
from cftui.cli.exit_codes import ExitCode
from cftui.cli.options import Options
from cftui.cli.output import Listing, Narrator, emit, write
from cftui.cli.session import choose_for
from cftui.config.files import load_config
from cftui.config.folders import config_path
from cftui.config.models import Choice, Settings
from cftui.config.secrets import source_of
from cftui.text import clean


def config(options: Options) -> ExitCode:
    """`config path` and `config show`."""
    if options.config_command == "path":
        write(f"{clean(str(config_path(os.environ)))}\n")
        return ExitCode.DONE
    try:
        choice = choose_for(options)
        shown = _shown(choice)
        for note in choice.notes:
            Narrator(is_quiet=options.quiet)(f"Note: {note}.")
    except NotConfiguredError as error:
        Narrator(is_quiet=options.quiet)(str(error))
        shown = _settings(load_config(os.environ).settings, {})
    emit(
        Listing("cftui/config/1", "values", shown, ("key", "value", "source"), name_key="key"),
        options.form,
        options.columns,
    )
    return ExitCode.DONE


def profile(options: Options) -> ExitCode:
    """`profile list`."""
    loaded = load_config(os.environ)
    listed = [
        {
            "name": name,
            "url": shown_url(one.url),
            "email": one.email,
            "password_from": source_of(one, os.environ),
            "read_only": one.read_only,
            "production": one.production,
            "default": name == loaded.settings.profile or len(loaded.profiles) == 1,
        }
        for name, one in loaded.profiles.items()
    ]
    columns = ("name", "url", "email", "password_from", "read_only", "production", "default")
    emit(Listing("cftui/profiles/1", "profiles", listed, columns), options.form, options.columns)
    if not listed:
        Narrator(is_quiet=options.quiet)(f"No profile is configured in {loaded.path}.")
    return ExitCode.DONE


def _shown(choice: Choice) -> list[dict[str, object]]:
    """Every value in force; of the password, only where it would come from."""
    values: dict[str, object] = {
        "profile": choice.profile_name,
        "url": choice.url,
        "email": choice.email,
        "password": "(not shown)",
        "read_only": choice.is_read_only,
        "start_read_only": choice.starts_read_only,
        "production": choice.is_production,
    }
    sources = {**choice.sources, "password": source_of(choice.profile, os.environ)}
    own = f"profile {choice.profile_name!r}" if choice.profile else "default"
    connection = [{"key": key, "value": value, "source": sources.get(key, own)} for key, value in values.items()]
    return connection + _settings(choice.settings, choice.sources)


def _settings(settings: Settings, sources: Mapping[str, str]) -> list[dict[str, object]]:
    return [
        {"key": field.name, "value": getattr(settings, field.name), "source": sources.get(field.name, "default")}
        for field in fields(Settings)
        if field.name != "profile"
    ]
