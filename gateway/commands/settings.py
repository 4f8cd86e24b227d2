"""The settings of a command, and what is said where no command can begin."""

import argparse
import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from gateway.commands.refusal import EXIT_USAGE, Unusable
from gateway.core.errors import GatewayError
from gateway.core.settings import Settings, load_settings

__all__ = ["declare_config", "explained", "read_settings"]

_ENVIRONMENT_PREFIX: Final = "GATEWAY__"


def declare_config(parser: argparse.ArgumentParser) -> None:
    """Declare the option that names the settings file."""
    parser.add_argument("--config", type=Path, help="settings file (TOML)")


def read_settings(config: Path | None) -> Settings:
    """The settings of this run, from a file and the environment.

    Raises Unusable with a line for each that is wrong.
    """
    sections = {name.casefold() for name in Settings.model_fields}
    for name in sorted(os.environ):
        setting = name.casefold().removeprefix(_ENVIRONMENT_PREFIX.casefold())
        if name.upper().startswith(_ENVIRONMENT_PREFIX) and setting.split("__")[0] not in sections:
            raise Unusable(f"the environment's {name} is no setting.", EXIT_USAGE)
    try:
        settings = load_settings(config)
    except ValidationError as error:
        wrong = "".join(f"\n  {_complaint(dict(one))}" for one in error.errors())
        raise Unusable(f"the settings are wrong:{wrong}", EXIT_USAGE) from None
    except GatewayError as error:
        raise Unusable(str(error), EXIT_USAGE) from None
    except SettingsError as error:
        raise Unusable(
            f"{error}; in the environment a list is written as JSON, "
            """such as GATEWAY__HTTP__TRUSTED_PROXIES='["10.0.0.10"]'.""",
            EXIT_USAGE,
        ) from None
    _refuse_addresses(settings)
    return settings


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn what keeps a command from beginning into a sentence; later faults keep their trace.

    Raises Unusable where ``place`` or the database cannot be used.
    """
    try:
        yield
    except OSError as error:
        about = f": {error.filename}" if error.filename else ""
        raise Unusable(f"cannot use {place}: {error.strerror or error}{about}.") from None
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise Unusable(f"cannot use the database (database.url, data_dir): {reason}.") from None


def _refuse_addresses(settings: Settings) -> None:
    try:
        make_url(settings.database_url)
    except (ArgumentError, ValueError):
        raise Unusable(
            "database.url is no address: use postgresql://user@host/name, "
            "or leave it empty for SQLite in data_dir.",
            EXIT_USAGE,
        ) from None
    try:
        for one in settings.http.trusted_proxies:
            ipaddress.ip_network(one, strict=False)
    except ValueError as error:
        raise Unusable(f"http.trusted_proxies: {error}.", EXIT_USAGE) from None


def _complaint(error: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"]) or "settings"
    unknown = error["type"] == "extra_forbidden"
    said = error["msg"].removeprefix("Value error, ")
    return f"{name}: {'there is no such setting' if unknown else said}"
