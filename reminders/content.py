"""A reminder as a person reads it: one view model that letter, e-mail and console are made from.

Holds texts in reading order in one language, nothing of HTML or PDF. What a text says comes from
the catalogue or from the operator; what is claimed comes from the claim alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from babel.dates import format_date
from stdnum import iban as iban_number
from stdnum import iso11649

from reminders.claim import Claim, ClaimLine, PayTo
from reminders.wording import ReminderTexts, render_text, words
from ubl.amounts import Amount
from ubl.localized import Localized
from ubl.model import Address, Buyer, Seller
from ubl.qr import MAX_NAME, SepaTransfer, TransferRefused, epc_payload
from ubl.reminder import LinePurpose, ReminderType
from ubl.view import ViewColumn, ViewField, ViewRow, ViewTable

__all__ = ["ReminderContent", "Window", "reminder_content"]

_BLANKS = re.compile(r"[ \t\r\n]+")
_MINUS: Final = "\u2212"
_ACCESSORIES: Final = frozenset({LinePurpose.INTEREST, LinePurpose.COMPENSATION, LinePurpose.COST})
_ASKED: Final = frozenset({LinePurpose.PRINCIPAL, LinePurpose.INSTALMENT})
_WINDOW_RIGHT: Final = frozenset({"BE", "FR", "LU", "MC"})


class Window(StrEnum):
    """Where an envelope of the creditor's country shows the address."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderContent:
    """A reminder in one language. Fields of ViewField have a label; tuples of str are lines.

    ``facts`` is the block of references; ``lines`` the table of what is claimed, ``total`` its
    sum. ``qr`` is the payload of a payment code (None where a bank would refuse one, see
    ``qr_refusal``, its stable code). ``link`` is where to pay online. ``document`` is the number
    of the reminder, ``locale`` what numbers and dates follow.
    """

    locale: str
    language: str
    level: ReminderType
    document: str
    heading: str
    subject: str
    place_date: str
    window: Window
    sender: tuple[str, ...]
    return_line: str
    recipient: tuple[str, ...]
    facts: tuple[ViewField, ...]
    salutation: str
    opening: tuple[str, ...]
    lines: ViewTable
    total: ViewField
    payment_title: str
    payment: tuple[ViewField, ...]
    qr: str | None
    qr_refusal: str | None
    qr_caption: str
    link: str | None
    link_label: str
    link_note: str
    closing: tuple[str, ...]
    regards: str
    signature: str
    enclosed: str
    automatic: str
    footer: tuple[str, ...]

    def claim_texts(self) -> Iterator[str]:
        """Yield everything that says what is claimed and how to pay, in reading order.

        Whatever form a reminder takes, these texts must all be in it.
        """
        yield self.heading
        yield from (field.text for field in self.facts)
        yield self.salutation
        yield from self.opening
        yield from (column.label for column in self.lines.columns)
        for row in self.lines.rows:
            yield from (cell for cell in row.cells if cell)
            yield from (detail.text for detail in row.details)
        yield from (self.total.label, self.total.text)
        for field in self.payment:
            yield from (field.label, field.text)
        if self.link is not None:
            yield self.link_label
        yield from self.closing
        yield from (self.regards, self.signature)
        yield from self.footer


def reminder_content(
    claim: Claim, *, locale: str, texts: ReminderTexts | None = None
) -> ReminderContent:
    """Put a claim into words for people who read ``locale``: en, fr, nl, de, fr_BE and so on.

    Raises LanguageUnknown, and TextRefused for a text of the operator's that cannot be filled.
    """
    return _Composer(claim, locale, texts or ReminderTexts()).content()


class _Composer:
    """Holds a claim and a language while the parts of the content are put together."""

    def __init__(self, claim: Claim, locale: str, texts: ReminderTexts) -> None:
        self.claim = claim
        self.locale = locale.replace("-", "_")
        self.format = Localized(locale)
        self.words = words(self.format.language)
        self.labels = self.words["labels"]
        self.level = self.words["levels"][claim.level.value]
        self.texts = texts
        self.total = self.format.amount(claim.total)

    def content(self) -> ReminderContent:
        creditor = self.claim.creditor
        name = creditor.trading_name or creditor.name or ""
        qr, refusal = self.qr()
        return ReminderContent(
            locale=self.locale,
            language=self.format.language,
            level=self.claim.level,
            document=self.claim.identifier,
            heading=self.level["heading"],
            subject=_one_line(self.text(self.texts.subject, "subject")),
            place_date=self.place_date(),
            window=Window.RIGHT if _country(creditor) in _WINDOW_RIGHT else Window.LEFT,
            sender=(name, *self.address(creditor.address, home=_country(creditor))),
            return_line=" · ".join(
                (name, *self.address(creditor.address, home=_country(creditor)))
            ),
            recipient=(
                self.claim.debtor.name or "",
                *self.address(self.claim.debtor.address, home=_country(creditor)),
            ),
            facts=tuple(self.facts()),
            salutation=self.labels["salutation"],
            opening=_paragraphs(self.text(self.texts.opening, "opening")),
            lines=self.table(),
            total=self.field("total", self.total),
            payment_title=self.labels["payment"],
            payment=tuple(self.payment()),
            qr=qr,
            qr_refusal=refusal,
            qr_caption=self.labels["qr"],
            link=self.claim.payment_link,
            link_label=self.labels["link"],
            link_note=self.labels["link_note"],
            closing=_paragraphs(self.text(self.texts.closing, "closing")),
            regards=self.labels["regards"],
            signature=creditor.name or "",
            enclosed=self.labels["enclosed"],
            automatic=self.labels["automatic"].format(creditor=name),
            footer=tuple(self.footer()),
        )

    def text(self, own: str | None, key: str) -> str:
        claim = self.claim
        values: dict[str, str | int] = {
            "count": sum(line.purpose in _ASKED for line in claim.lines),
            "creditor": claim.creditor.trading_name or claim.creditor.name or "",
            "days_late": claim.days_late(),
            "deadline": "" if claim.deadline is None else self.day(claim.deadline),
            "debtor": claim.debtor.name or "",
            "issued": self.day(claim.issued_on),
            "number": claim.identifier,
            "reference": (claim.pay_to and claim.pay_to.reference) or "",
            "total": self.total,
        }
        return render_text(self.level[key] if own is None else own, values)

    def day(self, value: date) -> str:
        """Write a date in words, for instance ``27 septembre 2026``."""
        return format_date(value, format="long", locale=self.locale)

    def field(self, key: str, text: str) -> ViewField:
        return ViewField(key, None, self.labels[key], text)

    def place_date(self) -> str:
        written = self.day(self.claim.issued_on)
        address = self.claim.creditor.address
        if address is None or not address.city:
            return written
        return str(self.labels["place_date"].format(place=address.city, date=written))

    def address(self, address: Address | None, *, home: str | None) -> Iterator[str]:
        """Yield the lines of an address; the country only where post crosses a border."""
        if address is None:
            return
        place = " ".join(part for part in (address.post_code, address.city) if part)
        yield from (line for line in (address.line1, address.line2, address.line3, place) if line)
        if address.country and address.country != home:
            yield self.format.country(address.country).upper()

    def facts(self) -> Iterator[ViewField]:
        contact = self.claim.creditor.contact
        for key, text in (
            ("reminder", self.claim.identifier),
            ("customer_number", self.claim.customer_number),
            ("contact", contact and contact.name),
            ("telephone", contact and contact.telephone),
            ("email", contact and contact.email),
        ):
            if text:
                yield self.field(key, text)

    def table(self) -> ViewTable:
        """Lay out the lines; a column nobody fills is left out, so is lateness before it."""
        columns = [ViewColumn("document", self.labels["document"], False)]
        for key in ("issue_date", "due_date", "days_late", "original", "open"):
            if any(self.cell(line, key) for line in self.claim.lines):
                is_number = key in ("days_late", "original", "open")
                columns.append(ViewColumn(key, self.labels[key], is_number))
        rows = tuple(
            ViewRow(
                tuple(self.cell(line, column.key) for column in columns),
                tuple(self.details(line)),
            )
            for line in self.claim.lines
        )
        return ViewTable("lines", None, self.labels["document"], tuple(columns), rows)

    def cell(self, line: ClaimLine, key: str) -> str:
        if key == "document":
            return str(self.words["purposes"][line.purpose.value].format(number=line.number))
        if key == "days_late":
            late = line.days_late(self.claim.issued_on)
            return str(late) if late else ""
        value = getattr(line, key)
        if isinstance(value, Amount):
            return self.format.amount(value).replace("-", _MINUS)
        # The dates of interest and costs are those of the invoice, which has a line of its own.
        is_shown = value is not None and line.purpose not in _ACCESSORIES
        return self.format.day(value) if is_shown else ""

    def details(self, line: ClaimLine) -> Iterator[ViewField]:
        """Say how interest was counted: rate and days."""
        period = line.period
        if line.rate is None or period is None or period.start is None or period.end is None:
            return
        text = self.words["purposes"]["interest"].format(
            rate=self.format.percentage(line.rate),
            start=self.format.day(period.start),
            end=self.format.day(period.end),
        )
        yield ViewField("interest", None, "", text)

    def payment(self) -> Iterator[ViewField]:
        pay_to = self.claim.pay_to
        yield self.field("amount", self.total)
        if self.claim.deadline is not None:
            yield self.field("deadline", self.day(self.claim.deadline))
        if pay_to is None:
            return
        yield self.field("beneficiary", pay_to.holder)
        yield self.field("iban", str(iban_number.format(pay_to.iban)))
        if pay_to.bic:
            yield self.field("bic", pay_to.bic)
        if pay_to.reference:
            yield self.field("reference", _reference(pay_to))

    def qr(self) -> tuple[str | None, str | None]:
        """Make the payment code, or say by the stable code why there is none."""
        pay_to = self.claim.pay_to
        if pay_to is None:
            return None, "QR-IBAN"
        is_rf = iso11649.is_valid(pay_to.reference or "")
        transfer = SepaTransfer(
            # A longer name is cut as banks cut it: the IBAN decides where the money goes.
            name=pay_to.holder[:MAX_NAME],
            iban=pay_to.iban,
            bic=pay_to.bic,
            amount=self.claim.total,
            reference=pay_to.reference if is_rf else None,
            text=None if is_rf else pay_to.reference or self.claim.identifier,
        )
        try:
            return epc_payload(transfer), None
        except TransferRefused as refusal:
            return None, refusal.code

    def footer(self) -> Iterator[str]:
        creditor = self.claim.creditor
        home = _country(creditor)
        yield " · ".join((creditor.name or "", *self.address(creditor.address, home=home)))
        legal = [creditor.legal_information or ""]
        if creditor.registration is not None:
            legal.append(f"{self.labels['registration']} {creditor.registration.value}")
        if creditor.vat_identifier:
            legal.append(f"{self.labels['vat']} {creditor.vat_identifier}")
        if any(legal):
            yield " · ".join(part for part in legal if part)


def _country(party: Seller | Buyer) -> str | None:
    return None if party.address is None else party.address.country


def _reference(pay_to: PayTo) -> str:
    """Write a creditor reference in groups of four, anything else as it is."""
    reference = pay_to.reference or ""
    return str(iso11649.format(reference)) if iso11649.is_valid(reference) else reference


def _paragraphs(text: str) -> tuple[str, ...]:
    """Split at blank lines; line breaks within a paragraph are white space."""
    blocks = (_one_line(block) for block in text.replace("\r\n", "\n").split("\n\n"))
    return tuple(block for block in blocks if block)


def _one_line(text: str) -> str:
    """Join lines and fold spaces, but keep the no-break spaces within amounts."""
    return _BLANKS.sub(" ", text).strip()
