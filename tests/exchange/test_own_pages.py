"""One's own PDF beside an invoice: the pages of its Factur-X, or a file inside it."""

import io
import json
from datetime import date

import aiohttp
import pikepdf
import pytest
import typst

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, render_invoice
from gateway.exchange.tables import Document, StoredBlob
from ubl.invoice import read_invoice
from ubl.model_json import invoice_to_json
from ubl.safexml import parse


def invoice(number="VT-1"):
    return render_invoice(
        number=number, seller=SELLER, buyer=BUYER, issued=date(2026, 11, 2), lines=CRATES[:2]
    )


def read(content):
    return read_invoice(parse(content)).invoice


def data(number="VT-1"):
    """The invoice as JSON, without its specification and its sums."""
    value = invoice_to_json(read(invoice(number)))
    for name in ("totals", "vat_breakdown", "specification"):
        del value[name]
    return json.dumps(value).encode()


def typeset(text):
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    source = f'#set text(font: "DejaVu Sans Mono")\n{text}'.encode()
    made = typst.Compiler(source, font_paths=fonts).compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


@pytest.fixture(scope="session")
def own():
    """A PDF that can be archived: its font is inside."""
    return typeset("Our own page")


@pytest.fixture(scope="session")
def unfit():
    """A PDF whose font is not inside, which no archive takes."""
    buffer = io.BytesIO()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page()
        page.Resources.Font = pikepdf.Dictionary(
            F=pikepdf.Dictionary(
                Type=pikepdf.Name.Font,
                Subtype=pikepdf.Name.Type1,
                BaseFont=pikepdf.Name.Helvetica,
            )
        )
        page.Contents = pdf.make_stream(b"BT /F 12 Tf 20 20 Td (Our page) Tj ET")
        pdf.save(buffer)
    return buffer.getvalue()


async def send(house, file, pdf, query="", *, kind="application/json", key=None):
    form = aiohttp.FormData()
    form.add_field("file", file, filename="invoice", content_type=kind)
    if pdf is not None:
        form.add_field("pdf", pdf, filename="VT-1-pages.pdf", content_type="application/pdf")
    headers = {"Idempotency-Key": key} if key else {}
    return await house.call("POST", f"/v1/documents{query}", data=form, headers=headers)


def page_of(pdf):
    """What the first page shows, as its drawing instructions."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return opened.pages[0].Contents.read_bytes()


async def test_own_pages_become_those_of_the_factur_x(pair, own):
    house = pair.sender
    answer = await send(house, data(), own, "?format=facturx-extended", key="k")
    assert answer.status == 202, answer.body
    place = answer.body["pdf"]
    assert place == f"/v1/documents/{answer.body['id']}/content?format=facturx-extended"
    first, again = [await house.call("GET", place) for _ in "ab"]
    assert (first.status, first.headers["Content-Type"]) == (200, "application/pdf")
    assert first.body == again.body
    assert page_of(first.body) == page_of(own)
    with pikepdf.open(io.BytesIO(first.body)) as opened:
        inside = opened.attachments["factur-x.xml"].get_file().read_bytes()
    assert read(inside).number == "VT-1"
    stored = await house.call("GET", f"/v1/documents/{answer.body['id']}/content")
    assert read(stored.body).supporting_documents == ()
    (kept,) = await house.rows(StoredBlob, StoredBlob.purpose == "pages")
    assert (kept.size, kept.media_type) == (len(own), "application/pdf")
    same = await send(house, data(), own, "?format=facturx-extended", key="k")
    assert same.body["id"] == answer.body["id"]
    other = await send(house, data(), typeset("Other"), "?format=facturx-extended", key="k")
    assert (other.status, other.body["code"]) == (409, "IDEMPOTENCY-CONFLICT")


async def test_beside_xml_formats_it_goes_along_as_a_file(pair, own):
    for number, file, kind in (
        ("VT-1", data("VT-1"), "application/json"),
        ("VT-2", invoice("VT-2"), "application/xml"),
    ):
        answer = await send(pair.sender, file, own, kind=kind)
        assert answer.status == 202, answer.body
        assert answer.body["pdf"] is None
        await pair.settle()
        (arrived,) = await pair.receiver.documents(Document.number == number)
        got = await pair.receiver.call("GET", f"/v1/documents/{arrived.id}/content")
        (enclosed,) = read(got.body).supporting_documents
        assert enclosed.attachment.content() == own
        assert enclosed.attachment.file_name == "VT-1-pages.pdf"
    assert await pair.sender.rows(StoredBlob, StoredBlob.purpose == "pages") == []


async def test_in_a_factur_x_it_may_be_a_file_too(lite, own):
    answer = await send(lite.sender, data(), own, "?format=facturx-extended&pdf=attachment")
    assert answer.status == 202, answer.body
    pdf = await lite.sender.call("GET", answer.body["pdf"])
    assert page_of(pdf.body) != page_of(own)
    with pikepdf.open(io.BytesIO(pdf.body)) as opened:
        assert opened.attachments["VT-1-pages.pdf"].get_file().read_bytes() == own


async def test_a_factur_x_without_own_pages_has_its_address_too(lite):
    headers = {"Content-Type": "application/json"}
    answer = await lite.sender.call(
        "POST", "/v1/documents?format=facturx-extended", data=data(), headers=headers
    )
    assert answer.status == 202, answer.body
    pdf = await lite.sender.call("GET", answer.body["pdf"])
    assert pdf.body == (await lite.sender.call("GET", answer.body["pdf"])).body
    assert pdf.body.startswith(b"%PDF-")


async def test_what_cannot_be_is_refused_with_advice(lite, own, unfit):
    json_kind, xml_kind = "application/json", "application/xml"
    foreign = invoice().replace(b"urn:fdc:peppol.eu:2017:poacc:billing:3.0", b"urn:example:own")
    cases = (
        (data(), unfit, "?format=facturx-extended", json_kind, "CONVERSION-OWN-PDF"),
        (data(), own, "?format=peppol-bis-3&pdf=pages", json_kind, "CONVERSION-OWN-PDF"),
        (data(), b"no PDF", "", json_kind, "CONVERSION-OWN-PDF"),
        (own, own, "", "application/pdf", "CONVERSION-UNREADABLE"),
        (foreign, own, "", xml_kind, "CONVERSION-FORMAT"),
        (data(), own, "?format=word", json_kind, "CONVERSION-FORMAT"),
    )
    for file, pdf, query, kind, code in cases:
        answer = await send(lite.sender, file, pdf, query, kind=kind)
        assert (answer.status, answer.body["code"]) == (422, code), (query, answer.body)
        assert answer.body["detail"].endswith("."), code
    hybrid = await send(lite.sender, data(), own, "?format=facturx-extended")
    whole = (await lite.sender.call("GET", hybrid.body["pdf"])).body
    twice = await send(lite.sender, whole, own, kind="application/pdf")
    assert (twice.status, twice.body["code"]) == (422, "CONVERSION-OWN-PDF")
    assert len(await lite.sender.documents()) == 1
    alone = await lite.sender.call("POST", "/v1/documents?pdf=pages", data=invoice())
    assert (alone.status, alone.body["code"]) == (400, "REQUEST-INVALID")
    form = aiohttp.FormData()
    form.add_field("pdf", own, filename="a.pdf")
    missing = await lite.sender.call("POST", "/v1/documents", data=form)
    assert (missing.status, missing.body["code"]) == (422, "VALIDATION-FILE-MISSING")
