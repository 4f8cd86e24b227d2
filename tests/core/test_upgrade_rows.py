"""Rows in every table of an older schema are all there after the upgrade, with what guards them."""

import base64
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Connection, inspect

import gateway.app  # noqa: F401 - every table is known
from gateway.core import schema
from gateway.core.columns import metadata
from gateway.core.database import Database
from gateway.core.sealing import open_vault
from gateway.core.settings import Settings
from gateway.core.vault import SealedText

OLD = ("0016", "0018")
ROWS = (1, 2)


def value_of(column: sa.Column[Any], row: int, number: int) -> Any:
    """A value of the column's type that no other row of the table has."""
    kind = column.type
    if isinstance(kind, sa.Uuid):
        return UUID(int=number * 10 + row)
    if isinstance(kind, sa.JSON):
        return {"row": row}
    if isinstance(kind, sa.Boolean):
        return row == 1
    if isinstance(kind, sa.DateTime):
        return datetime(2026, 3, row, 4, 5, 6, 789000, tzinfo=UTC)
    if isinstance(kind, sa.Date):
        return date(2026, 3, row)
    if isinstance(kind, sa.LargeBinary):
        return bytes([row, 0, 255, number % 256])
    if isinstance(kind, sa.Numeric | sa.Float | sa.Integer):
        return row
    if isinstance(kind, sa.CHAR) and kind.length == 32:  # what SQLite keeps UUIDs in
        return UUID(int=number * 10 + row).hex
    assert isinstance(kind, sa.String), (column, kind)
    return f"{row}é{column.name}"[: kind.length]


def fill(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Write ROWS into every table; returns them as they are read back."""
    tables = sa.MetaData()
    tables.reflect(connection)
    made: dict[tuple[str, str, int], Any] = {}
    for number, table in enumerate(tables.sorted_tables, 1):
        if connection.execute(sa.select(table).limit(1)).first():
            continue  # what the migrations themselves write
        for row in ROWS:
            written = {}
            for column in table.columns:
                (*_, target) = (None, *(one.column for one in column.foreign_keys))
                if target is not None and target.table is not table:
                    found = made[target.table.name, target.name, row]
                elif target is not None:
                    found = None if column.nullable else made[table.name, target.name, row]
                else:
                    found = value_of(column, row, number)
                made[table.name, column.name, row] = written[column.name] = found
            connection.execute(sa.insert(table), written)
    return contents(connection)


def contents(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as the database itself words them."""
    found = {}
    for name in inspect(connection).get_table_names():
        rows = connection.exec_driver_sql(f'SELECT * FROM "{name}"').mappings()
        found[name] = sorted((dict(one) for one in rows), key=lambda one: str(sorted(one.items())))
    return found


def guards(connection: Connection) -> dict[str, Any]:
    """Keys, foreign keys, constraints and indexes of every table, by name and columns."""
    found = {}
    look = inspect(connection)
    for name in look.get_table_names():
        found[name] = {
            "primary": look.get_pk_constraint(name)["constrained_columns"],
            "foreign": sorted(
                (one["constrained_columns"], one["referred_table"], one["referred_columns"])
                for one in look.get_foreign_keys(name)
            ),
            "unique": sorted(one["column_names"] for one in look.get_unique_constraints(name)),
            "checks": sorted(one["sqltext"] for one in look.get_check_constraints(name)),
            "indexes": sorted(
                (one["name"] or "", [str(part) for part in one["column_names"]], one["unique"])
                for one in look.get_indexes(name)
            ),
            "columns": {one["name"]: one["nullable"] for one in look.get_columns(name)},
        }
    return found


def expected(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """What a row of before looks like now: binary secrets wait as texts to be sealed."""
    columns = metadata.tables[table].columns
    return {
        name: _waiting(value) if isinstance(columns[name].type, SealedText) else value
        for name, value in row.items()
    }


def _waiting(secret: Any) -> str | None:
    raw = secret.encode() if isinstance(secret, str) else secret
    return None if raw is None else f"clear:{base64.b64encode(bytes(raw)).decode()}"


@pytest.mark.parametrize("old", OLD)
async def test_every_row_and_every_guard_survives(database: Database, old: str) -> None:
    def build(connection: Connection) -> tuple[Any, Any]:
        wanted = guards(connection)
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        command.upgrade(schema._config(connection), old)
        return wanted, fill(connection)

    async with database.engine.begin() as connection:
        wanted, before = await connection.run_sync(build)
    assert all(before.values())
    await schema.upgrade(database)
    await schema.require_head(database)
    assert await schema.differences(database) == []
    async with database.engine.connect() as connection:
        after = await connection.run_sync(contents)
        assert await connection.run_sync(guards) == wanted
        if not database.is_postgresql:
            broken = await connection.exec_driver_sql("PRAGMA foreign_key_check")
            assert broken.all() == []
    for name, rows in before.items():
        if name == "alembic_version":
            continue
        kept = [{column: one[column] for column in rows[0]} for one in after[name]]
        assert sorted(map(str, kept)) == sorted(str(expected(name, one)) for one in rows), name


async def test_what_cannot_be_taken_back_says_so_and_changes_nothing(database: Database) -> None:
    def back(connection: Connection) -> None:
        command.downgrade(schema._config(connection), "0018")

    with pytest.raises(NotImplementedError, match="restore a backup"):
        async with database.engine.begin() as connection:
            await connection.run_sync(back)
    await schema.require_head(database)


async def test_what_was_in_clear_is_gone_from_the_file_once_it_is_sealed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    secret = b"in clear until the upgrade......"
    database = Database(settings.database_url)

    def build(connection: Connection) -> None:
        command.upgrade(schema._config(connection), "0019")
        for number in range(1, 400):
            row = (number, secret, "2026-03-01 04:05:06")
            connection.exec_driver_sql(
                "INSERT INTO link_key (number, secret, created_at) VALUES (?, ?, ?)", row
            )

    async with database.engine.begin() as connection:
        await connection.run_sync(build)
    await database.close()
    assert secret in files(tmp_path)

    async def upgraded(database: Database) -> None:
        await schema.upgrade(database)

    async def started(database: Database) -> None:
        await open_vault(settings, database, now=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    for step in (upgraded, started):  # by 'gateway migrate' and, as another process, the start
        database = Database(settings.database_url)
        async with database.engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA secure_delete=OFF")  # as many builds have it
        await step(database)
        await database.close()
    left = files(tmp_path)
    assert secret not in left
    assert base64.b64encode(secret) not in left
    assert left.count(b"sealed:1:") >= 399


def files(folder: Path) -> bytes:
    """The bytes of the database's files."""
    return b"".join(one.read_bytes() for one in sorted(folder.glob("gateway.db*")))
