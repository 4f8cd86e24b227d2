"""The state table of initiations: whatever order news come in, they end in the same place."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.payments.queries import BEGUN, TAKEN
from gateway.payments.states import INITIATION, UNDER_WAY, InitiationEvent, InitiationState, after

EVENTS = st.lists(st.sampled_from(InitiationEvent), max_size=8)
_S = InitiationState


def run(events, state=_S.CREATED):
    for event in events:
        state = after(state, event)
    return state


@given(EVENTS, st.sampled_from(InitiationEvent))
def test_the_same_news_twice_is_the_news_once(events, event):
    assert run([*events, event, event]) is run([*events, event])


@given(EVENTS)
@settings(max_examples=200)
def test_money_the_provider_saw_is_never_unseen(events):
    if InitiationEvent.SETTLED in events and InitiationEvent.FAILED not in events:
        assert run(events) is _S.SETTLED
    assert run(events, _S.SETTLED) is _S.SETTLED
    assert run(events, _S.FAILED) is _S.FAILED


@given(EVENTS)
def test_the_order_of_news_about_a_payment_that_succeeds_does_not_matter(events):
    told = [one for one in events if one is not InitiationEvent.FAILED]
    assert run([*told, InitiationEvent.SETTLED]) is run([InitiationEvent.SETTLED, *told])


def test_the_table_leads_from_every_state_that_is_not_final():
    left = {state for state, _ in INITIATION}
    assert set(_S) - left == {_S.SETTLED, _S.FAILED}
    assert all(after(state, event) is not state for state, event in INITIATION)


def test_begun_and_taken_together_are_what_holds_reminders():
    assert BEGUN | TAKEN == UNDER_WAY
    assert not BEGUN & TAKEN
    assert set(_S) - {_S.FAILED, _S.EXPIRED} == UNDER_WAY
