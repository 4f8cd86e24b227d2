"""An office with a real mail server beside it."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

# Tests are no packages here, so the modules beside this one are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from dunning_office import Office
from mail_sink import Sink, mail_server

from gateway.core.database import Database


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with mail_server() as one:
        yield one


@pytest.fixture
async def office(database: Database, sink: Sink, tmp_path: Path) -> Office:
    """An account that can send e-mail; the test runs once on each kind of database."""
    office = Office(database, tmp_path / "blobs", smtp_port=sink.port)
    await office.open()
    return office


@pytest.fixture
async def lite(sqlite_url: str, sink: Sink, tmp_path: Path) -> AsyncIterator[Office]:
    """The same on SQLite only, for what no database can change."""
    database = Database(sqlite_url)
    office = Office(database, tmp_path / "blobs", smtp_port=sink.port)
    await office.open()
    yield office
    await database.close()
