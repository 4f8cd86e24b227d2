"""What a reminder says, in four languages, and what it does not say."""

import dataclasses
import tomllib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminders.claim import Claim, ClaimLine, ClaimRefused, PayTo
from reminders.content import Window, reminder_content
from reminders.document import reminder_document
from reminders.wording import TEXT_NAMES, ReminderTexts, TextRefused, check_text, render_text
from ubl.amounts import Amount
from ubl.localized import LANGUAGES, LanguageUnknown
from ubl.model import Address
from ubl.reminder import LinePurpose, ReminderType
from ubl.reminder_read import read_reminder
from ubl.reminder_rules import check_reminder
from ubl.reminder_write import write_reminder

MakeClaim = Callable[..., Claim]
NBSP, NARROW, MINUS = "\u00a0", "\u202f", "\u2212"


def catalogue(language: str) -> dict[str, Any]:
    folder = resources.files("reminders").joinpath("templates", "words")
    return tomllib.loads(folder.joinpath(f"{language}.toml").read_text("utf-8"))


def keys(tree: dict[str, Any], above: str = "") -> set[str]:
    found: set[str] = set()
    for key, value in tree.items():
        is_table = isinstance(value, dict)
        found |= keys(value, f"{above}{key}.") if is_table else {above + key}
    return found


def test_every_language_has_every_word_and_each_its_own() -> None:
    english = keys(catalogue("en"))
    assert {f"levels.{level}.opening" for level in ReminderType} < english
    assert {f"purposes.{purpose}" for purpose in LinePurpose} < english
    for language in LANGUAGES:
        assert keys(catalogue(language)) == english
    headings = {catalogue(one)["levels"]["REM"]["heading"] for one in LANGUAGES}
    assert len(headings) == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", ReminderType)
def test_every_level_in_every_language_makes_a_reminder_of_the_profile(
    claim: MakeClaim, language: str, level: ReminderType
) -> None:
    facts = claim(level)
    content = reminder_content(facts, locale=language)
    assert content.subject
    assert "{" not in "".join(content.claim_texts())
    assert any(content.total.text in paragraph for paragraph in content.opening)
    reminder = reminder_document(facts, content)
    assert check_reminder(reminder, today=facts.issued_on) == ()
    assert read_reminder(write_reminder(reminder)).reminder == reminder


def test_the_french_letter_word_for_word(claim: MakeClaim) -> None:
    content = reminder_content(claim(), locale="fr_FR")
    assert content.heading == "Rappel de paiement urgent"
    assert content.place_date == "Lyon, le 12 septembre 2026"
    assert content.window is Window.RIGHT
    assert content.recipient == ("Koper & Zonen NV", "Kade 7", "Bus 12", "9000 Gent", "BELGIQUE")
    assert content.total.text == f"9{NARROW}400,00{NBSP}€"
    assert content.opening == (
        "Malgré notre précédent rappel, les factures ci-dessous restent impayées, la plus "
        "ancienne depuis 29 jours.",
        f"Nous vous demandons de régler 9{NARROW}400,00{NBSP}€ au plus tard le 27 septembre 2026.",
    )
    labels = [column.label for column in content.lines.columns]
    assert labels == ["Document", "Émission", "Échéance", "Retard (jours)", "Montant", "Reste dû"]
    assert content.lines.rows[1].cells == (
        "Facture F2026-0203",
        "29 juil. 2026",
        "28 août 2026",
        "15",
        f"12{NARROW}420,50{NBSP}€",
        f"8{NARROW}420,50{NBSP}€",
    )
    assert content.lines.rows[5].cells[4:] == (f"{MINUS}312,40{NBSP}€",) * 2
    (detail,) = content.lines.rows[2].details
    assert detail.text == f"12,15{NBSP}% par an, 15 août 2026 – 12 sept. 2026"
    payment = {field.key: field.text for field in content.payment}
    assert payment["iban"] == "FR76 3000 6000 0112 3456 7890 189"
    assert payment["reference"] == "RF29 F202 6001"
    assert content.footer[-1].endswith("TVA FR32123456782")


def test_one_invoice_before_its_due_date(claim: MakeClaim) -> None:
    facts = claim(ReminderType.ADVICE, issued_on=date(2026, 8, 7), deadline=date(2026, 8, 14))
    content = reminder_content(facts, locale="nl")
    assert [column.key for column in content.lines.columns] == [
        "document",
        "issue_date",
        "due_date",
        "original",
        "open",
    ]
    assert content.opening[0].startswith("Onderstaande factuur vervalt")


def test_one_instalment_is_one(claim: MakeClaim) -> None:
    instalment = dataclasses.replace(PRINCIPAL, purpose=LinePurpose.INSTALMENT)
    content = reminder_content(claim(ReminderType.REMINDER, lines=(instalment,)), locale="en")
    assert content.opening[0].startswith("We have not yet received payment of the invoice below.")
    assert content.lines.rows[0].cells[0] == "Instalment 1"


def test_what_is_not_known_is_not_shown(claim: MakeClaim) -> None:
    bare = dataclasses.replace(claim().creditor, contact=None, address=None, vat_identifier=None)
    content = reminder_content(
        claim(creditor=bare, customer_number=None, deadline=None, payment_link=None, pay_to=None),
        locale="de",
    )
    assert [fact.key for fact in content.facts] == ["reminder"]
    assert content.place_date == "12. September 2026"
    assert [field.key for field in content.payment] == ["amount"]
    assert (content.qr, content.qr_refusal, content.link) == (None, "QR-IBAN", None)
    assert content.window is Window.LEFT
    assert content.opening[-1] == f"Wir bitten Sie, 9.400,00{NBSP}€ zu überweisen."


def test_the_code_asks_for_exactly_the_total(claim: MakeClaim) -> None:
    qr = reminder_content(claim(), locale="en").qr
    assert qr is not None
    assert qr.split("\n")[5:] == [
        "Atelier Lumen SAS",
        "FR7630006000011234567890189",
        "EUR9400.00",
        "",
        "RF29F2026001",
    ]


@pytest.mark.parametrize(
    ("reference", "quoted"), [("+++010/8068/17183+++",) * 2, (None, "R-2026-0042")]
)
def test_other_references_are_quoted_as_text(
    claim: MakeClaim, reference: str | None, quoted: str
) -> None:
    pay_to = PayTo(iban="NL91ABNA0417164300", holder="X" * 90, reference=reference)
    qr = reminder_content(claim(pay_to=pay_to), locale="en").qr
    assert qr is not None
    assert qr.split("\n")[5] == "X" * 70
    assert qr.split("\n")[8:] == ["", "", quoted]


def test_dollars_have_no_code(claim: MakeClaim) -> None:
    line = ClaimLine(purpose=LinePurpose.PRINCIPAL, number="1", open=Amount(Decimal("5.00"), "USD"))
    content = reminder_content(claim(lines=(line,)), locale="en")
    assert (content.qr, content.qr_refusal) == (None, "QR-CURRENCY")
    assert content.total.text == "$5.00"


def eur(text: str) -> Amount:
    return Amount(Decimal(text), "EUR")


PRINCIPAL = ClaimLine(purpose=LinePurpose.PRINCIPAL, number="1", open=eur("5"))
DOLLARS = dataclasses.replace(PRINCIPAL, open=Amount(Decimal(5), "USD"))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "CLAIM-EMPTY"),
        ((PRINCIPAL, DOLLARS), "CLAIM-CURRENCY"),
        ((dataclasses.replace(PRINCIPAL, open=eur("-5")),), "CLAIM-SIGN"),
        ((dataclasses.replace(PRINCIPAL, purpose=LinePurpose.CREDIT),), "CLAIM-SIGN"),
        (
            (
                PRINCIPAL,
                dataclasses.replace(PRINCIPAL, purpose=LinePurpose.CREDIT, open=eur("-5")),
            ),
            "CLAIM-TOTAL",
        ),
    ],
)
def test_facts_that_contradict_each_other_are_refused(
    claim: MakeClaim, lines: tuple[ClaimLine, ...], code: str
) -> None:
    with pytest.raises(ClaimRefused) as caught:
        claim(lines=lines)
    assert caught.value.code == code


@pytest.mark.parametrize("link", ["http://pay.example/1", "javascript:alert(1)", "https://a b/c"])
def test_a_link_is_https_or_refused(claim: MakeClaim, link: str) -> None:
    with pytest.raises(ClaimRefused) as caught:
        claim(payment_link=link)
    assert caught.value.code == "CLAIM-LINK"


def test_a_party_without_a_name_is_refused(claim: MakeClaim) -> None:
    with pytest.raises(ClaimRefused) as caught:
        claim(debtor=dataclasses.replace(claim().debtor, name=" "))
    assert caught.value.code == "CLAIM-NAME"


@pytest.mark.parametrize("bad", ["A\x07", "A\x00", "\u202eevil", "a\ud800", "a\u200bb"])
def test_invisible_characters_are_refused(claim: MakeClaim, bad: str) -> None:
    address = dataclasses.replace(claim().debtor.address or Address(), line1=bad)
    with pytest.raises(ClaimRefused) as caught:
        claim(debtor=dataclasses.replace(claim().debtor, address=address))
    assert caught.value.code == "CLAIM-TEXT"
    assert caught.value.message.isprintable()


def test_a_language_without_words_is_refused(claim: MakeClaim) -> None:
    with pytest.raises(LanguageUnknown):
        reminder_content(claim(), locale="it_IT")


def test_the_operator_says_it_differently(claim: MakeClaim) -> None:
    texts = ReminderTexts(
        subject="{{ debtor | upper }}:\n {{ number }}",
        opening="{% if days_late > 20 and not reference == '' %}Over 20 days.{% endif %}\r\n\r\n"
        "Please pay {{ total }}.",
    )
    content = reminder_content(claim(), locale="en", texts=texts)
    assert content.subject == "KOPER & ZONEN NV: R-2026-0042"
    assert content.opening == ("Over 20 days.", "Please pay €9,400.00.")
    assert content.closing == reminder_content(claim(), locale="en").closing
    assert content.heading == "Urgent payment reminder"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("x" * 5_001, "TEXT-TOO-LONG"),
        ("{% if count %}a{% endif %}" * 190, "TEXT-TOO-LONG"),
        ("{{ total", "TEXT-SYNTAX"),
        ("{% if %}", "TEXT-SYNTAX"),
        ("{{ " + "(" * 2_000 + "total" + ")" * 2_000 + " }}", "TEXT-TOO-LONG"),
        ("{{ " + "not " * 300 + "total }}", "TEXT-TOO-LONG"),
        ("{% if count %}" * 30 + "{% endif %}" * 30, "TEXT-TOO-LONG"),
        ("{{ iban }}", "TEXT-UNKNOWN-NAME"),
        ("{{ total.__class__ }}", "TEXT-NOT-ALLOWED"),
        ("{{ total['a'] }}", "TEXT-NOT-ALLOWED"),
        ("{{ total.format() }}", "TEXT-NOT-ALLOWED"),
        ("{{ total * 999999999 }}", "TEXT-NOT-ALLOWED"),
        ("{{ total ~ total }}", "TEXT-NOT-ALLOWED"),
        ("{{ total | center(999999999) }}", "TEXT-NOT-ALLOWED"),
        ("{% for a in total %}{% endfor %}", "TEXT-NOT-ALLOWED"),
        ("{% set total = 1 %}", "TEXT-NOT-ALLOWED"),
        ("{% macro total() %}{% endmacro %}", "TEXT-NOT-ALLOWED"),
        ("{% include 'a' %}", "TEXT-NOT-ALLOWED"),
        ("{% extends 'a' %}", "TEXT-NOT-ALLOWED"),
    ],
)
def test_texts_can_do_no_more_than_they_need(source: str, code: str) -> None:
    with pytest.raises(TextRefused) as caught:
        check_text(source)
    assert caught.value.code == code
    assert caught.value.message


def test_comparing_words_with_numbers_is_refused_not_thrown() -> None:
    values: dict[str, str | int] = dict.fromkeys(TEXT_NAMES, "a")
    with pytest.raises(TextRefused) as caught:
        render_text("{% if total > 5 %}a{% endif %}", values)
    assert caught.value.code == "TEXT-SYNTAX"


@given(source=st.text(st.sampled_from("{}%| total()if.count\n>'1[]"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_rendered_or_refused(source: str) -> None:
    values: dict[str, str | int] = dict.fromkeys(TEXT_NAMES, 1)
    try:
        render_text(source, values)
    except TextRefused as refusal:
        assert refusal.code.startswith("TEXT-")  # noqa: PT017 - most examples are not refused


amounts = st.integers(1, 10**9).map(lambda cents: Amount(Decimal(cents).scaleb(-2), "EUR"))


@given(
    claimed=st.lists(amounts, min_size=1, max_size=6),
    credit=amounts,
    language=st.sampled_from(LANGUAGES),
    level=st.sampled_from(ReminderType),
)
@settings(max_examples=40, deadline=None)
def test_every_form_asks_for_the_same_sum(
    claim: MakeClaim,
    claimed: list[Amount],
    credit: Amount,
    language: str,
    level: ReminderType,
) -> None:
    invoice = claim().lines[0]
    lines = [
        dataclasses.replace(invoice, number=f"F-{position}", open=one, original=None)
        for position, one in enumerate(claimed)
    ]
    total = sum(one.value for one in claimed)
    if credit.value < total:
        set_off = dataclasses.replace(
            invoice,
            purpose=LinePurpose.CREDIT,
            open=dataclasses.replace(credit, value=-credit.value),
        )
        lines.append(set_off)
        total -= credit.value
    facts = claim(level, lines=tuple(lines))
    content = reminder_content(facts, locale=language)
    reminder = read_reminder(write_reminder(reminder_document(facts, content))).reminder
    assert facts.total.value == reminder.totals.payable.value == total
    if total <= Decimal("999999999.99"):
        assert f"\nEUR{total:.2f}\n" in (content.qr or "")
    else:
        assert content.qr_refusal == "QR-AMOUNT"
