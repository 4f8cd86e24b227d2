"""What SQLite and PostgreSQL say differently: the machine's time, and insert-or-skip."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ClauseElement, func, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core import clock
from gateway.core.columns import UtcDateTime

__all__ = ["insert_once", "insert_or_skip", "is_postgresql", "machine_now", "machine_time"]


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


async def insert_once(session: AsyncSession, table: type[SQLModel], **values: Any) -> bool:
    """Insert a row unless its key is there already; whether it was inserted.

    The short way for what happens with every document: the statement is built once and names
    columns. A value may be an expression. What is new in the session is written before.
    """
    await session.flush()
    statement = _insert_once(table, is_postgresql(session))
    expressions = {name: one for name, one in values.items() if isinstance(one, ClauseElement)}
    if expressions:
        statement = statement.values(expressions)
    plain = {name: one for name, one in values.items() if name not in expressions}
    return (await session.exec(statement, params=plain)).first() is not None


@cache
def _insert_once(table: type[SQLModel], on_postgresql: bool) -> Any:
    dialect, rows = postgresql if on_postgresql else sqlite, inspect(table).local_table
    return dialect.insert(rows).on_conflict_do_nothing().returning(*rows.primary_key)
