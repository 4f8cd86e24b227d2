"""Documents as HTML: whole, escaped, standing on their own, with links only where told."""

import dataclasses
import hashlib
import re
from base64 import b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest

from ubl.amounts import Amount
from ubl.invoice import read_invoice
from ubl.localized import LANGUAGES
from ubl.model import (
    Attachment,
    Buyer,
    DocumentKind,
    DocumentTotals,
    Identifier,
    IncludedItem,
    Invoice,
    InvoiceLine,
    Item,
    Note,
    Seller,
    SupportingDocument,
)
from ubl.rendition.html import STYLES, document_article, document_html, page_policy
from ubl.response import (
    Clarification,
    Condition,
    InvoiceReference,
    InvoiceResponse,
    InvoiceStatus,
    Mls,
    MlsCode,
    MlsIssue,
    MlsReason,
    ResponseParty,
    StatusAction,
    StatusReason,
)
from ubl.response_view import invoice_response_view, mls_view
from ubl.safexml import parse
from ubl.view import invoice_view, view_texts

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">&"\''
INVOICE = Invoice(
    kind=DocumentKind.INVOICE,
    number="VT-1",
    seller=Seller(name="Vendeur SARL"),
    buyer=Buyer(name="Koper BV"),
    notes=(Note(subject_code="PMT", text="40 €"),),
    lines=(InvoiceLine(identifier="1", item=Item(name="Caisse", description="en bois")),),
    totals=DocumentTotals(due=Amount(Decimal("12.50"), "EUR")),
    supporting_documents=(
        SupportingDocument(reference="A", location="javascript:alert(1)"),
        SupportingDocument(
            reference="B", attachment=Attachment(encoded="YWJj", file_name="plan.pdf")
        ),
    ),
)


class Reading(HTMLParser):
    """Collects text, elements with attributes, and headings; fails on what is left open."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def read(page: str) -> Reading:
    reading = Reading()
    reading.feed(page)
    reading.close()
    assert reading.open == []
    return reading


def words(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_holds_every_text_of_its_view(language: str) -> None:
    view = invoice_view(INVOICE, locale=language)
    shown = words("".join(read(document_html(view)).text))
    for text in view_texts(view):
        assert words(text) in shown


def test_a_page_stands_on_its_own() -> None:
    page = document_html(invoice_view(INVOICE, locale="fr"))
    reading = read(page)
    names = {name for name, _ in reading.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert "url(" not in page
    assert "@import" not in page
    for _, attributes in reading.elements:
        assert not {name for name in attributes if name.startswith("on")}
        assert "style" not in attributes
        assert "src" not in attributes
    assert ("html", {"lang": "fr"}) in reading.elements


def test_the_policy_allows_the_page_its_own_style_and_nothing_else() -> None:
    page = document_html(invoice_view(INVOICE, locale="nl"))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page_policy()
    assert page_policy().startswith("default-src 'none';")
    assert "script" not in page_policy()


def test_headings_follow_each_other_without_gaps() -> None:
    for level, page in (
        (1, document_html(invoice_view(INVOICE, locale="de"))),
        (2, str(document_article(invoice_view(INVOICE, locale="de")))),
    ):
        levels = [int(name[1]) for name, _ in read(page).elements if re.fullmatch("h[1-6]", name)]
        assert levels[0] == level
        assert set(levels[1:]) == {level + 1}


def test_tables_tell_what_their_columns_are() -> None:
    reading = read(document_html(invoice_view(INVOICE, locale="en")))
    heads = [attributes for name, attributes in reading.elements if name == "th"]
    assert heads
    assert all(one["scope"] == "col" for one in heads)
    assert "caption" in {name for name, _ in reading.elements}


def test_lines_show_what_they_stand_in_and_what_they_add_up_to() -> None:
    item = Item(name="Kit", included=(IncludedItem(name="Vis", description="M8"),))
    lines = (
        InvoiceLine(identifier="1", item=item, sub_lines=(InvoiceLine(identifier="1.1"),)),
        InvoiceLine(identifier="2", item=Item(name="Clé")),
    )
    page = document_html(invoice_view(dataclasses.replace(INVOICE, lines=lines), locale="fr"))
    rows = [attributes.get("class") for name, attributes in read(page).elements if name == "tr"]
    assert rows == [
        None,
        "adds-up",
        "level level-1",
        "details level level-1",
        "level level-1",
        None,
    ]


def hostile(value: Any) -> Any:
    """The same invoice with every text turned into an attack."""
    if isinstance(value, Attachment | Amount | DocumentKind):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value,
            **{
                field.name: hostile(getattr(value, field.name))
                for field in dataclasses.fields(value)
            },
        )
    if isinstance(value, tuple):
        return tuple(hostile(one) for one in value)
    return HOSTILE if isinstance(value, str) else value


def test_hostile_texts_stay_texts() -> None:
    reading = read(document_html(invoice_view(hostile(INVOICE), locale="en")))
    names = {name for name, _ in reading.elements}
    assert not names & {"script", "img"}
    assert "".join(reading.text).count("<script>") > 5


def test_files_are_linked_only_where_the_caller_says() -> None:
    view = invoice_view(INVOICE, locale="en")
    assert "href" not in document_html(view)
    links = [
        attributes
        for name, attributes in read(document_html(view, links={1: "/files/1"})).elements
        if name == "a"
    ]
    assert [one["href"] for one in links] == ["/files/1"]
    assert "download" in links[0]


def test_the_styles_can_be_served() -> None:
    assert (STYLES / "document.css").is_file()


def test_an_answer_says_who_answered_what_and_why() -> None:
    response = InvoiceResponse(
        identifier="IR-1",
        issue_date=date(2026, 11, 22),
        sender=ResponseParty(endpoint=Identifier("0123456749", "0208"), name="Koper NV"),
        receiver=ResponseParty(endpoint=Identifier("987654325", "0002"), name="Vendeur SARL"),
        status=InvoiceStatus.CONDITIONALLY_ACCEPTED,
        invoice=InvoiceReference(number="VT-1", type_code="380"),
        note="Merci",
        effective_date=date(2026, 11, 23),
        clarifications=(
            Clarification(
                code=StatusReason.REFERENCES_INCORRECT,
                text="La commande manque",
                conditions=(Condition(attribute="BT-13", value="PO-7"),),
            ),
            Clarification(code=StatusAction.OTHER),
        ),
    )
    view = invoice_response_view(response, locale="fr")
    assert view.status.text == "Acceptée sous conditions"
    shown = words("".join(read(document_html(view)).text))
    for text in (
        "Réponse à la facture VT-1",
        "Koper NV",
        "Vendeur SARL",
        "Merci",
        "Références erronées (REF)",
        "La commande manque",
        "BT-13: PO-7",
        "Autre chose (OTH)",
        "23 nov. 2026",
    ):
        assert words(text) in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_an_answer_has_a_name(language: str) -> None:
    for reason in MlsReason:
        mls = Mls(
            identifier="M-1",
            issued_at=datetime(2026, 11, 22, 10, 5, tzinfo=UTC),
            sender=Identifier("000001", "0242"),
            receiver=Identifier("000002", "0242"),
            code=MlsCode.REJECTED,
            reference="sbdh-1",
            issues=(MlsIssue(reason=reason, text="because", location="/Invoice[1]"),),
        )
        view = mls_view(mls, locale=language)
        (issue,) = view.reasons
        assert issue.fields[0].text.endswith(f" ({reason.value})")
        assert view.status.text not in list(MlsCode)
        assert "10:05 UTC" in view.facts.fields[0].text
        assert "/Invoice[1]" in document_html(view)


def test_pages_of_the_corpus_are_well_formed(cases: list[dict[str, Any]]) -> None:
    syntaxes = ("ubl-invoice", "ubl-creditnote", "cii-d16b")
    chosen = [
        case
        for case in cases
        if case["syntax"] in syntaxes and case["expected"].get("valid") is True
    ]
    for number, case in enumerate(chosen[::8]):
        invoice = read_invoice(parse(case["path"].read_bytes())).invoice
        view = invoice_view(invoice, locale=LANGUAGES[number % 4])
        shown = words("".join(read(document_html(view)).text))
        for text in view_texts(view):
            assert words(text) in shown, case["id"]
    assert len(chosen) > 250
