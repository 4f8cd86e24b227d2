"""Two hundred documents of 50 kB at once, each way: every one arrives, none is mixed up."""

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

COUNT = 200
KILOBYTES_50 = 0.05
AT_ONCE = 8
BATCH = 50


def annex(content: bytes) -> bytes:
    """The part of an invoice that is different in every one and fills most of it."""
    found = re.search(rb"EmbeddedDocumentBinaryObject[^>]*>([^<]*)<", content)
    return found.group(1) if found else b""


@pytest.fixture
def invoices(invoice):
    """Invoices by number."""
    first = 10_000 + uuid.uuid4().int % 10**9
    return {
        f"2026-{number}": invoice(number=number, megabytes=KILOBYTES_50)
        for number in range(first, first + COUNT)
    }


def test_two_hundred_from_phase4_at_once(
    java_sender, order, gateway, invoices, until, case, tmp_path
):
    orders = []
    for number, content in invoices.items():
        payload = tmp_path / f"{number}.xml"
        payload.write_bytes(content)
        orders.append(order(f"{gateway.url}/as4", recipient="ours", payload=str(payload)))
    accepted = 0
    for part in range(0, COUNT, BATCH):
        batch = {"orders": orders[part : part + BATCH], "parallel": AT_ONCE}
        accepted += sum(one["result"] == "success" for one in java_sender.ask(batch)["reports"])

    def document(number):
        return until(lambda: gateway.documents(number))

    whole = 0
    with ThreadPoolExecutor(4) as pool:
        for number, found in zip(invoices, pool.map(document, invoices), strict=True):
            _, content = gateway.call("GET", f"/v1/documents/{found[0]['id']}/content")
            whole += len(found) == 1 and annex(content) == annex(invoices[number])
    case(
        f"phase4 → gateway, {COUNT} of 50 kB, {AT_ONCE} at once",
        expected=f"{COUNT} receipts, {COUNT} documents whole",
        got=f"{accepted} receipts, {whole} documents whole",
    )


def test_two_hundred_to_phase4_at_once(gateway, java_receiver, invoices, settled, case):
    def submit(content):
        status, body = gateway.call("POST", "/v1/documents", content)
        assert status == 202, body
        return f"/v1/documents/{json.loads(body)['id']}"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        documents = list(pool.map(submit, invoices.values()))
    delivered = sum(settled(one)["states"]["transport"] == "delivered" for one in documents)
    taken = {}
    for path in java_receiver.store.glob("*.sbd"):
        content = path.read_bytes()
        number = re.search(rb">(2026-[0-9]+)<", content)
        if number and number.group(1).decode() in invoices:
            taken.setdefault(number.group(1).decode(), []).append(annex(content))
    whole = sum(found == [annex(invoices[number])] for number, found in taken.items())
    case(
        f"gateway → phase4, {COUNT} of 50 kB at once",
        expected=f"{COUNT} delivered, {COUNT} documents whole",
        got=f"{delivered} delivered, {whole} documents whole",
    )
