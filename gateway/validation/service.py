"""Checking documents in worker processes, and keeping what was found.

The report is the object of ``gateway validate``: verdict, rule sets, findings. Which rules
apply is decided by the business date.
"""

from typing import Any, Final, Protocol
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.core.clock import BusinessClock, MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.http import NOT_FOUND
from gateway.validation.tables import ValidationRun

__all__ = [
    "ENGINE_FAILED",
    "LANGUAGES",
    "Pool",
    "ValidationService",
    "recent_runs",
    "require_verdict",
]

ENGINE_FAILED: Final = ErrorKind(
    "VALIDATION-ENGINE", "The rules could not be run to their end", 503, Retry.BACKOFF
)

LANGUAGES: Final = ("en", "fr", "nl", "de")


class Pool(Protocol):
    """Where checks run: processes that may be killed without harm."""

    async def run(self, *arguments: Any) -> Any:
        """Run one check; raises GatewayError when no worker could finish it."""
        ...


class ValidationService:
    """The use case of validation: one check, one run, one report."""

    def __init__(
        self, *, database: Database, pool: Pool, today: BusinessClock, now: MachineClock
    ) -> None:
        self._database = database
        self._pool = pool
        self._today = today
        self._now = now

    async def check(
        self,
        tenant_id: UUID,
        content: bytes,
        *,
        file_name: str = "",
        lang: str = "en",
        rules: tuple[str, ...] | None = None,
    ) -> ValidationRun:
        """Check one document and return the run; the caller saves it with its own rows.

        Raises GatewayError when the workers are busy, too slow or crash: that is never a verdict.
        """
        report = await self._pool.run(
            content,
            {
                "as_of": self._today.today().isoformat(),
                "lang": lang if lang in LANGUAGES else "en",
                "rules": rules,
                "file": file_name or None,
            },
        )
        return ValidationRun(
            tenant_id=tenant_id,
            file_name=file_name[:300],
            sha256=report["sha256"],
            verdict=report["verdict"],
            report=report,
            created_at=self._now(),
        )

    async def validate(
        self,
        caller: Principal,
        content: bytes,
        *,
        file_name: str = "",
        lang: str = "en",
        rules: tuple[str, ...] | None = None,
    ) -> ValidationRun:
        """Check one document on its own, keep the run and return it."""
        caller.require("validations:run")
        run = await self.check(
            caller.tenant_id, content, file_name=file_name, lang=lang, rules=rules
        )
        async with self._database.write() as session:
            session.add(run)
        return run

    async def find(self, caller: Principal, run_id: UUID) -> ValidationRun:
        """One earlier run of the caller's tenant; raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            run = await session.get(ValidationRun, run_id)
        if run is None or run.tenant_id != caller.tenant_id:
            raise GatewayError(NOT_FOUND, "No validation run of this account has that id.")
        return run


def require_verdict(run: ValidationRun) -> None:
    """Refuse a run without an answer: an engine that stopped half-way has found nothing out.

    Raises GatewayError VALIDATION-ENGINE.
    """
    if run.verdict == "engine-error":
        raise GatewayError(
            ENGINE_FAILED,
            "The rules stopped before their end, so nothing can be said about the document. Send "
            "it again later; if it stays, report it with its SHA-256.",
            sha256=run.sha256,
        )


async def recent_runs(
    session: AsyncSession, tenant_id: UUID, *, before: UUID | None = None, limit: int = 50
) -> list[ValidationRun]:
    """The tenant's runs, newest first, those older than ``before``."""
    query = select(ValidationRun).where(ValidationRun.tenant_id == tenant_id)
    if before is not None:
        query = query.where(col(ValidationRun.id) < before)
    return list(await session.exec(query.order_by(col(ValidationRun.id).desc()).limit(limit)))
