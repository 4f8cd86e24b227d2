"""The console's statistics, in every language: looking, drilling down, sending, changing a duty."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from exchange_houses import SENDER_SEAT, THIRD_SEAT, House, Pair
from sqlmodel import update
from yarl import URL

from gateway.access.roles import Role
from gateway.access.service import operator_tenant
from gateway.core.ids import new_id
from gateway.exchange.statistics.keys import REPORTING, STATISTICS
from gateway.exchange.statistics.tables import ReportingDuty, StatisticsReport, Traffic
from gateway.exchange.tables import Direction

LANGUAGES = ("en", "fr", "nl", "de")
PASSWORD = "correct horse battery"
LAST = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
MONTH = f"/network/statistics/{SENDER_SEAT}/2026-11"


class Visit:
    """A person of the service provider's own account at the console."""

    def __init__(self, house: House, session: aiohttp.ClientSession) -> None:
        self._house, self._session = house, session

    async def enter(self, email: str) -> None:
        await self.post("/sign-in", email=email, password=PASSWORD)

    async def page(self, path: str, *, status: int = 200) -> str:
        async with self._session.get(URL(self._house.url + path, encoded=True)) as got:
            text = await got.text()
            assert got.status == status, text
            return text

    async def post(self, path: str, **fields: str) -> tuple[int, str]:
        async with self._session.post(
            self._house.url + path,
            data=fields,
            headers={"Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        ) as got:
            return got.status, got.headers.get("Location") or await got.text()

    async def send(self, path: str, **fields: str) -> tuple[int, str]:
        found = re.search(r'name="csrf" value="([^"]+)"', await self.page("/network/statistics"))
        assert found is not None
        return await self.post(path, csrf=found[1], **fields)


@pytest.fixture
async def visit(lite: Pair) -> AsyncIterator[Visit]:
    """November is over; one invoice was exchanged in it, and one row has no country."""
    house = lite.sender
    await lite.delivered("VT-1")
    async with house.gateway.platform.database.write() as session:
        await session.exec(update(Traffic).values(exchanged_at=LAST))
        await session.exec(update(ReportingDuty).values(since="2026-11"))
        operator = await operator_tenant(session)
    assert operator is not None
    for one in (house.gateway.web[STATISTICS], house.gateway.web[REPORTING]):
        one._now = lambda: datetime(2026, 12, 2, 6, tzinfo=UTC)
    for language in LANGUAGES:
        await house.gateway.access.create_user(
            tenant_id=operator.id,
            email=f"{language}@provider.example",
            password=PASSWORD,
            role=Role.OPERATOR,
            locale=language,
        )
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Visit(house, session)


async def add_row(house: House, **changes: object) -> None:
    async with house.gateway.platform.database.write() as session:
        (row, *_) = [one for one in await house.rows(Traffic) if one.direction is Direction.OUT]
        session.add(Traffic.model_validate({**row.model_dump(), "id": new_id(), **changes}))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_in_every_language(visit: Visit, lite: Pair, language: str):
    await add_row(lite.sender, direction=Direction.IN, c1_country=None, c2_seat=THIRD_SEAT)
    await visit.enter(f"{language}@provider.example")
    words = _words(language)
    months = await visit.page("/network/statistics")
    assert SENDER_SEAT in months
    assert words["due"] in months
    for kind in ("tsr", "eusr"):
        shown = await visit.page(f"{MONTH}/{kind}")
        assert words["send"] in shown
        for line in re.findall(rf'href="({MONTH}/{kind}/rows\?line=[0-9a-f]+)"', shown):
            assert "2026-11-30 23:59:59" in await visit.page(line)
    tsr = await visit.page(f"{MONTH}/tsr")
    assert words["nameless"] in tsr
    assert words["miscounted"] in tsr
    empty = await visit.page(f"/network/statistics/{SENDER_SEAT}/2026-10/tsr")
    assert words["no_traffic"] in empty
    assert words["not-owed"] in empty


def _words(language: str) -> dict[str, str]:
    import tomllib

    from markupsafe import escape

    import gateway.exchange.statistics as package

    folder = Path(package.__path__[0]) / "locale"
    found = tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))
    every = {**found["statistics"], **found["statistics_standing"]}
    return {key: str(escape(text)) for key, text in every.items() if isinstance(text, str)}


async def test_sending_and_what_becomes_of_it(visit: Visit, lite: Pair):
    await visit.enter("en@provider.example")
    status, place = await visit.send(f"{MONTH}/tsr/send")
    assert (status, place) == (303, f"{MONTH}/tsr?sent=1")
    assert "The report is on its way." in await visit.page(place)
    status, text = await visit.send(f"{MONTH}/tsr/send")
    assert status == 409
    assert "STATISTICS-UNDER-WAY" in text
    await lite.settle()
    # Nobody is registered as the receiver on this network.
    shown = await visit.page(f"{MONTH}/tsr")
    assert "Not delivered" in shown
    (report,) = await lite.sender.rows(StatisticsReport)
    made = await visit.page(f"/network/statistics/reports/{report.id}/document")
    assert made == await visit.page(f"{MONTH}/tsr/document")
    assert made.startswith("<?xml")
    text = await visit.page(f"{MONTH}/tsr/rows.csv")
    assert text.splitlines()[0].startswith("exchanged_at,direction,")
    assert "Statistics report" in await visit.page(f"/documents/{report.document_id}")


async def test_a_duty_is_changed_and_a_wrong_month_refused(visit: Visit, lite: Pair):
    await visit.enter("en@provider.example")
    status, text = await visit.send(
        f"/network/statistics/duties/{SENDER_SEAT}", active="yes", since="2026-99"
    )
    assert status == 422
    assert "STATISTICS-PERIOD" in text
    assert (await visit.send(f"/network/statistics/duties/{SENDER_SEAT}", since="2026-11"))[
        0
    ] == 303
    assert "This instance does not report for this seat." in await visit.page("/network/statistics")
    entries = await lite.sender.gateway.access.audit_log(await _operator(lite.sender))
    assert entries[0].action == "statistics.duty"
    assert entries[0].facts == {"active": "false", "since": "2026-11"}


async def _operator(house: House):
    from dataclasses import replace

    async with house.gateway.platform.database.read() as session:
        found = await operator_tenant(session)
    return replace(house.caller, tenant_id=found.id)


async def test_pages_are_the_operators_alone(lite: Pair):
    await lite.sender.gateway.access.create_user(
        tenant_id=lite.sender.tenant_id,
        email="an@brewery.example",
        password=PASSWORD,
        role=Role.OWNER,
    )
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        visit = Visit(lite.sender, session)
        await visit.enter("an@brewery.example")
        for path in ("/network/statistics", f"{MONTH}/tsr", f"{MONTH}/tsr/rows.csv"):
            await visit.page(path, status=403)
