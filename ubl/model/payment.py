"""How an invoice is to be paid: credit transfer, card or direct debit."""

from dataclasses import dataclass
from typing import Annotated

from ubl.model.terms import SyntaxOnly, Term
from ubl.model.values import Identifier

__all__ = ["CreditTransfer", "DirectDebit", "PaymentCard", "PaymentInstructions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditTransfer:
    """The account a transfer is to reach (EN 16931 BG-17)."""

    account: Annotated[
        Identifier | None,
        Term("BT-84", "Payment account: an IBAN for SEPA, otherwise the national number."),
    ] = None
    account_name: Annotated[str | None, Term("BT-85", "Name of the holder of the account.")] = None
    service_provider: Annotated[
        Identifier | None,
        Term("BT-86", "Bank or other provider that keeps the account: a BIC or national code."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCard:
    """The card that was used to pay (EN 16931 BG-18)."""

    primary_account_number: Annotated[
        str | None, Term("BT-87", "Card number; only the first and last digits may be shown.")
    ] = None
    holder_name: Annotated[str | None, Term("BT-88", "Name of the holder of the card.")] = None
    network: Annotated[
        str | None, SyntaxOnly("Network of the card, which UBL requires beside the number.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectDebit:
    """What is needed to collect the payment from the buyer's account (EN 16931 BG-19)."""

    mandate_reference: Annotated[
        Identifier | None, Term("BT-89", "Identifier the payee gave the buyer's mandate.")
    ] = None
    creditor_identifier: Annotated[
        str | None,
        Term("BT-90", "Identifier the bank gave the creditor (SEPA creditor identifier)."),
    ] = None
    debited_account: Annotated[
        Identifier | None, Term("BT-91", "Account of the buyer to be debited.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentInstructions:
    """One way in which the invoice may be paid (EN 16931 BG-16).

    UBL repeats the whole group for each account, so an invoice may hold several.
    """

    means_code: Annotated[str | None, Term("BT-81", "Means of payment: a code of UNTDID 4461.")] = (
        None
    )
    means_text: Annotated[str | None, Term("BT-82", "Means of payment in words.")] = None
    remittance_information: Annotated[
        tuple[str, ...],
        Term("BT-83", "Reference the payer must quote so that the payee can match the payment."),
    ] = ()
    credit_transfers: Annotated[
        tuple[CreditTransfer, ...], Term("BG-17", "Accounts to transfer to.")
    ] = ()
    card: Annotated[PaymentCard | None, Term("BG-18", "Card used for the payment.")] = None
    direct_debit: Annotated[
        DirectDebit | None, Term("BG-19", "Direct debit from the buyer's account.")
    ] = None
