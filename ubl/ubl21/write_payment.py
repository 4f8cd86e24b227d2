"""Writes the payment instructions of a UBL invoice: transfers, cards and direct debits."""

from collections.abc import Iterable
from datetime import date

from ubl.model import CreditTransfer, PaymentCard, PaymentInstructions
from ubl.pen import Pen
from ubl.ubl21.read_payment import NO_NETWORK

__all__ = ["write_payment"]


def write_payment(
    document: Pen, payment: Iterable[PaymentInstructions], *, due_date: date | None = None
) -> None:
    """Write BG-16, a ``cac:PaymentMeans`` for each account, as UBL has room for one in each.

    ``due_date`` is BT-9 of a credit note, which UBL keeps here: it goes to the first of them. The
    creditor identifier (BT-90) is written with the parties.
    """
    for instructions in payment:
        transfers = instructions.credit_transfers or (None,)
        for index, transfer in enumerate(transfers):
            means = _write_means(document, instructions, due_date)
            if means is None:
                break
            due_date = None
            if index == 0:
                _write_card(means.at("cac:CardAccount"), instructions.card)
            _write_transfer(means.at("cac:PayeeFinancialAccount"), transfer)
            if index == 0:
                _write_mandate(means.at("cac:PaymentMandate"), instructions)


def _write_means(
    document: Pen, instructions: PaymentInstructions, due_date: date | None
) -> Pen | None:
    """Begin a means of payment; None where the instructions are a creditor identifier alone."""
    means = document.at("cac:PaymentMeans")
    means.text("cbc:PaymentMeansCode", instructions.means_code, name=instructions.means_text)
    if means.is_empty and not _has_account(instructions):
        return None
    means.day("cbc:PaymentDueDate", due_date)
    means.texts("cbc:PaymentID", instructions.remittance_information)
    return means


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


def _write_mandate(mandate: Pen, instructions: PaymentInstructions) -> None:
    debit = instructions.direct_debit
    if debit is None:
        return
    mandate.identifier("cbc:ID", debit.mandate_reference)
    mandate.at("cac:PayerFinancialAccount").identifier("cbc:ID", debit.debited_account)
