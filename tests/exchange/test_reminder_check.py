"""Judging reminders that arrive: every input gets a verdict, and rejected ones say why."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from exchange_reminders import reminder_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.as4.identifiers import BILLING_INVOICE, REMINDER, DocumentTypeId
from gateway.exchange.facts import reminder_facts
from gateway.exchange.reminder_check import check_arrived_reminder, is_reminder
from schematron.report.view import report_view
from ubl.reminder import REMINDER_CUSTOMIZATION

AT = datetime(2026, 12, 3, tzinfo=UTC)
FOREIGN = DocumentTypeId.parse(str(REMINDER).replace(REMINDER_CUSTOMIZATION, "OIOUBL-2.02"))


def check(content, document_type=REMINDER):
    return check_arrived_reminder(content, document_type, tenant_id=uuid4(), at=AT)


def test_a_right_one_is_valid_and_says_by_which_rules():
    reminder, run = check(reminder_bytes())
    assert reminder.identifier == "R-2026-1"
    assert (run.verdict, run.report["valid"], run.report["findings"]) == ("valid", True, [])
    (ruleset,) = run.report["rulesets"]
    assert (ruleset["id"], ruleset["verdict"]) == ("receivables-reminder-1.0", "valid")
    assert run.report["document"]["id"] == "R-2026-1"
    assert run.report["document"]["customization"] == REMINDER_CUSTOMIZATION


def test_advice_of_the_profile_is_a_warning_and_rejects_nothing():
    _, run = check(reminder_bytes(link="https://pay.vuurtoren.example/pay?who=luc"))
    assert (run.verdict, run.report["counts"]) == ("valid", {"fatal": 0, "warning": 1})
    assert [one["rule"] for one in run.report["findings"]] == ["R30"]


@pytest.mark.parametrize(
    ("old", "new", "verdict", "rule", "layer"),
    [
        (b">BE68539007547034<", b">BE68539007547035<", "invalid", "R23", "rules"),
        (b"<cbc:PaymentMeansCode>58<", b"<cbc:PaymentMeansCode><", "invalid", None, "xsd"),
        (b"<Reminder", b"<Remainder", "unreadable", "XML-NOT-WELL-FORMED", "input"),
        (b"Reminder", b"Order", "invalid", "REMINDER-NOT-UBL", "input"),
    ],
)
def test_a_faulty_one_says_where_and_why(old, new, verdict, rule, layer):
    content = reminder_bytes()
    assert old in content
    reminder, run = check(content.replace(old, new))
    assert run.verdict == verdict
    assert run.report["counts"]["fatal"] == len(run.report["findings"]) > 0
    finding = run.report["findings"][0]
    assert finding["rule"] == (rule or "REMINDER-MISSING")
    assert finding["layer"] == layer
    assert (reminder is not None) == (layer == "rules")


def test_a_foreign_profile_is_judged_only_if_it_is_ours_after_all():
    foreign = reminder_bytes().replace(REMINDER_CUSTOMIZATION.encode(), b"OIOUBL-2.1")
    reminder, run = check(foreign, FOREIGN)
    assert (reminder.identifier, run.verdict) == ("R-2026-1", "undetermined")
    assert run.report["rulesets"] == []
    assert check(foreign)[1].verdict == "invalid"
    assert check(reminder_bytes(), FOREIGN)[1].verdict == "valid"


def test_document_types_of_reminders_are_known_by_their_namespace():
    assert is_reminder(REMINDER)
    assert is_reminder(FOREIGN)
    assert not is_reminder(BILLING_INVOICE)


WHOLE = reminder_bytes()


@given(cut=st.integers(0, len(WHOLE)), length=st.integers(0, 40), put=st.binary(max_size=8))
@settings(max_examples=80, deadline=None)
def test_whatever_arrives_gets_a_verdict_that_can_be_shown(cut, length, put):
    reminder, run = check(WHOLE[:cut] + put + WHOLE[cut + length :])
    assert run.verdict in ("valid", "invalid", "unreadable")
    shown = report_view(run.report, lang="en")
    assert shown.valid == (run.verdict == "valid") == (shown.fatal == 0)
    if reminder is not None:
        facts = reminder_facts(reminder)
        assert len(facts.number) <= 200
        assert facts.amount_minor is None or abs(facts.amount_minor) < 2**63
