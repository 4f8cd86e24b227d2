"""What the extensions add about money: conditions of payment, advances, logistics, currencies.

The numbers are those of Factur-X and ZUGFeRD EXTENDED (BT-X, BG-X) and of the XRechnung extension
(BT-DEX, BG-DEX).
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from ubl.amounts import Amount
from ubl.model.extension_party import Party
from ubl.model.extension_references import DocumentReference
from ubl.model.terms import SyntaxOnly, Term, TermByGroup
from ubl.model.values import Quantity

__all__ = [
    "AdvancePayment",
    "AdvanceVat",
    "CurrencyExchange",
    "LogisticsCharge",
    "PaymentCondition",
    "PaymentTerms",
    "ThirdPartyPayment",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCondition:
    """A discount for paying early (BG-X-44) or a penalty for paying late (BG-X-43)."""

    from_date: Annotated[
        date | None,
        TermByGroup({"BG-X-43": "BT-X-276", "BG-X-44": "BT-X-282"}, "Day the period starts on."),
    ] = None
    period: Annotated[
        Quantity | None,
        TermByGroup(
            {"BG-X-43": "BT-X-277", "BG-X-44": "BT-X-283"}, "Length of the period, such as 14 DAY."
        ),
    ] = None
    base_amount: Annotated[
        Amount | None,
        TermByGroup(
            {"BG-X-43": "BT-X-279", "BG-X-44": "BT-X-285"}, "Amount the percentage is taken of."
        ),
    ] = None
    percentage: Annotated[
        Decimal | None,
        TermByGroup({"BG-X-43": "BT-X-280", "BG-X-44": "BT-X-286"}, "Percentage: 2 is 2 %."),
    ] = None
    amount: Annotated[
        Amount | None,
        TermByGroup(
            {"BG-X-43": "BT-X-281", "BG-X-44": "BT-X-287"}, "Amount of the discount or penalty."
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTerms:
    """One set of terms of payment; several make instalments (Factur-X EXTENDED).

    The first set of an invoice adds to BT-20 and BT-9 and does not repeat them: its ``text`` and
    ``due_date`` are None. Each further set has its own.
    """

    text: Annotated[str | None, SyntaxOnly("These terms in words (BT-20 of a further set).")] = None
    due_date: Annotated[
        date | None, SyntaxOnly("Day this part is due (BT-9 of a further set).")
    ] = None
    partial_amount: Annotated[
        Amount | None, Term("BT-X-275", "Part of the amount due that these terms are about.")
    ] = None
    discounts: Annotated[
        tuple[PaymentCondition, ...], Term("BG-X-44", "Discounts for paying early.")
    ] = ()
    penalties: Annotated[
        tuple[PaymentCondition, ...], Term("BG-X-43", "Penalties for paying late.")
    ] = ()
    payee: Annotated[Party | None, Term("BG-X-77", "Who receives this part.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticsCharge:
    """A charge for transport or packing, with its VAT (BG-X-42); it counts as a charge."""

    description: Annotated[str | None, Term("BT-X-271", "What is charged for.")] = None
    amount: Annotated[Amount | None, Term("BT-X-272", "Amount without VAT.")] = None
    vat_category: Annotated[
        str | None, Term("BT-X-273", "VAT category: a code of UNTDID 5305.")
    ] = None
    vat_rate: Annotated[Decimal | None, Term("BT-X-274", "VAT rate in per cent.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceVat:
    """VAT of one category and rate that an advance contains (BG-X-46)."""

    amount: Annotated[Amount | None, Term("BT-X-293", "VAT contained in the advance.")] = None
    category: Annotated[str | None, Term("BT-X-296", "VAT category: a code of UNTDID 5305.")] = None
    rate: Annotated[Decimal | None, Term("BT-X-298", "VAT rate in per cent.")] = None
    exemption_reason: Annotated[
        str | None, Term("BT-X-295", "Why no VAT is charged, in words.")
    ] = None
    exemption_reason_code: Annotated[
        str | None, Term("BT-X-297", "Why no VAT is charged: a code of the VATEX list.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvancePayment:
    """A payment made in advance, with the VAT in it (BG-X-45); BT-113 holds the sum of them."""

    amount: Annotated[Amount | None, Term("BT-X-291", "Amount paid, with VAT.")] = None
    received_on: Annotated[date | None, Term("BT-X-292", "Day the payment was received.")] = None
    vat: Annotated[tuple[AdvanceVat, ...], Term("BG-X-46", "VAT contained in the advance.")] = ()
    invoice: Annotated[
        DocumentReference | None, Term("BG-X-85", "Invoice the advance was paid for.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyExchange:
    """The rate between the invoice currency and the VAT accounting currency (BG-X-41)."""

    source_currency: Annotated[str | None, Term("BT-X-258", "Currency of the invoice.")] = None
    target_currency: Annotated[str | None, Term("BT-X-259", "Currency VAT is accounted in.")] = None
    rate: Annotated[Decimal | None, Term("BT-X-260", "Target units for one source unit.")] = None
    day: Annotated[date | None, Term("BT-X-261", "Day the rate is of.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdPartyPayment:
    """A claim of somebody else that is collected with the invoice (XRechnung BG-DEX-09).

    The amount is added to the amount due (BT-115) and is in no other total.
    """

    kind: Annotated[str | None, Term("BT-DEX-001", "Kind of the payment.")] = None
    amount: Annotated[Amount | None, Term("BT-DEX-002", "Amount, in the invoice currency.")] = None
    description: Annotated[str | None, Term("BT-DEX-003", "What is paid.")] = None
