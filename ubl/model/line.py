"""One line of an invoice: what was supplied, how much of it, at which price and VAT."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from ubl.amounts import Amount
from ubl.model.extension_line import IncludedItem, ItemInstance, LineDelivery, LineTotals
from ubl.model.extension_party import Party
from ubl.model.extension_references import LineReferences
from ubl.model.references import Note
from ubl.model.terms import SyntaxOnly, Term
from ubl.model.totals import AllowanceCharge
from ubl.model.values import Identifier, Period, Quantity

__all__ = ["InvoiceLine", "Item", "ItemAttribute", "ItemClassification", "LineVat", "Price"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one item costs (EN 16931 BG-29)."""

    net: Annotated[
        Amount | None, Term("BT-146", "Price of an item without VAT, after the discount.")
    ] = None
    discount: Annotated[Amount | None, Term("BT-147", "Discount taken off the gross price.")] = None
    gross: Annotated[
        Amount | None, Term("BT-148", "Price of an item without VAT, before the discount.")
    ] = None
    base_quantity: Annotated[
        Quantity | None, Term("BT-149", "Number of units the price is for; its unit is BT-150.")
    ] = None
    gross_base_quantity: Annotated[
        Quantity | None,
        SyntaxOnly("Number of units the gross price is for, which CII states apart from BT-149."),
    ] = None
    discount_percentage: Annotated[
        Decimal | None, Term("BT-X-34", "Discount in per cent of its base.")
    ] = None
    discount_base: Annotated[
        Amount | None, Term("BT-X-35", "Amount the percentage of the discount is taken of.")
    ] = None
    discount_reason: Annotated[str | None, Term("BT-X-36", "Why there is a discount.")] = None
    discount_reason_code: Annotated[
        str | None, Term("BT-X-313", "Why there is a discount: a code of UNTDID 5189.")
    ] = None
    further_discounts: Annotated[
        tuple[AllowanceCharge, ...], SyntaxOnly("Discounts off the gross price besides BT-147.")
    ] = ()
    charges: Annotated[
        tuple[AllowanceCharge, ...], SyntaxOnly("Charges on top of the gross price.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineVat:
    """The VAT of one line (EN 16931 BG-30)."""

    category: Annotated[str | None, Term("BT-151", "VAT category: a code of UNTDID 5305.")] = None
    rate: Annotated[Decimal | None, Term("BT-152", "VAT rate in per cent.")] = None
    amount: Annotated[Amount | None, Term("BT-X-95", "VAT of the line, as stated.")] = None
    exemption_reason: Annotated[
        str | None,
        Term("BT-X-96", "Why no VAT is charged on the line, in words.", also="EXT-FR-FE-178"),
    ] = None
    exemption_reason_code: Annotated[
        str | None,
        Term("BT-X-97", "Why no VAT is charged on the line: a code of the VATEX list of CEF."),
    ] = None
    tax_point_code: Annotated[
        str | None,
        Term(
            "BT-X-589",
            "Event that makes the VAT of the line due: a code of UNTDID 2475 in CII.",
            also="EXT-FR-FE-180",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemClassification:
    """A code that sorts the item into a classification (EN 16931 BT-158)."""

    code: str
    scheme: Annotated[
        str | None, SyntaxOnly("Classification: a code of UNTDID 7143 (BT-158-1).")
    ] = None
    version: Annotated[str | None, SyntaxOnly("Version of the classification (BT-158-2).")] = None
    name: Annotated[str | None, Term("BT-X-13", "Name of the class.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAttribute:
    """A property of the item, such as its colour (EN 16931 BG-32)."""

    name: Annotated[str | None, Term("BT-160", "Name of the property.")] = None
    value: Annotated[str | None, Term("BT-161", "Value of the property.")] = None
    code: Annotated[
        str | None,
        Term("BT-X-11", "Kind of property: a code of UNTDID 6313.", also="EXT-FR-FE-159"),
    ] = None
    measure: Annotated[
        Quantity | None,
        Term("BT-X-12", "Value of the property with its unit.", also="EXT-FR-FE-160"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """The goods or service of a line (EN 16931 BG-31)."""

    name: Annotated[str | None, Term("BT-153", "Name of the item.")] = None
    description: Annotated[str | None, Term("BT-154", "Description of the item.")] = None
    seller_identifier: Annotated[
        Identifier | None, Term("BT-155", "Identifier the seller gave it.")
    ] = None
    buyer_identifier: Annotated[
        Identifier | None, Term("BT-156", "Identifier the buyer gave it.")
    ] = None
    standard_identifier: Annotated[
        Identifier | None,
        Term("BT-157", "Identifier in a registered scheme (ICD), for instance a GTIN."),
    ] = None
    classifications: Annotated[
        tuple[ItemClassification, ...],
        Term("BT-158", "Codes of classifications the item belongs to."),
    ] = ()
    origin_country: Annotated[
        str | None, Term("BT-159", "Country of origin, ISO 3166-1 alpha-2.")
    ] = None
    attributes: Annotated[tuple[ItemAttribute, ...], Term("BG-32", "Properties of the item.")] = ()
    identifier: Annotated[str | None, Term("BT-X-305", "Identifier of the item.")] = None
    industry_identifier: Annotated[
        str | None, Term("BT-X-532", "Identifier the industry gave it.")
    ] = None
    model_identifier: Annotated[str | None, Term("BT-X-533", "Identifier of the model.")] = None
    batches: Annotated[tuple[str, ...], Term("BT-X-534", "Numbers of the batches.")] = ()
    brand: Annotated[str | None, Term("BT-X-535", "Brand of the item.")] = None
    model: Annotated[str | None, Term("BT-X-536", "Name of the model.")] = None
    instances: Annotated[
        tuple[ItemInstance, ...], Term("BG-X-84", "Pieces known by batch or serial number.")
    ] = ()
    included: Annotated[
        tuple[IncludedItem, ...], Term("BG-X-1", "Items that are part of the item.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line of an invoice or credit note (EN 16931 BG-25)."""

    identifier: Annotated[
        str | None, Term("BT-126", "Identifier of the line within the invoice.")
    ] = None
    note: Annotated[str | None, Term("BT-127", "Free text on the line.")] = None
    object_identifier: Annotated[
        Identifier | None,
        Term("BT-128", "Object the line is about, such as a meter; scheme from UNTDID 1153."),
    ] = None
    quantity: Annotated[
        Quantity | None,
        Term("BT-129", "Number of units invoiced (credited in a credit note); its unit is BT-130."),
    ] = None
    net_amount: Annotated[
        Amount | None,
        Term("BT-131", "Amount of the line without VAT, with its allowances and charges."),
    ] = None
    order_line: Annotated[
        str | None, Term("BT-132", "Line of the buyer's order this line answers.")
    ] = None
    accounting_reference: Annotated[
        str | None, Term("BT-133", "Where the buyer is to book the line.")
    ] = None
    period: Annotated[Period | None, Term("BG-26", "Period the line is for.")] = None
    allowances: Annotated[
        tuple[AllowanceCharge, ...], Term("BG-27", "Allowances on the line.")
    ] = ()
    charges: Annotated[tuple[AllowanceCharge, ...], Term("BG-28", "Charges on the line.")] = ()
    price: Annotated[Price | None, Term("BG-29", "Price of the item.")] = None
    vat: Annotated[LineVat | None, Term("BG-30", "VAT of the line.")] = None
    item: Annotated[Item | None, Term("BG-31", "What was supplied.")] = None
    note_subject_code: Annotated[
        str | None, Term("BT-X-10", "Subject of the note: a code of UNTDID 4451.")
    ] = None
    note_content_code: Annotated[
        str | None, Term("BT-X-9", "Agreed code that stands for the note.")
    ] = None
    further_notes: Annotated[
        tuple[Note, ...], SyntaxOnly("Free texts on the line besides BT-127.")
    ] = ()
    parent_line: Annotated[
        str | None,
        Term("BT-X-304", "Identifier of the line this one is part of.", also="EXT-FR-FE-162"),
    ] = None
    status: Annotated[str | None, Term("BT-X-7", "Status of the line: a code of UNTDID 1229.")] = (
        None
    )
    subtype: Annotated[
        str | None,
        Term(
            "BT-X-8",
            "What the line is: DETAIL is invoiced, GROUP sums others up, INFORMATION only informs.",
            also="EXT-FR-FE-163",
        ),
    ] = None
    references: Annotated[
        LineReferences | None, SyntaxOnly("Further documents the line refers to.")
    ] = None
    delivery: Annotated[
        LineDelivery | None, SyntaxOnly("Delivery of the line, where it has one of its own.")
    ] = None
    seller: Annotated[Party | None, Term("BG-X-90", "Who sold what is on the line.")] = None
    totals: Annotated[LineTotals | None, SyntaxOnly("Sums of the line besides BT-131.")] = None
    sub_lines: Annotated[
        tuple["InvoiceLine", ...],
        Term("BG-DEX-01", "Lines this line is made of; their net amounts add up to its own."),
    ] = ()
