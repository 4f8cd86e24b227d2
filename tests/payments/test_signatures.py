"""Signed webhooks: only these bytes, now, by one of our secrets."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.payments.signatures import check, signed_headers

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
OLD, NEW = b"the secret of last year", b"the secret of this year"


def signed(body=b"{}", *, secrets=(NEW,), at=NOW, event_id="evt_1"):
    return signed_headers(event_id=event_id, at=at, body=body, secrets=secrets)


def refusal(headers, body=b"{}", *, secrets=(NEW,), now=NOW):
    with pytest.raises(GatewayError) as refused:
        check(headers, body, secrets=secrets, now=now)
    return refused.value.code


def test_the_signature_is_the_documented_one():
    made = base64.b64encode(
        hmac.new(NEW, b'evt_1.1793620800.{"a":1}', hashlib.sha256).digest()
    ).decode()
    assert signed(b'{"a":1}') == {
        "webhook-id": "evt_1",
        "webhook-timestamp": "1793620800",
        "webhook-signature": f"v1,{made}",
    }


@given(st.binary(max_size=200), st.sampled_from([(OLD,), (NEW,), (OLD, NEW)]))
def test_either_secret_opens_while_they_change(body, signing):
    assert check(signed(body, secrets=signing), body, secrets=(NEW, OLD), now=NOW) == "evt_1"


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_another_body_is_forged(body, other):
    if body != other:
        assert refusal(signed(body), other) == "PAYMENT-EVENT-FORGED"


def test_another_id_or_time_is_forged():
    headers = signed()
    assert refusal({**headers, "webhook-id": "evt_2"}) == "PAYMENT-EVENT-FORGED"
    assert refusal({**headers, "webhook-timestamp": "1793620801"}) == "PAYMENT-EVENT-FORGED"
    # The dots between the parts cannot be moved: a timestamp is digits only.
    moved = {**headers, "webhook-id": "evt", "webhook-timestamp": "1.1793620800"}
    assert refusal(moved) == "PAYMENT-EVENT-FORGED"


@pytest.mark.parametrize("secret", [(), (OLD,), (b"",)])
def test_a_secret_that_is_not_ours_signs_nothing(secret):
    assert refusal(signed(secrets=secret)) == "PAYMENT-EVENT-FORGED"
    assert refusal(signed(), secrets=()) == "PAYMENT-EVENT-FORGED"


def test_a_secret_left_empty_opens_nothing():
    assert refusal(signed(secrets=(b"",)), secrets=(b"", NEW)) == "PAYMENT-EVENT-FORGED"
    assert check(signed(), b"{}", secrets=(b"", NEW), now=NOW) == "evt_1"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", ["", "é", "x" * 5000, "-1", "v1,", "١٢٣"])
def test_odd_headers_are_forged(name, value):
    headers = signed()
    assert refusal({**headers, name: value}) == "PAYMENT-EVENT-FORGED"
    del headers[name]
    assert refusal(headers) == "PAYMENT-EVENT-FORGED"


@pytest.mark.parametrize(
    ("seconds", "fine"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_a_genuine_event_is_good_for_five_minutes(seconds, fine):
    headers, now = signed(), NOW + timedelta(seconds=seconds)
    if fine:
        assert check(headers, b"{}", secrets=(NEW,), now=now) == "evt_1"
    else:
        assert refusal(headers, now=now) == "PAYMENT-EVENT-OLD"
