"""Codes of CII: those it fixes by convention, and those it counts otherwise than the model does."""

from types import MappingProxyType
from typing import Final

from ubl.model import DocumentKind

__all__ = [
    "DAY_FORMAT",
    "INVOICED_OBJECT_TYPE",
    "INVOICE_ROOT",
    "MINUTE_FORMAT",
    "PROJECT_NAME",
    "SUPPORTING_TYPE",
    "TAX_REGISTRATION",
    "TENDER_TYPE",
    "VAT",
    "VAT_REGISTRATION",
    "kind_of",
    "tax_point_code_in",
    "tax_point_code_out",
]

INVOICE_ROOT: Final = "rsm:CrossIndustryInvoice"

# UNTDID 1001 as AdditionalReferencedDocument uses it (EN 16931-3-3: BT-17, BT-18, BG-24).
TENDER_TYPE: Final = "50"
INVOICED_OBJECT_TYPE: Final = "130"
SUPPORTING_TYPE: Final = "916"

# UNTDID 2379: a day as CCYYMMDD, a minute as CCYYMMDDHHMM.
DAY_FORMAT: Final = "102"
MINUTE_FORMAT: Final = "203"

VAT: Final = "VAT"
VAT_REGISTRATION: Final = "VA"
TAX_REGISTRATION: Final = "FC"

# CII demands a name beside the project's number (BT-11); EN 16931-3-3 gives this one.
PROJECT_NAME: Final = "Project reference"

# UNTDID 1001 codes that CEN's rules for UBL want in a CreditNote.
_CREDIT_NOTE_TYPES: Final = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"}
)

# BT-8 is a code of UNTDID 2005 in the model and in UBL; CII takes UNTDID 2475 (EN 16931-3-3):
# date of the invoice, of the delivery, of the payment.
_TO_2475: Final = MappingProxyType({"3": "5", "35": "29", "432": "72"})
_TO_2005: Final = MappingProxyType({code: own for own, code in _TO_2475.items()})


def kind_of(type_code: str | None) -> DocumentKind:
    """Tell from BT-3 which of the two UBL documents the invoice would be; CII has one for both."""
    return DocumentKind.CREDIT_NOTE if type_code in _CREDIT_NOTE_TYPES else DocumentKind.INVOICE


def tax_point_code_in(code: str | None) -> str | None:
    """Turn a code of UNTDID 2475 into that of UNTDID 2005 (BT-8), None where there is none."""
    return _TO_2005.get(code or "")


def tax_point_code_out(code: str | None) -> str | None:
    """Turn BT-8, a code of UNTDID 2005, into that of UNTDID 2475, None where there is none."""
    return _TO_2475.get(code or "")
