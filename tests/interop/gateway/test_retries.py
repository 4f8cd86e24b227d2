"""What becomes of a document when the first attempt goes wrong, against phase4.

Every case ends in a state that is true: never "delivered" without the document being there, never
"failed" with it there.
"""

import http.client
from urllib.parse import urlsplit

import pytest

from gateway.as4.identifiers import ParticipantId

BROKEN = ParticipantId.parse("iso6523-actorid-upis::9915:fail")
SPARES = [ParticipantId.of(f"9915:spare{number}") for number in range(1, 6)]


def forward(url, request):
    """Hand a request on; gives status, content type and body of the answer."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    try:
        headers = {"Content-Type": request.headers["content-type"], "MIME-Version": "1.0"}
        connection.request("POST", address.path, body=request.body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


@pytest.fixture
def taken(java_receiver):
    """How often phase4 has handed over a document with this number."""

    def count(number):
        files = [path.read_bytes() for path in java_receiver.store.glob("*.sbd")]
        return sum(f">{number}<".encode() in content for content in files)

    return count


def message_ids(requests):
    """The AS4 message ids of requests, in order, each once."""
    found = []
    for request in requests:
        one = request.body.partition(b"MessageId>")[2].partition(b"<")[0]
        if one not in found:
            found.append(one)
    return found


def test_a_lost_receipt_is_no_failure(
    gateway, java_receiver, pki, serve, submit, settled, taken, case
):
    requests = []

    def lose_the_first_answer(request):
        requests.append(request)
        answer = forward(java_receiver.url, request)
        return answer if len(requests) > 1 else None

    gateway.publish(SPARES[0], serve(lose_the_first_answer) + "/as4", pki.java.certificate)
    number, document = submit(SPARES[0])
    state = settled(document)["states"]["transport"]
    same = len(requests) > 1 and len({one.body for one in requests}) == 1
    case(
        "gateway → phase4, receipt lost, then EBMS:4001",
        expected="delivered, same bytes again, taken once",
        got=f"{state}, {'same' if same else 'other'} bytes again, taken "
        f"{'once' if taken(number) == 1 else f'{taken(number)} times'}",
    )


def test_a_request_that_never_arrived_is_sent_again(
    gateway, java_receiver, pki, serve, submit, settled, taken, case
):
    requests = []

    def drop_the_first_request(request):
        requests.append(request)
        return forward(java_receiver.url, request) if len(requests) > 1 else None

    gateway.publish(SPARES[1], serve(drop_the_first_request) + "/as4", pki.java.certificate)
    number, document = submit(SPARES[1])
    state = settled(document)["states"]["transport"]
    case(
        "gateway → phase4, request lost",
        expected="delivered, taken once, 1 message id",
        got=f"{state}, taken {'once' if taken(number) == 1 else 'otherwise'}, "
        f"{len(message_ids(requests))} message id",
    )


def test_a_handler_that_fails_is_not_a_delivery(
    gateway, java_receiver, pki, serve, submit, until, case
):
    """Phase4 remembers the id before its handler runs: the same id again would say "duplicate"."""
    requests = []

    def pass_on(request):
        requests.append(request)
        return forward(java_receiver.url, request)

    gateway.publish(BROKEN, serve(pass_on) + "/as4", pki.java.certificate)
    _, document = submit(BROKEN)
    until(lambda: len(requests) >= 3)
    state = gateway.get(document)["states"]["transport"]
    fresh = len(message_ids(requests)) == len(requests)
    case(
        "gateway → phase4, handler fails, retried",
        expected="not delivered, a new message id each time",
        got=f"{'delivered' if state == 'delivered' else 'not delivered'}, "
        f"{'a new message id each time' if fresh else 'the same message id'}",
    )


def test_a_certificate_changed_between_attempts_is_used(
    gateway, java_receiver, pki, serve, submit, settled, until, taken, case
):
    answers = []

    def pass_on(request):
        answers.append(forward(java_receiver.url, request))
        return answers[-1]

    url = serve(pass_on) + "/as4"
    gateway.publish(SPARES[2], url, pki.ours.certificate)
    number, document = submit(SPARES[2])
    until(lambda: answers)
    gateway.publish(SPARES[2], url, pki.java.certificate)
    state = settled(document)["states"]["transport"]
    refused = b"EBMS:0102" in answers[0][2]
    case(
        "gateway → phase4, SMP certificate changed between attempts",
        expected="first refused (EBMS:0102), then delivered, taken once",
        got=f"first {'refused (EBMS:0102)' if refused else 'taken'}, then {state}, "
        f"taken {'once' if taken(number) == 1 else 'otherwise'}",
    )


def test_a_receiver_that_is_not_served_fails_for_good(
    gateway, java_receiver, pki, submit, settled, case
):
    nobody = ParticipantId.of("9915:nobody")
    gateway.publish(nobody, java_receiver.url, pki.java.certificate)
    _, document = submit(nobody)
    found = settled(document)
    case(
        "gateway → phase4, PEPPOL:NOT_SERVICED",
        expected="failed",
        got=found["states"]["transport"],
    )
