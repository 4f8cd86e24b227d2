"""What is sent in the benchmarks: invoices of a given size, and the seats that exchange them.

Businesses and identifiers are those of the demonstration: invented.
"""

import base64
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from gateway.core.clock import now
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, Line, render_invoice
from gateway.network.keys import CERTIFICATE_SUFFIX, KEY_SUFFIX, FileKeys, KeyPair
from gateway.network.local_pki import ensure_test_pki
from gateway.network.pki import TrustAnchors

__all__ = ["BUSINESSES", "Seats", "invoice", "invoice_of", "make_seats"]

assert SELLER.participant is not None
assert BUYER.participant is not None
BUSINESSES = (SELLER.participant, BUYER.participant)
"""C1 and C4."""
_PARTY = b"  <cac:AccountingSupplierParty>"


@dataclass(frozen=True, slots=True)
class Seats:
    """Two access points of one network: ``sender`` signs, ``receiver`` decrypts.

    ``files`` are the PEM files a peer needs to stand in their place, by role.
    """

    anchors: TrustAnchors
    sender: KeyPair
    receiver: KeyPair
    files: dict[str, str]


def make_seats(folder: Path) -> Seats:
    """A test PKI in ``folder`` with the seats of C2 and C3."""
    pki = ensure_test_pki(folder, ap_seats=[SELLER.seat_id, BUYER.seat_id], smp_seats=[], at=now())
    keys = FileKeys(pki.keys)
    files = {"root": str(pki.trust / "root-test.pem"), "authority": str(pki.trust / "ap-test.pem")}
    for role, actor in (("sender", SELLER), ("receiver", BUYER)):
        (certificate,) = (pki.keys / actor.seat_id).glob(f"*{CERTIFICATE_SUFFIX}")
        (key,) = (pki.keys / actor.seat_id).glob(f"*{KEY_SUFFIX}")
        files[role] = str(certificate)
        files[f"{role}_key"] = str(key)
    return Seats(
        anchors=TrustAnchors.from_folder(pki.trust),
        sender=keys.ring(SELLER.seat_id).signing(now()),
        receiver=keys.ring(BUYER.seat_id).signing(now()),
        files=files,
    )


def invoice(number: str, lines: int = len(CRATES)) -> bytes:
    """A valid invoice of the seller to the buyer with so many lines."""
    return render_invoice(
        number=number,
        seller=SELLER,
        buyer=BUYER,
        issued=datetime.now(UTC).date(),
        lines=[
            Line(f"Vuurtoren Tripel, batch {place}", Decimal(place % 7 + 1), "XCR", Decimal("31.2"))
            for place in range(lines)
        ],
    )


def invoice_of(size: int) -> bytes:
    """An invoice of about ``size`` bytes: lines up to 100 kB, above that a scanned attachment.

    The attachment is base64 of random bytes, because that is how little a PDF still shrinks.
    """
    smallest = len(invoice("size", 1))
    each = len(invoice("size", 11)) - len(invoice("size", 10))
    body = invoice("size", 1 + max(0, round((min(size, 100_000) - smallest) / each)))
    if size <= 100_000:
        return body
    scanned = base64.b64encode(random.Random(size).randbytes((size - len(body)) * 3 // 4))
    attached = (
        b"  <cac:AdditionalDocumentReference><cbc:ID>scan</cbc:ID><cac:Attachment>"
        b'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="scan.pdf">'
        + scanned
        + b"</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
        b"</cac:AdditionalDocumentReference>\n"
    )
    return body.replace(_PARTY, attached + _PARTY, 1)
