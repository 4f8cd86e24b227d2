"""Two further peers, both in Python and neither related to phase4 or to us: as4 and peppol-py."""

import base64
import uuid

import pytest

from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId

SENDER = "0088:5400000000027"
RECEIVER = "0088:5400000000010"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def build(as4_package, invoice):
    """Let as4 make a request to us; gives the order's answer and the invoice's number."""

    def make(*, recipient="ours", receiver=RECEIVER, megabytes=0, **fields):
        number = 10_000 + uuid.uuid4().int % 10**9
        answer = as4_package.ask(
            do="build",
            payload=encoded(invoice(number=number, megabytes=megabytes)),
            recipient=recipient,
            sender=SENDER,
            receiver=receiver,
            document_type=BILLING_INVOICE.value,
            process=PROCESS_BILLING.value,
            instance_identifier=str(uuid.uuid4()),
            **fields,
        )
        return answer, f"2026-{number}"

    return make


def content_type(headers):
    return next(value for name, value in headers.items() if name.lower() == "content-type")


@pytest.mark.parametrize("megabytes", [0, 0.05, 5])
def test_as4_sends_and_accepts_our_receipt(as4_package, build, gateway, until, case, megabytes):
    built, number = build(megabytes=megabytes)
    status, _, answer = gateway.post(
        content_type(built["headers"]), base64.b64decode(built["body"])
    )
    judged = as4_package.ask(do="judge", message_id=built["message_id"], answer=encoded(answer))
    arrived = len(until(lambda: gateway.documents(number))) if not judged["errors"] else 0
    case(
        f"as4 → gateway, invoice of {megabytes or 0.005:g} MB",
        expected="200, acknowledged, 1 document",
        got=f"{status}, {judged['state']}, {arrived} document",
    )


@pytest.mark.parametrize("megabytes", [0, 0.05, 5])
def test_as4_receives_and_we_accept_its_receipt(
    as4_package, gateway, pki, serve, submit, settled, case, megabytes
):
    taken = []

    def receive(request):
        answer = as4_package.ask(do="receive", headers=request.headers, body=encoded(request.body))
        taken.extend(base64.b64decode(one) for one in answer["documents"])
        return 200, content_type(answer["headers"]), base64.b64decode(answer["answer"])

    receiver = ParticipantId.of(f"9915:as4-{megabytes}".replace(".", "-"))
    gateway.publish(receiver, serve(receive) + "/as4", pki.java.certificate)
    number, document = submit(receiver, megabytes=megabytes)
    state = settled(document)["states"]["transport"]
    arrived = sum(f">{number}<".encode() in one for one in taken)
    case(
        f"gateway → as4, invoice of {megabytes or 0.005:g} MB",
        expected="delivered, taken once",
        got=f"{state}, taken {'once' if arrived == 1 else f'{arrived} times'}",
    )


def test_as4_reads_that_a_receiver_is_not_served(as4_package, build, gateway, case):
    built, _ = build(receiver="0088:5400000000034")
    _, _, answer = gateway.post(content_type(built["headers"]), base64.b64decode(built["body"]))
    judged = as4_package.ask(do="judge", message_id=built["message_id"], answer=encoded(answer))
    case(
        "as4 → gateway, receiver not served",
        expected="rejected, EBMS:0004 PEPPOL:NOT_SERVICED",
        got=f"{judged['state']}, {judged['errors'][0]['code']} {judged['errors'][0]['detail']}",
    )


def test_a_message_of_as4_for_somebody_else_is_refused(build, gateway, case):
    built, number = build(recipient="java")
    status, _, answer = gateway.post(
        content_type(built["headers"]), base64.b64decode(built["body"])
    )
    code = answer.partition(b'errorCode="')[2].partition(b'"')[0].decode()
    case(
        "as4 → gateway, encrypted for another",
        expected="200, EBMS:0102, 0 documents",
        got=f"{status}, {code}, {len(gateway.documents(number))} documents",
    )


@pytest.mark.parametrize("megabytes", [0, 5])
def test_peppol_py_sends_with_other_prefixes_order_and_base64(
    peppol_py, gateway, invoice, until, case, megabytes
):
    number = 10_000 + uuid.uuid4().int % 10**9
    content = invoice(number=number, megabytes=megabytes)
    built = peppol_py.ask(payload=encoded(content), sender=SENDER, receiver=RECEIVER)
    body = base64.b64decode(built["body"])
    status, _, answer = gateway.post(content_type(built["headers"]), body)
    receipt = b"NonRepudiationInformation" in answer
    arrived = len(until(lambda: gateway.documents(f"2026-{number}"))) if receipt else 0
    case(
        f"peppol-py → gateway, base64, invoice of {megabytes or 0.005:g} MB",
        expected="200, receipt, 1 document",
        got=f"{status}, {'receipt' if receipt else 'error'}, {arrived} document",
    )
    assert b"Content-Transfer-Encoding: base64" in body
