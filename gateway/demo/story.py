"""The story of ``gateway demo``: each step happens for real and is checked, or the story fails.

One line a step, beginning with its number; nothing is printed that was not observed at the API
of a running gateway.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO

import aiohttp

from gateway.core.errors import GatewayError
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.demo.stage import House, Stage, set_stage
from gateway.exchange.evidence_check import check_evidence
from gateway.web.server import stop_signal

__all__ = ["PATIENCE_S", "STEPS", "run_demo"]

PATIENCE_S: Final = 30
_POLL_S: Final = 0.1

STEPS: Final = (
    "three processes are up: an SMP and two gateways",
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


class _StepMissing(Exception):
    """A step that did not happen, and what was seen instead."""


@dataclass(slots=True)
class _Teller:
    """Prints the steps and knows which one is being told."""

    out: TextIO
    began: float
    patience_s: float
    number: int = 0

    def step(self, text: str) -> None:
        """Tell the next step, now that it happened."""
        elapsed = time.monotonic() - self.began
        self.number += 1
        print(f"{self.number:2}  {elapsed:6.2f} s  {text}", file=self.out, flush=True)

    async def until(
        self, look: Callable[[], Awaitable[Mapping[str, Any] | None]], otherwise: str
    ) -> Mapping[str, Any]:
        """Wait for what the next step is about; raises _StepMissing when patience ends."""
        deadline = time.monotonic() + self.patience_s
        while time.monotonic() < deadline:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(_POLL_S)
        raise _StepMissing(f"Waited {self.patience_s:g} seconds: {otherwise}.")


async def run_demo(
    folder: Path, *, once: bool, cut: str | None = None, patience_s: float = PATIENCE_S
) -> int:
    """Tell the story; 0 only if every step happened. Without ``once`` the consoles stay up.

    ``cut`` withholds one kind of answer (receipt, mls, response): the story must then fail.
    ``patience_s`` is how many seconds a step may take.
    """
    teller = _Teller(sys.stdout, time.monotonic(), patience_s)
    try:
        async with set_stage(folder, cut=cut) as stage:
            teller.step(f"{STEPS[0]} ({stage.smp.url}, {stage.seller.url}, {stage.buyer.url})")
            await _tell(teller, stage)
            if not once:
                await _stay(stage)
    except (_StepMissing, GatewayError, aiohttp.ClientError, TimeoutError) as failure:
        missing = STEPS[min(teller.number, len(STEPS) - 1)]
        print(
            f"The story stops at step {teller.number + 1}: {missing} - this did not happen.\n"
            f"{failure}\nLogs are in {folder}/*/gateway.log",
            file=sys.stderr,
        )
        return 1
    return 0


async def _tell(teller: _Teller, stage: Stage) -> None:
    seller, buyer = stage.seller, stage.buyer
    teller.step(await _refused(seller))
    document = await _accepted(seller)
    number, document_id = document["number"], document["id"]
    teller.step(f"invoice {number} is accepted as {document_id}")
    found = await _event(teller, seller, document_id, "receiver.found")
    teller.step(
        f"its receiver {BUYER.participant} is looked up: SMP {found['smp']}, "
        f"access point {found['seat']} at {found['endpoint']}"
    )
    receipt = await _event(teller, seller, document_id, "receipt.verified")
    teller.step(
        f"it is delivered as AS4 message {receipt['message_id']}; "
        f"the receipt of {receipt['seat']} acknowledges every digest"
    )
    received = await _received(teller, buyer, document["sbdh_instance_identifier"])
    teller.step(f"it is in the buyer's inbox as {received['id']}")
    mls = await _event(teller, seller, document_id, "mls.received")
    _expect(mls["code"] == "AP", f"the MLS says {mls['code']}")
    teller.step(f"the MLS of {mls['from']} arrives: {mls['code']}, delivered to the buyer")
    for status, state, words in (
        ("IP", "in-process", "in process"),
        ("AP", "accepted", "accepted"),
    ):
        answer = await _respond(buyer, received["id"], status)
        teller.step(f"the buyer answers '{words}' ({status}) with Invoice Response {answer}")
        seen = await teller.until(
            partial(_in_state, seller, document_id, state),
            f"the seller's invoice does not become '{state}'",
        )
        teller.step(f"the seller sees '{words}': business state {seen['states']['business']}")
    teller.step(await _evidence(stage.folder, seller, document_id))


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
    _expect(status == 422, f"a broken invoice was answered with HTTP {status}")
    findings = [one for one in answer["report"]["findings"] if one["severity"] == "fatal"]
    _expect(bool(findings), "the report names no rule")
    first = findings[0]
    rules = ", ".join(sorted({one["rule"] for one in findings}))
    return (
        f"a broken invoice is refused with its report: {rules}; "
        f"line {first['line']}: {first['message']}"
    )


async def _accepted(seller: House) -> dict[str, Any]:
    content = render_invoice(
        number="VT-2026-0042",
        seller=SELLER,
        buyer=BUYER,
        issued=date.today(),  # noqa: DTZ011 - an invoice carries the calendar date of its place
    )
    status, answer = await _submit(seller, content)
    _expect(status == 202, f"the good invoice was answered with HTTP {status}: {answer}")
    return dict(answer)


async def _submit(seller: House, content: bytes) -> tuple[int, Any]:
    async with seller.http.post(
        "/v1/documents", data=content, headers={"Content-Type": "application/xml"}
    ) as answer:
        return answer.status, await answer.json()


async def _event(teller: _Teller, house: House, document_id: str, kind: str) -> Mapping[str, Any]:
    """Wait for an entry of the document's timeline and return its facts."""

    async def look() -> Mapping[str, Any] | None:
        timeline = await _get(house, f"/v1/documents/{document_id}/timeline")
        return next((one["facts"] for one in timeline["entries"] if one["kind"] == kind), None)

    return await teller.until(look, f"the timeline of {document_id} has no entry '{kind}'")


async def _received(teller: _Teller, buyer: House, sbdh_id: str) -> Mapping[str, Any]:
    async def look() -> Mapping[str, Any] | None:
        inbox = await _get(buyer, "/v1/documents?direction=in")
        return next(
            (one for one in inbox["items"] if one["sbdh_instance_identifier"] == sbdh_id), None
        )

    return await teller.until(look, "the buyer's inbox does not show the invoice")


async def _respond(buyer: House, document_id: str, status: str) -> str:
    async with buyer.http.post(
        f"/v1/documents/{document_id}/responses", json={"status": status}
    ) as answer:
        body = await answer.json()
        _expect(answer.status == 202, f"the answer {status} was refused: {body}")
        return str(body["number"])


async def _in_state(house: House, document_id: str, state: str) -> Mapping[str, Any] | None:
    document: Mapping[str, Any] = await _get(house, f"/v1/documents/{document_id}")
    return document if document["states"]["business"] == state else None


async def _evidence(folder: Path, seller: House, document_id: str) -> str:
    async with seller.http.get(f"/v1/documents/{document_id}/evidence") as answer:
        _expect(answer.status == 200, f"the evidence was answered with HTTP {answer.status}")
        bundle = await answer.read()
    file = folder / f"evidence-{document_id}.zip"
    await asyncio.to_thread(file.write_bytes, bundle)
    checks = check_evidence(await asyncio.to_thread(file.read_bytes))
    broken = [one for one in checks if not one.holds]
    _expect(not broken, f"the evidence does not hold: {broken}")
    return f"the evidence is written to {file} and verified: {len(checks)} checks hold"


async def _get(house: House, path: str) -> Any:
    async with house.http.get(path) as answer:
        body = await answer.read()
        _expect(answer.status == 200, f"{path} was answered with HTTP {answer.status}")
        return json.loads(body)


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _StepMissing(otherwise)


async def _stay(stage: Stage) -> None:
    """Keep both consoles up until somebody stops the demonstration."""
    print("\nEvery step happened. Both consoles stay up; Ctrl-C stops them.")
    for house in (stage.seller, stage.buyer):
        print(
            f"  {house.actor.business:28} {house.url}/   "
            f"{house.actor.person}   password {house.password}"
        )
    sys.stdout.flush()
    with stop_signal() as stopped:
        await stopped.wait()
