"""Places of fields: one pass over the children reads what the table says, and covers only that."""

from decimal import Decimal

import pytest

from ubl.amounts import Amount
from ubl.cursor import Cursor
from ubl.model import AllowanceCharge, Identifier, Item, LineDelivery, LineVat, Quantity
from ubl.namespaces import CAC, CBC
from ubl.places import Places
from ubl.safexml import parse

VAT = Places(
    LineVat,
    {"cbc:ID": "category", "cbc:Percent": "rate", "cbc:Amount": "amount"},
    implied={"cac:TaxScheme/cbc:ID": "VAT"},
)


def standing_on(inner: str) -> Cursor:
    document = f'<cac:Here xmlns:cac="{CAC}" xmlns:cbc="{CBC}">{inner}</cac:Here>'
    return Cursor(parse(document.encode()), currency="EUR", covered=set())


def test_each_field_is_read_as_its_type_wants() -> None:
    place = standing_on(
        "<!-- text --><cbc:Percent>6.0</cbc:Percent><cbc:ID> S </cbc:ID>"
        '<cbc:Amount currencyID="SEK">1</cbc:Amount>'
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    )
    vat = VAT.read(place)
    assert (vat.category, str(vat.rate), str(vat.amount)) == ("S", "6.0", "1 SEK")
    assert place.uncovered() == ()


def test_only_the_first_of_a_name_counts_and_the_rest_is_told() -> None:
    place = standing_on(
        "<cbc:ID></cbc:ID><cbc:ID>S</cbc:ID><cbc:Percent>six</cbc:Percent><cbc:Note>N</cbc:Note>"
        "<cac:TaxScheme><cbc:ID>GST</cbc:ID></cac:TaxScheme>"
    )
    assert VAT.read(place) == LineVat()
    assert place.uncovered() == (
        "/cac:Here/cbc:ID[2]",
        "/cac:Here/cbc:Percent",
        "/cac:Here/cbc:Note",
        "/cac:Here/cac:TaxScheme/cbc:ID",
    )


def test_text_behind_a_child_is_told_too() -> None:
    place = standing_on("<cbc:ID>S</cbc:ID>behind<cac:TaxScheme><!-- --> in </cac:TaxScheme>")
    assert VAT.read(place).category == "S"
    assert place.uncovered() == ("/cac:Here", "/cac:Here/cac:TaxScheme")


def test_paths_lead_below_and_other_fields_are_handed_in() -> None:
    places = Places(
        Item,
        {
            "cac:SellersItemIdentification/cbc:ID": "seller_identifier",
            "cac:OriginCountry/cbc:IdentificationCode": "origin_country",
        },
    )
    place = standing_on(
        '<cac:SellersItemIdentification><cbc:ID schemeID="0160">7</cbc:ID>'
        "</cac:SellersItemIdentification>"
    )
    item = places.read(place, batches=("B",))
    assert item == Item(seller_identifier=Identifier("7", "0160"), batches=("B",))
    assert places.values(None) == {}
    assert places.values(place) == {"seller_identifier": Identifier("7", "0160")}


def test_a_group_of_which_nothing_is_said_is_none() -> None:
    def read_quantity(place: Cursor, name: str) -> Quantity | None:
        return place.quantity(name, "cbc:Quantity")

    places = Places(LineDelivery, {}, groups={"cac:Package": ("package_quantity", read_quantity)})
    assert places.given(None) is None
    assert places.given(standing_on("<cac:Package/>"), delivered_on=None) is None
    found = places.given(standing_on("<cac:Package><cbc:Quantity>2</cbc:Quantity></cac:Package>"))
    assert found == LineDelivery(package_quantity=Quantity(Decimal(2)))


def test_a_group_that_repeats_is_read_as_often_as_it_is_there() -> None:
    three = standing_on(
        "<cac:Tax><cbc:ID>S</cbc:ID></cac:Tax><cac:Tax/><cac:Tax><cbc:ID>Z</cbc:ID></cac:Tax>"
    )
    standard, zero = LineVat(category="S"), LineVat(category="Z")
    assert VAT.all(three, "cac:Tax") == (standard, LineVat(), zero)
    assert VAT.all_given(three, "cac:Tax") == (standard, zero)
    assert VAT.all_given(three, "cac:Other") == ()


def test_without_an_account_the_same_is_read_and_none_can_be_given() -> None:
    counted = standing_on("<cbc:ID>S</cbc:ID><cbc:Percent>6</cbc:Percent>")
    place = Cursor(counted.element, currency="EUR")
    assert VAT.read(place) == VAT.read(counted)
    with pytest.raises(ValueError, match="No account"):
        place.uncovered()


def test_amounts_without_a_currency_take_that_of_the_document() -> None:
    places = Places(AllowanceCharge, {"cbc:Amount": "amount"})
    found = places.read(standing_on("<cbc:Amount>5</cbc:Amount>"))
    assert found.amount == Amount(Decimal(5), "EUR")


def test_a_table_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="below a value"):
        Places(LineVat, {"cbc:ID": "category", "cbc:ID/cbc:Percent": "rate"})
    with pytest.raises(KeyError):
        Places(LineVat, {"cbc:ID": "colour"})
