"""Writes the lines of a CII invoice."""

from typing import Final

from ubl.cii.codes import VAT, tax_point_code_out
from ubl.cii.write_item import write_item
from ubl.cii.write_party import write_party
from ubl.cii.write_places import write_amount, write_day, write_period, write_vat_sums
from ubl.cii.write_price import write_allowances_charges, write_price
from ubl.cii.write_references import (
    write_dated_number,
    write_notes,
    write_object,
    write_references,
    write_supporting,
)
from ubl.model import (
    Identifier,
    InvoiceLine,
    LineReferences,
    LineTotals,
    LineVat,
    Note,
)
from ubl.pen import Pen

__all__ = ["write_line"]

_NO_REFERENCES: Final = LineReferences()


def write_line(place: Pen, line: InvoiceLine, *, currency: str) -> None:
    """Write BG-25; ``currency`` is that of the invoice, which amounts need not name."""
    document = place.at("ram:AssociatedDocumentLineDocument")
    document.text("ram:LineID", line.identifier)
    document.text("ram:ParentLineID", line.parent_line)
    document.text("ram:LineStatusCode", line.status)
    document.text("ram:LineStatusReasonCode", line.subtype)
    note = Note(
        text=line.note, subject_code=line.note_subject_code, content_code=line.note_content_code
    )
    write_notes(document, (note, *line.further_notes))
    write_item(place, line.item)
    references = line.references or _NO_REFERENCES
    _write_agreement(place.at("ram:SpecifiedLineTradeAgreement"), line, references, currency)
    _write_delivery(place.at("ram:SpecifiedLineTradeDelivery"), line)
    _write_settlement(place.at("ram:SpecifiedLineTradeSettlement"), line, references, currency)


def _write_agreement(
    agreement: Pen, line: InvoiceLine, references: LineReferences, currency: str
) -> None:
    write_references(agreement, "ram:SellerOrderReferencedDocument", (references.sales_order,))
    write_dated_number(
        agreement,
        "ram:BuyerOrderReferencedDocument",
        references.purchase_order,
        references.purchase_order_date,
        line=line.order_line,
    )
    write_references(agreement, "ram:QuotationReferencedDocument", (references.quotation,))
    write_references(agreement, "ram:ContractReferencedDocument", (references.contract,))
    for supporting in references.documents:
        write_supporting(agreement, supporting)
    if line.price is not None:
        write_price(agreement, line.price, currency=currency)
    write_party(agreement, "ram:ItemSellerTradeParty", line.seller)
    write_references(
        agreement,
        "ram:UltimateCustomerOrderReferencedDocument",
        references.ultimate_customer_orders,
    )


def _write_delivery(place: Pen, line: InvoiceLine) -> None:
    place.quantity("ram:BilledQuantity", line.quantity)
    delivery = line.delivery
    if delivery is None:
        return
    place.quantity("ram:ChargeFreeQuantity", delivery.charge_free_quantity)
    place.quantity("ram:PackageQuantity", delivery.package_quantity)
    place.quantity("ram:PerPackageUnitQuantity", delivery.quantity_per_package)
    write_party(place, "ram:ShipToTradeParty", delivery.ship_to)
    write_party(place, "ram:UltimateShipToTradeParty", delivery.ultimate_ship_to)
    event = place.at("ram:ActualDeliverySupplyChainEvent")
    write_day(event.at("ram:OccurrenceDateTime"), delivery.delivered_on)
    for name, document in (
        ("ram:DespatchAdviceReferencedDocument", delivery.despatch_advice),
        ("ram:ReceivingAdviceReferencedDocument", delivery.receiving_advice),
        ("ram:DeliveryNoteReferencedDocument", delivery.delivery_note),
    ):
        write_references(place, name, (document,))


def _write_settlement(
    settlement: Pen, line: InvoiceLine, references: LineReferences, currency: str
) -> None:
    if line.vat is not None:
        _write_vat(settlement.at("ram:ApplicableTradeTax"), line.vat, currency)
    write_period(settlement, line.period)
    write_allowances_charges(
        settlement, allowances=line.allowances, charges=line.charges, currency=currency
    )
    sums = settlement.at("ram:SpecifiedTradeSettlementLineMonetarySummation")
    write_amount(sums, "ram:LineTotalAmount", line.net_amount, currency=currency)
    if line.totals is not None:
        _write_totals(sums, line.totals, currency)
    write_references(settlement, "ram:InvoiceReferencedDocument", references.preceding_invoices)
    write_object(settlement, line.object_identifier)
    for other in references.other_objects:
        if other.number is not None:
            identifier = Identifier(other.number, other.type_code)
            write_object(settlement, identifier, line=other.line, issue_date=other.issue_date)
    account = settlement.at("ram:ReceivableSpecifiedTradeAccountingAccount")
    account.text("ram:ID", line.accounting_reference)


def _write_vat(tax: Pen, vat: LineVat, currency: str) -> None:
    write_amount(tax, "ram:CalculatedAmount", vat.amount, currency=currency)
    tax.text("ram:TypeCode", VAT)
    tax.text("ram:ExemptionReason", vat.exemption_reason)
    tax.text("ram:CategoryCode", vat.category)
    tax.text("ram:ExemptionReasonCode", vat.exemption_reason_code)
    tax.text("ram:DueDateTypeCode", tax_point_code_out(vat.tax_point_code))
    tax.number("ram:RateApplicablePercent", vat.rate)


def _write_totals(sums: Pen, totals: LineTotals, currency: str) -> None:
    write_amount(sums, "ram:ChargeTotalAmount", totals.charges, currency=currency)
    write_amount(sums, "ram:AllowanceTotalAmount", totals.allowances, currency=currency)
    write_vat_sums(sums, (totals.vat, totals.vat_in_accounting_currency))
    write_amount(sums, "ram:GrandTotalAmount", totals.with_vat, currency=currency)
    write_amount(
        sums, "ram:TotalAllowanceChargeAmount", totals.allowances_charges, currency=currency
    )
