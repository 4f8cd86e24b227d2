"""The aged balance and the figures of receivables management, against worked examples."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminders import kpi
from reminders.ageing import Bucket, aged_balance, bucket_of
from reminders.entries import EntryKind, ItemKind
from reminders.ledger import OpenItem, open_by_currency, state_of

Make = Callable[..., OpenItem]
ON = date(2026, 6, 30)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-3, Bucket.NOT_DUE),
        (0, Bucket.NOT_DUE),
        (1, Bucket.DAYS_1_30),
        (30, Bucket.DAYS_1_30),
        (31, Bucket.DAYS_31_60),
        (60, Bucket.DAYS_31_60),
        (61, Bucket.DAYS_61_90),
        (90, Bucket.DAYS_61_90),
        (91, Bucket.OVER_90),
    ],
)
def test_buckets_and_their_edges(days: int, bucket: Bucket) -> None:
    assert bucket_of(days) is bucket


def due(days_late: int) -> date:
    return ON - timedelta(days=days_late)


def test_a_balance_by_customer_and_currency(item: Make, post: Make) -> None:
    disputed = post(item("b", 400, due=due(45)), EntryKind.DISPUTE_OPENED, 150, dispute="d", on=ON)
    paid = post(item("p", 70, due=due(10)), EntryKind.PAYMENT_ALLOCATED, 70, on=ON)
    balance = aged_balance(
        [
            item("a", 100, due=due(-5)),
            disputed,
            item("c", 900, due=due(91)),
            item("n", 250, kind=ItemKind.CREDIT_NOTE),
            item("s", 33, due=due(1), currency="SEK"),
            item("z", 5, due=due(75), customer="c0"),
            paid,
        ],
        ON,
    )
    assert [(row.customer, row.currency) for row in balance.rows] == [
        ("c0", "EUR"),
        ("c1", "EUR"),
        ("c1", "SEK"),
    ]
    row = balance.rows[1]
    assert row.buckets == (100, 0, 400, 0, 900)
    assert (row.open, row.overdue, row.credits, row.balance) == (1400, 1300, -250, 1150)
    assert (row.disputed, row.oldest_days) == (150, 91)
    assert [(row.currency, row.balance) for row in balance.totals] == [("EUR", 1155), ("SEK", 33)]
    assert balance.totals[0][Bucket.DAYS_61_90] == 5


def test_one_cent_is_open_and_what_is_not_overdue_has_no_age(item: Make) -> None:
    (row,) = aged_balance([item("a", 1, due=due(-5))], ON).rows
    assert (row.open, row.credits, row.overdue, row.oldest_days) == (1, 0, 0, 0)
    (row,) = aged_balance([item("n", 1, kind=ItemKind.CREDIT_NOTE)], ON).rows
    assert (row.open, row.credits, row.balance, row.oldest_days) == (0, -1, -1, 0)


def test_a_balance_of_the_past_forgets_what_came_later(item: Make, post: Make) -> None:
    paid = post(item("p", 70, due=due(10)), EntryKind.PAYMENT_ALLOCATED, 70, on=ON)
    assert aged_balance([paid], ON).rows == ()
    assert aged_balance([paid], due(1)).rows[0][Bucket.DAYS_1_30] == 70


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["c1", "c2"]),
            st.sampled_from(["EUR", "SEK"]),
            st.sampled_from([ItemKind.INVOICE, ItemKind.CREDIT_NOTE]),
            st.integers(1, 10**9),
            st.integers(-40, 200),
        ),
        max_size=12,
    )
)
def test_rows_add_up_to_the_ledger(
    item: Make, facts: list[tuple[str, str, ItemKind, int, int]]
) -> None:
    items = [
        item(
            str(at),
            amount,
            customer=customer,
            currency=currency,
            kind=kind,
            on=date(2025, 1, 1),
            due=due(late),
        )
        for at, (customer, currency, kind, amount, late) in enumerate(facts)
    ]
    balance = aged_balance(items, ON)
    expected = open_by_currency(state_of(one, ON) for one in items)
    assert {row.currency: row.balance for row in balance.totals} == expected
    for total in balance.totals:
        rows = [row for row in balance.rows if row.currency == total.currency]
        assert sum(row.balance for row in rows) == total.balance
        assert total.buckets == tuple(map(sum, zip(*(row.buckets for row in rows), strict=True)))


def test_days_sales_outstanding() -> None:
    assert kpi.dso(receivables=300_000, sales=900_000, days=90) == Decimal("30.00")
    assert kpi.dso(receivables=1, sales=3, days=1) == Decimal("0.33")
    assert kpi.dso(receivables=1, sales=200, days=1) == Decimal("0.01")
    assert kpi.dso(receivables=300_000, sales=0, days=90) is None
    assert kpi.best_possible_dso(not_due=200_000, sales=900_000, days=90) == Decimal("20.00")


@pytest.mark.parametrize(
    ("receivables", "expected"),
    [
        (0, "0.00"),
        (50, "15.50"),
        (100, "31.00"),
        (150, "45.00"),
        (200, "59.00"),
        (230, "68.30"),
        (300, "90.00"),
    ],
)
def test_dso_counts_back_month_by_month(receivables: int, expected: str) -> None:
    months = [kpi.MonthOfSales(100, 31), kpi.MonthOfSales(100, 28), kpi.MonthOfSales(100, 31)]
    assert kpi.dso_countback(receivables, months) == Decimal(expected)


def test_dso_does_not_guess_beyond_the_months_given() -> None:
    assert kpi.dso_countback(301, [kpi.MonthOfSales(300, 31)]) is None
    assert kpi.dso_countback(100, [kpi.MonthOfSales(0, 30), kpi.MonthOfSales(200, 30)]) == 45
    assert kpi.dso_countback(100, [kpi.MonthOfSales(100, 31), kpi.MonthOfSales(0, 28)]) == 31
    assert kpi.dso_countback(1, [kpi.MonthOfSales(2, 30)]) == 15


def test_averages_weigh_by_amount() -> None:
    start = date(2026, 1, 1)
    payments = [
        kpi.PaidAmount(
            amount=amount,
            issued=start,
            due=start + timedelta(days=30),
            paid=start + timedelta(days=days),
        )
        for amount, days in ((100, 20), (300, 60))
    ]
    assert kpi.average_days_to_pay(payments) == Decimal("50.00")
    assert kpi.average_delay(payments) == Decimal("20.00")
    assert kpi.average_delay(payments[:1]) == Decimal("-10.00")
    assert kpi.average_days_to_pay([]) is None


def test_percentages() -> None:
    assert kpi.overdue_percent(overdue=1, open_amount=3) == Decimal("33.33")
    assert kpi.overdue_percent(overdue=0, open_amount=0) is None
    assert kpi.collection_effectiveness(
        open_before=100, sales=200, open_after=90, not_due_after=60
    ) == Decimal("87.50")
    assert kpi.recovery_percent(reminded=800, paid_in_time=300) == Decimal("37.50")
    assert kpi.promises_kept_percent(promises=3, kept=2) == Decimal("66.67")
    assert kpi.unpaid_percent(written_off=20, over_90_days=15, sales=1000) == Decimal("3.50")
    assert kpi.unpaid_percent(written_off=20, over_90_days=15, sales=0) is None


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9))
def test_figures_are_rounded_once_and_half_away_from_zero(amount: int, weight: int) -> None:
    figure = kpi.dso(receivables=amount, sales=weight, days=1)
    assert figure is not None
    error = abs(int(figure * 100) * weight - amount * 100)
    assert error * 2 <= weight
    if error * 2 == weight:
        assert abs(figure) * weight > abs(amount)
