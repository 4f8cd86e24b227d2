"""Matching payments with open items: every step with its reason, and the sums to the cent."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminders.bank import Direction
from reminders.matching import match, payment_name
from reminders.matching_proposals import MAX_SUM_ITEMS, sums_to
from reminders.matching_values import (
    Allocation,
    KnownCustomer,
    MatchableItem,
    Matched,
    Proposal,
    Proposed,
    Reason,
    Reopened,
    Result,
    Settlement,
    Unallocated,
)
from reminders.payments import Payment, PaymentId

CREDIT, DEBIT = Direction.CREDIT, Direction.DEBIT
IBAN_MARTIN = "FR1420041010050500013M02606"
MARTIN = KnownCustomer("martin", "Boulangerie Martin SARL", frozenset({IBAN_MARTIN}))
DUBOIS = KnownCustomer("dubois", "Garage Dubois")
RF = "RF29F2026001"


def item(number: str, minor: int, customer: str = "martin", **more: object) -> MatchableItem:
    fields: dict[str, object] = {"currency": "EUR", "due": date(2026, 3, 1), **more}
    return MatchableItem(number, customer, number, minor, **fields)  # type: ignore[arg-type] -- fields of it


def paid(minor: int, *lines: str, entry: str = "1", **more: object) -> Payment:
    fields: dict[str, object] = {"currency": "EUR", "direction": CREDIT, **more}
    return Payment(
        id=PaymentId("BE71", "S1", entry, 0), minor=minor, entry_minor=minor, lines=lines, **fields
    )  # type: ignore[arg-type] -- fields of Payment


F1 = item("F-2026-001", 10_000, references=(RF,), end_to_end_ids=("LINK-1",))
F2 = item("F-2026-002", 5_000, due=date(2026, 3, 8))
F3 = item("F-2026-003", 2_500, due=date(2026, 3, 15))
CREDIT_NOTE = item("A-2026-017", 1_200, credit=True)
OTHER = item("F-2026-100", 7_000, "dubois")
DOLLARS = item("F-2026-200", 7_000, "dubois", currency="USD", references=("RF471",))
ITEMS = (F1, F2, F3, CREDIT_NOTE, OTHER, DOLLARS)


def one(payment: Payment, items: Sequence[MatchableItem] = ITEMS, **more: object) -> Result:
    (result,) = match([payment], items=items, customers=(MARTIN, DUBOIS), **more)  # type: ignore[arg-type] -- keywords of match
    return result


def shares(result: Result) -> dict[str, int]:
    assert isinstance(result, Matched)
    return {allocation.item: allocation.minor for allocation in result.allocations}


@pytest.mark.parametrize(
    ("payment", "reason", "expected", "unapplied"),
    [
        (paid(10_000, end_to_end_id="LINK-1"), Reason.END_TO_END_ID, {"F-2026-001": 10_000}, 0),
        (paid(4_000, end_to_end_id="LINK-1"), Reason.END_TO_END_ID, {"F-2026-001": 4_000}, 0),
        (paid(10_001, end_to_end_id="LINK-1"), Reason.END_TO_END_ID, {"F-2026-001": 10_000}, 1),
        (paid(10_000, references=(RF,)), Reason.STRUCTURED_REFERENCE, {"F-2026-001": 10_000}, 0),
        (paid(99, references=(RF,)), Reason.STRUCTURED_REFERENCE, {"F-2026-001": 99}, 0),
        (paid(10_000, "RF29 F202 6001"), Reason.STRUCTURED_REFERENCE, {"F-2026-001": 10_000}, 0),
        (
            paid(15_000, "und F-2026-002", references=(RF,)),
            Reason.STRUCTURED_REFERENCE,
            {"F-2026-001": 10_000, "F-2026-002": 5_000},
            0,
        ),
        (
            paid(8_800, "moins avoir A-2026-017", references=(RF,)),
            Reason.STRUCTURED_REFERENCE,
            {"F-2026-001": 10_000, "A-2026-017": -1_200},
            0,
        ),
        (paid(5_000, "facture F 2026 002"), Reason.INVOICE_NUMBERS, {"F-2026-002": 5_000}, 0),
        (paid(5_000, documents=("F-2026-002",)), Reason.INVOICE_NUMBERS, {"F-2026-002": 5_000}, 0),
        (
            paid(7_500, "F-2026-003 et F-2026-002"),
            Reason.INVOICE_NUMBERS,
            {"F-2026-003": 2_500, "F-2026-002": 5_000},
            0,
        ),
        (
            paid(13_800, "Paiement factures F-2026-001 et F-2", "026-002 moins avoir A-2026-017"),
            Reason.INVOICE_NUMBERS_LESS_CREDIT_NOTES,
            {"F-2026-001": 10_000, "F-2026-002": 5_000, "A-2026-017": -1_200},
            0,
        ),
        # The credit note is mentioned but not taken off.
        (paid(5_000, "F-2026-002, A-2026-017"), Reason.INVOICE_NUMBERS, {"F-2026-002": 5_000}, 0),
        (
            paid(3_000, "F-2026-002", party_iban=IBAN_MARTIN),
            Reason.INVOICE_NUMBERS_AND_PAYER,
            {"F-2026-002": 3_000},
            0,
        ),
    ],
)
def test_certain(
    payment: Payment, reason: Reason, expected: dict[str, int], unapplied: int
) -> None:
    result = one(payment)
    assert isinstance(result, Matched)
    assert (result.reason, result.customer) == (reason, "martin")
    assert shares(result) == expected
    assert result.unapplied_minor == unapplied


@pytest.mark.parametrize(
    ("payment", "reason", "proposed", "unapplied"),
    [
        # A number alone does not bypass the amount.
        (paid(3_000, "F-2026-002"), Reason.INVOICE_NUMBERS_OTHER_AMOUNT, {"F-2026-002": 3_000}, 0),
        (
            paid(6_000, "F-2026-002"),
            Reason.INVOICE_NUMBERS_OTHER_AMOUNT,
            {"F-2026-002": 5_000},
            1_000,
        ),
        (
            paid(5_000, party_iban=IBAN_MARTIN),
            Reason.PAYER_IBAN_AND_AMOUNT,
            {"F-2026-002": 5_000},
            0,
        ),
        (
            paid(6_996, party_name="DUBOIS GARAGE SA"),
            Reason.PAYER_NAME_AND_AMOUNT,
            {"F-2026-100": 6_996},
            0,
        ),
        (
            paid(7_500, party_iban=IBAN_MARTIN),
            Reason.SUM_OF_OPEN_ITEMS,
            {"F-2026-002": 5_000, "F-2026-003": 2_500},
            0,
        ),
        (
            paid(8_800, party_name="Martin Boulangerie"),
            Reason.SUM_OF_OPEN_ITEMS,
            {"F-2026-001": 10_000, "A-2026-017": -1_200},
            0,
        ),
    ],
)
def test_likely(payment: Payment, reason: Reason, proposed: dict[str, int], unapplied: int) -> None:
    result = one(payment)
    assert isinstance(result, Proposed)
    first = result.proposals[0]
    assert first.reason is reason
    assert {share.item: share.minor for share in first.allocations} == proposed
    assert first.unapplied_minor == unapplied


@pytest.mark.parametrize(
    ("payment", "reason", "customer"),
    [
        (paid(123), Reason.NOTHING_IDENTIFIES_IT, None),
        (paid(123, party_iban=IBAN_MARTIN), Reason.NOTHING_IDENTIFIES_IT, "martin"),
        (paid(6_994, party_name="Garage Dubois"), Reason.NOTHING_IDENTIFIES_IT, None),
        (paid(7_000, "F-2026-200"), Reason.ANOTHER_CURRENCY, None),
        (paid(7_000, references=("RF471",)), Reason.ANOTHER_CURRENCY, None),
        (paid(0, end_to_end_id="LINK-1"), Reason.NO_AMOUNT, None),
        (paid(10_000, "F-2026-001", direction=DEBIT), Reason.MONEY_SENT, None),
        (paid(10_000, "F-2026-001", undoes=True), Reason.MONEY_SENT_CAME_BACK, None),
        (
            paid(10_000, end_to_end_id="LINK-1", direction=DEBIT, undoes=True),
            Reason.RETURN_OF_UNKNOWN_PAYMENT,
            None,
        ),
        # A reference with a wrong check digit is not ours.
        (paid(10_000, references=("RF30F2026001",)), Reason.NOTHING_IDENTIFIES_IT, None),
        # Numbers of two customers in one transfer prove nothing.
        (paid(12_000, "F-2026-002 F-2026-100"), Reason.NOTHING_IDENTIFIES_IT, None),
    ],
)
def test_left(payment: Payment, reason: Reason, customer: str | None) -> None:
    assert one(payment) == Unallocated(payment, reason, customer)


def test_an_account_shared_by_two_customers_identifies_neither() -> None:
    twin = KnownCustomer("dubois", "Garage Dubois", frozenset({IBAN_MARTIN}))
    payment = paid(5_000, party_iban=IBAN_MARTIN)
    (result,) = match([payment], items=ITEMS, customers=(MARTIN, twin))
    assert result == Unallocated(payment, Reason.NOTHING_IDENTIFIES_IT, None)


def test_several_items_of_the_amount_are_all_proposed() -> None:
    same = [item(f"F-{number}", 5_000) for number in (9001, 9002)]
    result = one(paid(5_000, party_iban=IBAN_MARTIN), same)
    assert isinstance(result, Proposed)
    assert [p.allocations for p in result.proposals] == [
        (Allocation("F-9001", 5_000),),
        (Allocation("F-9002", 5_000),),
    ]


def test_a_link_for_several_items_pays_the_oldest_first() -> None:
    items = [
        item("F-9002", 5_000, due=date(2026, 3, 9), end_to_end_ids=("L",)),
        item("F-9001", 5_000, due=date(2026, 3, 2), end_to_end_ids=("L",)),
        item("A-9003", 1_000, credit=True, end_to_end_ids=("L",)),
    ]
    result = one(paid(6_000, end_to_end_id="L"), items)
    assert shares(result) == {"F-9001": 5_000, "F-9002": 2_000, "A-9003": -1_000}


def test_a_credit_note_is_used_no_further_than_the_debt() -> None:
    items = [
        item("F-9001", 1_000, end_to_end_ids=("L",)),
        item("A-9002", 1_500, credit=True, end_to_end_ids=("L",)),
    ]
    result = one(paid(500, end_to_end_id="L"), items)
    assert shares(result) == {"F-9001": 1_000, "A-9002": -1_000}
    assert isinstance(result, Matched)
    assert result.unapplied_minor == 500


def test_a_doubtful_number_widens_no_reference() -> None:
    items = [F1, item("1001", 5_000)]
    result = one(paid(12_000, "1001", references=(RF,)), items)
    assert shares(result) == {"F-2026-001": 10_000}
    exact = one(paid(15_000, "1001", references=(RF,)), items)
    assert shares(exact) == {"F-2026-001": 10_000, "1001": 5_000}


def test_a_reference_cut_short_is_not_certain() -> None:
    cut = paid(4_000, f"Reglement de la commande {RF}", "77 merci")
    assert isinstance(one(cut), Unallocated)
    whole = paid(4_000, f"Reglement de la commande {RF}", "- merci")
    assert shares(one(whole)) == {"F-2026-001": 4_000}


def test_an_item_paid_twice_becomes_credit() -> None:
    payments = [paid(10_000, entry=entry, references=(RF,)) for entry in "12"]
    first, second = match(payments, items=[F1])
    assert shares(first) == {"F-2026-001": 10_000}
    assert isinstance(second, Matched)
    assert (second.allocations, second.unapplied_minor) == ((), 10_000)
    (later,) = match([payments[1]], items=[item("F-2026-001", 0, references=(RF,))])
    assert later == second


def test_what_a_reference_claims_no_guess_takes() -> None:
    guess = paid(10_000, party_iban=IBAN_MARTIN, entry="1", valued=date(2026, 3, 1))
    named = paid(10_000, references=(RF,), entry="2", valued=date(2026, 3, 2))
    results = match([guess, named], items=[F1], customers=[MARTIN])
    assert isinstance(results[0], Unallocated)
    assert shares(results[1]) == {"F-2026-001": 10_000}


def test_the_same_payment_twice_counts_once() -> None:
    payment = paid(10_000, references=(RF,))
    assert len(match([payment, payment], items=[F1])) == 1


EARLIER = Settlement(
    "BE71/S0/1/0",
    "DD-1",
    "EUR",
    (Allocation("F-2026-001", 10_000), Allocation("A-2026-017", -1_200)),
    500,
)


def taken_back(minor: int, entry: str = "9", **more: object) -> Payment:
    fields: dict[str, object] = {"end_to_end_id": "DD-1", "reason": "MD06", **more}
    return paid(minor, entry=entry, direction=DEBIT, undoes=True, **fields)


@pytest.mark.parametrize(
    ("minor", "reopened", "unapplied", "charges"),
    [
        (9_300, EARLIER.allocations, 500, 0),
        (9_650, EARLIER.allocations, 500, 350),
        (700, (Allocation("F-2026-001", 200),), 500, 0),
        (300, (), 300, 0),
    ],
)
def test_a_return_reopens_what_was_paid(
    minor: int, reopened: tuple[Allocation, ...], unapplied: int, charges: int
) -> None:
    payment = taken_back(minor)
    assert one(payment, settlements=[EARLIER]) == Reopened(
        payment=payment,
        reason=Reason.ORIGINAL_END_TO_END_ID,
        settlement="BE71/S0/1/0",
        reopened=reopened,
        unapplied_minor=unapplied,
        charges_minor=charges,
    )


def test_a_payment_comes_back_only_once() -> None:
    results = match(
        [taken_back(9_300), taken_back(9_300, "10")], items=ITEMS, settlements=[EARLIER]
    )
    assert sorted(type(result).__name__ for result in results) == ["Reopened", "Unallocated"]


def test_of_two_payments_the_one_of_that_amount_comes_back() -> None:
    small = Settlement("BE71/S0/2/0", "DD-1", "EUR", (Allocation("F-2026-003", 2_500),))
    result = one(taken_back(2_500), settlements=[EARLIER, small])
    assert isinstance(result, Reopened)
    assert result.settlement == "BE71/S0/2/0"


def test_a_partial_return_reopens_what_was_paid_last() -> None:
    shared = Settlement(
        "BE71/S0/1/0",
        "DD-1",
        "EUR",
        (Allocation("F-2026-001", 10_000), Allocation("F-2026-002", 5_000)),
    )
    result = one(taken_back(6_000), settlements=[shared])
    assert isinstance(result, Reopened)
    assert result.reopened == (Allocation("F-2026-001", 1_000), Allocation("F-2026-002", 5_000))


def test_a_return_in_another_currency_is_another_payment() -> None:
    result = one(taken_back(9_300, currency="USD"), settlements=[EARLIER])
    assert isinstance(result, Unallocated)


def test_paid_and_taken_back_in_one_file() -> None:
    payment = paid(10_000, end_to_end_id="LINK-1", entry="a/b%")
    back = taken_back(10_000, end_to_end_id="LINK-1")
    matched, reopened = sorted(
        match([back, payment], items=ITEMS), key=lambda one: isinstance(one, Reopened)
    )
    assert isinstance(matched, Matched)
    assert isinstance(reopened, Reopened)
    assert reopened.settlement == payment_name(payment.id) == "BE71/S1/a%2Fb%25/0"
    assert reopened.reopened == matched.allocations


@settings(deadline=None, max_examples=60)
@given(
    amounts=st.lists(st.integers(-50, 50).filter(bool), max_size=MAX_SUM_ITEMS - 4),
    target=st.integers(1, 120),
)
def test_sums_are_found_exactly(amounts: list[int], target: int) -> None:
    places = range(len(amounts))
    expected = [
        chosen
        for size in range(2, len(amounts) + 1)
        for chosen in combinations(places, size)
        if sum(amounts[place] for place in chosen) == target
    ]
    assert list(sums_to(amounts, target)) == expected


def test_sums_are_bounded() -> None:
    assert list(sums_to([1] * MAX_SUM_ITEMS + [500, 500], 1000)) == []


NUMBERS = [f"F-2026-{number:03d}" for number in range(1, 6)]
item_lists = st.lists(
    st.builds(
        lambda number, minor, customer, credit, days, link: item(
            number,
            minor,
            customer,
            credit=credit,
            due=date(2026, 3, 1) + timedelta(days=days),
            references=(f"REF{number}",),
            end_to_end_ids=(link,) if link else (),
        ),
        st.sampled_from(NUMBERS),
        st.integers(0, 4).map(lambda n: n * 1000),
        st.sampled_from(["martin", "dubois"]),
        st.booleans(),
        st.integers(0, 5),
        st.sampled_from(["", "L1", "L2"]),
    ),
    unique_by=lambda one: one.id,
    max_size=5,
)
payment_lists = st.lists(
    st.builds(
        lambda entry, minor, named, reference, link, iban, direction, undoes: paid(
            minor,
            " ".join(named),
            entry=str(entry),
            references=(f"REF{reference}",) if reference else (),
            end_to_end_id=link,
            party_iban=iban,
            direction=direction,
            undoes=undoes,
        ),
        st.integers(0, 99),
        st.integers(0, 8).map(lambda n: n * 500),
        st.lists(st.sampled_from(NUMBERS), max_size=3),
        st.sampled_from(["", "", *NUMBERS]),
        st.sampled_from([None, "L1", "L2"]),
        st.sampled_from([None, IBAN_MARTIN]),
        st.sampled_from([CREDIT, CREDIT, CREDIT, DEBIT]),
        st.sampled_from([False, False, True]),
    ),
    unique_by=lambda one: one.id,
    max_size=6,
)


def ways(result: Result) -> list[Matched | Proposal]:
    if isinstance(result, Matched):
        return [result]
    return list(result.proposals) if isinstance(result, Proposed) else []


@settings(deadline=None, max_examples=200)
@given(items=item_lists, payments=payment_lists, shuffled=st.randoms())
def test_sums_agree_and_nothing_is_spent_twice(
    items: list[MatchableItem],
    payments: list[Payment],
    shuffled: Random,
) -> None:
    results = match(payments, items=items, customers=[MARTIN, DUBOIS])
    by_id = {one.id: one for one in items}
    left = {one.id: one.open_minor for one in items}

    assert sorted(result.payment.id for result in results) == sorted(one.id for one in payments)
    for result in results:
        for way in ways(result):
            total = sum(share.minor for share in way.allocations) + way.unapplied_minor
            assert total == result.payment.minor
            assert way.unapplied_minor >= 0
            for share in way.allocations:
                one = by_id[share.item]
                assert (share.minor < 0) is one.credit
                assert 0 < abs(share.minor) <= one.open_minor
                assert (one.currency, one.customer) == (result.payment.currency, way.customer)
        if isinstance(result, Matched):
            for share in result.allocations:
                left[share.item] -= abs(share.minor)
        if isinstance(result, Reopened):
            back = sum(share.minor for share in result.reopened)
            assert back + result.unapplied_minor + result.charges_minor == result.payment.minor
    assert all(minor >= 0 for minor in left.values())

    shuffled.shuffle(items)
    shuffled.shuffle(payments)
    assert match(payments, items=items, customers=[DUBOIS, MARTIN]) == results
