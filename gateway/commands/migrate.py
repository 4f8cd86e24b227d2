"""``gateway migrate``: the database schema of this version, made or brought up to date."""

import argparse
import asyncio

from gateway.commands.settings import declare_config, explained, read_settings
from gateway.core import schema
from gateway.core.database import Database
from gateway.core.settings import Settings

__all__ = ["declare"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    declare_config(parser)
    parser.set_defaults(command=_migrate)


def _migrate(options: argparse.Namespace) -> int:
    asyncio.run(_upgrade(read_settings(options.config)))
    return 0


async def _upgrade(settings: Settings) -> None:
    with explained("the data folder (data_dir)"):
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = Database(settings.database_url)
        try:
            await schema.upgrade(database)
        finally:
            await database.close()
