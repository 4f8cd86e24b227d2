"""One bundle per document that proves what travelled, readable without this product.

A zip with the document, every AS4 request and receipt as on the wire, certificates, what the SMP
published, reports and timeline, each listed with its SHA-256 in ``manifest.json``. Verification
needs nothing but the bundle.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.compression import compress
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.exchange.archive import Archive
from gateway.exchange.queries import (
    Dossier,
    dossier,
    receptions_of,
    transmissions_of,
)
from gateway.exchange.tables import Direction, Document, Reception, Transmission
from gateway.validation.tables import ValidationRun

__all__ = ["FORMAT", "EvidenceBuilder"]

FORMAT: Final = "peppol-gateway-evidence/1"


@dataclass(slots=True)
class _Bundle:
    """The files of a bundle in the making."""

    files: dict[str, bytes]

    def add(self, name: str, content: bytes | str) -> str:
        """Add one file and return its name."""
        self.files[name] = content.encode() if isinstance(content, str) else content
        return name


class EvidenceBuilder:
    """Collects what is kept about one document into a bundle."""

    def __init__(self, *, database: Database, archive: Archive, now: MachineClock) -> None:
        self._database = database
        self._archive = archive
        self._now = now

    async def build(self, tenant_id: UUID, document_id: UUID) -> bytes:
        """The evidence bundle of one document as a zip; raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            case = await dossier(session, tenant_id, document_id)
            bundle = _Bundle({})
            manifest = _facts(case.document)
            bundle.add("document.xml", await self._archive.fetch(session, case.document.content_id))
            await self._add_report(session, case.document, bundle)
            bundle.add("timeline.json", _json(_timeline(case)))
            manifest["messages"] = [
                *await self._sent(session, case.transmissions, bundle, "message"),
                *await self._received(session, case.receptions, bundle, "message"),
            ]
            manifest["answers"] = [
                await self._answer(session, answer, number, bundle)
                for number, answer in enumerate(case.answers, start=1)
            ]
        manifest["format"] = FORMAT
        manifest["made_at"] = self._now().isoformat()
        bundle.add("README.txt", _explanation(case.document, manifest))
        return await asyncio.to_thread(_packed, bundle, manifest)

    async def _add_report(self, session: AsyncSession, document: Document, bundle: _Bundle) -> None:
        if document.validation_id is None:
            return
        run = await session.get_one(ValidationRun, document.validation_id)
        bundle.add("report.json", _json(run.report))

    async def _sent(
        self,
        session: AsyncSession,
        transmissions: Sequence[Transmission],
        bundle: _Bundle,
        folder: str,
    ) -> list[dict[str, Any]]:
        listed = []
        for number, one in enumerate(transmissions, start=1):
            place = f"{folder}-{number:02}-sent"
            envelope = await self._archive.fetch(session, one.envelope_id)
            entry: dict[str, Any] = {
                "direction": Direction.OUT.value,
                "message_id": one.message_id,
                "endpoint": one.endpoint_url,
                "from_seat": one.own_seat,
                "to_seat": one.peer_seat,
                "content_type": one.encoded["content_type"],
                "references": one.encoded["references"],
                "delivered_at": one.delivered_at.isoformat() if one.delivered_at else None,
                "envelope": bundle.add(f"{place}/envelope.xml", envelope),
                "payload": bundle.add(
                    f"{place}/payload.gz", await asyncio.to_thread(_compressed, envelope)
                ),
                "request": bundle.add(
                    f"{place}/request.mime", await self._archive.fetch(session, one.request_id)
                ),
                "peer_certificate": bundle.add(
                    f"{place}/receiver-certificate.pem", one.peer_certificate
                ),
                "lookup": bundle.add(
                    f"{place}/smp-answers.zip", await self._archive.fetch(session, one.lookup_id)
                ),
                "receipt": None,
            }
            if one.receipt_id is not None:
                entry["receipt"] = bundle.add(
                    f"{place}/receipt.xml", await self._archive.fetch(session, one.receipt_id)
                )
            listed.append(entry)
        return listed

    async def _received(
        self,
        session: AsyncSession,
        receptions: Sequence[Reception],
        bundle: _Bundle,
        folder: str,
    ) -> list[dict[str, Any]]:
        listed = []
        for number, one in enumerate(receptions, start=1):
            place = f"{folder}-{number:02}-received"
            listed.append(
                {
                    "direction": Direction.IN.value,
                    "message_id": one.message_id,
                    "from_seat": one.signer_seat,
                    "to_seat": one.own_seat,
                    "content_type": one.content_type,
                    "received_at": one.received_at.isoformat(),
                    "repeated": one.flagged,
                    "envelope": bundle.add(
                        f"{place}/envelope.xml",
                        await self._archive.fetch(session, one.envelope_id),
                    ),
                    "request": bundle.add(
                        f"{place}/request.mime", await self._archive.fetch(session, one.request_id)
                    ),
                    "peer_certificate": bundle.add(
                        f"{place}/sender-certificate.pem", one.signer_certificate
                    ),
                    "receipt": bundle.add(
                        f"{place}/receipt.xml", await self._archive.fetch(session, one.receipt_id)
                    ),
                }
            )
        return listed

    async def _answer(
        self, session: AsyncSession, answer: Document, number: int, bundle: _Bundle
    ) -> dict[str, Any]:
        """An MLS or Invoice Response about the document, with the messages that carried it."""
        place = f"answer-{number:02}-{answer.kind.value}"
        entry = _facts(answer)
        content = await self._archive.fetch(session, answer.content_id)
        entry["file"] = bundle.add(f"{place}/document.xml", content)
        entry["messages"] = [
            *await self._sent(
                session, await transmissions_of(session, answer.id), bundle, f"{place}/message"
            ),
            *await self._received(
                session, await receptions_of(session, answer.id), bundle, f"{place}/message"
            ),
        ]
        return entry


def _facts(document: Document) -> dict[str, Any]:
    return {
        "document_id": str(document.id),
        "direction": document.direction.value,
        "kind": document.kind.value,
        "number": document.number,
        "sender": document.sender,
        "sender_name": document.sender_name,
        "receiver": document.receiver,
        "receiver_name": document.receiver_name,
        "document_type": document.document_type,
        "process": document.process,
        "sbdh_instance_identifier": document.sbdh_id,
        "states": {
            "transport": document.transport.value,
            "network": document.network.value,
            "business": document.business.value,
            "payment": document.payment.value,
        },
    }


def _timeline(case: Dossier) -> list[dict[str, Any]]:
    return [
        {
            "at": one.at.isoformat(),
            "group": one.group.value,
            "kind": one.kind,
            "facts": one.facts,
        }
        for one in case.events
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _compressed(envelope: bytes) -> bytes:
    packed = BytesIO()
    compress(BytesIO(envelope), packed)
    return packed.getvalue()


def _packed(bundle: _Bundle, manifest: dict[str, Any]) -> bytes:
    """The bundle with the manifest of its files, as a zip; slow for large documents."""
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in sorted(bundle.files.items())
    }
    bundle.add("manifest.json", _json(manifest))
    return _zip(bundle.files)


def _zip(files: Mapping[str, bytes]) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as bundle:
        for name in sorted(files):
            bundle.writestr(name, files[name])
    return packed.getvalue()


def _explanation(document: Document, manifest: Mapping[str, Any]) -> str:
    states = manifest["states"]
    return f"""\
Evidence of one electronic document

Document    {document.kind.value} {document.number}
From        {document.sender_name} ({document.sender})
To          {document.receiver_name} ({document.receiver})
SBDH id     {document.sbdh_id}
Transport   {states["transport"]}
Network     {states["network"]}
Business    {states["business"]}
Made at     {manifest["made_at"]} (UTC)

What proves what
- manifest.json lists every file with its SHA-256 and how the files belong together.
- message-NN-sent/request.mime is the AS4 request exactly as it left; its signature covers the
  ebMS header and the payload before encryption (payload.gz, whose SHA-256 it states).
- message-NN-sent/receipt.xml is the receiver's answer: signed with receiver-certificate.pem,
  it repeats every digest of the request. It is the receiver's proof of having taken exactly
  this document.
- message-NN-sent/smp-answers.zip is what the receiver's SMP published, signed, at that moment.
- answer-NN-*/ are the answers about the document (MLS, Invoice Response) and how they came.

Check it with: gateway evidence FILE.zip
"""
