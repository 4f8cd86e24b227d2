"""Writes the payment instructions of a CII invoice: transfers, cards and direct debits.

The payment reference, the creditor identifier and the mandate stand beside the payment means in
CII, once for the whole invoice: the first of each is written there.
"""

import re
from collections.abc import Iterable

from ubl.model import CreditTransfer, Identifier, PaymentCard, PaymentInstructions
from ubl.pen import Pen

__all__ = ["creditor_of", "mandate_of", "payment_reference_of", "write_payment_means"]

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def payment_reference_of(payment: Iterable[PaymentInstructions]) -> str | None:
    """Return the reference to quote (BT-83) that CII has room for: the first."""
    references = (text for entry in payment for text in entry.remittance_information)
    return next(references, None)


def creditor_of(payment: Iterable[PaymentInstructions]) -> str | None:
    """Return the creditor identifier (BT-90) that CII has room for: the first."""
    debits = (entry.direct_debit for entry in payment if entry.direct_debit)
    return next((debit.creditor_identifier for debit in debits if debit.creditor_identifier), None)


def mandate_of(payment: Iterable[PaymentInstructions]) -> Identifier | None:
    """Return the mandate (BT-89) that CII has room for: the first."""
    debits = (entry.direct_debit for entry in payment if entry.direct_debit)
    return next((debit.mandate_reference for debit in debits if debit.mandate_reference), None)


def write_payment_means(settlement: Pen, payment: Iterable[PaymentInstructions]) -> None:
    """Write BG-16, once for each account to transfer to, as CII has room for one in each."""
    for instructions in payment:
        first, *others = instructions.credit_transfers or (None,)
        means = settlement.at("ram:SpecifiedTradeSettlementPaymentMeans")
        _write_kind(means, instructions)
        _write_card(means, instructions.card)
        if (debit := instructions.direct_debit) is not None:
            account = means.at("ram:PayerPartyDebtorFinancialAccount")
            account.identifier("ram:IBANID", debit.debited_account)
        _write_transfer(means, first)
        for transfer in others:
            means = settlement.at("ram:SpecifiedTradeSettlementPaymentMeans")
            _write_kind(means, instructions)
            _write_transfer(means, transfer)


def _write_kind(means: Pen, instructions: PaymentInstructions) -> None:
    means.text("ram:TypeCode", instructions.means_code)
    means.text("ram:Information", instructions.means_text)


def _write_card(means: Pen, card: PaymentCard | None) -> None:
    if card is None:
        return
    place = means.at("ram:ApplicableTradeSettlementFinancialCard")
    place.text("ram:ID", card.primary_account_number)
    place.text("ram:CardholderName", card.holder_name)


def _write_transfer(means: Pen, transfer: CreditTransfer | None) -> None:
    if transfer is None:
        return
    account = means.at("ram:PayeePartyCreditorFinancialAccount")
    number = transfer.account
    is_iban = number is not None and _IBAN.fullmatch(number.value.replace(" ", "")) is not None
    if is_iban:
        account.identifier("ram:IBANID", number)
    account.text("ram:AccountName", transfer.account_name)
    if not is_iban:
        account.identifier("ram:ProprietaryID", number)
    institution = means.at("ram:PayeeSpecifiedCreditorFinancialInstitution")
    institution.identifier("ram:BICID", transfer.service_provider)
