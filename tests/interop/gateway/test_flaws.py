"""Messages that are properly signed and still wrong: what phase4 answers, and what we do.

The package as4 makes them, so neither of the two that are compared is the author. Expected is what
the profile asks for (AS4 profile 2.0.3 §5, exchange facts 2.3); phase4's answer stands beside ours,
also where it is more lenient.
"""

import base64
import http.client
import uuid
from urllib.parse import urlsplit

import pytest

from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING

SENDER = "0088:5400000000027"
RECEIVER = "0088:5400000000010"
JAVA = "0088:5400000000027"

CASES = [
    ("original sender without type", "EBMS:0004", "EBMS:0004"),
    ("original sender is not the envelope's", "EBMS:0004", "EBMS:0004"),
    ("final recipient is not the envelope's", "EBMS:0004", "EBMS:0004"),
    ("another agreement", "EBMS:0003", "EBMS:0010"),
    ("another type of party", "EBMS:0004", "EBMS:0010"),
    ("From is not the signer", "EBMS:0004", "receipt"),
    ("two parties in From", "EBMS:0004", "EBMS:0003"),
]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def ask(as4_package, invoice):
    """Make a request with a flaw; gives its content type and body."""

    def make(*, flaw, recipient, to, receiver):
        built = as4_package.ask(
            do="build",
            flaw=flaw,
            payload=encoded(invoice(number=10_000 + uuid.uuid4().int % 10**9)),
            recipient=recipient,
            to=to,
            sender=SENDER,
            receiver=receiver,
            document_type=BILLING_INVOICE.value,
            process=PROCESS_BILLING.value,
            instance_identifier=str(uuid.uuid4()),
        )
        headers = {name.lower(): value for name, value in built["headers"].items()}
        return headers["content-type"], base64.b64decode(built["body"])

    return make


def post_to(url, content_type, body):
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        connection.request("POST", address.path, body=body, headers={"Content-Type": content_type})
        return connection.getresponse().read()
    finally:
        connection.close()


def verdict(answer: bytes) -> str:
    """The first ebMS error code of an answer, or that it is a receipt."""
    _, found, rest = answer.partition(b'errorCode="')
    return rest.partition(b'"')[0].decode() if found else "receipt"


@pytest.mark.parametrize(("flaw", "ours", "theirs"), CASES, ids=[one for one, _, _ in CASES])
def test_a_wrong_message_is_refused(ask, gateway, java_receiver, case, flaw, ours, theirs):
    to_us = ask(flaw=flaw, recipient="ours", to="POP000001", receiver=RECEIVER)
    to_java = ask(flaw=flaw, recipient="java", to="POP000002", receiver=JAVA)
    case(
        f"as4 → gateway | phase4: {flaw}",
        expected=f"{ours} | {theirs}",
        got=f"{verdict(gateway.post(*to_us)[2])} | {verdict(post_to(java_receiver.url, *to_java))}",
    )


def test_without_a_flaw_both_take_it(ask, gateway, java_receiver, case):
    to_us = ask(flaw="none", recipient="ours", to="POP000001", receiver=RECEIVER)
    to_java = ask(flaw="none", recipient="java", to="POP000002", receiver=JAVA)
    case(
        "as4 → gateway | phase4: nothing wrong",
        expected="receipt | receipt",
        got=f"{verdict(gateway.post(*to_us)[2])} | {verdict(post_to(java_receiver.url, *to_java))}",
    )
