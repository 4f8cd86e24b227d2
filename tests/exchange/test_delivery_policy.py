"""The retry rule (decision 17) as a table, and what may be concluded from an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Retry
from gateway.exchange.delivery_policy import (
    NOT_SERVICED_KIND,
    PEER_ERROR,
    PEER_REFUSAL,
    PERMANENT_CODES,
    REFUSED_ONCE,
    TransmissionHistory,
    error_kind,
    may_resend,
    proves_delivery,
)
from gateway.exchange.tables import AttemptOutcome

UNKNOWN, NOT_SENT = AttemptOutcome.UNKNOWN, AttemptOutcome.NOT_SENT
ERROR, DUPLICATE, RECEIPT = (
    AttemptOutcome.ERROR,
    AttemptOutcome.DUPLICATE,
    AttemptOutcome.RECEIPT,
)
OPEN = {UNKNOWN, NOT_SENT}
outcomes = st.lists(st.sampled_from(AttemptOutcome), max_size=6)
words = st.sampled_from(["a", "b"])


@pytest.mark.parametrize(
    ("ended", "same_bytes", "duplicate_proves"),
    [
        ((), True, False),
        ((NOT_SENT,), True, False),
        ((UNKNOWN,), True, True),
        ((NOT_SENT, UNKNOWN, NOT_SENT), True, True),
        ((ERROR,), False, False),
        ((UNKNOWN, ERROR), False, False),
        ((ERROR, UNKNOWN), False, False),
        ((DUPLICATE,), False, False),
        ((RECEIPT,), False, False),
    ],
)
def test_what_earlier_attempts_allow_and_prove(ended, same_bytes, duplicate_proves):
    history = TransmissionHistory("https://ap.example/as4", "PEM", ended)
    assert (
        may_resend(history, endpoint_url="https://ap.example/as4", peer_certificate="PEM")
        is same_bytes
    )
    assert proves_delivery(ended) is duplicate_proves


@given(outcomes, words, words, words, words)
def test_the_same_bytes_travel_only_to_the_same_endpoint_while_nothing_is_known(
    ended, url, new_url, certificate, new_certificate
):
    history = TransmissionHistory(url, certificate, ended)
    allowed = may_resend(history, endpoint_url=new_url, peer_certificate=new_certificate)
    assert allowed == (url == new_url and certificate == new_certificate and set(ended) <= OPEN)


@given(outcomes)
def test_whatever_proves_a_delivery_may_also_be_sent_again(ended):
    if proves_delivery(ended):
        assert may_resend(
            TransmissionHistory("u", "c", ended), endpoint_url="u", peer_certificate="c"
        )


codes = st.lists(
    st.sampled_from([*sorted(PERMANENT_CODES), "EBMS:0004", "EBMS:0101", "EBMS:4001"]), max_size=3
)


@given(codes, st.booleans(), st.booleans())
def test_an_unsigned_error_never_ends_a_delivery(found, not_serviced, refused_before):
    kind = error_kind(found, not_serviced=not_serviced, signed=False, refused_before=refused_before)
    assert kind is PEER_ERROR
    assert kind.retry is Retry.BACKOFF


@given(codes, st.booleans())
def test_a_signed_refusal_ends_it_when_it_is_confirmed(found, not_serviced):
    def kind(*, refused_before):
        return error_kind(
            found, not_serviced=not_serviced, signed=True, refused_before=refused_before
        )

    if not not_serviced and not PERMANENT_CODES & set(found):
        assert kind(refused_before=True) is kind(refused_before=False) is PEER_ERROR
        return
    assert kind(refused_before=False) is REFUSED_ONCE
    assert REFUSED_ONCE.retry is Retry.BACKOFF
    assert kind(refused_before=True) is (NOT_SERVICED_KIND if not_serviced else PEER_REFUSAL)


@pytest.mark.parametrize("code", ["EBMS:0004", "EBMS:0101", "EBMS:0102", "EBMS:0202", "EBMS:4001"])
def test_a_passing_trouble_of_the_peer_is_waited_for(code):
    for before in (False, True):
        kind = error_kind([code], not_serviced=False, signed=True, refused_before=before)
        assert kind.retry is Retry.BACKOFF
