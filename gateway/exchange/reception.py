"""Taking an AS4 message from C2: verified, durable, committed, and only then acknowledged.

A receipt is made once and kept. The same message again gets the same receipt; the same
MessageId with other content is an error; the same document under a new MessageId is taken,
acknowledged and flagged, but not handed over twice (decision 17).
"""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Final
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.rate_limits import TOO_OFTEN_AS4, too_often
from gateway.as4.agreement import common_name
from gateway.as4.encryption import OtherRecipient
from gateway.as4.errors import NOT_SERVICED, EbmsCode, PeerAs4Error
from gateway.as4.incoming import (
    MessageRefused,
    Received,
    UnpackLimits,
    build_error,
    build_receipt,
    unpack,
)
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.faults import Faults
from gateway.core.ids import new_id
from gateway.core.jobs.queue import JobQueue
from gateway.core.settings import ReceiverCheck
from gateway.core.token_buckets import TokenBuckets
from gateway.exchange.archive import Archive
from gateway.exchange.encoding import spool
from gateway.exchange.lanes import ROUTE
from gateway.exchange.tables import Reception, StoredBlob
from gateway.exchange.traffic import record_received
from gateway.network.keys import KeyPair
from gateway.network.pki import Purpose, VerdictStatus, fingerprint, verify_certificate
from gateway.network.receiver_check import find_receiver
from gateway.network.revocation import RevocationAnswer, evidence_of_revocation
from gateway.network.service import Network, ServedParticipant

__all__ = ["Receiver", "Reply"]

TRUST_UNDECIDED: Final = ErrorKind(
    "AS4-TRUST-UNDECIDED", "The sender's certificate cannot be judged now", 503, Retry.BACKOFF
)
SOAP: Final = "application/soap+xml;charset=UTF-8"
MAX_IDENTIFIER: Final = 200
MAX_CONTENT_TYPE: Final = 500
"""The lengths of the columns of a reception, in characters."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sending access point is told: a receipt or an ebMS error, as SOAP."""

    body: bytes
    accepted: bool
    content_type: str = SOAP


class Receiver:
    """The receiving side of the access point (C3)."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        network: Network,
        now: MachineClock,
        faults: Faults,
        limits: UnpackLimits,
        seats: TokenBuckets,
        check: ReceiverCheck,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._network = network
        self._now = now
        self._faults = faults
        self._limits = limits
        self._seats = seats
        self._check = check

    async def receive(self, body: BinaryIO, content_type: str) -> Reply:
        """Take one message, spooled and rewound, and answer it.

        Everything that is wrong with the message is answered as a signed ebMS error; trouble of
        our own (full disk, database or keys away), a signer that comes too often and one whose
        revocation nobody answers for are raised as GatewayError, so that the sender keeps the
        message and tries again.
        """
        self._faults.reach("message-spooled")
        try:
            received = await asyncio.to_thread(self._unpack, body, content_type)
            try:
                answers = await self._judge(received)
                return await self._take(received, body, content_type, answers)
            finally:
                received.sbd.close()
        except MessageRefused as error:
            if isinstance(error.cause, OtherRecipient):
                self._network.require_keys(common_name(error.cause.recipient) or "")
            return Reply(await asyncio.to_thread(self._refusal, error), accepted=False)

    def _unpack(self, body: BinaryIO, content_type: str) -> Received:
        return unpack(
            body,
            content_type,
            keys=self._network.decryption_keys(),
            verify_signer=self._verify_signer,
            limits=self._limits,
            spool=spool,
        )

    def _verify_signer(self, certificate: x509.Certificate) -> None:
        """Refuse a stranger before anything is decrypted, and slow down who comes too often.

        Only the chain is judged here; revocation is asked about once the message is proven.
        """
        verdict = verify_certificate(
            certificate, anchors=self._network.anchors, purpose=Purpose.AP, at=self._now()
        )
        if verdict.status is not VerdictStatus.OK:
            raise PeerAs4Error(verdict.code, verdict.message, ebms=EbmsCode.FAILED_AUTHENTICATION)
        wait = self._seats.take(common_name(certificate) or "")
        if wait:
            raise too_often(TOO_OFTEN_AS4, wait)

    async def _judge(self, received: Received) -> Sequence[RevocationAnswer]:
        """Ask whether the signer's certificate was revoked; what the authority answered.

        Without an answer nobody is refused and nothing is taken: the sender tries again.
        """
        judgement = await self._network.trust.judge(
            received.signer, purpose=Purpose.AP, at=self._now()
        )
        verdict = judgement.verdict
        if verdict.status is VerdictStatus.INDETERMINATE:
            raise GatewayError(TRUST_UNDECIDED, verdict.message, reason=verdict.code)
        if not verdict.ok:
            raise _refuse(
                received.message.message_id,
                verdict.code,
                verdict.message,
                ebms=EbmsCode.FAILED_AUTHENTICATION,
            )
        return judgement.answers

    async def _take(
        self,
        received: Received,
        body: BinaryIO,
        content_type: str,
        answers: Sequence[RevocationAnswer],
    ) -> Reply:
        _check_lengths(received, content_type)
        digest = _digest(received)
        signer = fingerprint(received.signer)
        async with self._database.read() as session:
            known = await _find(session, received.message.message_id, signer)
            served = await find_receiver(
                session,
                self._network,
                received.header.receiver,
                received.header.document_type,
                received.header.process,
                check=self._check,
            )
            if known is not None:
                return await self._again(session, known, digest)
        if served is None:
            raise _refuse(
                received.message.message_id,
                "AS4-NOT-SERVICED",
                f"The receiver {received.header.receiver.value} is not served by this access "
                "point for this document type and process. Look its endpoint up again.",
                ebms=EbmsCode.OTHER,
                detail=NOT_SERVICED,
            )
        try:
            receipt = await self._commit(
                received,
                served,
                body,
                content_type=content_type,
                digest=digest,
                answers=answers,
            )
        except IntegrityError:
            async with self._database.read() as session:
                known = await _find(session, received.message.message_id, signer)
                if known is None:
                    raise
                return await self._again(session, known, digest)
        self._faults.reach("message-committed")
        return Reply(receipt, accepted=True)

    async def _again(self, session: AsyncSession, known: Reception, digest: str) -> Reply:
        """Answer a MessageId that was seen before: the kept receipt, if the content is the same."""
        if known.digest != digest:
            raise _refuse(
                known.message_id,
                "AS4-DUPLICATE-OTHER-CONTENT",
                "This MessageId was already used for another message. Send new content under a "
                "new MessageId.",
                ebms=EbmsCode.DUPLICATE_DETECTED,
            )
        return Reply(await self._archive.fetch(session, known.receipt_id), accepted=True)

    async def _commit(
        self,
        received: Received,
        served: ServedParticipant,
        body: BinaryIO,
        *,
        content_type: str,
        digest: str,
        answers: Sequence[RevocationAnswer],
    ) -> bytes:
        """Make message, document and receipt durable, then the row and the job that name them."""
        at = self._now()
        # A key on a token may take its time; the others must not wait for it.
        receipt = await asyncio.to_thread(self._receipt, received, at)
        kept = await self._keep(received, body, receipt, tenant_id=served.tenant_id)
        request, envelope, answer = kept
        revocation: StoredBlob | None = None
        if answers:
            revocation = await self._archive.keep(
                evidence_of_revocation(answers),
                purpose="revocation",
                media_type="application/zip",
                tenant_id=served.tenant_id,
            )
        self._faults.reach("blob-fsynced")
        reception = Reception(
            **_described(received),
            tenant_id=served.tenant_id,
            digest=digest,
            request_id=request.id,
            content_type=content_type,
            envelope_id=envelope.id,
            receipt_id=answer.id,
            revocation_id=revocation.id if revocation else None,
            received_at=at,
        )
        async with self._database.write() as session:
            session.add_all([*kept, *([revocation] if revocation else [])])
            await session.flush()
            session.add(reception)
            await record_received(session, reception, received.header, at=at)
            await self._queue.enqueue(
                session,
                kind=ROUTE,
                payload={"reception_id": str(reception.id)},
                lane="",
                dedupe_key=f"{ROUTE}:{reception.id}",
            )
        return receipt

    async def _keep(
        self, received: Received, body: BinaryIO, receipt: bytes, *, tenant_id: UUID
    ) -> Sequence[StoredBlob]:
        await asyncio.to_thread(body.seek, 0)
        request = await self._archive.keep(
            body, purpose="request", media_type="multipart/related", tenant_id=tenant_id
        )
        received.sbd.seek(0)
        envelope = await self._archive.keep(
            received.sbd, purpose="envelope", media_type="application/xml", tenant_id=tenant_id
        )
        answer = await self._archive.keep(
            receipt, purpose="receipt", media_type=SOAP, tenant_id=tenant_id
        )
        return request, envelope, answer

    def _receipt(self, received: Received, at: datetime) -> bytes:
        pair = self._network.pair_of(received.recipient_certificate)
        return build_receipt(
            received,
            message_id=_signal_id(),
            now=at,
            key=pair.key,
            certificate=pair.certificate,
            entropy=os.urandom,
        )

    def _refusal(self, error: MessageRefused) -> bytes:
        """An error signal, signed if any seat can sign right now (AS4 allows both)."""
        at = self._now()
        pair: KeyPair | None
        try:
            pair = self._network.any_signing(at)
        except GatewayError:
            pair = None
        return build_error(
            [error],
            ref_to_message_id=error.ref_to_message_id,
            message_id=_signal_id(),
            now=at,
            key=pair.key if pair else None,
            certificate=pair.certificate if pair else None,
            entropy=os.urandom,
        )


def _signal_id() -> str:
    return f"{new_id()}@peppol-gateway"


def _described(received: Received) -> dict[str, Any]:
    """What the message says of itself and its signer, by the names of a reception's columns."""
    message, header = received.message, received.header
    return {
        "message_id": message.message_id,
        "signer_seat": message.from_party,
        "signer_fingerprint": fingerprint(received.signer),
        "signer_certificate": received.signer.public_bytes(Encoding.PEM).decode(),
        "own_seat": message.to_party,
        "sbdh_id": header.instance_identifier,
        "sender": str(header.sender),
        "receiver": str(header.receiver),
    }


def _digest(received: Received) -> str:
    """One value for the whole signed content: equal for a repetition, different otherwise."""
    joined = "\n".join(sorted(f"{one.uri} {one.digest.hex()}" for one in received.references))
    return hashlib.sha256(joined.encode()).hexdigest()


def _check_lengths(received: Received, content_type: str) -> None:
    """Refuse for good what could not be kept: the sender would try again for ever."""
    message_id = received.message.message_id
    for what, text, longest in (
        ("MessageId", message_id, MAX_IDENTIFIER),
        ("SBDH InstanceIdentifier", received.header.instance_identifier, MAX_IDENTIFIER),
        ("Content-Type", content_type, MAX_CONTENT_TYPE),
    ):
        if len(text) > longest:
            raise _refuse(
                message_id,
                "AS4-TOO-LONG",
                f"The {what} has {len(text)} characters; this access point takes {longest}.",
                ebms=EbmsCode.INVALID_HEADER,
            )


def _refuse(
    message_id: str, code: str, message: str, *, ebms: EbmsCode, detail: str | None = None
) -> MessageRefused:
    cause = PeerAs4Error(code, message, ebms=ebms, detail=detail)
    return MessageRefused(cause, ref_to_message_id=message_id)


async def _find(session: AsyncSession, message_id: str, signer: str) -> Reception | None:
    found = await session.exec(
        select(Reception).where(
            Reception.message_id == message_id, Reception.signer_fingerprint == signer
        )
    )
    return found.first()
