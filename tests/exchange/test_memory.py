"""A large document passes through real gateway processes, and their memory does not grow with it.

The bound is what one process may grow by (peak resident memory); whoever buffers the document
once is far over it.
"""

import base64
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from crash_houses import Country, House, build_house, found_country, wait_until
from exchange_houses import invoice_bytes

from gateway.demo.cast import BUYER, SELLER, SMP

MEGABYTES = 100
BOUND_MB = 20
MANY = 40
MANY_EACH = 600_000

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="peak memory is read from Linux' /proc"
    ),
]


def peak_mb(house: House) -> float:
    """Peak resident memory of the serving process alone, without its workers."""
    assert house._process is not None
    status = Path(f"/proc/{house._process.pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def forget_peak(house: House) -> float:
    """Count the peak anew from here; resident memory at this moment."""
    assert house._process is not None
    Path(f"/proc/{house._process.pid}/clear_refs").write_text("5")
    return peak_mb(house)


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
def houses(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[tuple[House, House]]:
    country: Country = found_country(tmp_path_factory.mktemp("memory"), free_port)
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


BOUNDARY = "memory-test-boundary"


def as_form(*files: bytes) -> bytes:
    """A form with these files."""
    parts = []
    for number, content in enumerate(files):
        head = f'Content-Disposition: form-data; name="file"; filename="{number}.xml"'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@pytest.mark.parametrize("way", ["body", "form", "later"])
def test_a_large_document_to_be_checked_is_not_held(houses, way):
    sender, _ = houses
    content = with_attachment("VT-CHECKED", MEGABYTES * 1_000_000)
    sent = content if way == "body" else as_form(content)
    headers = {"Content_Type": f"multipart/form-data; boundary={BOUNDARY}"} if way != "body" else {}
    if way == "later":
        headers["Prefer"] = "respond-async"
    before = forget_peak(sender)
    status, body = sender.call("/v1/validations", sent, limit_s=300, **headers)
    answer = json.loads(body)
    if way == "later":
        assert status == 202, body[:500]
        answer = ended(sender, answer["id"])["validations"][0]
    assert answer["verdict"] == "valid", body[:500]
    assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    grown = peak_mb(sender) - before
    print(json.dumps({"document_mb": MEGABYTES, "way": way, "grown_mb": round(grown, 1)}))
    assert grown < BOUND_MB


def test_many_files_to_be_checked_are_not_held(houses):
    """Each is small, and all of them together are not."""
    sender, _ = houses
    files = [with_attachment(f"VT-MANY-{n}", MANY_EACH) for n in range(MANY)]
    before = forget_peak(sender)
    status, body = sender.call(
        "/v1/validations",
        as_form(*files),
        limit_s=300,
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
    )
    assert status == 202, body[:500]
    found = ended(sender, json.loads(body)["id"])["validations"]
    assert [one["sha256"] for one in found] == [hashlib.sha256(one).hexdigest() for one in files]
    grown = peak_mb(sender) - before
    print(json.dumps({"files": len(files), "grown_mb": round(grown, 1)}))
    assert grown < BOUND_MB


def ended(house: House, order: str) -> dict[str, Any]:
    """An order of checks once each of its files has a verdict."""
    place = f"/v1/validation-orders/{order}"

    def done() -> bool:
        return bool(json.loads(house.call(place)[1])["state"] == "done")

    wait_until(done, "the order is done", limit_s=300)
    found: dict[str, Any] = json.loads(house.call(place)[1])
    return found
