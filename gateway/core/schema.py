"""The schema's life: upgrade to head, compare with the tables in code, refuse a foreign state."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.core.columns import metadata
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError

__all__ = ["SCHEMA_BEHIND", "differences", "require_head", "revision", "upgrade"]

SCHEMA_BEHIND: Final = ErrorKind("SCHEMA-BEHIND", "The database schema is not this version's", 500)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["metadata"] = metadata
    config.attributes["connection"] = connection
    return config


@cache
def _head() -> str | None:
    """The schema this version needs; finding it loads every migration, so it is kept."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def upgrade(database: Database) -> None:
    """Bring the schema to this version; safe when several processes start at once."""
    async with database.engine.connect() as connection:
        if await connection.run_sync(_current) == _head():
            return
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))


async def require_head(database: Database) -> None:
    """Refuse to work on a schema of another version; raises GatewayError SCHEMA-BEHIND."""
    async with database.read() as session:
        current = await (await session.connection()).run_sync(_current)
    if current != _head():
        raise GatewayError(
            SCHEMA_BEHIND,
            f"The database is at schema {current or 'none'}, this version needs {_head()}. "
            "Run 'gateway migrate' once, then start again.",
        )


async def differences(database: Database) -> list[Any]:
    """What the database's schema and the tables in code disagree about; empty when in step."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )


async def revision(database: Database, message: str) -> None:
    """Write a new migration from the difference between code and database (for developers)."""
    async with database.engine.begin() as connection:
        await connection.run_sync(
            lambda sync: command.revision(_config(sync), message, autogenerate=True)
        )
