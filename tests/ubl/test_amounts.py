"""Amounts are read strictly, written without exponent and rounded half away from zero."""

import contextlib
from decimal import ROUND_HALF_UP, Context, Decimal, getcontext, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.amounts import (
    Amount,
    AmountUnreadable,
    decimal_text,
    from_minor,
    minor_digits,
    parse_decimal,
    round_half_away,
    to_minor,
)

decimals = st.decimals(
    min_value=Decimal("-1e20"), max_value=Decimal("1e20"), allow_nan=False, places=6
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("+5.00", "5.00"),
        ("-0.5", "-0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        (" \t\r\n12.30\n", "12.30"),
        ("00012", "12"),
    ],
)
def test_reads_every_form_of_xs_decimal(text: str, value: str) -> None:
    assert parse_decimal(text).as_tuple() == Decimal(value).as_tuple()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "AMOUNT-EMPTY"),
        ("  ", "AMOUNT-EMPTY"),
        ("1E3", "AMOUNT-NOT-DECIMAL"),
        ("1e3", "AMOUNT-NOT-DECIMAL"),
        ("NaN", "AMOUNT-NOT-DECIMAL"),
        ("Infinity", "AMOUNT-NOT-DECIMAL"),
        ("1,5", "AMOUNT-NOT-DECIMAL"),
        ("1 000", "AMOUNT-NOT-DECIMAL"),
        ("1_000", "AMOUNT-NOT-DECIMAL"),
        ("--1", "AMOUNT-NOT-DECIMAL"),
        (".", "AMOUNT-NOT-DECIMAL"),
        ("-", "AMOUNT-NOT-DECIMAL"),
        ("٣", "AMOUNT-NOT-DECIMAL"),
        ("\xa05", "AMOUNT-NOT-DECIMAL"),
        ("5 EUR", "AMOUNT-NOT-DECIMAL"),
        ("9" * 61, "AMOUNT-TOO-LONG"),
    ],
)
def test_refuses_what_is_no_xs_decimal(text: str, code: str) -> None:
    with pytest.raises(AmountUnreadable) as refused:
        parse_decimal(text)
    assert refused.value.code == code


@given(decimals)
def test_what_is_written_is_read_back_digit_for_digit(value: Decimal) -> None:
    text = decimal_text(value)
    assert "E" not in text.upper()
    assert parse_decimal(text) == value
    assert parse_decimal(text).as_tuple().exponent == value.as_tuple().exponent


@given(st.text(max_size=70))
def test_any_text_is_a_finite_decimal_or_refused(text: str) -> None:
    with contextlib.suppress(AmountUnreadable):
        assert parse_decimal(text).is_finite()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_document_cannot_carry_what_is_no_number(value: str) -> None:
    with pytest.raises(AmountUnreadable):
        decimal_text(Decimal(value))


def test_minus_zero_is_written_as_zero_with_its_decimals() -> None:
    assert decimal_text(Decimal("-0.00")) == "0.00"


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [
        ("2.345", 2, "2.35"),
        ("-2.345", 2, "-2.35"),
        ("2.344999", 2, "2.34"),
        ("0.5", 0, "1"),
        ("-0.5", 0, "-1"),
        ("7", 2, "7.00"),
    ],
)
def test_rounds_half_away_from_zero(value: str, digits: int, rounded: str) -> None:
    assert str(round_half_away(Decimal(value), digits)) == rounded


@given(decimals, st.integers(min_value=0, max_value=6))
def test_rounding_ignores_the_callers_precision(value: Decimal, digits: int) -> None:
    expected = Context(prec=100).quantize(
        value, Decimal(1).scaleb(-digits)
    )  # only to prove that the wide context can hold it
    assert abs(expected - value) <= Decimal(1).scaleb(-digits)
    with localcontext(prec=3):
        narrow = round_half_away(value, digits)
        assert getcontext().prec == 3
    wide = value.quantize(
        Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP, context=Context(prec=100)
    )
    assert narrow == wide


@given(
    st.integers(min_value=-(10**18), max_value=10**18),
    st.sampled_from(["EUR", "JPY", "KWD", "CLF", "XXX"]),
)
def test_minor_units_round_trip(minor_units: int, currency: str) -> None:
    amount = from_minor(minor_units, currency)
    assert to_minor(amount) == minor_units
    assert amount.value.same_quantum(Decimal(1).scaleb(-minor_digits(currency)))


@settings(max_examples=30)
@given(st.integers(min_value=-(10**9), max_value=10**9))
def test_minor_units_are_never_silently_rounded(thousandths: int) -> None:
    amount = Amount(Decimal(thousandths).scaleb(-3), "EUR")
    if thousandths % 10:
        with pytest.raises(AmountUnreadable) as refused:
            to_minor(amount)
        assert refused.value.code == "AMOUNT-TOO-PRECISE"
    else:
        assert to_minor(amount) * 10 == thousandths


def test_minor_digits_follow_iso_4217() -> None:
    assert [minor_digits(code) for code in ("EUR", "JPY", "BHD", "CLF")] == [2, 0, 3, 4]
    assert str(from_minor(-5, "EUR")) == "-0.05 EUR"
