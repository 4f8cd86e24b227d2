"""The migrations lead exactly to the tables in code, also when many processes start at once."""

import asyncio
import sys

import pytest
from sqlalchemy import text

from gateway.core import schema
from gateway.core.columns import metadata
from gateway.core.database import Database
from gateway.core.errors import GatewayError


async def test_migrations_and_tables_agree(database: Database) -> None:
    assert await schema.differences(database) == []


async def test_a_migrated_database_is_accepted(database: Database) -> None:
    await schema.require_head(database)


UPGRADE = """
import asyncio, sys
from gateway.core import schema
from gateway.core.columns import metadata
from gateway.core.database import Database

async def upgrade():
    database = Database(sys.argv[1])
    await schema.upgrade(database)
    await database.close()

asyncio.run(upgrade())
"""


async def test_many_processes_may_upgrade_an_empty_database_at_once(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.execute(text("DROP TABLE alembic_version"))
    url = database.url.render_as_string(hide_password=False)
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", UPGRADE, url) for _ in range(3)
    ]
    assert [await one.wait() for one in started] == [0, 0, 0]
    await schema.require_head(database)
    assert await schema.differences(database) == []


async def test_an_empty_database_is_refused_with_what_to_do(tmp_path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    try:
        with pytest.raises(GatewayError, match="gateway migrate") as refused:
            await schema.require_head(empty)
        assert refused.value.code == "SCHEMA-BEHIND"
    finally:
        await empty.close()
