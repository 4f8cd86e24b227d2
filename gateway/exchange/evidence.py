"""One bundle per document that proves what travelled, readable without this product.

A zip with the document, every AS4 request and receipt as on the wire, the certificates with those
of their issuers, what the SMP published, what the authorities said about revocation, answers with
their own messages, report and timeline, each listed with its SHA-256, and a summary in PDF that
says in words what happened and how to verify it by hand. Made in fixed memory.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Final
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.as4.compression import compress
from gateway.as4.envelope import read_envelope
from gateway.as4.errors import As4Error
from gateway.as4.wssec import verify
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.spool import Spool
from gateway.exchange.archive import Archive
from gateway.exchange.description import described
from gateway.exchange.evidence_bundle import BundleWriter, as_json
from gateway.exchange.evidence_case import Case, Journey, case_of
from gateway.exchange.evidence_readme import explanation
from gateway.exchange.evidence_summary import SUMMARY, render_summary
from gateway.exchange.tables import Attempt, Direction, Document, Reception, Transmission
from gateway.exchange.wire_reading import open_payload, signer_of_receipt, soap_of_request
from gateway.network.pki import TrustAnchors, issuer_of
from gateway.network.service import Network

__all__ = ["FORMAT", "EvidenceBuilder"]

FORMAT: Final = "peppol-gateway-evidence/1"
_SUFFIXES: Final = {"application/json": ".json", "application/pdf": ".pdf"}


class EvidenceBuilder:
    """Collects what is kept about one document into a bundle.

    Of ``network`` it takes the authorities that issued the certificates, and the keys that open
    received messages once more: what their senders signed is not the document but its gzip.
    """

    def __init__(
        self, *, database: Database, archive: Archive, network: Network, now: MachineClock
    ) -> None:
        self._database = database
        self._archive = archive
        self._network = network
        self._now = now

    async def build(self, tenant_id: UUID, document_id: UUID, *, language: str = "en") -> Spool:
        """The evidence bundle of one document, a zip at its start; the caller closes it.

        ``language`` (en, fr, nl or de) is the summary's. Raises GatewayError NOT-FOUND,
        BLOB-MISSING or BLOB-DAMAGED.
        """
        async with self._database.read() as session:
            case = await case_of(session, tenant_id, document_id)
        out = Spool()
        try:
            writing = _Writing(
                bundle=BundleWriter(out.binary, at=self._now()),
                archive=self._archive,
                case=case,
                network=self._network,
            )
            await writing.write(at=self._now(), language=language)
        except BaseException:  # also a caller who went away: the file must not stay behind
            out.close()
            raise
        out.seek(0)
        return out


@dataclass(slots=True)
class _Writing:
    """One bundle in the making."""

    bundle: BundleWriter
    archive: Archive
    case: Case
    network: Network

    async def write(self, *, at: datetime, language: str) -> None:
        case = self.case
        manifest = _facts(case.main.document)
        await self._blob("document.xml", case.main.document.content_id)
        if case.source is not None:
            suffix = _SUFFIXES.get(case.blobs[case.source].media_type, ".xml")
            await self._blob(f"source{suffix}", case.source)
        if case.report is not None:
            self.bundle.add("report.json", as_json(case.report))
        self.bundle.add("timeline.json", as_json(list(case.timeline)))
        for number, mail_id in enumerate(case.mails, start=1):
            await self._blob(f"mail-{number:02}.eml", mail_id)
        manifest["messages"] = await self._messages(case.main, "message")
        manifest["answers"] = [
            await self._answer(one, number) for number, one in enumerate(case.answers, start=1)
        ]
        manifest["format"] = FORMAT
        manifest["made_at"] = at.isoformat()
        manifest["document_sha256"] = self.bundle.files["document.xml"]["sha256"]
        self.bundle.add("README.txt", explanation(manifest))
        summary = await asyncio.to_thread(
            render_summary, manifest, language=language, created_at=at
        )
        manifest["summary"] = self.bundle.add(SUMMARY, summary)
        await asyncio.to_thread(self.bundle.finish, manifest)

    async def _blob(self, name: str, blob_id: UUID) -> str:
        file = await self.archive.open(self.case.blobs[blob_id])
        with file:
            return await asyncio.to_thread(self.bundle.add, name, file)

    async def _bytes(self, blob_id: UUID) -> bytes:
        return await self.archive.read(self.case.blobs[blob_id])

    async def _messages(self, journey: Journey, folder: str) -> list[dict[str, Any]]:
        return [
            *[
                await self._sent(one, journey.attempts[one.id], f"{folder}-{number:02}-sent")
                for number, one in enumerate(journey.transmissions, start=1)
            ],
            *[
                await self._received(one, f"{folder}-{number:02}-received")
                for number, one in enumerate(journey.receptions, start=1)
            ],
        ]

    async def _sent(
        self, one: Transmission, attempts: Sequence[Attempt], place: str
    ) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "direction": Direction.OUT.value,
            "message_id": one.message_id,
            "endpoint": one.endpoint_url,
            "from_seat": one.own_seat,
            "to_seat": one.peer_seat,
            "content_type": one.encoded["content_type"],
            "references": one.encoded["references"],
            "made_at": one.created_at.isoformat(),
            "delivered_at": one.delivered_at.isoformat() if one.delivered_at else None,
            "envelope": await self._blob(f"{place}/envelope.xml", one.envelope_id),
            "payload": await self._payload(f"{place}/payload.gz", one.envelope_id),
            "request": await self._blob(f"{place}/request.mime", one.request_id),
            "lookup": await self._blob(f"{place}/smp-answers.zip", one.lookup_id),
            "receipt": None,
        }
        if one.receipt_id is not None:
            entry["receipt"] = await self._blob(f"{place}/receipt.xml", one.receipt_id)
        own = await self._signer(one)
        peer = x509.load_pem_x509_certificate(one.peer_certificate.encode())
        entry |= self._certificates(place, ours="sender", own=own, theirs="receiver", peer=peer)
        entry["attempts"] = [
            await self._attempt(attempt, f"{place}/attempt-{number:02}-answer.xml", one.receipt_id)
            for number, attempt in enumerate(attempts, start=1)
        ]
        return entry

    async def _received(self, one: Reception, place: str) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "direction": Direction.IN.value,
            "message_id": one.message_id,
            "from_seat": one.signer_seat,
            "to_seat": one.own_seat,
            "content_type": one.content_type,
            "received_at": one.received_at.isoformat(),
            "repeated": one.flagged,
            "envelope": await self._blob(f"{place}/envelope.xml", one.envelope_id),
            "request": await self._blob(f"{place}/request.mime", one.request_id),
            "receipt": await self._blob(f"{place}/receipt.xml", one.receipt_id),
            "revocation": None,
        }
        entry["payload"] = await self._signed_payload(one, place, envelope=entry["envelope"])
        if one.revocation_id is not None:
            entry["revocation"] = await self._blob(f"{place}/revocation.zip", one.revocation_id)
        own = signer_of_receipt(await self._bytes(one.receipt_id))
        peer = x509.load_pem_x509_certificate(one.signer_certificate.encode())
        entry |= self._certificates(place, ours="receiver", own=own, theirs="sender", peer=peer)
        return entry

    async def _payload(self, name: str, envelope_id: UUID) -> str:
        """The envelope compressed as it was signed: the same bytes every time."""
        file = await self.archive.open(self.case.blobs[envelope_id])
        with file, closing(Spool()) as packed:
            await asyncio.to_thread(compress, file, packed.binary)
            packed.seek(0)
            return await asyncio.to_thread(self.bundle.add, name, packed.binary)

    async def _signed_payload(self, one: Reception, place: str, *, envelope: str) -> str | None:
        """The file that the sender's signature covers; None once our key for it is gone."""
        request = await self.archive.open(self.case.blobs[one.request_id])
        with request, closing(Spool()) as plain:
            try:
                compressed = await asyncio.to_thread(
                    open_payload,
                    request,
                    one.content_type,
                    keys=self.network.decryption_keys(),
                    out=plain.binary,
                )
            except (As4Error, GatewayError):
                return None
            if not compressed:
                return envelope
            plain.seek(0)
            return await asyncio.to_thread(self.bundle.add, f"{place}/payload.gz", plain.binary)

    async def _attempt(
        self, attempt: Attempt, name: str, receipt_id: UUID | None
    ) -> dict[str, Any]:
        answer = None
        if attempt.answer_id is not None and attempt.answer_id != receipt_id:
            answer = await self._blob(name, attempt.answer_id)
        return {
            "started_at": attempt.started_at.isoformat(),
            "ended_at": attempt.ended_at.isoformat() if attempt.ended_at else None,
            "outcome": attempt.outcome.value,
            "code": attempt.code,
            "http_status": attempt.http_status,
            "answer": answer,
        }

    async def _signer(self, one: Transmission) -> x509.Certificate | None:
        file = await self.archive.open(self.case.blobs[one.request_id])
        with file:
            return await asyncio.to_thread(_signer_of, file, one.encoded["content_type"])

    def _certificates(
        self,
        place: str,
        *,
        ours: str,
        own: x509.Certificate | None,
        theirs: str,
        peer: x509.Certificate,
    ) -> dict[str, Any]:
        """Both access points' certificates, each with those of its issuers as far as known."""
        entry: dict[str, Any] = {"peer": _named(peer)}
        for role, name, one in (("own", ours, own), ("peer", theirs, peer)):
            if one is None:
                continue
            entry[role] = _named(one)
            pem = one.public_bytes(Encoding.PEM)
            entry[f"{role}_certificate"] = self.bundle.add(f"{place}/{name}-certificate.pem", pem)
            chain = b"".join(_issuers(one, self.network.anchors))
            entry[f"{role}_issuers"] = (
                self.bundle.add(f"{place}/{name}-issuers.pem", chain) if chain else None
            )
        return entry

    async def _answer(self, journey: Journey, number: int) -> dict[str, Any]:
        """An MLS or Invoice Response about the document, with the messages that carried it."""
        place = f"answer-{number:02}-{journey.document.kind.value}"
        entry = _facts(journey.document)
        entry["file"] = await self._blob(f"{place}/document.xml", journey.document.content_id)
        entry["created_at"] = journey.document.created_at.isoformat()
        entry["messages"] = await self._messages(journey, f"{place}/message")
        return entry


def _signer_of(request: BinaryIO, content_type: str) -> x509.Certificate | None:
    try:
        soap, _ = soap_of_request(request, content_type)
        return verify(read_envelope(soap)).signer
    except As4Error:
        return None


def _issuers(certificate: x509.Certificate, anchors: TrustAnchors) -> list[bytes]:
    """PEM of the authority that issued a certificate and of its root, as far as configured."""
    issuing = issuer_of(certificate, (*anchors.ap, *anchors.smp))
    if issuing is None:
        return []
    root = issuer_of(issuing, anchors.roots)
    found = [issuing] if root is None or root == issuing else [issuing, root]
    return [one.public_bytes(Encoding.PEM) for one in found]


def _named(certificate: x509.Certificate) -> dict[str, str]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }


def _facts(document: Document) -> dict[str, Any]:
    return {
        "document_id": str(document.id),
        "direction": document.direction.value,
        **described(document),
        "states": {
            "transport": document.transport.value,
            "network": document.network.value,
            "business": document.business.value,
            "payment": document.payment.value,
        },
    }
