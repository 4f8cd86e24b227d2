"""Two whole gateways in one process: real databases, keys, rules and sockets.

Only the processes around the rule engine are left out: documents are checked by the real rules
in this one.
"""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from exchange_line import Line, Reply
from sqlmodel import col, select, update
from yarl import URL

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES, Role
from gateway.app import Gateway, open_gateway
from gateway.as4.identifiers import (
    ParticipantId,
    spid_of_seat,
)
from gateway.as4.keys import SoftwareKey
from gateway.core.jobs.tables import Job, JobState, Lane
from gateway.core.settings import Settings
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, render_invoice
from gateway.dunning.policies import Seed, read_seed
from gateway.exchange.tables import Attempt, Document, Reception, Transmission
from gateway.network.keys import FileKeys
from gateway.network.local_pki import Authority, TestPki
from gateway.validation import worker as validation_worker
from gateway.web.server import listening

SENDER_SEAT, RECEIVER_SEAT, THIRD_SEAT = "POP000101", "POP000202", "POP000303"
SMP_SEAT = "PSM000303"
COLLECTOR = "9925:be0848934496"
PASSPHRASE = "a long enough passphrase"
MAX_BODY_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An API answer, read."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class House:
    """One running gateway with an account, and what a test wants to do with it."""

    gateway: Gateway
    line: Line
    url: str
    tenant_id: UUID
    caller: Principal
    key: str
    session: aiohttp.ClientSession
    participant: ParticipantId = field(repr=False)

    async def call(self, method: str, path: str, *, key: str | None = None, **how: Any) -> Answer:
        headers = {"Authorization": f"Bearer {key or self.key}", **how.pop("headers", {})}
        address = URL(self.url + path, encoded=True)
        async with self.session.request(method, address, headers=headers, **how) as got:
            text = await got.read()
            body = await got.json(content_type=None) if "json" in got.content_type else text
            return Answer(got.status, body, dict(got.headers))

    async def submit(self, content: bytes, *, key: str | None = None) -> Answer:
        headers = {"Content-Type": "application/xml"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.call("POST", "/v1/documents", data=content, headers=headers)

    async def post_as4(self, content_type: str, body: bytes) -> Reply:
        """Knock at the AS4 door directly, as any access point may."""
        async with self.session.post(
            f"{self.url}/as4", data=body, headers={"Content-Type": content_type}
        ) as got:
            return Reply(got.status, got.headers.get("Content-Type", ""), await got.read())

    async def sign_in(
        self, *, tenant_id: UUID | None = None, role: Role = Role.OWNER, locale: str = "en"
    ) -> dict[str, str]:
        """The cookies of somebody new of the account, signed in at the console."""
        email = f"{uuid4()}@console.example"
        await self.gateway.access.create_user(
            tenant_id=tenant_id or self.tenant_id,
            email=email,
            password=PASSPHRASE,
            role=role,
            locale=locale,
        )
        async with self.session.post(
            f"{self.url}/sign-in",
            data={"email": email, "password": PASSPHRASE},
            headers={"Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        ) as got:
            assert got.status == 303, await got.text()
            return {name: one.value for name, one in got.cookies.items()}

    async def work(self) -> int:
        """Do what is due, and what that makes due."""
        return await self.gateway.worker.run_due()

    async def later(self) -> int:
        """Let the waits pass: everything that is put off is due now."""
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        async with self.gateway.platform.database.write() as session:
            await session.exec(
                update(Job).where(col(Job.state) == JobState.READY).values(run_at=long_ago)
            )
            await session.exec(update(Lane).values(failures=0, paused_until=None))
        return await self.work()

    async def age(self, days: int) -> None:
        """Let every unfinished job have begun that many days ago."""
        began = datetime.now(UTC) - timedelta(days=days)
        async with self.gateway.platform.database.write() as session:
            await session.exec(
                update(Job).where(col(Job.state) == JobState.READY).values(started_at=began)
            )

    async def rows(self, table: type[Any], *where: Any) -> list[Any]:
        """Rows of one table, oldest first."""
        async with self.gateway.platform.database.read() as session:
            return list(await session.exec(select(table).where(*where).order_by(table.id)))

    async def document(self, document_id: str | UUID) -> Document:
        async with self.gateway.platform.database.read() as session:
            return await session.get_one(Document, UUID(str(document_id)))

    async def documents(self, *where: Any) -> list[Document]:
        return await self.rows(Document, *where)

    async def transmissions(self, document_id: str | UUID) -> list[Transmission]:
        return await self.rows(Transmission, Transmission.document_id == UUID(str(document_id)))

    async def attempts(self, document_id: str | UUID) -> list[Attempt]:
        of = [one.id for one in await self.transmissions(document_id)]
        return await self.rows(Attempt, col(Attempt.transmission_id).in_(of))

    async def receptions(self) -> list[Reception]:
        return await self.rows(Reception)

    async def timeline(self, document_id: str | UUID) -> list[dict[str, Any]]:
        answer = await self.call("GET", f"/v1/documents/{document_id}/timeline")
        assert answer.status == 200
        return list(answer.body["entries"])

    async def kinds(self, document_id: str | UUID) -> list[str]:
        """The kinds of a document's timeline, in order."""
        return [one["kind"] for one in await self.timeline(document_id)]


@dataclass(frozen=True, slots=True)
class Pair:
    """The seller's gateway and the buyer's, each with its own SMP, on one network."""

    sender: House
    receiver: House
    sml: Path

    async def settle(self) -> None:
        """Let both work until neither has anything left to do."""
        while await self.sender.work() + await self.receiver.work():
            pass

    async def delivered(self, number: str = "VT-1", **how: Any) -> tuple[Document, Document]:
        """Send one valid invoice all the way; the seller's and the buyer's document."""
        answer = await self.sender.submit(invoice_bytes(number, **how))
        assert answer.status == 202, answer.body
        await self.settle()
        sent = await self.sender.document(answer.body["id"])
        arrived = await self.receiver.documents(Document.sbdh_id == sent.sbdh_id)
        assert len(arrived) == 1
        return sent, arrived[0]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A seat's certificate and key."""

    certificate: x509.Certificate
    key: SoftwareKey


@dataclass(frozen=True, slots=True)
class Pki:
    """The test network's authorities and seats."""

    places: TestPki
    ap: Authority
    stranger: Credentials
    expired: Credentials

    def seat(self, seat_id: str) -> Credentials:
        pair = FileKeys(self.places.keys).ring(seat_id).pairs[0]
        assert isinstance(pair.key, SoftwareKey)
        return Credentials(pair.certificate, pair.key)


class InProcess:
    """Stands for the pool of worker processes; the checks themselves are the real ones."""

    ready = True

    def __init__(self, *_arguments: Any, **_settings: Any) -> None:
        self.failure: Exception | None = None

    def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Nothing to close."""

    async def run(self, *arguments: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return validation_worker.run(None, *arguments)


@cache
def _load_once(pem: bytes, password: None) -> PrivateKeyTypes:
    """Read a key of the seats, which every test has: proving its primes takes a while."""
    return load_pem_private_key(pem, password=password)


@cache
def _seed_once(folder: Path | None) -> Seed:
    """Read the policies and calendars that every house starts with."""
    return read_seed(folder)


@asynccontextmanager
async def open_network(
    urls: tuple[str, str], folder: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    monkeypatch.setattr("gateway.assembly.platform.ComputePool", InProcess)
    monkeypatch.setattr("gateway.network.keys.load_pem_private_key", _load_once)
    monkeypatch.setattr("gateway.assembly.money.read_seed", _seed_once)
    async with AsyncExitStack() as closing:
        http = await closing.enter_async_context(aiohttp.ClientSession())
        lines = Line(http), Line(http)
        for line in lines:
            await line.open()
            closing.push_async_callback(line.close)
        sml = folder / "sml.toml"
        own = (f"iso6523-actorid-upis::{SELLER.participant.value}", spid_of_seat(SENDER_SEAT))
        sml.write_text(
            f'default = "{lines[1].url}/smp"\n[participants]\n'
            + "".join(f'"{one}" = "{lines[0].url}/smp"\n' for one in own)
        )
        houses = [
            await _house(closing, folder / actor.key, pki, url, line, sml, actor, http)
            for actor, url, line in zip((SELLER, BUYER), urls, lines, strict=True)
        ]
        yield Pair(*houses, sml)


async def _house(
    closing: AsyncExitStack,
    folder: Path,
    pki: Pki,
    database_url: str,
    line: Line,
    sml: Path,
    actor: Any,
    http: aiohttp.ClientSession,
) -> House:
    keys = folder / "keys"
    for seat in (actor.seat_id, SMP_SEAT):
        shutil.copytree(pki.places.keys / seat, keys / seat)
    settings = Settings.model_validate(
        {
            "stage": "test",
            "data_dir": folder / "data",
            "database": {"url": database_url},
            "http": {"public_url": line.url, "max_body_bytes": MAX_BODY_BYTES},
            "network": {
                "sml": "static",
                "sml_file": sml,
                "trust_dir": pki.places.trust,
                "keys_dir": keys,
                "connect_timeout_s": 30,
                "answer_timeout_s": 60,
                "provider_name": actor.provider,
            },
            "statistics": {"receiver": COLLECTOR},
        }
    )
    gateway = await closing.enter_async_context(open_gateway(settings))
    line.target = await closing.enter_async_context(
        listening(gateway.web, host="127.0.0.1", port=0, grace_s=1)
    )
    tenant = await gateway.access.create_tenant(slug=actor.key, name=actor.business)
    await gateway.participants.register(
        tenant.id, actor.participant, name=actor.business, country=actor.country
    )
    caller, key = await account(gateway, tenant.id)
    return House(gateway, line, line.target, tenant.id, caller, key, http, actor.participant)


async def account(gateway: Gateway, tenant_id: UUID) -> tuple[Principal, str]:
    """Somebody who may do everything in an account, and an API key of the account."""
    caller = Principal(tenant_id=tenant_id, actor="test", kind=CallerKind.USER, scopes=SCOPES)
    _, key = await gateway.access.create_api_key(caller, name="test", scopes=SCOPES)
    return caller, key


def invoice_bytes(number: str = "VT-1", *, off_by: Decimal = Decimal(0)) -> bytes:
    """A small valid invoice from seller to buyer, or one whose total is wrong."""
    return render_invoice(
        number=number,
        seller=SELLER,
        buyer=BUYER,
        issued=date(2026, 11, 2),
        lines=CRATES[:1],
        total_off_by=off_by,
    )
