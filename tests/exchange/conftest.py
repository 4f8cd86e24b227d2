"""Fixtures of the exchange: two houses on one network, a forge of AS4 messages, troubles."""

import asyncio
import itertools
import os
import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractContextManager,
    contextmanager,
)
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from psycopg import sql
from sqlalchemy import make_url

from gateway.access.principal import Principal
from gateway.app import Gateway
from gateway.as4.keys import SoftwareKey
from gateway.core.blob_format import BlobRef
from gateway.core.errors import STORAGE_FULL, ErrorKind, GatewayError
from gateway.core.pool import POOL_BUSY
from gateway.network.keys import FileKeys
from gateway.network.local_pki import Authority, ensure_test_pki, issue, new_key
from gateway.network.pki import Purpose
from schematron import worker as engine

# Tests are no packages here, so the modules beside this one are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from exchange_forge import Forge
from exchange_houses import (
    RECEIVER_SEAT,
    SENDER_SEAT,
    SMP_SEAT,
    THIRD_SEAT,
    Credentials,
    House,
    InProcess,
    Pair,
    Pki,
    account,
    invoice_bytes,
    open_network,
)


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
    engine.initialise()


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
    async with open_network(urls, tmp_path, pki, monkeypatch) as pair:
        yield pair


@pytest.fixture
async def lite(
    sqlite_urls: tuple[str, str], tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    """Two gateways on SQLite, for what does not depend on the kind of database."""
    async with open_network(sqlite_urls, tmp_path, pki, monkeypatch) as pair:
        yield pair


@pytest.fixture
def make_invoice() -> Callable[..., bytes]:
    return invoice_bytes


@pytest.fixture
def open_account() -> Callable[[Gateway, UUID], Awaitable[tuple[Principal, str]]]:
    return account


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
            async with open_network(urls, folder, pki, patch) as pair:
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
