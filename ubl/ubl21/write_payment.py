"""Writes how a UBL invoice is to be paid: transfers, cards, direct debits, terms and claims."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from ubl.model import (
    CreditTransfer,
    DirectDebit,
    Invoice,
    Party,
    PaymentCard,
    PaymentInstructions,
    PaymentTerms,
)
from ubl.payment_terms import terms_text
from ubl.pen import Pen
from ubl.ubl21.read_payment import NO_NETWORK, THIRD_PARTY_SPECIFICATION
from ubl.ubl21.write_party import write_party

__all__ = ["write_payment", "write_payment_terms", "write_third_party_payments"]

# Says that the means of payment is not defined (UNTDID 4461); UBL demands a code.
UNDEFINED_MEANS: Final = "1"


def write_payment(
    document: Pen,
    payment: Iterable[PaymentInstructions],
    *,
    due_date: date | None = None,
    payer: Party | None = None,
) -> None:
    """Write BG-16, a ``cac:PaymentMeans`` for each account, as UBL has room for one in each.

    ``due_date`` is BT-9 of a credit note, which UBL keeps here: it goes to the first of them.
    ``payer`` pays in the buyer's place (EXTENDED-CTC-FR) and stands with the first of them. The
    creditor identifier (BT-90) is written with the parties.
    """
    stated = [entry for entry in payment if entry.means_code or _has_account(entry)]
    if due_date is not None and not stated:
        stated.append(PaymentInstructions())
    for instructions in stated:
        for index, transfer in enumerate(instructions.credit_transfers or (None,)):
            means = document.at("cac:PaymentMeans")
            code = instructions.means_code or UNDEFINED_MEANS
            means.text("cbc:PaymentMeansCode", code, name=instructions.means_text)
            means.day("cbc:PaymentDueDate", due_date)
            means.texts("cbc:PaymentID", instructions.remittance_information)
            if index == 0:
                _write_card(means.at("cac:CardAccount"), instructions.card)
            _write_transfer(means.at("cac:PayeeFinancialAccount"), transfer)
            if index == 0:
                _write_mandate(means.at("cac:PaymentMandate"), instructions, payer)
            due_date = payer = None


def write_payment_terms(document: Pen, invoice: Invoice) -> None:
    """Write BT-20, and beside it the instalments of the extensions."""
    first, *further = invoice.payment_terms_details or (PaymentTerms(),)
    place = document.at("cac:PaymentTerms")
    place.text("cbc:Note", terms_text(invoice.payment_terms))
    place.amount("cbc:Amount", first.partial_amount)
    for terms in further:
        place = document.at("cac:PaymentTerms")
        place.text("cbc:Note", terms_text(terms.text))
        place.amount("cbc:Amount", terms.partial_amount)
        place.day("cbc:PaymentDueDate", terms.due_date)


def write_third_party_payments(document: Pen, invoice: Invoice) -> None:
    """Write claims of others, which only invoices under the extension of XRechnung can hold."""
    if THIRD_PARTY_SPECIFICATION not in (invoice.specification or ""):
        return
    for payment in invoice.third_party_payments:
        place = document.at("cac:PrepaidPayment")
        place.text("cbc:ID", payment.kind)
        place.amount("cbc:PaidAmount", payment.amount)
        place.text("cbc:InstructionID", payment.description)


def _has_account(instructions: PaymentInstructions) -> bool:
    debit = instructions.direct_debit
    return bool(
        instructions.credit_transfers
        or instructions.card
        or instructions.remittance_information
        or (debit and (debit.mandate_reference or debit.debited_account))
    )


def _write_transfer(account: Pen, transfer: CreditTransfer | None) -> None:
    if transfer is None:
        return
    account.identifier("cbc:ID", transfer.account)
    account.text("cbc:Name", transfer.account_name)
    branch = account.at("cac:FinancialInstitutionBranch")
    branch.identifier("cbc:ID", transfer.service_provider)


def _write_card(account: Pen, card: PaymentCard | None) -> None:
    if card is None:
        return
    account.text("cbc:PrimaryAccountNumberID", card.primary_account_number)
    account.text("cbc:NetworkID", card.network or NO_NETWORK)
    account.text("cbc:HolderName", card.holder_name)


def _write_mandate(mandate: Pen, instructions: PaymentInstructions, payer: Party | None) -> None:
    debit = instructions.direct_debit or DirectDebit()
    mandate.identifier("cbc:ID", debit.mandate_reference)
    write_party(mandate.at("cac:PayerParty"), payer)
    mandate.at("cac:PayerFinancialAccount").identifier("cbc:ID", debit.debited_account)
