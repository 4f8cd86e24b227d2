"""``gateway check``: the settings in use, and whether what they point to works. Changes nothing."""

import argparse
import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from sqlalchemy.exc import OperationalError

import gateway.app  # noqa: F401 - every table must be known before it is asked what is sealed
from gateway.access.audit import Anchor, AuditVerdict, verify_chain
from gateway.assembly.platform import blobs_of, pool_of
from gateway.commands.refusal import EXIT_FAILED
from gateway.commands.settings import declare_config, read_settings
from gateway.core import clock, health, schema, telemetry
from gateway.core.blob_format import BlobRef
from gateway.core.blobs import BLOB_MISSING
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.health import Check, Health
from gateway.core.ids import new_id
from gateway.core.sealing import look_through
from gateway.core.settings import Settings, Stage
from gateway.core.vault import SECRET_DAMAGED, SECRET_KEY_MISSING, Vault
from gateway.core.vault_keys import keys_of
from gateway.exchange.statistics.recount import recount_check
from gateway.network.keys import FileKeys
from gateway.network.pkcs11 import token_of
from gateway.network.pki import TrustAnchors
from schematron import registry
from schematron.errors import ManifestInvalid

__all__ = ["declare"]

NOT_MADE: Final = ErrorKind("CHECK-NOT-MADE", "This is not there yet", 500)
RULES_UNREADABLE: Final = ErrorKind("CHECK-RULES", "The rule sets cannot be read", 500)
AUDIT_BROKEN: Final = ErrorKind("AUDIT-BROKEN", "The audit log was changed", 500)

_AUDIT_LIMIT_S: Final = 3600.0
_ROWS_NAMED: Final = 5
_EMPTY_SHA256: Final = "0" * 64
_WAYS: Final = {
    "changed": "entry {number} is not as it was written",
    "missing": "entry {number} is missing",
    "added": "entry {number} was added behind the end of the chain",
    "cut-off": "everything from entry {number} on is missing",
    "anchor": "entry {number} is not what the anchor says it was",
}


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    declare_config(parser)
    parser.add_argument(
        "--audit", action="store_true", help="recompute the audit log's chain of hashes as well"
    )
    parser.add_argument(
        "--anchor",
        metavar="NUMBER:HASH",
        help="an earlier end of the audit log that was kept elsewhere (log line audit.anchor)",
    )
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    """Print the settings and one line per check; 0 when all hold."""
    settings = read_settings(options.config)
    telemetry.configure(level="ERROR")
    anchor = Anchor.parse(options.anchor) if options.anchor else None
    print(settings.model_dump_json(indent=2))
    with_audit = options.audit or anchor is not None
    return asyncio.run(_check(settings, with_audit=with_audit, anchor=anchor))


async def _check(settings: Settings, *, with_audit: bool, anchor: Anchor | None) -> int:
    async with AsyncExitStack() as closing:
        checks, database = await _checks(settings, closing)
        readiness = await Health(checks, limit_s=settings.validation.timeout_s).readiness()
        if with_audit and database is not None:
            audited = [_audit_check(database, anchor)]
            found = await Health(audited, limit_s=_AUDIT_LIMIT_S).readiness()
            readiness.checks += found.checks
            readiness.ready = readiness.ready and found.ready
    for one in readiness.checks:
        print(f"{'ok  ' if one.ok else 'FAIL'} {one.name} {one.reason}".rstrip())
    return 0 if readiness.ready else EXIT_FAILED


async def _checks(
    settings: Settings, closing: AsyncExitStack
) -> tuple[list[Check], Database | None]:
    """What can be looked at; the database only where there is one, for opening makes the file."""

    checks = [
        Check("rules", lambda: asyncio.to_thread(_rules, settings)),
        Check("trust", lambda: asyncio.to_thread(_trust, settings)),
    ]
    pool = pool_of(settings)
    closing.push_async_callback(pool.close)
    pool.start()
    checks.append(Check("validation pool", lambda: _started(pool, settings)))
    if settings.data_dir.is_dir():
        checks.append(health.disk_check(settings.data_dir))
        checks.append(Check("blobs", lambda: _blobs(settings)))
    else:
        checks.append(_absent("data folder", f"{settings.data_dir} is not there"))
    database = Database(settings.database_url)
    closing.push_async_callback(database.close)
    place = Path(database.url.database or "")
    if not database.is_postgresql and not await asyncio.to_thread(place.is_file):
        checks.append(_absent("database", "There is no database yet"))
        return checks, None
    checks += [Check("database", lambda: _answers(database)), health.schema_check(database)]
    checks.append(Check("secrets", lambda: _secrets(settings, database)))
    checks.append(recount_check(database, at=clock.now()))
    return checks, database


def _absent(name: str, what: str) -> Check:
    async def probe() -> None:
        raise GatewayError(NOT_MADE, f"{what}; run 'gateway migrate' or 'gateway serve' once.")

    return Check(name, probe)


async def _answers(database: Database) -> None:
    try:
        await database.ping()
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise GatewayError(schema.SCHEMA_BEHIND, f"The database: {reason}.") from None


def _rules(settings: Settings) -> None:
    try:
        registry.load(settings.config_dir, store=settings.rules_dir)
    except ManifestInvalid as error:
        raise GatewayError(RULES_UNREADABLE, str(error)) from None


def _trust(settings: Settings) -> None:
    """Anchors and keys can be read; outside production they are made at the first start."""

    if settings.stage is not Stage.PRODUCTION and not settings.trust_dir.exists():
        return
    TrustAnchors.from_folder(settings.trust_dir)
    keys = FileKeys(settings.keys_dir, token_of(settings.keys))
    for seat_id in keys.seats():
        keys.ring(seat_id)


async def _blobs(settings: Settings) -> None:
    """The place answers when asked for bytes that are not there; nothing is written."""

    if not settings.blobs.url and not (settings.data_dir / "blobs").is_dir():
        return  # made at the first start
    try:
        await blobs_of(settings).open(BlobRef(new_id(), _EMPTY_SHA256, 0))
    except GatewayError as error:
        if error.kind is not BLOB_MISSING:
            raise


async def _secrets(settings: Settings, database: Database) -> None:
    """Every stored secret opens with the keys at hand."""
    await schema.require_head(database)
    vault = Vault(await asyncio.to_thread(keys_of, settings))
    async with database.read() as session:
        found = await look_through(session, vault)
    keys = f"{vault.current} seals, {len(vault.key_ids) - 1} more open" if vault.current else "none"
    print(f"keys of secrets: {keys}; stored secrets that open: {found.opened}")
    if found.missing:
        absent = ", ".join(f"{name} ({number})" for name, number in sorted(found.missing.items()))
        raise GatewayError(
            SECRET_KEY_MISSING,
            f"Stored secrets are sealed under keys that are not here: {absent}. Restore "
            f"{settings.secret_key_file} from its backup, or give them in secrets.keys.",
        )
    if found.damaged:
        left = len(found.damaged) - _ROWS_NAMED
        rows = ", ".join(found.damaged[:_ROWS_NAMED]) + (f" and {left} more" if left > 0 else "")
        raise GatewayError(
            SECRET_DAMAGED,
            f"What is stored in these rows opens with no key: {rows}. Enter or draw those secrets "
            "anew, or restore the rows from a backup.",
        )


async def _started(pool: Any, settings: Settings) -> None:
    # Without rules its processes never start, and that is known at once.
    await asyncio.to_thread(_rules, settings)
    while not pool.ready:  # noqa: ASYNC110 - the pool tells nobody, the check's limit ends it
        await asyncio.sleep(0.1)


def _audit_check(database: Database, anchor: Anchor | None) -> Check:
    async def probe() -> None:
        async with database.read() as session:
            found = await verify_chain(session, anchor=anchor)
        if not found.holds:
            raise GatewayError(AUDIT_BROKEN, _broken(found))
        print(f"audit log: {found.checked} entries, head {found.head}")

    return Check("audit", probe)


def _broken(found: AuditVerdict) -> str:
    way = _WAYS[found.reason].format(number=found.broken_at)
    return (
        f"The audit log holds up to entry {found.checked}, then {way}. "
        "Keep this database as evidence and compare it with the last backup."
    )
