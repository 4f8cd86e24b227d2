"""Two accounts with people and a clock that only moves when told."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import ROLE_SCOPES, Role
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.core.database import Database

PASSWORD = "correct horse battery"


@dataclass
class Clock:
    """Machine time under a test's control."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass(frozen=True)
class House:
    """The access services over one database, with the accounts Alpha and Beta."""

    database: Database
    clock: Clock
    access: Access
    sessions: Sessions
    alpha: UUID
    beta: UUID

    def caller(self, *, role: Role = Role.OWNER, tenant: UUID | None = None) -> Principal:
        return Principal(
            tenant_id=tenant or self.alpha,
            actor="test@alpha.example",
            kind=CallerKind.USER,
            scopes=ROLE_SCOPES[role],
            role=role,
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stored hash names its own cost, so a low one changes nothing but the time it takes."""
    monkeypatch.setattr("gateway.access.passwords._N", 16)


@pytest.fixture
async def house(database: Database, clock: Clock, cheap_passwords: None) -> House:
    access = Access(database=database, now=clock)
    sessions = Sessions(database=database, now=clock)
    alpha = await access.create_tenant(slug="alpha", name="Alpha BV")
    beta = await access.create_tenant(slug="beta", name="Beta SARL")
    for role in Role:
        await access.create_user(
            tenant_id=alpha.id, email=f"{role}@alpha.example", password=PASSWORD, role=role
        )
    await access.create_user(
        tenant_id=beta.id, email="owner@beta.example", password=PASSWORD, role=Role.OWNER
    )
    return House(database, clock, access, sessions, alpha.id, beta.id)


@pytest.fixture
def password() -> str:
    return PASSWORD
