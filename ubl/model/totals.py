"""What an invoice adds up to: allowances, charges, totals and the VAT breakdown."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from ubl.amounts import Amount
from ubl.model.terms import Term, TermByGroup

__all__ = ["AllowanceCharge", "DocumentTotals", "VatBreakdown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceCharge:
    """A reduction or an addition to a price (EN 16931 BG-20, BG-21; on a line BG-27, BG-28).

    The amount is positive in both cases; the field that holds it tells the direction. On a line
    the VAT terms are None, because the line's own VAT category applies.
    """

    amount: Annotated[
        Amount | None,
        TermByGroup(
            {"BG-20": "BT-92", "BG-21": "BT-99", "BG-27": "BT-136", "BG-28": "BT-141"},
            "Amount without VAT.",
        ),
    ] = None
    base_amount: Annotated[
        Amount | None,
        TermByGroup(
            {"BG-20": "BT-93", "BG-21": "BT-100", "BG-27": "BT-137", "BG-28": "BT-142"},
            "Amount the percentage is taken of.",
        ),
    ] = None
    percentage: Annotated[
        Decimal | None,
        TermByGroup(
            {"BG-20": "BT-94", "BG-21": "BT-101", "BG-27": "BT-138", "BG-28": "BT-143"},
            "Percentage of the base amount: 10 means ten per cent.",
        ),
    ] = None
    vat_category: Annotated[
        str | None,
        TermByGroup({"BG-20": "BT-95", "BG-21": "BT-102"}, "VAT category: a code of UNTDID 5305."),
    ] = None
    vat_rate: Annotated[
        Decimal | None, TermByGroup({"BG-20": "BT-96", "BG-21": "BT-103"}, "VAT rate in per cent.")
    ] = None
    reason: Annotated[
        str | None,
        TermByGroup(
            {"BG-20": "BT-97", "BG-21": "BT-104", "BG-27": "BT-139", "BG-28": "BT-144"},
            "Reason in words.",
        ),
    ] = None
    reason_code: Annotated[
        str | None,
        TermByGroup(
            {"BG-20": "BT-98", "BG-21": "BT-105", "BG-27": "BT-140", "BG-28": "BT-145"},
            "Reason: a code of UNTDID 5189 for allowances, 7161 for charges.",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTotals:
    """The sums of the invoice as the seller states them (EN 16931 BG-22)."""

    lines: Annotated[Amount | None, Term("BT-106", "Sum of the net amounts of all lines.")] = None
    allowances: Annotated[Amount | None, Term("BT-107", "Sum of allowances on document level.")] = (
        None
    )
    charges: Annotated[Amount | None, Term("BT-108", "Sum of charges on document level.")] = None
    without_vat: Annotated[Amount | None, Term("BT-109", "Total without VAT.")] = None
    vat: Annotated[Amount | None, Term("BT-110", "Total VAT, in the invoice currency.")] = None
    vat_in_accounting_currency: Annotated[
        Amount | None,
        Term("BT-111", "Total VAT in the currency the seller accounts VAT in (BT-6)."),
    ] = None
    with_vat: Annotated[Amount | None, Term("BT-112", "Total with VAT.")] = None
    paid: Annotated[Amount | None, Term("BT-113", "What has been paid in advance.")] = None
    rounding: Annotated[Amount | None, Term("BT-114", "What rounding adds to the amount due.")] = (
        None
    )
    due: Annotated[Amount | None, Term("BT-115", "Amount due for payment.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VatBreakdown:
    """The VAT of one category and rate (EN 16931 BG-23)."""

    taxable_amount: Annotated[
        Amount | None, Term("BT-116", "Amount that VAT of this category is due on.")
    ] = None
    tax_amount: Annotated[Amount | None, Term("BT-117", "VAT of this category.")] = None
    category: Annotated[str | None, Term("BT-118", "VAT category: a code of UNTDID 5305.")] = None
    rate: Annotated[Decimal | None, Term("BT-119", "VAT rate in per cent.")] = None
    exemption_reason: Annotated[str | None, Term("BT-120", "Why no VAT is charged, in words.")] = (
        None
    )
    exemption_reason_code: Annotated[
        str | None, Term("BT-121", "Why no VAT is charged: a code of the VATEX list of CEF.")
    ] = None
    lines_amount: Annotated[
        Amount | None, Term("BT-X-262", "Sum of the lines of this category and rate.")
    ] = None
    allowances_charges_amount: Annotated[
        Amount | None,
        Term("BT-X-263", "Charges less allowances of this category on document level."),
    ] = None
