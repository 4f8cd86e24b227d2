"""Single values of an invoice in words: codes by name, accounts in groups, terms in sentences.

Which list a code is of follows from the field it stands in. A code without a name is shown with
its list; nothing a document says is left out.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final

from stdnum import iban as iban_number

from ubl.amounts import NO_CURRENCY, Amount, AmountUnreadable, parse_decimal
from ubl.localized import Localized
from ubl.model import (
    Address,
    Attachment,
    Identifier,
    ItemAttribute,
    ItemClassification,
    Period,
    Quantity,
)

__all__ = ["ValueText", "attachment_name", "attachment_size"]

_CODE_LISTS: Final = {
    "Invoice.type_code": "document_type",
    "Invoice.tax_point_code": "tax_point",
    "Invoice.delivery_terms": "incoterms",
    "Invoice.transport_mode": "transport_mode",
    "PrecedingInvoice.type_code": "document_type",
    "PaymentInstructions.means_code": "payment_means",
    "AllowanceCharge.vat_category": "vat_category",
    "VatBreakdown.category": "vat_category",
    "LineVat.category": "vat_category",
    "LineVat.tax_point_code": "tax_point",
    "LogisticsCharge.vat_category": "vat_category",
    "AdvanceVat.category": "vat_category",
    "DocumentReference.type_code": "document_type",
    "DocumentReferences.contract_type": "reference",
    "SupportingDocument.type_code": "document_type",
    "SupportingDocument.reference_type": "reference",
    "Note.subject_code": "note_subject",
    "InvoiceLine.note_subject_code": "note_subject",
    "InvoiceLine.status": "line_status",
    "InvoiceLine.subtype": "line_subtype",
    "Price.discount_reason_code": "allowance_reason",
    "Seller.role": "party_role",
    "Buyer.role": "party_role",
    "Payee.role": "party_role",
    "Party.role": "party_role",
}
_PUBLISHED: Final = {
    "allowance_reason": "UNTDID 5189",
    "charge_reason": "UNTDID 7161",
    "classification": "UNTDID 7143",
    "document_type": "UNTDID 1001",
    "exemption": "VATEX",
    "incoterms": "UNTDID 4053",
    "line_status": "UNTDID 1229",
    "note_subject": "UNTDID 4451",
    "party_role": "UNTDID 3035",
    "payment_means": "UNTDID 4461",
    "reference": "UNTDID 1153",
    "tax_point": "UNTDID 2475",
    "transport_mode": "UN/ECE Rec. 19",
    "vat_category": "UNTDID 5305",
}
"""What the lists are called by their publishers, for codes that have no name here."""
_OBJECTS: Final = frozenset({"Invoice.invoiced_object", "InvoiceLine.object_identifier"})
_SCHEME_NUMBER: Final = re.compile(r"\d{4}")
_LIST_CODE: Final = re.compile(r"[A-Z0-9]{1,4}")
_PERCENTAGES: Final = ("percentage", ".rate", ".vat_rate")
_RATE_OF_EXCHANGE: Final = "CurrencyExchange.rate"
_ACCOUNTS: Final = frozenset({"CreditTransfer.account", "DirectDebit.debited_account"})
_SHOWN_DIGITS: Final = 4
_UNNAMED_SCHEMES: Final = frozenset({"SEPA", "VA", "VAT", "FC"})
_DIRECTIVE = re.compile(r"VATEX-EU-(\d{2,3})(?:-(\d)?([A-Z])?([A-Z])?)?")
_FRENCH_CODE = re.compile(r"VATEX-FR-(?:CGI)?(\d{3}[A-Z]*)(?:-(\d+))?")
_DISCOUNT = re.compile(
    r"#(SKONTO|VERZUG)#TAGE=(\d+)#PROZENT=(\d+(?:\.\d+)?)#(?:BASISBETRAG=(-?\d+(?:\.\d+)?)#)?\s*"
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NAME_LENGTH: Final = 150


class ValueText:
    """Writes values of the model for readers of one language."""

    def __init__(self, words: Localized, currency: str | None = None) -> None:
        """Prepare for an invoice in ``currency``, which amounts inside free text are in."""
        self.words = words
        self.currency = currency

    def text(self, key: str, value: Any) -> str | None:
        """Write the value of a field (``Seller.name``); None where it is a group of its own."""
        if isinstance(value, bool):
            return self.words.label("Rendition.yes" if value else "Rendition.no")
        if isinstance(value, str):
            return self.string(key, value)
        is_percentage = key.endswith(_PERCENTAGES) and key != _RATE_OF_EXCHANGE
        if is_percentage and isinstance(value, Decimal):
            return self.words.percentage(value)
        if isinstance(value, Identifier):
            return self.identifier(key, value)
        writers: tuple[tuple[type, Callable[[Any], str]], ...] = (
            (Amount, self.words.amount),
            (Decimal, self.words.number),
            (int, str),
            (date, self.words.day),
            (Quantity, self.words.quantity),
            (Period, self.period),
            (Address, self.address),
            (ItemAttribute, self.attribute),
            (ItemClassification, self.classification),
            (Attachment, self.attachment),
        )
        for kind, write in writers:
            if isinstance(value, kind):
                return write(value)
        return None

    def string(self, key: str, value: str) -> str:
        """Write a text; a code gets its name, with the code itself where lists are compared."""
        if key in _CODE_LISTS:
            return self.named(_CODE_LISTS[key], value)
        for ending, write in (
            ("exemption_reason_code", self.exemption),
            ("currency", self.words.currency),
            ("country", self.words.country),
            ("PaymentCard.primary_account_number", _last_digits),
            ("Invoice.payment_terms", self.terms),
            ("PaymentTerms.text", self.terms),
        ):
            if key.endswith(ending):
                return write(value)
        return value

    def named(self, code_list: str, code: str) -> str:
        """Write a code as its name with the code behind; one without a name with its list."""
        name = self.words.code(code_list, code)
        if name != code:
            return f"{name} ({code})"
        published = _PUBLISHED.get(code_list)
        return f"{code} ({published})" if published else code

    def category(self, code: str) -> str:
        """Write a VAT category by its name alone, with the list where it has none."""
        name = self.words.code("vat_category", code)
        return name if name != code or not code else self.named("vat_category", code)

    def identifier(self, key: str, identifier: Identifier) -> str:
        """Write an identifier with what it is of; bank accounts in groups of four."""
        value = identifier.value
        if key in _ACCOUNTS:
            return str(iban_number.format(value)) if _is_iban(value) else value
        if identifier.scheme is None or identifier.scheme in _UNNAMED_SCHEMES:
            return value
        return f"{value} ({self._scheme(key, identifier.scheme)})"

    def _scheme(self, key: str, scheme: str) -> str:
        """Write what an identifier is of; a number without a name with the list it is of."""
        name = self.words.code("reference" if key in _OBJECTS else "scheme", scheme)
        if name != scheme or not _SCHEME_NUMBER.fullmatch(scheme):
            return name
        return f"EAS {scheme}" if key.endswith("electronic_address") else f"ICD {scheme}"

    def exemption(self, code: str) -> str:
        """Write why no VAT is charged (VATEX of CEF), articles of law in the reader's words."""
        name = self.words.code("exemption", code)
        if name != code:
            return f"{name} ({code})"
        if found := _DIRECTIVE.fullmatch(code):
            article, paragraph, point, sub_point = found.groups()
            text = self.words.label("Rendition.directive_article").format(article=article)
            if paragraph:
                text = self.words.label("Rendition.paragraph").format(text=text, number=paragraph)
            if point:
                letter = point.lower() + (f", {sub_point.lower()}" if sub_point else "")
                text = self.words.label("Rendition.point").format(text=text, letter=letter)
            return self.words.label("Rendition.directive").format(text=text) + f" ({code})"
        if found := _FRENCH_CODE.fullmatch(code):
            article = "-".join(part for part in found.groups() if part)
            return self.words.label("Rendition.french_article").format(article=article) + (
                f" ({code})"
            )
        return self.named("exemption", code)

    def terms(self, text: str) -> str:
        """Write payment terms; discounts in XRechnung's notation become sentences."""
        lines = (self._term(line) for line in text.strip().splitlines())
        return "\n".join(line for line in lines if line)

    def _term(self, line: str) -> str:
        found = _DISCOUNT.fullmatch(line.strip())
        if found is None:
            return line.strip()
        kind, days, percent, base = found.groups()
        label = "Rendition.discount" if kind == "SKONTO" else "Rendition.late_interest"
        text = self.words.label(label).format(
            percentage=self.words.percentage(Decimal(percent)), days=int(days)
        )
        if base is None:
            return text
        return f"{text} ({self.words.label('Rendition.base')} {self._base(base)})"

    def _base(self, text: str) -> str:
        try:
            value = parse_decimal(text)
        except AmountUnreadable:
            return text
        return self.words.amount(Amount(value, self.currency or NO_CURRENCY))

    def period(self, period: Period) -> str:
        """Write a period; an open side is left blank around the dash."""
        days = ("" if day is None else self.words.day(day) for day in (period.start, period.end))
        text = " – ".join(days)
        return "" if text == " – " else text.strip(" ")

    def address(self, address: Address) -> str:
        """Write an address in lines, post code before the city, country by name."""
        country = None if address.country is None else self.words.country(address.country)
        place = " ".join(part for part in (address.post_code, address.city) if part)
        lines = (
            address.line1,
            address.line2,
            address.line3,
            place,
            address.subdivision,
            country,
        )
        return "\n".join(line for line in lines if line)

    def attribute(self, attribute: ItemAttribute) -> str:
        """Write a property of an item with its value, and the code of its kind behind."""
        measure = "" if attribute.measure is None else self.words.quantity(attribute.measure)
        value = ", ".join(part for part in (attribute.value, measure) if part)
        text = ": ".join(part for part in (attribute.name, value) if part)
        return f"{text} (UNTDID 6313: {attribute.code})".strip() if attribute.code else text

    def classification(self, classification: ItemClassification) -> str:
        """Write a class by code and name, with what the classification is called."""
        called, scheme = None, classification.scheme
        if scheme is not None:
            is_known = self.words.has_code("classification", scheme)
            called = self.words.code("classification", scheme)
            if not is_known and _LIST_CODE.fullmatch(scheme):
                called = f"{_PUBLISHED['classification']}: {scheme}"
        kind = " ".join(part for part in (called, classification.version) if part)
        text = " ".join(part for part in (classification.code, classification.name) if part)
        return f"{text} ({kind})" if kind else text

    def attachment(self, attachment: Attachment) -> str:
        """Write what a file inside the invoice is: its name, kind and size."""
        facts = ", ".join(
            part
            for part in (attachment.mime_type, self.words.size(attachment_size(attachment)))
            if part
        )
        name = attachment_name(attachment)
        return f"{name} ({facts})" if name else facts


def attachment_name(attachment: Attachment, reference: str | None = None) -> str:
    """Return a name fit to be shown and saved under: no path, no control or direction marks.

    Where the sender gave none, the document's reference stands in; both may be empty.
    """
    for text in (attachment.file_name, reference):
        name = _UNPRINTABLE.sub("", (text or "").replace("\\", "/").rpartition("/")[2]).strip()
        name = name.lstrip(".")
        if name:
            stem, dot, suffix = name.rpartition(".")
            if not dot or len(suffix) > 10:
                return name[:_NAME_LENGTH]
            return f"{stem[:_NAME_LENGTH]}.{suffix}"
    return ""


def attachment_size(attachment: Attachment) -> int:
    """Return how many bytes the file has, without decoding it."""
    blanks = sum(attachment.encoded.count(blank) for blank in " \t\r\n")
    length = len(attachment.encoded) - blanks
    return max(0, length // 4 * 3 - attachment.encoded.count("="))


def _last_digits(card_number: str) -> str:
    hidden = max(0, len(card_number) - _SHOWN_DIGITS)
    return "•" * hidden + card_number[hidden:]


def _is_iban(value: str) -> bool:
    return bool(iban_number.is_valid(value, check_country=False))
