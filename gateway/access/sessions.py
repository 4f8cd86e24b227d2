"""Signing in and out: browser sessions, and patience against guessing.

Only the SHA-256 of a session's cookie is kept. Failures are counted per account and per address;
from the fifth on each further one doubles the wait.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.passwords import verify_password
from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import ROLE_SCOPES
from gateway.access.service import audit
from gateway.access.tables import Membership, SignInGuard, User, WebSession
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry

__all__ = ["SIGN_IN_BLOCKED", "SIGN_IN_FAILED", "Sessions", "SignedIn"]

SIGN_IN_FAILED: Final = ErrorKind("ACCESS-SIGN-IN-FAILED", "E-mail or password is wrong", 401)
SIGN_IN_BLOCKED: Final = ErrorKind(
    "ACCESS-SIGN-IN-BLOCKED", "Too many failed sign-ins", 429, Retry.BACKOFF
)

IDLE: Final = timedelta(hours=2)
LIFETIME: Final = timedelta(hours=12)
_FREE_FAILURES: Final = 5
_LONGEST_WAIT: Final = timedelta(minutes=15)
_SEEN_STEP: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session: the caller, and the secret its forms must carry."""

    principal: Principal
    csrf: str


class Sessions:
    """The signed-in browsers."""

    def __init__(self, *, database: Database, now: MachineClock) -> None:
        self._database = database
        self._now = now

    async def sign_in(
        self, *, email: str, password: str, address: str, previous: str | None = None
    ) -> tuple[str, SignedIn]:
        """Open a session and return its cookie text; an earlier session of the browser ends.

        Raises GatewayError ACCESS-SIGN-IN-FAILED or ACCESS-SIGN-IN-BLOCKED.
        """
        email = email.strip().lower()
        subjects = (f"account:{email}"[:340], f"address:{address}"[:340])
        async with self._database.read() as session:
            await self._refuse_blocked(session, subjects)
            user = (await session.exec(select(User).where(User.email == email))).first()
        right = await verify_password(password, user.password if user else None)
        if user is None or not right or not user.active:
            await self._count_failure(subjects)
            raise GatewayError(
                SIGN_IN_FAILED, "E-mail or password is wrong. Check both and try again."
            )
        return await self._open(user, subjects, previous)

    async def _open(
        self, user: User, subjects: tuple[str, ...], previous: str | None
    ) -> tuple[str, SignedIn]:
        now, cookie = self._now(), secrets.token_urlsafe(32)
        async with self._database.write() as session:
            membership = (
                await session.exec(
                    select(Membership)
                    .where(Membership.user_id == user.id)
                    .order_by(col(Membership.tenant_id))
                    .limit(1)
                )
            ).one()
            for subject in subjects:
                guard = await session.get(SignInGuard, subject)
                if guard is not None:
                    await session.delete(guard)
            if previous is not None:
                await _end(session, previous)
            row = WebSession(
                id_hash=_hashed(cookie),
                user_id=user.id,
                tenant_id=membership.tenant_id,
                csrf=secrets.token_urlsafe(32),
                created_at=now,
                seen_at=now,
                expires_at=now + LIFETIME,
            )
            session.add(row)
            signed_in = SignedIn(_principal(user, membership), row.csrf)
            audit(session, signed_in.principal, action="session.opened", object=user.email)
        return cookie, signed_in

    async def resolve(self, cookie: str) -> SignedIn | None:
        """The live session behind a cookie, or ``None`` when it ended or never was."""
        now = self._now()
        async with self._database.read() as session:
            row = await session.get(WebSession, _hashed(cookie))
            if row is None or row.expires_at <= now or row.seen_at + IDLE <= now:
                return None
            user = await session.get_one(User, row.user_id)
            membership = await session.get(Membership, (row.user_id, row.tenant_id))
        if membership is None or not user.active:
            return None
        if now - row.seen_at > _SEEN_STEP:
            async with self._database.write() as session:
                seen = await session.get(WebSession, row.id_hash)
                if seen is not None:
                    seen.seen_at = now
        return SignedIn(_principal(user, membership), row.csrf)

    async def sign_out(self, cookie: str) -> None:
        """End a session; ending one that is over is no error."""
        async with self._database.write() as session:
            await _end(session, cookie)

    async def speak(self, user_id: UUID, locale: str) -> None:
        """Remember the language a person wants the console in."""
        async with self._database.write() as session:
            user = await session.get_one(User, user_id)
            user.locale = locale

    async def _refuse_blocked(self, session: AsyncSession, subjects: tuple[str, ...]) -> None:
        now = self._now()
        for subject in subjects:
            guard = await session.get(SignInGuard, subject)
            if guard is not None and guard.blocked_until and guard.blocked_until > now:
                seconds = int((guard.blocked_until - now).total_seconds()) + 1
                raise GatewayError(
                    SIGN_IN_BLOCKED,
                    f"Too many failed sign-ins. Wait {seconds} seconds and try again.",
                    retry_after=seconds,
                )

    async def _count_failure(self, subjects: tuple[str, ...]) -> None:
        now = self._now()
        async with self._database.write() as session:
            for subject in subjects:
                guard = await session.get(SignInGuard, subject)
                if guard is None:
                    guard = SignInGuard(subject=subject, updated_at=now)
                    session.add(guard)
                guard.failures += 1
                guard.updated_at = now
                guard.blocked_until = _wait_until(guard.failures, now)


def _wait_until(failures: int, now: datetime) -> datetime | None:
    if failures < _FREE_FAILURES:
        return None
    doublings = min(failures - _FREE_FAILURES, 10)
    return now + min(timedelta(seconds=2**doublings), _LONGEST_WAIT)


def _principal(user: User, membership: Membership) -> Principal:
    return Principal(
        tenant_id=membership.tenant_id,
        actor=user.email,
        kind=CallerKind.USER,
        scopes=ROLE_SCOPES[membership.role],
        locale=user.locale,
        role=membership.role,
        user_id=user.id,
    )


async def _end(session: AsyncSession, cookie: str) -> None:
    row = await session.get(WebSession, _hashed(cookie))
    if row is not None:
        await session.delete(row)


def _hashed(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
