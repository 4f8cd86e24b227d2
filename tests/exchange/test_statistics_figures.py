"""The figures of statistics reports: every family adds up, whatever the traffic and its order."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    END_USER_STATISTICS_REPORT,
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    PROCESS_BILLING,
    PROCESS_INVOICE_RESPONSE,
    TRANSACTION_STATISTICS_REPORT,
)
from gateway.exchange.statistics.checking import check_report
from gateway.exchange.statistics.counting import Counting, ReportKind, counting_of
from gateway.exchange.statistics.difference import difference
from gateway.exchange.statistics.figures import (
    EndUserUse,
    Exchanges,
    Family,
    Figures,
    KeyRole,
    count_end_users,
    count_transactions,
)
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.writing import write_report
from gateway.exchange.tables import Direction

MONTH, SEAT = Period(2026, 10), "POP000001"
PROFILE = "peppol-transport-as4-v2_0"

directions = st.sampled_from(Direction)
types = st.sampled_from((BILLING_INVOICE, BILLING_CREDIT_NOTE, INVOICE_RESPONSE))
processes = st.sampled_from((PROCESS_BILLING, PROCESS_INVOICE_RESPONSE))
countries = st.sampled_from(("BE", "DE", "FR", "GR", "QQ", None))
exchanges = st.builds(
    Exchanges,
    direction=directions,
    provider=st.sampled_from(("POP000002", "POP000003", SEAT)),
    document_type=types,
    process=processes,
    transport_profile=st.sampled_from((PROFILE, "peppol-transport-as4-v3_0")),
    sender_country=countries,
    receiver_country=countries,
    number=st.integers(1, 500),
)
uses = st.builds(
    EndUserUse,
    direction=directions,
    end_user=st.sampled_from("abcde"),
    country=countries,
    document_type=types,
    process=processes,
)


def summed(figures: Figures, family: Family) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(one.counts for one in figures.family(family)), strict=True)))


@settings(max_examples=60, deadline=None)
@given(st.lists(exchanges, max_size=20))
def test_every_family_of_a_tsr_adds_up_to_its_total(found):
    figures = count_transactions(found, period=MONTH, seat_id=SEAT)
    incoming = sum(one.number for one in found if one.direction is Direction.IN)
    outgoing = sum(one.number for one in found if one.direction is Direction.OUT)
    assert figures.total == (incoming, outgoing)
    if found:
        assert summed(figures, Family.PER_TP) == figures.total
        assert summed(figures, Family.PER_SP_DT_PR) == figures.total
    by_country = summed(figures, Family.PER_SP_DT_PR_CC)
    assert by_country == ((incoming, 0) if incoming else ())
    assert check_report(ReportKind.TSR, write_report(figures)) == ()


@settings(max_examples=60, deadline=None)
@given(st.lists(uses, max_size=20))
def test_an_eusr_counts_each_end_user_once(found):
    figures = count_end_users(found, period=MONTH, seat_id=SEAT)
    sending = {one.end_user for one in found if one.direction is Direction.OUT}
    receiving = {one.end_user for one in found if one.direction is Direction.IN}
    assert figures.total == (len(sending), len(receiving), len(sending | receiving))
    for line in figures.lines:
        assert all(part <= whole for part, whole in zip(line.counts, figures.total, strict=True))
        assert line.counts[2] >= 1
    flaws = {one.rule for one in check_report(ReportKind.EUSR, write_report(figures))}
    # Only where no end user at all has a known country is there nothing to say by country.
    nameless = bool(found) and all(one.country in ("QQ", None) for one in found)
    assert flaws == ({"SCH-EUSR-37", "SCH-EUSR-39"} if nameless else set())


@settings(max_examples=40, deadline=None)
@given(st.lists(exchanges, max_size=8), st.lists(uses, max_size=8), st.randoms())
def test_the_order_of_traffic_says_nothing(found, used, chance):
    before = write_report(count_transactions(found, period=MONTH, seat_id=SEAT))
    people = write_report(count_end_users(used, period=MONTH, seat_id=SEAT))
    chance.shuffle(found)
    chance.shuffle(used)
    assert write_report(count_transactions(found, period=MONTH, seat_id=SEAT)) == before
    assert write_report(count_end_users(used, period=MONTH, seat_id=SEAT)) == people


@settings(max_examples=40, deadline=None)
@given(st.lists(exchanges, max_size=10))
def test_figures_survive_storage_and_differ_from_nothing_of_their_own(found):
    figures = count_transactions(found, period=MONTH, seat_id=SEAT)
    again = Figures.from_json(figures.to_json())
    assert again == figures
    assert difference(figures, again).none


def one(**changes) -> Exchanges:
    values = {
        "direction": Direction.IN,
        "provider": "POP000002",
        "document_type": BILLING_INVOICE,
        "process": PROCESS_BILLING,
        "transport_profile": PROFILE,
        "sender_country": "DE",
        "receiver_country": "BE",
        "number": 1,
    }
    return Exchanges(**{**values, **changes})


def test_a_difference_names_the_lines_that_are_new_gone_or_other():
    before = count_transactions(
        [one(number=3), one(provider="POP000003")], period=MONTH, seat_id=SEAT
    )
    now = count_transactions([one(number=4), one(provider="POP000004")], period=MONTH, seat_id=SEAT)
    found = difference(before, now)
    assert (found.total_before, found.total_now) == ((4, 0), (5, 0))
    by_provider = {
        change.line.value(KeyRole.SERVICE_PROVIDER): (
            change.before and change.before.counts,
            change.now and change.now.counts,
        )
        for change in found.changes
        if change.line.family is Family.PER_SP_DT_PR
    }
    assert by_provider == {
        "POP000002": ((3, 0), (4, 0)),
        "POP000003": ((1, 0), None),
        "POP000004": (None, (1, 0)),
    }
    with pytest.raises(ValueError, match="same report"):
        difference(before, count_transactions([], period=MONTH.next, seat_id=SEAT))


def test_an_unknown_sender_country_is_zz():
    figures = count_transactions(
        [one(sender_country=None), one(sender_country="QQ")], period=MONTH, seat_id=SEAT
    )
    (line,) = figures.family(Family.PER_SP_DT_PR_CC)
    assert line.value(KeyRole.SENDER_COUNTRY) == "ZZ"
    assert line.counts == (2, 0)


def test_a_month_without_traffic_is_a_report_all_the_same():
    for kind, figures in (
        (ReportKind.TSR, count_transactions([], period=MONTH, seat_id=SEAT)),
        (ReportKind.EUSR, count_end_users([], period=MONTH, seat_id=SEAT)),
    ):
        content = write_report(figures)
        assert not any(figures.total)
        assert b"<StartDate>2026-10-01</StartDate>" in content
        assert b"<EndDate>2026-10-31</EndDate>" in content
        assert check_report(kind, content) == ()


def test_what_counts_where():
    assert counting_of(TRANSACTION_STATISTICS_REPORT) is Counting.NEITHER
    assert counting_of(END_USER_STATISTICS_REPORT) is Counting.NEITHER
    assert counting_of(MESSAGE_LEVEL_STATUS) is Counting.TRANSACTIONS
    assert counting_of(BILLING_INVOICE) is Counting.BOTH
    assert [one for one in Counting if one.includes(ReportKind.EUSR)] == [Counting.BOTH]
    assert Counting.NEITHER not in [one for one in Counting if one.includes(ReportKind.TSR)]


def test_one_end_user_with_two_roles_and_countries():
    seen = [
        EndUserUse(Direction.OUT, "a", "BE", BILLING_INVOICE, PROCESS_BILLING),
        EndUserUse(Direction.IN, "a", "NL", BILLING_INVOICE, PROCESS_BILLING),
        EndUserUse(Direction.IN, "b", "NL", BILLING_INVOICE, PROCESS_BILLING),
    ]
    reports = {
        write_report(count_end_users(some, period=MONTH, seat_id=SEAT))
        for some in permutations(seen)
    }
    assert len(reports) == 1
    figures = count_end_users(seen, period=MONTH, seat_id=SEAT)
    assert figures.total == (1, 2, 2)
    by_country = {
        line.value(KeyRole.END_USER_COUNTRY): line.counts for line in figures.family(Family.PER_EUC)
    }
    assert by_country == {"BE": (1, 0, 1), "NL": (0, 2, 2)}
