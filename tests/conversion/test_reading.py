"""Whatever an invoice comes in, it is the same invoice; what is none is refused with a code."""

import io
import json
import pickle

import pikepdf
import pytest

from gateway.conversion.errors import InvoiceRefused
from gateway.conversion.reading import Source, read_document
from gateway.core.errors import GatewayError
from ubl.differences import differences

SBDH = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"


def test_ubl_is_read_with_its_format(ubl, invoice):
    read = read_document(ubl)
    assert read.invoice == invoice
    assert (read.source, read.unread, read.inner, read.pdf) == (Source.XML, (), None, None)
    assert read.format is not None
    assert read.format.id == "peppol-bis-3"


def test_cii_is_read_with_its_format(ubl, invoice, convert):
    read = read_document(convert(ubl, "xrechnung-cii").content)
    assert read.format is not None
    assert read.format.id == "xrechnung-cii"
    assert {one.term for one in differences(invoice, read.invoice)} == {"BT-24"}


def test_a_pdf_gives_its_data_and_keeps_its_pages(ubl, convert):
    pdf = convert(ubl, "facturx-en16931").content
    read = read_document(pdf)
    assert (read.source, read.invoice.number, read.pdf) == (Source.PDF, "VT-1", pdf)
    assert read.inner is not None
    assert read_document(read.inner).invoice == read.invoice


def test_an_envelope_is_opened(ubl, invoice):
    body = ubl[ubl.index(b"<Invoice") :]
    read = read_document(
        f'<b:StandardBusinessDocument xmlns:b="{SBDH}"><b:StandardBusinessDocumentHeader/>'.encode()
        + body
        + b"</b:StandardBusinessDocument>"
    )
    assert read.invoice == invoice
    assert read.inner is not None
    assert read_document(read.inner).invoice == invoice


def test_json_is_read_bare_and_with_the_format_it_asks_for(as_json, plain):
    bare = read_document(as_json)
    assert (bare.source, bare.wanted, bare.format) == (Source.JSON, "", None)
    wrapped = json.dumps({"invoice": plain, "format": "xrechnung-ubl"}).encode()
    read = read_document(wrapped, "application/json")
    assert (read.wanted, read.invoice) == ("xrechnung-ubl", bare.invoice)


def test_json_that_is_no_invoice_is_refused_place_by_place(plain):
    wrong = json.dumps({**plain, "issue_date": "tomorrow", "nummer": "1"}).encode()
    with pytest.raises(InvoiceRefused) as refused:
        read_document(wrong)
    assert refused.value.code == "INVOICE-JSON"
    found = {one["pointer"]: one["term"] for one in refused.value.problems}
    assert found == {"/issue_date": "BT-2", "/nummer": None}


def test_a_refusal_keeps_its_list_on_the_way_out_of_a_process():
    with pytest.raises(InvoiceRefused) as refused:
        read_document(b'{"kind": 7}')
    again = pickle.loads(pickle.dumps(refused.value))
    assert (again.code, again.message) == (refused.value.code, refused.value.message)
    assert again.problems == refused.value.problems


REFUSED = {
    "nothing": (b"", "CONVERSION-UNREADABLE"),
    "no XML": (b"PK\x03\x04 a spreadsheet", "CONVERSION-UNREADABLE"),
    "broken XML": (b"<Invoice", "CONVERSION-UNREADABLE"),
    "a DOCTYPE": (b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "CONVERSION-UNREADABLE"),
    "broken PDF": (b"%PDF-1.7 and nothing more", "CONVERSION-UNREADABLE"),
    "another document": (b"<Order xmlns='urn:x'/>", "CONVERSION-NO-INVOICE"),
    "no object": (b'{"invoice": 3}', "INVOICE-JSON"),
    "broken JSON": (b'{"number": ', "INVOICE-JSON"),
    "format is no text": (b'{"invoice": {}, "format": 3}', "INVOICE-JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_invoice_is_refused_with_advice(name):
    content, code = REFUSED[name]
    with pytest.raises(GatewayError) as refused:
        read_document(content)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_a_pdf_without_data_is_refused_by_its_reason(ubl, convert):
    with pikepdf.open(io.BytesIO(convert(ubl, "facturx-en16931").content)) as pdf:
        del pdf.Root.Names
        del pdf.Root.AF
        bare = io.BytesIO()
        pdf.save(bare)
    with pytest.raises(GatewayError) as refused:
        read_document(bare.getvalue())
    assert refused.value.facts["cause"] == "PDF-NO-INVOICE"
