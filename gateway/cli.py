"""The command line: serve, migrate, people and keys, evidence, and the demonstration."""

import argparse
import asyncio
import getpass
import json
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import ValidationError

from gateway import __version__
from gateway.access.roles import Role
from gateway.app import all_routes, open_gateway
from gateway.core import schema, telemetry
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.settings import Settings, load_settings
from gateway.demo.story import PATIENCE_S, run_demo
from gateway.exchange.evidence_check import check_evidence
from gateway.web import openapi
from gateway.web.server import listening, stop_signal

__all__ = ["main"]

log = structlog.get_logger(__name__)

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 failed, 2 wrong use or settings)."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except GatewayError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return EXIT_FAILED
    except ValidationError as error:
        print(f"gateway: the settings are wrong:\n{error}", file=sys.stderr)
        return EXIT_USAGE
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
    add_configured("check", _check, "print the settings in use and test what they point to")
    person = add_configured("add-user", _add_user, "let a person sign in to the console")
    person.add_argument("email")
    person.add_argument("--tenant", required=True, help="short name of the account")
    person.add_argument("--tenant-name", help="create the account with this name if it is new")
    person.add_argument("--role", choices=[one.value for one in Role], default=Role.OWNER.value)
    evidence = add("evidence", _evidence, "verify an evidence bundle")
    evidence.add_argument("bundle", type=Path)
    add("openapi", _openapi, "print the description of the API (OpenAPI 3.1)")
    demo = add("demo", _demo, "two gateways and an SMP exchange real messages on this machine")
    demo.add_argument("--once", action="store_true", help="tell the story once and stop")
    demo.add_argument("--data", type=Path, default=Path("demo-data"), help="data folder")
    demo.add_argument(
        "--cut",
        choices=("receipt", "mls", "response"),
        help="withhold one kind of answer, to see the story fail at that step",
    )
    demo.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_S,
        metavar="SECONDS",
        help="how long a step may take (default: %(default)s)",
    )
    return parser


def _serve(options: argparse.Namespace) -> int:
    settings = load_settings(options.config)
    telemetry.configure(level=settings.log_level)
    return _run(_serving(settings, options.only))


async def _serving(settings: Settings, only: str | None) -> int:
    async with open_gateway(settings) as gateway, AsyncExitStack() as running:
        stop = running.enter_context(stop_signal())
        gateway.platform.pool.start()
        working = None
        if only != "web":
            working = asyncio.create_task(gateway.worker.run())
        if only != "work":
            await running.enter_async_context(
                listening(gateway.web, host=settings.http.host, port=settings.http.port)
            )
        log.info("gateway.ready", stage=settings.stage.value, url=settings.public_url)
        await _until_stopped(stop, working)
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
    settings = load_settings(options.config)

    async def migrate() -> int:
        database = Database(settings.database_url)
        try:
            await schema.upgrade(database)
        finally:
            await database.close()
        return 0

    return _run(migrate())


def _check(options: argparse.Namespace) -> int:
    settings = load_settings(options.config)
    telemetry.configure(level="ERROR")
    print(settings.model_dump_json(indent=2))

    async def check() -> int:
        async with open_gateway(settings) as gateway:
            gateway.platform.pool.start()
            while not gateway.platform.pool.ready:
                await asyncio.sleep(0.1)
            readiness = await gateway.health.readiness()
        for one in readiness.checks:
            print(f"{'ok  ' if one.ok else 'FAIL'} {one.name} {one.reason}".rstrip())
        return 0 if readiness.ready else EXIT_FAILED

    return _run(check())


def _add_user(options: argparse.Namespace) -> int:
    settings = load_settings(options.config)
    password = os.environ.get("GATEWAY_PASSWORD") or getpass.getpass("Password: ")

    async def add() -> int:
        async with open_gateway(settings) as gateway:
            tenant = await gateway.access.find_tenant(options.tenant)
            if tenant is None and options.tenant_name:
                tenant = await gateway.access.create_tenant(
                    slug=options.tenant, name=options.tenant_name
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
            )
        print(f"{options.email} may sign in at {settings.public_url}/sign-in")
        return 0

    return _run(add())


def _evidence(options: argparse.Namespace) -> int:
    checks = check_evidence(options.bundle.read_bytes())
    for one in checks:
        mark = "ok  " if one.holds else "FAIL"
        print(f"{mark} {one.subject}: {one.statement} {one.reason}".rstrip())
    return 0 if all(one.holds for one in checks) else EXIT_FAILED


def _openapi(_options: argparse.Namespace) -> int:
    print(json.dumps(openapi.document(all_routes()), indent=2))
    return 0


def _demo(options: argparse.Namespace) -> int:
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
