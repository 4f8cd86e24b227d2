"""For developers: write a new migration from the difference between code and schema."""

import asyncio
import importlib
import sys
import tempfile
from pathlib import Path

from gateway.core import schema
from gateway.core.database import Database


async def write(message: str) -> None:
    """Upgrade an empty database to the last migration and add the step to the tables in code."""
    importlib.import_module("gateway.app")
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'empty.db'}")
        try:
            await schema.upgrade(database)
            await schema.revision(database, message)
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
