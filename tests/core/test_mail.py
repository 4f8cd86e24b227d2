"""The mail client against a real mail server (aiosmtpd) in all its moods."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.core.errors import GatewayError, Retry
from gateway.core.mail import SmtpMailer
from gateway.core.settings import MailSettings

SENDER, RECIPIENT = "billing@lumen.example", "accounts@koper.example"
SECRET = "s3cret-of-the-test"

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


def message() -> bytes:
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"], mail["To"], mail["Subject"] = SENDER, RECIPIENT, "Reminder"
    mail.set_content("Dear Sir or Madam,\n.a line that begins with a dot\n")
    return mail.as_bytes()


@dataclass
class Sink:
    """What a server took, and what it answers instead of taking it."""

    taken: list[bytes] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    cut_at: str = ""

    def _cut(self, server: SMTP) -> str:
        server.transport.abort()
        return "421 gone"

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.cut_at == "MAIL":
            return self._cut(server)
        if "MAIL" not in self.answers:
            envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.cut_at == "RCPT":
            return self._cut(server)
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.answers:
            return self.answers["DATA"]
        assert isinstance(envelope.content, bytes)
        self.taken.append(envelope.content)
        return self._cut(server) if self.cut_at == "DATA" else "250 OK"


@asynccontextmanager
async def serving(sink: Sink, **options: Any) -> AsyncIterator[int]:
    """A mail server on a port of its own."""
    listens_tls = options.pop("ssl", None)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, hostname="sink.example", loop=asyncio.get_running_loop(), **options),
        "127.0.0.1",
        0,
        ssl=listens_tls,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def mailer(port: int, tls: ssl.SSLContext | None = None, **more: Any) -> SmtpMailer:
    facts = {"host": "127.0.0.1", "port": port, "security": "none", "timeout_s": 60} | more
    return SmtpMailer(MailSettings(**facts), tls=tls)


async def send(client: SmtpMailer) -> None:
    async with client.open(sender=SENDER, recipient=RECIPIENT) as envelope:
        await envelope.hand_over(message())


async def refusal(client: SmtpMailer) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        await send(client)
    assert SECRET not in str(refused.value)
    return refused.value


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and key for 127.0.0.1 in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink.example")])
    at = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("smtp") / "identity.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture
def server_tls(identity: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    return context


@pytest.fixture
def trusting(identity: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(identity))


async def test_a_message_arrives_as_it_was_given() -> None:
    sink = Sink()
    async with serving(sink) as port:
        await send(mailer(port))
    assert sink.taken == [message()]


async def test_nothing_is_handed_over_unless_asked() -> None:
    sink = Sink()
    async with (
        serving(sink) as port,
        mailer(port).open(sender=SENDER, recipient=RECIPIENT),
    ):
        pass
    assert sink.taken == []


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"RCPT": "550 5.1.1 no such mailbox"}, "MAIL-REFUSED"),
        ({"RCPT": "451 4.7.1 greylisted"}, "MAIL-DEFERRED"),
        ({"MAIL": "550 5.7.1 not yours"}, "MAIL-LOGIN"),
        ({"MAIL": "452 4.3.1 no room"}, "MAIL-DEFERRED"),
        ({"DATA": "554 5.7.1 looks like spam"}, "MAIL-REFUSED"),
        ({"DATA": "451 4.3.0 try later"}, "MAIL-DEFERRED"),
    ],
)
async def test_what_a_server_says_decides_about_another_attempt(
    answers: dict[str, str], code: str
) -> None:
    sink = Sink(answers=answers)
    async with serving(sink) as port:
        error = await refusal(mailer(port))
        assert error.code == code
        assert (error.retry is Retry.NO) == (code == "MAIL-REFUSED")
        sink.answers = {}
        await send(mailer(port))
    assert len(sink.taken) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
async def test_a_connection_cut_before_the_text_sent_nothing(command: str) -> None:
    sink = Sink(cut_at=command)
    async with serving(sink) as port:
        error = await refusal(mailer(port))
    assert (error.code, error.retry, sink.taken) == ("MAIL-SERVER-AWAY", Retry.BACKOFF, [])


async def test_a_connection_cut_after_the_text_leaves_it_unknown() -> None:
    sink = Sink(cut_at="DATA")
    async with serving(sink) as port:
        error = await refusal(mailer(port))
    assert (error.code, error.retry, len(sink.taken)) == ("MAIL-UNKNOWN", Retry.NO, 1)


async def test_a_server_that_stops_answering_leaves_it_unknown(
    pass_time: Callable[[float], None],
) -> None:
    class Silent(Sink):
        async def handle_DATA(self, *args: Any) -> str:
            pass_time(61)
            await asyncio.Event().wait()
            raise AssertionError

    async with serving(Silent()) as port:
        error = await refusal(mailer(port))
    assert error.code == "MAIL-UNKNOWN"


async def test_a_server_that_is_away() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = await refusal(mailer(free.getsockname()[1]))
    assert (error.code, error.retry) == ("MAIL-SERVER-AWAY", Retry.BACKOFF)


async def test_starttls_is_insisted_on() -> None:
    sink = Sink()
    async with serving(sink) as port:
        error = await refusal(mailer(port, security="starttls"))
    assert (error.code, sink.taken) == ("MAIL-SERVER-TLS", [])


async def test_starttls_with_a_login(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    sink = Sink()

    def authenticate(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        is_right = (data.login, data.password) == (b"lumen", SECRET.encode())
        return AuthResult(success=is_right, handled=False)

    known: dict[str, Any] = {"security": "starttls", "username": "lumen"}
    async with serving(
        sink,
        tls_context=server_tls,
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    ) as port:
        wrong = await refusal(mailer(port, trusting, **known, password="x" + SECRET))
        assert wrong.code == "MAIL-LOGIN"
        await send(mailer(port, trusting, **known, password=SECRET))
    assert len(sink.taken) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for_is_refused(
    security: str, server_tls: ssl.SSLContext
) -> None:
    sink = Sink()
    options = {"ssl": server_tls} if security == "tls" else {"tls_context": server_tls}
    async with serving(sink, **options) as port:
        error = await refusal(mailer(port, security=security))
    assert (error.code, sink.taken) == ("MAIL-SERVER-TLS", [])


async def test_tls_from_the_first_byte(
    server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    sink = Sink()
    async with serving(sink, ssl=server_tls) as port:
        await send(mailer(port, trusting, security="tls"))
    assert len(sink.taken) == 1


async def test_a_login_is_not_sent_where_the_server_offers_none() -> None:
    sink = Sink()
    async with serving(sink) as port:
        error = await refusal(mailer(port, username="lumen", password=SECRET))
    assert (error.code, sink.taken) == ("MAIL-LOGIN", [])
