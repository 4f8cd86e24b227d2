"""How a UBL invoice is to be paid: transfers, cards, direct debits, further terms and claims."""

from collections.abc import Iterator
from typing import Final

from ubl.cursor import Cursor
from ubl.model import (
    CreditTransfer,
    DirectDebit,
    PaymentCard,
    PaymentInstructions,
    PaymentTerms,
    ThirdPartyPayment,
    given,
)
from ubl.payment_groups import merged, with_creditor
from ubl.ubl21.read_party import CREDITOR_SCHEME

__all__ = [
    "NO_NETWORK",
    "THIRD_PARTY_SPECIFICATION",
    "read_payment",
    "read_terms_details",
    "read_third_party_payments",
]

# Stands for the network of a card, which UBL demands, where nobody names it (Peppol BIS 3.0).
NO_NETWORK: Final = "NA"
# Invoices under the extension of XRechnung say so in BT-24 with these words.
THIRD_PARTY_SPECIFICATION: Final = "urn:xeinkauf.de:kosit:extension:xrechnung"


def read_payment(document: Cursor) -> tuple[PaymentInstructions, ...]:
    """Read BG-16. UBL repeats ``cac:PaymentMeans`` for each account; repeats become one group.

    The creditor identifier (BT-90) stands with the payee or seller in UBL.
    """
    means = tuple(map(_read_means, document.all("cac:PaymentMeans")))
    return with_creditor(merged(means), _read_creditor(document))


def read_terms_details(document: Cursor) -> tuple[PaymentTerms, ...]:
    """Read what terms of payment say beside BT-20: instalments, each after the first with a text.

    Empty where there is one set of terms and it says nothing more.
    """
    found: list[PaymentTerms] = []
    for place in document.all("cac:PaymentTerms"):
        is_first = not found
        found.append(
            PaymentTerms(
                text=None if is_first else place.text("cbc:Note"),
                due_date=None if is_first else place.day("cbc:PaymentDueDate"),
                partial_amount=place.amount("cbc:Amount"),
            )
        )
    return () if found == [PaymentTerms()] else tuple(found)


def read_third_party_payments(document: Cursor) -> Iterator[ThirdPartyPayment]:
    """Read claims of others that are collected with the invoice (XRechnung BG-DEX-09).

    Elsewhere the element is a payment made in advance, which is the opposite: it stays unread.
    """
    if THIRD_PARTY_SPECIFICATION not in (document.peek("cbc:CustomizationID") or ""):
        return
    for place in document.all("cac:PrepaidPayment"):
        yield ThirdPartyPayment(
            kind=place.text("cbc:ID"),
            amount=place.amount("cbc:PaidAmount"),
            description=place.text("cbc:InstructionID"),
        )


def _read_means(means: Cursor) -> PaymentInstructions:
    code = means.first("cbc:PaymentMeansCode")
    return PaymentInstructions(
        means_code=None if code is None else code.own_text(),
        means_text=None if code is None else code.attribute("name"),
        remittance_information=means.texts("cbc:PaymentID"),
        credit_transfers=tuple(_read_transfers(means)),
        card=_read_card(means),
        direct_debit=_read_direct_debit(means),
    )


def _read_creditor(document: Cursor) -> str | None:
    parties = (
        document.first("cac:PayeeParty"),
        document.first("cac:AccountingSupplierParty", "cac:Party"),
    )
    for party in parties:
        if party is None:
            continue
        for place in party.all("cac:PartyIdentification"):
            identifier = place.first("cbc:ID")
            if identifier is not None and identifier.element.get("schemeID") == CREDITOR_SCHEME:
                identifier.attribute("schemeID")
                return identifier.own_text()
    return None


def _read_transfers(means: Cursor) -> Iterator[CreditTransfer]:
    for account in means.all("cac:PayeeFinancialAccount"):
        yield CreditTransfer(
            account=account.identifier("cbc:ID"),
            account_name=account.text("cbc:Name"),
            service_provider=account.identifier("cac:FinancialInstitutionBranch", "cbc:ID"),
        )


def _read_card(means: Cursor) -> PaymentCard | None:
    card = means.first("cac:CardAccount")
    if card is None:
        return None
    return given(
        PaymentCard(
            primary_account_number=card.text("cbc:PrimaryAccountNumberID"),
            holder_name=card.text("cbc:HolderName"),
            network=network if (network := card.text("cbc:NetworkID")) != NO_NETWORK else None,
        )
    )


def _read_direct_debit(means: Cursor) -> DirectDebit | None:
    mandate = means.first("cac:PaymentMandate")
    if mandate is None:
        return None
    return given(
        DirectDebit(
            mandate_reference=mandate.identifier("cbc:ID"),
            debited_account=mandate.identifier("cac:PayerFinancialAccount", "cbc:ID"),
        )
    )
