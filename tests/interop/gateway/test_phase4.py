"""A whole gateway and phase4 exchange documents, both ways, with a Message Level Status."""

import http.client
import uuid
from urllib.parse import urlsplit

import pytest

from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId

OURS = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000010")
JAVA_SPID = ParticipantId.parse("iso6523-actorid-upis::0242:000002")


@pytest.fixture
def send(java_sender, order, gateway, invoice, tmp_path):
    """Let phase4 send a new invoice to the gateway; gives its number and phase4's report."""

    def ask(*, url=None, **fields):
        number = 10_000 + uuid.uuid4().int % 10**9
        payload = tmp_path / f"{number}.xml"
        payload.write_bytes(invoice(number=number))
        report = java_sender.ask(
            order(url or f"{gateway.url}/as4", recipient="ours", payload=str(payload), **fields)
        )
        return f"2026-{number}", report

    return ask


@pytest.mark.parametrize("megabytes", [0, 0.05, 5])
def test_a_submitted_invoice_reaches_phase4(submit, settled, java_receiver, case, megabytes):
    number, document = submit(megabytes=megabytes)
    state = settled(document)["states"]["transport"]
    sent = [path.read_bytes() for path in java_receiver.store.glob("*.sbd")]
    arrived = sum(f">{number}<".encode() in content for content in sent)
    case(
        f"gateway → phase4, invoice of {megabytes or 0.005:g} MB",
        expected="delivered, taken once",
        got=f"{state}, taken {'once' if arrived == 1 else f'{arrived} times'}",
    )


def test_an_invoice_from_phase4_is_received_once_and_acknowledged(send, gateway, until):
    number, report = send()
    assert (report["result"], report["errors"]) == ("success", [])
    assert len(until(lambda: gateway.documents(number))) == 1


def test_a_lost_receipt_is_given_again_and_nothing_is_taken_twice(send, gateway, serve, until):
    answers = []

    def lose_the_first(request):
        address = urlsplit(gateway.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            headers = {"Content-Type": request.headers["content-type"]}
            connection.request("POST", "/as4", body=request.body, headers=headers)
            answer = connection.getresponse()
            answers.append(answer.read())
            kind = answer.headers["Content-Type"]
        finally:
            connection.close()
        return (200, kind, answers[-1]) if len(answers) > 1 else None

    number, report = send(url=serve(lose_the_first) + "/as4", retries=1)
    assert report["result"] == "success"
    assert answers[0] == answers[1]
    assert len(until(lambda: gateway.documents(number))) == 1


def test_a_known_message_id_with_other_content_is_refused(send):
    message_id = f"{uuid.uuid4()}@java.example"
    assert send(message_id=message_id)[1]["result"] == "success"
    report = send(message_id=message_id)[1]
    assert report["result"] == "as4-error-msg-received"
    assert report["errors"][0]["ref"] == message_id


def test_a_participant_that_is_not_served_is_refused_as_such(send):
    report = send(receiver="iso6523-actorid-upis::0088:5400000000034")[1]
    assert [error["detail"] for error in report["errors"]] == ["PEPPOL:NOT_SERVICED"]


def test_the_message_level_status_that_phase4_asked_for_arrives(send, java_receiver, until):
    instance = str(uuid.uuid4())
    report = send(instance_identifier=instance, mls_to=str(JAVA_SPID), mls_type="ALWAYS_SEND")[1]
    assert report["result"] == "success"

    def status() -> bytes | None:
        for path in java_receiver.store.glob("*.sbd"):
            content = path.read_bytes()
            if instance.encode() in content:
                return content
        return None

    assert b"urn:peppol:edec:mls:1.0" in until(status)


def test_the_reference_client_finds_what_the_gateway_publishes(java_smp_client, gateway, pki):
    answer = java_smp_client.ask(
        {
            "smp": f"{gateway.url}/smp/",
            "receiver": str(OURS),
            "document_type": str(BILLING_INVOICE),
            "process": str(PROCESS_BILLING),
        }
    )
    assert answer["url"] == f"{gateway.url}/as4"
