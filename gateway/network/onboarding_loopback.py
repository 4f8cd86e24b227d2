"""A message to ourselves through the public address: everything on the way is used, nothing kept.

It is signed, encrypted and addressed like any other, but to a participant that nobody has. So the
right answer is the signed error PEPPOL:NOT_SERVICED: whoever says that has decrypted, verified
and read the message, and stored nothing.
"""

import asyncio
import io
import os
from datetime import datetime
from typing import BinaryIO, Final

import aiohttp

from gateway.as4.ebms import UserMessage
from gateway.as4.errors import As4Error
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId, spid_of_seat
from gateway.as4.outgoing import Encoded, ErrorReceived, ReceiptReceived, encode, read_answer
from gateway.as4.sbdh import Sbdh, write
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.ids import new_id
from gateway.core.outgoing import check_url
from gateway.network.keys import KeyPair
from gateway.network.service import Network

__all__ = ["LOOP_BACK", "NOBODY", "send_to_ourselves"]

LOOP_BACK: Final = ErrorKind("LOOP-BACK", "A message to ourselves did not arrive as it should", 502)
NOBODY: Final = ParticipantId.of("9999:gateway-loop-back")
"""A participant that does not exist: 9999 is no assigned scheme."""

_DOCUMENT: Final = b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_MAX_ANSWER: Final = 1024 * 1024


async def send_to_ourselves(session: aiohttp.ClientSession, network: Network, seat_id: str) -> str:
    """Send and judge the answer; returns what was proven. Raises GatewayError LOOP-BACK."""
    at = network.now()
    pair = network.key_ring(seat_id).signing(at)
    message = _message(seat_id, at)
    request = io.BytesIO()
    try:
        wire = await asyncio.to_thread(_encode, message, pair, out=request)
        content_type, body = await _post(
            session, network, content_type=wire.content_type, body=request.getvalue()
        )
        answer = read_answer(
            content_type=content_type,
            body=body,
            message_id=message.message_id,
            references=wire.references,
            recipient=pair.certificate,
            now=network.now(),
        )
    except As4Error as error:
        raise _wrong(f"{error.message} ({error.code})") from error
    _judge(answer)
    return "The message was decrypted, verified and read, and refused as it should (NOT_SERVICED)."


def _message(seat_id: str, at: datetime) -> UserMessage:
    unique = new_id()
    return UserMessage(
        message_id=f"{unique}@loop-back.peppol-gateway",
        timestamp=at,
        conversation_id=str(unique),
        from_party=seat_id,
        to_party=seat_id,
        service=PROCESS_BILLING,
        action=BILLING_INVOICE,
        original_sender=spid_of_seat(seat_id),
        final_recipient=NOBODY,
        payload_id=f"{unique}.payload@peppol-gateway",
    )


def _encode(message: UserMessage, pair: KeyPair, *, out: BinaryIO) -> Encoded:
    header = Sbdh(
        sender=message.original_sender,
        receiver=NOBODY,
        document_type=BILLING_INVOICE,
        process=PROCESS_BILLING,
        standard=BILLING_INVOICE.namespace,
        type_version=BILLING_INVOICE.version or "",
        type=BILLING_INVOICE.root or "",
        instance_identifier=message.conversation_id,
        created=message.timestamp,
        country_c1="ZZ",
    )
    envelope = io.BytesIO()
    write(header, io.BytesIO(_DOCUMENT), envelope)
    envelope.seek(0)
    return encode(
        message,
        envelope,
        key=pair.key,
        certificate=pair.certificate,
        recipient=pair.certificate,
        entropy=os.urandom,
        spool=io.BytesIO,
        out=out,
    )


def _judge(answer: ReceiptReceived | ErrorReceived) -> None:
    """Raises GatewayError LOOP-BACK for anything but our signed word that nobody is there."""
    if not isinstance(answer, ErrorReceived):
        raise _wrong("a message to a participant that nobody has was accepted")
    if not answer.not_serviced:
        first = answer.errors[0]
        raise _wrong(f"it was refused with {first.code} {first.detail or first.description or ''}")
    if not answer.signed:
        raise _wrong("the answer is not signed with the certificate the message was for")


async def _post(
    session: aiohttp.ClientSession, network: Network, *, content_type: str, body: bytes
) -> tuple[str, bytes]:
    url = network.as4_url
    check_url(url, network.stage)
    try:
        async with session.post(
            url,
            data=body,
            headers={"Content-Type": content_type, "Accept-Encoding": "identity"},
            timeout=_TIMEOUT,
            allow_redirects=False,
        ) as response:
            answered = await response.content.read(_MAX_ANSWER)
            while not response.content.at_eof() and len(answered) < _MAX_ANSWER:
                answered += await response.content.read(_MAX_ANSWER)
            return response.headers.get("Content-Type", ""), answered
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _wrong(f"{url} could not be reached ({type(error).__name__})") from error


def _wrong(what: str) -> GatewayError:
    return GatewayError(LOOP_BACK, f"The message to ourselves failed: {what}.")
