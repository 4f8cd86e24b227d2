"""What else is set as PDF/A-3b, as veraPDF judges it: sheets of invoices, evidence summaries."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.exchange.evidence_summary import render_summary
from ubl.localized import LANGUAGES
from ubl.model_json import invoice_from_json
from ubl.rendition.pdf import render_invoice
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


@pytest.fixture(scope="module")
def verdicts(judge, tmp_path_factory):
    folder = tmp_path_factory.mktemp("renditions")
    invoice = complete(invoice_from_json(json.loads(SAMPLE.read_text("utf-8"))))
    strange = replace(invoice, number="株式会社 " + "N" * 90, project="a\u202eb\u0007")
    for language in LANGUAGES:
        sheets = {
            f"invoice {language}.pdf": render_invoice(invoice, locale=language, created_at=AT),
            f"strange {language}.pdf": render_invoice(strange, locale=language, created_at=AT),
            f"evidence {language}.pdf": render_summary(MANIFEST, language=language, created_at=AT),
        }
        for name, content in sheets.items():
            (folder / name).write_bytes(content)
    return judge(sorted(folder.iterdir()), [])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["invoice", "strange", "evidence"])
def test_sheets_are_archivable(kind, language, verdicts, case):
    verdict = verdicts[(f"{kind} {language}.pdf", "veraPDF")]
    got = verdict.said if verdict.said == "PDF/A-3b" else f"{verdict.said} {verdict.reasons}"
    case(f"rendition: {kind} in {language}", expected="PDF/A-3b", got=got)
