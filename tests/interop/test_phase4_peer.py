"""The Java peer against itself: what phase4 does, before anything is said about us.

These fix the reading of the other interoperability tests: a refusal they see from the peer is
here shown to be phase4's answer to phase4's own messages too.
"""

import uuid

import pytest

JAVA = "iso6523-actorid-upis::0088:5400000000027"


@pytest.fixture
def message_id() -> str:
    return f"{uuid.uuid4()}@java.example"


@pytest.mark.parametrize(
    ("fields", "understood"),
    [
        pytest.param({}, {"country_c1": "BE"}, id="plain"),
        pytest.param({"compress": False}, {"from": "POP000002"}, id="uncompressed"),
        pytest.param(
            {"mls_to": "iso6523-actorid-upis::0242:000002", "mls_type": "ALWAYS_SEND"},
            {"mls_to": "0242:000002", "mls_type": "ALWAYS_SEND"},
            id="MLS wishes",
        ),
    ],
)
def test_a_document_arrives_and_is_acknowledged(
    java_sender, java_receiver, order, message_id, fields, understood
):
    answer = java_sender.ask(
        order(java_receiver.url, recipient="java", receiver=JAVA, message_id=message_id, **fields)
    )
    assert (answer["result"], answer["errors"]) == ("success", [])
    assert java_receiver.received(message_id)
    assert understood.items() <= java_receiver.understood(message_id).items()


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        pytest.param(
            {"receiver": "iso6523-actorid-upis::9915:nobody"},
            "EBMS:0004",
            "PEPPOL:NOT_SERVICED",
            id="unknown receiver",
        ),
        pytest.param(
            {"receiver": "iso6523-actorid-upis::9915:fail"},
            "EBMS:0004",
            "Error processing",
            id="back end down",
        ),
        # phase4 reports whatever WSS4J refuses as a failed decryption; the detail tells them apart.
        pytest.param(
            {"key_store": "stranger.p12"},
            "EBMS:0102",
            "No trusted certs found",
            id="signer of another CA",
        ),
        pytest.param(
            {"key_store": "expired.p12"}, "EBMS:0102", "certificate expired", id="expired signer"
        ),
    ],
)
def test_a_refusal_names_its_reason(
    java_sender, java_receiver, order, message_id, fields, code, detail
):
    answer = java_sender.ask(
        order(java_receiver.url, recipient="java", message_id=message_id, **fields)
    )
    assert answer["result"] == "as4-error-msg-received"
    assert [error["code"] for error in answer["errors"]] == [code]
    assert detail in answer["errors"][0]["detail"]
    assert java_receiver.received(message_id) is None


def test_the_same_message_id_is_refused_as_a_duplicate(
    java_sender, java_receiver, order, message_id
):
    twice = order(java_receiver.url, recipient="java", receiver=JAVA, message_id=message_id)
    assert java_sender.ask(twice)["result"] == "success"
    answer = java_sender.ask(twice)
    assert answer["result"] == "as4-error-msg-received"
    assert "duplicate" in answer["errors"][0]["detail"]
