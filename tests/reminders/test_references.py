"""Payment references: the published vectors, an independent implementation, and payers' habits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iso11649
from stdnum.be import ogm_vcs

from reminders.references import (
    FoundNumber,
    KnownNumbers,
    ReferenceInvalid,
    is_findable,
    make_ogm,
    make_rf,
    normal_form,
    ogm_valid,
    print_ogm,
    print_rf,
    rf_valid,
)

KNOWN = ("F-2026-001", "F-2026-002", "F-2026-0011", "A-2026-017", "A-17", "1001")


def test_vectors() -> None:
    assert rf_valid("RF18539007547034")
    assert rf_valid("rf18 5390 0754 7034")
    assert make_rf("F2026001") == make_rf("f-2026/001") == "RF29F2026001"
    assert print_rf("RF18539007547034") == "RF18 5390 0754 7034"
    assert make_ogm("0108068171") == "010806817183"
    assert print_ogm("010806817183") == "+++010/8068/17183+++"
    assert ogm_valid("+++010/8068/17183+++")
    assert make_ogm("0000000097") == "000000009797"
    assert ogm_valid("000000009797")


@pytest.mark.parametrize(
    "text", ["", "RF19539007547034", "RF18", "RF18" + "1" * 22, "RFA8539", "XX18539007547034"]
)
def test_what_is_no_rf(text: str) -> None:
    assert not rf_valid(text)


@pytest.mark.parametrize(
    "text", ["", "010806817184", "01080681718", "000000009700", "O10806817183"]
)
def test_what_is_no_ogm(text: str) -> None:
    assert not ogm_valid(text)


@pytest.mark.parametrize("body", ["", "-/", "X" * 22])
def test_no_rf_of_it(body: str) -> None:
    with pytest.raises(ReferenceInvalid) as refused:
        make_rf(body)
    assert refused.value.code == "REFERENCE-RF-BODY"


@pytest.mark.parametrize("body", ["", "123", "12345678901", "010/8068/1", "٠١٢٣٤٥٦٧٨٩"])
def test_no_ogm_of_it(body: str) -> None:
    with pytest.raises(ReferenceInvalid) as refused:
        make_ogm(body)
    assert refused.value.code == "REFERENCE-OGM-BODY"


@settings(deadline=None)
@given(body=st.text("ABCXYZ0123456789", min_size=1, max_size=21), other=st.data())
def test_rf_agrees_with_another_implementation(body: str, other: st.DataObject) -> None:
    made = make_rf(body)
    assert iso11649.is_valid(made)
    digits = other.draw(st.integers(0, 99))
    changed = f"RF{digits:02d}{body}"
    assert rf_valid(changed) == iso11649.is_valid(changed)


@settings(deadline=None)
@given(body=st.integers(0, 10**10 - 1), check=st.integers(0, 99))
def test_ogm_agrees_with_another_implementation(body: int, check: int) -> None:
    made = make_ogm(f"{body:010d}")
    assert ogm_vcs.is_valid(made)
    assert ogm_vcs.calc_check_digits(made) == made[10:]
    assert ogm_valid(f"{body:010d}{check:02d}") == (made[10:] == f"{check:02d}")


def test_normal_form_and_what_is_searched_for() -> None:
    assert normal_form("  Réf. n° f-2026/001 ") == "REFNF2026001"
    assert [one for one in (*KNOWN, "ABCD", "") if not is_findable(one)] == ["A-17", "ABCD", ""]


def firm(*numbers: str) -> tuple[FoundNumber, ...]:
    return tuple(FoundNumber(number, True) for number in numbers)


def doubtful(*numbers: str) -> tuple[FoundNumber, ...]:
    return tuple(FoundNumber(number, False) for number in numbers)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Facture F-2026-001"], firm("F2026001")),
        (["facture f2026001, merci"], firm("F2026001")),
        (["F 2026/001 und F.2026.002"], firm("F2026001", "F2026002")),
        (["F-2026-001 F-2026-001"], firm("F2026001")),
        (
            ["Paiement factures F-2026-001 et F-2", "026-002 moins avoir"],
            firm("F2026001", "F2026002"),
        ),
        (["F-2026-001", "F-2026-002"], firm("F2026001", "F2026002")),
        (["F-2026-0011"], firm("F20260011")),
        # Glued to more letters or digits it is another number.
        (["F-2026-00199"], ()),
        (["XF2026001"], ()),
        # A digit group torn apart by the payer is no group of ours.
        (["F-20 26-001"], ()),
        (["10 01 2026"], ()),
        # A short number of digits may be anything.
        (["1001"], doubtful("1001")),
        # A cut right behind a number may have torn off its end.
        (["Reglement de notre commande, F-2026-001", "77 merci"], doubtful("F2026001")),
        (["Reglement de notre commande, F-2026-001", "1 merci"], firm("F20260011")),
        (["x" * 34, "F-2026-001"], doubtful("F2026001")),
        (["Reglement de notre commande, F-2026-001", "- merci"], firm("F2026001")),
        (["Reglement de notre commande, F-2026-001 ", "77 merci"], firm("F2026001")),
        (["Reglement de notre commande, F-2026", "-001"], firm("F2026001")),
        (["Avoir A-17"], ()),
        (["Avoir A-2026-017"], firm("A2026017")),
        ([], ()),
        ([""], ()),
    ],
)
def test_numbers_in_free_text(lines: list[str], expected: tuple[FoundNumber, ...]) -> None:
    assert KnownNumbers(KNOWN).find(lines) == expected


def test_structured_references_in_free_text() -> None:
    known = KnownNumbers(["RF18539007547034", "010806817183"])
    assert known.find(["ref RF18 5390 0754 7034 merci"]) == firm("RF18539007547034")
    assert known.find(["+++010/8068/17183+++"]) == firm("010806817183")
    assert known.find(["***010/8068/", "17183***"]) == firm("010806817183")
    assert known.find(["RF19 5390 0754 7034"]) == ()


@settings(deadline=None)
@given(
    chosen=st.lists(st.sampled_from(["F-2026-001", "F-2026-002", "A-2026-017"]), unique=True),
    separator=st.sampled_from([" ", ", ", " et ", " + "]),
    width=st.sampled_from([35, 70, 140]),
)
def test_numbers_survive_the_banks_cut(chosen: list[str], separator: str, width: int) -> None:
    text = "Reglement de vos factures " + separator.join(chosen) + " merci de votre confiance"
    lines = [text[start : start + width] for start in range(0, len(text), width)]
    found = {one.number for one in KnownNumbers(KNOWN).find(lines)}
    assert found == {normal_form(one) for one in chosen}


@settings(deadline=None)
@given(lines=st.lists(st.text(max_size=60), max_size=5))
def test_only_known_numbers_are_found(lines: list[str]) -> None:
    known = {normal_form(one) for one in KNOWN}
    assert {one.number for one in KnownNumbers(KNOWN).find(lines)} <= known
