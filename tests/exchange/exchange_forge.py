"""AS4 messages made by hand, as an access point would that is not ours."""

import os
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from exchange_houses import RECEIVER_SEAT, SENDER_SEAT, Credentials, Pki
from exchange_line import SOAP, Forward, Line, Reply, Request

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
from gateway.as4.outgoing import encode
from gateway.as4.sbdh import MlsType, Sbdh, write
from gateway.demo.cast import BUYER, SELLER


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
        mls_to: ParticipantId | None = None,
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
            mls_to=(mls_to or spid_of_seat(from_seat)) if mls_type else None,
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
