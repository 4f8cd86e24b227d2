"""Sending meets real sockets that misbehave in each phase; every phase has its own code."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from gateway.core.errors import GatewayError
from gateway.core.faults import Faults
from gateway.core.outgoing import client_session
from gateway.core.patience import Patience
from gateway.core.settings import FaultSettings, Stage
from gateway.exchange.as4_client import Answer, As4Client, NotSent, OutcomeUnknown

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LONG = {"dns": 30, "connect": 30, "tls": 30, "send": 30, "wait": 30, "read": 30}
LARGE = 24 * 1024 * 1024
SOAP = b"Content-Type: application/soap+xml\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for ``localhost`` that nobody's CA has issued, and its key."""
    raw = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    at = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(raw.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - datetime.timedelta(days=1))
        .not_valid_after(at + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(raw, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        raw.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"message")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + SOAP + b"\r\nok")
    await writer.drain()


async def stays_silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def speaks_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def reads_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.Event().wait()


async def hangs_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"message")


async def stops_answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"message")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n" + SOAP + b"\r\nok")
    await writer.drain()
    await asyncio.Event().wait()


async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"message")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n" + SOAP + b"\r\nok")
    await writer.drain()


async def answers_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"message")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n" + SOAP + b"\r\n")
    writer.write(b" " * 9_000_000)
    await writer.drain()


@asynccontextmanager
async def listening(peer: Peer, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A peer on a port of localhost; its connections end with the block."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await peer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def post(
    url: str,
    *,
    body: bytes = b"message",
    authorities: Path | None = None,
    dns_s: float = 30,
    **patience: float,
) -> Answer:
    async with client_session(
        Stage.TEST,
        connect_timeout_s=30,
        answer_timeout_s=30,
        dns_timeout_s=dns_s,
        tls_authorities=authorities,
    ) as session:
        client = As4Client(
            session, Stage.TEST, Faults(FaultSettings()), Patience(**{**LONG, **patience})
        )
        return await client.post(url, content_type="text/plain", body=BytesIO(body), size=len(body))


async def failure(url: str, **how: object) -> tuple[type[GatewayError], str]:
    with pytest.raises(GatewayError) as caught:
        await post(url, **how)
    return type(caught.value), caught.value.code


@pytest.mark.parametrize(
    ("peer", "patience", "outcome", "code"),
    [
        (reads_nothing, {"send": 0.5}, OutcomeUnknown, "DELIVERY-STALLED"),
        (stays_silent, {"wait": 0.01}, OutcomeUnknown, "DELIVERY-NO-RECEIPT"),
        (hangs_up, {}, OutcomeUnknown, "DELIVERY-NO-RECEIPT"),
        (stops_answering, {"read": 0.5}, OutcomeUnknown, "DELIVERY-ANSWER-CUT"),
        (breaks_off, {}, OutcomeUnknown, "DELIVERY-ANSWER-CUT"),
        (answers_too_much, {}, OutcomeUnknown, "DELIVERY-NO-RECEIPT"),
    ],
)
async def test_each_phase_has_its_code(peer, patience, outcome, code):
    body = b"x" * LARGE + b"message" if peer is reads_nothing else b"message"
    async with listening(peer) as port:
        found = await failure(f"http://127.0.0.1:{port}/as4", body=body, **patience)
    assert found == (outcome, code)


async def test_a_port_where_nobody_listens():
    async with listening(answers) as port:
        pass
    found = await failure(f"http://127.0.0.1:{port}/as4")
    assert found == (NotSent, "DELIVERY-UNREACHABLE")


async def test_a_name_that_is_not_found_and_name_servers_that_do_not_answer():
    found = await failure("http://nobody.invalid/as4", dns_s=3)
    assert found == (NotSent, "DELIVERY-DNS")


async def test_tls_that_is_trusted_by_a_further_authority(tls):
    async with listening(answers, server_context(tls)) as port:
        answer = await post(f"https://localhost:{port}/as4", authorities=tls / "certificate.pem")
    assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize("case", ["unknown authority", "another name", "TLS 1.1", "no TLS at all"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_tls_that_cannot_be_trusted(tls, case):
    context: ssl.SSLContext | None = server_context(tls)
    assert context is not None
    peer, authorities, host = answers, tls / "certificate.pem", "localhost"
    if case == "unknown authority":
        authorities = None
    elif case == "another name":
        host = "127.0.0.1"
    elif case == "TLS 1.1":
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    else:
        peer, context = speaks_plainly, None
    async with listening(peer, context) as port:
        found = await failure(f"https://{host}:{port}/as4", authorities=authorities)
    assert found == (NotSent, "DELIVERY-TLS")


async def test_a_handshake_that_never_ends():
    async with listening(stays_silent) as port:
        found = await failure(f"https://localhost:{port}/as4", tls=0.3)
    assert found == (NotSent, "DELIVERY-TLS")


async def test_a_file_without_certificates_is_told_at_the_start(tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(GatewayError) as caught:
        await post("https://localhost/as4", authorities=tmp_path / "empty.pem")
    assert caught.value.code == "OUTGOING-TLS-AUTHORITIES"
