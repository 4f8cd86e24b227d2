"""Who takes part in an invoice: seller, buyer, payee, tax representative, place of delivery."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from ubl.model.terms import Term, TermByGroup
from ubl.model.values import Identifier

__all__ = ["Address", "Buyer", "Contact", "Delivery", "Payee", "Seller", "TaxRepresentative"]


def _in_address(seller: int, buyer: int, representative: int, delivery: int) -> dict[str, str]:
    numbers = {"BG-5": seller, "BG-8": buyer, "BG-12": representative, "BG-15": delivery}
    return {group: f"BT-{number}" for group, number in numbers.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address (EN 16931 BG-5 seller, BG-8 buyer, BG-12 representative, BG-15 delivery)."""

    line1: Annotated[
        str | None,
        TermByGroup(_in_address(35, 50, 64, 75), "Main line, usually street and number."),
    ] = None
    line2: Annotated[
        str | None, TermByGroup(_in_address(36, 51, 65, 76), "Further detail of the main line.")
    ] = None
    line3: Annotated[
        str | None, TermByGroup(_in_address(162, 163, 164, 165), "Further detail again.")
    ] = None
    city: Annotated[
        str | None, TermByGroup(_in_address(37, 52, 66, 77), "City, town or village.")
    ] = None
    post_code: Annotated[str | None, TermByGroup(_in_address(38, 53, 67, 78), "Postal code.")] = (
        None
    )
    subdivision: Annotated[
        str | None, TermByGroup(_in_address(39, 54, 68, 79), "Region, county, state or province.")
    ] = None
    country: Annotated[
        str | None,
        TermByGroup(_in_address(40, 55, 69, 80), "Country as an ISO 3166-1 alpha-2 code."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask (EN 16931 BG-6 at the seller, BG-9 at the buyer)."""

    name: Annotated[
        str | None,
        TermByGroup({"BG-6": "BT-41", "BG-9": "BT-56"}, "Person, department or office to ask for."),
    ] = None
    telephone: Annotated[
        str | None,
        TermByGroup({"BG-6": "BT-42", "BG-9": "BT-57"}, "Telephone number of the contact."),
    ] = None
    email: Annotated[
        str | None,
        TermByGroup({"BG-6": "BT-43", "BG-9": "BT-58"}, "E-mail address of the contact."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who supplies the goods or services and issues the invoice (EN 16931 BG-4)."""

    name: Annotated[
        str | None, Term("BT-27", "Full name under which the seller is registered.")
    ] = None
    trading_name: Annotated[
        str | None, Term("BT-28", "Name the seller is known by in business.")
    ] = None
    identifiers: Annotated[
        tuple[Identifier, ...], Term("BT-29", "Identifiers of the seller (ICD schemes).")
    ] = ()
    registration: Annotated[
        Identifier | None,
        Term("BT-30", "Identifier of the seller in the official register of companies."),
    ] = None
    vat_identifier: Annotated[
        str | None,
        Term(
            "BT-31",
            "Seller's VAT identifier, with the country prefix of ISO 3166-1 (EL for Greece).",
        ),
    ] = None
    tax_registration: Annotated[
        Identifier | None,
        Term("BT-32", "Other tax registration of the seller; the scheme is UBL's TaxScheme code."),
    ] = None
    legal_information: Annotated[
        str | None,
        Term("BT-33", "Further legal facts the seller must state, such as share capital."),
    ] = None
    electronic_address: Annotated[
        Identifier | None,
        Term("BT-34", "Address for electronic delivery; scheme from the EAS list."),
    ] = None
    address: Annotated[Address | None, Term("BG-5", "Postal address of the seller.")] = None
    contact: Annotated[Contact | None, Term("BG-6", "Contact at the seller.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who buys and is to pay (EN 16931 BG-7)."""

    name: Annotated[str | None, Term("BT-44", "Full name of the buyer.")] = None
    trading_name: Annotated[
        str | None, Term("BT-45", "Name the buyer is known by in business.")
    ] = None
    identifiers: Annotated[
        tuple[Identifier, ...],
        Term("BT-46", "Identifiers of the buyer (ICD schemes); EN 16931 allows one."),
    ] = ()
    registration: Annotated[
        Identifier | None,
        Term("BT-47", "Identifier of the buyer in the official register of companies."),
    ] = None
    vat_identifier: Annotated[
        str | None, Term("BT-48", "Buyer's VAT identifier with country prefix.")
    ] = None
    electronic_address: Annotated[
        Identifier | None,
        Term("BT-49", "Address for electronic delivery; scheme from the EAS list."),
    ] = None
    address: Annotated[Address | None, Term("BG-8", "Postal address of the buyer.")] = None
    contact: Annotated[Contact | None, Term("BG-9", "Contact at the buyer.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who receives the payment where that is not the seller (EN 16931 BG-10)."""

    name: Annotated[str | None, Term("BT-59", "Name of the payee.")] = None
    identifier: Annotated[
        Identifier | None, Term("BT-60", "Identifier of the payee (ICD schemes).")
    ] = None
    registration: Annotated[
        Identifier | None,
        Term("BT-61", "Identifier of the payee in the official register of companies."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRepresentative:
    """Who answers for the seller's VAT in a country (EN 16931 BG-11)."""

    name: Annotated[str | None, Term("BT-62", "Full name of the tax representative.")] = None
    vat_identifier: Annotated[
        str | None, Term("BT-63", "VAT identifier of the tax representative.")
    ] = None
    address: Annotated[
        Address | None, Term("BG-12", "Postal address of the tax representative.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where and when goods or services were delivered (EN 16931 BG-13)."""

    name: Annotated[
        str | None, Term("BT-70", "Name of the party the goods or services went to.")
    ] = None
    location: Annotated[
        Identifier | None, Term("BT-71", "Identifier of the place of delivery (ICD).")
    ] = None
    delivered_on: Annotated[
        date | None, Term("BT-72", "Day on which delivery was made or completed.")
    ] = None
    address: Annotated[Address | None, Term("BG-15", "Address of the place of delivery.")] = None
