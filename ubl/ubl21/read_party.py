"""The parties of a UBL invoice: those of EN 16931, and those the extensions add."""

from typing import Final, TypeVar

from ubl.cursor import Cursor
from ubl.model import (
    Address,
    Buyer,
    Contact,
    FurtherParties,
    Identifier,
    Party,
    Payee,
    Seller,
    TaxRepresentative,
    given,
)

__all__ = [
    "CREDITOR_SCHEME",
    "OTHER_TAX_SCHEME",
    "VAT",
    "read_address",
    "read_buyer",
    "read_further_parties",
    "read_party",
    "read_payee",
    "read_seller",
    "read_tax_representative",
]

_AnyParty = TypeVar("_AnyParty", Seller, Buyer, Party)

CREDITOR_SCHEME: Final = "SEPA"
VAT: Final = "VAT"
# What a tax registration that is not for VAT (BT-32) is filed under where nobody says; CII's code.
OTHER_TAX_SCHEME: Final = "FC"


def read_seller(document: Cursor) -> Seller | None:
    """Read BG-4; identifiers of scheme SEPA are left for the direct debit (BT-90)."""
    return _read_as(Seller, document.first("cac:AccountingSupplierParty", "cac:Party"))


def read_buyer(document: Cursor) -> Buyer | None:
    """Read BG-7."""
    return _read_as(Buyer, document.first("cac:AccountingCustomerParty", "cac:Party"))


def read_payee(document: Cursor) -> Payee | None:
    """Read BG-10; the first identifier is BT-60."""
    party = document.first("cac:PayeeParty")
    if party is None:
        return None
    identifiers = _read_identifiers(party)
    return given(
        Payee(
            name=party.text("cac:PartyName", "cbc:Name"),
            identifier=identifiers[0] if identifiers else None,
            other_identifiers=identifiers[1:],
            registration=party.identifier("cac:PartyLegalEntity", "cbc:CompanyID"),
            role=party.text("cbc:IndustryClassificationCode"),
            vat_identifier=_read_vat_identifier(party),
            electronic_address=party.identifier("cbc:EndpointID"),
            address=read_address(party.first("cac:PostalAddress")),
            contact=_read_contact(party),
        )
    )


def read_tax_representative(document: Cursor) -> TaxRepresentative | None:
    """Read BG-11."""
    party = document.first("cac:TaxRepresentativeParty")
    if party is None:
        return None
    return given(
        TaxRepresentative(
            name=party.text("cac:PartyName", "cbc:Name"),
            vat_identifier=_read_vat_identifier(party),
            address=read_address(party.first("cac:PostalAddress")),
        )
    )


def read_further_parties(document: Cursor) -> FurtherParties | None:
    """Read the parties of EXTENDED-CTC-FR, which stand within those they act for."""
    seller = document.first("cac:AccountingSupplierParty", "cac:Party")
    buyer = document.first("cac:AccountingCustomerParty", "cac:Party")
    payers = (
        means.first("cac:PaymentMandate", "cac:PayerParty")
        for means in document.all("cac:PaymentMeans")
    )
    return given(
        FurtherParties(
            sales_agent=_read_within(seller, "cac:AgentParty"),
            buyer_agent=_read_within(buyer, "cac:AgentParty"),
            invoicer=_read_within(seller, "cac:ServiceProviderParty", "cac:Party"),
            invoicee=_read_within(buyer, "cac:ServiceProviderParty", "cac:Party"),
            payer=read_party(next(filter(None, payers), None)),
        )
    )


def read_party(party: Cursor | None) -> Party | None:
    """Read a party of the extensions."""
    return _read_as(Party, party)


def _read_as(model: type[_AnyParty], party: Cursor | None) -> _AnyParty | None:
    if party is None:
        return None
    return given(
        model(
            name=party.text("cac:PartyLegalEntity", "cbc:RegistrationName"),
            trading_name=party.text("cac:PartyName", "cbc:Name"),
            identifiers=_read_identifiers(party),
            registration=party.identifier("cac:PartyLegalEntity", "cbc:CompanyID"),
            vat_identifier=_read_vat_identifier(party),
            tax_registration=_read_tax_registration(party),
            legal_information=party.text("cac:PartyLegalEntity", "cbc:CompanyLegalForm"),
            electronic_address=party.identifier("cbc:EndpointID"),
            address=read_address(party.first("cac:PostalAddress")),
            contact=_read_contact(party),
            role=party.text("cbc:IndustryClassificationCode"),
        )
    )


def _read_within(party: Cursor | None, *path: str) -> Party | None:
    return None if party is None else read_party(party.first(*path))


def _is_creditor(identification: Cursor) -> bool:
    identifier = identification.first("cbc:ID")
    return identifier is not None and identifier.element.get("schemeID") == CREDITOR_SCHEME


def _read_identifiers(party: Cursor) -> tuple[Identifier, ...]:
    places = (place for place in party.all("cac:PartyIdentification") if not _is_creditor(place))
    return tuple(found for place in places if (found := place.identifier("cbc:ID")))


def _read_vat_identifier(party: Cursor) -> str | None:
    for scheme in party.all("cac:PartyTaxScheme"):
        if _tax_scheme(scheme) == VAT:
            identifier = scheme.text("cbc:CompanyID")
            if identifier is not None:
                scheme.expect("cac:TaxScheme", "cbc:ID", value=VAT)
            return identifier
    return None


def _read_tax_registration(party: Cursor) -> Identifier | None:
    for scheme in party.all("cac:PartyTaxScheme"):
        if _tax_scheme(scheme) == VAT:
            continue
        value = scheme.text("cbc:CompanyID")
        if value is not None:
            return Identifier(value, scheme.text("cac:TaxScheme", "cbc:ID"))
    return None


def _tax_scheme(scheme: Cursor) -> str | None:
    place = scheme.first("cac:TaxScheme")
    return None if place is None else place.peek("cbc:ID")


def read_address(address: Cursor | None) -> Address | None:
    """Read a postal address or the address of a place."""
    if address is None:
        return None
    return given(
        Address(
            line1=address.text("cbc:StreetName"),
            line2=address.text("cbc:AdditionalStreetName"),
            line3=address.text("cac:AddressLine", "cbc:Line"),
            city=address.text("cbc:CityName"),
            post_code=address.text("cbc:PostalZone"),
            subdivision=address.text("cbc:CountrySubentity"),
            country=address.text("cac:Country", "cbc:IdentificationCode"),
        )
    )


def _read_contact(party: Cursor) -> Contact | None:
    contact = party.first("cac:Contact")
    if contact is None:
        return None
    return given(
        Contact(
            name=contact.text("cbc:Name"),
            telephone=contact.text("cbc:Telephone"),
            email=contact.text("cbc:ElectronicMail"),
            fax=contact.text("cbc:Telefax"),
        )
    )
