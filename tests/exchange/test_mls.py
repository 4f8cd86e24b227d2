"""What C3 tells C2 about a document, in words a person can use."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId, spid_of_seat
from gateway.as4.sbdh import MlsType, Sbdh
from gateway.exchange.mls import MAX_ISSUES, write_mls_for
from gateway.exchange.tables import Reception
from ubl.response import MlsCode, MlsReason, read_mls

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def header(**how):
    return Sbdh(
        **{
            "sender": ParticipantId.of("0208:0765432146"),
            "receiver": ParticipantId.of("0208:0876543270"),
            "document_type": BILLING_INVOICE,
            "process": PROCESS_BILLING,
            "standard": BILLING_INVOICE.namespace,
            "type_version": "2.1",
            "type": "Invoice",
            "instance_identifier": "sbdh-1",
            "created": NOW,
            "country_c1": "BE",
            "mls_to": spid_of_seat("POP000777"),
            "mls_type": MlsType.ALWAYS_SEND,
            **how,
        }
    )


RECEPTION = Reception(own_seat="POP000202", signer_seat="POP000101")


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


def told(found, **how):
    return read_mls(write_mls_for(header(**how), RECEPTION, found, at=NOW))


def test_a_delivered_document_gets_a_plain_yes_from_seat_to_seat():
    mls = told(report(finding(severity="warning"), verdict="valid"))
    assert (mls.code, mls.reference, mls.issues) == (MlsCode.DELIVERED, "sbdh-1", ())
    assert (mls.sender.value, mls.receiver.value) == ("000202", "000777")
    assert mls.issued_at == NOW


def test_without_an_address_for_answers_the_signer_is_told():
    assert told(None, mls_to=None).receiver.value == "000101"


def test_a_rejection_names_each_rule_and_place_and_leaves_warnings_out():
    mls = told(report(finding(), finding("W", severity="warning"), finding("X", layer="xsd")))
    assert mls.code is MlsCode.REJECTED
    assert mls.description == "The document breaks 2 rule(s) and was not accepted (invalid)."
    assert [(one.reason, one.text, one.location) for one in mls.issues] == [
        (MlsReason.RULE_VIOLATION, "[BR-01] No.", "/Invoice/ID"),
        (MlsReason.SYNTAX_VIOLATION, "[X] No.", "/Invoice/ID"),
    ]


def test_a_place_that_is_unknown_is_left_out():
    (issue,) = told(report(finding(location=None))).issues
    assert issue.location == "NA"


def test_no_more_reasons_are_given_than_somebody_reads():
    assert len(told(report(*[finding(str(n)) for n in range(200)])).issues) == MAX_ISSUES


@pytest.mark.parametrize("verdict", ["unreadable", "invalid"])
def test_a_rejection_without_findings_still_has_a_reason(verdict):
    (issue,) = told(report(verdict=verdict)).issues
    assert issue.reason is MlsReason.SYNTAX_VIOLATION
    assert verdict in issue.text


@pytest.mark.parametrize("verdict", ["undetermined", "engine-error"])
def test_what_could_not_be_judged_is_not_rejected(verdict):
    assert told(report(verdict=verdict)).code is MlsCode.DELIVERED


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@given(st.lists(st.tuples(printable, printable), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_whatever_a_rule_says_can_be_written_and_read(findings):
    found = report(*[finding(text=text, location=place) for text, place in findings])
    assert len(told(found).issues) == len(findings)
