"""The CII reader: each term where EN 16931-3-3 binds it, and the rest told as unread."""

from datetime import date
from decimal import Decimal

import pytest

from ubl.amounts import Amount
from ubl.cii.codes import kind_of
from ubl.invoice import read_invoice
from ubl.model import (
    AllowanceCharge,
    Buyer,
    CreditTransfer,
    DirectDebit,
    DocumentKind,
    Identifier,
    LineVat,
    Note,
    PaymentInstructions,
    Price,
    Quantity,
    Seller,
    SupportingDocument,
)
from ubl.namespaces import QDT, RAM, RSM, UDT
from ubl.reading import DocumentUnreadable, Reading
from ubl.safexml import parse

ROOT = "/rsm:CrossIndustryInvoice"
TRANSACTION = f"{ROOT}/rsm:SupplyChainTradeTransaction"
AGREEMENT = f"{TRANSACTION}/ram:ApplicableHeaderTradeAgreement"
SETTLEMENT = f"{TRANSACTION}/ram:ApplicableHeaderTradeSettlement"


def read(
    *,
    document: str = "",
    context: str = "",
    agreement: str = "",
    delivery: str = "",
    settlement: str = "",
    line: str = "",
) -> Reading:
    lines = f"<a:IncludedSupplyChainTradeLineItem>{line}</a:IncludedSupplyChainTradeLineItem>"
    # The prefixes are none of those the reader itself uses.
    return read_invoice(
        parse(
            f'<CrossIndustryInvoice xmlns="{RSM}" xmlns:a="{RAM}" xmlns:u="{UDT}" xmlns:q="{QDT}">'
            f"<ExchangedDocumentContext>{context}</ExchangedDocumentContext>"
            f"<ExchangedDocument>{document}</ExchangedDocument>"
            f"<SupplyChainTradeTransaction>{lines if line else ''}"
            f"<a:ApplicableHeaderTradeAgreement>{agreement}</a:ApplicableHeaderTradeAgreement>"
            f"<a:ApplicableHeaderTradeDelivery>{delivery}</a:ApplicableHeaderTradeDelivery>"
            "<a:ApplicableHeaderTradeSettlement>"
            f"<a:InvoiceCurrencyCode>EUR</a:InvoiceCurrencyCode>{settlement}"
            "</a:ApplicableHeaderTradeSettlement>"
            "</SupplyChainTradeTransaction></CrossIndustryInvoice>".encode()
        )
    )


def day(text: str, *, form: str = "102", name: str = "u:DateTimeString") -> str:
    return f'<{name} format="{form}">{text}</{name}>'


def test_what_identifies_the_document() -> None:
    reading = read(
        context="<a:BusinessProcessSpecifiedDocumentContextParameter><a:ID>S1</a:ID>"
        "</a:BusinessProcessSpecifiedDocumentContextParameter>"
        "<a:GuidelineSpecifiedDocumentContextParameter><a:ID>urn:cen.eu:en16931:2017</a:ID>"
        "</a:GuidelineSpecifiedDocumentContextParameter>",
        document="<a:ID>R-<!-- split -->17</a:ID><a:TypeCode>380</a:TypeCode>"
        f"<a:IssueDateTime>{day('20261102')}</a:IssueDateTime>"
        "<a:IncludedNote><a:Content>Text</a:Content><a:SubjectCode>AAI</a:SubjectCode>"
        "</a:IncludedNote><a:IncludedNote/>",
    )
    invoice = reading.invoice
    assert (invoice.number, invoice.type_code, invoice.issue_date) == (
        "R-17",
        "380",
        date(2026, 11, 2),
    )
    assert (invoice.specification, invoice.business_process) == ("urn:cen.eu:en16931:2017", "S1")
    assert invoice.notes == (Note(text="Text", subject_code="AAI"),)
    assert reading.unread == ()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("380", DocumentKind.INVOICE),
        ("384", DocumentKind.INVOICE),
        ("381", DocumentKind.CREDIT_NOTE),
        ("261", DocumentKind.CREDIT_NOTE),
        (None, DocumentKind.INVOICE),
    ],
)
def test_the_type_code_tells_invoice_from_credit_note(code: str | None, kind: DocumentKind) -> None:
    assert kind_of(code) is kind


@pytest.mark.parametrize(
    ("content", "found", "unread"),
    [
        (day("20261102"), date(2026, 11, 2), []),
        (day("20261102", name="q:DateTimeString"), date(2026, 11, 2), []),
        (day("202611021530", form="203"), date(2026, 11, 2), ["", "/@format"]),
        (day("20261332"), None, ["", "/@format"]),
        (day("2026-11-02"), None, ["", "/@format"]),
        (day("202611", form="610"), None, ["", "/@format"]),
    ],
)
def test_days_are_read_in_the_formats_of_untdid_2379(
    content: str, found: date | None, unread: list[str]
) -> None:
    reading = read(document=f"<a:IssueDateTime>{content}</a:IssueDateTime>")
    assert reading.invoice.issue_date == found
    prefix = "qdt" if content.startswith("<q:") else "udt"
    place = f"{ROOT}/rsm:ExchangedDocument/ram:IssueDateTime/{prefix}:DateTimeString"
    assert list(reading.unread) == [place + end for end in unread]


def test_parties_keep_identifiers_with_and_without_scheme() -> None:
    reading = read(
        agreement="<a:SellerTradeParty><a:ID>77</a:ID>"
        '<a:GlobalID schemeID="0088">4000001</a:GlobalID><a:Name>Muster GmbH</a:Name>'
        "<a:Description>Stammkapital</a:Description><a:SpecifiedLegalOrganization>"
        '<a:ID schemeID="0204">HRB 1</a:ID><a:TradingBusinessName>Muster</a:TradingBusinessName>'
        "</a:SpecifiedLegalOrganization>"
        '<a:SpecifiedTaxRegistration><a:ID schemeID="FC">201/1</a:ID></a:SpecifiedTaxRegistration>'
        '<a:SpecifiedTaxRegistration><a:ID schemeID="VA">DE1</a:ID></a:SpecifiedTaxRegistration>'
        '<a:SpecifiedTaxRegistration><a:ID schemeID="XX">?</a:ID></a:SpecifiedTaxRegistration>'
        "</a:SellerTradeParty><a:BuyerTradeParty><a:URIUniversalCommunication>"
        '<a:URIID schemeID="0208">0202239951</a:URIID></a:URIUniversalCommunication>'
        "</a:BuyerTradeParty>"
    )
    assert reading.invoice.seller == Seller(
        name="Muster GmbH",
        trading_name="Muster",
        identifiers=(Identifier("77"), Identifier("4000001", "0088")),
        registration=Identifier("HRB 1", "0204"),
        vat_identifier="DE1",
        tax_registration=Identifier("201/1", "FC"),
        legal_information="Stammkapital",
    )
    assert reading.invoice.buyer == Buyer(electronic_address=Identifier("0202239951", "0208"))
    place = f"{AGREEMENT}/ram:SellerTradeParty/ram:SpecifiedTaxRegistration[3]/ram:ID"
    assert reading.unread == (place, f"{place}/@schemeID")


@pytest.mark.parametrize(
    ("person", "department", "name", "rest"),
    [
        ("Ada", "", "Ada", None),
        ("", "Buchhaltung", "Buchhaltung", None),
        ("Ada", "IT", "Ada", "IT"),
    ],
)
def test_a_department_alone_is_whom_to_ask(
    person: str, department: str, name: str, rest: str | None
) -> None:
    reading = read(
        agreement="<a:SellerTradeParty><a:DefinedTradeContact>"
        f"<a:PersonName>{person}</a:PersonName><a:DepartmentName>{department}</a:DepartmentName>"
        "</a:DefinedTradeContact></a:SellerTradeParty>"
    )
    seller = reading.invoice.seller
    assert seller is not None
    assert seller.contact is not None
    assert (seller.contact.name, seller.contact.department) == (name, rest)


def test_one_element_holds_tender_object_and_supporting_documents() -> None:
    reading = read(
        agreement="".join(
            f"<a:AdditionalReferencedDocument><a:IssuerAssignedID>{number}</a:IssuerAssignedID>"
            f"<a:TypeCode>{code}</a:TypeCode>{rest}</a:AdditionalReferencedDocument>"
            for number, code, rest in (
                ("T-1", "50", ""),
                ("M-1", "130", "<a:ReferenceTypeCode>ABT</a:ReferenceTypeCode>"),
                ("D-1", "916", "<a:Name>Timesheet</a:Name>"),
                ("D-2", "50", ""),
            )
        )
    )
    invoice = reading.invoice
    assert invoice.tender_or_lot == "T-1"
    assert invoice.invoiced_object == Identifier("M-1", "ABT")
    assert invoice.supporting_documents == (
        SupportingDocument(reference="D-1", description="Timesheet"),
        SupportingDocument(reference="D-2", type_code="50"),
    )
    assert reading.unread == ()


@pytest.mark.parametrize(("code", "own"), [("5", "3"), ("29", "35"), ("72", "432")])
def test_the_tax_point_is_told_in_the_codes_of_the_model(code: str, own: str) -> None:
    tax = "<a:ApplicableTradeTax><a:DueDateTypeCode>{}</a:DueDateTypeCode></a:ApplicableTradeTax>"
    reading = read(settlement=tax.format(code) * 2 + tax.format("999"))
    assert reading.invoice.tax_point_code == own
    assert reading.unread == (f"{SETTLEMENT}/ram:ApplicableTradeTax[3]/ram:DueDateTypeCode",)


def test_two_sums_of_vat_are_told_apart_by_their_currency() -> None:
    reading = read(
        settlement="<a:TaxCurrencyCode>SEK</a:TaxCurrencyCode>"
        "<a:SpecifiedTradeSettlementHeaderMonetarySummation>"
        '<a:TaxTotalAmount currencyID="SEK">21.00</a:TaxTotalAmount>'
        "<a:TaxTotalAmount>2.00</a:TaxTotalAmount>"
        '<a:TaxTotalAmount currencyID="USD">3.00</a:TaxTotalAmount>'
        "</a:SpecifiedTradeSettlementHeaderMonetarySummation>"
    )
    totals = reading.invoice.totals
    assert totals is not None
    assert totals.vat == Amount(Decimal("2.00"), "EUR")
    assert totals.vat_in_accounting_currency == Amount(Decimal("21.00"), "SEK")
    sums = f"{SETTLEMENT}/ram:SpecifiedTradeSettlementHeaderMonetarySummation"
    assert reading.unread == (
        f"{sums}/ram:TaxTotalAmount[3]",
        f"{sums}/ram:TaxTotalAmount[3]/@currencyID",
    )


MEANS = "a:SpecifiedTradeSettlementPaymentMeans"


def test_payment_is_brought_together_from_where_cii_keeps_it() -> None:
    reading = read(
        settlement="<a:CreditorReferenceID>DE98ZZZ</a:CreditorReferenceID>"
        "<a:PaymentReference>RF18</a:PaymentReference>"
        f"<{MEANS}><a:TypeCode>30</a:TypeCode><a:PayeePartyCreditorFinancialAccount>"
        f"<a:IBANID>BE1</a:IBANID></a:PayeePartyCreditorFinancialAccount></{MEANS}>"
        f"<{MEANS}><a:TypeCode>30</a:TypeCode><a:PayeePartyCreditorFinancialAccount>"
        f"<a:ProprietaryID>77</a:ProprietaryID></a:PayeePartyCreditorFinancialAccount></{MEANS}>"
        f"<{MEANS}><a:TypeCode>59</a:TypeCode><a:PayerPartyDebtorFinancialAccount>"
        f"<a:IBANID>BE2</a:IBANID></a:PayerPartyDebtorFinancialAccount></{MEANS}>"
        "<a:SpecifiedTradePaymentTerms><a:DirectDebitMandateID>M1</a:DirectDebitMandateID>"
        "</a:SpecifiedTradePaymentTerms>"
    )
    assert reading.invoice.payment == (
        PaymentInstructions(
            means_code="30",
            remittance_information=("RF18",),
            credit_transfers=(
                CreditTransfer(account=Identifier("BE1")),
                CreditTransfer(account=Identifier("77")),
            ),
        ),
        PaymentInstructions(
            means_code="59",
            remittance_information=("RF18",),
            direct_debit=DirectDebit(
                mandate_reference=Identifier("M1"),
                creditor_identifier="DE98ZZZ",
                debited_account=Identifier("BE2"),
            ),
        ),
    )
    assert reading.unread == ()


def test_what_no_means_of_payment_takes_makes_instructions_of_its_own() -> None:
    reading = read(
        settlement="<a:CreditorReferenceID>C1</a:CreditorReferenceID>"
        "<a:PaymentReference>RF18</a:PaymentReference>"
        "<a:SpecifiedTradePaymentTerms><a:DirectDebitMandateID>M1</a:DirectDebitMandateID>"
        "</a:SpecifiedTradePaymentTerms>"
    )
    assert reading.invoice.payment == (
        PaymentInstructions(
            remittance_information=("RF18",),
            direct_debit=DirectDebit(mandate_reference=Identifier("M1"), creditor_identifier="C1"),
        ),
    )


def line_price(gross: str, net: str) -> Reading:
    return read(
        line="<a:SpecifiedLineTradeAgreement>"
        f"<a:GrossPriceProductTradePrice>{gross}</a:GrossPriceProductTradePrice>"
        f"<a:NetPriceProductTradePrice>{net}</a:NetPriceProductTradePrice>"
        "</a:SpecifiedLineTradeAgreement>"
    )


def applied(indicator: str, amount: str) -> str:
    return (
        f"<a:AppliedTradeAllowanceCharge><a:ChargeIndicator><u:Indicator>{indicator}</u:Indicator>"
        f"</a:ChargeIndicator><a:ActualAmount>{amount}</a:ActualAmount>"
        "</a:AppliedTradeAllowanceCharge>"
    )


def test_the_first_allowance_on_the_gross_price_is_the_discount() -> None:
    reading = line_price(
        "<a:ChargeAmount>10</a:ChargeAmount>"
        + applied("true", "2")
        + applied("false", "1")
        + applied("false", "3"),
        '<a:ChargeAmount>8</a:ChargeAmount><a:BasisQuantity unitCode="C62">1</a:BasisQuantity>',
    )

    def euro(value: int) -> Amount:
        return Amount(Decimal(value), "EUR")

    assert reading.invoice.lines[0].price == Price(
        net=euro(8),
        gross=euro(10),
        discount=euro(1),
        base_quantity=Quantity(Decimal(1), "C62"),
        further_discounts=(AllowanceCharge(amount=euro(3)),),
        charges=(AllowanceCharge(amount=euro(2)),),
    )
    assert reading.unread == ()


def test_an_allowance_that_does_not_say_what_it_is_stays_unread() -> None:
    reading = line_price(applied("maybe", "2"), "<a:ChargeAmount>8</a:ChargeAmount>")
    price = (
        f"{TRANSACTION}/ram:IncludedSupplyChainTradeLineItem/ram:SpecifiedLineTradeAgreement"
        "/ram:GrossPriceProductTradePrice/ram:AppliedTradeAllowanceCharge"
    )
    assert reading.unread == (
        f"{price}/ram:ChargeIndicator/udt:Indicator",
        f"{price}/ram:ActualAmount",
    )


@pytest.mark.parametrize(
    ("gross", "net", "base", "gross_base"),
    [("1", "1", 1, None), ("100", "", 100, None), ("", "100", 100, None), ("10", "100", 100, 10)],
)
def test_the_base_quantity_may_stand_at_either_price(
    gross: str, net: str, base: int, gross_base: int | None
) -> None:
    quantity = '<a:BasisQuantity unitCode="C62">{}</a:BasisQuantity>'
    reading = line_price(
        quantity.format(gross) if gross else "", quantity.format(net) if net else ""
    )
    price = reading.invoice.lines[0].price
    assert price is not None
    assert price.base_quantity == Quantity(Decimal(base), "C62")
    assert price.gross_base_quantity == (
        None if gross_base is None else Quantity(Decimal(gross_base), "C62")
    )
    assert reading.unread == ()


def test_amounts_that_are_none_stay_unread() -> None:
    reading = read(
        line="<a:SpecifiedLineTradeSettlement><a:ApplicableTradeTax><a:TypeCode>GST</a:TypeCode>"
        "<a:CategoryCode>S</a:CategoryCode><a:RateApplicablePercent>1,5</a:RateApplicablePercent>"
        "</a:ApplicableTradeTax></a:SpecifiedLineTradeSettlement>"
    )
    assert reading.invoice.lines[0].vat == LineVat(category="S")
    tax = (
        f"{TRANSACTION}/ram:IncludedSupplyChainTradeLineItem/ram:SpecifiedLineTradeSettlement"
        "/ram:ApplicableTradeTax"
    )
    assert reading.unread == (f"{tax}/ram:TypeCode", f"{tax}/ram:RateApplicablePercent")


def test_an_empty_document_is_an_invoice_of_which_nothing_is_known() -> None:
    reading = read_invoice(parse(f'<x:CrossIndustryInvoice xmlns:x="{RSM}"/>'.encode()))
    assert reading.invoice.number is None
    assert reading.unread == ()


def test_other_roots_are_named() -> None:
    with pytest.raises(DocumentUnreadable, match="CrossIndustryDocument") as caught:
        read_invoice(parse(b'<CrossIndustryDocument xmlns="urn:ferd:CrossIndustryDocument"/>'))
    assert caught.value.code == "DOCUMENT-NOT-INVOICE"
