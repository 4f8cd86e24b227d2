"""The payment instructions of a UBL invoice: transfers, cards and direct debits."""

from collections.abc import Iterator

from ubl.cursor import Cursor
from ubl.model import CreditTransfer, DirectDebit, PaymentCard, PaymentInstructions
from ubl.ubl21.read_party import CREDITOR_SCHEME

__all__ = ["read_payment"]


def read_payment(document: Cursor) -> tuple[PaymentInstructions, ...]:
    """Read BG-16 once for each ``cac:PaymentMeans``, as UBL repeats it for each account.

    The creditor identifier (BT-90) stands with the payee or seller in UBL. It goes to the first
    direct debit, which is made for it where the document has no mandate.
    """
    creditor = _read_creditor(document)
    payment: list[PaymentInstructions] = []
    for means in document.all("cac:PaymentMeans"):
        debit = _read_direct_debit(means, creditor)
        if debit is not None:
            creditor = None
        code = means.first("cbc:PaymentMeansCode")
        payment.append(
            PaymentInstructions(
                means_code=None if code is None else code.own_text(),
                means_text=None if code is None else code.attribute("name"),
                remittance_information=means.texts("cbc:PaymentID"),
                credit_transfers=tuple(_read_transfers(means)),
                card=_read_card(means),
                direct_debit=debit,
            )
        )
    if creditor is not None:
        payment.append(PaymentInstructions(direct_debit=DirectDebit(creditor_identifier=creditor)))
    return tuple(payment)


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
    return PaymentCard(
        primary_account_number=card.text("cbc:PrimaryAccountNumberID"),
        holder_name=card.text("cbc:HolderName"),
        network=card.text("cbc:NetworkID"),
    )


def _read_direct_debit(means: Cursor, creditor: str | None) -> DirectDebit | None:
    mandate = means.first("cac:PaymentMandate")
    if mandate is None:
        return None
    return DirectDebit(
        mandate_reference=mandate.identifier("cbc:ID"),
        creditor_identifier=creditor,
        debited_account=mandate.identifier("cac:PayerFinancialAccount", "cbc:ID"),
    )
