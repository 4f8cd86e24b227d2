"""The payment QR code of an invoice: what a banking app needs to pay what is due, or none.

A code appears only where scanning it would pay the right sum to the right account with the
reference the seller asks for. Everything else (credit notes, direct debits, other currencies,
nothing due, an account that is no IBAN) has no code.
"""

from typing import Final

from stdnum import bic as bic_number
from stdnum import iso11649

from ubl.model import CreditTransfer, DocumentKind, Invoice, PaymentInstructions
from ubl.qr import MAX_NAME, MAX_TEXT, SepaTransfer, TransferRefused, epc_payload

__all__ = ["payment_code"]

# UNTDID 4461: not defined, credit transfer, payment to bank account, SEPA credit transfer.
_BY_TRANSFER: Final = frozenset({None, "1", "30", "42", "58"})


def payment_code(invoice: Invoice) -> str | None:
    """Build the payload of the invoice's payment QR code (EPC069-12), None where there is none."""
    if invoice.kind is DocumentKind.CREDIT_NOTE or any(way.direct_debit for way in invoice.payment):
        return None
    for way in invoice.payment:
        if way.means_code in _BY_TRANSFER:
            for transfer in way.credit_transfers:
                payload = _payload(invoice, way, transfer)
                if payload is not None:
                    return payload
    return None


def _payload(invoice: Invoice, way: PaymentInstructions, transfer: CreditTransfer) -> str | None:
    due = invoice.totals.due if invoice.totals else None
    if due is None or transfer.account is None:
        return None
    wanted = " ".join(way.remittance_information) or invoice.number or ""
    structured = iso11649.is_valid(wanted)
    if len(wanted) > MAX_TEXT:
        return None
    try:
        return epc_payload(
            SepaTransfer(
                name=_beneficiary(invoice, transfer)[:MAX_NAME],
                iban=transfer.account.value,
                amount=due,
                bic=_bic(transfer),
                reference=wanted if structured else None,
                text=None if structured else wanted,
            )
        )
    except TransferRefused:
        return None


def _beneficiary(invoice: Invoice, transfer: CreditTransfer) -> str:
    """Whose account it is; banks compare the name with the account's (verification of payee)."""
    names = (
        transfer.account_name,
        invoice.payee.name if invoice.payee else None,
        invoice.seller.name if invoice.seller else None,
    )
    return next((name for name in names if name), "")


def _bic(transfer: CreditTransfer) -> str | None:
    provider = transfer.service_provider.value if transfer.service_provider else ""
    return provider if bic_number.is_valid(provider) else None
