"""Addresses that follow from a buyer's numbers, and customers found on Peppol by them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import update

from gateway.core.errors import GatewayError
from gateway.demo.cast import BUYER
from gateway.dispatch.addresses import MOST_ADDRESSES, AddressRule, addresses_of, read_address_rules
from gateway.receivables.tables import Customer

RULES = read_address_rules(None)

UBL = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
<cbc:ID>1</cbc:ID>{reference}<cac:AccountingCustomerParty><cac:Party>{party}</cac:Party>
</cac:AccountingCustomerParty></Invoice>"""


def vat(number):
    return (
        f"<cac:PartyTaxScheme><cbc:CompanyID>{number}</cbc:CompanyID>"
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
    )


def registered(scheme, number):
    return (
        f'<cac:PartyLegalEntity><cbc:CompanyID schemeID="{scheme}">{number}</cbc:CompanyID>'
        "</cac:PartyLegalEntity>"
    )


def known_as(scheme, number):
    return (
        f'<cac:PartyIdentification><cbc:ID schemeID="{scheme}">{number}</cbc:ID>'
        "</cac:PartyIdentification>"
    )


def derived(party="", reference=""):
    if reference:
        reference = f"<cbc:BuyerReference>{reference}</cbc:BuyerReference>"
    content = UBL.format(party=party, reference=reference).encode()
    return [one.value for one in addresses_of(content, RULES)]


@pytest.mark.parametrize(
    ("party", "addresses"),
    [
        (vat("BE 0848.934.496"), ["0208:0848934496", "9925:be0848934496"]),
        (registered("0208", "0848934496"), ["0208:0848934496", "9925:be0848934496"]),
        (vat("FR40303265045"), ["0225:303265045", "0002:303265045", "9957:fr40303265045"]),
        (registered("0002", "303265045"), ["0225:303265045", "0002:303265045"]),
        (registered("0106", "12345678"), ["0106:12345678", "0190:00000003123456780000"]),
        (vat("DE136695976"), ["9930:de136695976"]),
        (known_as("0088", "4006381333931"), ["0088:4006381333931"]),
        # What cannot be right, is nobody's number, or has another scheme, is not asked about.
        (vat("BE0848934497"), []),
        (known_as("0088", "4006381333932"), []),
        (known_as("0208", "4006381333931"), []),
        (vat("XX1"), []),
        ("", []),
    ],
)
def test_addresses_are_made_of_numbers_that_can_be_right(party, addresses):
    assert derived(party) == addresses


def test_a_leitweg_id_is_an_address_and_no_other_reference_is():
    assert derived(reference="992-90009-96") == ["0204:992-90009-96"]
    assert derived(reference="992-90009-97") == []
    assert derived(reference="PO 4711") == []


def test_few_addresses_are_made_of_many_numbers():
    many = "".join(known_as("0088", number) for number in _glns(20))
    assert len(derived(many)) == MOST_ADDRESSES
    assert addresses_of(b"no XML", RULES) == ()


def test_what_a_pattern_lets_through_need_not_be_an_address():
    mild = AddressRule.model_validate(
        {"from": "identifier", "scheme": "9999", "pattern": "(.+)", "addresses": ["9999:{1}"]}
    )
    party = known_as("9999", "É ✓ 1") + known_as("9999", "9" * 200) + known_as("9999", "77")
    content = UBL.format(party=party, reference="").encode()
    assert [one.value for one in addresses_of(content, (mild,))] == ["9999:77"]


def _glns(count):
    for one in range(count):
        digits = f"{400638133300 + one}"
        weighted = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
        yield f"{digits}{-weighted % 10}"


@pytest.mark.parametrize(
    "rule",
    [
        'from = "vat"\npattern = "("\naddresses = ["0208:{1}"]',
        'from = "vat"\npattern = "(.)"\naddresses = ["0208:{2}"]',
        'from = "vat"\npattern = "(.)"\naddresses = ["208:{1}"]',
        'from = "name"\npattern = "(.)"\naddresses = ["0208:{1}"]',
    ],
)
def test_a_wrong_file_is_named(tmp_path, rule):
    (tmp_path / "peppol-addresses.toml").write_text(f"[[rule]]\n{rule}\n")
    with pytest.raises(GatewayError, match=r"Correct .*peppol-addresses\.toml"):
        read_address_rules(tmp_path)


def unnamed(house, number="MA-1"):
    """A plain invoice whose buyer has no electronic address."""
    content = house.invoice(number)
    start = content.index(b"<cac:AccountingCustomerParty>")
    head, buyer = content[:start], content[start:]
    cut = buyer.index(b"<cbc:EndpointID"), buyer.index(b"</cbc:EndpointID>") + 17
    plain = head + buyer[: cut[0]] + buyer[cut[1] :]
    return plain.replace(
        b"urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
        b"urn:cen.eu:en16931:2017",
    )


async def test_a_customer_without_an_address_is_found_by_its_numbers(house):
    assert (await house.submit(unnamed(house))).status == 202
    await house.work()
    await house.run("dispatch.discover")
    customer = await house.customer()
    assert (customer.peppol_address, customer.peppol_asked_at is None) == (None, False)
    await house.register(BUYER)
    await house.run("dispatch.discover")
    # Asked lately; the network is not asked again so soon.
    assert (await house.customer()).peppol_found_at is None
    async with house.gateway.platform.database.write() as session:
        long_ago = datetime.now(UTC) - timedelta(days=8)
        await session.exec(update(Customer).values(peppol_asked_at=long_ago))
    await house.run("dispatch.discover")
    path = f"/v1/customers/{customer.id}"
    found = (await house.call("GET", path)).body
    assert found["peppol_address"] == f"iso6523-actorid-upis::{BUYER.participant.value}"
    assert found["peppol_found_at"] is not None
    assert (await house.call("POST", f"{path}/peppol", json={"accept": True})).status == 200
    # The next invoice names the address: it goes there, and the customer is the same.
    document_id = await house.sent("MA-2")
    assert (await house.document(document_id)).transport == "delivered"
    (one,) = [row for row in await house.rows(Customer) if row.tenant_id == house.tenant_id]
    assert (one.id, one.peppol_found_at) == (customer.id, None)


async def test_a_declined_address_is_forgotten_and_not_asked_about(lite):
    await lite.submit(unnamed(lite))
    await lite.work()
    await lite.register(BUYER)
    await lite.run("dispatch.discover")
    customer = await lite.customer()
    assert customer.peppol_address is not None
    path = f"/v1/customers/{customer.id}"
    declined = await lite.call("POST", f"{path}/peppol", json={"accept": False})
    assert declined.body["peppol_address"] is None
    async with lite.gateway.platform.database.write() as session:
        await session.exec(update(Customer).values(peppol_asked_at=None))
    await lite.run("dispatch.discover")
    assert (await lite.customer()).peppol_asked_at is None
