"""Runs of checks: who may ask, what is kept, what is nobody else's."""

import uuid
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.access.principal import CallerKind, Principal
from gateway.access.tables import Tenant
from gateway.core.clock import BusinessClock
from gateway.core.errors import GatewayError
from gateway.core.pool import POOL_BUSY
from gateway.validation import worker
from gateway.validation.service import ValidationService, recent_runs
from gateway.validation.tables import ValidationRun
from schematron import worker as engine

NOW = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)


class Pool:
    """The real rules in this process; remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.busy = False

    async def run(self, content, options):
        self.asked.append(options)
        if self.busy:
            raise GatewayError(POOL_BUSY, "Send it again later.")
        return worker.check(None, content, options)


@pytest.fixture(scope="module", autouse=True)
def rules():
    engine.initialise()


@pytest.fixture
def pool():
    return Pool()


@pytest.fixture
def service(database, pool):
    clock = BusinessClock(zone=ZoneInfo("Europe/Brussels"), machine=lambda: NOW)
    return ValidationService(database=database, pool=pool, today=clock, now=lambda: NOW)


@pytest.fixture
async def callers(database):
    tenants = [Tenant(slug=one, name=one, created_at=NOW) for one in ("alpha", "beta")]
    async with database.write() as session:
        session.add_all(tenants)
    return [
        Principal(
            tenant_id=one.id,
            actor="test",
            kind=CallerKind.API_KEY,
            scopes=frozenset({"validations:run"}),
        )
        for one in tenants
    ]


async def test_a_run_is_kept_and_found_by_its_own_account_only(service, callers):
    own, other = callers
    run = await service.validate(own, b"<nothing/>", file_name="n.xml")
    assert run.verdict == run.report["verdict"]
    assert run.report["file"] == "n.xml"
    assert (await service.find(own, run.id)).report == run.report
    for caller, run_id in ((other, run.id), (own, uuid.uuid4())):
        with pytest.raises(GatewayError) as refused:
            await service.find(caller, run_id)
        assert refused.value.code == "NOT-FOUND"


async def test_the_business_date_decides_not_the_machines(service, pool, callers):
    await service.validate(callers[0], b"<nothing/>")
    assert pool.asked[0]["as_of"] == "2026-11-22"  # past midnight in Brussels


async def test_an_unknown_language_is_english(service, pool, callers):
    for lang in ("de", "tlh"):
        await service.validate(callers[0], b"<nothing/>", lang=lang)
    assert [one["lang"] for one in pool.asked] == ["de", "en"]


async def test_without_the_scope_nothing_is_checked(service, pool, callers):
    bare = Principal(
        tenant_id=callers[0].tenant_id,
        actor="test",
        kind=CallerKind.API_KEY,
        scopes=frozenset(),
    )
    with pytest.raises(GatewayError) as refused:
        await service.validate(bare, b"<nothing/>")
    assert (refused.value.code, pool.asked) == ("ACCESS-SCOPE", [])


async def test_a_busy_pool_is_no_verdict_and_leaves_no_run(service, pool, database, callers):
    pool.busy = True
    with pytest.raises(GatewayError) as refused:
        await service.validate(callers[0], b"<nothing/>")
    assert refused.value.code == "POOL-BUSY"
    async with database.read() as session:
        assert await recent_runs(session, callers[0].tenant_id) == []


async def test_runs_are_listed_newest_first_in_pages(service, database, callers):
    runs = [await service.validate(callers[0], b"<a/>", file_name=str(n)) for n in range(3)]
    async with database.read() as session:
        first = await recent_runs(session, callers[0].tenant_id, limit=2)
        rest = await recent_runs(session, callers[0].tenant_id, before=first[-1].id)
        foreign = await recent_runs(session, callers[1].tenant_id)
    assert [one.file_name for one in (*first, *rest)] == ["2", "1", "0"]
    assert foreign == []
    assert isinstance(runs[0], ValidationRun)
