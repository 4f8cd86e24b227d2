"""The first half of the story: an invoice crosses the wire and is answered."""

import asyncio
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.demo.cast import BUYER, SELLER, Firm
from gateway.demo.invoices import CRATES, Line, render_invoice
from gateway.demo.stage import Door, House, Stage
from gateway.demo.telling import Teller, expect, fetch, send
from gateway.exchange.evidence_check import check_evidence

__all__ = ["EXCHANGE_STEPS", "event_of", "received", "submit_invoice", "tell_exchange"]

EXCHANGE_STEPS: Final = (
    "a broken invoice is refused with its report",
    "a good invoice is accepted",
    "its receiver is looked up",
    "it is delivered and the receipt verified",
    "it is in the buyer's inbox",
    "the MLS arrives",
    "the buyer answers 'in process'",
    "the seller sees 'in process'",
    "the buyer answers 'accepted'",
    "the seller sees 'accepted'",
    "the evidence is written and verified",
)


async def tell_exchange(teller: Teller, stage: Stage) -> Mapping[str, Any]:
    """Send the invoice all the way; returns the seller's document."""
    seller, buyer = stage.seller, stage.buyer
    teller.step(await _refused(seller))
    document = await submit_invoice(seller, "VT-2026-0042", BUYER)
    number, document_id = document["number"], document["id"]
    teller.step(f"invoice {number} is accepted as {document_id}")
    found = await event_of(teller, seller, document_id, "receiver.found")
    teller.step(
        f"its receiver {BUYER.participant} is looked up: SMP {found['smp']}, "
        f"access point {found['seat']} at {found['endpoint']}"
    )
    receipt = await event_of(teller, seller, document_id, "receipt.verified")
    teller.step(
        f"it is delivered as AS4 message {receipt['message_id']}; "
        f"the receipt of {receipt['seat']} acknowledges every digest"
    )
    arrived = await received(teller, buyer.door(BUYER), document["sbdh_instance_identifier"])
    teller.step(f"it is in the buyer's inbox as {arrived['id']}")
    mls = await event_of(teller, seller, document_id, "mls.received")
    expect(mls["code"] == "AP", f"the MLS says {mls['code']}")
    teller.step(f"the MLS of {mls['from']} arrives: {mls['code']}, delivered to the buyer")
    for status, state, words in (
        ("IP", "in-process", "in process"),
        ("AP", "accepted", "accepted"),
    ):
        path = f"/v1/documents/{arrived['id']}/responses"
        answer = await send(buyer.http, path, {"status": status}, status=202)
        teller.step(
            f"the buyer answers '{words}' ({status}) with Invoice Response {answer['number']}"
        )
        seen = await teller.until(
            partial(_in_state, seller, document_id, state),
            f"the seller's invoice does not become '{state}'",
        )
        teller.step(f"the seller sees '{words}': business state {seen['states']['business']}")
    teller.step(await _evidence(stage.folder, seller, document_id))
    return document


async def submit_invoice(
    seller: House, number: str, buyer: Firm, lines: tuple[Line, ...] = CRATES
) -> dict[str, Any]:
    """Send a valid invoice of today, due in 30 days; returns the seller's document."""
    content = render_invoice(
        number=number,
        seller=SELLER,
        buyer=buyer,
        issued=date.today(),  # noqa: DTZ011 - an invoice carries the calendar date of its place
        lines=lines,
    )
    status, answer = await _submit(seller, content)
    expect(status == 202, f"invoice {number} was answered with HTTP {status}: {answer}")
    return dict(answer)


async def event_of(teller: Teller, house: House, document_id: str, kind: str) -> Mapping[str, Any]:
    """Wait for an entry of the document's timeline and return its facts."""

    async def look() -> Mapping[str, Any] | None:
        timeline = await fetch(house.http, f"/v1/documents/{document_id}/timeline")
        return next((one["facts"] for one in timeline["entries"] if one["kind"] == kind), None)

    return await teller.until(look, f"the timeline of {document_id} has no entry '{kind}'")


async def received(teller: Teller, door: Door, sbdh_id: str) -> Mapping[str, Any]:
    """Wait until what was sent under an SBDH identifier is in a firm's inbox."""

    async def look() -> Mapping[str, Any] | None:
        inbox = await fetch(door.http, "/v1/documents?direction=in")
        return next(
            (one for one in inbox["items"] if one["sbdh_instance_identifier"] == sbdh_id), None
        )

    return await teller.until(look, f"the inbox of {door.firm.business} does not show it")


async def _refused(seller: House) -> str:
    """Send an invoice whose total is one euro too high."""
    content = render_invoice(
        number="VT-2026-0041",
        seller=SELLER,
        buyer=BUYER,
        issued=date.today(),  # noqa: DTZ011 - an invoice carries the calendar date of its place
        total_off_by=Decimal(1),
    )
    status, answer = await _submit(seller, content)
    expect(status == 422, f"a broken invoice was answered with HTTP {status}")
    findings = [one for one in answer["report"]["findings"] if one["severity"] == "fatal"]
    expect(bool(findings), "the report names no rule")
    first = findings[0]
    rules = ", ".join(sorted({one["rule"] for one in findings}))
    return (
        f"a broken invoice is refused with its report: {rules}; "
        f"line {first['line']}: {first['message']}"
    )


async def _submit(seller: House, content: bytes) -> tuple[int, Any]:
    async with seller.http.post(
        "/v1/documents", data=content, headers={"Content-Type": "application/xml"}
    ) as answer:
        return answer.status, await answer.json()


async def _in_state(house: House, document_id: str, state: str) -> Mapping[str, Any] | None:
    document: Mapping[str, Any] = await fetch(house.http, f"/v1/documents/{document_id}")
    return document if document["states"]["business"] == state else None


async def _evidence(folder: Path, seller: House, document_id: str) -> str:
    async with seller.http.get(f"/v1/documents/{document_id}/evidence") as answer:
        expect(answer.status == 200, f"the evidence was answered with HTTP {answer.status}")
        bundle = await answer.read()
    file = folder / f"evidence-{document_id}.zip"
    await asyncio.to_thread(file.write_bytes, bundle)
    checks = check_evidence(await asyncio.to_thread(file.read_bytes))
    broken = [one for one in checks if not one.holds]
    expect(not broken, f"the evidence does not hold: {broken}")
    return f"the evidence is written to {file} and verified: {len(checks)} checks hold"
