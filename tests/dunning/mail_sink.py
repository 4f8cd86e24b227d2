"""A real mail server that keeps what it takes and says what a test wants it to say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Sink:
    """A mail server that can be told what to say; ``senders`` are the envelopes' return paths.

    ``answers`` go out in place of taking an e-mail, by command; at ``cut_at`` it hangs up.
    """

    port: int = 0
    taken: list[bytes] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
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
            self.senders.append(envelope.mail_from or "")
        if self.cut_at == "DATA":
            server.transport.abort()
        return self.answers.get("DATA", "250 OK")

    def messages(self) -> list[EmailMessage]:
        """What arrived, parsed."""
        return [message_from_bytes(one, EmailMessage, policy=SMTP_POLICY) for one in self.taken]


@asynccontextmanager
async def mail_server() -> AsyncIterator[Sink]:
    """A mail server on a port of its own, for as long as the block lasts."""
    sink, loop = Sink(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(sink, hostname="sink.example", loop=loop), "127.0.0.1", 0
    )
    sink.port = server.sockets[0].getsockname()[1]
    yield sink
    server.close()
    await server.wait_closed()
