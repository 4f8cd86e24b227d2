"""Sheets of every kind as veraPDF judges them: to be kept (PDF/A-3b), to be read (PDF/UA-1)."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.exchange.evidence_summary import render_summary
from ubl.amounts import Amount
from ubl.facturx import hybrid_pdf
from ubl.formats import FORMATS
from ubl.invoice import write_invoice
from ubl.localized import LANGUAGES
from ubl.model import (
    Buyer,
    Identifier,
    IncludedItem,
    PaymentCondition,
    PaymentTerms,
    Seller,
)
from ubl.model_json import invoice_from_json
from ubl.reminder import (
    BillingReference,
    ReferenceKind,
    Reminder,
    ReminderLine,
    ReminderTerms,
    ReminderTotals,
    ReminderType,
)
from ubl.reminder_view import reminder_view
from ubl.rendition.papers import paper_pdf
from ubl.rendition.pdf import render_invoice
from ubl.response import (
    InvoiceReference,
    InvoiceResponse,
    InvoiceStatus,
    ResponseParty,
)
from ubl.response_view import invoice_response_view
from ubl.totals import complete

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "ubl" / "facturx" / "invoice.json"
SENT = "2026-11-02T09:04:00+00:00"
CERTIFICATE = {
    "subject": "CN=PAU000001, O=株式会社 Example, C=FR",
    "issuer": "CN=Example Access Point CA, C=BE",
    "serial": "4711",
    "not_before": "2026-01-01T00:00:00+00:00",
    "not_after": "2027-12-31T00:00:00+00:00",
}
MANIFEST = {
    "direction": "out",
    "kind": "invoice",
    "number": "2026-0417",
    "issue_date": "2026-10-05",
    "sender": "0225:303265045",
    "sender_name": "Łódź & Søn Ελλάς",
    "receiver": "0208:0123456749",
    "receiver_name": "Koper & Zonen NV",
    "document_type": "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice",
    "sbdh_instance_identifier": "7c1e0f6e-0000-4000-8000-000000000002",
    "document_sha256": "ab" * 32,
    "made_at": SENT,
    "answers": [],
    "messages": [
        {
            "direction": "out",
            "message_id": "7c1e0f6e@example.org",
            "from_seat": "PAU000001",
            "to_seat": "PBE000002",
            "endpoint": "https://ap.example.org/as4",
            "made_at": SENT,
            "attempts": [{}],
            "delivered_at": SENT,
            "lookup": "smp.xml",
            "revocation": None,
            "receipt": "receipt.xml",
            "request": "request.xml",
            "payload": "payload.gz",
            "envelope": "envelope.xml",
            "own": CERTIFICATE,
            "peer": CERTIFICATE,
            "own_certificate": "own.pem",
            "peer_certificate": "peer.pem",
            "peer_issuers": "issuers.pem",
        }
    ],
}


RESPONSE = InvoiceResponse(
    identifier="IR-1",
    issue_date=date(2026, 10, 6),
    sender=ResponseParty(endpoint=Identifier("0123456749", "0208"), name="Koper & Zonen NV"),
    receiver=ResponseParty(endpoint=Identifier("303265045", "0225"), name="Atelier du Rivage"),
    status=InvoiceStatus.IN_PROCESS,
    invoice=InvoiceReference(number="2026-0417", issue_date=date(2026, 10, 5), type_code="380"),
    note="Merci.",
)
REMINDER = Reminder(
    identifier="R-2026-17",
    issue_date=date(2026, 9, 12),
    type_code=ReminderType.REMINDER,
    sequence=1,
    currency="EUR",
    creditor=Seller(name="Atelier Lumen SAS"),
    debtor=Buyer(name="Koper NV"),
    terms=(ReminderTerms(link="https://pay.lumen.example/p/7Hs2"),),
    totals=ReminderTotals(payable=Amount(Decimal("1250.00"), "EUR")),
    lines=(
        ReminderLine(
            identifier="1",
            purpose="PRIN",
            debit=Amount(Decimal("1250.00"), "EUR"),
            references=(
                BillingReference(
                    kind=ReferenceKind.INVOICE, identifier="F-1", issue_date=date(2026, 8, 1)
                ),
            ),
        ),
    ),
)


SCRIPTS = "فاتورة رقم ٣ · חשבונית 12 · 中文 カタカナ 한국어 · ราคา · हिन्दी · ქართული · 📦"


def composed(invoice):
    """The invoice with parts of articles, lines within lines, conditions, many scripts."""
    first, *rest = invoice.lines
    parts = (IncludedItem(name="Screw", description=SCRIPTS), IncludedItem(identifier="7"))
    group = replace(
        first, item=replace(first.item, included=parts), sub_lines=(replace(first, sub_lines=()),)
    )
    terms = PaymentTerms(
        discounts=(PaymentCondition(percentage=Decimal(2), from_date=date(2026, 10, 5)),) * 2,
    )
    breakdown = tuple(
        replace(part, exemption_reason=f"{SCRIPTS} " * 3) for part in invoice.vat_breakdown
    )
    return replace(
        invoice,
        lines=(group, *rest),
        payment_terms_details=(terms, PaymentTerms(text=SCRIPTS)),
        vat_breakdown=breakdown,
    )


@pytest.fixture(scope="module")
def verdicts(judge, tmp_path_factory):
    kept, read = tmp_path_factory.mktemp("kept"), tmp_path_factory.mktemp("read")
    invoice = complete(invoice_from_json(json.loads(SAMPLE.read_text("utf-8"))))
    strange = replace(invoice, number="株式会社 " + "N" * 90, project="a\u202eb\u0007")
    wanted = FORMATS["facturx-en16931"]
    rich = composed(invoice)
    xml = write_invoice(invoice, wanted).xml
    for language in LANGUAGES:
        summary = render_summary(MANIFEST, language=language, created_at=AT)
        (kept / f"evidence {language}.pdf").write_bytes(summary)
        answer = invoice_response_view(RESPONSE, locale=language)
        reminder = reminder_view(REMINDER, locale=language)
        sheets = {
            "invoice": render_invoice(invoice, locale=language, created_at=AT),
            "strange": render_invoice(strange, locale=language, created_at=AT),
            "composed": render_invoice(rich, locale=language, created_at=AT),
            "Factur-X": hybrid_pdf(invoice, xml, format=wanted, lang=language, created_at=AT),
            "response": paper_pdf(answer, created_at=AT),
            "reminder": paper_pdf(reminder, created_at=AT),
        }
        for kind, content in sheets.items():
            (read / f"{kind} {language}.pdf").write_bytes(content)
    return judge(archived=sorted(kept.iterdir()), accessible=sorted(read.iterdir()))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "kind", ["invoice", "strange", "composed", "Factur-X", "response", "reminder"]
)
def test_sheets_are_archivable_and_accessible(kind, language, verdicts, case):
    found = [
        verdicts[(f"{kind} {language}.pdf", f"veraPDF {name}")] for name in ("PDF/A-3b", "PDF/UA-1")
    ]
    got = ", ".join(one.said for one in found)
    if got != "PDF/A-3b, PDF/UA-1":
        got += f" {[one.reasons for one in found]}"
    case(f"sheets: {kind} in {language}", expected="PDF/A-3b, PDF/UA-1", got=got)


@pytest.mark.parametrize("language", LANGUAGES)
def test_summaries_of_evidence_are_archivable(language, verdicts, case):
    verdict = verdicts[(f"evidence {language}.pdf", "veraPDF PDF/A-3b")]
    got = verdict.said if verdict.said == "PDF/A-3b" else f"{verdict.said} {verdict.reasons}"
    case(f"sheets: evidence in {language}", expected="PDF/A-3b", got=got)
