"""The stage of the crash tests: both houses on one kind of database, the SMP shared by all."""

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

# Tests are no packages here, so the modules beside this one are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from crash_houses import Country, House, build_house, found_country, run, wait_until
from crash_stage import CrashStage

from gateway.core import schema
from gateway.core.database import Database
from gateway.demo.cast import BUYER, SELLER, SMP

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("endurance")


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Country:
    return found_country(tmp_path_factory.mktemp("crash"), free_port)


@pytest.fixture(scope="module")
def smp(country: Country) -> Iterator[House]:
    """The publisher: part of the world around, never killed."""
    house = build_house(country, SMP, home=country.folder / "smp")
    house.start()
    wait_until(house.listens, "the SMP listens")
    yield house
    house.stop()


@pytest.fixture(scope="module", params=KINDS)
def both_houses(
    request: pytest.FixtureRequest, country: Country, smp: House
) -> Iterator[CrashStage]:
    """A sender and a receiver with fresh data, up and running."""
    urls = {SELLER.key: "", BUYER.key: ""}
    # One worker may play two files, each with houses of its own.
    place = country.folder / f"{request.param}-{uuid.uuid4().hex[:8]}"
    if request.param == "postgresql":
        admin: psycopg.Connection = request.getfixturevalue("postgres_admin")
        urls = {key: _create_database(admin) for key in urls}
    sender, receiver = (
        build_house(country, one, home=place / one.key, database=urls[one.key])
        for one in (SELLER, BUYER)
    )
    stage = CrashStage(request.param, sender, receiver)
    with stage.playing():
        yield stage
    for url in filter(None, urls.values()):
        name = sql.Identifier(make_url(url).database or "")
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def stage(
    both_houses: CrashStage, record_property: Callable[[str, object], None]
) -> Iterator[CrashStage]:
    """The stage with both processes up; what the test adds to its figures is put on record."""
    before = both_houses.figures()
    yield both_houses
    after = both_houses.figures()
    figures = {name: count - before[name] for name, count in after.items()}
    record_property("crash", {"kind": both_houses.kind, "figures": figures})


def _create_database(admin: psycopg.Connection) -> str:
    """A database with the schema of this version: on PostgreSQL that is the operator's step."""
    name = f"gateway_crash_{uuid.uuid4().hex}"
    admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    server = make_url(os.environ["GATEWAY_TEST_POSTGRES_URL"]).set(database=name)
    url = server.render_as_string(hide_password=False)
    run(_migrate(url))
    return url


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await schema.upgrade(database)
    finally:
        await database.close()
