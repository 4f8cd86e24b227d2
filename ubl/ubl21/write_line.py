"""Writes the lines of a UBL invoice or credit note, and the periods they share with it."""

from typing import Final

from ubl.model import (
    DocumentKind,
    InvoiceLine,
    Item,
    LineReferences,
    LineTotals,
    LineVat,
    Period,
)
from ubl.pen import Pen
from ubl.ubl21.read_delivery import NO_LINE
from ubl.ubl21.read_line import QUANTITIES, RELATED_TYPE, SUB_LINES
from ubl.ubl21.read_references import OBJECT_TYPE
from ubl.ubl21.write_allowance import write_allowances_charges, write_price, write_tax_scheme
from ubl.ubl21.write_delivery import write_advice, write_line_delivery
from ubl.ubl21.write_party import write_party
from ubl.ubl21.write_references import write_supporting

__all__ = ["write_line", "write_period"]

_NO_ITEM: Final = Item()
_NO_REFERENCES: Final = LineReferences()
_NO_VAT: Final = LineVat()


def write_line(place: Pen, line: InvoiceLine, kind: DocumentKind, *, number: str | None) -> None:
    """Write BG-25.

    The kind of document decides what the quantity is called and where VAT stands; its ``number``
    (BT-1) is how a line refers to the line above it.
    """
    place.text("cbc:ID", line.identifier)
    place.text("cbc:Note", line.note)
    place.texts("cbc:Note", (note.text or "" for note in line.further_notes))
    place.quantity(QUANTITIES[kind], line.quantity)
    place.amount("cbc:LineExtensionAmount", line.net_amount)
    place.text("cbc:AccountingCost", line.accounting_reference)
    write_period(place.at("cac:InvoicePeriod"), line.period)
    _write_references(place, line, number)
    if line.delivery is not None:
        write_line_delivery(place.at("cac:Delivery"), line.delivery)
    if kind is DocumentKind.CREDIT_NOTE:
        _write_vat_totals(place, line.totals)
    write_allowances_charges(place, line.allowances, line.charges)
    if kind is DocumentKind.INVOICE:
        _write_vat_totals(place, line.totals)
    _write_item(place.at("cac:Item"), line)
    write_price(place.at("cac:Price"), line.price)
    for below in line.sub_lines:
        write_line(place.at(SUB_LINES[kind]), below, kind, number=number)


def write_period(place: Pen, period: Period | None) -> None:
    """Write BG-14 of a document or BG-26 of a line."""
    if period is not None:
        place.day("cbc:StartDate", period.start)
        place.day("cbc:EndDate", period.end)


def _write_references(place: Pen, line: InvoiceLine, number: str | None) -> None:
    references = line.references or _NO_REFERENCES
    order = place.at("cac:OrderLineReference")
    if references.purchase_order or references.purchase_order_date:
        order.text("cbc:LineID", line.order_line or NO_LINE)
        reference = order.at("cac:OrderReference")
        reference.text("cbc:ID", references.purchase_order)
        reference.day("cbc:IssueDate", references.purchase_order_date)
    else:
        order.text("cbc:LineID", line.order_line)
    if line.delivery is not None:
        write_advice(place.at("cac:DespatchLineReference"), line.delivery.despatch_advice)
        write_advice(place.at("cac:ReceiptLineReference"), line.delivery.receiving_advice)
    _write_billing(place, line, references, number)
    _write_documents(place, line, references)


def _write_billing(
    place: Pen, line: InvoiceLine, references: LineReferences, number: str | None
) -> None:
    if number is not None and (line.parent_line or line.subtype):
        own = place.at("cac:BillingReference")
        reference = own.at("cac:InvoiceDocumentReference")
        reference.text("cbc:ID", number)
        reference.text("cbc:DocumentStatusCode", line.subtype)
        own.at("cac:BillingReferenceLine").text("cbc:ID", line.parent_line)
    for earlier in references.preceding_invoices:
        billing = place.at("cac:BillingReference")
        reference = billing.at("cac:InvoiceDocumentReference")
        reference.text("cbc:ID", earlier.number)
        reference.day("cbc:IssueDate", earlier.issue_date)
        reference.text("cbc:DocumentTypeCode", earlier.type_code)
        billing.at("cac:BillingReferenceLine").text("cbc:ID", earlier.line)


def _write_documents(place: Pen, line: InvoiceLine, references: LineReferences) -> None:
    if line.object_identifier is not None:
        reference = place.at("cac:DocumentReference")
        reference.identifier("cbc:ID", line.object_identifier)
        reference.text("cbc:DocumentTypeCode", OBJECT_TYPE)
    for entry in references.other_objects:
        reference = place.at("cac:DocumentReference")
        reference.text("cbc:ID", entry.number, schemeID=entry.type_code)
        reference.text("cbc:DocumentTypeCode", OBJECT_TYPE)
    for document in references.documents:
        type_code = document.type_code
        if type_code in (None, OBJECT_TYPE):
            type_code = RELATED_TYPE
        write_supporting(place.at("cac:DocumentReference"), document, type_code=type_code)


def _write_vat_totals(place: Pen, totals: LineTotals | None) -> None:
    if totals is not None:
        place.at("cac:TaxTotal").amount("cbc:TaxAmount", totals.vat)
        accounting = place.at("cac:TaxTotal")
        accounting.amount("cbc:TaxAmount", totals.vat_in_accounting_currency)


def _write_item(place: Pen, line: InvoiceLine) -> None:
    item = line.item or _NO_ITEM
    place.text("cbc:Description", item.description)
    place.text("cbc:Name", item.name)
    place.text("cbc:BrandName", item.brand)
    place.text("cbc:ModelName", item.model)
    place.at("cac:BuyersItemIdentification").identifier("cbc:ID", item.buyer_identifier)
    place.at("cac:SellersItemIdentification").identifier("cbc:ID", item.seller_identifier)
    place.at("cac:StandardItemIdentification").identifier("cbc:ID", item.standard_identifier)
    place.at("cac:OriginCountry").text("cbc:IdentificationCode", item.origin_country)
    for entry in item.classifications:
        place.at("cac:CommodityClassification").text(
            "cbc:ItemClassificationCode",
            entry.code,
            listID=entry.scheme,
            listVersionID=entry.version,
            name=entry.name,
        )
    _write_vat(place.at("cac:ClassifiedTaxCategory"), line.vat or _NO_VAT)
    for attribute in item.attributes:
        pair = place.at("cac:AdditionalItemProperty")
        pair.text("cbc:Name", attribute.name)
        pair.text("cbc:NameCode", attribute.code)
        pair.text("cbc:Value", attribute.value)
        pair.quantity("cbc:ValueQuantity", attribute.measure)
    write_party(place.at("cac:ManufacturerParty"), line.seller)
    for instance in item.instances:
        piece = place.at("cac:ItemInstance")
        piece.text("cbc:SerialID", instance.serial_number)
        piece.at("cac:LotIdentification").text("cbc:LotNumberID", instance.batch)


def _write_vat(category: Pen, vat: LineVat) -> None:
    category.text("cbc:ID", vat.category)
    category.number("cbc:Percent", vat.rate)
    category.text("cbc:TaxExemptionReasonCode", vat.exemption_reason_code)
    category.text("cbc:TaxExemptionReason", vat.exemption_reason)
    write_tax_scheme(category)
