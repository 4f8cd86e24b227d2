"""Two whole gateways in one process: real databases, keys, rules and sockets.

Only the processes around the rule engine are left out: documents are checked by the real rules
in this one. A ``Line`` stands before each gateway, as the network would, and can be told to
misbehave.
"""

import asyncio
import itertools
import os
import re
import shutil
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import aiohttp
import psycopg
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from psycopg import sql
from sqlalchemy import make_url
from sqlmodel import col, select, update
from yarl import URL

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.app import Gateway, open_gateway
from gateway.as4.ebms import UserMessage
from gateway.as4.errors import EbmsCode, PeerAs4Error
from gateway.as4.identifiers import (
    BILLING_INVOICE,
    PROCESS_BILLING,
    DocumentTypeId,
    ParticipantId,
    ProcessId,
    spid_of_seat,
)
from gateway.as4.incoming import build_error
from gateway.as4.keys import SoftwareKey
from gateway.as4.outgoing import encode
from gateway.as4.sbdh import MlsType, Sbdh, write
from gateway.core.blob_format import BlobRef
from gateway.core.errors import STORAGE_FULL, ErrorKind, GatewayError
from gateway.core.jobs.tables import Job, JobState, Lane
from gateway.core.pool import POOL_BUSY
from gateway.core.settings import Settings
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, render_invoice
from gateway.exchange.tables import Attempt, Document, Reception, Transmission
from gateway.network.keys import FileKeys
from gateway.network.local_pki import Authority, TestPki, ensure_test_pki, issue, new_key
from gateway.network.pki import Purpose
from gateway.validation import worker as validation_worker
from gateway.web.server import listening
from schematron import worker as engine

SENDER_SEAT, RECEIVER_SEAT, THIRD_SEAT = "POP000101", "POP000202", "POP000303"
SMP_SEAT = "PSM000303"
MAX_BODY_BYTES = 2 * 1024 * 1024
SOAP = "application/soap+xml;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One AS4 request as it passed the line."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer on its way back."""

    status: int
    content_type: str
    body: bytes


Forward = Callable[[], Awaitable[Reply]]
Step = Callable[[Request, Forward], Awaitable[Reply | None]]
"""What the line does with one AS4 request; None cuts the connection without an answer."""


class Line:
    """The way to one gateway: forwards everything, unless a step is scripted for AS4."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._runner: web.AppRunner | None = None
        self._port = 0
        self.target = ""
        self.script: deque[Step] = deque()
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.smp_status: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{rest:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def once(self, step: Step) -> None:
        """Do this with the next AS4 request."""
        self.script.append(step)

    def cut(self) -> None:
        """Deliver the next AS4 request, but lose its answer."""

        async def step(_request: Request, forward: Forward) -> None:
            await forward()

        self.once(step)

    def answer(self, body: bytes, *, status: int = 200, content_type: str = SOAP) -> None:
        """Answer the next AS4 request without delivering it."""

        async def step(_request: Request, _forward: Forward) -> Reply:
            return Reply(status, content_type, body)

        self.once(step)

    def change(self, change: Callable[[bytes], bytes]) -> None:
        """Deliver the next AS4 request, but change its answer on the way back."""

        async def step(_request: Request, forward: Forward) -> Reply:
            reply = await forward()
            return replace(reply, body=change(reply.body))

        self.once(step)

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path != "/as4":
            if self.smp_status is not None and request.path.startswith("/smp"):
                return web.Response(status=self.smp_status)
            return _response(await self._forward(request, body))
        seen = Request(request.headers.get("Content-Type", ""), body)
        self.requests.append(seen)

        async def forward() -> Reply:
            reply = await self._forward(request, body)
            self.replies.append(reply)
            return reply

        reply = await (self.script.popleft()(seen, forward) if self.script else forward())
        if reply is not None:
            return _response(reply)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _forward(self, request: web.Request, body: bytes) -> Reply:
        async with self._http.request(
            request.method,
            URL(self.target + request.raw_path, encoded=True),
            data=body or None,
            headers={"Content-Type": request.headers.get("Content-Type", "text/plain")},
        ) as answer:
            return Reply(answer.status, answer.headers.get("Content-Type", ""), await answer.read())


def _response(reply: Reply) -> web.Response:
    headers = {"Content-Type": reply.content_type} if reply.content_type else {}
    return web.Response(status=reply.status, body=reply.body, headers=headers)


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


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder, at = tmp_path_factory.mktemp("network"), datetime.now(UTC)
    places = ensure_test_pki(
        folder, ap_seats=[SENDER_SEAT, RECEIVER_SEAT, THIRD_SEAT], smp_seats=[SMP_SEAT], at=at
    )
    ap_key = load_pem_private_key((folder / "authorities/ap.key.pem").read_bytes(), None)
    ap_certificate = x509.load_pem_x509_certificate((folder / "trust/ap-test.pem").read_bytes())
    ap = Authority(certificate=ap_certificate, key=ap_key)  # type: ignore[arg-type] # it is RSA
    foreign = ensure_test_pki(folder / "foreign", ap_seats=[SENDER_SEAT], smp_seats=[], at=at)
    alien = FileKeys(foreign.keys).ring(SENDER_SEAT).pairs[0]
    assert isinstance(alien.key, SoftwareKey)
    raw = new_key()
    old = issue(
        seat_id=SENDER_SEAT,
        purpose=Purpose.AP,
        public_key=raw.public_key(),
        issuer=ap,
        not_before=at - timedelta(days=30),
        not_after=at - timedelta(days=1),
    )
    return Pki(
        places=places,
        ap=ap,
        stranger=Credentials(alien.certificate, alien.key),
        expired=Credentials(old, SoftwareKey(raw)),
    )


@pytest.fixture(scope="session", autouse=True)
def rules() -> None:
    """The real rules, compiled when first needed."""
    engine.initialise(warm_up=False)


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
        return validation_worker.check(None, *arguments)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def urls(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Two fresh databases of this version; the test runs once on each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_urls")
        return
    admin: psycopg.Connection = request.getfixturevalue("postgres_admin")
    template: str = request.getfixturevalue("postgres_template")
    names = [f"gateway_exchange_{uuid.uuid4().hex}" for _ in range(2)]
    for name in names:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    server = make_url(os.environ["GATEWAY_TEST_POSTGRES_URL"])
    first, second = (
        server.set(database=name).render_as_string(hide_password=False) for name in names
    )
    yield first, second
    for name in names:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def sqlite_urls(sqlite_template: Path, tmp_path: Path) -> tuple[str, str]:
    """Two fresh SQLite databases of this version."""
    places = [tmp_path / f"{name}.db" for name in ("sender", "receiver")]
    for place in places:
        shutil.copyfile(sqlite_template, place)
    return f"sqlite:///{places[0]}", f"sqlite:///{places[1]}"


@pytest.fixture
async def pair(
    urls: tuple[str, str], tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    """Two gateways; the test runs once on each kind of database."""
    async with _network(urls, tmp_path, pki, monkeypatch) as pair:
        yield pair


@pytest.fixture
async def lite(
    sqlite_urls: tuple[str, str], tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    """Two gateways on SQLite, for what does not depend on the kind of database."""
    async with _network(sqlite_urls, tmp_path, pki, monkeypatch) as pair:
        yield pair


@asynccontextmanager
async def _network(
    urls: tuple[str, str], folder: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    monkeypatch.setattr("gateway.app.ComputePool", InProcess)
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
                "connect_timeout_s": 5,
                "answer_timeout_s": 20,
                "provider_name": actor.provider,
            },
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


@pytest.fixture
def make_invoice() -> Callable[..., bytes]:
    return invoice_bytes


@pytest.fixture
def open_account() -> Callable[[Gateway, UUID], Awaitable[tuple[Principal, str]]]:
    return account


@dataclass(frozen=True, slots=True)
class Forge:
    """Makes AS4 messages by hand, as an access point would that is not ours."""

    pki: Pki

    def __call__(
        self,
        content: bytes,
        *,
        to_seat: str = RECEIVER_SEAT,
        from_seat: str = SENDER_SEAT,
        credentials: Credentials | None = None,
        sender: ParticipantId = SELLER.participant,  # type: ignore[assignment] # it has one
        receiver: ParticipantId = BUYER.participant,  # type: ignore[assignment] # it has one
        document_type: DocumentTypeId = BILLING_INVOICE,
        process: ProcessId = PROCESS_BILLING,
        message_id: str | None = None,
        sbdh_id: str | None = None,
        mls_type: MlsType | None = MlsType.ALWAYS_SEND,
    ) -> Request:
        signer = credentials or self.pki.seat(from_seat)
        at = datetime.now(UTC)
        identifier = sbdh_id or str(uuid.uuid4())
        unique = uuid.uuid4()
        header = Sbdh(
            sender=sender,
            receiver=receiver,
            document_type=document_type,
            process=process,
            standard=document_type.namespace,
            type_version=document_type.version or "",
            type=document_type.root or "",
            instance_identifier=identifier,
            created=at,
            country_c1="BE",
            mls_to=spid_of_seat(from_seat) if mls_type else None,
            mls_type=mls_type,
        )
        message = UserMessage(
            message_id=message_id or f"{unique}@forge.example",
            timestamp=at,
            conversation_id=identifier[:60],
            from_party=from_seat,
            to_party=to_seat,
            service=process,
            action=document_type,
            original_sender=sender,
            final_recipient=receiver,
            payload_id=f"{unique}.payload@forge.example",
        )
        envelope, out = BytesIO(), BytesIO()
        write(header, BytesIO(content), envelope)
        envelope.seek(0)
        encoded = encode(
            message,
            envelope,
            key=signer.key,
            certificate=signer.certificate,
            recipient=self.pki.seat(to_seat).certificate,
            entropy=os.urandom,
            spool=BytesIO,
            out=out,
        )
        return Request(encoded.content_type, out.getvalue())

    def error(
        self,
        request: Request,
        *codes: EbmsCode,
        detail: str | None = None,
        signer: Credentials | None = None,
    ) -> bytes:
        """An ebMS error about a request, signed by ``signer`` if there is one."""
        message_id = re.search(rb"MessageId>([^<]+)<", request.body)
        assert message_id is not None
        return build_error(
            [
                PeerAs4Error("AS4-FORGED", "Something is wrong.", ebms=one, detail=detail)
                for one in codes
            ],
            ref_to_message_id=message_id[1].decode(),
            message_id=f"{uuid.uuid4()}@forge.example",
            now=datetime.now(UTC),
            key=signer.key if signer else None,
            certificate=signer.certificate if signer else None,
            entropy=os.urandom,
        )

    def fail(
        self,
        line: Line,
        *codes: EbmsCode,
        detail: str | None = None,
        signer: Credentials | None = None,
    ) -> None:
        """Answer the next AS4 request on this line with an ebMS error."""

        async def step(request: Request, _forward: Forward) -> Reply:
            return Reply(200, SOAP, self.error(request, *codes, detail=detail, signer=signer))

        line.once(step)


@pytest.fixture(scope="session")
def forge(pki: Pki) -> Forge:
    return Forge(pki)


@dataclass(frozen=True, slots=True)
class Bundles:
    """The evidence of one invoice that was delivered and answered, from both sides."""

    sent: bytes
    received: bytes
    document: bytes


@pytest.fixture(scope="session")
def bundles(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, pki: Pki, rules: None
) -> Bundles:
    """One real exchange, made once: an invoice, its MLS and an Invoice Response."""
    folder = tmp_path_factory.mktemp("bundles")
    places = [folder / f"{name}.db" for name in ("sender", "receiver")]
    for place in places:
        shutil.copyfile(sqlite_template, place)
    urls = f"sqlite:///{places[0]}", f"sqlite:///{places[1]}"

    async def exchange() -> Bundles:
        with pytest.MonkeyPatch.context() as patch:
            async with _network(urls, folder, pki, patch) as pair:
                sent, arrived = await pair.delivered()
                answered = await pair.receiver.call(
                    "POST", f"/v1/documents/{arrived.id}/responses", json={"status": "AP"}
                )
                assert answered.status == 202
                await pair.settle()
                found = [
                    await house.call("GET", f"/v1/documents/{one.id}/evidence")
                    for house, one in ((pair.sender, sent), (pair.receiver, arrived))
                ]
                return Bundles(found[0].body, found[1].body, invoice_bytes("VT-1"))

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(exchange())
    finally:
        loop.close()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AbstractContextManager[None]]:
    """Within the block a house's storage takes ``after`` more blobs and then has no room left."""

    @contextmanager
    def full(house: House, *, after: int = 0) -> Iterator[None]:
        blobs, taken = house.gateway.platform.blobs, itertools.count()
        put = blobs.put

        async def put_while_there_is_room(source: bytes | BinaryIO) -> BlobRef:
            if next(taken) >= after:
                raise GatewayError(STORAGE_FULL, "There is no room left; free some and retry.")
            return await put(source)

        with monkeypatch.context() as patch:
            patch.setattr(blobs, "put", put_while_there_is_room)
            yield

    return full


@pytest.fixture
def pool_fails() -> Callable[..., AbstractContextManager[None]]:
    """Within the block a house's rule workers cannot finish."""

    @contextmanager
    def failing(house: House, kind: ErrorKind = POOL_BUSY) -> Iterator[None]:
        pool = house.gateway.platform.pool
        assert isinstance(pool, InProcess)
        pool.failure = GatewayError(kind, "The workers cannot take this; send it again later.")
        yield
        pool.failure = None

    return failing
