"""Who belongs to an account: its name and its people."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web
from sqlmodel import col, select

from gateway.access.roles import Role
from gateway.access.tables import Membership, Tenant, User
from gateway.core.database import Database

__all__ = ["DIRECTORY", "Directory", "Person"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in for an account."""

    email: str
    name: str
    role: Role
    active: bool


class Directory:
    """Answers who an account is and who speaks for it; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tenant_name(self, tenant_id: UUID) -> str:
        """The account's name, empty for one that is not there."""
        async with self._database.read() as session:
            tenant = await session.get(Tenant, tenant_id)
        return tenant.name if tenant is not None else ""

    async def people(self, tenant_id: UUID) -> list[Person]:
        """The account's people by e-mail address."""
        async with self._database.read() as session:
            found = await session.exec(
                select(User, Membership)
                .where(col(Membership.user_id) == col(User.id))
                .where(Membership.tenant_id == tenant_id)
                .order_by(User.email)
            )
            return [
                Person(email=user.email, name=user.name, role=one.role, active=user.active)
                for user, one in found
            ]


DIRECTORY: Final = web.AppKey("directory", Directory)
