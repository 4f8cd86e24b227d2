"""Values as people read them: codes by name, articles of law, discounts, names of files."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubl.amounts import Amount
from ubl.localized import LANGUAGES, Localized
from ubl.model import Attachment, Identifier, ItemAttribute, ItemClassification, Quantity
from ubl.value_text import ValueText, attachment_name, attachment_size


def text(language: str, key: str, value: object) -> str:
    written = ValueText(Localized(language), "EUR").text(key, value)
    assert written is not None
    return " ".join(written.replace("\u202f", " ").split(" "))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "2% discount if paid within 14 days\n3% late-payment interest after 30 days"),
        (
            "fr",
            "Escompte de 2 % pour paiement sous 14 jours\nIntérêts de retard de 3 % après 30 jours",
        ),
        ("nl", "2% korting bij betaling binnen 14 dagen\n3% verwijlinterest na 30 dagen"),
    ],
)
def test_discounts_in_the_notation_of_xrechnung_become_sentences(
    language: str, expected: str
) -> None:
    terms = "#SKONTO#TAGE=14#PROZENT=2#\n#VERZUG#TAGE=30#PROZENT=3#\n"
    shown = text(language, "Invoice.payment_terms", terms).replace("\u00a0", " ")
    assert shown == expected


def test_the_base_of_a_discount_is_money_of_the_invoice() -> None:
    terms = "Netto\n#SKONTO#TAGE=7#PROZENT=1.50#BASISBETRAG=357.93#"
    shown = text("en", "Invoice.payment_terms", terms)
    assert shown == "Netto\n1.5% discount if paid within 7 days (of €357.93)"


@pytest.mark.parametrize("terms", ["#SKONTO#", "#SKONTO#TAGE=x#PROZENT=2#", "30 days # net"])
def test_what_only_looks_like_the_notation_stays_as_it_is(terms: str) -> None:
    assert text("fr", "Invoice.payment_terms", terms) == terms


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("VATEX-EU-AE", "Autoliquidation (VATEX-EU-AE)"),
        (
            "VATEX-EU-132-1A",
            "Article 132, paragraphe 1, point a) de la directive TVA 2006/112/CE (VATEX-EU-132-1A)",
        ),
        ("VATEX-EU-309", "Article 309 de la directive TVA 2006/112/CE (VATEX-EU-309)"),
        ("VATEX-FR-CGI261-1", "Article 261-1 du CGI (VATEX-FR-CGI261-1)"),
        ("VATEX-XX-7", "VATEX-XX-7 (VATEX)"),
    ],
)
def test_exemptions_name_the_law(code: str, expected: str) -> None:
    assert text("fr", "VatBreakdown.exemption_reason_code", code) == expected


@pytest.mark.parametrize(
    ("key", "identifier", "expected"),
    [
        ("CreditTransfer.account", Identifier("FR7630006000011234567890189"), "FR76 3000 6000"),
        ("CreditTransfer.account", Identifier("12-34 no iban"), "12-34 no iban"),
        ("Seller.registration", Identifier("987654325", "0002"), "987654325 (SIREN)"),
        ("Seller.registration", Identifier("X", "9999"), "X (ICD 9999)"),
        ("Seller.electronic_address", Identifier("X", "9999"), "X (EAS 9999)"),
        ("Invoice.invoiced_object", Identifier("X", "ABZ"), "X (Immatriculation du véhicule)"),
        ("Buyer.identifiers", Identifier("X", "client"), "X (client)"),
        ("Seller.tax_registration", Identifier("12/345", "FC"), "12/345"),
    ],
)
def test_identifiers_say_what_they_are_of(key: str, identifier: Identifier, expected: str) -> None:
    assert text("fr", key, identifier).startswith(expected)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1", "HUR", "1 heure"),
        ("1.5", "HUR", "1,5 heure"),
        ("2", "HUR", "2 heures"),
        ("3", "KGM", "3 kg"),
        ("2", "XSA", "2 sacs"),
        ("3", "QQQ", "3 QQQ (UN/ECE)"),
        ("3", "sachets", "3 sachets"),
    ],
)
def test_units_follow_the_number(value: str, unit: str, expected: str) -> None:
    shown = text("fr", "InvoiceLine.quantity", Quantity(Decimal(value), unit))
    assert shown.replace("\u00a0", " ") == expected


def test_one_is_one_however_many_decimals_it_was_written_with() -> None:
    shown = text("nl", "InvoiceLine.quantity", Quantity(Decimal("1.0000"), "XCT"))
    assert shown.replace("\u00a0", " ") == "1 karton"


def test_classes_and_properties_keep_all_they_say() -> None:
    one = ItemClassification(code="123", scheme="TST", version="2", name="Bois")
    assert text("en", "Item.classifications", one) == "123 Bois (UNSPSC 2)"
    attribute = ItemAttribute(name="Long", value="2", measure=Quantity(Decimal(2), "MTR"), code="L")
    shown = text("en", "Item.attributes", attribute).replace("\u00a0", " ")
    assert shown == "Long: 2, 2 m (UNTDID 6313: L)"
    assert text("en", "Item.classifications", ItemClassification(code="9", scheme="CPV")) == (
        "9 (CPV)"
    )
    other = ItemClassification(code="9", scheme="QQ")
    assert text("en", "Item.classifications", other) == "9 (UNTDID 7143: QQ)"


@pytest.mark.parametrize(
    ("key", "code", "expected"),
    [
        ("Invoice.delivery_terms", "DAP", "Rendu au lieu de destination (DAP)"),
        ("Invoice.transport_mode", "3", "Route (3)"),
        ("Party.role", "DL", "Affactureur (DL)"),
        ("InvoiceLine.status", "3", "Modifiée (3)"),
        ("SupportingDocument.reference_type", "DQ", "Bon de livraison (DQ)"),
        ("PaymentInstructions.means_code", "70", "Traite tirée par le créancier"),
        ("PaymentInstructions.means_code", "4", "4 (UNTDID 4461)"),
        ("VatBreakdown.category", "AA", "AA (UNTDID 5305)"),
        ("Note.subject_code", "AHS", "Territoire de vente (AHS)"),
    ],
)
def test_no_code_stands_without_a_word(key: str, code: str, expected: str) -> None:
    assert text("fr", key, code).startswith(expected)


@pytest.mark.parametrize("language", LANGUAGES)
def test_currencies_of_letters_stand_apart_from_the_digits(language: str) -> None:
    for value in ("1.00", "-1.00"):
        shown = Localized(language).amount(Amount(Decimal(value), "SAR"))
        assert not re.search(r"[A-Z]\d|\d[A-Z]", shown)


@pytest.mark.parametrize(
    ("name", "reference", "expected"),
    [
        ("../../etc/passwd", None, "passwd"),
        ("C:\\temp\\plan.pdf", None, "plan.pdf"),
        ("a\x00b\r\nc.pdf", None, "abc.pdf"),
        ("invoice\u202efdp.exe", None, "invoicefdp.exe"),
        (".htaccess", None, "htaccess"),
        (None, "D-7", "D-7"),
        ("", None, ""),
        ("x" * 400 + ".pdf", None, "x" * 150 + ".pdf"),
    ],
)
def test_names_of_files_are_fit_to_be_shown_and_saved(
    name: str | None, reference: str | None, expected: str
) -> None:
    assert attachment_name(Attachment(encoded="", file_name=name), reference) == expected


@given(st.binary(max_size=200), st.integers(0, 80))
def test_the_size_of_a_file_is_told_without_decoding_it(content: bytes, width: int) -> None:
    from base64 import b64encode

    encoded = b64encode(content).decode()
    if width:
        encoded = "\n ".join(encoded[at : at + width] for at in range(0, len(encoded), width))
    assert attachment_size(Attachment(encoded=encoded)) == len(content)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sizes_are_told_in_the_unit_that_suits_them(language: str) -> None:
    words = Localized(language)
    assert "12" in words.size(12_345)
    assert words.size(12_345) != words.size(12_345_678)
