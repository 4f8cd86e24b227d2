"""The Java peer against itself: what phase4 does, before anything is said about us."""

import uuid


def test_a_document_arrives_and_is_acknowledged(java_sender, java_receiver, order):
    message_id = f"{uuid.uuid4()}@java.example"
    receiver = "iso6523-actorid-upis::9915:java"
    answer = java_sender.ask(
        order(java_receiver.url, recipient="java", receiver=receiver, message_id=message_id)
    )
    assert answer["result"] == "success"
    assert answer["errors"] == []
    assert b"2026-0042" in java_receiver.received(message_id)
    understood = java_receiver.understood(message_id)
    assert understood["receiver"] == receiver
    assert understood["from"] == "POP000002"
