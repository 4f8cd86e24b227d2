"""Documents to buyers who are not on Peppol: by e-mail, by link, at most once, honestly told."""

import pytest
from sqlmodel import update

from gateway.core.jobs.tables import Job
from gateway.dispatch.states import DispatchState
from gateway.dispatch.tables import Dispatch
from gateway.receivables.tables import ItemRow


async def test_an_unregistered_buyer_gets_the_invoice_by_email_with_its_data(house):
    document_id = await house.sent()
    document = await house.document(document_id)
    assert document.transport == "dispatched"
    (row,) = await house.dispatches(document_id)
    assert (row.state, row.channel, row.reason) == ("sent", "email", "not-registered")
    (mail,) = house.sink.messages()
    assert mail["To"].addresses[0].addr_spec == "ap@buyer.example"
    assert mail["Message-ID"] == f"<{row.token}@seller.example>"
    assert house.sink.senders == [f"bounces+{row.token}@seller.example"]
    (pdf,) = mail.iter_attachments()
    assert pdf.get_content_type() == "application/pdf"
    content = pdf.get_content()
    assert content.startswith(b"%PDF-")
    assert b"/EmbeddedFile" in content or b"factur-x.xml" in content
    assert await house.kinds(document_id) == [
        "document.accepted",
        "item.opened",
        "lookup.failed",
        "dispatch.begun",
        "dispatch.sent",
    ]
    shown = await house.call("GET", f"/v1/documents/{document_id}")
    assert shown.body["status"] == "dispatched"
    (item,) = await house.rows(ItemRow)
    assert item.open_minor == document.amount_minor


async def test_whose_channel_is_peppol_is_not_written_to(house):
    answer = await house.submit(b"", "?channel=fax")
    assert answer.status == 400
    document_id = await house.sent(query="?channel=peppol")
    document = await house.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "LOOKUP-NOT-REGISTERED")
    assert house.sink.taken == []
    assert await house.dispatches(document_id) == []


async def test_the_customers_channel_spares_the_lookup(house):
    await house.sent()
    assert (await house.change(channel="email", invoice_email="inv@buyer.example")).status == 200
    document_id = await house.sent("MA-2")
    (row,) = await house.dispatches(document_id)
    assert (row.reason, row.recipient) == ("chosen", "inv@buyer.example")
    assert "lookup.failed" not in await house.kinds(document_id)
    jobs = [one for one in await house.rows(Job) if one.kind == "exchange.lookup"]
    assert all(document_id not in str(one.payload) for one in jobs)


async def test_without_an_address_a_link_waits_to_be_passed_on(house):
    answer = await house.submit(house.invoice(email=""))
    await house.work()
    document_id = answer.body["id"]
    (row,) = await house.dispatches(document_id)
    assert (row.channel, row.state) == ("link", "offered")
    assert (await house.document(document_id)).transport == "dispatching"
    link = await house.link(document_id)
    assert (await house.visit(link)).status == 200
    assert (await house.document(document_id)).transport == "dispatching"
    assert (await house.press(link)).status == 303
    assert (await house.document(document_id)).transport == "dispatched"
    (row,) = await house.dispatches(document_id)
    assert row.state is DispatchState.OPENED
    assert (await house.kinds(document_id))[-1] == "dispatch.opened"


async def test_email_without_any_address_fails_and_can_be_sent_again_to_one(house):
    answer = await house.submit(house.invoice(email=""), "?channel=email")
    await house.work()
    document_id = answer.body["id"]
    document = await house.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "DISPATCH-ADDRESS-MISSING")
    again = await house.call(
        "POST",
        f"/v1/documents/{document_id}/dispatches",
        json={"channel": "email", "email": "new@buyer.example", "locale": "fr"},
    )
    assert again.status == 202, again.body
    await house.work()
    (mail,) = house.sink.messages()
    assert mail["To"].addresses[0].addr_spec == "new@buyer.example"
    assert mail["Subject"].startswith("Facture MA-1")
    document = await house.document(document_id)
    assert (document.transport, document.failure_code) == ("dispatched", None)


async def test_what_a_mail_server_refuses_for_good_is_given_up(house):
    house.sink.answers["RCPT"] = "550 5.1.1 no such user"
    document_id = await house.sent()
    document = await house.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "MAIL-REFUSED")
    assert (await house.kinds(document_id))[-1] == "dispatch.failed"


async def test_a_server_that_says_later_is_asked_again(house):
    house.sink.answers["DATA"] = "451 4.3.0 busy"
    document_id = await house.sent()
    (row,) = await house.dispatches(document_id)
    assert (row.state, row.failure_code) == ("ready", "MAIL-DEFERRED")
    house.sink.answers.clear()
    await house.later()
    (row,) = await house.dispatches(document_id)
    assert (row.state, row.failure_code) == ("sent", None)
    assert len(house.sink.taken) == 1


async def test_a_cut_while_the_server_has_it_is_unknown_and_never_sent_again_by_itself(house):
    house.sink.cut_at = "DATA"
    document_id = await house.sent()
    (row,) = await house.dispatches(document_id)
    assert (row.state, row.failure_code) == ("unknown", "MAIL-UNKNOWN")
    assert (await house.document(document_id)).transport == "dispatching"
    house.sink.cut_at = ""
    await house.later()
    assert len(house.sink.taken) == 1
    cancelled = await house.call("POST", f"/v1/documents/{document_id}/cancel")
    assert (cancelled.status, cancelled.body["code"]) == (409, "CANCEL-OUTCOME-UNKNOWN")
    again = await house.call(
        "POST", f"/v1/documents/{document_id}/dispatches", json={"channel": "email"}
    )
    assert again.status == 202
    await house.work()
    assert [one.state for one in await house.dispatches(document_id)] == ["unknown", "sent"]
    assert (await house.document(document_id)).transport == "dispatched"


@pytest.mark.parametrize(
    "dispatch_settings",
    [{"return_path": "bounces@seller.example", "max_attachment_bytes": 100}],
)
async def test_a_large_document_is_led_to_instead_of_attached(lite):
    house = lite
    await house.sent()
    (mail,) = house.sink.messages()
    assert list(mail.iter_attachments()) == []
    text = mail.get_body(("plain",)).get_content()
    assert "/download/" in text
    assert "trop volumineux" in text


async def test_a_waiting_document_is_cancelled_and_its_link_dies(house):
    answer = await house.submit(house.invoice(), "?channel=link")
    await house.work()
    document_id = answer.body["id"]
    link = await house.link(document_id)
    cancelled = await house.call("POST", f"/v1/documents/{document_id}/cancel")
    assert cancelled.status == 200, cancelled.body
    assert (await house.document(document_id)).transport == "cancelled"
    assert (await house.dispatches(document_id))[0].state is DispatchState.WITHDRAWN
    assert (await house.visit(link)).status == 404


async def test_a_buyer_without_peppol_address_gets_it_all_the_same(house):
    content = house.invoice()
    start, end = (
        content.index(b"<cac:AccountingCustomerParty>"),
        content.index(b"</cac:AccountingCustomerParty>"),
    )
    buyer = content[start:end]
    cut = buyer.index(b"<cbc:EndpointID"), buyer.index(b"</cbc:EndpointID>") + 17
    plain = content[:start] + buyer[: cut[0]] + buyer[cut[1] :] + content[end:]
    plain = plain.replace(
        b"urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
        b"urn:cen.eu:en16931:2017",
    )
    answer = await house.submit(plain)
    assert answer.status == 202, answer.body
    await house.work()
    (row,) = await house.dispatches(answer.body["id"])
    assert (row.state, row.reason) == ("sent", "no-address")
    customer = await house.customer()
    assert customer.participant.startswith("buyer-off-network::")
    refused = await house.change(channel="peppol")
    assert (refused.status, refused.body["code"]) == (422, "CUSTOMER-CHANNEL")


async def test_a_dispatch_found_half_sent_is_unknown_and_not_sent_again(house):
    answer = await house.submit(house.invoice(), "?channel=email")
    async with house.gateway.platform.database.write() as session:
        await session.exec(update(Dispatch).values(state=DispatchState.SENDING))
    await house.work()
    (row,) = await house.dispatches(answer.body["id"])
    assert (row.state, row.failure_code) == ("unknown", "MAIL-UNKNOWN")
    assert house.sink.taken == []
    await house.later()
    assert house.sink.taken == []


@pytest.fixture
def without_mail_server(monkeypatch):
    monkeypatch.setattr("gateway.assembly.dispatch._can_mail", lambda _settings: False)


async def test_without_a_mail_server_an_email_fails_at_once_and_says_so(without_mail_server, lite):
    document_id = await lite.sent(query="?channel=email")
    document = await lite.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "MAIL-SERVER-AWAY")
    assert "mail.host" in document.failure_text
    assert lite.sink.taken == []


async def test_what_was_cancelled_opens_by_no_earlier_link(lite):
    lite.sink.answers["RCPT"] = "550 5.1.1 no such user"
    document_id = await lite.sent()
    async with lite.gateway.platform.database.write() as session:
        # As where it bounced: its link exists, and everybody may have it.
        await session.exec(update(Dispatch).values(state=DispatchState.BOUNCED))
    link = await lite.link(document_id)
    path = f"/v1/documents/{document_id}"
    again = await lite.call("POST", f"{path}/dispatches", json={"channel": "link"})
    assert again.status == 202, again.body
    await lite.work()
    cancelled = await lite.call("POST", f"{path}/cancel")
    assert cancelled.status == 200, cancelled.body
    assert (await lite.visit(link)).status == 404


async def test_the_same_key_by_another_channel_is_another_request(lite):
    headers = {"Content-Type": "application/xml", "Idempotency-Key": "order-7"}
    answers = [
        await lite.call("POST", path, data=lite.invoice(), headers=headers)
        for path in ("/v1/documents?channel=link",) * 2 + ("/v1/documents",)
    ]
    assert [one.status for one in answers] == [202, 202, 409]
    assert answers[0].body["id"] == answers[1].body["id"]
    assert answers[2].body["code"] == "IDEMPOTENCY-CONFLICT"
