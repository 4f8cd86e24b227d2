"""The state tables of dunning: what may never happen, whatever the order of events."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.dunning.states import (
    MAIL,
    PENDING,
    REMINDER,
    TAKEN,
    MailEvent,
    MailState,
    ReminderEvent,
    ReminderState,
)

REMINDER_EVENTS = st.lists(st.sampled_from(ReminderEvent), max_size=12)
MAIL_EVENTS = st.lists(st.sampled_from(MailEvent), max_size=12)


def test_a_step_is_pending_or_taken_or_over() -> None:
    assert not PENDING & TAKEN
    assert set(ReminderState) - PENDING - TAKEN == {ReminderState.CANCELLED}
    assert {after for _, after in REMINDER.items()} | {ReminderState.AWAITING_APPROVAL} == set(
        ReminderState
    )


@given(REMINDER_EVENTS)
def test_what_was_handed_over_is_not_handed_over_again_unless_it_was_refused(
    events: list[ReminderEvent],
) -> None:
    state, refused = ReminderState.PLANNED, True
    for event in events:
        if (state, event) not in REMINDER:
            continue
        if event is ReminderEvent.HANDED_OVER:
            assert refused
            refused = False
        refused = refused or event is ReminderEvent.REFUSED
        state = REMINDER[state, event]
    assert state in ReminderState


@given(MAIL_EVENTS)
def test_a_text_goes_out_again_only_after_a_no_or_a_person(events: list[MailEvent]) -> None:
    state, allowed = MailState.READY, True
    for event in events:
        if (state, event) not in MAIL:
            continue
        if event is MailEvent.HANDING_OVER:
            assert allowed
            allowed = False
        allowed = allowed or event in (MailEvent.DEFERRED, MailEvent.TRIED_AGAIN)
        state = MAIL[state, event]


def test_a_mail_that_arrived_or_was_called_off_stays_so() -> None:
    ends = {MailState.SENT, MailState.CANCELLED}
    assert not [state for state, _ in MAIL if state in ends]
