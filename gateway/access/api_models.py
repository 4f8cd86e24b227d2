"""Shapes of the access API: keys, the audit log, the caller."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import Role
from gateway.access.tables import ApiKey, AuditEntry, KeyState
from gateway.core.paging import Cut

__all__ = [
    "ApiKeyCreated",
    "ApiKeyIn",
    "ApiKeyList",
    "ApiKeyOut",
    "AuditEntryOut",
    "AuditPage",
    "AuditQuery",
    "CallerOut",
]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
]
Scope = Annotated[str, StringConstraints(max_length=60)]


class ApiKeyIn(BaseModel):
    """A key to make: what it is called and what it may do."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: Annotated[frozenset[Scope], Field(min_length=1, max_length=50)]


class ApiKeyOut(BaseModel):
    """A key without its secret half, which nobody keeps."""

    id: str
    name: str
    scopes: list[str]
    state: KeyState
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: ApiKey) -> Self:
        """Show a stored key."""
        return cls(
            id=row.id,
            name=row.name,
            scopes=row.scopes,
            state=row.state,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )


class ApiKeyCreated(BaseModel):
    """A new key; ``secret`` is what to send as bearer token, shown this once."""

    key: ApiKeyOut
    secret: str


class ApiKeyList(BaseModel):
    """The account's keys, newest first."""

    items: list[ApiKeyOut]


class AuditQuery(BaseModel):
    """Which page of the audit log."""

    model_config = ConfigDict(extra="forbid")

    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class AuditEntryOut(BaseModel):
    """Who did what to which object, when (UTC)."""

    id: UUID
    at: datetime
    actor: str
    action: str
    object: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, row: AuditEntry) -> Self:
        """Show a stored entry."""
        return cls(
            id=row.id,
            at=row.at,
            actor=row.actor,
            action=row.action,
            object=row.object,
            facts=row.facts,
        )


class AuditPage(BaseModel):
    """Entries, newest first; send ``next_cursor`` as ``cursor`` for older ones."""

    items: list[AuditEntryOut]
    next_cursor: UUID | None

    @classmethod
    def of(cls, rows: Sequence[AuditEntry], *, limit: int) -> Self:
        """A page from up to ``limit + 1`` rows; the one too many says that there are more."""
        page = Cut.at(rows, limit)
        return cls(
            items=[AuditEntryOut.of(row) for row in page.shown],
            next_cursor=page.cursor(lambda row: row.id),
        )


class CallerOut(BaseModel):
    """Who the gateway takes the caller for."""

    kind: CallerKind
    actor: str
    tenant_id: UUID
    role: Role | None
    scopes: list[str]
    locale: str

    @classmethod
    def of(cls, caller: Principal) -> Self:
        """Show a caller."""
        return cls(
            kind=caller.kind,
            actor=caller.actor,
            tenant_id=caller.tenant_id,
            role=caller.role,
            scopes=sorted(caller.scopes),
            locale=caller.locale,
        )
