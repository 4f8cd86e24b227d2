"""One whole gateway with a real mail server beside it, and buyers nobody registered."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from sqlmodel import col, select, update
from yarl import URL

# Tests are no packages here: modules beside this one, and of dunning, are found by their folders.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "dunning"))

from dispatch_process import InProcess
from mail_sink import Sink, mail_server

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES, Role
from gateway.app import Gateway, open_gateway
from gateway.core.database import Database
from gateway.core.jobs.tables import Job, JobState, Lane
from gateway.core.settings import Settings
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, render_invoice
from gateway.dispatch.tables import Dispatch
from gateway.exchange.tables import Document
from gateway.network.local_pki import TestPki as Places
from gateway.network.local_pki import ensure_test_pki
from gateway.receivables.tables import Customer
from gateway.web.server import listening
from schematron import worker as engine

SMP_SEAT = "PSM000303"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API, read."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass(slots=True)
class House:
    """A running gateway with an account."""

    gateway: Gateway
    sink: Sink
    url: str
    sml: Path
    tenant_id: UUID
    key: str
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, **how: Any) -> Answer:
        headers = dict(how.pop("headers", {}))
        if not how.pop("outside", False):
            headers["Authorization"] = f"Bearer {self.key}"
        address = URL(path if path.startswith("http") else self.url + path, encoded=True)
        async with self.http.request(
            method, address, headers=headers, allow_redirects=False, **how
        ) as got:
            text = await got.read()
            body = await got.json(content_type=None) if "json" in got.content_type else text
            return Answer(got.status, body, dict(got.headers))

    async def visit(self, path: str) -> Answer:
        """As somebody without an account."""
        path = path.partition("/download/")[2] if path.startswith("http") else path
        return await self.call("GET", f"/download/{path}", outside=True)

    async def press(self, link: str, piece: str = "pdf") -> Answer:
        """Press a button of a link's page, as somebody without an account."""
        path = link.partition("/download/")[2]
        return await self.call(
            "POST",
            f"/download/{path}/document.{piece}",
            outside=True,
            headers={"Sec-Fetch-Site": "same-origin"},
        )

    async def link(self, document_id: str) -> str:
        """The newest link of a document, as the API tells it."""
        answer = await self.call("GET", f"/v1/documents/{document_id}/dispatches")
        return str(answer.body["items"][0]["link"])

    async def submit(self, content: bytes, query: str = "") -> Answer:
        return await self.call(
            "POST",
            f"/v1/documents{query}",
            data=content,
            headers={"Content-Type": "application/xml"},
        )

    async def work(self) -> int:
        return await self.gateway.worker.run_due()

    async def run(self, kind: str) -> None:
        """Do scheduled work now."""
        platform = self.gateway.platform
        async with platform.database.write() as session:
            await platform.queue.enqueue(session, kind=kind, payload={})
        await self.work()

    async def new_key(self, tenant_id: UUID) -> str:
        """A key of another account."""
        caller = Principal(tenant_id=tenant_id, actor="other", kind=CallerKind.USER, scopes=SCOPES)
        return (await self.gateway.access.create_api_key(caller, name="t", scopes=SCOPES))[1]

    async def register(self, firm: Any) -> None:
        """Register a buyer at this house's own SMP, in an account of its own."""
        tenant = await self.gateway.access.create_tenant(slug=firm.key, name=firm.business)
        await self.gateway.participants.register(
            tenant.id, firm.participant, name=firm.business, country=firm.country
        )
        self.sml.write_text(
            f'[participants]\n"iso6523-actorid-upis::{firm.participant.value}" = '
            f'"{self.gateway.platform.settings.public_url}/smp"\n'
        )

    async def later(self) -> int:
        """Let the waits pass: everything that is put off is due now."""
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        async with self.gateway.platform.database.write() as session:
            await session.exec(
                update(Job).where(col(Job.state) == JobState.READY).values(run_at=long_ago)
            )
            await session.exec(update(Lane).values(failures=0, paused_until=None))
        return await self.work()

    async def rows(self, table: type[Any], *where: Any) -> list[Any]:
        async with self.gateway.platform.database.read() as session:
            return list(await session.exec(select(table).where(*where).order_by(table.id)))

    async def document(self, document_id: str) -> Document:
        async with self.gateway.platform.database.read() as session:
            return await session.get_one(Document, UUID(document_id))

    async def dispatches(self, document_id: str) -> list[Dispatch]:
        return await self.rows(Dispatch, Dispatch.document_id == UUID(document_id))

    async def customer(self) -> Customer:
        (one,) = await self.rows(Customer)
        return one

    async def kinds(self, document_id: str) -> list[str]:
        """The kinds of a document's timeline, in order."""
        answer = await self.call("GET", f"/v1/documents/{document_id}/timeline")
        return [one["kind"] for one in answer.body["entries"]]

    async def change(self, **what: Any) -> Answer:
        """Change the only customer."""
        return await self.call("PATCH", f"/v1/customers/{(await self.customer()).id}", json=what)

    def invoice(self, number: str = "MA-1", **how: Any) -> bytes:
        """A valid invoice to the buyer nobody registered."""
        return invoice(number, **how)

    async def sent(self, number: str = "MA-1", query: str = "", **how: Any) -> str:
        """Submit one invoice and work; its id."""
        answer = await self.submit(invoice(number, **how), query)
        assert answer.status == 202, answer.body
        await self.work()
        return str(answer.body["id"])


def invoice(number: str = "MA-1", *, email: str = "ap@buyer.example") -> bytes:
    """A small valid invoice whose buyer names an e-mail address (BT-58), unless it is empty."""
    content = render_invoice(
        number=number, seller=SELLER, buyer=BUYER, issued=date(2026, 11, 2), lines=CRATES[:1]
    ).decode()
    named = f"<cbc:ElectronicMail>{BUYER.books}</cbc:ElectronicMail>"
    assert content.count(named) == 1
    wanted = f"<cbc:ElectronicMail>{email}</cbc:ElectronicMail>" if email else ""
    return content.replace(named, wanted).encode()


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return ensure_test_pki(
        tmp_path_factory.mktemp("network"),
        ap_seats=[SELLER.seat_id],
        smp_seats=[SMP_SEAT],
        at=datetime.now(UTC),
    )


@pytest.fixture(scope="session", autouse=True)
def rules() -> None:
    engine.initialise()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with mail_server() as one:
        yield one


@pytest.fixture
def dispatch_settings() -> dict[str, Any]:
    """What a test sets otherwise under [dispatch]; to be overridden."""
    return {"return_path": "bounces@seller.example"}


@pytest.fixture
async def house(
    database: Database,
    sink: Sink,
    places: Places,
    tmp_path: Path,
    dispatch_settings: dict[str, Any],
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    """The gateway; the test runs once on each kind of database."""
    url = database.url.render_as_string(hide_password=False)
    async with opened(
        url, unused_tcp_port, sink, places, tmp_path, dispatch_settings, monkeypatch
    ) as one:
        yield one


@pytest.fixture
async def lite(
    sqlite_url: str,
    sink: Sink,
    places: Places,
    tmp_path: Path,
    dispatch_settings: dict[str, Any],
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    """The same on SQLite only, for what no database can change."""
    async with opened(
        sqlite_url, unused_tcp_port, sink, places, tmp_path, dispatch_settings, monkeypatch
    ) as one:
        yield one


class opened:
    """Opens a house and closes it again."""

    def __init__(
        self,
        url: str,
        port: int,
        sink: Sink,
        places: Places,
        folder: Path,
        dispatch: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self._url, self._port, self._sink = url, port, sink
        self._places, self._folder = places, folder
        self._dispatch = dispatch
        monkeypatch.setattr("gateway.assembly.platform.ComputePool", InProcess)
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> House:
        closing = self._closing
        http = await closing.enter_async_context(aiohttp.ClientSession())
        sml = self._folder / "sml.toml"
        sml.write_text("[participants]\n")
        shutil.copytree(self._places.keys, self._folder / "keys")
        settings = Settings.model_validate(
            {
                "stage": "test",
                "data_dir": self._folder / "data",
                "database": {"url": self._url},
                "http": {"public_url": f"http://127.0.0.1:{self._port}"},
                "network": {
                    "sml": "static",
                    "sml_file": sml,
                    "trust_dir": self._places.trust,
                    "keys_dir": self._folder / "keys",
                    "provider_name": "Provider",
                },
                "mail": {
                    "host": "127.0.0.1",
                    "port": self._sink.port,
                    "security": "none",
                    "sender": "billing@seller.example",
                },
                "dispatch": self._dispatch,
            }
        )
        gateway = await closing.enter_async_context(open_gateway(settings))
        url = await closing.enter_async_context(
            listening(gateway.web, host="127.0.0.1", port=self._port, grace_s=1)
        )
        tenant = await gateway.access.create_tenant(slug="seller", name=SELLER.business)
        await gateway.participants.register(
            tenant.id, SELLER.participant, name=SELLER.business, country=SELLER.country
        )
        caller = Principal(tenant_id=tenant.id, actor="test", kind=CallerKind.USER, scopes=SCOPES)
        _, key = await gateway.access.create_api_key(caller, name="test", scopes=SCOPES)
        return House(gateway, self._sink, url, sml, tenant.id, key, http)

    async def __aexit__(self, *_error: object) -> None:
        await self._closing.aclose()


@pytest.fixture
async def signed_in(
    lite: House, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[aiohttp.ClientSession]:
    """The connection of a browser in which somebody of the account is signed in."""
    monkeypatch.setattr("gateway.access.passwords._N", 16)
    who = {"email": "an@seller.example", "password": "a long password of nobody's"}
    await lite.gateway.access.create_user(tenant_id=lite.tenant_id, role=Role.OWNER, **who)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        async with http.post(
            lite.url + "/sign-in", data=who, headers={"Sec-Fetch-Site": "same-origin"}
        ) as got:
            assert got.status == 200
        yield http
