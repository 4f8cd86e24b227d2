"""The command line: serve, migrate, people and keys, evidence, and the demonstration.

What only a server needs is loaded by the commands that run one: it takes two seconds, which whoever
checks a single invoice would wait for nothing.
"""

import argparse
import asyncio
import getpass
import json
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy.exc import OperationalError

from gateway import __version__
from gateway.access.roles import Role
from gateway.commands import (
    check,
    codes,
    convert,
    json_schema,
    lookup,
    onboarding,
    pki,
    render,
    rules,
    secrets,
    statistics,
    validate,
)
from gateway.commands.settings import EXIT_FAILED, EXIT_USAGE, Unusable, read_settings
from gateway.core import schema, telemetry
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.settings import Settings
from gateway.demo.cuts import CUTS, PATIENCE_S

if TYPE_CHECKING:
    from gateway.app import Gateway

__all__ = ["main"]

log = structlog.get_logger(__name__)


EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 failed, 2 wrong use or settings)."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except GatewayError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return EXIT_FAILED
    except Unusable as error:
        print(f"gateway: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway", description="Peppol Gateway: electronic invoices, sent and received."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> Any:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(command=command)
        return found

    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument("--config", type=Path, help="settings file (TOML)")

    def add_configured(name: str, command: Callable[[argparse.Namespace], int], text: str) -> Any:
        found = commands.add_parser(name, help=text, description=text, parents=[configured])
        found.set_defaults(command=command)
        return found

    serve = add_configured("serve", _serve, "run the server and the background work")
    serve.add_argument(
        "--only", choices=("web", "work"), help="run just one half, for several processes"
    )
    add_configured("migrate", _migrate, "bring the database schema to this version")
    check.register(add_configured)
    lookup.register(add_configured)
    onboarding.register(add_configured)
    person = add_configured("add-user", _add_user, "let a person sign in to the console")
    person.add_argument("email", type=_email)
    person.add_argument("--tenant", required=True, type=_slug, help="short name of the account")
    person.add_argument("--tenant-name", help="create the account with this name if it is new")
    person.add_argument("--role", choices=[one.value for one in Role], default=Role.OWNER.value)
    add_configured(
        "rotate-link-key", _rotate_link_key, "sign payment links with a fresh key from now on"
    )
    codes.register(commands)
    convert.register(commands)
    pki.register(commands)
    render.register(commands)
    rules.register(commands)
    secrets.register(commands, configured)
    statistics.register(commands)
    validate.register(commands)
    json_schema.register(commands)
    evidence = add("evidence", _evidence, "verify an evidence bundle")
    evidence.add_argument("bundle", type=Path)
    add("openapi", _openapi, "print the description of the API (OpenAPI 3.1)")
    demo = add(
        "demo",
        _demo,
        "an invoice from sending to payment, on this machine",
    )
    demo.add_argument("--once", action="store_true", help="tell the story once and stop")
    demo.add_argument("--data", type=Path, default=Path("demo-data"), help="data folder")
    demo.add_argument(
        "--cut",
        choices=CUTS,
        help="withhold one message, or the mail server, to see the story fail at that step",
    )
    demo.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_S,
        metavar="SECONDS",
        help="how long a step may take (default: %(default)s)",
    )
    return parser


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Turn what keeps a command from beginning into a sentence; later faults keep their trace."""
    try:
        yield
    except OSError as error:
        about = f": {error.filename}" if error.filename else ""
        raise Unusable(f"cannot use {place}: {error.strerror or error}{about}.") from None
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise Unusable(f"cannot use the database (database.url, data_dir): {reason}.") from None


@asynccontextmanager
async def _opened(settings: Settings) -> "AsyncIterator[Gateway]":
    from gateway.app import open_gateway

    async with AsyncExitStack() as closing:
        with _explained("the data folder (data_dir)"):
            gateway = await closing.enter_async_context(open_gateway(settings))
        yield gateway


def _serve(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    telemetry.configure(level=settings.log_level)
    return _run(_serving(settings, options.only))


async def _serving(settings: Settings, only: str | None) -> int:
    from gateway.web.server import listening, stop_signal

    async with _opened(settings) as gateway:
        # From here on it would tell of every look at the schema, one per readiness probe.
        logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
        gateway.platform.pool.start()
        working = asyncio.create_task(gateway.worker.run()) if only != "web" else None
        try:
            async with AsyncExitStack() as serving:
                stop = serving.enter_context(stop_signal())
                if only != "work":
                    host, port = settings.http.host, settings.http.port
                    with _explained(f"http.host {host} with http.port {port}"):
                        await serving.enter_async_context(
                            listening(gateway.web, host=host, port=port)
                        )
                log.info("gateway.ready", stage=settings.stage.value, url=settings.public_url)
                await _until_stopped(stop, working)
                # No new work from here on, while the requests that are under way still end.
                gateway.worker.stop()
        finally:
            gateway.worker.stop()
            if working is not None:
                await working
    return 0


async def _until_stopped(stop: asyncio.Event, working: asyncio.Task[None] | None) -> None:
    """Wait for a signal; a worker that ends by itself ends the process with its error."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait(
        {waiting, working} if working else {waiting}, return_when=asyncio.FIRST_COMPLETED
    )
    waiting.cancel()


def _migrate(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)

    async def migrate() -> int:
        with _explained("the data folder (data_dir)"):
            settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            database = Database(settings.database_url)
            try:
                await schema.upgrade(database)
            finally:
                await database.close()
        return 0

    return _run(migrate())


def _add_user(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    password = _password()
    actor = f"{getpass.getuser()} (command line)"

    async def add() -> int:
        async with _opened(settings) as gateway:
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

    return _run(add())


def _rotate_link_key(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)

    async def rotate() -> int:
        async with _opened(settings) as gateway, gateway.platform.database.write() as session:
            number = await gateway.links.rotate(session)
        print(f"payment links are signed with key {number}; those already sent still open")
        return 0

    return _run(rotate())


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
    if not EMAIL.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no e-mail address")
    return text


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not made of a-z, 0-9 and '-'")
    return text


def _evidence(options: argparse.Namespace) -> int:
    from gateway.exchange.evidence_check import check_evidence

    with _explained("the bundle"), options.bundle.open("rb") as bundle:
        checks = check_evidence(bundle)
    for one in checks:
        mark = "ok  " if one.holds else "FAIL"
        print(f"{mark} {one.subject}: {one.statement} {one.reason}".rstrip())
    return 0 if all(one.holds for one in checks) else EXIT_FAILED


def _openapi(_options: argparse.Namespace) -> int:
    from gateway.app import all_routes
    from gateway.web import openapi

    print(json.dumps(openapi.document(all_routes()), indent=2))
    return 0


def _demo(options: argparse.Namespace) -> int:
    from gateway.demo.story import run_demo

    with _explained("the data folder (--data)"):
        options.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _run(
        run_demo(
            options.data.absolute(),
            once=options.once,
            cut=options.cut,
            patience_s=options.patience,
        )
    )


def _run(work: Coroutine[Any, Any, int]) -> int:
    return asyncio.run(work)


if __name__ == "__main__":
    sys.exit(main())
