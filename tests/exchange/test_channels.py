"""Buyers whom Peppol cannot reach are told apart by what the invoice says of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange.channels import off_network_address, on_network
from ubl.model import Address, Buyer, Contact, Identifier

ALIKE = [
    ("李 & Co", "王 & Co"),
    ("Møller", "Mller"),
    ("A" * 150 + "x", "A" * 150 + "y"),
    ("Ünal", "Ölnal"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_an_address_cannot_hold_stay_apart(one, other):
    first, second = (off_network_address(Buyer(name=name)) for name in (one, other))
    assert first is not None
    assert first != second


def test_two_people_of_one_name_are_told_apart_by_where_they_live():
    buyers = [
        Buyer(name="Jean Dupont", address=Address(post_code=code)) for code in ("69001", "1000")
    ]
    assert len({off_network_address(one) for one in buyers}) == 2


def test_what_is_surest_counts_and_blanks_and_case_do_not():
    buyer = Buyer(
        name="Boulangerie",
        vat_identifier="FR 12 345678901",
        registration=Identifier("345678901", "0002"),
        contact=Contact(email="a@b.example"),
    )
    address = off_network_address(buyer)
    assert str(address) == "buyer-off-network::vat:fr12345678901"
    assert not on_network(str(address))
    assert off_network_address(Buyer(vat_identifier="fr12345678901")) == address
    assert off_network_address(Buyer(registration=buyer.registration)).value == (
        "registration:0002:345678901"
    )
    assert off_network_address(Buyer(name=" \t")) is None


@given(st.text(min_size=1, max_size=400))
def test_every_name_gives_an_address_that_can_be_kept(name):
    address = off_network_address(Buyer(name=name))
    assert (address is None) == (not "".join(name.split()))
    assert address is None or len(str(address)) <= 200
