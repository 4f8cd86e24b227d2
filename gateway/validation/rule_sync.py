"""Brings the files that the manifests name and that are missing here into the rule store.

For every rule set the first of its sources that can be had is enough, in the manifest's order; a
file is taken only if its SHA-256 is the one named. What could not be had is reported, never
replaced by something else.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.core.errors import GatewayError
from gateway.validation.rule_archive import take_from_file
from gateway.validation.rule_errors import HASH_DIFFERS
from gateway.validation.rule_library import RuleFile
from gateway.validation.rule_sources import Carrier, Fetcher, is_newer
from schematron.errors import ArtefactRefused
from schematron.manifest import Ruleset, Schema, Source
from schematron.registry import Registry
from schematron.store import RuleStore

__all__ = ["Outcome", "Renewal", "Row", "SyncResult", "synchronise"]


class Outcome(StrEnum):
    """How it stands with the files of one rule set or schema after a run."""

    AT_HAND = "at-hand"
    FETCHED = "fetched"
    FALLBACK = "fallback"
    IMPORT = "import"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Row:
    """One rule set (or schema): what will be used, and why nothing better could be had."""

    id: str
    outcome: Outcome
    source: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A package or artefact of which a later version exists than the one the manifest names."""

    carrier: str
    latest: str


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a run found and brought."""

    rows: tuple[Row, ...]
    files: tuple[RuleFile, ...]
    renewals: tuple[Renewal, ...]

    @property
    def complete(self) -> bool:
        """Whether every file that can be fetched is at hand."""
        return not any(row.reason for row in self.rows)


@dataclass(slots=True)
class _Run:
    """Archives already brought or already refused; lives for one run."""

    registry: Registry
    store: RuleStore
    fetcher: Fetcher
    archives: dict[Carrier, Path | GatewayError] = field(default_factory=dict)
    files: dict[str, RuleFile] = field(default_factory=dict)


async def synchronise(
    registry: Registry, store: RuleStore, fetcher: Fetcher, *, ask_for_newer: bool = True
) -> SyncResult:
    """Fetch what is missing into the store and say how it stands with every rule set and schema.

    ``files`` of the result are those brought now or lying in the store already, for the database.
    Raises GatewayError only where the store itself fails; sources that fail are rows.
    """
    run = _Run(registry, store, fetcher)
    rows = [await _ruleset(run, item) for item in registry.rulesets]
    rows += [await _schema(run, item) for item in registry.schemas]
    renewals = await _renewals(fetcher, registry) if ask_for_newer else ()
    return SyncResult(tuple(rows), tuple(run.files.values()), renewals)


async def _ruleset(run: _Run, ruleset: Ruleset) -> Row:
    reasons: list[str] = []
    for source in ruleset.sources:
        if source.kind == "file" and not source.sha256:
            continue
        if await asyncio.to_thread(_at_hand, run, source):
            outcome = Outcome.FALLBACK if source.kind == "authored" else Outcome.AT_HAND
            return Row(ruleset.id, outcome, source.label, "; ".join(reasons))
        if source.kind in ("authored", "file"):
            continue
        try:
            await _bring(run, source)
        except GatewayError as error:
            reasons.append(error.message)
            continue
        # What an earlier source lacks is no fault where another carries the same rules.
        return Row(ruleset.id, Outcome.FETCHED, source.label)
    if ruleset.awaits_import:
        return Row(ruleset.id, Outcome.IMPORT)
    return Row(ruleset.id, Outcome.MISSING, reason="; ".join(reasons) or _damaged(ruleset))


async def _schema(run: _Run, schema: Schema) -> Row:
    row = Row(schema.id, Outcome.AT_HAND, schema.label)
    if await asyncio.to_thread(_schema_at_hand, run, schema):
        return row
    wanted = [
        Source("package", f"{schema.folder}/{name}", schema.package, schema.version, digest)
        for name, digest in schema.files
        if digest
    ]
    try:
        await _bring(run, *wanted)
    except GatewayError as error:
        return Row(schema.id, Outcome.MISSING, reason=error.message)
    return Row(schema.id, Outcome.FETCHED, schema.label)


def _at_hand(run: _Run, source: Source) -> bool:
    """Whether all files of a source are here and unchanged; notes those that lie in the store."""
    artefacts = run.registry.artefacts
    if not artefacts.has(source):
        return False
    if source.kind == "authored":
        return True
    try:
        artefacts.stylesheet(source)
        artefacts.companions(source)
    except ArtefactRefused:
        return False
    _note_stored(run, source)
    return True


def _schema_at_hand(run: _Run, schema: Schema) -> bool:
    if not run.registry.artefacts.schema_available(schema):
        return False
    try:
        files = run.registry.artefacts.schema_files(schema)
    except ArtefactRefused:
        return False
    for name, digest in schema.files:
        if digest and run.store.has(digest):
            origin = f"{schema.package} {schema.version}"
            run.files[digest] = RuleFile(digest, name, origin, files[name])
    return True


def _note_stored(run: _Run, source: Source) -> None:
    for path, digest in _files_of(source):
        if run.store.has(digest):
            content = run.store.read(digest, name=path)
            run.files[digest] = RuleFile(digest, _name(path), source.origin, content)


async def _bring(run: _Run, *sources: Source) -> None:
    """Take all files of sources in one carrier out of it, check them, and store them."""
    carrier = _carrier(sources[0])
    archive = await _archive(run, carrier)
    wanted = {path: digest for source in sources for path, digest in _files_of(source)}
    found = await asyncio.to_thread(_contents, archive, wanted)
    for path, digest in wanted.items():
        actual = hashlib.sha256(found[path]).hexdigest()
        if actual != digest:
            raise GatewayError(
                HASH_DIFFERS,
                f"The file {_name(path)} of {carrier.label} is not the one the manifest names: "
                f"expected SHA-256 {digest}, found {actual}. It was not taken.",
            )
    for path, digest in wanted.items():
        await asyncio.to_thread(run.store.put, found[path])
        run.files[digest] = RuleFile(digest, _name(path), carrier.label, found[path])


async def _archive(run: _Run, carrier: Carrier) -> Path:
    known = run.archives.get(carrier)
    if known is None:
        try:
            known = await run.fetcher.fetch(carrier)
        except GatewayError as error:
            known = error
        run.archives[carrier] = known
    if isinstance(known, GatewayError):
        raise known
    return known


def _contents(archive: Path, wanted: Iterable[str]) -> dict[str, bytes]:
    """The named files; a release that is no archive is itself the one file without a name."""
    names = list(wanted)
    if names == [""]:
        return {"": archive.read_bytes()}
    return take_from_file(archive, names)


async def _renewals(fetcher: Fetcher, registry: Registry) -> tuple[Renewal, ...]:
    carriers = {
        _carrier(source)
        for ruleset in registry.rulesets
        for source in ruleset.sources
        if source.kind in ("package", "maven")
    }
    found = []
    for carrier in sorted(carriers, key=lambda item: item.label):
        latest = await fetcher.latest(carrier)
        if latest is not None and is_newer(latest, carrier.version):
            found.append(Renewal(carrier.label, latest))
    return tuple(found)


def _carrier(source: Source) -> Carrier:
    if source.kind == "url":
        return Carrier(source.kind, source.url, "")
    return Carrier(source.kind, source.package, source.version)


def _files_of(source: Source) -> list[tuple[str, str]]:
    companions = [(item.path, item.sha256) for item in source.companions]
    return [(source.path, source.sha256), *companions]


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _damaged(ruleset: Ruleset) -> str:
    return f"No source of {ruleset.id} is at hand or can be fetched."
