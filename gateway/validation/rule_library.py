"""The rules every process of an instance works with: the database is the truth, a folder its copy.

Files and imported manifests are rows that only grow, so their number tells one state from the
next. Each process copies what its folder lacks when it starts and when the number changed; the
rule workers see the folder change and read it again with their next document. Knows neither where
files come from nor what they say.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.ids import new_id
from gateway.core.jobs.dialect import insert_or_skip
from gateway.validation.rule_errors import MANIFEST_REFUSED, STORE_FAILED
from gateway.validation.rule_tables import RuleArtefact, RulesetEntry
from schematron import registry
from schematron.errors import ArtefactRefused, ManifestInvalid, StoreFailed
from schematron.manifest_file import join, parse, read
from schematron.registry import Registry
from schematron.store import RuleStore

__all__ = ["RuleFile", "RuleLibrary"]

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_LOOK_S: Final = 5.0
_NAME_LENGTH: Final = 300
_ORIGIN_LENGTH: Final = 600


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file to keep: its content, its name, and who published or imported it."""

    sha256: str
    name: str
    origin: str
    content: bytes


class RuleLibrary:
    """Rule files and imported sets of one instance: in its database, and in a folder here."""

    def __init__(
        self, *, database: Database, folder: Path, config: Path | None, now: MachineClock
    ) -> None:
        """``folder`` may be shared by processes; ``config`` is the configuration folder."""
        self._database = database
        self._store = RuleStore(folder)
        self._config = config
        self._now = now
        self._lock = asyncio.Lock()
        self._revision: tuple[int, int] | None = None
        self._registry: Registry | None = None

    async def refresh(self) -> None:
        """Bring the folder in step with the database; costs one small query when it is.

        The first call of a process also verifies the files that are there and replaces those that
        are no longer what they were. Raises GatewayError RULES-STORE, RULES-MANIFEST.
        """
        async with self._lock:
            async with self._database.read() as session:
                revision = await _revision(session)
                if revision == self._revision:
                    return
                await self._copy_files(session, verify=self._revision is None)
                current = {entry.ruleset_id: entry.manifest for entry in await _entries(session)}
            await _in_thread(self._copy_sets, current)
            self._registry = await _in_thread(registry.load, self._config, self._store.folder)
            self._revision = revision

    async def follow(self) -> None:
        """Keep the folder in step until cancelled; a database that is away is asked again."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.refresh()
            except (SQLAlchemyError, GatewayError, OSError) as error:
                log.warning("rules.not_refreshed", error=type(error).__name__)

    async def registry(self) -> Registry:
        """The rule sets as they are now; raises as ``refresh``."""
        await self.refresh()
        if self._registry is None:
            raise AssertionError("a refreshed library has a registry")
        return self._registry

    async def keep(self, session: AsyncSession, files: Iterable[RuleFile]) -> int:
        """Add files that are not kept yet, in the caller's transaction; tells how many were new."""
        before = await _count(session, RuleArtefact)
        for file in files:
            await session.exec(
                insert_or_skip(session, RuleArtefact).values(
                    sha256=file.sha256,
                    file_name=file.name[:_NAME_LENGTH],
                    origin=file.origin[:_ORIGIN_LENGTH],
                    size=len(file.content),
                    content=file.content,
                    added_at=self._now(),
                )
            )
        return await _count(session, RuleArtefact) - before

    async def add_set(
        self, session: AsyncSession, ruleset_id: str, manifest: str, *, author: str
    ) -> None:
        """Make this the manifest of an imported set, in the caller's transaction.

        An empty one withdraws the set.
        """
        found = await session.exec(
            select(RulesetEntry.id)
            .where(RulesetEntry.ruleset_id == ruleset_id)
            .order_by(col(RulesetEntry.id).desc())
            .limit(1)
        )
        last = found.first()
        # The last one counts, also where the clock of whoever wrote the one before is ahead.
        after = UUID(int=last.int + 1) if last is not None else UUID(int=0)
        session.add(
            RulesetEntry(
                id=max(new_id(), after),
                ruleset_id=ruleset_id,
                manifest=manifest,
                author=author,
                added_at=self._now(),
            )
        )

    async def imports(self) -> Mapping[str, RulesetEntry]:
        """The imported sets that count, by id, with their authors and dates."""
        async with self._database.read() as session:
            found = await _entries(session)
        return {entry.ruleset_id: entry for entry in found if entry.manifest}

    async def require_whole(self, *, without: str) -> None:
        """Tell whether the rule sets hold together without one that was imported.

        Raises GatewayError RULES-MANIFEST saying what builds on it.
        """
        left = {name: one.manifest for name, one in (await self.imports()).items()}
        left.pop(without, None)
        await _in_thread(_joined, self._config, left)

    async def artefact(self, sha256: str) -> RuleArtefact | None:
        """One kept file with its origin and date."""
        async with self._database.read() as session:
            return await session.get(RuleArtefact, sha256)

    async def _copy_files(self, session: AsyncSession, *, verify: bool) -> None:
        known = (await session.exec(select(RuleArtefact.sha256, RuleArtefact.file_name))).all()
        for sha256, name in known:
            if await _in_thread(self._sound, sha256, name, verify):
                continue
            content = await session.exec(
                select(RuleArtefact.content).where(RuleArtefact.sha256 == sha256)
            )
            await _in_thread(self._store.put, content.one())

    def _sound(self, sha256: str, name: str, verify: bool) -> bool:
        if not self._store.has(sha256):
            return False
        if not verify:
            return True
        try:
            self._store.read(sha256, name=name)
        except ArtefactRefused as error:
            log.warning("rules.file_replaced", reason=str(error))
            return False
        return True

    def _copy_sets(self, wanted: Mapping[str, str]) -> None:
        """Write the manifests that count and forget those that do not."""
        present = self._store.sets()
        for ruleset_id, manifest in wanted.items():
            if manifest and present.get(ruleset_id) != manifest:
                self._store.put_set(ruleset_id, manifest)
        for ruleset_id in present:
            if not wanted.get(ruleset_id):
                self._store.drop_set(ruleset_id)


def _joined(config: Path | None, imported: Mapping[str, str]) -> None:
    join(read(config), [parse(text, origin=name) for name, text in imported.items()])


async def _revision(session: AsyncSession) -> tuple[int, int]:
    return await _count(session, RuleArtefact), await _count(session, RulesetEntry)


async def _count(session: AsyncSession, table: type[RuleArtefact] | type[RulesetEntry]) -> int:
    return (await session.exec(select(func.count()).select_from(table))).one()


async def _entries(session: AsyncSession) -> list[RulesetEntry]:
    """The last entry of every imported set."""
    entries = await session.exec(select(RulesetEntry).order_by(col(RulesetEntry.id)))
    return list({entry.ruleset_id: entry for entry in entries}.values())


async def _in_thread(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Run file work off the event loop; its faults become errors of the gateway."""
    try:
        return await asyncio.to_thread(function, *arguments, **named)
    except StoreFailed as error:
        raise GatewayError(STORE_FAILED, str(error)) from error
    except ManifestInvalid as error:
        raise GatewayError(MANIFEST_REFUSED, str(error)) from error
