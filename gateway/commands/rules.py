"""`gateway rules`: which rule sets there are, fetching official ones, importing and withdrawing.

Works on the instance's database and rule store; a running server takes over what changed with
its next document.
"""

import argparse
import asyncio
import getpass
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import OperationalError

from gateway.commands.refusal import EXIT_USAGE, Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.core import clock, schema
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.settings import Settings
from gateway.validation.rule_errors import STORE_FAILED
from gateway.validation.rule_library import RuleLibrary
from gateway.validation.rule_package import Description, from_path
from gateway.validation.rule_service import RuleService, RulesetStatus
from gateway.validation.rule_sources import Fetcher
from gateway.validation.rule_sync import Outcome, SyncResult, synchronise
from gateway.validation.rule_words import how_to_get, ruleset_json, ruleset_lines, sync_json
from schematron.errors import StoreFailed
from schematron.store import RuleStore

__all__ = ["declare"]

EXIT_INCOMPLETE: Final = 1


@dataclass(frozen=True, slots=True)
class _Instance:
    """What the commands work on."""

    settings: Settings
    database: Database
    library: RuleLibrary
    rules: RuleService


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs of the command."""
    verbs = parser.add_subparsers(required=True, metavar="WHAT")

    def add(name: str, work: "_Work", text: str) -> argparse.ArgumentParser:
        verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
        declare_config(verb)
        verb.add_argument("--json", action="store_true", help="print JSON for programs")
        verb.set_defaults(command=lambda options: _run(options, work))
        return verb

    sync = add("sync", _sync, "fetch the official rule files that are missing")
    sync.add_argument("--offline", action="store_true", help="use what this machine has only")
    add("list", _list, "list the rule sets, their dates and what is at hand")
    show = add("show", _show, "show one rule set in full")
    show.add_argument("id")
    withdraw = add("withdraw", _withdraw, "take an imported rule set out of use")
    withdraw.add_argument("id")
    _describe_import(add("import", _import, "import Schematron, a stylesheet, or a zip of them"))


def _describe_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="a .sch, .xslt or .zip file; see docs/rules.md")
    parser.add_argument("--id", help="id of the rule set, for a file without a manifest")
    parser.add_argument("--title", default="", help="its name for people")
    parser.add_argument("--publisher", default="", help="who wrote the rules")
    parser.add_argument("--version", default="", help="the publisher's version")
    parser.add_argument("--family", default="", help="the rules of which this is a version")
    parser.add_argument(
        "--syntax", action="append", default=[], help="documents it is for, such as ubl-invoice"
    )
    parser.add_argument(
        "--customization", action="append", default=[], help="CustomizationID that asks for it"
    )
    parser.add_argument(
        "--beside", action="append", default=[], help="family that judges those documents too"
    )
    parser.add_argument("--valid-from", type=date.fromisoformat, help="first day, as 2026-12-31")
    parser.add_argument("--valid-until", type=date.fromisoformat, help="last day")


_Work = Callable[[argparse.Namespace, _Instance], Awaitable[int]]


def _run(options: argparse.Namespace, work: _Work) -> int:
    async def run() -> int:
        async with _instance(options.config) as instance:
            return await work(options, instance)

    try:
        return asyncio.run(run())
    except GatewayError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return EXIT_INCOMPLETE
    except Unusable as error:
        print(f"gateway: {error}", file=sys.stderr)
        return error.exit_code


@asynccontextmanager
async def _instance(config: Path | None) -> AsyncIterator[_Instance]:
    settings = read_settings(config)
    database = Database(settings.database_url)
    library = RuleLibrary(
        database=database, folder=settings.rules_dir, config=settings.config_dir, now=clock.now
    )
    today = clock.BusinessClock(zone=ZoneInfo(settings.time_zone))
    try:
        try:
            settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            if database.is_postgresql:
                await schema.require_head(database)
            else:
                await schema.upgrade(database)
        except OperationalError as error:
            reason = str(error.orig).strip().partition("\n")[0]
            raise Unusable(
                f"cannot use the database (database.url): {reason}.", EXIT_USAGE
            ) from None
        except OSError as error:
            raise Unusable(
                f"cannot use the data folder (data_dir): {error.strerror}.", EXIT_USAGE
            ) from None
        yield _Instance(
            settings,
            database,
            library,
            RuleService(database=database, library=library, today=today),
        )
    finally:
        await database.close()


async def _sync(options: argparse.Namespace, instance: _Instance) -> int:
    registry = await instance.library.registry()
    store = RuleStore(instance.settings.rules_dir)
    with tempfile.TemporaryDirectory(prefix="rules-") as folder:
        fetcher = Fetcher(instance.settings.rules, folder=Path(folder), offline=options.offline)
        try:
            result = await synchronise(registry, store, fetcher, ask_for_newer=not options.offline)
        except StoreFailed as error:
            raise GatewayError(STORE_FAILED, str(error)) from error
    async with instance.database.write() as session:
        await instance.library.keep(session, result.files)
    await instance.library.refresh()
    if options.json:
        print(json.dumps(sync_json(result), indent=2))
    else:
        _print_sync(result)
    return 0 if result.complete else EXIT_INCOMPLETE


def _print_sync(result: SyncResult) -> None:
    words = {
        Outcome.AT_HAND: "at hand",
        Outcome.FETCHED: "fetched",
        Outcome.FALLBACK: "re-implementation in use",
        Outcome.IMPORT: "to be imported",
        Outcome.MISSING: "missing",
    }
    wide = max(len(row.id) for row in result.rows)
    for row in result.rows:
        origin = row.source.partition(": ")[0]
        print(f"{row.id:{wide}}  {words[row.outcome]}{f' ({origin})' if origin else ''}")
        if row.reason:
            print(f"{'':{wide}}  {row.reason}")
    for item in result.renewals:
        print(f"newer: {item.carrier} has a later version, {item.latest}")


async def _list(options: argparse.Namespace, instance: _Instance) -> int:
    found = await instance.rules.rulesets()
    if options.json:
        print(json.dumps([ruleset_json(item) for item in found], indent=2))
        return 0
    wide = max(len(item.ruleset.id) for item in found)
    for item in found:
        print(f"{item.ruleset.id:{wide}}  {_standing(item)}")
    return 0


def _standing(status: RulesetStatus) -> str:
    ruleset, source = status.ruleset, status.source
    parts = [f"{ruleset.title}, {ruleset.publisher} {ruleset.version}".rstrip(", ")]
    if ruleset.valid_from or ruleset.valid_until:
        parts.append(f"{ruleset.valid_from or '…'} to {ruleset.valid_until or '…'}")
    if source is None:
        parts.append(f"not at hand: {how_to_get(ruleset)}")
    elif status.imported_by:
        parts.append(f"imported by {status.imported_by}")
    else:
        parts.append(f"{source.authority.value} from {source.origin}")
    if status.newer:
        parts.append(f"newer: {status.newer}")
    return "; ".join(parts)


async def _show(options: argparse.Namespace, instance: _Instance) -> int:
    status = await instance.rules.find(options.id)
    if options.json:
        print(json.dumps(ruleset_json(status), indent=2))
    else:
        print("\n".join(ruleset_lines(status)))
    return 0


async def _import(options: argparse.Namespace, instance: _Instance) -> int:
    description = None
    if options.id is not None:
        description = Description(
            id=options.id,
            title=options.title,
            publisher=options.publisher,
            version=options.version,
            family=options.family,
            syntax=tuple(options.syntax),
            customizations=tuple(options.customization),
            beside=tuple(options.beside),
            valid_from=options.valid_from,
            valid_until=options.valid_until,
        )
    package = await asyncio.to_thread(from_path, options.path)
    ids = await instance.rules.import_here(package, description, author=_author())
    found = [await instance.rules.find(name) for name in ids]
    if options.json:
        print(json.dumps([ruleset_json(item) for item in found], indent=2))
    else:
        for item in found:
            print("\n".join(ruleset_lines(item)))
    return 0


async def _withdraw(options: argparse.Namespace, instance: _Instance) -> int:
    await instance.rules.withdraw_here(options.id, author=_author())
    if options.json:
        print(json.dumps({"id": options.id, "withdrawn": True}))
    else:
        print(f"{options.id} is withdrawn; servers leave it out from their next document on.")
    return 0


def _author() -> str:
    return f"{getpass.getuser()} (command line)"
