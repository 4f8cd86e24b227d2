"""Answers as people read them: who answered what, how, and why.

For Invoice Responses, message-level statuses (MLS) and message-level responses (MLR). Texts in
one language and in reading order, nothing of HTML.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time

from ubl.localized import Localized
from ubl.mlr import Mlr
from ubl.model import Identifier
from ubl.response import (
    Clarification,
    ClarificationList,
    InvoiceResponse,
    InvoiceStatus,
    Mls,
    MlsIssue,
    NamedParty,
    ResponseParty,
)
from ubl.value_text import ValueText
from ubl.view_fields import group_fields
from ubl.view_parts import ViewField, ViewParty, ViewSection

__all__ = ["ResponseView", "invoice_response_view", "mlr_view", "mls_view"]

_NO_LOCATION = "NA"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseView:
    """An answer in one language; parts without fields are to be left out.

    ``about`` is the document answered, ``facts`` are when and from when, ``reasons`` holds one
    section for each reason, request or finding, ``technical`` is small print.
    """

    language: str
    title: str
    number: str
    status: ViewField
    about: ViewSection
    facts: ViewSection
    notes: tuple[str, ...]
    reasons: tuple[ViewSection, ...]
    parties: tuple[ViewParty, ...]
    technical: ViewSection


def invoice_response_view(response: InvoiceResponse, *, locale: str) -> ResponseView:
    """Lay out an Invoice Response. Raises LanguageUnknown."""
    return _Layout(Localized(locale)).invoice_response(response)


def mls_view(mls: Mls, *, locale: str) -> ResponseView:
    """Lay out a message-level status. Raises LanguageUnknown."""
    layout = _Layout(Localized(locale))
    moment = (mls.issued_at.date(), mls.issued_at.timetz())
    return layout.message_response(mls, "mls", moment)


def mlr_view(mlr: Mlr, *, locale: str) -> ResponseView:
    """Lay out a message-level response. Raises LanguageUnknown."""
    return _Layout(Localized(locale)).message_response(mlr, "mlr", (mlr.issue_date, mlr.issue_time))


class _Layout:
    def __init__(self, words: Localized) -> None:
        self.words = words
        self.values = ValueText(words)

    def field(self, key: str, text: str) -> ViewField:
        return ViewField(key, None, self.words.label(key), text)

    def section(self, key: str, fields: Iterator[ViewField]) -> ViewSection:
        return ViewSection(key, None, self.words.label(key), tuple(fields))

    def moment(self, day: date, clock: time | None) -> str:
        text = self.words.day(day)
        if clock is None:
            return text
        zone = "" if clock.tzinfo is None else f" {clock.tzname()}"
        return f"{text}, {clock.isoformat('minutes')[:5]}{zone}"

    def invoice_response(self, response: InvoiceResponse) -> ResponseView:
        status = "PPD" if response.is_partial_payment else response.status.value
        return ResponseView(
            language=self.words.language,
            title=self.words.label("Response.invoice_response"),
            number=response.invoice.number,
            status=self.field("Response.status", self.words.code("invoice_status", status)),
            about=self.section("Response.about", self.answered(response)),
            facts=self.section("Response.facts", self.dates(response)),
            notes=() if response.note is None else (response.note,),
            reasons=tuple(self.clarification(one) for one in response.clarifications),
            parties=tuple(self.parties(response)),
            technical=self.section(
                "Rendition.technical",
                iter(
                    (
                        self.field("Response.identifier", response.identifier),
                        self.field("Invoice.specification", response.customization),
                        self.field("Invoice.business_process", response.profile),
                    )
                ),
            ),
        )

    def answered(self, response: InvoiceResponse) -> Iterator[ViewField]:
        invoice = response.invoice
        yield self.field("Invoice.number", invoice.number)
        if invoice.issue_date is not None:
            yield self.field("Invoice.issue_date", self.words.day(invoice.issue_date))
        kind = self.values.named("document_type", invoice.type_code)
        yield self.field("Invoice.type_code", kind)

    def dates(self, response: InvoiceResponse) -> Iterator[ViewField]:
        moment = self.moment(response.issue_date, response.issue_time)
        yield self.field("Response.issued", moment)
        if response.effective_date is not None:
            day = self.words.day(response.effective_date)
            is_paid = response.status is InvoiceStatus.PAID
            yield self.field("Response.paid_on" if is_paid else "Response.effective", day)

    def clarification(self, one: Clarification) -> ViewSection:
        is_action = one.code_list is ClarificationList.ACTION
        key = "Response.action" if is_action else "Response.reason"
        fields = []
        if one.code is not None:
            code_list = "status_action" if is_action else "status_reason"
            fields.append(self.field(key, self.values.named(code_list, one.code.value)))
        if one.text:
            fields.append(self.field("Response.text", one.text))
        for condition in one.conditions:
            value = condition.value or ""
            text = f"{condition.attribute}: {value}" if value else condition.attribute
            fields.append(self.field("Response.condition", text))
        return ViewSection(key, None, self.words.label(key), tuple(fields))

    def parties(self, response: InvoiceResponse) -> Iterator[ViewParty]:
        yield self.party("Response.sender", response.sender)
        yield self.party("Response.receiver", response.receiver)
        for key, party in (("Invoice.seller", response.seller), ("Invoice.buyer", response.buyer)):
            if party is not None:
                yield self.party(key, party)

    def party(self, key: str, party: ResponseParty | NamedParty) -> ViewParty:
        fields = []
        if party.identifier is not None:
            fields.append(self.identifier("Seller.identifiers", party.identifier))
        if isinstance(party, ResponseParty):
            fields.append(self.identifier("Seller.electronic_address", party.endpoint))
            if party.contact is not None:
                fields.extend(group_fields(party.contact, "", words=self.words))
        return ViewParty(key, None, self.words.label(key), party.name, "", tuple(fields))

    def identifier(self, key: str, identifier: Identifier) -> ViewField:
        return self.field(key, self.values.identifier(key, identifier))

    def message_response(
        self, response: Mls | Mlr, kind: str, moment: tuple[date, time | None]
    ) -> ResponseView:
        return ResponseView(
            language=self.words.language,
            title=self.words.label(f"Response.{kind}"),
            number="",
            status=self.field(
                "Response.status", self.words.code("message_status", response.code.value)
            ),
            about=self.section(
                "Response.about", iter((self.field("Response.message", response.reference),))
            ),
            facts=self.section(
                "Response.facts", iter((self.field("Response.issued", self.moment(*moment)),))
            ),
            notes=() if response.description is None else (response.description,),
            reasons=tuple(self.issue(issue) for issue in response.issues),
            parties=tuple(
                ViewParty(
                    key,
                    None,
                    self.words.label(key),
                    "",
                    "",
                    (self.identifier("Seller.electronic_address", address),),
                )
                for key, address in (
                    ("Response.sender", response.sender),
                    ("Response.receiver", response.receiver),
                )
            ),
            technical=self.section(
                "Rendition.technical",
                iter((self.field("Response.identifier", response.identifier),)),
            ),
        )

    def issue(self, issue: MlsIssue) -> ViewSection:
        fields = [
            self.field("Response.reason", self.values.named("message_reason", issue.reason.value)),
            self.field("Response.text", issue.text),
        ]
        if issue.location != _NO_LOCATION:
            fields.append(self.field("Response.location", issue.location))
        return self.section("Response.finding", iter(fields))
