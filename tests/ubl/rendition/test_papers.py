"""Responses and reminders as sheets: every text of the page, in every language."""

import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import html
from pypdf import PdfReader

from schematron.pdf import read
from ubl.amounts import Amount
from ubl.localized import LANGUAGES
from ubl.model import Buyer, Identifier, Seller
from ubl.reminder import (
    BillingReference,
    ReferenceKind,
    Reminder,
    ReminderCharge,
    ReminderLine,
    ReminderPayment,
    ReminderTerms,
    ReminderTotals,
    ReminderType,
)
from ubl.reminder_view import reminder_view
from ubl.rendition.html import DocumentView, document_html
from ubl.rendition.papers import paper_pdf
from ubl.response import ResponseRefused, read_invoice_response, read_mls
from ubl.response_view import invoice_response_view, mls_view
from ubl.safexml import XmlRefused

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus"
REMINDER = Reminder(
    identifier="R-2026-17",
    issue_date=date(2026, 9, 12),
    type_code=ReminderType.REMINDER,
    sequence=1,
    notes=("Rappel de paiement", "Sauf erreur de notre part. *#let x*"),
    currency="EUR",
    creditor=Seller(name="Atelier Lumen SAS"),
    debtor=Buyer(name="Koper NV", electronic_address=Identifier("0123456749", "0208")),
    payment=(
        ReminderPayment(
            means_code="58",
            due_date=date(2026, 9, 27),
            references=("RF29F2026001",),
            account=Identifier("FR7630006000011234567890189"),
        ),
    ),
    terms=(
        ReminderTerms(
            notes=("Merci.",),
            amount=Amount(Decimal("1260.00"), "EUR"),
            link="https://pay.lumen.example/p/7Hs2",
        ),
    ),
    charges=(ReminderCharge(amount=Amount(Decimal("10.00"), "EUR"), reason="Reminder fee"),),
    totals=ReminderTotals(payable=Amount(Decimal("1260.00"), "EUR")),
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


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\u00ad]", "", text)


def on_paper(pdf: bytes) -> str:
    return squeezed("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def on_screen(view: DocumentView) -> list[str]:
    """The texts of the page, element by element."""
    page = html.document_fromstring(document_html(view))
    article = page.find(".//article")
    assert article is not None
    hidden = {id(one) for one in article.iter("caption")}
    return [squeezed(text) for one in article.iter() if id(one) not in hidden for text in said(one)]


def said(element: html.HtmlElement) -> list[str]:
    texts = (element.text, *(child.tail for child in element))
    return [text for text in texts if text and text.strip(" \n:")]


def missing(view: DocumentView) -> list[str]:
    paper = on_paper(paper_pdf(view, created_at=AT))
    return [text for text in on_screen(view) if text not in paper]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reminder_on_paper_says_what_its_page_says(language: str) -> None:
    view = reminder_view(REMINDER, locale=language)
    assert len(on_screen(view)) > 25
    assert missing(view) == []


@pytest.mark.parametrize("suite", ["peppol-ir", "peppol-mls"])
def test_responses_on_paper_say_what_their_pages_say(suite: str) -> None:
    files = sorted((CORPUS / suite).glob("*.xml"))
    if not files:
        pytest.skip(f"the test corpus is not at {CORPUS}")
    shown = 0
    for number, file in enumerate(files):
        language = LANGUAGES[number % len(LANGUAGES)]
        try:
            if suite == "peppol-ir":
                response = read_invoice_response(file.read_bytes())
                view = invoice_response_view(response, locale=language)
            else:
                view = mls_view(read_mls(file.read_bytes()), locale=language)
        except (ResponseRefused, XmlRefused):
            continue
        assert missing(view) == [], file.name
        shown += 1
    assert shown > 5


def test_the_file_claims_pdf_a_3b_and_is_the_same_each_time() -> None:
    view = reminder_view(REMINDER, locale="de")
    pdf = paper_pdf(view, created_at=AT)
    assert pdf == paper_pdf(view, created_at=AT)
    xmp = read(pdf).xmp
    assert xmp is not None
    assert (xmp.part, xmp.conformance) == ("3", "B")
