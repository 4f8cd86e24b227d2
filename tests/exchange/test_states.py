"""The four state machines as tables: nothing leaves a final state, nothing is a dead end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange.states import (
    NETWORK,
    TRANSPORT,
    BusinessState,
    IllegalTransition,
    NetworkState,
    PaymentState,
    TransportEvent,
    TransportState,
    advance,
    display_status,
    terminal,
)

FINAL = {
    TransportState.REFUSED,
    TransportState.DISPATCHED,
    TransportState.DELIVERED,
    TransportState.FAILED,
    TransportState.CANCELLED,
    TransportState.RECEIVED,
}


def test_the_final_transport_states_are_these():
    assert {one for one in TransportState if terminal(one)} == FINAL


@pytest.mark.parametrize("state", sorted(set(TransportState) - FINAL))
def test_every_other_transport_state_has_a_way_to_success_and_to_failure(state):
    reached, new = set(), {state}
    while new:
        reached |= new
        new = {after for (before, _), after in TRANSPORT.items() if before in reached} - reached
    assert {TransportState.DELIVERED, TransportState.FAILED} <= reached


@given(st.lists(st.sampled_from(TransportEvent), max_size=12))
def test_only_a_person_or_late_news_leads_a_document_out_of_a_final_transport_state(events):
    state, ended = TransportState.ACCEPTED, None
    late = {
        TransportState.FAILED: {
            TransportEvent.RESENT,
            TransportEvent.PROVEN,
            TransportEvent.HANDED_OFF,
        },
        TransportState.DISPATCHED: {
            TransportEvent.RESENT,
            TransportEvent.BOUNCED,
            TransportEvent.HANDED_OFF,
        },
    }
    for event in events:
        try:
            state = advance(TRANSPORT, state, event)
        except IllegalTransition:
            assert (state, event) not in TRANSPORT
        if ended is not None and event in late.get(ended, ()) and state is not ended:
            ended = None
        ended = ended or (state if state in FINAL else None)
    assert ended is None or state is ended


@pytest.mark.parametrize("state", sorted(set(TransportState) - FINAL))
def test_giving_up_is_always_possible_before_the_end(state):
    assert advance(TRANSPORT, state, TransportEvent.GIVEN_UP) is TransportState.FAILED


def test_a_receipt_ends_every_way_over_peppol_and_a_presumption_only_one_with_attempts():
    before = {
        event: {state for state, one in TRANSPORT if one is event}
        for event in (TransportEvent.RECEIPT_VERIFIED, TransportEvent.RECEIPT_PRESUMED)
    }
    tried = {TransportState.SENDING, TransportState.WAITING}
    assert before == {
        TransportEvent.RECEIPT_VERIFIED: {TransportState.ACCEPTED, TransportState.ROUTED, *tried},
        TransportEvent.RECEIPT_PRESUMED: tried,
    }


def test_nothing_that_left_peppol_is_ever_called_delivered_by_what_happens_there():
    outside = {TransportState.DISPATCHING, TransportState.DISPATCHED}
    reached = {after for (before, _), after in TRANSPORT.items() if before in outside}
    assert TransportState.DELIVERED not in reached
    shown = {
        display_status(one, NetworkState.NONE, BusinessState.UNANSWERED, PaymentState.NONE).key
        for one in outside
    }
    assert shown == {"dispatching", "dispatched"}


def test_what_is_on_the_wire_cannot_be_cancelled():
    assert (TransportState.SENDING, TransportEvent.CANCELLED) not in TRANSPORT


@given(st.lists(st.sampled_from(["AP", "AB", "RE"]), min_size=1, max_size=4))
def test_the_first_mls_counts_and_every_later_one_is_refused(codes):
    state = advance(NETWORK, NetworkState.AWAITED, codes[0])
    for code in codes[1:]:
        with pytest.raises(IllegalTransition):
            advance(NETWORK, state, code)


@given(
    st.sampled_from(TransportState),
    st.sampled_from(NetworkState),
    st.sampled_from(BusinessState),
    st.sampled_from(PaymentState),
)
def test_every_combination_has_one_status_to_show(transport, network, business, payment):
    shown = display_status(transport, network, business, payment)
    assert shown.key
    assert shown.icon
    assert shown.colour in {"red", "blue", "amber", "green", "grey", "violet"}
    assert (shown.key == "paid") == (payment is PaymentState.PAID)


@pytest.mark.parametrize(
    ("transport", "network", "business", "payment", "key"),
    [
        ("sending", "none", "unanswered", "none", "sending"),
        ("delivered", "awaited", "unanswered", "none", "delivered"),
        ("delivered", "accepted", "unanswered", "none", "network-accepted"),
        ("delivered", "forwarded", "unanswered", "none", "network-forwarded"),
        ("delivered", "rejected", "unanswered", "none", "network-rejected"),
        ("failed", "accepted", "unanswered", "none", "failed"),
        ("delivered", "accepted", "rejected", "none", "business-rejected"),
        ("delivered", "accepted", "paid", "announced", "business-paid"),
        ("delivered", "accepted", "rejected", "paid", "paid"),
        ("received", "rejected", "unanswered", "none", "network-rejected"),
    ],
)
def test_the_furthest_news_is_shown(transport, network, business, payment, key):
    shown = display_status(
        TransportState(transport),
        NetworkState(network),
        BusinessState(business),
        PaymentState(payment),
    )
    assert shown.key == key
