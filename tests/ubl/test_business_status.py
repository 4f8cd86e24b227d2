"""Invoice responses move an invoice along the order of BIS 63 and never back."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubl.business_status import TRANSITIONS, BusinessState, Verdict, advance, event_of
from ubl.model import Identifier
from ubl.response import (
    Clarification,
    InvoiceReference,
    InvoiceResponse,
    InvoiceStatus,
    ResponseParty,
    StatusReason,
)

State = BusinessState
EVENTS = [state for state in State if state is not State.UNANSWERED]


def response(status: InvoiceStatus, *reasons: StatusReason) -> InvoiceResponse:
    party = ResponseParty(endpoint=Identifier("1", "0088"), name="A")
    return InvoiceResponse(
        identifier="IR",
        issue_date=date(2026, 1, 1),
        sender=party,
        receiver=party,
        status=status,
        invoice=InvoiceReference(number="1", type_code="380"),
        clarifications=tuple(Clarification(code=reason, text="x") for reason in reasons),
    )


def test_the_table_is_total() -> None:
    assert set(TRANSITIONS) == {(state, event) for state in State for event in EVENTS}


def test_every_status_may_come_first_and_any_may_be_left_out() -> None:
    for event in EVENTS:
        assert TRANSITIONS[State.UNANSWERED, event].state is event
    assert TRANSITIONS[State.ACKNOWLEDGED, State.PAID].state is State.PAID


@pytest.mark.parametrize("final", [State.REJECTED, State.PAID])
def test_nothing_moves_a_final_state(final: BusinessState) -> None:
    assert final.is_final
    for event in EVENTS:
        step = TRANSITIONS[final, event]
        assert step.state is final
        expected = Verdict.REPEATED if event is final else Verdict.OUT_OF_ORDER
        assert step.verdict is expected


def test_after_acceptance_only_payment_follows() -> None:
    moves = [
        event for event in EVENTS if TRANSITIONS[State.ACCEPTED, event].verdict is Verdict.ADVANCED
    ]
    assert moves == [State.PARTIALLY_PAID, State.PAID]


def test_a_query_may_be_repeated_and_then_move_on() -> None:
    again = TRANSITIONS[State.UNDER_QUERY, State.UNDER_QUERY]
    assert (again.verdict, again.basis) == (Verdict.REPEATED, "BIS 63 code policy")
    for event in (State.CONDITIONALLY_ACCEPTED, State.REJECTED, State.ACCEPTED, State.PAID):
        assert TRANSITIONS[State.UNDER_QUERY, event].state is event


def test_payment_in_part_may_be_followed_by_payment() -> None:
    part = response(InvoiceStatus.PAID, StatusReason.PARTIALLY_PAID)
    assert event_of(part) is State.PARTIALLY_PAID
    assert advance(State.ACCEPTED, part).state is State.PARTIALLY_PAID
    assert advance(State.PARTIALLY_PAID, response(InvoiceStatus.PAID)).state is State.PAID
    assert advance(State.PAID, part).verdict is Verdict.OUT_OF_ORDER


def test_each_status_announces_its_own_state() -> None:
    states = [event_of(response(status)) for status in InvoiceStatus]
    assert len(set(states)) == len(states)
    assert State.PARTIALLY_PAID not in states


@given(st.lists(st.sampled_from(EVENTS), max_size=12))
def test_no_sequence_of_responses_moves_an_invoice_back(events: list[BusinessState]) -> None:
    order = list(State)
    state = State.UNANSWERED
    for event in events:
        step = TRANSITIONS[state, event]
        assert order.index(step.state) >= order.index(state)
        assert (step.state is not state) is (step.verdict is Verdict.ADVANCED)
        assert step.basis
        state = step.state
