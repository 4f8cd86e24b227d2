"""Submitting over HTTP: kept whatever becomes of it, once under one key, only for one's own."""

import asyncio
from decimal import Decimal
from io import BytesIO

import pytest
from yarl import URL

from gateway.core import spool
from gateway.core.jobs.tables import Job
from gateway.exchange.lanes import LOOKUP
from gateway.exchange.tables import Document, StoredBlob
from gateway.validation.tables import ValidationRun


async def test_one_invoice_travels(pair):
    sent, arrived = await pair.delivered()
    assert (sent.transport, sent.network) == ("delivered", "accepted")
    assert (arrived.transport, arrived.number) == ("received", "VT-1")
    assert await pair.sender.kinds(sent.id) == [
        "document.accepted",
        "item.opened",
        "receiver.found",
        "receipt.verified",
        "mls.received",
    ]
    got = await pair.receiver.call("GET", f"/v1/documents/{arrived.id}/content")
    declaration, _, rest = got.body.partition(b"<Invoice")
    assert not declaration.strip()
    sent_content = await pair.sender.call("GET", f"/v1/documents/{sent.id}/content")
    assert sent_content.body.endswith(b"<Invoice" + rest)


async def test_an_invoice_that_breaks_rules_is_kept_with_its_report_and_not_sent(
    pair, make_invoice
):
    answer = await pair.sender.submit(make_invoice(off_by=Decimal(1)))
    assert (answer.status, answer.body["code"]) == (422, "DOCUMENT-INVALID")
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert "BR-CO-15" in {one["rule"] for one in answer.body["report"]["findings"]}
    kept = await pair.sender.document(answer.body["document"])
    assert (kept.transport, kept.failure_code) == ("refused", "DOCUMENT-INVALID")
    assert await pair.sender.kinds(kept.id) == ["document.refused"]
    shown = await pair.sender.call("GET", f"/v1/documents/{kept.id}")
    assert shown.body["status"] == "refused"
    report = await pair.sender.call("GET", f"/v1/validations/{kept.validation_id}")
    assert report.body["counts"] == answer.body["report"]["counts"]
    assert await pair.sender.rows(Job, Job.kind == LOOKUP) == []
    await pair.settle()
    assert pair.receiver.line.requests == []


async def test_the_same_key_with_the_same_bytes_is_one_submission(pair, make_invoice):
    first = await pair.sender.submit(make_invoice(), key="order-7")
    again = await pair.sender.submit(make_invoice(), key="order-7")
    assert (first.status, again.status) == (202, 202)
    assert first.body["id"] == again.body["id"]
    await pair.settle()
    late = await pair.sender.submit(make_invoice(), key="order-7")
    assert (late.status, late.body["states"]["transport"]) == (202, "delivered")
    assert len(await pair.receiver.documents(Document.kind == "invoice")) == 1


async def test_the_same_key_with_other_bytes_is_refused(pair, make_invoice):
    first = await pair.sender.submit(make_invoice("VT-1"), key="order-7")
    other = await pair.sender.submit(make_invoice("VT-2"), key="order-7")
    assert (other.status, other.body["code"]) == (409, "IDEMPOTENCY-CONFLICT")
    assert other.body["document"] == first.body["id"]
    assert "fresh key" in other.body["detail"]
    assert len(await pair.sender.documents()) == 1


async def test_a_refused_document_keeps_its_answer_under_its_key(lite, make_invoice):
    bad = make_invoice(off_by=Decimal(1))
    first, again = [await lite.sender.submit(bad, key="k") for _ in range(2)]
    assert (first.status, again.status) == (422, 422)
    assert first.body["document"] == again.body["document"]
    assert first.body["report"] == again.body["report"]


async def test_the_same_key_at_the_same_moment_is_one_submission(pair, make_invoice):
    answers = await asyncio.gather(
        *(pair.sender.submit(make_invoice(), key="race") for _ in range(6))
    )
    assert {one.status for one in answers} == {202}
    assert len({one.body["id"] for one in answers}) == 1
    assert len(await pair.sender.documents()) == 1
    assert len(await pair.sender.rows(Job, Job.kind == LOOKUP)) == 1


async def test_a_key_belongs_to_one_account(lite, make_invoice, open_account):
    await lite.sender.submit(make_invoice(), key="order-7")
    access = lite.sender.gateway.access
    tenant = await access.create_tenant(slug="other", name="Other")
    _, key = await open_account(lite.sender.gateway, tenant.id)
    answer = await lite.sender.call(
        "POST",
        "/v1/documents",
        key=key,
        data=make_invoice(),
        headers={"Idempotency-Key": "order-7"},
    )
    assert (answer.status, answer.body["code"]) == (403, "SENDER-NOT-YOURS")


@pytest.mark.parametrize("key", ["", " ", "k" * 201])
async def test_a_key_that_protects_nobody_is_refused(lite, make_invoice, key):
    answer = await lite.sender.call(
        "POST", "/v1/documents", data=make_invoice(), headers={"Idempotency-Key": key}
    )
    assert (answer.status, answer.body["code"]) == (400, "REQUEST-INVALID")
    assert await lite.sender.documents() == []


async def test_somebody_elses_invoice_is_not_sent(lite, make_invoice):
    foreign = make_invoice().replace(b"0765432146", b"0999999922")
    answer = await lite.sender.submit(foreign)
    assert (answer.status, answer.body["code"]) == (403, "SENDER-NOT-YOURS")
    assert "0208:0999999922" in answer.body["detail"]
    assert await lite.sender.documents() == []


BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">
<!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;&x;&x;">]><a>&y;</a>"""


NO_INVOICE = {
    "not XML": b"This is no XML",
    "nothing": b"",
    "wrong root": b"<Order xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'/>",
    "another vocabulary": b"<html><body/></html>",
    "DOCTYPE": b"<!DOCTYPE Invoice SYSTEM 'http://127.0.0.1/x.dtd'><Invoice/>",
    "entity bomb": BOMB,
    "wrong encoding": b"<?xml version='1.0' encoding='UTF-8'?><Invoice>\xff\xfe</Invoice>",
    "unknown encoding": b"<?xml version='1.0' encoding='KLINGON'?><Invoice/>",
    "cut off": b"<Invoice xmlns='urn:oasis:names:specification:ubl:schema:xsd:Inv",
    "too deep": b"<a>" * 5000 + b"</a>" * 5000,
}


async def test_what_is_no_invoice_is_refused_with_its_report(lite):
    for name, content in NO_INVOICE.items():
        answer = await lite.sender.submit(content)
        assert (answer.status, answer.body["code"]) == (422, "DOCUMENT-KIND"), name
        assert answer.body["report"]["valid"] is False, name
        assert answer.body["detail"].endswith("."), name
    assert await lite.sender.documents() == []


async def test_other_encodings_travel_as_the_same_document(lite, make_invoice):
    for number, encoding in (("VT-8", "utf-16"), ("VT-9", "iso-8859-1")):
        text = make_invoice(number).decode().replace('"UTF-8"', f'"{encoding}"')
        answer = await lite.sender.submit(text.encode(encoding))
        assert answer.status == 202, answer.body
        await lite.settle()
        (arrived,) = await lite.receiver.documents(Document.number == number)
        assert arrived.receiver_name == "Café des Deux Rives SRL"


async def test_a_body_over_the_limit_is_refused(lite, make_invoice):
    huge = make_invoice().replace(b"<cbc:Note>", b"<cbc:Note>" + b"x" * 3_000_000)
    answer = await lite.sender.submit(BytesIO(huge))
    assert (answer.status, answer.body["code"]) == (413, "BODY-TOO-LARGE")


async def test_an_impossible_key_is_refused(lite, make_invoice):
    for key in (b"x" * 201, b"caf\xe9", b"tab\tulator"):
        answer = await submit_raw(lite, make_invoice(), key)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b'"code":"REQUEST-INVALID"' in answer


async def submit_raw(lite, content, key):
    """Submit under a key that no HTTP client would send."""
    url = URL(lite.sender.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"POST /v1/documents HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n"
        + f"Authorization: Bearer {lite.sender.key}\r\n".encode()
        + f"Content-Length: {len(content)}\r\n".encode()
        + b"Idempotency-Key: "
        + key
        + b"\r\n\r\n"
        + content
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_full_storage_refuses_the_submission_and_says_to_come_again(
    lite, make_invoice, full_disk
):
    with full_disk(lite.sender):
        answer = await lite.sender.submit(make_invoice(), key="k")
    assert (answer.status, answer.body["code"]) == (507, "STORAGE-FULL")
    assert answer.headers["Retry-After"]
    assert await lite.sender.rows(StoredBlob) == []
    assert await lite.sender.rows(ValidationRun) == []
    assert (await lite.sender.submit(make_invoice(), key="k")).status == 202


async def test_no_room_for_temporary_files_refuses_the_submission(
    lite, make_invoice, full_tmpdir, monkeypatch
):
    monkeypatch.setattr(spool, "LARGE_BYTES", 1000)
    with full_tmpdir() as folder:
        answer = await lite.sender.submit(make_invoice(), key="k")
    assert (answer.status, answer.body["code"]) == (507, "STORAGE-FULL")
    assert answer.headers["Retry-After"]
    assert list(folder.iterdir()) == []
    assert await lite.sender.rows(StoredBlob) == []
    assert await lite.sender.rows(ValidationRun) == []
    assert (await lite.sender.submit(make_invoice(), key="k")).status == 202


async def test_busy_rule_workers_are_no_verdict(lite, make_invoice, pool_fails):
    with pool_fails(lite.sender):
        answer = await lite.sender.submit(make_invoice(), key="k")
    assert (answer.status, answer.body["code"]) == (503, "POOL-BUSY")
    assert await lite.sender.documents() == []
    assert (await lite.sender.submit(make_invoice(), key="k")).status == 202


async def test_a_chunked_request_is_taken_and_the_document_comes_back_as_sent(lite, make_invoice):
    content = make_invoice("VT-C")

    async def pieces():
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    answer = await lite.sender.submit(pieces())
    assert answer.status == 202, answer.body
    stored = await lite.sender.call("GET", f"/v1/documents/{answer.body['id']}/content")
    assert stored.body == content
    assert stored.headers["Content-Length"] == str(len(content))
