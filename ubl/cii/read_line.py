"""The lines of a CII invoice."""

from typing import Final

from ubl.amounts import Amount
from ubl.cii.codes import INVOICED_OBJECT_TYPE, VAT, tax_point_code_in
from ubl.cii.places import read_day, read_period
from ubl.cii.read_item import read_item
from ubl.cii.read_party import read_party
from ubl.cii.read_price import read_allowances_charges, read_price
from ubl.cii.read_references import (
    read_dated_number,
    read_notes,
    read_object,
    read_reference,
    read_references,
    read_supporting,
)
from ubl.cursor import Cursor
from ubl.model import (
    DocumentReference,
    Identifier,
    InvoiceLine,
    LineDelivery,
    LineReferences,
    LineTotals,
    LineVat,
    Note,
    given,
)

__all__ = ["read_line", "read_vat_sums"]

_ADDITIONAL: Final = "ram:AdditionalReferencedDocument"
_SUMS: Final = "ram:SpecifiedTradeSettlementLineMonetarySummation"


def read_line(line: Cursor, *, accounting_currency: str | None) -> InvoiceLine:
    """Read BG-25; ``accounting_currency`` is BT-6, which tells apart two sums of VAT."""
    document = line.first("ram:AssociatedDocumentLineDocument")
    agreement = line.first("ram:SpecifiedLineTradeAgreement")
    delivery = line.first("ram:SpecifiedLineTradeDelivery")
    settlement = line.first("ram:SpecifiedLineTradeSettlement")
    note, further_notes = _first_note(tuple(read_notes(document)))
    invoiced_object, other_objects = _read_objects(settlement)
    allowances, charges = read_allowances_charges(settlement)
    return InvoiceLine(
        identifier=_text(document, "ram:LineID"),
        note=note.text,
        object_identifier=invoiced_object,
        quantity=None if delivery is None else delivery.quantity("ram:BilledQuantity"),
        net_amount=None if settlement is None else settlement.amount(_SUMS, "ram:LineTotalAmount"),
        order_line=_text(agreement, "ram:BuyerOrderReferencedDocument", "ram:LineID"),
        accounting_reference=_text(
            settlement, "ram:ReceivableSpecifiedTradeAccountingAccount", "ram:ID"
        ),
        period=None if settlement is None else read_period(settlement),
        allowances=allowances,
        charges=charges,
        price=read_price(agreement),
        vat=_read_vat(settlement),
        item=read_item(line),
        note_subject_code=note.subject_code,
        note_content_code=note.content_code,
        further_notes=further_notes,
        parent_line=_text(document, "ram:ParentLineID"),
        status=_text(document, "ram:LineStatusCode"),
        subtype=_text(document, "ram:LineStatusReasonCode"),
        references=_read_references(agreement, settlement, other_objects),
        delivery=_read_delivery(delivery),
        seller=read_party(agreement, "ram:ItemSellerTradeParty"),
        totals=_read_totals(settlement, accounting_currency),
    )


def read_vat_sums(
    sums: Cursor, accounting_currency: str | None
) -> tuple[Amount | None, Amount | None]:
    """Tell VAT in the invoice's currency from that in the accounting currency (BT-6)."""
    vat: Amount | None = None
    accounting: Amount | None = None
    for total in sums.all("ram:TaxTotalAmount"):
        currency = total.element.get("currencyID", sums.currency).strip()
        is_accounting = currency == accounting_currency != sums.currency
        if is_accounting and accounting is None:
            accounting = total.amount()
        elif not is_accounting and vat is None:
            vat = total.amount()
    return vat, accounting


def _text(place: Cursor | None, *path: str) -> str | None:
    return None if place is None else place.text(*path)


def _first_note(notes: tuple[Note, ...]) -> tuple[Note, tuple[Note, ...]]:
    """Take the note EN 16931 knows on a line (BT-127), and those of the extensions."""
    return (notes[0], notes[1:]) if notes else (Note(), ())


def _read_objects(
    settlement: Cursor | None,
) -> tuple[Identifier | None, tuple[DocumentReference, ...]]:
    """Read BT-128 and further objects; references of a type other than 130 stay unread."""
    invoiced_object: Identifier | None = None
    others: list[DocumentReference] = []
    for reference in () if settlement is None else settlement.all(_ADDITIONAL):
        if reference.peek("ram:TypeCode") not in (INVOICED_OBJECT_TYPE, None):
            continue
        found = read_object(reference)
        if found is not None and invoiced_object is None:
            invoiced_object = found
        elif found is not None:
            others.append(
                DocumentReference(
                    number=found.value,
                    line=reference.text("ram:LineID"),
                    issue_date=read_day(reference, "ram:FormattedIssueDateTime"),
                    type_code=found.scheme,
                )
            )
    return invoiced_object, tuple(others)


def _read_references(
    agreement: Cursor | None,
    settlement: Cursor | None,
    other_objects: tuple[DocumentReference, ...],
) -> LineReferences | None:
    order, order_date = read_dated_number(agreement, "ram:BuyerOrderReferencedDocument")
    documents = () if agreement is None else agreement.all(_ADDITIONAL)
    return given(
        LineReferences(
            purchase_order=order,
            purchase_order_date=order_date,
            sales_order=read_reference(agreement, "ram:SellerOrderReferencedDocument"),
            quotation=read_reference(agreement, "ram:QuotationReferencedDocument"),
            contract=read_reference(agreement, "ram:ContractReferencedDocument"),
            ultimate_customer_orders=tuple(
                read_references(agreement, "ram:UltimateCustomerOrderReferencedDocument")
            ),
            preceding_invoices=tuple(read_references(settlement, "ram:InvoiceReferencedDocument")),
            documents=tuple(map(read_supporting, documents)),
            other_objects=other_objects,
        )
    )


def _read_vat(settlement: Cursor | None) -> LineVat | None:
    tax = None if settlement is None else settlement.first("ram:ApplicableTradeTax")
    if tax is None:
        return None
    tax.expect("ram:TypeCode", value=VAT)
    event = tax_point_code_in(tax.peek("ram:DueDateTypeCode"))
    if event is not None:
        tax.text("ram:DueDateTypeCode")
    return given(
        LineVat(
            category=tax.text("ram:CategoryCode"),
            rate=tax.number("ram:RateApplicablePercent"),
            amount=tax.amount("ram:CalculatedAmount"),
            exemption_reason=tax.text("ram:ExemptionReason"),
            exemption_reason_code=tax.text("ram:ExemptionReasonCode"),
            tax_point_code=event,
        )
    )


def _read_delivery(delivery: Cursor | None) -> LineDelivery | None:
    if delivery is None:
        return None
    return given(
        LineDelivery(
            delivered_on=read_day(
                delivery, "ram:ActualDeliverySupplyChainEvent", "ram:OccurrenceDateTime"
            ),
            ship_to=read_party(delivery, "ram:ShipToTradeParty"),
            ultimate_ship_to=read_party(delivery, "ram:UltimateShipToTradeParty"),
            charge_free_quantity=delivery.quantity("ram:ChargeFreeQuantity"),
            package_quantity=delivery.quantity("ram:PackageQuantity"),
            quantity_per_package=delivery.quantity("ram:PerPackageUnitQuantity"),
            despatch_advice=read_reference(delivery, "ram:DespatchAdviceReferencedDocument"),
            receiving_advice=read_reference(delivery, "ram:ReceivingAdviceReferencedDocument"),
            delivery_note=read_reference(delivery, "ram:DeliveryNoteReferencedDocument"),
        )
    )


def _read_totals(settlement: Cursor | None, accounting_currency: str | None) -> LineTotals | None:
    sums = None if settlement is None else settlement.first(_SUMS)
    if sums is None:
        return None
    vat, accounting = read_vat_sums(sums, accounting_currency)
    return given(
        LineTotals(
            charges=sums.amount("ram:ChargeTotalAmount"),
            allowances=sums.amount("ram:AllowanceTotalAmount"),
            allowances_charges=sums.amount("ram:TotalAllowanceChargeAmount"),
            vat=vat,
            vat_in_accounting_currency=accounting,
            with_vat=sums.amount("ram:GrandTotalAmount"),
        )
    )
