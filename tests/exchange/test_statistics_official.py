"""What we write, judged by OpenPeppol's own rules and schemas: ours agrees, on good and on bad."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    MESSAGE_LEVEL_STATUS,
    PROCESS_BILLING,
    PROCESS_MLS,
)
from gateway.exchange.statistics.checking import check_report
from gateway.exchange.statistics.counting import ReportKind
from gateway.exchange.statistics.figures import (
    EndUserUse,
    Exchanges,
    count_end_users,
    count_transactions,
)
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.writing import write_report
from gateway.exchange.tables import Direction
from schematron import registry as registries
from schematron.finding import Severity, Verdict
from schematron.validate import Options, validate

pytestmark = pytest.mark.corpus

MONTH, SEAT, DAY = Period(2026, 10), "POP000001", date(2026, 11, 2)
LEFT_OUT = ("<Incoming>", "<Outgoing>", "SenderCountry", "POP000002", "PerTP", "EndUserCountry")


@pytest.fixture(scope="module")
def registry(official_rules):
    return registries.load(store=official_rules)


countries = st.sampled_from(("BE", "EL", "1A", "QQ", None))
subjects = st.sampled_from(
    (
        (BILLING_INVOICE, PROCESS_BILLING),
        (BILLING_CREDIT_NOTE, PROCESS_BILLING),
        (MESSAGE_LEVEL_STATUS, PROCESS_MLS),
    )
)


@st.composite
def reports(draw) -> tuple[ReportKind, bytes]:
    """A report of a small month."""
    kind, rows = draw(st.sampled_from(ReportKind)), []
    for _ in range(draw(st.integers(0, 6))):
        document_type, process = draw(subjects)
        direction, country = draw(st.sampled_from(Direction)), draw(countries)
        if kind is ReportKind.TSR:
            provider, number = (
                draw(st.sampled_from(("POP000002", "POP000003"))),
                draw(st.integers(1, 9)),
            )
            profile = "peppol-transport-as4-v2_0"
            rows.append(
                Exchanges(
                    direction, provider, document_type, process, profile, country, "BE", number
                )
            )
        else:
            end_user = draw(st.sampled_from("abc"))
            rows.append(EndUserUse(direction, end_user, country, document_type, process))
    count = count_transactions if kind is ReportKind.TSR else count_end_users
    return kind, write_report(count(rows, period=MONTH, seat_id=SEAT))


def official(registry, content: bytes) -> tuple[Verdict, set[str]]:
    report = validate(content, options=Options(as_of=DAY), registry=registry)
    fatal = {one.rule for one in report.findings if one.severity is Severity.FATAL}
    return report.verdict, {one for one in fatal if one.startswith("SCH-")}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=reports())
def test_what_we_write_is_judged_alike(registry, made):
    kind, content = made
    ours = {one.rule for one in check_report(kind, content)}
    assert official(registry, content) == (Verdict.INVALID if ours else Verdict.VALID, ours)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=reports(), what=st.sampled_from(LEFT_OUT), instead=st.sampled_from(("XX", "POP000009")))
def test_what_was_spoilt_is_judged_alike(registry, made, what, instead):
    kind, content = made
    if what.startswith("<"):
        spoilt = content.replace(what.encode(), what.encode() + b"9", 1)
    else:
        spoilt = content.replace(what.encode(), instead.encode(), 1)
    ours = {one.rule for one in check_report(kind, spoilt)}
    verdict, theirs = official(registry, spoilt)
    assert (verdict is Verdict.VALID, theirs) == (not ours, ours)
