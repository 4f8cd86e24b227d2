"""A PKI of fictional seats and a gateway on its network, shared by the tests of the package."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import dns.message
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import ValidationError

from gateway.access.principal import PRINCIPAL, CallerKind, Principal
from gateway.access.tables import Tenant
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST
from gateway.core.settings import Stage
from gateway.network.api import PARTICIPANTS, ROUTES
from gateway.network.keys import FileKeys, KeyPair
from gateway.network.local_pki import Authority, ensure_test_pki, issue
from gateway.network.participants import Participants
from gateway.network.pki import Purpose, TrustAnchors
from gateway.network.service import NETWORK, Network
from gateway.network.smp_api import ROUTES as SMP_ROUTES
from gateway.network.smp_api import SMP_SERVER
from gateway.network.smp_server import SmpServer

# Tests are no packages here, so the modules beside this one are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

AP_SEAT = "POP000901"
SMP_SEAT = "PSM000901"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pki:
    """The test PKI with everything a test wants to misuse."""

    now: datetime
    ap_seat: str
    smp_seat: str
    folder: Path
    anchors: TrustAnchors
    ap: Authority
    smp: Authority
    ap_pair: KeyPair
    smp_pair: KeyPair
    spare_key: rsa.RSAPrivateKey

    def issue(
        self,
        seat_id: str = AP_SEAT,
        *,
        purpose: Purpose = Purpose.AP,
        issuer: Authority | None = None,
        not_before: datetime = NOW - timedelta(days=1),
        not_after: datetime = NOW + timedelta(days=1),
    ) -> x509.Certificate:
        """A certificate over the spare key."""
        return issue(
            seat_id=seat_id,
            purpose=purpose,
            public_key=self.spare_key.public_key(),
            issuer=issuer or (self.ap if purpose is Purpose.AP else self.smp),
            not_before=not_before,
            not_after=not_after,
        )


def authority(folder: Path, kind: str) -> Authority:
    key = load_pem_private_key((folder / f"authorities/{kind}.key.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    certificate = x509.load_pem_x509_certificate((folder / f"trust/{kind}-test.pem").read_bytes())
    return Authority(certificate=certificate, key=key)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    places = ensure_test_pki(folder, ap_seats=[AP_SEAT], smp_seats=[SMP_SEAT], at=NOW)
    keys = FileKeys(places.keys)
    return Pki(
        now=NOW,
        ap_seat=AP_SEAT,
        smp_seat=SMP_SEAT,
        folder=folder,
        anchors=TrustAnchors.from_folder(places.trust),
        ap=authority(folder, "ap"),
        smp=authority(folder, "smp"),
        ap_pair=keys.ring(AP_SEAT).signing(NOW),
        smp_pair=keys.ring(SMP_SEAT).signing(NOW),
        spare_key=rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )


@pytest.fixture(scope="session")
def vectors() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "vectors"
    if not folder.is_dir():
        pytest.skip("the third-party test vectors are not beside the repository (../shared)")
    return folder


@dataclass(frozen=True, slots=True)
class Place:
    """One instance on the test network, with two tenants that must not see each other."""

    database: Database
    network: Network
    participants: Participants
    tenant: UUID
    other_tenant: UUID


@pytest.fixture
async def place(database: Database, pki: Pki) -> Place:
    tenants = [Tenant(slug=one, name=one, created_at=NOW) for one in ("alpha", "beta")]
    network = Network(
        anchors=pki.anchors,
        keys=FileKeys(pki.folder / "keys"),
        stage=Stage.TEST,
        as4_url="https://gateway.example/as4",
        smp_url="https://gateway.example/smp",
        now=lambda: NOW,
    )
    async with database.write() as session:
        session.add_all(tenants)
        await network.enrol_seats(session)
    return Place(
        database=database,
        network=network,
        participants=Participants(database=database, network=network),
        tenant=tenants[0].id,
        other_tenant=tenants[1].id,
    )


@web.middleware
async def as_the_server_does(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Let a header say who calls, and turn errors into statuses."""
    tenant = request.headers.get("X-Tenant")
    if tenant is not None:
        request[PRINCIPAL] = Principal(
            tenant_id=UUID(tenant), actor="test", kind=CallerKind.API_KEY, scopes=frozenset()
        )
    try:
        return await handler(request)
    except GatewayError as error:
        problem = {"code": error.code, "detail": error.message}
        return web.json_response(problem, status=error.kind.status)
    except ValidationError as error:
        faults = [{"field": one["loc"], "reason": one["msg"]} for one in error.errors()]
        problem = {"code": BAD_REQUEST.code, "detail": str(faults)}
        return web.json_response(problem, status=BAD_REQUEST.status)


@pytest.fixture
def app(place: Place) -> web.Application:
    """The package's routes over the place, as the web layer would mount them."""
    app = web.Application(middlewares=[as_the_server_does])
    app[NETWORK] = place.network
    app[PARTICIPANTS] = place.participants
    app[SMP_SERVER] = SmpServer(database=place.database, network=place.network)
    for route in (*ROUTES, *SMP_ROUTES):
        app.router.add_route(route.method, route.path, route.handler)
    return app


DnsAnswer = Callable[[dns.message.Message], dns.message.Message | bytes | None]


class Responder(asyncio.DatagramProtocol):
    """A name server of one answer; remembers what it was asked."""

    def __init__(self, answer: DnsAnswer) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self.asked.append(str(query.question[0]))
        answer = self._answer(query)
        if answer is not None:
            wire = answer if isinstance(answer, bytes) else answer.to_wire()
            self._transport.sendto(wire, addr)


StartNameServer = Callable[[DnsAnswer], Awaitable[tuple[str, list[str]]]]


@pytest.fixture
async def name_server() -> AsyncIterator[StartNameServer]:
    """Starts DNS responders over UDP on loopback: gives their address and what they are asked."""
    open_transports: list[asyncio.DatagramTransport] = []

    async def start(answer: DnsAnswer) -> tuple[str, list[str]]:
        loop = asyncio.get_running_loop()
        transport, responder = await loop.create_datagram_endpoint(
            lambda: Responder(answer), local_addr=("127.0.0.1", 0)
        )
        open_transports.append(transport)
        host, port = transport.get_extra_info("sockname")
        return f"{host}:{port}", responder.asked

    yield start
    for transport in open_transports:
        transport.close()
