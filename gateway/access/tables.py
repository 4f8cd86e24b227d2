"""Rows of access: tenants, people and their roles, sessions, API keys, the audit log."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer
from sqlmodel import Field, SQLModel

from gateway.access.roles import Role
from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id

__all__ = [
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "Membership",
    "SignInGuard",
    "Tenant",
    "User",
    "WebSession",
]


class Tenant(SQLModel, table=True):
    """One business (or the service provider itself) whose documents stay apart from all others.

    The operator tenant stands for the service provider: it owns the SPID participants.
    """

    __tablename__ = "tenant"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    slug: str = Field(max_length=60, unique=True)
    name: str = Field(max_length=200)
    is_operator: bool = False
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class User(SQLModel, table=True):
    """A person who signs in. ``password`` is a scrypt hash with its parameters."""

    __tablename__ = "person"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    email: str = Field(max_length=320, unique=True)
    name: str = Field(default="", max_length=200)
    password: str = Field(max_length=300)
    locale: str = Field(default="en", max_length=5)
    active: bool = True
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Membership(SQLModel, table=True):
    """A person's role in a tenant."""

    __tablename__ = "membership"

    user_id: UUID = Field(foreign_key="person.id", primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", primary_key=True)
    role: Role = Field(sa_column=Column(EnumText(Role), nullable=False))


class WebSession(SQLModel, table=True):
    """A signed-in browser: only the SHA-256 of its cookie is kept."""

    __tablename__ = "web_session"

    id_hash: str = Field(max_length=64, primary_key=True)
    user_id: UUID = Field(foreign_key="person.id", index=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    csrf: str = Field(max_length=64)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class SignInGuard(SQLModel, table=True):
    """Failed sign-ins of one account or one address, and until when further ones wait."""

    __tablename__ = "sign_in_guard"

    subject: str = Field(max_length=340, primary_key=True)
    failures: int = 0
    blocked_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class KeyState(StrEnum):
    """Whether an API key opens anything."""

    ACTIVE = "active"
    REVOKED = "revoked"


class ApiKey(SQLModel, table=True):
    """A program's key: public id and the SHA-256 of its secret half."""

    __tablename__ = "api_key"

    id: str = Field(max_length=8, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    name: str = Field(max_length=200)
    secret_hash: str = Field(max_length=64)
    scopes: list[str] = Field(sa_column=Column(Json, nullable=False))
    state: KeyState = Field(sa_column=Column(EnumText(KeyState), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class AuditEntry(SQLModel, table=True):
    """Who did what to which object, when; append-only, written by ``gateway.access.audit`` alone.

    ``number`` is the place in the instance's chain, ``hash`` the SHA-256 (hex) over this entry
    and the hash of the one before.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_list", "tenant_id", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    actor: str = Field(max_length=340)
    action: str = Field(max_length=80)
    object: str = Field(max_length=300)
    facts: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    number: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    hash: str = Field(max_length=64)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AuditHead(SQLModel, table=True):
    """The end of the audit log's chain: one row, which every writer locks in turn."""

    __tablename__ = "audit_head"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: str = Field(max_length=64)
