"""The page a link opens, who sees what, and customers found on Peppol later."""

from datetime import UTC, datetime, timedelta

from sqlmodel import update

from gateway.demo.cast import BUYER
from gateway.dispatch.tables import Dispatch


async def test_the_link_gives_the_document_in_both_forms(lite):
    document_id = await lite.sent()
    link = await lite.link(document_id)
    page = await lite.visit(link)
    assert page.status == 200
    assert page.headers["Content-Language"] == "fr"
    assert page.headers["Cache-Control"] == "no-store"
    assert "script-src" not in page.headers["Content-Security-Policy"]
    pdf, xml = [await lite.visit(f"{link}/document.{one}") for one in ("pdf", "xml")]
    assert pdf.body.startswith(b"%PDF-")
    assert xml.body == lite.invoice()
    read = await lite.visit(f"{link}/document.html?lang=nl")
    assert read.status == 200
    assert b'lang="nl"' in read.body
    assert b"<script" not in read.body


async def test_what_a_scanner_fetches_is_not_opened(house):
    document_id = await house.sent()
    link = await house.link(document_id)
    page = await house.visit(link)
    assert b'method="post"' in page.body
    # A scanner follows every address it sees, and may try those of the files.
    for one in ("", "/document.pdf", "/document.xml", "/document.html"):
        assert (await house.visit(link + one)).status == 200
    (row,) = await house.dispatches(document_id)
    assert (row.state, row.opened_at) == ("sent", None)
    first = row.fetched_at
    assert first is not None
    kinds = await house.kinds(document_id)
    assert (kinds.count("dispatch.fetched"), kinds.count("dispatch.opened")) == (1, 0)
    shown = await house.call("GET", f"/v1/documents/{document_id}/dispatches")
    (told,) = shown.body["items"]
    assert (told["state"], told["opened_at"], bool(told["fetched_at"])) == ("sent", None, True)


async def test_what_somebody_opens_by_a_button_is_opened_once(house):
    document_id = await house.sent()
    link = await house.link(document_id)
    pressed = await house.press(link, "html?lang=nl")
    assert pressed.status == 303
    assert pressed.headers["Location"].endswith("/document.html?lang=nl")
    assert (await house.call("GET", pressed.headers["Location"], outside=True)).status == 200
    (row,) = await house.dispatches(document_id)
    assert row.state == "opened"
    first = row.opened_at
    await house.press(link)
    (row,) = await house.dispatches(document_id)
    assert row.opened_at == first
    assert (await house.kinds(document_id)).count("dispatch.opened") == 1
    forged = await house.call(
        "POST",
        f"/download/{link.partition('/download/')[2]}/document.pdf",
        outside=True,
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert (forged.status, (await house.press("/download/" + "x" * 80)).status) == (403, 404)


async def test_a_link_somebody_may_have_seen_is_not_cancelled(lite):
    document_id = await lite.sent(query="?channel=link")
    await lite.visit(await lite.link(document_id))
    (row,) = await lite.dispatches(document_id)
    assert row.state == "offered"
    cancelled = await lite.call("POST", f"/v1/documents/{document_id}/cancel")
    assert (cancelled.status, cancelled.body["code"]) == (409, "CANCEL-OFFERED")


async def test_only_the_newest_address_of_a_link_opens_anything(lite):
    document_id = await lite.sent()
    (row,) = await lite.dispatches(document_id)
    old = await lite.link(document_id)
    renewed = await lite.call("POST", f"/v1/documents/{document_id}/dispatches/{row.id}/link")
    assert renewed.status == 200
    assert renewed.body["link"] != old
    assert (await lite.visit(old)).status == 404
    assert (await lite.visit(renewed.body["link"])).status == 200
    async with lite.gateway.platform.database.write() as session:
        past = (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0)
        await session.exec(update(Dispatch).values(link_expires_at=past))
    assert (await lite.visit(await lite.link(document_id))).status == 404


async def test_whoever_guesses_is_slowed_down_and_learns_nothing(lite):
    document_id = await lite.sent()
    link = await lite.link(document_id)
    answers = [await lite.visit("x" * 80) for _ in range(40)]
    assert {one.status for one in answers} == {404, 429}
    assert "Retry-After" in answers[-1].headers
    assert (await lite.visit(link)).status == 429


async def test_another_account_finds_nothing(lite):
    document_id = await lite.sent()
    (row,) = await lite.dispatches(document_id)
    other = await lite.gateway.access.create_tenant(slug="other", name="Other")
    lite.key = await lite.new_key(other.id)
    path = f"/v1/documents/{document_id}/dispatches"
    assert (await lite.call("GET", path)).status == 404
    assert (await lite.call("POST", path, json={"channel": "email"})).status == 404
    assert (await lite.call("POST", f"{path}/{row.id}/link")).status == 404
    assert (await lite.call("GET", "/v1/dispatches")).body["items"] == []


async def test_a_customer_found_on_peppol_is_proposed_not_switched(house):
    await house.sent()
    await house.change(channel="email")
    await house.run("dispatch.discover")
    assert (await house.customer()).peppol_found_at is None
    await house.register(BUYER)
    await house.run("dispatch.discover")
    customer = await house.customer()
    assert customer.peppol_found_at is not None
    assert customer.channel == "email"
    path = f"/v1/customers/{customer.id}/peppol"
    declined = await house.call("POST", path, json={"accept": False})
    assert declined.body["peppol_declined_at"] is not None
    again = await house.call("POST", path, json={"accept": True})
    assert (again.status, again.body["code"]) == (409, "DISCOVERY-NONE")
    await house.change(channel="email")
    await house.run("dispatch.discover")
    accepted = await house.call("POST", path, json={"accept": True})
    assert (accepted.body["channel"], accepted.body["peppol_found_at"]) == ("auto", None)
    # Now it goes over Peppol, to the house's own access point.
    document_id = await house.sent("MA-2")
    assert (await house.document(document_id)).transport == "delivered"


async def test_a_document_that_went_by_email_can_go_back_to_peppol(house):
    document_id = await house.sent()
    refused = await house.call(
        "POST", f"/v1/documents/{document_id}/dispatches", json={"channel": "peppol"}
    )
    assert refused.status == 202
    await house.work()
    document = await house.document(document_id)
    # It was asked for Peppol, so it is not e-mailed a second time.
    assert (document.transport, document.failure_code) == ("failed", "LOOKUP-NOT-REGISTERED")
    assert len(house.sink.taken) == 1
    await house.register(BUYER)
    again = await house.call("POST", f"/v1/documents/{document_id}/resend")
    assert again.status == 202
    await house.work()
    assert (await house.document(document_id)).transport == "delivered"
