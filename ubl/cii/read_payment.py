"""The payment instructions of a CII invoice: transfers, cards and direct debits.

CII keeps the payment reference, the creditor identifier and the mandate beside the payment means
rather than inside them; here they are brought together again.
"""

from dataclasses import replace

from ubl.cursor import Cursor
from ubl.model import (
    CreditTransfer,
    DirectDebit,
    Identifier,
    PaymentCard,
    PaymentInstructions,
    given,
)
from ubl.payment_groups import DIRECT_DEBIT_CODES, merged, with_creditor

__all__ = ["read_payment"]


def read_payment(settlement: Cursor) -> tuple[PaymentInstructions, ...]:
    """Read BG-16 from each ``SpecifiedTradeSettlementPaymentMeans``, one for each account.

    The payment reference (BT-83) belongs to all of them, the creditor identifier (BT-90) to all
    direct debits, the mandate (BT-89) to the first. Instructions of their own are made for what
    no payment means can take.
    """
    means = map(_read_means, settlement.all("ram:SpecifiedTradeSettlementPaymentMeans"))
    payment = merged(instructions for instructions in means if given(instructions))
    mandate = settlement.identifier("ram:SpecifiedTradePaymentTerms", "ram:DirectDebitMandateID")
    if mandate is not None:
        payment = _with_mandate(payment, mandate)
    payment = with_creditor(payment, settlement.text("ram:CreditorReferenceID"))
    reference = settlement.text("ram:PaymentReference")
    if reference is not None:
        payment = tuple(
            replace(instructions, remittance_information=(reference,))
            for instructions in payment or (PaymentInstructions(),)
        )
    return payment


def _with_mandate(
    payment: tuple[PaymentInstructions, ...], mandate: Identifier
) -> tuple[PaymentInstructions, ...]:
    place = _mandate_place(payment)
    if place is None:
        return (*payment, PaymentInstructions(direct_debit=DirectDebit(mandate_reference=mandate)))
    debit = replace(payment[place].direct_debit or DirectDebit(), mandate_reference=mandate)
    changed = replace(payment[place], direct_debit=debit)
    return (*payment[:place], changed, *payment[place + 1 :])


def _mandate_place(payment: tuple[PaymentInstructions, ...]) -> int | None:
    """Find the direct debit: by the buyer's account, else by its code, else by being alone."""
    for place, instructions in enumerate(payment):
        if instructions.direct_debit is not None:
            return place
    for place, instructions in enumerate(payment):
        if instructions.means_code in DIRECT_DEBIT_CODES:
            return place
    return 0 if len(payment) == 1 else None


def _read_means(means: Cursor) -> PaymentInstructions:
    transfer = _read_transfer(means)
    return PaymentInstructions(
        means_code=means.text("ram:TypeCode"),
        means_text=means.text("ram:Information"),
        credit_transfers=() if transfer is None else (transfer,),
        card=_read_card(means),
        direct_debit=_read_direct_debit(means),
    )


def _read_transfer(means: Cursor) -> CreditTransfer | None:
    provider = means.identifier("ram:PayeeSpecifiedCreditorFinancialInstitution", "ram:BICID")
    account = means.first("ram:PayeePartyCreditorFinancialAccount")
    if account is None:
        return None if provider is None else CreditTransfer(service_provider=provider)
    return given(
        CreditTransfer(
            account=account.identifier("ram:IBANID") or account.identifier("ram:ProprietaryID"),
            account_name=account.text("ram:AccountName"),
            service_provider=provider,
        )
    )


def _read_card(means: Cursor) -> PaymentCard | None:
    card = means.first("ram:ApplicableTradeSettlementFinancialCard")
    if card is None:
        return None
    return given(
        PaymentCard(
            primary_account_number=card.text("ram:ID"),
            holder_name=card.text("ram:CardholderName"),
        )
    )


def _read_direct_debit(means: Cursor) -> DirectDebit | None:
    account = means.identifier("ram:PayerPartyDebtorFinancialAccount", "ram:IBANID")
    return None if account is None else DirectDebit(debited_account=account)
