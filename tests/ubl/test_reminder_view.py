"""The view of a reminder: everything it says, in four languages, and no unsafe link."""

import dataclasses
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.amounts import Amount
from ubl.localized import LANGUAGES, LanguageUnknown, Localized
from ubl.model import Address, Buyer, Identifier, Payee, Period, Seller
from ubl.reminder import (
    BillingReference,
    LinePurpose,
    ReferenceKind,
    RelatedDocument,
    Reminder,
    ReminderCharge,
    ReminderLine,
    ReminderPayment,
    ReminderTerms,
    ReminderTotals,
    ReminderType,
)
from ubl.reminder_read import read_reminder
from ubl.reminder_view import ReminderView, reminder_view
from ubl.view import ViewField, ViewSection


def eur(text: str) -> Amount:
    return Amount(Decimal(text), "EUR")


def line(identifier: str, **named: Any) -> ReminderLine:
    reference = BillingReference(
        kind=ReferenceKind.INVOICE, identifier=identifier, issue_date=date(2026, 8, 1)
    )
    return ReminderLine(identifier="1", **{"purpose": "PRIN", "references": (reference,), **named})


REMINDER = Reminder(
    identifier="R-2026-17",
    issue_date=date(2026, 9, 12),
    type_code=ReminderType.REMINDER,
    sequence=1,
    notes=("Rappel de paiement", "Sauf erreur de notre part."),
    currency="EUR",
    buyer_accounting_reference="4025",
    documents=(RelatedDocument(identifier="F-1.pdf", sha256="ab" * 32),),
    creditor=Seller(
        name="Atelier Lumen SAS",
        electronic_address=Identifier("123456782", "0225"),
        address=Address(line1="12 rue des Tilleuls", city="Lyon", country="FR"),
    ),
    debtor=Buyer(name="Koper NV", electronic_address=Identifier("0123456749", "0208")),
    payee=Payee(name="Factor AG"),
    payment=(
        ReminderPayment(
            means_code="58",
            due_date=date(2026, 9, 27),
            references=("RF29F2026001",),
            account=Identifier("FR7630006000011234567890189"),
            account_name="Atelier Lumen",
            service_provider=Identifier("AGRIFRPP"),
        ),
    ),
    terms=(
        ReminderTerms(
            notes=("Merci.",),
            amount=eur("1217.50"),
            link="https://pay.lumen.example/p/7Hs2",
            due_date=date(2026, 9, 27),
        ),
    ),
    charges=(ReminderCharge(amount=eur("10.00"), reason="Reminder fee"),),
    totals=ReminderTotals(lines=eur("1207.50"), charges=eur("10.00"), payable=eur("1217.50")),
    lines=(
        line("F-1", debit=eur("1250.00"), notes=("Facture F-1",)),
        line(
            "F-1",
            debit=eur("7.50"),
            purpose=LinePurpose.INTEREST,
            rate=Decimal("10.15"),
            period=Period(start=date(2026, 9, 1), end=date(2026, 9, 12)),
        ),
        line("C-1", credit=eur("50.00"), purpose=LinePurpose.CREDIT),
    ),
)


def texts(view: ReminderView) -> Iterator[str]:
    yield from (view.title, view.number, *view.opening, *view.closing, *view.links)
    sections: tuple[ViewSection, ...] = (view.header, view.charges, view.totals)
    for section in (*sections, *view.payment, *view.parties):
        for field in section.fields:
            yield from (field.label, field.text)
    for row in view.lines:
        yield from row.cells
        yield from (field.text for field in row.details)


def field(fields: tuple[ViewField, ...], key: str) -> str:
    (found,) = [one.text for one in fields if one.key == key]
    return found


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("locale", "title", "row", "sum_", "until"),
    [
        ("en", "Payment reminder", "Invoice F-1", "€1,217.50", "Sep 27, 2026"),
        ("fr", "Rappel de paiement", "Facture F-1", "1 217,50 €", "27 sept. 2026"),
        ("nl", "Betalingsherinnering", "Factuur F-1", "€ 1.217,50", "27 sep 2026"),
        ("de", "Zahlungserinnerung", "Rechnung F-1", "1.217,50 €", "27.09.2026"),
    ],
)
def test_a_reminder_is_told_in_the_readers_language(
    locale: str, title: str, row: str, sum_: str, until: str
) -> None:
    view = reminder_view(REMINDER, locale=locale)
    assert (view.language, view.title, view.number) == (locale, title, "R-2026-17")
    assert view.lines[0].cells[0] == row
    assert plain(field(view.totals.fields, "ReminderTotals.payable")) == sum_
    means = view.payment[0].fields
    assert plain(field(means, "ReminderPayment.due_date")) == until
    assert field(means, "ReminderPayment.account") == "FR76 3000 6000 0112 3456 7890 189"
    assert view.links == ("https://pay.lumen.example/p/7Hs2",)
    assert view.closing == ("Merci.",)


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_heading_that_says_the_title_again_is_left_out(locale: str) -> None:
    assert reminder_view(REMINDER, locale=locale).opening == ("Sauf erreur de notre part.",)
    other = dataclasses.replace(REMINDER, notes=("Encore nous", "Sauf erreur."))
    assert reminder_view(other, locale=locale).opening == other.notes
    bare = dataclasses.replace(REMINDER, notes=())
    assert reminder_view(bare, locale=locale).opening == ()


def test_due_dates_are_shown_where_the_reader_knows_them() -> None:
    without = reminder_view(REMINDER, locale="en")
    assert [one.key for one in without.columns] == [
        "ReminderLine.subject",
        "ReminderLine.issue_date",
        "ReminderLine.amount",
    ]
    known = reminder_view(REMINDER, locale="en", due_dates={"F-1": date(2026, 8, 31)})
    assert [one.label for one in known.columns] == ["Document", "Issued", "Due", "Amount"]
    assert [row.cells[2] for row in known.lines] == ["Aug 31, 2026", "Aug 31, 2026", ""]
    assert [row.documents for row in known.lines] == [("F-1",), ("F-1",), ("C-1",)]


def test_credits_are_taken_off_and_interest_says_how_it_was_counted() -> None:
    _, interest, credit = reminder_view(REMINDER, locale="en").lines
    assert credit.cells[-1] == "\u2212€50.00"
    assert [plain(one.text) for one in interest.details] == ["10.15%", "Sep 1, 2026 – Sep 12, 2026"]


def test_what_a_row_says_already_is_not_noted_again() -> None:
    first = reminder_view(REMINDER, locale="fr").lines[0]
    assert first.details == ()
    (note,) = reminder_view(REMINDER, locale="en").lines[0].details
    assert note.text == "Facture F-1"


def test_the_sum_of_lines_is_told_only_where_it_is_another() -> None:
    totals = ReminderTotals(lines=eur("5"), payable=eur("5"))
    view = reminder_view(dataclasses.replace(REMINDER, totals=totals), locale="en")
    assert [one.key for one in view.totals.fields] == ["ReminderTotals.payable"]
    assert [one.key for one in reminder_view(REMINDER, locale="en").totals.fields] == [
        "ReminderTotals.lines",
        "ReminderTotals.charges",
        "ReminderTotals.payable",
    ]


@pytest.mark.parametrize("link", ["http://pay.example/p", "javascript:alert(1)"])
def test_an_unsafe_link_is_told_but_not_offered(link: str) -> None:
    view = reminder_view(
        dataclasses.replace(REMINDER, terms=(ReminderTerms(link=link),)), locale="en"
    )
    assert view.links == ()
    assert field(view.payment[1].fields, "ReminderTerms.link") == link


def test_a_link_that_stays_on_the_machine_is_offered() -> None:
    terms = (ReminderTerms(link="http://127.0.0.1:8701/pay/a"),) * 2
    view = reminder_view(dataclasses.replace(REMINDER, terms=terms), locale="en")
    assert view.links == ("http://127.0.0.1:8701/pay/a",)


@pytest.mark.parametrize("level", ReminderType)
def test_every_level_and_purpose_has_a_name_in_every_language(level: ReminderType) -> None:
    for language in LANGUAGES:
        words = Localized(language)
        assert words.code("reminder_type", level) != level
        assert all(words.code("line_purpose", one) != one for one in LinePurpose)
        shown = reminder_view(dataclasses.replace(REMINDER, type_code=level), locale=language)
        assert shown.title == words.code("reminder_type", level)


def test_a_language_without_labels_is_refused() -> None:
    with pytest.raises(LanguageUnknown):
        reminder_view(REMINDER, locale="es")


def strings(value: Any) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        for one in dataclasses.fields(value):
            if one.name not in CODES:
                yield from strings(getattr(value, one.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


CODES = {
    *("kind", "country", "currency", "customization", "profile", "ubl_version", "uuid"),
    *("type_code", "purpose", "means_code", "reason_code", "sha256"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "file", ["oasis-ubl-reminder-2.1.xml", "ehf-reminder-1.1.xml", "oioubl-reminder.xml"]
)
def test_reminders_of_other_profiles_are_shown_whole(
    vectors: Path, file: str, language: str
) -> None:
    reminder = read_reminder((vectors / "reminder" / file).read_bytes()).reminder
    view = reminder_view(reminder, locale=language)
    shown = "\n".join(texts(view))
    hidden = {one.identifier for one in reminder.lines}
    for text in strings(reminder):
        assert text in shown or text in hidden, text
    plain_title = Localized(language).code("reminder_type", "reminder")
    assert view.title == plain_title


text = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20)


@given(
    number=text,
    note=text,
    purpose=st.none() | st.sampled_from(LinePurpose) | text,
    minor=st.integers(1, 10**11),
    language=st.sampled_from(LANGUAGES),
)
@settings(max_examples=50)
def test_whatever_a_line_says_is_shown(
    number: str, note: str, purpose: str | None, minor: int, language: str
) -> None:
    amount = Amount(Decimal(minor).scaleb(-2), "EUR")
    asked = line(number, debit=amount, purpose=purpose, notes=(note,))
    view = reminder_view(dataclasses.replace(REMINDER, lines=(asked,)), locale=language)
    (row,) = view.lines
    assert number in row.cells[0]
    assert Localized(language).amount(amount) == row.cells[-1]
    assert note in (row.cells[0], *(one.text for one in row.details))
