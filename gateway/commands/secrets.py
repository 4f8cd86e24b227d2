"""``gateway secrets``: which keys have sealed stored secrets, and sealing all under a new one.

Shows names of keys and counts, never a key or a secret.
"""

import argparse
import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from sqlalchemy.exc import OperationalError

import gateway.app  # noqa: F401 - every table must be known before it is asked what is sealed
from gateway.commands.refusal import EXIT_FAILED, Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.core import clock, schema
from gateway.core.database import Database
from gateway.core.sealing import count_by_key, open_vault
from gateway.core.settings import Settings
from gateway.core.vault import Vault
from gateway.core.vault_keys import add_key

__all__ = ["declare"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs of the command."""
    verbs = parser.add_subparsers(required=True, metavar="WHAT")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> None:
        verb = verbs.add_parser(name, help=text, description=text)
        declare_config(verb)
        verb.set_defaults(command=command)

    add("list", _list, "say how many secrets each key has sealed, and which keys are missing")
    add("rotate", _rotate, "make a new key and seal every secret under it")


def _list(options: argparse.Namespace) -> int:
    return asyncio.run(_listed(read_settings(options.config)))


def _rotate(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    add_key(settings)
    return asyncio.run(_listed(settings))


async def _listed(settings: Settings) -> int:
    """Seal what is due, then print a line per key; EXIT_FAILED when a key is missing."""
    try:
        async with AsyncExitStack() as closing:
            database = Database(settings.database_url)
            closing.push_async_callback(database.close)
            await schema.require_head(database)
            vault = await open_vault(settings, database, now=clock.now)
            async with database.read() as session:
                counts = await count_by_key(session)
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise Unusable(f"cannot use the database (database.url, data_dir): {reason}.") from None
    for name in (*vault.key_ids, *sorted(set(counts) - set(vault.key_ids))):
        number = counts.get(name, 0)
        noun = "secret " if number == 1 else "secrets"
        print(f"{name}  {number:>5} {noun}  {_role(vault, name)}")
    return 0 if set(counts) <= set(vault.key_ids) else EXIT_FAILED


def _role(vault: Vault, name: str) -> str:
    if name == vault.current:
        return "seals"
    return "opens" if name in vault.key_ids else "MISSING: restore it from its backup"
