"""The use cases of rule sets: which there are, where they come from, importing, withdrawing.

Rule sets belong to the whole instance: everybody may see them, only the service provider's
account (or its command line) may import or withdraw.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import CallerKind, Principal
from gateway.access.service import audit, operator_tenant
from gateway.core.clock import BusinessClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.pool import ComputePool
from gateway.validation.rule_errors import (
    HASH_DIFFERS,
    ID_TAKEN,
    IMPORT_REFUSED,
    MANIFEST_REFUSED,
    NOT_IMPORTED,
    NOT_OPERATOR,
    RULES_UNKNOWN,
    STILL_NEEDED,
)
from gateway.validation.rule_library import RuleFile, RuleLibrary
from gateway.validation.rule_package import Description, Package, described
from gateway.validation.rule_tables import RulesetEntry
from gateway.validation.rule_trial import trial_pool
from schematron.errors import ArtefactRefused, ManifestInvalid, UnknownRuleset
from schematron.manifest import Manifest, Ruleset, Source
from schematron.manifest_file import join
from schematron.manifest_text import write
from schematron.registry import Registry

__all__ = ["RuleService", "RulesetStatus"]

SCOPE: Final = "settings:write"


@dataclass(frozen=True, slots=True)
class RulesetStatus:
    """One rule set as it stands here.

    ``source`` is the one in use, None where no file is at hand; ``in_force`` is for the business
    date of today. ``newer`` is the id of the latest release known. ``imported_by`` and
    ``imported_at`` are set for sets that were imported.
    """

    ruleset: Ruleset
    source: Source | None
    in_force: bool
    newer: str | None
    imported_by: str | None = None
    imported_at: datetime | None = None


class RuleService:
    """Rule sets of one instance, for people and programs."""

    def __init__(self, *, database: Database, library: RuleLibrary, today: BusinessClock) -> None:
        self._database = database
        self._library = library
        self._today = today

    async def rulesets(self) -> list[RulesetStatus]:
        """All rule sets, in the order of the manifests."""
        registry = await self._library.registry()
        imports = await self._library.imports()
        return [self._status(registry, item, imports.get(item.id)) for item in registry.rulesets]

    async def find(self, ruleset_id: str) -> RulesetStatus:
        """One rule set; raises GatewayError RULES-UNKNOWN."""
        registry = await self._library.registry()
        try:
            ruleset = registry.ruleset(ruleset_id)
        except UnknownRuleset as error:
            raise GatewayError(RULES_UNKNOWN, str(error)) from None
        return self._status(registry, ruleset, (await self._library.imports()).get(ruleset_id))

    async def require_operator(self, caller: Principal) -> None:
        """Refuse everybody but the service provider; raises GatewayError RULES-OPERATOR."""
        caller.require(SCOPE)
        async with self._database.read() as session:
            operator = await operator_tenant(session)
        if operator is None or operator.id != caller.tenant_id:
            raise GatewayError(
                NOT_OPERATOR,
                "Rules judge the documents of every account here, so only the service provider's "
                "account may import or withdraw them, or 'gateway rules' on the machine.",
            )

    async def import_package(
        self, caller: Principal, package: Package, description: Description | None
    ) -> tuple[str, ...]:
        """Compile, try and keep the rule sets of a package; returns their ids.

        Raises GatewayError RULES-OPERATOR, RULES-IMPORT, RULES-MANIFEST, RULES-ID-TAKEN,
        RULES-HASH, and the pool's errors where the rules hang or swell.
        """
        await self.require_operator(caller)
        return await self._import(package, description, author=caller.actor, caller=caller)

    async def import_here(
        self, package: Package, description: Description | None, *, author: str
    ) -> tuple[str, ...]:
        """Import on behalf of whoever runs commands on this machine; raises as above."""
        caller = await self._operator_here(author)
        return await self._import(package, description, author=author, caller=caller)

    async def withdraw(self, caller: Principal, ruleset_id: str) -> None:
        """Take an imported rule set out of use; its files and the record of it stay.

        Every process leaves it out from its next document on. Raises GatewayError RULES-OPERATOR,
        RULES-UNKNOWN, RULES-NOT-IMPORTED, RULES-NEEDED.
        """
        await self.require_operator(caller)
        await self._withdraw(ruleset_id, author=caller.actor, caller=caller)

    async def withdraw_here(self, ruleset_id: str, *, author: str) -> None:
        """Withdraw on behalf of whoever runs commands on this machine; raises as above."""
        caller = await self._operator_here(author)
        await self._withdraw(ruleset_id, author=author, caller=caller)

    async def _withdraw(self, ruleset_id: str, *, author: str, caller: Principal | None) -> None:
        if ruleset_id not in await self._library.imports():
            status = await self.find(ruleset_id)
            raise GatewayError(
                NOT_IMPORTED,
                f"'{status.ruleset.id}' came with this release and was not imported. To leave it "
                "out, take it out of rulesets.toml in the folder that config_dir names.",
            )
        try:
            await self._library.require_whole(without=ruleset_id)
        except GatewayError as error:
            if error.kind is not MANIFEST_REFUSED:
                raise
            raise GatewayError(
                STILL_NEEDED,
                f"Other imported rule sets build on '{ruleset_id}': {error.message} Withdraw "
                "those first.",
            ) from None
        async with self._database.write() as session:
            await self._library.add_set(session, ruleset_id, "", author=author)
            if caller is not None:
                audit(session, caller, action="rules.withdrawn", object=ruleset_id)
        await self._library.refresh()

    async def _operator_here(self, author: str) -> Principal | None:
        """The service provider's account, for the audit log; None where nobody made one yet."""
        async with self._database.read() as session:
            operator = await operator_tenant(session)
        if operator is None:
            return None
        return Principal(operator.id, author, CallerKind.USER, frozenset())

    async def _import(
        self,
        package: Package,
        description: Description | None,
        *,
        author: str,
        caller: Principal | None,
    ) -> tuple[str, ...]:
        registry = await self._library.registry()
        known = Manifest(registry.rulesets, registry.schemas, registry.scenarios)
        wanted = described(package, description, known)
        await self._refuse_taken(wanted, registry)
        _refuse_dangling(wanted, known)
        built, files = await _build(package, wanted, author)
        ids = tuple(item.id for item in built.rulesets)
        async with self._database.write() as session:
            await self._library.keep(session, files)
            for ruleset, text in _texts(built):
                await self._library.add_set(session, ruleset.id, text, author=author)
                if caller is not None:
                    _record(session, caller, ruleset, package)
        await self._library.refresh()
        return ids

    async def _refuse_taken(self, wanted: Manifest, registry: Registry) -> None:
        imported = await self._library.imports()
        shipped = {x.id for x in registry.rulesets if x.id not in imported and not x.awaits_import}
        taken = sorted({item.id for item in wanted.rulesets} & shipped)
        if taken:
            raise GatewayError(
                ID_TAKEN,
                f"The id '{taken[0]}' belongs to a rule set of this release. Give the import an "
                "id of its own, in the same family if it is another version of it.",
            )

    def _status(
        self, registry: Registry, ruleset: Ruleset, entry: RulesetEntry | None
    ) -> RulesetStatus:
        try:
            source = registry.artefacts.choose(ruleset)
        except ArtefactRefused:
            source = None
        return RulesetStatus(
            ruleset=ruleset,
            source=source,
            in_force=ruleset.in_force(self._today.today()),
            newer=registry.newer(ruleset),
            imported_by=entry.author if entry else None,
            imported_at=entry.added_at if entry else None,
        )


async def _build(
    package: Package, wanted: Manifest, author: str
) -> tuple[Manifest, list[RuleFile]]:
    """Compile and try every rule set; gives the manifest to keep and all files it rests on."""
    origin = f"{package.name}, imported by {author}"
    files = [_file(package.name, package.content, origin)]
    rulesets = []
    pool = trial_pool()
    try:
        with tempfile.TemporaryDirectory(prefix="rules-") as folder:
            root = package.folder or await asyncio.to_thread(_unpack, package, Path(folder))
            for ruleset in wanted.rulesets:
                source, added = await _tried(pool, package, ruleset, root, origin)
                rulesets.append(replace(ruleset, sources=(source,)))
                files += added
    finally:
        await pool.close()
    return replace(wanted, rulesets=tuple(rulesets)), files


async def _tried(
    pool: ComputePool[bytes], package: Package, ruleset: Ruleset, root: Path | None, origin: str
) -> tuple[Source, list[RuleFile]]:
    source = ruleset.sources[0]
    data = _content(package, source.path)
    if source.sha256 and hashlib.sha256(data).hexdigest() != source.sha256:
        raise _differs(source.path, source.sha256, data)
    companions: dict[str, bytes] = {}
    for item in source.companions:
        companions[item.name] = _content(package, item.path)
        if hashlib.sha256(companions[item.name]).hexdigest() != item.sha256:
            raise _differs(item.path, item.sha256, companions[item.name])
    stylesheet = await pool.run(
        data, source.path, str(root) if root else None, companions, list(ruleset.syntax)
    )
    main = _file(source.path, stylesheet, origin)
    added = [main, *(_file(name, content, origin) for name, content in companions.items())]
    return replace(source, sha256=main.sha256), added


def _unpack(package: Package, folder: Path) -> Path | None:
    """Lay the files of a zip down for the compiler; a lone file has nothing to include."""
    if len(package.files) < 2:
        return None
    for name, content in package.files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise GatewayError(
                IMPORT_REFUSED,
                f"{package.name} has a file '{name[:100]}' that cannot be laid "
                f"down: {error.strerror}. Rename it.",
            ) from error
    return folder


def _content(package: Package, path: str) -> bytes:
    try:
        return package.files[path]
    except KeyError:
        raise GatewayError(
            IMPORT_REFUSED, f"{package.name} has no file '{path}' that its manifest names."
        ) from None


def _texts(manifest: Manifest) -> Iterable[tuple[Ruleset, str]]:
    """One manifest per rule set; the uses of a package stand in that of its last."""
    for ruleset in manifest.rulesets:
        uses = manifest.scenarios if ruleset is manifest.rulesets[-1] else ()
        yield ruleset, write(Manifest((ruleset,), (), uses))


def _refuse_dangling(wanted: Manifest, known: Manifest) -> None:
    """Refuse families and successors that nobody would find after the import."""
    replaced = {item.id for item in wanted.rulesets}
    others = tuple(item for item in known.rulesets if item.id not in replaced)
    try:
        join(replace(known, rulesets=others), [wanted])
    except ManifestInvalid as error:
        raise GatewayError(MANIFEST_REFUSED, str(error)) from error


def _record(session: AsyncSession, caller: Principal, ruleset: Ruleset, package: Package) -> None:
    facts: Mapping[str, str] = {"file": package.name, "sha256": ruleset.sources[0].sha256}
    audit(session, caller, action="rules.imported", object=ruleset.id, **facts)


def _file(name: str, content: bytes, origin: str) -> RuleFile:
    return RuleFile(hashlib.sha256(content).hexdigest(), name, origin, content)


def _differs(path: str, expected: str, data: bytes) -> GatewayError:
    return GatewayError(
        HASH_DIFFERS,
        f"The file {path} is not the one its manifest names: expected SHA-256 {expected}, found "
        f"{hashlib.sha256(data).hexdigest()}. Nothing was imported.",
    )
