"""The table of an MLS: at most one leaves about a document, at most one counts."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange.answer_tables import MLS_TABLE, MlsEvent, MlsState
from gateway.exchange.states import IllegalTransition, advance

OWED = {
    MlsState.WAITING,
    MlsState.SILENT,
    MlsState.QUEUED,
    MlsState.SENT,
    MlsState.UNDELIVERABLE,
}
AWAITED = {MlsState.AWAITED, MlsState.QUIET, MlsState.ANSWERED}


def test_the_two_sides_never_mix():
    assert set(MlsState) == OWED | AWAITED
    for (before, _), after in MLS_TABLE.items():
        assert (before in OWED) is (after in OWED)


@given(st.sampled_from(MlsState), st.lists(st.sampled_from(MlsEvent), max_size=12))
def test_nothing_is_said_or_counted_twice(state, events):
    happened = []
    for event in events:
        try:
            state = advance(MLS_TABLE, state, event)
        except IllegalTransition:
            assert (state, event) not in MLS_TABLE
        else:
            happened.append(event)
    for once in (MlsEvent.DECIDED, MlsEvent.DELIVERED, MlsEvent.GIVEN_UP, MlsEvent.RECEIVED):
        assert happened.count(once) <= 1
    if MlsEvent.DELIVERED in happened:
        # Even one that was given up may be sent again; what arrived has come to its end.
        assert happened[-1] is MlsEvent.DELIVERED
