"""What C3 tells C2 about a document, in words a person can use, and valid by the MLS rules."""

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.as4.identifiers import spid_of_seat
from gateway.core.errors import GatewayError
from gateway.exchange.answer_outcome import Outcome, statement_of
from gateway.exchange.answer_policy import UNANSWERED_KINDS, Policy, decide
from gateway.exchange.answer_tables import Confirm, InvalidPolicy, MlsAsked
from gateway.exchange.mls import (
    MAX_ISSUES,
    delivered,
    delivered_in_spite,
    forwarded,
    rejected,
    write_statement,
)
from gateway.exchange.tables import DocumentKind
from schematron import worker as engine
from ubl.response import FAILURES, MlsCode, MlsIssue, MlsReason, read_mls

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def finding(rule="BR-01", *, layer="rules", severity="fatal", location="/Invoice/ID", text="No."):
    return {
        "rule": rule,
        "layer": layer,
        "severity": severity,
        "location": location,
        "message": text,
    }


def report(*findings, verdict="invalid"):
    fatal = sum(one["severity"] == "fatal" for one in findings)
    return {
        "valid": verdict == "valid",
        "verdict": verdict,
        "findings": findings,
        "counts": {"fatal": fatal, "warning": len(findings) - fatal},
    }


def written(statement):
    return write_statement(
        statement,
        reference="sbdh-1",
        own_seat="POP000202",
        address=spid_of_seat("POP000777"),
        at=NOW,
    )


def told(statement):
    return read_mls(written(statement))


def decided(found, *, asked=MlsAsked.ALWAYS, kind=DocumentKind.INVOICE, **policy):
    return decide(Policy(**policy), found, kind=kind, asked=asked)


def test_a_delivered_document_gets_a_plain_yes_from_seat_to_seat():
    mls = told(delivered())
    assert (mls.code, mls.reference, mls.issues) == (MlsCode.DELIVERED, "sbdh-1", ())
    assert (mls.sender.value, mls.receiver.value) == ("000202", "000777")
    assert mls.issued_at == NOW


def test_a_rejection_names_each_rule_and_place_and_leaves_warnings_out():
    found = report(finding(), finding("W", severity="warning"), finding("X", layer="xsd"))
    mls = told(rejected(found))
    assert mls.code is MlsCode.REJECTED
    assert mls.description == "The document breaks 2 rule(s) and was not accepted (invalid)."
    assert [(one.reason, one.text, one.location) for one in mls.issues] == [
        (MlsReason.RULE_VIOLATION, "[BR-01] No.", "/Invoice/ID"),
        (MlsReason.SYNTAX_VIOLATION, "[X] No.", "/Invoice/ID"),
    ]


def test_a_place_that_is_unknown_is_left_out():
    (issue,) = told(rejected(report(finding(location=None)))).issues
    assert issue.location == "NA"


def test_no_more_reasons_are_given_than_somebody_reads():
    found = report(*[finding(str(n)) for n in range(200)])
    assert len(told(rejected(found)).issues) == MAX_ISSUES


@pytest.mark.parametrize("verdict", ["unreadable", "invalid"])
def test_a_rejection_without_findings_still_has_a_reason(verdict):
    (issue,) = told(rejected(report(verdict=verdict))).issues
    assert issue.reason is MlsReason.SYNTAX_VIOLATION
    assert verdict in issue.text


def test_a_document_delivered_in_spite_of_its_faults_carries_them_as_warnings():
    mls = told(delivered_in_spite(report(finding(), finding("X", layer="xsd"))))
    assert mls.code is MlsCode.DELIVERED
    assert [one.reason for one in mls.issues] == [MlsReason.RULE_WARNING] * 2


@pytest.mark.parametrize("verdict", ["undetermined", "engine-error"])
def test_what_could_not_be_judged_is_not_rejected(verdict):
    decision = decided(report(verdict=verdict))
    assert (decision.rejected, decision.statement) == (False, delivered())


@pytest.mark.parametrize(
    ("confirm", "asked", "invalid", "broken"),
    list(product(Confirm, MlsAsked, InvalidPolicy, (False, True))),
)
def test_every_policy_says_what_it_says(confirm, asked, invalid, broken):
    found = report(finding()) if broken else report(verdict="valid")
    decision = decided(found, asked=asked, confirm=confirm, invalid=invalid)
    kept_out = broken and invalid is InvalidPolicy.REJECT
    assert decision.rejected is kept_out
    if kept_out:
        # A failure is told whatever C2 asked for, and no business is waited for.
        assert decision.statement.code is MlsCode.REJECTED
        assert decision.send
    elif confirm is not Confirm.AT_INBOX:
        assert (decision.statement, decision.send) == (None, False)
    else:
        assert decision.statement.code is MlsCode.DELIVERED
        assert bool(decision.statement.issues) is broken
        assert decision.send is (asked is MlsAsked.ALWAYS)


@pytest.mark.parametrize("kind", sorted(UNANSWERED_KINDS))
@pytest.mark.parametrize("found", [None, report(finding(), verdict="unreadable")])
def test_nothing_is_ever_said_about_an_answer_of_an_access_point(kind, found):
    decision = decided(found, kind=kind)
    assert (decision.statement, decision.send) == (None, False)


REASONS = [MlsIssue(reason=one, text="Why.") for one in MlsReason]


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("reason", [None, *REASONS], ids=str)
def test_an_outcome_and_its_reasons_agree_or_are_refused(outcome, reason):
    reasons = (reason,) if reason else ()
    codes = {one.reason for one in reasons}
    fits = {
        Outcome.DELIVERED: not codes & FAILURES,
        Outcome.FORWARDED: not codes & FAILURES,
        Outcome.REJECTED: bool(codes & {MlsReason.RULE_VIOLATION, MlsReason.SYNTAX_VIOLATION}),
        Outcome.FAILED: True,
    }[outcome]
    if not fits:
        with pytest.raises(GatewayError) as refused:
            statement_of(outcome, reasons)
        assert refused.value.code == "OUTCOME-INVALID"
        return
    mls = told(statement_of(outcome, reasons))
    fatal = [one.reason for one in mls.issues if one.reason in FAILURES]
    assert bool(fatal) is (mls.code is MlsCode.REJECTED)
    assert (MlsReason.FAILURE_OF_DELIVERY in fatal) is (outcome is Outcome.FAILED)


def test_a_rejection_because_of_a_failed_delivery_is_reported_as_failed():
    both = (REASONS[0], MlsIssue(reason=MlsReason.FAILURE_OF_DELIVERY, text="Gone."))
    with pytest.raises(GatewayError, match="failed"):
        statement_of(Outcome.REJECTED, both)


@pytest.mark.parametrize(
    "statement",
    [
        delivered(),
        forwarded(),
        rejected(report(finding(), finding("X", layer="xsd", location=None))),
        rejected(report(verdict="unreadable")),
        delivered_in_spite(report(finding())),
        statement_of(Outcome.FAILED),
        statement_of(Outcome.REJECTED, (REASONS[0],), "Not ours."),
        statement_of(Outcome.DELIVERED, (MlsIssue(reason=MlsReason.RULE_WARNING, text="Odd."),)),
    ],
    ids=lambda one: f"{one.code}-{len(one.issues)}",
)
def test_whatever_we_say_holds_by_the_rules_of_the_mls(statement):
    found = engine.run(written(statement), as_of="2026-11-02", rules=("mls-1.0.1",))
    assert found["verdict"] == "valid", found["findings"]


anything = st.text(max_size=60)


@given(st.lists(st.tuples(anything, anything), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_a_rule_says_can_be_written_and_read(findings):
    found = report(*[finding(text=text, location=place) for text, place in findings])
    assert len(told(rejected(found)).issues) == len(findings)
