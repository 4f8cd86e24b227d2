"""What the SML and our SMP say to each other: read with suspicion, keys as the SML takes them."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.network import sml_messages
from gateway.network.registration_states import (
    MOVES,
    REGISTRATIONS,
    MoveState,
    Registration,
    may_register,
)

SOAP = sml_messages.SOAP_NAMESPACE


def answer(inner: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html/>",
        b"<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>",
        f'<s:Envelope xmlns:s="{SOAP}"/>'.encode(),
    ],
)
def test_what_is_no_answer_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(sml_messages.SmlAnswerInvalid):
        sml_messages.read_answer(data)


def test_an_undeclared_fault_is_a_fault() -> None:
    data = answer(
        "<s:Fault><faultcode>x</faultcode><faultstring>broken  pipe</faultstring></s:Fault>"
    )
    with pytest.raises(sml_messages.SmlFault) as caught:
        sml_messages.read_answer(data)
    assert (caught.value.kind, caught.value.text) == (
        sml_messages.FaultKind.OTHER,
        "broken pipe",
    )
    with pytest.raises(sml_messages.SmlAnswerInvalid):
        sml_messages.read_publisher(None)
    with pytest.raises(sml_messages.SmlAnswerInvalid):
        sml_messages.read_page(None)


@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with contextlib.suppress(sml_messages.SmlAnswerInvalid, sml_messages.SmlFault):
        sml_messages.read_answer(data)


def test_keys_are_what_the_sml_takes_and_never_the_same() -> None:
    keys = {sml_messages.migration_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(sml_messages.MIGRATION_KEY.fullmatch(one) and len(one) == 24 for one in keys)
    for wrong in ("11AAbb$", "11AAbb$$" * 3 + "1", "11AAbb$ $", "11aabb$$", "AAbb$$cc"):
        assert sml_messages.MIGRATION_KEY.fullmatch(wrong) is None, wrong


@given(st.lists(st.sampled_from(list(Registration)), max_size=8))
@settings(max_examples=50)
def test_states_follow_the_table_only(path: list[Registration]) -> None:
    assert set(REGISTRATIONS) == set(Registration)
    assert set(MOVES) == set(MoveState)
    state = Registration.PENDING
    for wanted in path:
        if may_register(state, wanted):
            state = wanted
    assert REGISTRATIONS[state], "no state is a dead end: every entry can come back"
