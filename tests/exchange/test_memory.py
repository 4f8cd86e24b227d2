"""A large document passes through real gateway processes, and their memory does not grow with it.

By default 24 MB; ``GATEWAY_MEMORY_MB=100`` plays the size of the issue. The bound is what one
process may grow by (peak resident memory); whoever buffers the document once is over it.
"""

import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from crash_houses import Country, House, build_house, found_country, wait_until
from exchange_houses import invoice_bytes

from gateway.demo.cast import BUYER, SELLER, SMP

MEGABYTES = int(os.environ.get("GATEWAY_MEMORY_MB", "24"))
BOUND_MB = 16 if MEGABYTES <= 24 else 20

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from Linux' /proc"
)


def peak_mb(house: House) -> float:
    """Peak resident memory of the serving process alone, without its workers."""
    assert house._process is not None
    status = Path(f"/proc/{house._process.pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def with_attachment(number: str, size: int) -> bytes:
    """A valid invoice with one embedded file of random bytes, ``size`` bytes of base64."""
    plain = invoice_bytes(number)
    place = plain.index(b"<cac:AccountingSupplierParty")
    file = base64.b64encode(os.urandom(size // 4 * 3))
    return (
        plain[:place]
        + b"<cac:AdditionalDocumentReference><cbc:ID>scan</cbc:ID><cac:Attachment>"
        + b'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="scan.pdf">'
        + file
        + b"</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
        + b"</cac:AdditionalDocumentReference>"
        + plain[place:]
    )


def digest(content: bytes) -> str:
    return hashlib.sha256(content.strip()).hexdigest()


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, House]]:
    country: Country = found_country(tmp_path_factory.mktemp("memory"))
    built = [
        build_house(country, actor, home=country.folder / actor.key)
        for actor in (SMP, SELLER, BUYER)
    ]
    try:
        for house in built:
            house.start()
        for house in built:
            wait_until(house.listens, f"the {house.actor.key} listens")
        yield built[1], built[2]
    finally:
        for house in built:
            house.stop()


def deliver(sender: House, receiver: House, content: bytes, number: str) -> str:
    """Send a document and wait until the receiver's inbox shows it; its id there."""
    status, body = sender.call("/v1/documents", content, limit_s=300)
    assert status == 202, body[:500]

    def arrived() -> bool:
        return any(one["number"] == number for one in receiver.documents("in"))

    wait_until(arrived, f"{number} arrives", limit_s=300)

    def acknowledged() -> bool:
        (sent,) = [one for one in sender.documents("out") if one["number"] == number]
        return sent["states"]["transport"] == "delivered"

    wait_until(acknowledged, f"{number} is delivered", limit_s=60)
    (found,) = [one for one in receiver.documents("in") if one["number"] == number]
    return str(found["id"])


def test_peak_memory_does_not_grow_with_the_document(houses):
    sender, receiver = houses
    deliver(sender, receiver, with_attachment("VT-SMALL", 200_000), "VT-SMALL")
    before = peak_mb(sender), peak_mb(receiver)
    content = with_attachment("VT-LARGE", MEGABYTES * 1_000_000)
    arrived = deliver(sender, receiver, content, "VT-LARGE")
    status, body = receiver.call(f"/v1/documents/{arrived}/content", limit_s=300)
    assert status == 200
    # An envelope cannot hold the XML declaration; nothing else is lost on the way.
    assert digest(body) == digest(content.partition(b"?>")[2])
    grown = {
        house.actor.key: round(peak_mb(house) - peak, 1)
        for house, peak in zip(houses, before, strict=True)
    }
    print(json.dumps({"document_mb": MEGABYTES, "peak_mb_before": before, "grown_mb": grown}))
    assert max(grown.values()) < BOUND_MB, grown


def test_a_large_document_that_breaks_rules_is_refused_without_being_held(houses):
    sender, _ = houses
    before = peak_mb(sender)
    broken = with_attachment("VT-WRONG", MEGABYTES * 1_000_000).replace(
        b"</cbc:PayableAmount>", b"9</cbc:PayableAmount>"
    )
    status, body = sender.call("/v1/documents", broken, limit_s=300)
    assert status == 422
    assert json.loads(body)["code"] == "DOCUMENT-INVALID"
    assert peak_mb(sender) - before < BOUND_MB
