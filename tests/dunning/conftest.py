"""An office with a real mail server beside it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

# Tests are no packages here, so the modules beside this one are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from dunning_office import Office

from gateway.core.database import Database


@dataclass
class Sink:
    """A mail server that can be told what to say."""

    port: int = 0
    taken: list[bytes] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    cut_at: str = ""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.cut_at == "RCPT":
            server.transport.abort()
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" not in self.answers:
            assert isinstance(envelope.content, bytes)
            self.taken.append(envelope.content)
        if self.cut_at == "DATA":
            server.transport.abort()
        return self.answers.get("DATA", "250 OK")

    def messages(self) -> list[EmailMessage]:
        """What arrived, parsed."""
        return [message_from_bytes(one, EmailMessage, policy=SMTP_POLICY) for one in self.taken]


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink, loop = Sink(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(sink, hostname="sink.example", loop=loop), "127.0.0.1", 0
    )
    sink.port = server.sockets[0].getsockname()[1]
    yield sink
    server.close()
    await server.wait_closed()


@pytest.fixture
async def office(database: Database, sink: Sink, tmp_path: Path) -> Office:
    """An account that can send e-mail; the test runs once on each kind of database."""
    office = Office(database, tmp_path / "blobs", smtp_port=sink.port)
    await office.open()
    return office


@pytest.fixture
async def lite(sqlite_url: str, sink: Sink, tmp_path: Path) -> AsyncIterator[Office]:
    """The same on SQLite only, for what no database can change."""
    database = Database(sqlite_url)
    office = Office(database, tmp_path / "blobs", smtp_port=sink.port)
    await office.open()
    yield office
    await database.close()
