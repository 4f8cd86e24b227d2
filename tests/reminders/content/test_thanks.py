"""The word of thanks: one per language, harmless whatever the names are."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from reminders.mail import Mailbox
from reminders.thanks import Thanks, thanks_content, thanks_mail
from ubl.amounts import Amount

SENT_AT = datetime(2026, 9, 14, 8, 30, tzinfo=UTC)


def thanks(locale: str, *, creditor: str = "Atelier Lumen SAS") -> Thanks:
    return thanks_content(
        creditor=creditor,
        number="F2026-0187",
        total=Amount(Decimal("1250.00"), "EUR"),
        received_on=date(2026, 9, 12),
        locale=locale,
    )


@pytest.mark.parametrize(
    ("locale", "amount", "day"),
    [
        ("en", "€1,250.00", "September 12, 2026"),
        ("fr_BE", "1 250,00 €", "12 septembre 2026"),
        ("nl_BE", "€ 1.250,00", "12 september 2026"),
        ("de_DE", "1.250,00 €", "12. September 2026"),
    ],
)
def test_it_names_invoice_amount_and_day(locale: str, amount: str, day: str) -> None:
    text = thanks(locale).text.replace("\u202f", " ").replace("\xa0", " ")
    assert amount in text
    assert day in text
    assert "F2026-0187" in text
    assert "F2026-0187" in thanks(locale).subject
    assert "{" not in "".join((thanks(locale).subject, text, thanks(locale).automatic))


def test_the_mail_has_text_and_html_and_is_the_same_each_time() -> None:
    def make() -> bytes:
        mail = thanks_mail(
            thanks("fr", creditor="<b>Lumen & Fils"),
            sender=Mailbox("billing@lumen.example", "Lumen & Fils"),
            recipient=Mailbox("accounts@koper.example"),
            message_id="<thanks.1@lumen.example>",
            sent_at=SENT_AT,
            answers="<reminder.1@lumen.example>",
        )
        assert mail["In-Reply-To"] == "<reminder.1@lumen.example>"
        assert mail["Content-Language"] == "fr"
        html = mail.get_body(("html",))
        plain = mail.get_body(("plain",))
        assert html is not None
        assert plain is not None
        assert "&lt;b&gt;Lumen &amp; Fils" in html.get_content()
        assert "<b>Lumen & Fils" in plain.get_content()
        return mail.as_bytes()

    assert make() == make()
