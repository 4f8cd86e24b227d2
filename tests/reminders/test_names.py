"""Names of payers and customers: alike or not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminders.matching_proposals import NAME_LIKENESS
from reminders.names import name_likeness, name_words, names_alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Boulangerie Martin SARL", "MARTIN BOULANGERIE S.A.R.L."),
        ("Établissements Lefèvre", "ETABLISSEMENTS LEFEVRE SA"),
        ("Jansen & Zonen B.V.", "Jansen Zonen"),
        ("Musterbau GmbH", "Musterbau GmbH Niederlassung Berlin"),
        ("Fournil du Nord", "Fournil du Nrod"),
    ],
)
def test_alike(one: str, other: str) -> None:
    assert name_likeness(one, other) >= NAME_LIKENESS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Boulangerie Martin SARL", "Garage Dubois SARL"),
        ("Alpha SA", "Beta SA"),
        ("", "Alpha"),
        ("---", "Alpha"),
    ],
)
def test_not_alike(one: str, other: str) -> None:
    assert name_likeness(one, other) < NAME_LIKENESS


def test_a_name_of_legal_forms_alone_keeps_them() -> None:
    assert name_words("SA SC") == {"sa", "sc"}


@settings(deadline=None)
@given(one=st.text(max_size=30), other=st.text(max_size=30))
def test_likeness_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert 0 <= name_likeness(one, other) == name_likeness(other, one) <= 100
    if name_words(one):
        assert name_likeness(one, one) == 100


@settings(deadline=None, max_examples=300)
@given(
    one=st.text("aeio -", max_size=12) | st.text(max_size=12),
    other=st.text("aeio -", max_size=12) | st.text(max_size=12),
    at_least=st.integers(50, 100),
)
def test_the_quick_answer_is_the_slow_one(one: str, other: str, at_least: int) -> None:
    assert names_alike(one, other, at_least=at_least) == (name_likeness(one, other) >= at_least)
