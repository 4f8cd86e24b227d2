"""E-mails: what is sent reads back as it was meant, and nothing breaks out of a header."""

import dataclasses
import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from lxml import html as lxml_html

from reminders.claim import Claim
from reminders.content import ReminderContent, reminder_content
from reminders.mail import Mailbox, MailRefused, reminder_mail
from reminders.wording import ReminderTexts
from ubl.localized import LANGUAGES
from ubl.qr import qr_png

MakeClaim = Callable[..., Claim]
SENDER = Mailbox("compta@lumen.example", "Atelier Lumen, Société")
RECIPIENT = Mailbox("boekhouding@koper.example", "Koper & Zonen")
UBL = '<?xml version="1.0" encoding="UTF-8"?><Reminder>é</Reminder>'.encode()
LETTER = b"%PDF-1.7 \x00\xff"


def mail_of(content: ReminderContent, **changes: Any) -> EmailMessage:
    arguments: dict[str, Any] = {
        "sender": SENDER,
        "recipient": RECIPIENT,
        "message_id": "<r42@lumen.example>",
        "sent_at": datetime(2026, 9, 12, 8, 0, tzinfo=UTC),
        "letter": LETTER,
        "ubl": UBL,
    }
    return reminder_mail(content, **(arguments | changes))


def received(mail: EmailMessage) -> EmailMessage:
    """Read the bytes the way the receiving side does."""
    read = message_from_bytes(mail.as_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return read


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_bodies_say_what_the_content_says(claim: MakeClaim, language: str) -> None:
    content = reminder_content(claim(), locale=language)
    mail = received(mail_of(content))
    written = body(mail, "html")
    page = squeezed(lxml_html.fromstring(written.encode("utf-8")).text_content())
    plain = squeezed(body(mail, "plain"))
    for text in content.claim_texts():
        assert squeezed(text) in page
        # In plain text the first column needs no title: each line begins with its document.
        if text != content.lines.columns[0].label:
            assert squeezed(text) in plain
    assert content.link is not None
    assert f'href="{html.escape(content.link)}"' in written
    assert squeezed(content.link) in plain


def test_the_headers(claim: MakeClaim) -> None:
    content = reminder_content(claim(), locale="fr_BE")
    mail = received(
        mail_of(content, reply_to=Mailbox("reply@lumen.example"), answers="<r41@lumen.example>")
    )
    assert mail["From"].addresses[0].display_name == "Atelier Lumen, Société"
    assert mail["From"].addresses[0].addr_spec == "compta@lumen.example"
    assert mail["To"].addresses[0].addr_spec == "boekhouding@koper.example"
    assert mail["Reply-To"] == "reply@lumen.example"
    assert squeezed(mail["Subject"]) == squeezed(content.subject)
    assert mail["Date"].datetime == datetime(2026, 9, 12, 8, 0, tzinfo=UTC)
    assert mail["Message-ID"] == "<r42@lumen.example>"
    assert mail["In-Reply-To"] == mail["References"] == "<r41@lumen.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "fr-BE"
    assert mail["List-Unsubscribe"] is None


def test_the_code_stands_inside_and_the_files_are_attached(claim: MakeClaim) -> None:
    content = reminder_content(claim(), locale="en")
    mail = received(mail_of(content))
    assert content.qr is not None
    images = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert [part.get_content() for part in images] == [qr_png(content.qr)]
    identifier = images[0]["Content-ID"].strip("<>")
    assert f'src="cid:{identifier}"' in body(mail, "html")
    attached = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert attached == {"R-2026-0042.pdf": LETTER, "R-2026-0042.xml": UBL}


def test_without_code_link_and_files_the_mail_still_stands(claim: MakeClaim) -> None:
    content = reminder_content(claim(pay_to=None, payment_link=None), locale="nl")
    mail = received(mail_of(content, letter=None, ubl=None))
    assert mail.get_content_type() == "multipart/alternative"
    assert "<img" not in body(mail, "html")
    assert "href" not in body(mail, "html")
    assert "None" not in body(mail, "plain")


def test_the_same_call_gives_the_same_bytes(claim: MakeClaim) -> None:
    content = reminder_content(claim(), locale="de")
    assert mail_of(content).as_bytes() == mail_of(content).as_bytes()


def test_lines_are_short_enough_for_smtp(claim: MakeClaim) -> None:
    texts = ReminderTexts(opening="wort" * 1_000)
    content = reminder_content(claim(), locale="de", texts=texts)
    assert max(len(line) for line in mail_of(content).as_bytes().split(b"\r\n")) <= 998


def test_names_cannot_write_html(claim: MakeClaim) -> None:
    nasty = dataclasses.replace(
        claim().creditor, name="<script>alert(1)</script>", trading_name=None
    )
    content = reminder_content(claim(creditor=nasty), locale="en")
    mail = received(mail_of(content))
    assert "<script" not in body(mail, "html")
    assert "&lt;script&gt;" in body(mail, "html")
    assert "<script>" in body(mail, "plain")


def test_a_subject_cannot_write_headers(claim: MakeClaim) -> None:
    texts = ReminderTexts(subject="Hello\r\nBcc: all@example.org\r\n\r\nbody")
    content = reminder_content(claim(), locale="en", texts=texts)
    mail = received(mail_of(content))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hello Bcc: all@example.org body"


def test_file_names_hold_no_path(claim: MakeClaim) -> None:
    content = reminder_content(claim(identifier='../../R "7"\\é'), locale="en")
    names = [part.get_filename() for part in mail_of(content).iter_attachments()]
    assert names == ["R-7.pdf", "R-7.xml"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b@c",
        "a b@c.example",
        "a@c.example\r\nBcc: x@y.example",
        "a@" + "c" * 260,
        "é@c.example",
    ],
)
def test_addresses_that_reach_nobody_are_refused(address: str) -> None:
    with pytest.raises(MailRefused) as caught:
        Mailbox(address)
    assert caught.value.code == "MAIL-ADDRESS"


def test_names_with_control_characters_are_refused() -> None:
    with pytest.raises(MailRefused) as caught:
        Mailbox("a@c.example", "A\r\nBcc: x@y.example")
    assert caught.value.code == "MAIL-NAME"


@pytest.mark.parametrize("identifier", ["r42@x", "<r 42@x>", "<r42>", "<é@x>", "<a@b>\r\nX: y"])
def test_message_ids_that_break_a_header_are_refused(claim: MakeClaim, identifier: str) -> None:
    content = reminder_content(claim(), locale="en")
    with pytest.raises(MailRefused) as caught:
        mail_of(content, message_id=identifier)
    assert caught.value.code == "MAIL-MESSAGE-ID"
