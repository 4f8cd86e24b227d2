"""Use cases of access: tenants, people, API keys and the audit log."""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit, record
from gateway.access.passwords import hash_password
from gateway.access.principal import SIGN_IN_NEEDED, CallerKind, Principal
from gateway.access.roles import SCOPES, Role, effective
from gateway.access.tables import ApiKey, AuditEntry, KeyState, Membership, Tenant, User
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND

__all__ = ["Access", "audit", "operator_tenant"]

SCOPE_UNKNOWN: Final = ErrorKind("ACCESS-SCOPE-UNKNOWN", "There is no such scope", 422)
EMAIL_TAKEN: Final = ErrorKind("ACCESS-EMAIL-TAKEN", "This e-mail address has an account", 409)
TENANT_TAKEN: Final = ErrorKind("ACCESS-TENANT-TAKEN", "This short name is in use", 409)

KEY_PREFIX: Final = "gwk"
_KEY_TEXT: Final = re.compile(rf"{KEY_PREFIX}_([0-9a-f]{{8}})_([A-Za-z0-9_-]{{43}})")
_LAST_USED_STEP: Final = timedelta(minutes=1)


class Access:
    """Tenants, people and keys."""

    def __init__(self, *, database: Database, now: MachineClock) -> None:
        self._database = database
        self._now = now

    async def create_tenant(
        self, *, slug: str, name: str, is_operator: bool = False, actor: str | None = None
    ) -> Tenant:
        """Open an account; raises GatewayError ACCESS-TENANT-TAKEN.

        ``actor`` is the person who opens it, for the audit log; None where nobody does.
        """
        tenant = Tenant(slug=slug, name=name, is_operator=is_operator, created_at=self._now())
        async with self._database.write() as session:
            taken = await session.exec(select(Tenant).where(Tenant.slug == slug))
            if taken.first() is not None:
                raise GatewayError(
                    TENANT_TAKEN, f"The short name '{slug}' is in use; pick another."
                )
            session.add(tenant)
            if actor is not None:
                await session.flush()
                record(
                    session,
                    tenant_id=tenant.id,
                    actor=actor,
                    action="tenant.created",
                    object=slug,
                    facts={},
                    at=self._now(),
                )
        return tenant

    async def find_tenant(self, slug: str) -> Tenant | None:
        """The account of that short name, None if there is none."""
        async with self._database.read() as session:
            return (await session.exec(select(Tenant).where(Tenant.slug == slug))).first()

    async def create_user(
        self,
        *,
        tenant_id: UUID,
        email: str,
        password: str,
        role: Role,
        name: str = "",
        locale: str = "en",
        actor: str | None = None,
    ) -> User:
        """Let a person in; raises GatewayError ACCESS-EMAIL-TAKEN or ACCESS-PASSWORD-WEAK.

        ``actor`` is who lets them in, for the audit log; None where nobody does.
        """
        hashed = await hash_password(password)
        user = User(
            email=email.strip().lower(),
            name=name,
            password=hashed,
            locale=locale,
            created_at=self._now(),
        )
        async with self._database.write() as session:
            taken = await session.exec(select(User).where(User.email == user.email))
            if taken.first() is not None:
                raise GatewayError(EMAIL_TAKEN, "This e-mail address has an account already.")
            session.add(user)
            await session.flush()
            session.add(Membership(user_id=user.id, tenant_id=tenant_id, role=role))
            if actor is not None:
                record(
                    session,
                    tenant_id=tenant_id,
                    actor=actor,
                    action="person.added",
                    object=user.email,
                    facts={"role": role.value},
                    at=self._now(),
                )
        return user

    async def create_api_key(
        self, caller: Principal, *, name: str, scopes: frozenset[str]
    ) -> tuple[ApiKey, str]:
        """Make a key for the caller's tenant; the secret text is returned once and not kept.

        A caller cannot give away scopes it does not have. Raises GatewayError
        ACCESS-SCOPE-UNKNOWN or ACCESS-SCOPE.
        """
        if unknown := scopes - SCOPES:
            raise GatewayError(
                SCOPE_UNKNOWN, f"There is no scope '{min(unknown)}'; see the API description."
            )
        for scope in scopes:
            caller.require(scope)
        secret = secrets.token_urlsafe(32)
        key = ApiKey(
            id=secrets.token_hex(4),
            tenant_id=caller.tenant_id,
            name=name[:200],
            secret_hash=_hashed(secret),
            scopes=sorted(scopes),
            state=KeyState.ACTIVE,
            created_at=self._now(),
        )
        async with self._database.write() as session:
            session.add(key)
            audit(session, caller, action="api-key.created", object=key.id, name=key.name)
        return key, f"{KEY_PREFIX}_{key.id}_{secret}"

    async def list_api_keys(self, caller: Principal) -> list[ApiKey]:
        """The tenant's keys, newest first."""
        async with self._database.read() as session:
            found = await session.exec(
                select(ApiKey)
                .where(ApiKey.tenant_id == caller.tenant_id)
                .order_by(col(ApiKey.created_at).desc())
            )
            return list(found)

    async def revoke_api_key(self, caller: Principal, key_id: str) -> None:
        """Close a key for good; raises GatewayError NOT-FOUND."""
        async with self._database.write() as session:
            key = await session.get(ApiKey, key_id)
            if key is None or key.tenant_id != caller.tenant_id:
                raise GatewayError(NOT_FOUND, "No API key of this account has that id.")
            if key.state is KeyState.ACTIVE:
                key.state, key.revoked_at = KeyState.REVOKED, self._now()
                audit(session, caller, action="api-key.revoked", object=key.id, name=key.name)

    async def caller_of_key(self, text: str) -> Principal:
        """Who a key speaks for; raises GatewayError ACCESS-SIGN-IN for a dead key."""
        parts = _KEY_TEXT.fullmatch(text)
        if parts is None:
            raise _dead_key()
        key_id, secret = parts.groups()
        async with self._database.read() as session:
            key = await session.get(ApiKey, key_id)
            tenant = await session.get_one(Tenant, key.tenant_id) if key else None
        matches = hmac.compare_digest(_hashed(secret), key.secret_hash if key else "0" * 64)
        if key is None or tenant is None or not matches or key.state is not KeyState.ACTIVE:
            raise _dead_key()
        await self._touch(key)
        return Principal(
            tenant_id=key.tenant_id,
            actor=f"api-key {key.id} ({key.name})",
            kind=CallerKind.API_KEY,
            scopes=effective(key.scopes, operator=tenant.is_operator),
        )

    async def _touch(self, key: ApiKey) -> None:
        at = self._now()
        if key.last_used_at is not None and at - key.last_used_at < _LAST_USED_STEP:
            return
        async with self._database.write() as session:
            row = await session.get_one(ApiKey, key.id)
            row.last_used_at = at

    async def audit_log(
        self, caller: Principal, *, before: UUID | None = None, limit: int = 50
    ) -> list[AuditEntry]:
        """The newest ``limit`` entries of the tenant's audit log, or of those before ``before``.

        Newest first; ``before`` is the id of an entry.
        """
        query = select(AuditEntry).where(AuditEntry.tenant_id == caller.tenant_id)
        if before is not None:
            query = query.where(col(AuditEntry.id) < before)
        async with self._database.read() as session:
            return list(await session.exec(query.order_by(col(AuditEntry.id).desc()).limit(limit)))


async def operator_tenant(session: AsyncSession) -> Tenant | None:
    """The account of the service provider itself; None before the first start made it."""
    return (await session.exec(select(Tenant).where(col(Tenant.is_operator)))).first()


def _dead_key() -> GatewayError:
    return GatewayError(SIGN_IN_NEEDED, "This API key is unknown or was revoked.")


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
