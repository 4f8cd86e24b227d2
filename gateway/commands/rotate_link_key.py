"""``gateway rotate-link-key``: payment links are signed with a fresh key from now on."""

import argparse
import asyncio

from gateway.commands.instance import opened
from gateway.commands.settings import declare_config, read_settings
from gateway.core.settings import Settings

__all__ = ["declare"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    declare_config(parser)
    parser.set_defaults(command=_rotate_link_key)


def _rotate_link_key(options: argparse.Namespace) -> int:
    number = asyncio.run(_rotate(read_settings(options.config)))
    print(f"payment links are signed with key {number}; those already sent still open")
    return 0


async def _rotate(settings: Settings) -> int:
    async with opened(settings) as gateway, gateway.platform.database.write() as session:
        return await gateway.links.rotate(session)
