"""Buyers who are on Peppol, but not for the document as it was submitted."""

from gateway.conversion.errors import UNREADABLE
from gateway.conversion.service import Conversion
from gateway.core.errors import GatewayError
from gateway.demo.cast import BUYER
from gateway.exchange.tables import StoredBlob
from gateway.validation.tables import ValidationRun

BIS = b"urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PLAIN = b"urn:cen.eu:en16931:2017"


def plain(house):
    """An invoice that says of itself that it is plain EN 16931, which nobody here takes."""
    content = house.invoice()
    assert content.count(BIS) == 1
    return content.replace(BIS, PLAIN)


async def test_the_document_goes_over_peppol_in_a_format_the_buyer_takes(house):
    await house.register(BUYER)
    answer = await house.submit(plain(house))
    assert answer.status == 202, answer.body
    assert answer.body["document_type"].endswith("##urn:cen.eu:en16931:2017::2.1")
    await house.work()
    document_id = answer.body["id"]
    document = await house.document(document_id)
    assert document.transport == "delivered"
    assert document.document_type.encode().endswith(BIS + b"::2.1")
    assert house.sink.taken == []
    shown = await house.call("GET", f"/v1/documents/{document_id}/timeline")
    (told,) = [one for one in shown.body["entries"] if one["kind"] == "format.instead"]
    assert told["facts"]["format"] == "peppol-bis-3"
    assert told["facts"]["code"] == "LOOKUP-DOCUMENT-TYPE"
    assert "receiver.found" in await house.kinds(document_id)
    (run,) = await house.rows(ValidationRun, ValidationRun.id == document.validation_id)
    assert run.report["valid"]
    assert any(one["id"].startswith("peppol-ubl-") for one in run.report["rulesets"])
    # What travelled is the document now; what was submitted is kept as evidence.
    (stored,) = await house.rows(StoredBlob, StoredBlob.id == document.content_id)
    content = await house.call("GET", f"/v1/documents/{document_id}/content")
    assert BIS in content.body
    assert stored.size == len(content.body)
    arrived = [
        one
        for one in await house.rows(type(document))
        if one.direction == "in" and one.number == document.number
    ]
    assert len(arrived) == 1


async def test_who_wants_peppol_only_is_told_instead(lite):
    await lite.register(BUYER)
    answer = await lite.submit(plain(lite), "?channel=peppol")
    await lite.work()
    document = await lite.document(answer.body["id"])
    assert (document.transport, document.failure_code) == ("failed", "LOOKUP-DOCUMENT-TYPE")
    assert "format.instead" not in await lite.kinds(answer.body["id"])


async def test_where_no_format_fits_it_goes_by_email(lite, monkeypatch):
    await lite.register(BUYER)
    monkeypatch.setattr("gateway.exchange.reformatting.fitting", lambda *_: iter(()))
    answer = await lite.submit(plain(lite))
    await lite.work()
    (row,) = await lite.dispatches(answer.body["id"])
    assert (row.state, row.reason) == ("sent", "not-registered")


async def test_what_cannot_be_read_for_another_format_goes_by_email(lite, monkeypatch):
    async def unreadable(_self, _content, **_named):
        raise GatewayError(UNREADABLE, "No document could be found in what was sent.")

    await lite.register(BUYER)
    monkeypatch.setattr(Conversion, "read", unreadable)
    answer = await lite.submit(plain(lite))
    await lite.work()
    assert (await lite.document(answer.body["id"])).transport == "dispatched"
    (row,) = await lite.dispatches(answer.body["id"])
    assert (row.state, row.reason) == ("sent", "not-registered")


async def test_a_document_that_would_be_another_invoice_is_not_sent(lite, monkeypatch):
    await lite.register(BUYER)
    monkeypatch.setattr("gateway.exchange.reformatting.essential", lambda _lost: ("BT-1",))
    answer = await lite.submit(plain(lite))
    await lite.work()
    document = await lite.document(answer.body["id"])
    assert (document.transport, len(lite.sink.taken)) == ("dispatched", 1)
    assert document.document_type.encode().endswith(b"##" + PLAIN + b"::2.1")
