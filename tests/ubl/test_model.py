"""The model knows the number and meaning of everything EN 16931 defines."""

import dataclasses
import re

import pytest

from ubl.model import (
    Attachment,
    AttachmentUnreadable,
    DocumentKind,
    Invoice,
    Seller,
    business_terms,
    field_numbers,
)

TERMS = list(business_terms(Invoice))

# BT-4 was never assigned; BT-125's parts are attributes with no number of their own kind.
UNASSIGNED = {4}


def test_every_business_term_has_a_place() -> None:
    held = {int(term.number[3:]) for term in TERMS if re.fullmatch("BT-[0-9]+", term.number)}
    assert set(range(1, 166)) - held == UNASSIGNED


def test_every_business_group_has_a_place_but_process_control() -> None:
    # BG-2 holds only BT-23 and BT-24, which are fields of the invoice itself.
    held = {int(term.number[3:]) for term in TERMS if re.fullmatch("BG-[0-9]+", term.number)}
    assert set(range(1, 33)) - held == {2}


def test_a_number_has_one_place_only() -> None:
    numbers = [term.number for term in TERMS]
    assert len(numbers) == len(set(numbers))


def test_numbers_are_well_formed_and_explained() -> None:
    for term in TERMS:
        assert re.fullmatch(r"B[TG]-(X-|DEX-)?[0-9]+(-[01])?", term.number), term
        assert term.meaning.endswith("."), term


@pytest.mark.parametrize(
    ("number", "path"),
    [
        ("BT-1", "number"),
        ("BT-37", "seller.address.city"),
        ("BT-52", "buyer.address.city"),
        ("BT-66", "tax_representative.address.city"),
        ("BT-77", "delivery.address.city"),
        ("BT-92", "allowances.amount"),
        ("BT-99", "charges.amount"),
        ("BT-136", "lines.allowances.amount"),
        ("BT-141", "lines.charges.amount"),
        ("BT-130", "lines.quantity.unit"),
        ("BT-150", "lines.price.base_quantity.unit"),
        ("BT-84", "payment.credit_transfers.account"),
        ("BT-162", "seller.address.line3"),
        ("BT-X-353", "parties.sales_agent.address.country"),
        ("BT-X-63", "lines.delivery.ship_to.address.country"),
        ("BT-X-245", "payee.contact.department"),
        ("BT-X-331", "lines.references.preceding_invoices.number"),
        ("BT-X-281", "payment_terms_details.penalties.amount"),
        ("BT-X-287", "payment_terms_details.discounts.amount"),
        ("BT-X-27", "lines.references.documents.reference"),
        ("BT-X-20-1", "lines.item.included.quantity.unit"),
    ],
)
def test_shared_classes_take_their_numbers_from_the_group(number: str, path: str) -> None:
    assert [term.path for term in TERMS if term.number == number] == [path]


def test_field_numbers_of_one_class() -> None:
    assert field_numbers(Seller)["name"] == "BT-27"
    assert field_numbers(Invoice)["kind"] is None


def test_values_are_frozen() -> None:
    invoice = Invoice(kind=DocumentKind.INVOICE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(invoice, "number", "changed")  # noqa: B010 - a plain assignment mypy refuses


def test_an_attachment_is_decoded_on_demand() -> None:
    assert Attachment(encoded=" SGVs\nbG8= ").content() == b"Hello"


@pytest.mark.parametrize(
    ("encoded", "limit", "code"),
    [
        ("SGVsbG8=", 4, "ATTACHMENT-TOO-LARGE"),
        ("QUJD" * 100, 10, "ATTACHMENT-TOO-LARGE"),
        ("no base64!", 100, "ATTACHMENT-NOT-BASE64"),
        ("SGVsbG8", 100, "ATTACHMENT-NOT-BASE64"),
        ("SGVsbG8é", 100, "ATTACHMENT-NOT-BASE64"),
    ],
)
def test_a_bad_attachment_is_refused_with_a_code(encoded: str, limit: int, code: str) -> None:
    with pytest.raises(AttachmentUnreadable) as refused:
        Attachment(encoded=encoded).content(max_bytes=limit)
    assert refused.value.code == code


def test_an_attachment_exactly_at_the_limit_is_handed_out() -> None:
    assert Attachment(encoded="SGVsbG8=").content(max_bytes=5) == b"Hello"
