"""The watched folder: camt files that a bank client drops are taken in, then moved aside.

``<folder>/<account's short name>/*.xml``; taken files go to ``done/``, refused ones to
``refused/`` with the reason beside them as ``.txt``. Nothing is ever deleted or overwritten, and
taking a file in twice does no harm, so a crash between booking and moving needs no repair.
"""

import asyncio
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from sqlmodel import col, select

from gateway.access.tables import Tenant
from gateway.core.database import Database
from gateway.core.errors import STORAGE_FULL, GatewayError
from gateway.core.ids import new_id
from gateway.core.jobs.registry import JobContext
from gateway.receivables.bank_messages import BankDesk
from gateway.receivables.tables import BankMessageState, BankOrigin
from reminders.camt import LIMITS

__all__ = ["BANK_FOLDER", "BankFolder"]

log = structlog.get_logger(__name__)

BANK_FOLDER: Final = "receivables.bank-folder"
"""The kind of the job that looks into the watched folder."""

DONE: Final = "done"
REFUSED: Final = "refused"
_SUFFIX: Final = ".xml"


@dataclass(frozen=True, slots=True)
class _Look:
    """How a file looked: one that looks the same next time is whole."""

    inode: int
    size: int
    modified_ns: int


class BankFolder:
    """Looks into the folder of every account; also goes on with messages that were cut short.

    A file is taken at the second look that finds it unchanged: until then somebody may still be
    writing it. Symbolic links, hidden files and anything that is no plain file are left alone.
    """

    def __init__(self, *, folder: Path | None, database: Database, desk: BankDesk) -> None:
        self._folder = folder
        self._database = database
        self._desk = desk
        self._seen: dict[Path, _Look] = {}

    async def __call__(self, job: JobContext) -> None:
        """One look; the worker ends the job, for nothing of it needs to be repeated."""
        await self._desk.resume()
        await self.look()

    async def look(self) -> int:
        """Take in every file that has stopped changing; returns how many.

        One file that fails does not keep the others waiting; its error is raised at the end.
        Raises GatewayError STORAGE-FULL at once, with the files where they were.
        """
        folder = self._folder
        if folder is None:
            return 0
        seen = await asyncio.to_thread(lambda: dict(_files(folder)))
        whole = sorted(path for path, look in seen.items() if self._seen.get(path) == look)
        self._seen = seen
        tenants = await self._tenants({path.parent.name for path in whole})
        failure: Exception | None = None
        taken = 0
        for path in whole:
            if (tenant_id := tenants.get(path.parent.name)) is None:
                continue
            try:
                await self._take(path, tenant_id)
                taken += 1
            except GatewayError as error:
                if error.kind is STORAGE_FULL:
                    raise
                failure = failure or error
            except Exception as error:
                log.exception("bank.folder_failed", file=path.name)
                failure = failure or error
        if failure is not None:
            raise failure
        return taken

    async def _take(self, path: Path, tenant_id: UUID) -> None:
        try:
            content = await asyncio.to_thread(_read, path)
        except FileNotFoundError:
            return  # another process was quicker
        if content is None:
            await asyncio.to_thread(_move, path, REFUSED, _TOO_LARGE)
            return
        taken = await self._desk.take(
            tenant_id, content, origin=BankOrigin.FOLDER, file_name=path.name
        )
        message = taken.message
        if message.state is BankMessageState.REFUSED:
            reason = f"{message.failure_code}: {message.failure_text}\n"
            await asyncio.to_thread(_move, path, REFUSED, reason)
            log.warning("bank.file_refused", file=path.name, code=message.failure_code)
        else:
            await asyncio.to_thread(_move, path, DONE, None)
            log.info("bank.file_taken", file=path.name, bank_message=str(message.id))

    async def _tenants(self, slugs: set[str]) -> dict[str, UUID]:
        async with self._database.read() as session:
            found = await session.exec(
                select(Tenant.slug, Tenant.id).where(col(Tenant.slug).in_(slugs))
            )
            tenants = dict(found.all())
        for unknown in sorted(slugs - tenants.keys()):
            log.warning("bank.folder_of_nobody", folder=unknown)
        return tenants


_TOO_LARGE: Final = (
    f"BANK-XML: The file has more than {LIMITS.max_bytes} bytes. Ask the bank for smaller files, "
    "one a day for instance.\n"
)


def _files(folder: Path) -> Iterator[tuple[Path, _Look]]:
    """Every camt file that may be taken, with how it looks now."""
    for account in _entries(folder):
        if not account.is_dir(follow_symlinks=False):
            continue
        for one in _entries(Path(account.path)):
            if not one.name.lower().endswith(_SUFFIX) or one.name.startswith("."):
                continue
            look = one.stat(follow_symlinks=False)
            if stat.S_ISREG(look.st_mode):
                yield Path(one.path), _Look(look.st_ino, look.st_size, look.st_mtime_ns)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda one: one.name)
    except FileNotFoundError:
        return []


def _read(path: Path) -> bytes | None:
    """The bytes of a plain file, or None if they are too many. Raises FileNotFoundError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_size > LIMITS.max_bytes:
            return None
        return file.read(LIMITS.max_bytes + 1)


def _move(path: Path, into: str, reason: str | None) -> None:
    """Move a file aside under a name that is free, its reason first."""
    folder = path.parent / into
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    if target.exists():
        target = folder / f"{path.stem}.{new_id().hex}{path.suffix}"
    if reason is not None:
        Path(f"{target}.txt").write_text(reason, encoding="utf-8")
    try:
        path.rename(target)
    except FileNotFoundError:
        log.info("bank.file_moved_already", file=path.name)
