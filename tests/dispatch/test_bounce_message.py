"""Messages of mail servers, friendly and hostile, read without believing them."""

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.dispatch.bounce_message import Verdict, read_bounce

TOKEN = "0123456789abcdef0123456789abcd"

DSN = f"""From: MAILER-DAEMON@mx.buyer.example
To: bounces+{TOKEN}@seller.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.buyer.example

Final-Recipient: rfc822; ap@buyer.example
Action: ACTION
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <ap@buyer.example>:
 Recipient address rejected
--b
Content-Type: text/rfc822-headers

Message-ID: <{TOKEN}@seller.example>
Subject: Invoice
--b--
"""


def dsn(action: str = "failed", *, to: str | None = None) -> bytes:
    text = DSN.replace("ACTION", action)
    if to is not None:
        text = text.replace(f"bounces+{TOKEN}@seller.example", to)
    return text.replace("\n", "\r\n").encode()


def test_a_failed_delivery_names_its_email_and_says_why():
    bounce = read_bounce(dsn())
    assert bounce.verdict is Verdict.FAILED
    assert bounce.tokens == (TOKEN,)
    assert bounce.status == "5.1.1"
    assert bounce.recipient == "ap@buyer.example"
    assert bounce.text == "smtp; 550 5.1.1 <ap@buyer.example>: Recipient address rejected"


def test_the_quoted_message_is_enough_where_the_return_path_says_nothing():
    assert read_bounce(dsn(to="billing@seller.example")).tokens == (TOKEN,)


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("delayed", Verdict.DELAYED),
        ("delivered", Verdict.OTHER),
        ("relayed", Verdict.OTHER),
        ("FAILED (permanent)", Verdict.FAILED),
    ],
)
def test_only_what_the_server_calls_failed_has_failed(action, verdict):
    assert read_bounce(dsn(action)).verdict is verdict


def test_an_absence_notice_is_no_bounce():
    mail = EmailMessage()
    mail["To"] = f"bounces+{TOKEN}@seller.example"
    mail["Subject"] = "Out of office; delivery failed 5.1.1"
    mail.set_content("Action: failed\nStatus: 5.1.1\n")
    bounce = read_bounce(mail.as_bytes())
    assert (bounce.verdict, bounce.tokens) == (Verdict.OTHER, (TOKEN,))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no headers at all",
        b"\r\n\r\nbody only",
    ],
)
def test_what_is_no_message_is_refused(content):
    with pytest.raises(GatewayError) as refused:
        read_bounce(content)
    assert refused.value.code == "BOUNCE-UNREADABLE"


def test_nesting_without_end_ends():
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (one, one)
        for one in range(3000)
    )
    assert verdict_of(nested) in (Verdict.OTHER, "BOUNCE-UNREADABLE")


def test_a_report_is_read_without_what_it_quotes():
    whole = dsn() + b"x\r\n" * 2_000_000
    assert verdict_of(whole) is Verdict.FAILED
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (one, one)
        for one in range(90)
    )
    # Every line after this would be held against each of ninety boundaries.
    assert verdict_of(b"From: a@b.example\r\n" + nested + b"x\n" * 100) == "BOUNCE-UNREADABLE"


@settings(max_examples=150)
@given(st.binary(max_size=600), st.integers(0, 900))
def test_no_bytes_do_harm(noise, place):
    whole = dsn()
    content = whole[:place] + noise + whole[place:]
    assert verdict_of(content) in (*Verdict, "BOUNCE-UNREADABLE")


def verdict_of(content: bytes) -> Verdict | str:
    """What a message says, or the code it is refused with; nothing else may come out."""
    try:
        bounce = read_bounce(content)
    except GatewayError as refused:
        return refused.code
    bounded = len(bounce.tokens) <= 20 and len(bounce.text) <= 500 and bounce.text.isprintable()
    return bounce.verdict if bounded else "unbounded"
