"""Documents for people through the doors: API, console, and the files inside invoices."""

import base64
import dataclasses
import io
from datetime import UTC, datetime

import pikepdf
import pytest
from exchange_houses import invoice_bytes
from test_reminders import reader, remind, take_reminders

from gateway.core.errors import GatewayError
from gateway.exchange.rendering import (
    LINES_AT_ONCE,
    Order,
    RenditionFormat,
    attached_file,
    disposition,
    render_document,
    show_document,
)
from ubl.formats import FORMATS
from ubl.invoice import read_invoice, write_invoice
from ubl.model import Attachment, SupportingDocument
from ubl.safexml import parse

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HTML = Order(RenditionFormat.HTML, "fr", NOW)


def invoice(**changes):
    return dataclasses.replace(read_invoice(parse(invoice_bytes())).invoice, **changes)


def written(changed, format_id="peppol-bis-3"):
    return write_invoice(changed, FORMATS[format_id]).xml


def with_file(content=b"a plan", name="plan.pdf", encoded=None):
    attachment = Attachment(
        encoded=encoded or base64.b64encode(content).decode(),
        mime_type="application/pdf",
        file_name=name,
    )
    return invoice(
        supporting_documents=(
            SupportingDocument(reference="D1"),
            SupportingDocument(reference="D2", attachment=attachment),
        )
    )


@pytest.mark.parametrize("format_id", ["peppol-bis-3", "peppol-bis-3-cii", "facturx-en16931"])
def test_the_same_page_whatever_the_syntax(format_id):
    page = render_document(written(invoice(), format_id), HTML)
    assert (page.media_type, page.file_name) == ("text/html", "Facture-VT-1.html")
    text = page.content.decode()
    assert "Facture VT-1" in text
    assert "Ventilation de la TVA" in text


def test_a_pdf_is_the_same_each_time():
    order = Order(RenditionFormat.PDF, "nl", NOW)
    first, again = (render_document(invoice_bytes(), order) for _ in range(2))
    assert first == again
    assert first.file_name == "Factuur-VT-1.pdf"
    assert len(pikepdf.open(io.BytesIO(first.content)).pages) == 1


def test_what_is_no_document_is_refused():
    for content in (b"", b"<x/>", b"%PDF-1.4", b"{}", b"text"):
        with pytest.raises(GatewayError):
            render_document(content, HTML)
        assert show_document(content, "en", 0, "", {}) is None


def test_many_lines_are_shown_in_parts():
    (line,) = invoice().lines
    lines = tuple(dataclasses.replace(line, identifier=str(number)) for number in range(1, 5001))
    content = written(invoice(lines=lines))
    shown = show_document(content, "en", 0, "/a", {})
    assert (shown.first, shown.lines) == (0, 5000)
    assert shown.article.count('class="c-item"') == LINES_AT_ONCE + 1
    last = show_document(content, "en", 4900, "/a", {})
    assert last.article.count('class="c-item"') == 101
    assert ">5000<" in last.article
    assert show_document(content, "en", 9999, "/a", {}).first == 0


def test_a_file_is_taken_out_as_it_was_put_in():
    file = attached_file(written(with_file(name="../plan.pdf")), 1)
    assert (file.content, file.file_name) == (b"a plan", "plan.pdf")


@pytest.mark.parametrize("index", [0, 2, 9999])
def test_a_place_without_a_file_is_not_found(index):
    with pytest.raises(GatewayError) as refused:
        attached_file(written(with_file()), index)
    assert refused.value.kind.code == "NOT-FOUND"


def test_a_damaged_file_is_told():
    with pytest.raises(GatewayError) as refused:
        attached_file(written(with_file(encoded="!!!!")), 1)
    assert refused.value.kind.code == "ATTACHMENT-DAMAGED"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plan.pdf", "attachment; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf"),
        ('a"b\r\nc é.pdf', "filename=\"a_b_c_.pdf\"; filename*=UTF-8''a%22b%0D%0Ac%20%C3%A9.pdf"),
    ],
)
def test_no_name_breaks_out_of_its_header(name, expected):
    assert disposition(name).endswith(expected)


async def test_the_doors_of_the_api(lite):
    content = written(with_file(name="plan é.pdf"))
    answer = await lite.sender.submit(content)
    assert answer.status == 202, answer.body
    path = f"/v1/documents/{answer.body['id']}"

    page = await lite.sender.call("GET", f"{path}/rendition?lang=nl")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "style-src 'sha256-" in page.headers["Content-Security-Policy"]
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert page.headers["Content-Disposition"].startswith("inline;")
    assert "Factuur VT-1" in page.body.decode()

    pdf = await lite.sender.call("GET", f"{path}/rendition?format=pdf")
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert pdf.body.startswith(b"%PDF-")

    file = await lite.sender.call("GET", f"{path}/attachments/1")
    assert file.body == b"a plan"
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert (await lite.sender.call("GET", f"{path}/attachments/0")).status == 404
    for query in ("format=docx", "lang=es", "unknown=1"):
        assert (await lite.sender.call("GET", f"{path}/rendition?{query}")).status == 400
    for place in ("rendition", "attachments/1"):
        assert (await lite.receiver.call("GET", f"{path}/{place}")).status == 404


async def test_a_document_that_is_not_kept_is_rendered_and_forgotten(lite):
    before = len(await lite.sender.documents())
    for format_id in ("xrechnung-cii", "peppol-bis-3"):
        answer = await lite.sender.call(
            "POST",
            "/v1/renditions?lang=de",
            data=written(invoice(), format_id),
            headers={"Content-Type": "application/xml"},
        )
        assert answer.status == 200, answer.body
        assert "Rechnung VT-1" in answer.body.decode()
    refused = await lite.sender.call("POST", "/v1/renditions", data=b"<x/>")
    assert refused.status == 422
    assert len(await lite.sender.documents()) == before


async def test_both_read_it_in_the_console_in_the_language_they_choose(lite):
    answer = await lite.sender.submit(written(with_file()))
    assert answer.status == 202, answer.body
    await lite.settle()
    (arrived,) = [one for one in await lite.receiver.documents() if one.kind == "invoice"]
    page = await reader(lite.receiver)
    path = f"/documents/{arrived.id}"
    shown = await page(path)
    assert '<article class="paper" lang="fr">' in shown
    assert "Facture VT-1" in shown
    assert f'href="{path}/attachments/1" download' in shown
    assert f"{path}/rendition.pdf?language=fr" in shown
    assert "Factuur VT-1" in await page(f"{path}?language=nl")
    assert "Rechnung VT-1" in await page(f"{path}/rendition.html?language=de")
    assert "a plan" in await page(f"{path}/attachments/1")


async def test_an_answer_is_shown_to_people_too(lite):
    sent, arrived = await lite.delivered()
    answered = await lite.receiver.call(
        "POST",
        f"/v1/documents/{arrived.id}/responses",
        json={"status": "RE", "reasons": ["REF"], "actions": ["NIN"], "text": "PO is missing"},
    )
    assert answered.status == 202, answered.body
    await lite.settle()
    path = f"/v1/documents/{answered.body['id']}/rendition"
    page = await lite.receiver.call("GET", f"{path}?lang=en")
    text = page.body.decode()
    assert "Answer to invoice VT-1" in text
    assert "References are wrong (REF)" in text
    assert "PO is missing" in text
    sheet = await lite.receiver.call("GET", f"{path}?format=pdf")
    assert (sheet.status, sheet.body[:5]) == (200, b"%PDF-")
    status, *_ = [one for one in await lite.sender.documents() if one.kind == "mls"]
    mls = await lite.sender.call("GET", f"/v1/documents/{status.id}/rendition?lang=de")
    assert "Nachrichtenstatus" in mls.body.decode()
    assert sent.number == "VT-1"


async def test_a_reminder_is_a_page_as_well(lite):
    from exchange_reminders import reminder_bytes

    await take_reminders(lite.receiver)
    await lite.delivered()
    own = await remind(lite, reminder_bytes())
    page = await lite.sender.call("GET", f"/v1/documents/{own.id}/rendition?lang=fr")
    assert page.status == 200
    assert "Rappel de paiement" in page.body.decode()
