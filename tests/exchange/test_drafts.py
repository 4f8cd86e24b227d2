"""Invoices written at the console: begun, saved, checked as one types, sent, credited, copied."""

import json
import re

import aiohttp
import pytest
from lxml import html
from sqlmodel import select

from gateway.authoring.tables import Draft
from gateway.receivables.tables import Customer
from ubl.invoice import read_invoice
from ubl.safexml import parse

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
FIELDS = {
    "invoice.number": "VT-100",
    "invoice.buyer_reference": "PO-7",
    "invoice.seller.vat_identifier": "BE0765432146",
    "invoice.seller.address.line1": "Havenlaan 2",
    "invoice.seller.address.city": "Gent",
    "invoice.seller.address.post_code": "9000",
    "invoice.buyer.name": "Deux Rives SARL",
    "invoice.buyer.vat_identifier": "FR40303265045",
    "invoice.buyer.address.line1": "3 rue du Quai",
    "invoice.buyer.address.city": "Lille",
    "invoice.buyer.address.post_code": "59000",
    "invoice.buyer.address.country": "FR",
    "invoice.lines.0.item.name": "Caisse",
    "invoice.lines.0.quantity.value": "2,5",
    "invoice.lines.0.quantity.unit": "C62",
    "invoice.lines.0.price.net.value": "10,00",
    "invoice.lines.0.vat.category": "S",
    "invoice.lines.0.vat.rate": "21",
    "invoice.payment.0.means_code": "30",
    "invoice.payment.0.credit_transfers.0.account.value": "BE71096123456769",
}


class Writer:
    """Somebody who writes invoices at the console of a house."""

    def __init__(self, house, cookies):
        self.house, self._cookies = house, cookies

    async def get(self, path, *, status=200):
        answer = await self.house.session.get(f"{self.house.url}{path}", cookies=self._cookies)
        assert answer.status == status, (path, answer.status)
        return await answer.text()

    async def download(self, path):
        answer = await self.house.session.get(f"{self.house.url}{path}", cookies=self._cookies)
        assert answer.status == 200, await answer.text()
        return answer.content_type, await answer.read()

    async def post(self, path, on, fields, **headers):
        token = re.search(r'name="csrf" value="([^"]+)"', await self.get(on))
        answer = await self.house.session.post(
            f"{self.house.url}{path}",
            data={"csrf": token[1], **fields},
            cookies=self._cookies,
            headers={**SAME_SITE, **headers},
            allow_redirects=False,
        )
        return answer.status, answer.headers.get("Location", ""), await answer.text()

    async def begin(self):
        status, place, _ = await self.post("/drafts", "/drafts", {})
        assert status == 303
        return place

    async def shown(self, place):
        """What a browser would post of the editor as it stands."""
        (form,) = html.document_fromstring(await self.get(place)).xpath("//form[@id='editor']")
        return {name: one for name, one in form.form_values() if name and isinstance(one, str)}

    async def save(self, place, fields, *, do="save", tab="one", version=None, **headers):
        form = await self.shown(place) | {"do": do, "tab": tab, **fields}
        if version is not None:
            form["version"] = version
        return await self.post(place, place, form, **headers)

    async def held(self, place):
        async with self.house.gateway.platform.database.read() as session:
            drafts = list(await session.exec(select(Draft)))
        return next(one for one in drafts if str(one.id) in place)


def filled(house, receiver):
    scheme, _, value = receiver.participant.value.partition(":")
    own_scheme, _, own = house.participant.value.partition(":")
    return FIELDS | {
        "invoice.buyer.electronic_address.scheme": scheme,
        "invoice.buyer.electronic_address.value": value,
        "invoice.seller.electronic_address.scheme": own_scheme,
        "invoice.seller.electronic_address.value": own,
    }


@pytest.fixture
def writer():
    async def writer(house, *, locale="en", tenant_id=None):
        return Writer(house, await house.sign_in(tenant_id=tenant_id, locale=locale))

    return writer


async def test_an_invoice_is_written_checked_and_sent(pair, writer):
    writes = await writer(pair.sender)
    place = await writes.begin()
    page = await writes.get(place)
    assert "fields are still to be filled in" in page
    assert pair.sender.participant.value.partition(":")[2] in page, "the seller is filled in"
    fields = filled(pair.sender, pair.receiver)
    status, _, live = await writes.save(place, fields, **{"HX-Request": "true"})
    assert status == 200
    assert "Complete; it can be sent." in live, live
    assert "€30.25" in live, "2.5 times 10 and 21 per cent of VAT"
    assert 'id="net-0"' in live
    status, document, _ = await writes.save(place, fields, do="send")
    assert (status, document[:11]) == (303, "/documents/")
    await writes.get(place, status=404)
    await pair.settle()
    (arrived,) = [one for one in await pair.receiver.documents() if one.direction == "in"]
    assert (arrived.number, arrived.amount_minor) == ("VT-100", 3025)


async def test_what_cannot_be_sent_says_why_at_its_field(pair, writer):
    writes = await writer(pair.sender, locale="fr")
    place = await writes.begin()
    fields = filled(pair.sender, pair.receiver) | {
        "invoice.lines.0.quantity.value": "deux",
        "invoice.issue_date": "2026-02-31",
    }
    status, _, page = await writes.save(place, fields, do="send")
    assert status == 422
    assert "Pas envoyée" in page
    for wrong in ("Ce n'est pas un nombre", "Ce n'est pas une date"):
        assert wrong in page.replace("&#39;", "'"), wrong
    assert await pair.sender.documents() == []
    fields |= {"invoice.lines.0.quantity.value": "2", "invoice.issue_date": "2026-02-28"}
    fields |= {
        "invoice.buyer_reference": "",
        "invoice.due_date": "",
        "invoice.lines.0.vat.rate": "0",
    }
    status, _, page = await writes.save(place, fields, do="send")
    assert status == 422
    marked = re.search(r'id="m-lines-0-vat-category">\s*<p class="fatal">.*?</p>', page, re.S)
    assert marked, "BR-S-05 stands at the VAT of the line"


async def test_two_pages_do_not_overwrite_each_other(pair, writer):
    writes = await writer(pair.sender)
    place = await writes.begin()
    assert (await writes.save(place, {"invoice.number": "A-1"}, tab="one", version="1"))[0] == 303
    assert (await writes.save(place, {"invoice.number": "A-2"}, tab="one", version="1"))[0] == 303
    status, _, page = await writes.save(place, {"invoice.number": "B-1"}, tab="two", version="1")
    assert status == 412
    assert 'value="B-1"' in page, "what was typed is still there"
    assert (await writes.held(place)).number == "A-2"
    status, _, live = await writes.save(
        place, {"invoice.number": "B-1"}, tab="two", version="1", **{"HX-Request": "true"}
    )
    assert "DRAFT-CHANGED" in live
    status, apart, _ = await writes.save(
        place, {"invoice.number": "B-1"}, tab="two", version="1", do="keep"
    )
    assert status == 303
    assert (await writes.held(apart)).number == "B-1"
    assert (await writes.held(place)).number == "A-2"


async def test_lines_come_and_go(lite, writer):
    writes = await writer(lite.sender)
    place = await writes.begin()
    fields = filled(lite.sender, lite.receiver)
    status, led, _ = await writes.save(place, fields, do="add:lines")
    assert (status, led) == (303, f"{place}?focus=lines-1")
    second = {name.replace("lines.0", "lines.1"): value for name, value in fields.items()}
    second["invoice.lines.1.item.name"] = "Palette"
    await writes.save(place, fields | second)
    assert [line["item"]["name"] for line in (await writes.held(place)).invoice["lines"]] == [
        "Caisse",
        "Palette",
    ]
    await writes.save(place, fields | second, do="remove:lines.0")
    held = await writes.held(place)
    assert [line["item"]["name"] for line in held.invoice["lines"]] == ["Palette"]
    for action in ("remove:number", "remove:lines.x"):
        assert (await writes.save(place, {}, do=action))[0] == 400
    assert (await writes.save(place, {"invoice.nonsense": "1"}))[0] == 400
    status, led, _ = await writes.save(place, {}, do="discard")
    assert (status, led) == (303, "/drafts")
    await writes.get(place, status=404)


async def test_a_sent_invoice_is_credited_and_copied(pair, writer):
    writes = await writer(pair.sender)
    sent, _ = await pair.delivered("VT-7")
    on = f"/documents/{sent.id}"
    status, place, _ = await writes.post(f"{on}/credit", on, {})
    assert status == 303
    page = await writes.get(place)
    assert "Complete; it can be sent." in page
    status, led, _ = await writes.save(place, {"invoice.number": "C-7"}, do="send")
    assert status == 303
    credit = await pair.sender.document(led.rpartition("/")[2])
    assert (credit.kind, credit.number, credit.amount_minor) == (
        "credit-note",
        "C-7",
        sent.amount_minor,
    )
    _, xml = await writes.download(f"/v1/documents/{credit.id}/content")
    (earlier,) = read_invoice(parse(xml)).invoice.preceding_invoices
    assert earlier.number == "VT-7"
    status, place, _ = await writes.post(f"{on}/duplicate", on, {})
    held = (await writes.held(place)).invoice
    assert held["number"] == "VT-8"
    assert "preceding_invoices" not in held
    assert (await writes.post(f"/documents/{credit.id}/credit", on, {}))[0] == 422

    place = await writes.begin()
    customer = re.search(r'<option value="([0-9a-f-]{36})">', await writes.get(place))[1]
    await writes.save(place, {"customer": customer}, do="customer:")
    buyer = (await writes.held(place)).invoice["buyer"]
    assert buyer["name"] == sent.receiver_name
    assert buyer["electronic_address"]["value"] in sent.receiver
    assert (await writes.save(place, {"customer": "nobody"}, do="customer:"))[0] == 400
    stranger = {"customer": "00000000-0000-0000-0000-000000000000"}
    assert (await writes.save(place, stranger, do="customer:"))[0] == 404


async def test_a_received_invoice_is_not_ours_to_credit(lite, writer):
    _, arrived = await lite.delivered()
    writes = await writer(lite.receiver)
    on = f"/documents/{arrived.id}"
    for verb in ("credit", "duplicate"):
        assert (await writes.post(f"{on}/{verb}", "/drafts", {}))[0] == 422
    other = await writer(lite.sender)
    assert (await other.post(f"{on}/credit", "/drafts", {}))[0] == 404


async def test_another_accounts_drafts_and_customers_lead_nowhere(lite, writer):
    sent, _ = await lite.delivered("VT-7")
    house = lite.sender
    place = await (await writer(house)).begin()
    tenant = await house.gateway.access.create_tenant(slug="stranger", name="Stranger")
    stranger = await writer(house, tenant_id=tenant.id)
    assert place not in await stranger.get("/drafts")
    await stranger.get(place, status=404)
    await stranger.get(f"{place}/download?format=peppol-bis-3", status=404)
    form = {"do": "save", "version": "1", "tab": "t", "invoice.number": "X"}
    for action in ("save", "send", "keep", "discard"):
        assert (await stranger.post(place, "/drafts", form | {"do": action}))[0] == 404
    for verb in ("credit", "duplicate"):
        assert (await stranger.post(f"/documents/{sent.id}/{verb}", "/drafts", {}))[0] == 404
    (customer,) = await house.rows(Customer)
    own = await stranger.begin()
    taken = {"customer": str(customer.id)}
    assert (await stranger.save(own, taken, do="customer:"))[0] == 404
    assert await stranger.held(place) is not None


async def test_a_draft_is_downloaded_in_any_format(lite, writer):
    writes = await writer(lite.sender)
    place = await writes.begin()
    await writes.save(place, filled(lite.sender, lite.receiver))
    content_type, xml = await writes.download(f"{place}/download?format=xrechnung-cii")
    assert content_type == "application/xml"
    assert read_invoice(parse(xml)).invoice.number == "VT-100"
    content_type, pdf = await writes.download(f"{place}/download?format=facturx-en16931")
    assert (content_type, pdf[:5]) == ("application/pdf", b"%PDF-")
    await writes.get(f"{place}/download?format=nonsense", status=422)


async def test_a_file_becomes_a_draft(lite, writer, make_invoice):
    writes = await writer(lite.sender)
    token = re.search(r'name="csrf" value="([^"]+)"', await writes.get("/drafts"))[1]

    async def upload(content, name):
        form = aiohttp.FormData()
        form.add_field("csrf", token)
        form.add_field("file", content, filename=name)
        answer = await lite.sender.session.post(
            f"{lite.sender.url}/drafts",
            data=form,
            cookies=writes._cookies,
            headers=SAME_SITE,
            allow_redirects=False,
        )
        return answer.status, answer.headers.get("Location", "")

    status, place = await upload(make_invoice("VT-55"), "vt-55.xml")
    assert status == 303
    assert (await writes.held(place)).number == "VT-55"
    whole = {"kind": "invoice", "number": "J-1", "currency": "EUR"}
    status, place = await upload(json.dumps(whole).encode(), "j.json")
    assert (await writes.held(place)).number == "J-1"
    status, place = await upload(b"%PDF-1.4 scanned", "scan.pdf")
    assert status == 303
    (enclosed,) = (await writes.held(place)).invoice["supporting_documents"]
    assert enclosed["attachment"]["file_name"] == "scan.pdf"
    status, _ = await upload(b"neither", "a.txt")
    assert status == 422
    form = aiohttp.FormData(await writes.shown(place) | {"do": "attach:", "tab": "one"})
    form.add_field("attachment", b"a,b", filename="times.csv", content_type="text/csv")
    answer = await lite.sender.session.post(
        f"{lite.sender.url}{place}",
        data=form,
        cookies=writes._cookies,
        headers=SAME_SITE,
        allow_redirects=False,
    )
    assert answer.status == 303
    files = [
        one["attachment"] for one in (await writes.held(place)).invoice["supporting_documents"]
    ]
    assert [(one["file_name"], one["mime_type"]) for one in files] == [
        ("scan.pdf", "application/pdf"),
        ("times.csv", "text/csv"),
    ]
