"""When an invoice has a code to pay by, and what it says."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ubl.amounts import Amount
from ubl.model import (
    CreditTransfer,
    DirectDebit,
    DocumentKind,
    DocumentTotals,
    Identifier,
    Invoice,
    Payee,
    PaymentInstructions,
    Seller,
)
from ubl.rendition.payment_code import payment_code

IBAN = "DE89370400440532013000"
TRANSFER = CreditTransfer(account=Identifier(IBAN))
WAY = PaymentInstructions(
    means_code="30", remittance_information=("2026-17",), credit_transfers=(TRANSFER,)
)
INVOICE = Invoice(
    kind=DocumentKind.INVOICE,
    number="2026-17",
    seller=Seller(name="Nordwind Werkzeuge GmbH"),
    totals=DocumentTotals(due=Amount(Decimal("120.50"), "EUR")),
    payment=(WAY,),
)


def lines(invoice: Invoice) -> list[str]:
    payload = payment_code(invoice)
    assert payload is not None
    return payload.split("\n")


def paid_by(**changed: object) -> Invoice:
    return replace(INVOICE, payment=(replace(WAY, **changed),))


def test_the_code_has_name_account_sum_and_reference() -> None:
    assert lines(INVOICE) == [
        *("BCD", "002", "1", "SCT", ""),
        *("Nordwind Werkzeuge GmbH", IBAN, "EUR120.50", "", "", "2026-17"),
    ]


def test_a_creditor_reference_stands_in_its_own_line() -> None:
    said = lines(paid_by(remittance_information=("RF18 5390 0754 7034",)))
    assert said[9:] == ["RF18539007547034"]


def test_without_reference_the_number_of_the_invoice_is_asked_for() -> None:
    assert lines(paid_by(remittance_information=()))[-1] == "2026-17"


def test_the_name_is_the_account_holders_then_the_payees() -> None:
    named = replace(TRANSFER, account_name="Factoring AG")
    assert lines(paid_by(credit_transfers=(named,)))[5] == "Factoring AG"
    assert lines(replace(INVOICE, payee=Payee(name="Kasse Nord")))[5] == "Kasse Nord"
    long = replace(TRANSFER, account_name="N" * 80)
    assert lines(paid_by(credit_transfers=(long,)))[5] == "N" * 70


def test_a_wrong_bic_is_left_out_and_a_right_one_kept() -> None:
    for bic, said in (("COBADEFFXXX", "COBADEFFXXX"), ("bank", "")):
        transfer = replace(TRANSFER, service_provider=Identifier(bic))
        assert lines(paid_by(credit_transfers=(transfer,)))[4] == said


def test_the_first_account_that_can_be_paid_to_is_taken() -> None:
    national = CreditTransfer(account=Identifier("12345"))
    assert lines(paid_by(credit_transfers=(national, TRANSFER)))[6] == IBAN


@pytest.mark.parametrize(
    "invoice",
    [
        replace(INVOICE, kind=DocumentKind.CREDIT_NOTE),
        replace(INVOICE, totals=None),
        replace(INVOICE, totals=DocumentTotals(due=Amount(Decimal(0), "EUR"))),
        replace(INVOICE, totals=DocumentTotals(due=Amount(Decimal(-5), "EUR"))),
        replace(INVOICE, totals=DocumentTotals(due=Amount(Decimal(5), "USD"))),
        replace(INVOICE, totals=DocumentTotals(due=Amount(Decimal("5.001"), "EUR"))),
        replace(INVOICE, payment=()),
        replace(INVOICE, seller=None),
        paid_by(means_code="59"),
        paid_by(means_code="48"),
        paid_by(direct_debit=DirectDebit(creditor_identifier="DE98ZZZ09999999999")),
        paid_by(credit_transfers=(CreditTransfer(account=Identifier("DE00 1234")),)),
        paid_by(credit_transfers=(CreditTransfer(),)),
        paid_by(remittance_information=("x" * 141,)),
    ],
)
def test_no_code_where_scanning_would_pay_wrongly(invoice: Invoice) -> None:
    assert payment_code(invoice) is None
