"""The lines of a CII invoice."""

from datetime import date
from typing import Final

from ubl.amounts import Amount
from ubl.cii.codes import INVOICED_OBJECT_TYPE, VAT, tax_point_code_in
from ubl.cii.places import read_day, read_period
from ubl.cii.read_item import read_item
from ubl.cii.read_party import read_party
from ubl.cii.read_price import read_allowances_charges, read_price
from ubl.cii.read_references import (
    ISSUE_DATE,
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
    SupportingDocument,
)
from ubl.places import Places

__all__ = ["read_line", "read_vat_sums"]

_ADDITIONAL: Final = "ram:AdditionalReferencedDocument"
_SUMS: Final = "ram:SpecifiedTradeSettlementLineMonetarySummation"
_VAT: Final = Places(
    LineVat,
    {
        "ram:CategoryCode": "category",
        "ram:RateApplicablePercent": "rate",
        "ram:CalculatedAmount": "amount",
        "ram:ExemptionReason": "exemption_reason",
        "ram:ExemptionReasonCode": "exemption_reason_code",
    },
    implied={"ram:TypeCode": VAT},
)


def _read_delivered_on(delivery: Cursor, name: str) -> date | None:
    return read_day(delivery, name, "ram:OccurrenceDateTime")


def _read_day_at(place: Cursor, path: str) -> date | None:
    return read_day(place, *path.split("/"))


def _read_all_references(agreement: Cursor, name: str) -> tuple[DocumentReference, ...]:
    return tuple(read_references(agreement, name))


def _read_all_supporting(agreement: Cursor, name: str) -> tuple[SupportingDocument, ...]:
    return tuple(map(read_supporting, agreement.all(name)))


def _read_vat(settlement: Cursor, name: str) -> LineVat | None:
    tax = settlement.first(name)
    if tax is None:
        return None
    event = tax_point_code_in(tax.peek("ram:DueDateTypeCode"))
    if event is not None:
        tax.text("ram:DueDateTypeCode")
    return _VAT.given(tax, tax_point_code=event)


_IN_DOCUMENT: Final = Places(
    InvoiceLine,
    {
        "ram:LineID": "identifier",
        "ram:ParentLineID": "parent_line",
        "ram:LineStatusCode": "status",
        "ram:LineStatusReasonCode": "subtype",
    },
)
_IN_AGREEMENT: Final = Places(
    InvoiceLine,
    {"ram:BuyerOrderReferencedDocument/ram:LineID": "order_line"},
    groups={"ram:ItemSellerTradeParty": ("seller", read_party)},
)
_IN_DELIVERY: Final = Places(InvoiceLine, {"ram:BilledQuantity": "quantity"})
_IN_SETTLEMENT: Final = Places(
    InvoiceLine,
    {"ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID": "accounting_reference"},
    groups={
        "ram:ApplicableTradeTax": ("vat", _read_vat),
        "ram:BillingSpecifiedPeriod": ("period", read_period),
    },
)
_IN_SUMS: Final = Places(InvoiceLine, {"ram:LineTotalAmount": "net_amount"})
_LINE_DELIVERY: Final = Places(
    LineDelivery,
    {
        "ram:ChargeFreeQuantity": "charge_free_quantity",
        "ram:PackageQuantity": "package_quantity",
        "ram:PerPackageUnitQuantity": "quantity_per_package",
    },
    groups={
        "ram:ActualDeliverySupplyChainEvent": ("delivered_on", _read_delivered_on),
        "ram:ShipToTradeParty": ("ship_to", read_party),
        "ram:UltimateShipToTradeParty": ("ultimate_ship_to", read_party),
        "ram:DespatchAdviceReferencedDocument": ("despatch_advice", read_reference),
        "ram:ReceivingAdviceReferencedDocument": ("receiving_advice", read_reference),
        "ram:DeliveryNoteReferencedDocument": ("delivery_note", read_reference),
    },
)
_REFERENCES: Final = Places(
    LineReferences,
    {"ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID": "purchase_order"},
    groups={
        f"ram:BuyerOrderReferencedDocument/{ISSUE_DATE}": ("purchase_order_date", _read_day_at),
        "ram:SellerOrderReferencedDocument": ("sales_order", read_reference),
        "ram:QuotationReferencedDocument": ("quotation", read_reference),
        "ram:ContractReferencedDocument": ("contract", read_reference),
        "ram:UltimateCustomerOrderReferencedDocument": (
            "ultimate_customer_orders",
            _read_all_references,
        ),
        _ADDITIONAL: ("documents", _read_all_supporting),
    },
)
_LINE_TOTALS: Final = Places(
    LineTotals,
    {
        "ram:ChargeTotalAmount": "charges",
        "ram:AllowanceTotalAmount": "allowances",
        "ram:TotalAllowanceChargeAmount": "allowances_charges",
        "ram:GrandTotalAmount": "with_vat",
    },
)


def read_line(line: Cursor, *, accounting_currency: str | None) -> InvoiceLine:
    """Read BG-25; ``accounting_currency`` is BT-6, which tells apart two sums of VAT."""
    document = line.first("ram:AssociatedDocumentLineDocument")
    agreement = line.first("ram:SpecifiedLineTradeAgreement")
    delivery = line.first("ram:SpecifiedLineTradeDelivery")
    settlement = line.first("ram:SpecifiedLineTradeSettlement")
    note, further_notes = _first_note(tuple(read_notes(document)))
    invoiced_object, other_objects = _read_objects(settlement)
    allowances, charges = read_allowances_charges(settlement)
    sums = None if settlement is None else settlement.first(_SUMS)
    return InvoiceLine(
        **_IN_DOCUMENT.values(document),
        **_IN_AGREEMENT.values(agreement),
        **_IN_DELIVERY.values(delivery),
        **_IN_SETTLEMENT.values(settlement),
        **_IN_SUMS.values(sums),
        note=note.text,
        object_identifier=invoiced_object,
        allowances=allowances,
        charges=charges,
        price=read_price(agreement),
        item=read_item(line),
        note_subject_code=note.subject_code,
        note_content_code=note.content_code,
        further_notes=further_notes,
        references=_read_references(agreement, settlement, other_objects),
        delivery=_LINE_DELIVERY.given(delivery),
        totals=_read_totals(sums, accounting_currency),
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
    return _REFERENCES.given(
        agreement,
        preceding_invoices=tuple(read_references(settlement, "ram:InvoiceReferencedDocument")),
        other_objects=other_objects,
    )


def _read_totals(sums: Cursor | None, accounting_currency: str | None) -> LineTotals | None:
    if sums is None:
        return None
    vat, accounting = read_vat_sums(sums, accounting_currency)
    return _LINE_TOTALS.given(sums, vat=vat, vat_in_accounting_currency=accounting)
