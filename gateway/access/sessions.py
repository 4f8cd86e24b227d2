"""Signing in and out: browser sessions, and patience against guessing.

Only the SHA-256 of a session's cookie is kept. Failures are counted per account and per address;
from the fifth on each further one doubles the wait, and an hour of quiet forgets them. An attempt
is counted before the password is looked at, so that guessing in parallel gains nothing.
"""

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, delete, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.passwords import verify_password
from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import ROLE_SCOPES, effective
from gateway.access.tables import Membership, SignInGuard, Tenant, User, WebSession
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.jobs.dialect import insert_or_skip

__all__ = ["SIGN_IN_BLOCKED", "SIGN_IN_FAILED", "Sessions", "SignedIn"]

SIGN_IN_FAILED: Final = ErrorKind("ACCESS-SIGN-IN-FAILED", "E-mail or password is wrong", 401)
SIGN_IN_BLOCKED: Final = ErrorKind(
    "ACCESS-SIGN-IN-BLOCKED", "Too many failed sign-ins", 429, Retry.BACKOFF
)

IDLE: Final = timedelta(hours=2)
LIFETIME: Final = timedelta(hours=12)
_FREE_FAILURES: Final = 5
_LONGEST_WAIT: Final = timedelta(minutes=15)
_FORGET: Final = timedelta(hours=1)
_SEEN_STEP: Final = timedelta(minutes=1)
_EMAIL_LENGTH: Final = 320


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

        ``address`` is the browser's IP address, by which failed attempts are counted beside the
        account; ``previous`` the cookie text of the earlier session. Raises GatewayError
        ACCESS-SIGN-IN-FAILED or ACCESS-SIGN-IN-BLOCKED.
        """
        email = _readable(email)
        subjects = (f"account:{email}", f"address:{_neighbourhood(address)}")
        await self._count_attempt(subjects)
        async with self._database.read() as session:
            user = (await session.exec(select(User).where(User.email == email))).first()
        right = await verify_password(password, user.password if user else None)
        if user is None or not right or not user.active:
            raise _failed()
        return await self._open(user, subjects, previous)

    async def _open(
        self, user: User, subjects: tuple[str, str], previous: str | None
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
            ).first()
            if membership is None:
                raise _failed()
            await _forgive(session, subjects, now)
            await _sweep(session, now)
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
            tenant = await session.get_one(Tenant, membership.tenant_id)
            signed_in = SignedIn(_principal(user, membership, tenant), row.csrf)
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
            tenant = await session.get_one(Tenant, row.tenant_id)
        if membership is None or not user.active:
            return None
        if now - row.seen_at > _SEEN_STEP:
            async with self._database.write() as session:
                seen = await session.get(WebSession, row.id_hash)
                if seen is not None:
                    seen.seen_at = now
        return SignedIn(_principal(user, membership, tenant), row.csrf)

    async def sign_out(self, cookie: str) -> None:
        """End a session; ending one that is over is no error."""
        async with self._database.write() as session:
            await _end(session, cookie)

    async def speak(self, user_id: UUID, locale: str) -> None:
        """Remember the language a person wants the console in."""
        async with self._database.write() as session:
            user = await session.get_one(User, user_id)
            user.locale = locale

    async def _count_attempt(self, subjects: tuple[str, str]) -> None:
        """Count an attempt as failed until it proves right; one that has to wait does not count."""
        now = self._now()
        async with self._database.write() as session:
            # Always the account first: two sign-ins can never wait for each other in a circle.
            for subject in subjects:
                # Two first failures at once must not collide.
                new = insert_or_skip(session, SignInGuard)
                await session.exec(new.values(subject=subject, failures=0, updated_at=now))
                guard = await _locked(session, subject)
                if guard.blocked_until is not None and guard.blocked_until > now:
                    raise _blocked(guard.blocked_until - now)
                if now - guard.updated_at > _FORGET:
                    guard.failures = 0
                guard.failures += 1
                guard.updated_at = now
                guard.blocked_until = _wait_until(guard.failures, now)


async def _locked(session: AsyncSession, subject: str) -> SignInGuard:
    return await session.get_one(SignInGuard, subject, with_for_update=True, populate_existing=True)


async def _forgive(session: AsyncSession, subjects: tuple[str, str], now: datetime) -> None:
    """Take the counted attempt back.

    The account starts afresh; the address only gets this one attempt back, so that an account of
    one's own does not buy unlimited guesses at the others.
    """
    account, address = subjects
    await session.exec(delete(SignInGuard).where(col(SignInGuard.subject) == account))
    guard = await session.get(SignInGuard, address, with_for_update=True)
    if guard is not None:
        guard.failures = max(guard.failures - 1, 0)
        guard.blocked_until = None


async def _sweep(session: AsyncSession, now: datetime) -> None:
    """Remove sessions that are over and failures that are forgotten."""
    await session.exec(
        delete(WebSession).where(
            or_(col(WebSession.expires_at) <= now, col(WebSession.seen_at) <= now - IDLE)
        )
    )
    await session.exec(delete(SignInGuard).where(col(SignInGuard.updated_at) < now - _FORGET))


def _readable(email: str) -> str:
    """The address as accounts are stored; empty for what can be no address of an account."""
    email = email.strip().lower()
    return email if email.isprintable() and len(email) <= _EMAIL_LENGTH else ""


def _neighbourhood(address: str) -> str:
    """Who shares a counter: one IPv4 address, or the /64 one IPv6 subscriber owns."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _failed() -> GatewayError:
    return GatewayError(SIGN_IN_FAILED, "E-mail or password is wrong. Check both and try again.")


def _blocked(wait: timedelta) -> GatewayError:
    seconds = int(wait.total_seconds()) + 1
    return GatewayError(
        SIGN_IN_BLOCKED,
        f"Too many failed sign-ins. Wait {seconds} seconds and try again.",
        retry_after=seconds,
    )


def _wait_until(failures: int, now: datetime) -> datetime | None:
    if failures < _FREE_FAILURES:
        return None
    doublings = min(failures - _FREE_FAILURES, 10)
    return now + min(timedelta(seconds=2**doublings), _LONGEST_WAIT)


def _principal(user: User, membership: Membership, tenant: Tenant) -> Principal:
    return Principal(
        tenant_id=membership.tenant_id,
        actor=user.email,
        kind=CallerKind.USER,
        scopes=effective(ROLE_SCOPES[membership.role], operator=tenant.is_operator),
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
