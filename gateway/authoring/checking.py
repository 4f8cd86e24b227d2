"""What a draft comes to and what is wrong with it, field by field."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final
from uuid import UUID

from gateway.authoring.form import Json, place_in, readable
from gateway.authoring.problems import problem_text
from gateway.authoring.reasons import reason_rows
from gateway.authoring.starting import kind_of_type
from gateway.authoring.tables import Draft
from gateway.conversion.choosing import AUTO, PREFERENCES
from gateway.conversion.outcome import Outcome
from gateway.conversion.service import Conversion, Judged
from gateway.core.errors import GatewayError
from ubl.identifier_warnings import explain_problem, identifier_warnings
from ubl.localized import Localized
from ubl.model import DocumentKind, Invoice, InvoiceLine, business_terms
from ubl.model_json import JsonRefused, invoice_from_json
from ubl.totals import complete

__all__ = ["Checked", "Message", "check_draft", "invoice_of", "numbered"]

_LINE: Final = re.compile(
    r"(?:InvoiceLine|CreditNoteLine|IncludedSupplyChainTradeLineItem)\[(\d+)\]"
)
_ENTRY: Final = re.compile(r"AllowanceCharge\[(\d+)\]")
_SUBTOTAL: Final = re.compile(r"(?:TaxSubtotal|ApplicableTradeTax)(?:\[(\d+)\])?")
_ONE_OF_MANY: Final = "lines."
_BREAKDOWN: Final = "vat_breakdown"
_REASON: Final = ("exemption_reason", "exemption_reason_code")
_ENTRIES: Final = ("allowances", "charges")
_NEEDED: Final = ("number", "issue_date", "currency", "seller.name", "buyer.name")
_NEEDED_IN_LINE: Final = (
    "item.name",
    "quantity.value",
    "quantity.unit",
    "price.net",
    "vat.category",
)
_SHOWN_AT: Final = {"": "amount", "reason_code": "reason"}
"""Fields of an allowance or a charge the form does not have, and where it tells of them."""
_NEEDED_IN_ENTRY: Final = ("amount", "vat_category")
MISSING: Final = "MISSING"


@dataclass(frozen=True, slots=True)
class Message:
    """What is wrong with one field: ``code`` is a rule or a problem's code, ``text`` a sentence."""

    code: str
    text: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft worked out and judged.

    ``invoice`` is None where the fields cannot be read; then only ``messages`` say why.
    ``messages`` are by the path of their field. ``judged`` is None where too much is missing for
    the rules to say anything useful, and where nothing could be written: ``failure`` says why.
    """

    invoice: Invoice | None = None
    messages: Mapping[str, tuple[Message, ...]] = field(default_factory=dict)
    judged: Judged | None = None
    failure: GatewayError | None = None

    @property
    def missing(self) -> int:
        """How many fields still have to be filled in."""
        found = (one for messages in self.messages.values() for one in messages)
        return sum(one.code == MISSING for one in found)

    @property
    def valid(self) -> bool:
        """Whether it can be sent as it is."""
        return self.judged is not None and self.judged.outcome is Outcome.VALID


def numbered(invoice: Invoice) -> Invoice:
    """The invoice with an identifier on every line (BT-126): its place where it has none."""
    taken = {line.identifier for line in invoice.lines}
    lines = []
    for place, line in enumerate(invoice.lines, start=1):
        identifier = line.identifier
        if identifier is None:
            identifier = next(str(n) for n in range(place, 10**6) if str(n) not in taken)
            taken.add(identifier)
        lines.append(replace(line, identifier=identifier))
    return replace(invoice, lines=tuple(lines))


def invoice_of(held: Mapping[str, Any]) -> Invoice:
    """The invoice a draft stands for, every sum worked out anew; raises JsonRefused."""
    kind: DocumentKind = kind_of_type(held.get("type_code"))
    invoice = invoice_from_json({**readable(dict(held)), "kind": kind.value})
    return complete(numbered(invoice), recompute=True)


async def check_draft(
    conversion: Conversion, tenant_id: UUID, draft: Draft, *, lang: str
) -> Checked:
    """Work a draft out, write it in the format it is wanted in, and hold it to the rules.

    ``auto`` is judged by the rules every receiver's format builds on.
    """
    checked = await _checked(conversion, tenant_id, draft, lang=lang)
    return replace(checked, messages=_in_form(checked, draft.invoice))


def _in_form(checked: Checked, held: Json) -> Mapping[str, tuple[Message, ...]]:
    """The messages by the place of their field in the draft instead of that in the invoice."""
    invoice = checked.invoice
    reasons = {} if invoice is None else reason_rows(held, invoice)
    found: dict[str, tuple[Message, ...]] = {}
    for path, messages in checked.messages.items():
        group, _, rest = path.partition(".")
        row, _, name = rest.partition(".")
        if invoice is None or group != _BREAKDOWN:
            found[place_in(held, path)] = messages
        elif int(row) in reasons:
            found[f"{group}.{reasons[int(row)]}.{name}"] = messages
    return found


async def _checked(conversion: Conversion, tenant_id: UUID, draft: Draft, *, lang: str) -> Checked:
    try:
        invoice = await asyncio.to_thread(invoice_of, draft.invoice)
    except JsonRefused as refused:
        return Checked(messages=_unreadable(refused, lang))
    slips = await asyncio.to_thread(_slips, invoice, lang)
    gaps = _gaps(invoice, lang)
    if gaps:
        return Checked(invoice=invoice, messages={**slips, **gaps})
    wanted = PREFERENCES[0] if draft.wanted == AUTO else draft.wanted
    try:
        written = await conversion.write(invoice, wanted, complete=False, bare=True)
        judged = await conversion.judge(tenant_id, written, lang=lang)
    except GatewayError as failure:
        return Checked(invoice=invoice, messages=slips, failure=failure)
    found = _by_field(judged.report, invoice)
    return Checked(invoice=invoice, messages={**slips, **found}, judged=judged)


def _unreadable(refused: JsonRefused, lang: str) -> Mapping[str, tuple[Message, ...]]:
    found: dict[str, tuple[Message, ...]] = {}
    for one in refused.problems:
        path = one.pointer.removeprefix("/").replace("/", ".")
        text = problem_text(one.code, one.advice, lang=lang)
        found[path] = (*found.get(path, ()), Message(one.code, text, fatal=True))
    return found


def _slips(invoice: Invoice, lang: str) -> Mapping[str, tuple[Message, ...]]:
    """Identifiers that cannot be right; where rules object to the same field they have the word."""
    localized = Localized(lang)
    return {
        one.path.replace("[", ".").replace("]", ""): (
            Message(one.problem.fault, explain_problem(one.problem, localized), fatal=False),
        )
        for one in identifier_warnings(invoice)
    }


def _gaps(invoice: Invoice, lang: str) -> Mapping[str, tuple[Message, ...]]:
    """What has to be filled in before the rules are asked: without it they say little else."""
    missing = [path for path in _NEEDED if _inside(invoice, path) is None]
    for index, line in enumerate(invoice.lines or (InvoiceLine(),)):
        needed = (path for path in _NEEDED_IN_LINE if _inside(line, path) is None)
        missing += [f"lines.{index}.{path}" for path in needed]
        missing += _unsaid(line, ("amount",), f"lines.{index}.")
    missing += _unsaid(invoice, _NEEDED_IN_ENTRY, "")
    gap = Message(MISSING, problem_text(MISSING, MISSING, lang=lang), fatal=True)
    return dict.fromkeys(missing, (gap,))


def _unsaid(within: Invoice | InvoiceLine, needed: tuple[str, ...], start: str) -> Iterator[str]:
    """What allowances and charges lack, without which there are no sums."""
    for kind in _ENTRIES:
        for index, entry in enumerate(getattr(within, kind)):
            # An amount may follow from a percentage.
            given = {"amount"} if entry.percentage is not None else set()
            for name in needed:
                if name not in given and getattr(entry, name) is None:
                    yield f"{start}{kind}.{index}.{name}"


def _inside(group: Any, path: str) -> Any:
    for step in path.split("."):
        group = getattr(group, step, None)
    return group


@cache
def _paths() -> Mapping[str, str]:
    """Where each business term stands; the first place wins."""
    found: dict[str, str] = {}
    for term in business_terms(Invoice):
        found.setdefault(term.number, term.path)
        if term.also is not None:
            found.setdefault(term.also, term.path)
    return found


def _by_field(report: Mapping[str, Any], invoice: Invoice) -> Mapping[str, tuple[Message, ...]]:
    """Findings of the rules by the first field of theirs that the form can point at."""
    found: dict[str, tuple[Message, ...]] = {}
    for one in report["findings"]:
        if one["severity"] not in ("fatal", "warning"):
            continue
        path = next(_places(one.get("terms") or (), one.get("location") or "", invoice), None)
        if path is None:
            continue
        message = Message(one["rule"], one["message"], fatal=one["severity"] == "fatal")
        if message.code not in {known.code for known in found.get(path, ())}:
            found[path] = (*found.get(path, ()), message)
    return found


def _places(terms: Iterable[str], location: str, invoice: Invoice) -> Iterator[str]:
    line = _LINE.search(location)
    index = int(line[1]) - 1 if line else 0
    terms = tuple(terms)
    for term in sorted(terms, key=lambda one: one.startswith("BG-")):
        path = _paths().get(term)
        if path is None:
            continue
        within: Invoice | InvoiceLine = invoice
        start = ""
        if path.startswith(_ONE_OF_MANY):
            if index >= len(invoice.lines) or (line is None and len(invoice.lines) != 1):
                continue
            within, start = invoice.lines[index], f"lines.{index}."
            path = path.removeprefix(_ONE_OF_MANY)
        if path.partition(".")[0] == _BREAKDOWN:
            reason = None if line else _reason(path, terms, location, invoice)
            if reason is None:
                continue
            path = reason
        if path.partition(".")[0] in _ENTRIES:
            if line is not None and not start:
                continue
            entry = _entry(path, location[line.end() :] if line else location, within)
            if entry is None:
                continue
            path = entry
        yield start + path


def _entry(path: str, location: str, within: Invoice | InvoiceLine) -> str | None:
    """The field of the allowance or charge that a rule speaks of; None where that is not said.

    Documents hold both in one kind of element, the allowances first.
    """
    kind, _, field_name = path.partition(".")
    rows = within.allowances if kind == "allowances" else within.charges
    place = _ENTRY.search(location)
    index = int(place[1]) - 1 if place else 0
    if place is not None and kind == "charges":
        index -= len(within.allowances)
    if not 0 <= index < len(rows) or (place is None and len(rows) != 1):
        return None
    return f"{kind}.{index}.{_SHOWN_AT.get(field_name, field_name)}"


def _reason(path: str, terms: Sequence[str], location: str, invoice: Invoice) -> str | None:
    """The reason that a rule speaks of; None for the rest of a breakdown, which is worked out.

    A rule that either would satisfy is told at the one that is given, else at the one in words.
    """
    name = path.partition(".")[2]
    place = _SUBTOTAL.search(location)
    if name not in _REASON or place is None:
        return None
    rows = invoice.vat_breakdown
    index = int(place[1]) - 1 if place[1] else 0
    if not 0 <= index < len(rows) or (place[1] is None and len(rows) != 1):
        return None
    in_words, as_code = rows[index].exemption_reason, rows[index].exemption_reason_code
    if {"BT-120", "BT-121"} <= set(terms):
        name = _REASON[1] if as_code and not in_words else _REASON[0]
    return f"{_BREAKDOWN}.{index}.{name}"
