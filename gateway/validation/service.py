"""Checking documents in worker processes, and keeping what was found.

The report is the object of ``gateway validate``: verdict, rule sets, findings. Which rules
apply is decided by the business date unless the caller names another. An engine that was stopped
(time, memory, crash) has found nothing out: whoever waits for the answer gets an error, whoever
does not gets a report that says so.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.core.clock import BusinessClock, MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.pool import POOL_CRASHED, POOL_FAILED, POOL_MEMORY, POOL_TIMEOUT
from gateway.core.spool import Content
from gateway.validation import worker
from gateway.validation.idempotency import Once, remember, require_same
from gateway.validation.queries import run_of
from gateway.validation.tables import ValidationKey, ValidationRun
from schematron.texts import LANGUAGES
from schematron.unfinished import unfinished

__all__ = [
    "DEFAULTS",
    "ENGINE_FAILED",
    "CheckOptions",
    "Pool",
    "ValidationService",
    "require_verdict",
]

ENGINE_FAILED: Final = ErrorKind(
    "VALIDATION-ENGINE", "The rules could not be run to their end", 503, Retry.BACKOFF
)


T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_STOPPED: Final[Mapping[ErrorKind, str]] = {
    POOL_TIMEOUT: "ENGINE-TIMEOUT",
    POOL_MEMORY: "ENGINE-MEMORY",
    POOL_CRASHED: "ENGINE-CRASHED",
    POOL_FAILED: "ENGINE-CRASHED",
}
"""What ended a worker, as the finding that says so."""


class Pool(Protocol):
    """Where checks run: processes that may be killed without harm."""

    async def run(self, *arguments: Any) -> Any:
        """Run ``worker.run`` with these arguments; raises GatewayError if none could finish it."""
        ...


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How to check: the language of messages, exactly these rule sets, the date of the rules.

    ``rules`` None lets the document's own identifiers choose; ``as_of`` None is the business
    date; a language without texts is English.
    """

    lang: str = "en"
    rules: tuple[str, ...] | None = None
    as_of: date | None = None

    def to_json(self) -> dict[str, Any]:
        """The options as JSON values."""
        return {
            "lang": self.lang,
            "rules": list(self.rules) if self.rules is not None else None,
            "as_of": self.as_of.isoformat() if self.as_of else None,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CheckOptions":
        """Read what ``to_json`` gave."""
        rules, as_of = values["rules"], values["as_of"]
        return cls(
            lang=values["lang"],
            rules=tuple(rules) if rules is not None else None,
            as_of=date.fromisoformat(as_of) if as_of else None,
        )


DEFAULTS: Final = CheckOptions()


class ValidationService:
    """The use case of validation: one check, one run, one report.

    ``observe`` is told of every report, for the figures.
    """

    def __init__(
        self,
        *,
        database: Database,
        pool: Pool,
        today: BusinessClock,
        now: MachineClock,
        observe: Callable[[Mapping[str, Any]], None] = lambda report: None,
    ) -> None:
        self._database = database
        self._pool = pool
        self._today = today
        self._now = now
        self._observe = observe

    async def check(
        self,
        tenant_id: UUID,
        content: Content,
        *,
        file_name: str = "",
        options: CheckOptions = DEFAULTS,
    ) -> ValidationRun:
        """Check one document and return the run; the caller saves it with its own rows.

        A large document is given as its file. Raises GatewayError when the workers are busy, too
        slow or crash, which is never a verdict, and VALIDATION-RULESET for a rule set that is not
        known.
        """
        wanted = self._dated(options)
        passed = {**_passed(wanted), "file": file_name or None}
        report = await self._pool.run(worker.check, None, content, passed)
        return self._noted(report, tenant_id, file_name)

    async def read(self, content: Content, reader: Callable[[bytes, *Ts], T], *arguments: *Ts) -> T:
        """Have a document read: a small one in a thread, a large one in a worker process.

        ``reader`` is a function of a module; what it takes and gives is pickled. Raises
        GatewayError as ``check`` does, and what the reader raises if that is a GatewayError.
        """
        if isinstance(content, bytes):
            return await asyncio.to_thread(reader, content, *arguments)
        found: T = await self._pool.run(worker.read, content, reader, *arguments)
        return found

    async def examine(
        self, tenant_id: UUID, content: Content, *, file_name: str, options: CheckOptions
    ) -> ValidationRun:
        """Check one document for somebody who does not wait for the answer.

        As ``check``, but a worker that was ended (time, memory, crash) leads to a run with the
        verdict ``engine-error``. Raises GatewayError POOL-BUSY, and VALIDATION-RULESET.
        """
        try:
            return await self.check(tenant_id, content, file_name=file_name, options=options)
        except GatewayError as error:
            code = _STOPPED.get(error.kind)
            if code is None:
                raise
        wanted = self._dated(options)
        digest = await asyncio.to_thread(_digest, content)
        found = unfinished(digest, code, lang=_passed(wanted)["lang"], as_of=wanted.as_of)
        return self._noted(found.to_json(file=file_name or None), tenant_id, file_name)

    async def validate(
        self,
        caller: Principal,
        content: Content,
        *,
        file_name: str = "",
        options: CheckOptions = DEFAULTS,
        once: Once | None = None,
    ) -> ValidationRun:
        """Check one document on its own, keep the run and return it.

        Under the key of ``once`` it happens once: a repetition gets the first run again. Raises
        what ``check`` raises, and IDEMPOTENCY-CONFLICT.
        """
        caller.require("validations:run")
        if once is not None and (known := await self._replay(caller, once)):
            return known
        run = await self.check(caller.tenant_id, content, file_name=file_name, options=options)
        return await self._keep(caller, run, once)

    async def look_over(
        self, caller: Principal, content: Content, *, file_name: str, options: CheckOptions
    ) -> ValidationRun:
        """Check one document for a person at the console, keep the run and return it.

        A worker that was ended is told in the report. Raises what ``examine`` raises.
        """
        caller.require("validations:run")
        run = await self.examine(caller.tenant_id, content, file_name=file_name, options=options)
        return await self._keep(caller, run, None)

    async def find(self, caller: Principal, run_id: UUID) -> ValidationRun:
        """One earlier run of the caller's tenant; raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            return await run_of(session, caller.tenant_id, run_id)

    async def _keep(
        self, caller: Principal, run: ValidationRun, once: Once | None
    ) -> ValidationRun:
        async with self._database.write() as session:
            session.add(run)
            await session.flush()
            if once is None or await remember(
                session, caller.tenant_id, once, run_id=run.id, at=run.created_at
            ):
                return run
            # Another request with the same key won the race; its answer is the answer.
            await session.delete(run)
        known = await self._replay(caller, once)
        return known or run

    async def _replay(self, caller: Principal, once: Once) -> ValidationRun | None:
        async with self._database.read() as session:
            known = await session.get(ValidationKey, (caller.tenant_id, once.key))
            if known is None:
                return None
            require_same(known, once)
            return await _run_of_key(session, known)

    def _dated(self, options: CheckOptions) -> CheckOptions:
        return replace(options, as_of=options.as_of or self._today.today())

    def _noted(self, report: Mapping[str, Any], tenant_id: UUID, file_name: str) -> ValidationRun:
        self._observe(report)
        return ValidationRun.of(report, tenant_id=tenant_id, file_name=file_name, at=self._now())


def _passed(options: CheckOptions) -> dict[str, Any]:
    """The options as a worker takes them; they are pickled, so plain values only."""
    return {
        "as_of": options.as_of.isoformat() if options.as_of else None,
        "lang": options.lang if options.lang in LANGUAGES else "en",
        "rules": options.rules,
    }


def _digest(content: Content) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _run_of_key(session: AsyncSession, known: ValidationKey) -> ValidationRun | None:
    return await session.get(ValidationRun, known.run_id) if known.run_id else None


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
