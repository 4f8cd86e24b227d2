"""``gateway add-user``: a person who may sign in to the console, and the account if it is new."""

import argparse
import asyncio
import getpass
import os
import re
import sys
from typing import Final

from gateway.access.roles import Role
from gateway.commands.instance import opened
from gateway.commands.refusal import EXIT_FAILED, EXIT_USAGE, Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.core.settings import Settings

__all__ = ["declare"]

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    declare_config(parser)
    parser.add_argument("email", type=_email)
    parser.add_argument("--tenant", required=True, type=_slug, help="short name of the account")
    parser.add_argument("--tenant-name", help="create the account with this name if it is new")
    parser.add_argument("--role", choices=[one.value for one in Role], default=Role.OWNER.value)
    parser.set_defaults(command=_add_user)


def _add_user(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    return asyncio.run(_add(settings, options, password=_password()))


async def _add(settings: Settings, options: argparse.Namespace, *, password: str) -> int:
    actor = f"{getpass.getuser()} (command line)"
    async with opened(settings) as gateway:
        tenant = await gateway.access.find_tenant(options.tenant)
        if tenant is None and options.tenant_name:
            tenant = await gateway.access.create_tenant(
                slug=options.tenant, name=options.tenant_name, actor=actor
            )
        if tenant is None:
            print(
                f"gateway: there is no account '{options.tenant}'; "
                "create it with --tenant-name NAME",
                file=sys.stderr,
            )
            return EXIT_FAILED
        await gateway.access.create_user(
            tenant_id=tenant.id,
            email=options.email,
            password=password,
            role=Role(options.role),
            actor=actor,
        )
    print(f"{options.email} may sign in at {settings.public_url}/sign-in")
    return 0


def _password() -> str:
    given = os.environ.get("GATEWAY_PASSWORD")
    if given:
        return given
    try:
        return getpass.getpass("Password: ")
    except EOFError:
        raise Unusable(
            "there is no password: type it in a terminal, or set GATEWAY_PASSWORD.", EXIT_USAGE
        ) from None


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no e-mail address")
    return text


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not made of a-z, 0-9 and '-'")
    return text
