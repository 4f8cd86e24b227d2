"""A form's fields and the invoice they stand for."""

import dataclasses
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.authoring.checking import Checked
from gateway.authoring.form import (
    MAX_ROWS,
    flattened,
    merged,
    place_in,
    place_of,
    readable,
    without_row,
)
from gateway.authoring.holding import hold
from gateway.authoring.tables import Draft, Origin
from gateway.authoring.view import FormView
from gateway.core.errors import GatewayError
from ubl.model import Invoice, field_types, value_type


@pytest.mark.parametrize(
    ("path", "key", "term", "kind"),
    [
        ("number", "Invoice.number", "BT-1", str),
        ("seller.address.city", "Address.city", "BT-37", str),
        ("buyer.address.city", "Address.city", "BT-52", str),
        ("lines.3.quantity.value", "InvoiceLine.quantity", "BT-129", Decimal),
        ("lines.3.quantity.unit", "InvoiceLine.quantity", "BT-130", str),
        ("lines.0.price.net.value", "Price.net", "BT-146", Decimal),
        ("totals.paid.currency", "DocumentTotals.paid", "BT-113", str),
        ("seller.identifiers.0.value", "Seller.identifiers", "BT-29", str),
        (
            "payment.0.remittance_information.0",
            "PaymentInstructions.remittance_information",
            "BT-83",
            str,
        ),
    ],
)
def test_a_path_names_a_field_of_the_model(path, key, term, kind):
    place = place_of(path)
    assert (place.key, place.term, place.kind) == (key, term, kind)


@pytest.mark.parametrize(
    "path", ["", "nothing", "number.value", "lines.0.nothing", "totals.due.sum", "lines..item"]
)
def test_a_path_that_names_nothing_is_refused(path):
    with pytest.raises(GatewayError) as refused:
        place_of(path)
    assert refused.value.code == "REQUEST-INVALID"


def test_numbers_are_written_as_people_write_them():
    posted = [("lines.0.quantity.value", "1.234,5"), ("lines.0.note", "1.234,5")]
    held = merged({}, posted, language="de")
    assert held == {"lines": [{"quantity": {"value": "1234.5"}, "note": "1.234,5"}]}


def test_what_the_form_does_not_show_stays():
    held = {"number": "1", "project": "P", "lines": [{"note": "n", "order_line": "7"}]}
    found = merged(
        held, [("number", ""), ("lines.0.note", "new"), ("lines.1.note", "second")], language="en"
    )
    assert found == {
        "project": "P",
        "lines": [{"note": "new", "order_line": "7"}, {"note": "second"}],
    }
    assert held["number"] == "1", "the draft itself is not changed"


def test_rows_nobody_filled_in_are_no_rows():
    held = {"lines": [{}], "payment": [{"credit_transfers": [{}]}], "notes": [{"text": ""}]}
    assert readable(held) == {"lines": [{}], "payment": [], "notes": []}


def test_a_row_is_taken_away():
    held = {"lines": [{"note": "a"}, {"note": "b"}], "buyer": {"identifiers": [{"value": "1"}]}}
    assert without_row(held, "lines.0")["lines"] == [{"note": "b"}]
    assert without_row(held, "buyer.identifiers.0")["buyer"] == {"identifiers": []}
    assert without_row(held, "lines.9") == held
    assert without_row({}, "lines.0") == {"lines": []}
    with pytest.raises(GatewayError):
        without_row(held, "number")


def test_lines_beyond_the_last_are_refused_and_never_dropped():
    held = merged(
        {}, [(f"lines.{index}.note", "x") for index in range(MAX_ROWS + 1)], language="en"
    )
    assert len(held["lines"]) == MAX_ROWS + 1
    draft = Draft(invoice={}, origin=Origin.BLANK)
    with pytest.raises(GatewayError) as refused:
        hold(draft, held)
    assert refused.value.code == "DRAFT-TOO-LONG"
    assert draft.invoice == {}
    hold(draft, {"lines": held["lines"][1:]})
    assert len(draft.invoice["lines"]) == MAX_ROWS


def test_a_message_stands_at_the_row_of_the_form_it_is_about():
    held = {"allowances": [{}, {"reason": "x"}, {"reason": ""}, {"reason": "y"}], "lines": [{}]}
    held["lines"].append({"charges": [{"amount": {"value": ""}}, {"reason": "z"}]})
    assert place_in(held, "allowances.0.amount") == "allowances.1.amount"
    assert place_in(held, "allowances.1.amount") == "allowances.3.amount"
    assert place_in(held, "lines.1.charges.0.amount") == "lines.1.charges.1.amount"
    assert place_in(held, "number") == "number"
    assert place_in(held, "seller.name") == "seller.name"
    assert place_in(held, "allowances.7.reason") == "allowances.7.reason"


TEXT_FIELDS = [
    name for name, hint in field_types(Invoice).items() if value_type(hint) == (str, False)
]


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(TEXT_FIELDS), st.text("abc 1", max_size=4)),
    st.dictionaries(st.sampled_from(TEXT_FIELDS), st.text("abc 1", max_size=4)),
)
def test_a_form_shows_what_it_was_given(first, second):
    held = merged(merged({}, first.items(), language="en"), second.items(), language="en")
    wanted = {name: text.strip() for name, text in (first | second).items()}
    assert flattened(held) == {name: text for name, text in wanted.items() if text}


@pytest.mark.parametrize(
    "posted",
    [
        {"seller": "x"},
        {"lines.0": "x"},
        {"lines": "x"},
        {"lines.0.price.net": "1"},
        {"lines.0.price.net.value": "1", "lines.0.price.net.value.currency": "EUR"},
        {"number": "1", "number.0": "2"},
        {"lines.0.0.quantity.value": "1"},
        {"0": "x"},
        {"": "x"},
    ],
)
def test_a_made_up_field_is_refused_and_spoils_no_draft(posted):
    with pytest.raises(GatewayError) as refused:
        merged({"lines": [{}]}, posted.items(), language="en")
    assert refused.value.code == "REQUEST-INVALID"


def every_path(model: type, path: str = "", depth: int = 5) -> Iterator[str]:
    """Every place a draft can hold a value at, lists by their first row."""
    for name, hint in field_types(model).items():
        kind, many = value_type(hint)
        place = f"{path}{name}.0" if many else f"{path}{name}"
        if dataclasses.is_dataclass(kind) and depth:
            yield from every_path(kind, f"{place}.", depth - 1)
        else:
            yield place


@pytest.mark.parametrize("language", ["en", "fr", "nl", "de"])
def test_every_value_without_a_field_can_be_named(language):
    view = FormView({}, Checked(), language=language)
    for path in every_path(Invoice):
        assert view.name(path), path


def test_parts_of_a_value_without_a_field_stand_together():
    held = {
        "is_test": True,
        "lines": [
            {"item": {"standard_identifier": {"value": "4123456000014", "scheme": "0160"}}},
            {"item": {"standard_identifier": {"value": "4123456000021", "scheme": "0160"}}},
        ],
    }
    kept = FormView(held, Checked(), language="en").kept()
    assert [(one.name, one.value) for one in kept] == [
        ("Test document", "yes"),
        ("Invoice lines 1 › Item › Standard item number", "4123456000014 · 0160"),
        ("Invoice lines 2 › Item › Standard item number", "4123456000021 · 0160"),
    ]
