"""Types of events, message bodies and signatures."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.webhook_events import MAX_BODY, EventType, EventTypes, message_body
from gateway.access.webhook_signing import secret_text, signed_headers

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_type_has_one_meaning():
    with pytest.raises(ValueError, match="given twice"):
        EventTypes([EventType("a.b", "x"), EventType("a.b", "y")])
    assert [one.name for one in EventTypes([EventType("a.b", "x")])] == ["a.b", "webhook.test"]


def test_a_signature_is_the_specifications_own_example():
    """The worked example of the Standard Webhooks specification's libraries."""
    headers = signed_headers(
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
        secrets=[base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_written_as_receivers_expect():
    assert secret_text(bytes(32)) == "whsec_" + "A" * 43 + "="


_plain = st.none() | st.booleans() | st.integers() | st.text(max_size=3000)
_values = st.recursive(_plain, lambda inner: st.lists(inner, max_size=50), max_leaves=60)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=40), _values, max_size=20))
def test_a_body_is_never_larger_than_receivers_take(data):
    body = message_body("a.b", data, at=AT)
    assert len(body) <= MAX_BODY
    told = json.loads(body)
    assert (told["type"], told["timestamp"]) == ("a.b", AT.isoformat())
    if not told["data"].get("shortened"):
        assert told["data"] == data


def test_a_large_event_keeps_its_identifiers():
    body = message_body("a.b", {"id": "7", "state": "done", "files": ["x" * 30] * 900}, at=AT)
    assert json.loads(body)["data"] == {"shortened": True, "id": "7", "state": "done"}
