"""What SQLite and PostgreSQL say differently: the machine's time, and insert-or-skip."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core import clock
from gateway.core.columns import UtcDateTime

__all__ = ["insert_or_skip", "is_postgresql", "machine_now", "machine_time"]


def is_postgresql(session: AsyncSession) -> bool:
    """Whether this session talks to PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


async def machine_now(session: AsyncSession) -> datetime:
    """The time leases are measured with: the database's where several hosts share one."""
    if not is_postgresql(session):
        return clock.now()
    return (await session.exec(select(func.clock_timestamp(type_=UtcDateTime)))).one()


def machine_time(session: AsyncSession) -> Any:
    """The same time as a value of a statement: costs no question of its own."""
    return func.clock_timestamp(type_=UtcDateTime) if is_postgresql(session) else clock.now()


def insert_or_skip(session: AsyncSession, table: type[SQLModel]) -> Any:
    """An INSERT that leaves a row alone when its key is there already."""
    dialect = postgresql if is_postgresql(session) else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
