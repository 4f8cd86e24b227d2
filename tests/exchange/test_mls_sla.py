"""The service levels of MLS: counts, shares and percentiles, by hand and by property."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.exchange.answer_csv import csv_of
from gateway.exchange.answer_desk import SideLevel
from gateway.exchange.answer_tables import MlsSide
from gateway.exchange.mls_sla import TARGETS, Bin, measure
from gateway.exchange.mls_sla_queries import month_of

OWED, AWAITED = MlsSide.OWED, MlsSide.AWAITED


def test_in_time_is_up_to_the_very_second():
    total, _ = measure(OWED, [Bin("POP000001", 1200, 1), Bin("POP000001", 1201, 1)])
    assert (total.in_time, total.late) == (1, 1)
    total, _ = measure(AWAITED, [Bin("POP000001", 1500, 1), Bin("POP000001", 1501, 1)])
    assert (total.in_time, total.late) == (1, 1)


def test_a_missing_answer_counts_against_and_a_pending_one_not_yet():
    bins = [
        Bin("POP000001", 5, 198),
        Bin("POP000001", None, 1, overdue=True),
        Bin("POP000001", None, 7),
    ]
    total, _ = measure(OWED, bins)
    assert (total.expected, total.missing, total.pending) == (206, 1, 7)
    assert total.share == Decimal("99.49")
    assert total.met is False


def test_the_share_is_rounded_down_so_that_no_target_is_met_by_rounding():
    just = measure(OWED, [Bin("A", 1, 199), Bin("A", 9999, 1)])[0]
    assert (just.share, just.met) == (Decimal("99.50"), True)
    short = measure(OWED, [Bin("A", 1, 99_499), Bin("A", 9999, 501)])[0]
    assert (short.share, short.met) == (Decimal("99.49"), False)


def test_a_month_without_documents_says_nothing():
    total, peers = measure(OWED, [])
    assert (total.share, total.met, total.percentiles, peers) == (None, None, {}, ())


def test_percentiles_are_values_that_occurred():
    bins = [Bin("A", seconds, 1) for seconds in range(1, 101)]
    assert measure(OWED, bins)[0].percentiles == {50: 50, 95: 95, 99: 99}
    assert measure(OWED, [Bin("A", 7, 1)])[0].percentiles == {50: 7, 95: 7, 99: 7}


def test_the_worst_access_point_comes_first():
    bins = [Bin("GOOD", 1, 9), Bin("BAD", 9999, 2), Bin("WORST", None, 3, overdue=True)]
    _, peers = measure(AWAITED, bins)
    assert [one.peer_seat for one in peers] == ["WORST", "BAD", "GOOD"]


def test_months_are_whole_and_in_utc():
    begin, end = month_of(2026, 12)
    assert (begin.isoformat(), end.isoformat()) == (
        "2026-12-01T00:00:00+00:00",
        "2027-01-01T00:00:00+00:00",
    )


bins_strategy = st.lists(
    st.builds(
        Bin,
        st.sampled_from(["A", "B"]),
        st.one_of(st.none(), st.integers(0, 4000)),
        st.integers(1, 50),
        st.booleans(),
    ),
    max_size=12,
)


@given(bins_strategy)
@settings(max_examples=80, deadline=None)
def test_every_document_is_counted_once(bins):
    total, peers = measure(OWED, bins)
    assert total.expected == sum(one.count for one in bins)
    assert total.expected == total.in_time + total.late + total.missing + total.pending
    assert total.expected == sum(one.level.expected for one in peers)
    plain = sorted(one.took_s for one in bins if one.took_s is not None for _ in range(one.count))
    for percent, seconds in total.percentiles.items():
        assert seconds == plain[-(-len(plain) * percent // 100) - 1]
    target = TARGETS[OWED].total_seconds()
    assert total.in_time == sum(one <= target for one in plain)


def test_the_table_of_access_points_has_a_row_for_each():
    total, peers = measure(OWED, [Bin("POP000001", 61, 2), Bin("POP000002", None, 1)])
    lines = csv_of([SideLevel(OWED, total, peers, ())], "peers").splitlines()
    assert lines[0].startswith("level,seat,expected,in_time,late,missing,pending,share,p50_s")
    assert lines[1:] == [
        "MLS-1,POP000001,2,2,0,0,0,100.00,61,61,61",
        "MLS-1,POP000002,1,0,0,0,1,,,,",
    ]
