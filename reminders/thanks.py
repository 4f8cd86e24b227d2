"""A word of thanks for a payment, as an e-mail: the end of a case that was chased.

Builds the message only; whether one is due is not known here.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from typing import Final

from babel.dates import format_date

from reminders.mail import Mailbox, begin_mail, end_mail, mail_templates
from reminders.wording import words
from ubl.amounts import Amount
from ubl.localized import Localized

__all__ = ["Thanks", "thanks_content", "thanks_mail"]

_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thanks:
    """What the customer reads, in one language; ``locale`` is what dates and amounts follow."""

    locale: str
    language: str
    subject: str
    heading: str
    salutation: str
    text: str
    regards: str
    signature: str
    automatic: str


def thanks_content(
    *, creditor: str, number: str, total: Amount, received_on: date, locale: str
) -> Thanks:
    """Put the thanks for one paid invoice into words.

    ``number`` is the invoice's, ``total`` what was paid, ``received_on`` the business date the
    money counts from. Raises LanguageUnknown.
    """
    formats = Localized(locale)
    catalogue = words(formats.language)
    labels, texts = catalogue["labels"], catalogue["thanks"]
    facts = {
        "creditor": creditor,
        "number": number,
        "total": formats.amount(total),
        "day": format_date(received_on, format="long", locale=locale.replace("-", "_")),
    }
    return Thanks(
        locale=locale,
        language=formats.language,
        # A header has one line, whatever a number has.
        subject=_BREAKS.sub(" ", texts["subject"].format_map(facts)),
        heading=texts["heading"],
        salutation=labels["salutation"],
        text=texts["text"].format_map(facts),
        regards=labels["regards"],
        signature=creditor,
        automatic=labels["automatic"].format(creditor=creditor),
    )


def thanks_mail(
    thanks: Thanks,
    *,
    sender: Mailbox,
    recipient: Mailbox,
    message_id: str,
    sent_at: datetime,
    answers: str | None = None,
) -> EmailMessage:
    """Make the e-mail, ready for SMTP; the arguments are those of ``reminder_mail``.

    Raises MailRefused.
    """
    mail = begin_mail(
        subject=thanks.subject,
        sender=sender,
        recipient=recipient,
        reply_to=None,
        message_id=message_id,
        sent_at=sent_at,
        answers=answers,
    )
    templates = mail_templates()
    mail.set_content(templates.get_template("thanks.txt").render(t=thanks), cte="quoted-printable")
    html = templates.get_template("thanks.html").render(t=thanks)
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    end_mail(mail, locale=thanks.locale, message_id=message_id)
    return mail
