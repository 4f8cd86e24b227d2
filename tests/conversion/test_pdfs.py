"""PDFs with data: those of the corpus give their invoice or a reason, ours give what went in."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.conversion.reading import Source, read_document
from gateway.core.errors import GatewayError
from ubl.differences import differences
from ubl.facturx import hybrid_pdf
from ubl.formats import FORMATS
from ubl.invoice import write_invoice
from ubl.model_json import invoice_from_json
from ubl.totals import complete

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
SAMPLE = Path(__file__).parents[1] / "ubl" / "facturx" / "invoice.json"
# Five hold no data, one is damaged, four are of ZUGFeRD 1.0, which is no EN 16931.
EXPECTED = {"read": 33, "CONVERSION-UNREADABLE": 6, "CONVERSION-NO-INVOICE": 4}


def test_every_pdf_of_the_corpus_gives_its_invoice_or_a_reason() -> None:
    files = sorted(CORPUS.glob("pdf-*/*.pdf"))
    if not files:
        pytest.skip(f"the test corpus is not at {CORPUS}")
    outcomes: Counter[str] = Counter()
    for file in files:
        try:
            found = read_document(file.read_bytes())
        except GatewayError as error:
            outcomes[error.kind.code] += 1
        else:
            outcomes["read"] += 1
            assert found.source is Source.PDF
            assert found.invoice.number, file.name
    assert outcomes == EXPECTED


@pytest.mark.parametrize("format_id", ["facturx-en16931", "facturx-extended", "facturx-xrechnung"])
def test_what_goes_into_our_pdf_comes_out_of_it(format_id: str) -> None:
    invoice = complete(invoice_from_json(json.loads(SAMPLE.read_text("utf-8"))))
    wanted = FORMATS[format_id]
    written = write_invoice(invoice, wanted)
    found = read_document(hybrid_pdf(invoice, written.xml, format=wanted, lang="fr", created_at=AT))
    assert found.unread == ()
    assert differences(read_document(written.xml).invoice, found.invoice) == ()
