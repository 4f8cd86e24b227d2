"""Identifiers: numbers that are right pass, each with one digit wrong does not."""

from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ubl.identifier_warnings import explain_problem, identifier_warnings
from ubl.identifiers import Fault, check_identifier, is_known, normalised
from ubl.localized import LANGUAGES, Localized
from ubl.model import (
    Buyer,
    CreditTransfer,
    DirectDebit,
    DocumentKind,
    Identifier,
    Invoice,
    PaymentInstructions,
    Seller,
)

# Numbers whose check digits are right; none is of a real customer.
VALID = [
    ("0002", "732829320"),
    ("0009", "73282932000074"),
    ("0208", "0765432146"),
    ("0088", "7300010000001"),
    ("0192", "923829644"),
    ("0184", "13585628"),
    ("0007", "5567321707"),
    ("0212", "20774740"),
    ("0211", "00743110157"),
    ("0199", "213800KUD8LAJWSQ9D15"),
    ("0183", "CHE100155212"),
    ("0151", "83914571673"),
    ("0204", "04011000-12345-03"),
    ("9925", "BE0765432146"),
    ("9930", "DE136695976"),
    ("9957", "FR40303265045"),
    ("VAT", "BE0765432146"),
    ("VAT", "EL094259216"),
    ("VAT", "CHE100155212MWST"),
    ("IBAN", "BE68539007547034"),
    ("IBAN", "DE89370400440532013000"),
    ("RF", "RF18539007547034"),
    ("OGM", "+++010/8068/17183+++"),
    ("SEPA-CREDITOR", "DE98ZZZ09999999999"),
]


@pytest.mark.parametrize(("scheme", "value"), VALID)
def test_right_numbers_pass_with_spaces_too(scheme: str, value: str) -> None:
    assert is_known(scheme)
    assert check_identifier(scheme, value) is None
    assert check_identifier(scheme, f" {value[:4]} {value[4:]} ") is None
    assert check_identifier(scheme, value.lower()) is None


@settings(max_examples=200)
@given(st.sampled_from(VALID), st.integers(0, 20), st.integers(1, 9))
def test_one_wrong_digit_is_found(case: tuple[str, str], place: int, more: int) -> None:
    """Every one of these schemes detects any single digit that is wrong."""
    scheme, value = case
    digits = [index for index, letter in enumerate(value) if letter.isdigit()]
    place = digits[place % len(digits)]
    wrong = value[:place] + str((int(value[place]) + more) % 10) + value[place + 1 :]
    problem = check_identifier(scheme, wrong)
    assert problem is not None, wrong
    assert problem.fault in Fault
    assert (problem.scheme, problem.value) == (scheme, wrong)


@given(st.integers(0, 10**8 - 1))
def test_computed_company_numbers_pass(number: int) -> None:
    """SIREN (Luhn) and the Belgian number (modulo 97), computed here by hand."""
    digits = f"{number:08}"
    doubled = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(digits))]
    check = -sum(sum(divmod(value, 10)) for value in doubled) % 10
    assert check_identifier("0002", f"{digits}{check}") is None
    base = number % 10**7
    assume(base > 0)
    belgian = f"0{base:07}"
    assert check_identifier("0208", f"{belgian}{97 - int(belgian) % 97:02}") is None


@given(st.sampled_from([scheme for scheme, _ in VALID]), st.text(max_size=30))
def test_any_text_gets_an_answer(scheme: str, text: str) -> None:
    problem = check_identifier(scheme, text)
    assert problem is None or problem.fault in Fault


@pytest.mark.parametrize(
    ("scheme", "value", "fault"),
    [
        ("0106", "1234567", Fault.FORM),
        ("0060", "12345678", Fault.FORM),
        ("0190", "123", Fault.FORM),
        ("0088", "96385074", Fault.LENGTH),
        ("0002", "73282932", Fault.LENGTH),
        ("0002", "73282932A", Fault.FORM),
        ("VAT", "0765432146", Fault.FORM),
        ("BIC", "KRED1EBB", Fault.FORM),
        ("IBAN", "BE68539007547035", Fault.CHECK_DIGIT),
    ],
)
def test_faults(scheme: str, value: str, fault: Fault) -> None:
    problem = check_identifier(scheme, value)
    assert problem is not None
    assert problem.fault == fault


def test_what_is_not_known_passes() -> None:
    assert check_identifier("0142", "anything") is None
    assert check_identifier("VAT", "XX12345") is None
    assert not is_known("0142")


def test_numbers_are_written_plainly() -> None:
    assert normalised("0208", " 0765.432.146") == "0765432146"
    assert normalised("VAT", "be 0765-432-146") == "BE0765432146"
    assert normalised("0204", "04011000-12345-03") == "04011000-12345-03"


@pytest.fixture
def invoice() -> Invoice:
    return Invoice(
        kind=DocumentKind.INVOICE,
        number="732829321",
        issue_date=date(2026, 11, 2),
        buyer_reference="04011000-12345-04",
        seller=Seller(
            vat_identifier="BE0765432147",
            registration=Identifier("0765432146", "0208"),
            electronic_address=Identifier("0765432147", "0208"),
        ),
        buyer=Buyer(identifiers=(Identifier("7300010000002", "0088"), Identifier("A 1"))),
        payment=(
            PaymentInstructions(
                remittance_information=("RF19539007547034", "Invoice 12", "RF-2026"),
                credit_transfers=(
                    CreditTransfer(
                        account=Identifier("BE68539007547035"),
                        service_provider=Identifier("KREDBEBB"),
                    ),
                    CreditTransfer(account=Identifier("12345678")),
                ),
                direct_debit=DirectDebit(creditor_identifier="DE97ZZZ09999999999"),
            ),
        ),
    )


def test_warnings_name_place_and_term(invoice: Invoice) -> None:
    found = {warning.path: warning.term for warning in identifier_warnings(invoice)}
    assert found == {
        "buyer_reference": "BT-10",
        "seller.vat_identifier": "BT-31",
        "seller.electronic_address": "BT-34",
        "buyer.identifiers[0]": "BT-46",
        "payment[0].remittance_information[0]": "BT-83",
        "payment[0].credit_transfers[0].account": "BT-84",
        "payment[0].direct_debit.creditor_identifier": "BT-90",
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_warnings_are_explained(invoice: Invoice, language: str) -> None:
    for warning in identifier_warnings(invoice):
        text = explain_problem(warning.problem, Localized(language))
        assert warning.problem.value in text
        assert "{" not in text
    for scheme in ("0106", "0002", "VAT"):
        problem = check_identifier(scheme, "1")
        assert problem is not None
        assert "'1'" in explain_problem(problem, Localized("en"))


def test_an_invoice_without_identifiers_has_no_warnings() -> None:
    assert identifier_warnings(Invoice(kind=DocumentKind.INVOICE)) == ()
