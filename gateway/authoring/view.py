"""How a draft is laid out as a form: values, labels, messages and choices, by path. Pure."""

import contextlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from babel import Locale

from gateway.authoring.checking import Checked, Message
from gateway.authoring.form import MAX_ROWS, Json, flattened, place_of
from gateway.authoring.keeping import unshown
from gateway.authoring.numbers import shown
from gateway.authoring.reasons import reason_rows
from gateway.conversion.choosing import AUTO
from ubl.amounts import Amount, minor_digits, round_half_away
from ubl.formats import FORMATS
from ubl.localized import Localized
from ubl.model import VatBreakdown

__all__ = ["Choice", "FormView", "Kept", "VatReason", "countries", "known_format"]

_DOCUMENT_TYPES: Final = ("380", "381", "384", "386", "326")
_VAT_CATEGORIES: Final = ("S", "Z", "E", "AE", "K", "G", "O")
_PAYMENT_MEANS: Final = ("30", "58", "57", "59", "49", "48", "10", "97")
_UNITS: Final = (
    *("C62", "H87", "HUR", "DAY", "MON", "WEE", "ANN", "KGM", "TNE", "LTR"),
    *("MTR", "MTK", "MTQ", "KMT", "KWH", "LS", "SET", "XBX"),
)
_CODES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "Invoice.type_code": ("document_type", _DOCUMENT_TYPES),
    "LineVat.category": ("vat_category", _VAT_CATEGORIES),
    "AllowanceCharge.vat_category": ("vat_category", _VAT_CATEGORIES),
    "PaymentInstructions.means_code": ("payment_means", _PAYMENT_MEANS),
    "InvoiceLine.quantity": ("unit", _UNITS),
}
_SCHEMES: Final = (
    *("0002", "0007", "0009", "0088", "0106", "0184", "0190", "0192", "0204", "0208"),
    *("0210", "0225", "9915", "9930", "9938", "9944", "9957"),
)
_WORKED_OUT: Final = re.compile(
    r"kind|specification|vat_breakdown\..*|(lines\.\d+\.)(net_amount\..*|identifier)"
    r"|.*\.attachment\.(encoded|mime_type|file_name)"
)
"""What a draft holds that is worked out from the rest, or that a page shows or cannot show."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a list."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class VatReason:
    """A VAT category that needs a reason; ``path`` is its row of the breakdown in the draft."""

    path: str
    category: str
    rate: str
    name: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A value of the draft that the form has no field for; ``term`` is its number, if any."""

    name: str
    term: str
    value: str


@cache
def countries(language: str) -> tuple[Choice, ...]:
    """Every country by its name in a language."""
    names = {str(code): str(name) for code, name in Locale.parse(language).territories.items()}
    codes = (code for code in names if len(code) == 2 and code.isalpha() and code < "XA")
    return tuple(
        sorted((Choice(code, names[code]) for code in codes), key=lambda one: one.text.casefold())
    )


class FormView:
    """A draft as a template reads it: everything about one field by the path of the field."""

    def __init__(self, held: Json, checked: Checked, *, language: str) -> None:
        self.held = held
        self.checked = checked
        self.words = Localized(language)
        self._values = flattened(held)
        self._asked: set[str] = set()
        self._carried: set[str] = set()

    def value(self, path: str) -> str:
        """What the field holds, empty without."""
        self._asked.add(path)
        return self.said(path)

    def said(self, path: str) -> str:
        """The same where the page shows it without a field to change it in."""
        text = self._values.get(path, "")
        is_number = place_of(path).kind is Decimal
        return shown(text, language=self.words.language) if is_number else text

    def carried(self, *names: str) -> str:
        """What the page has to carry beyond the fields asked for so far, as JSON.

        Of these groups of the draft, or, without names, of all that were not carried yet.
        """
        chosen = names or tuple(one for one in self.held if one not in self._carried)
        self._carried.update(chosen)
        part = {one: self.held[one] for one in chosen if one in self.held}
        return json.dumps(unshown(part, self._asked), ensure_ascii=False, separators=(",", ":"))

    def kept(self) -> tuple[Kept, ...]:
        """What the draft holds beyond the fields asked for so far: it is sent along all the same.

        For the end of a form: nobody is to believe that it is lost.
        """
        found = [
            (path, self.name(path), self.shown(path, text))
            for path, text in self._values.items()
            if text and path not in self._asked and not _WORKED_OUT.fullmatch(path)
        ]
        # Parts of one value, such as a quantity and its unit, have one name.
        parts = [list(same) for _, same in groupby(found, key=itemgetter(1))]
        return tuple(
            Kept(same[0][1], self.term(same[0][0]), " · ".join(text for *_, text in same))
            for same in parts
        )

    def name(self, path: str) -> str:
        """The place of a field in words, numbered where it repeats."""
        steps, found, key = path.split("."), [], ""
        for place, step in enumerate(steps):
            here = ".".join(steps[: place + 1])
            if step.isdigit() or place_of(here).key == key:
                # The number of a row, or a part of one value: its code list, its currency.
                continue
            key = place_of(here).key
            try:
                label = self.label(here)
            except KeyError:
                # Groups that are shown as one value have no label of their own.
                continue
            following = steps[place + 1] if place + 1 < len(steps) else ""
            found.append(f"{label} {int(following) + 1}" if following.isdigit() else label)
        return " › ".join(found)

    def shown(self, path: str, text: str) -> str:
        """What a draft may hold at a field, in the reader's way of writing."""
        kind = place_of(path).kind
        if kind is Decimal:
            return shown(text, language=self.words.language)
        if kind is bool:
            return self.words.label("Rendition.yes" if text == "True" else "Rendition.no")
        if kind is date:
            with contextlib.suppress(ValueError):
                return self.words.day(date.fromisoformat(text))
        return text

    def label(self, path: str) -> str:
        """What the field is called in the reader's language."""
        return self.words.label(place_of(path).key)

    def term(self, path: str) -> str:
        """The number of the field in EN 16931, empty without."""
        return place_of(path).term or ""

    @staticmethod
    def ident(path: str) -> str:
        """The path as an identifier of the page."""
        return path.replace(".", "-")

    def messages(self, path: str) -> tuple[Message, ...]:
        """What is wrong with the field."""
        whole = path.removesuffix(".value")
        found = self.checked.messages
        return (
            found.get(path, ()) if whole == path else (*found.get(path, ()), *found.get(whole, ()))
        )

    def told(self) -> str:
        """The fields with messages, for the page to say what it shows."""
        return " ".join(self.checked.messages)

    def differs(self, path: str, told: Collection[str]) -> bool:
        """Whether a page that shows messages at the fields ``told`` has to be told of this one."""
        names = (path, path.removesuffix(".value"))
        return any(one in told or one in self.checked.messages for one in names)

    def rows(self, path: str, *, least: int = 0) -> range:
        """The places of a list, at least so many."""
        value: Any = self.held
        for step in path.split("."):
            value = value.get(step, {}) if isinstance(value, dict) else {}
        return range(max(least, len(value) if isinstance(value, list) else 0))

    def room(self, path: str) -> bool:
        """Whether a list may have another row."""
        return len(self.rows(path)) < MAX_ROWS

    def choices(self, path: str) -> tuple[Choice, ...]:
        """The codes to choose from, with the one the field holds."""
        code_list, codes = _CODES[place_of(path).key]
        own = self.value(path)
        known = codes if own in codes or not own else (own, *codes)
        return tuple(Choice(code, self._name(code_list, code)) for code in known)

    def _name(self, code_list: str, code: str) -> str:
        return self.words.code(code_list, code).partition("|")[0]

    def schemes(self) -> tuple[Choice, ...]:
        """Schemes of electronic addresses people meet most (EAS)."""
        return tuple(Choice(code, self.words.code("scheme", code)) for code in _SCHEMES)

    @staticmethod
    def formats() -> tuple[Choice, ...]:
        """The formats a draft can be written in."""
        return tuple(Choice(one.id, one.title) for one in FORMATS.values())

    def net(self, index: int) -> str:
        """The net amount of a line as it was worked out, empty where that is not known."""
        invoice = self.checked.invoice
        if invoice is None or index >= len(invoice.lines):
            return ""
        return self._money(invoice.lines[index].net_amount)

    def totals(self) -> tuple[Choice, ...]:
        """What the invoice comes to, label and amount, in the order of addition."""
        invoice = self.checked.invoice
        if invoice is None or invoice.totals is None:
            return ()
        found = []
        for name in ("lines", "allowances", "charges", "without_vat", "vat", "with_vat", "paid"):
            amount = getattr(invoice.totals, name)
            if amount is not None and (name not in ("allowances", "charges") or amount.value):
                found.append(
                    Choice(self._money(amount), self.words.label(f"DocumentTotals.{name}"))
                )
        return tuple(found)

    def due(self) -> Choice | None:
        """What is to be paid."""
        invoice = self.checked.invoice
        if invoice is None or invoice.totals is None or invoice.totals.due is None:
            return None
        return Choice(self._money(invoice.totals.due), self.words.label("DocumentTotals.due"))

    def _money(self, amount: Amount | None) -> str:
        if amount is None:
            return ""
        digits = minor_digits(amount.currency)
        rounded = round_half_away(amount.value, digits)
        return self.words.amount(
            Amount(rounded, amount.currency) if rounded == amount.value else amount
        )

    def vat_reasons(self) -> tuple[VatReason, ...]:
        """The VAT categories of the invoice that need a reason, or have one they must not have."""
        invoice = self.checked.invoice
        if invoice is None:
            return ()
        return tuple(
            _reason(self.words, invoice.vat_breakdown[place], row)
            for place, row in reason_rows(self.held, invoice).items()
        )

    def vat_keys(self) -> str:
        """Which reasons the page shows, so that it is told when they change."""
        return " ".join(one.path + one.category for one in self.vat_reasons())


def _reason(words: Localized, entry: VatBreakdown, row: int) -> VatReason:
    category = entry.category or ""
    return VatReason(
        f"vat_breakdown.{row}",
        category,
        "" if entry.rate is None else str(entry.rate),
        words.code("vat_category", category),
    )


def known_format(wanted: str) -> str:
    """The format of that id, ``auto`` for anything else."""
    return wanted if wanted in FORMATS else AUTO
