"""Numbers in forms: nobody's thousand becomes a one, and what is shown reads back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.authoring.numbers import plain, shown

LANGUAGES = ("en", "fr", "nl", "de")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1,5", "1.5"),
        ("1.5", "1.5"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("1,234,567", "1234567"),
        ("1,234,567.8", "1234567.8"),
        ("-1 234,5", "-1234.5"),
        ("1’234.50", "1234.50"),
        ("0.125", "0.125"),
        ("0,125", "0.125"),
        ("1.2345", "1.2345"),
        ("10", "10"),
        ("two", "two"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_reads_the_same_everywhere(typed, meant, language):
    assert plain(typed, language=language) == meant


@pytest.mark.parametrize(
    ("typed", "language", "meant"),
    [
        ("1.250", "de", "1250"),
        ("1.250", "nl", "1250"),
        ("1.250", "fr", "1.250"),
        ("1.250", "en", "1.250"),
        ("1,250", "en", "1250"),
        ("1,250", "de", "1.250"),
        ("1,250", "nl", "1.250"),
        ("1,250", "fr", "1.250"),
    ],
)
def test_thousands_stand_as_the_language_sets_them(typed, language, meant):
    assert plain(typed, language=language) == meant


def test_what_is_no_number_stays_so():
    for typed in ("1.2.3,4,5", "..", "1,2 EUR"):
        with pytest.raises(ArithmeticError):
            Decimal(plain(typed, language="en"))


@pytest.mark.parametrize(
    ("language", "reads"),
    [("en", "100.000"), ("fr", "100,000"), ("nl", "100,000"), ("de", "100,000")],
)
def test_decimals_are_shown_as_the_language_writes_them(language, reads):
    assert shown("100.000", language=language) == reads


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3), st.sampled_from(LANGUAGES))
def test_what_is_shown_reads_back(value, language):
    text = f"{value:f}"
    assert plain(shown(text, language=language), language=language) == text
