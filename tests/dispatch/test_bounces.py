"""Bounces by every door: what they change, that they change it once, and whom they do not reach."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from gateway.core.alarms import Alarm
from gateway.core.errors import GatewayError
from gateway.core.settings import DispatchSettings
from gateway.dispatch.bounce_readers import FolderReader, ImapReader
from gateway.exchange.tables import StoredBlob

REPORT = """From: MAILER-DAEMON@mx.example
To: bounces+{token}@seller.example
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ap@buyer.example
Action: {action}
Status: {status}
--b--
"""


def report(token: str, action: str = "failed", status: str = "5.1.1") -> bytes:
    text = REPORT.format(token=token, action=action, status=status)
    return text.replace("\n", "\r\n").encode()


async def test_a_bounce_takes_the_document_back_to_failed_once(house):
    document_id = await house.sent()
    (row,) = await house.dispatches(document_id)
    taken = await house.call("POST", "/v1/mail/bounces", data=report(row.token, "delayed"))
    assert taken.body["verdict"] == "delayed"
    assert (await house.document(document_id)).transport == "dispatched"
    for changed in (True, False):
        taken = await house.call("POST", "/v1/mail/bounces", data=report(row.token))
        assert taken.status == 200
        assert taken.body == {
            "verdict": "failed",
            "dispatch_id": str(row.id),
            "document_id": document_id,
            "changed": changed,
        }
    document = await house.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "MAIL-BOUNCED")
    assert "5.1.1" in document.failure_text
    assert (await house.kinds(document_id))[-2:] == ["dispatch.delayed", "dispatch.bounced"]
    (row,) = await house.dispatches(document_id)
    assert row.state == "bounced"
    assert row.bounce_id is not None
    evidence = await house.call("GET", f"/v1/documents/{document_id}/evidence")
    with ZipFile(BytesIO(evidence.body)) as bundle:
        assert bundle.read("mail-01.eml") == house.sink.taken[0]
        assert bundle.read("mail-02.eml") == report(row.token)


async def test_sent_to_the_right_address_it_is_on_its_way_again(house):
    document_id = await house.sent()
    (row,) = await house.dispatches(document_id)
    await house.call("POST", "/v1/mail/bounces", data=report(row.token))
    again = await house.call(
        "POST",
        f"/v1/documents/{document_id}/dispatches",
        json={"channel": "email", "email": "right@buyer.example"},
    )
    assert again.status == 202
    await house.work()
    assert (await house.document(document_id)).transport == "dispatched"
    # A late report about the first e-mail says nothing about the second.
    await house.call("POST", "/v1/mail/bounces", data=report(row.token))
    assert (await house.document(document_id)).transport == "dispatched"


async def test_a_delay_told_twice_is_written_down_once(house):
    document_id = await house.sent()
    (row,) = await house.dispatches(document_id)
    for status, changed in (("4.4.1", True), ("4.4.1", False), ("4.4.7", True)):
        taken = await house.call(
            "POST", "/v1/mail/bounces", data=report(row.token, "delayed", status)
        )
        assert (taken.status, taken.body["changed"]) == (200, changed)
    assert (await house.kinds(document_id)).count("dispatch.delayed") == 2
    assert len(await house.rows(StoredBlob, StoredBlob.purpose == "bounce")) == 2


async def test_a_bounce_after_the_link_was_opened_is_told_and_takes_nothing_back(lite):
    document_id = await lite.sent()
    (row,) = await lite.dispatches(document_id)
    assert (await lite.press(await lite.link(document_id))).status == 303
    for changed in (True, False):
        taken = await lite.call("POST", "/v1/mail/bounces", data=report(row.token))
        assert taken.body["changed"] is changed
    assert (await lite.document(document_id)).transport == "dispatched"
    (row,) = await lite.dispatches(document_id)
    assert (row.state, row.bounced_at is not None) == ("opened", True)
    assert (await lite.kinds(document_id)).count("dispatch.bounced") == 1


async def test_a_made_up_or_foreign_bounce_changes_nothing(lite):
    document_id = await lite.sent()
    (row,) = await lite.dispatches(document_id)
    taken = await lite.call("POST", "/v1/mail/bounces", data=report("0" * 30))
    assert taken.body["dispatch_id"] is None
    other = await lite.gateway.access.create_tenant(slug="other", name="Other")
    lite.key = await lite.new_key(other.id)
    taken = await lite.call("POST", "/v1/mail/bounces", data=report(row.token))
    assert (taken.body["dispatch_id"], taken.body["changed"]) == (None, False)
    assert (await lite.document(document_id)).transport == "dispatched"
    refused = await lite.call("POST", "/v1/mail/bounces", data=b"nothing")
    assert (refused.status, refused.body["code"]) == (422, "BOUNCE-UNREADABLE")


@pytest.fixture
def dispatch_settings(tmp_path):
    folder = tmp_path / "bounces"
    (folder / "new").mkdir(parents=True)
    return {"return_path": "bounces@seller.example", "bounce_folder": str(folder)}


async def test_a_maildir_is_read_by_the_clock(lite, tmp_path):
    document_id = await lite.sent()
    (row,) = await lite.dispatches(document_id)
    folder = tmp_path / "bounces"
    (folder / "new" / "1.junk").write_bytes(b"junk")
    (folder / "new" / "2.report").write_bytes(report(row.token))
    await lite.run("dispatch.bounces")
    assert (await lite.document(document_id)).failure_code == "MAIL-BOUNCED"
    assert sorted(one.name for one in (folder / "done").iterdir()) == ["1.junk", "2.report"]
    assert list((folder / "new").iterdir()) == []


async def test_an_alarm_is_open_as_long_as_bounces_cannot_be_read(lite, tmp_path):
    folder = tmp_path / "bounces"
    folder.rename(tmp_path / "away")
    await lite.run("dispatch.bounces")
    (alarm,) = await lite.rows(Alarm, Alarm.code == "BOUNCES-UNREAD")
    assert (alarm.subject, alarm.cleared_at) == (str(folder), None)
    (tmp_path / "away").rename(folder)
    await lite.later()
    (alarm,) = await lite.rows(Alarm, Alarm.code == "BOUNCES-UNREAD")
    assert alarm.cleared_at is not None


def test_a_message_that_cannot_be_taken_now_stays_where_it_is(tmp_path):
    (tmp_path / "1.eml").write_bytes(b"x")

    def refuse(_content: bytes) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        FolderReader(tmp_path).read(refuse)
    assert (tmp_path / "1.eml").exists()
    assert FolderReader(tmp_path).read(lambda _: None) == 1
    assert FolderReader(tmp_path).read(lambda _: None) == 0
    with pytest.raises(GatewayError) as away:
        FolderReader(tmp_path / "none").read(lambda _: None)
    assert away.value.code == "BOUNCE-MAILBOX"


def test_a_folder_that_cannot_be_changed_stops_no_other_reader(tmp_path):
    (tmp_path / "1.eml").write_bytes(b"x")
    (tmp_path / "done").write_bytes(b"in the way")
    with pytest.raises(GatewayError) as away:
        FolderReader(tmp_path).read(lambda _: None)
    assert away.value.code == "BOUNCE-MAILBOX"
    assert (tmp_path / "1.eml").exists()


class Mailbox:
    """A small IMAP peer (RFC 3501) over TLS: as much as a reader of unread messages needs."""

    def __init__(self, messages: dict[int, bytes]) -> None:
        self.messages = messages
        self.seen: set[int] = set()
        self.password = "secret word"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := (await reader.readline()).decode().strip():
            tag, _, rest = line.partition(" ")
            command, _, arguments = rest.partition(" ")
            status = b"OK done"
            match command.upper():
                case "CAPABILITY":
                    writer.write(b"* CAPABILITY IMAP4rev1\r\n")
                case "LOGIN":
                    if self.password not in arguments:
                        status = b"NO wrong " + arguments.encode()
                case "SELECT":
                    writer.write(b"* %d EXISTS\r\n" % len(self.messages))
                case "UID":
                    self._uid(writer, arguments)
                case "LOGOUT":
                    writer.write(b"* BYE\r\n")
            writer.write(tag.encode() + b" " + status + b"\r\n")
            await writer.drain()
            if command.upper() == "LOGOUT":
                break
        writer.close()

    def _uid(self, writer: asyncio.StreamWriter, arguments: str) -> None:
        words = arguments.split()
        if words[0] == "SEARCH":
            unread = sorted(set(self.messages) - self.seen)
            writer.write(b"* SEARCH " + b" ".join(b"%d" % one for one in unread) + b"\r\n")
        elif words[0] == "FETCH":
            content = self.messages[int(words[1])]
            writer.write(
                b"* %s FETCH (UID %s BODY[]<0> {%d}\r\n"
                % (words[1].encode(), words[1].encode(), len(content))
            )
            writer.write(content + b")\r\n")
        elif words[0] == "STORE":
            self.seen.add(int(words[1]))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder, now = tmp_path_factory.mktemp("tls"), datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    place = folder / "both.pem"
    place.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return place


@pytest.fixture
async def mailbox(certificate):
    box = Mailbox({3: report("a" * 30), 5: b"junk"})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0, ssl=context)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await server.wait_closed()


def reader_of(mailbox, certificate, *, password="secret word"):
    settings = DispatchSettings(
        bounce_host="localhost",
        bounce_port=mailbox.port,
        bounce_username="bounces",
        bounce_password=SecretStr(password),
    )
    return ImapReader(settings, tls=ssl.create_default_context(cafile=certificate))


async def test_unread_messages_of_a_mailbox_are_taken_once(mailbox, certificate):
    reader, taken = reader_of(mailbox, certificate), []
    assert await asyncio.to_thread(reader.read, taken.append) == 2
    assert taken == [mailbox.messages[3], mailbox.messages[5]]
    assert mailbox.seen == {3, 5}
    assert await asyncio.to_thread(reader.read, taken.append) == 0


async def test_a_message_that_was_not_taken_stays_unread(mailbox, certificate):
    def refuse(_content: bytes) -> None:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        await asyncio.to_thread(reader_of(mailbox, certificate).read, refuse)
    assert mailbox.seen == set()


async def test_a_wrong_password_is_said_without_saying_it(mailbox, certificate):
    reader = reader_of(mailbox, certificate, password="guessed")
    with pytest.raises(GatewayError) as away:
        await asyncio.to_thread(reader.read, print)
    assert away.value.code == "BOUNCE-MAILBOX"
    assert "guessed" not in away.value.message


async def test_a_server_that_is_not_trusted_gets_no_password(mailbox, certificate):
    settings = DispatchSettings(
        bounce_host="localhost", bounce_port=mailbox.port, bounce_username="bounces"
    )
    with pytest.raises(GatewayError, match="TLS"):
        await asyncio.to_thread(ImapReader(settings).read, print)
