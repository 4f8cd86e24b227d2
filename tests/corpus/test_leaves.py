"""Nothing is lost on the way in silence: each leaf of each invoice, followed by its value.

A judge that knows neither reader nor writer: it takes every text and attribute of the source,
and looks for it in the document written from what was read. What is not there must be in the list
of what was not read, or in the list of what the format could not hold.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from schematron.pdf import PdfRefused
from schematron.pdf import read as read_pdf
from schematron.pdfcheck import choose
from ubl.cii.writer import write_cii
from ubl.differences import Difference, differences
from ubl.formats import Syntax
from ubl.invoice import read_invoice
from ubl.model import Invoice
from ubl.namespaces import short
from ubl.safexml import XmlRefused, parse
from ubl.ubl21.writer import write_ubl

pytestmark = pytest.mark.corpus

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
SYNTAXES = {"ubl-invoice": Syntax.UBL, "ubl-creditnote": Syntax.UBL, "cii": Syntax.CII}
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
# When VAT becomes due: CII has codes of UNTDID 2475 for it, UBL and EN 16931 those of 2005.
TAX_POINTS = {"5": "3", "29": "35", "72": "432"}
# What every document of a syntax says without saying anything of the invoice.
IMPLIED = {"VAT", "VA", "FC", "102", "true", "false", "130", "50", "916", "SEPA", "2.1"}
# What a syntax says in more than one place, and another one only once.
SAID_TWICE = (
    "ram:GrossPriceProductTradePrice/ram:BasisQuantity",
    "ram:GrossPriceProductTradePrice/ram:BasisQuantity/@unitCode",
    "ram:ApplicableTradeTax/ram:DueDateTypeCode",
    "ram:ApplicableTradeTax/ram:TaxPointDate/udt:DateString",
    "ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime/udt:DateTimeString",
    "cac:PaymentMeans/cbc:PaymentID",
)
# What a syntax makes a sender say who has nothing to say.
FILLERS = {
    "ram:SpecifiedProcuringProject/ram:Name": "Project reference",
    "cac:OrderReference/cbc:ID": "NA",
}
CURRENCY = re.compile("/(cbc:DocumentCurrencyCode|ram:InvoiceCurrencyCode)$")
WRITERS: dict[Syntax, Callable[[Invoice], etree._Element]] = {
    Syntax.UBL: write_ubl,
    Syntax.CII: write_cii,
}


@dataclass(frozen=True)
class Leaf:
    """A text or attribute: where it stands, with and without positions, and what it says."""

    place: str
    path: str
    text: str


@dataclass
class Tally:
    cases: int = 0
    complete: int = 0
    leaves: int = 0
    told: int = 0
    moved: int = 0
    silent: dict[str, list[str]] = field(default_factory=dict)


def normal(text: str, name: str) -> str:
    """One spelling for what XML Schema calls the same value."""
    text = " ".join(text.split())
    if name == "ram:DueDateTypeCode":
        return TAX_POINTS.get(text, text)
    if name.endswith("Indicator"):
        return {"1": "true", "0": "false"}.get(text, text)
    if name in ("udt:DateTimeString", "udt:DateString", "qdt:DateTimeString") and text.isdigit():
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            return text
    if re.fullmatch(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", text) and len(text) < 40:
        number = Decimal(text)
        # An identifier such as 0088 is no number, and 88 would not be the same one.
        if text.lstrip("+-").startswith("0") and "." not in text and number:
            return text
        return format(number.normalize() if number else Decimal(0), "f")
    return "".join(text.split()) if len(text) > 200 else text


def leaves(element: etree._Element, place: str = "", path: str = "") -> Iterator[Leaf]:
    """Every text and attribute, in the order of the document."""
    name = short(str(element.tag))
    place, path = place or f"/{name}", path or f"/{name}"
    children = [one for one in element if isinstance(one.tag, str)]
    text = str(etree.XPath("string()")(element)) if not children else ""
    if text.strip():
        is_note = name == "cbc:Note" and "PaymentTerms" not in path
        subject = re.match(r"#([0-9A-Z]+)#", text) if is_note else None
        if subject:
            # UBL puts into one text what other syntaxes keep apart.
            yield Leaf(place, path, subject[1])
            text = text[subject.end() :]
        if text.strip():
            yield Leaf(place, path, normal(text, name))
    for key, value in element.attrib.items():
        if not str(key).startswith(XSI) and str(value).strip():
            attribute = short(str(key))
            yield Leaf(f"{place}/@{attribute}", f"{path}/@{attribute}", normal(str(value), ""))
    totals = Counter(str(one.tag) for one in children)
    seen: Counter[str] = Counter()
    for child in children:
        tag = str(child.tag)
        seen[tag] += 1
        inner = short(tag)
        position = f"[{seen[tag]}]" if totals[tag] > 1 else ""
        yield from leaves(child, f"{place}/{inner}{position}", f"{path}/{inner}")


def silent(
    source: etree._Element,
    target: etree._Element,
    *,
    unread: tuple[str, ...],
    lost: tuple[Difference, ...],
) -> tuple[list[Leaf], int]:
    """The leaves that are neither in the target nor told of; and how many stand elsewhere there.

    Each leaf of the target answers for one of the source: first the one at the same place, then
    one of the same text anywhere.
    """
    told = set(unread)
    gone = Counter(normal(one.before, "") for one in lost if one.before)
    held = Counter((one.path, one.text) for one in leaves(target))
    absent = []
    for leaf in leaves(source):
        if leaf.place in told:
            continue
        if held[leaf.path, leaf.text]:
            held[leaf.path, leaf.text] -= 1
        else:
            absent.append(leaf)
    elsewhere: Counter[str] = Counter()
    for (_, text), count in held.items():
        elsewhere[text] += count
    texts = {one.text for one in leaves(target)}
    currency = {one.text for one in leaves(source) if CURRENCY.search(one.path)}
    missing, moved = [], 0
    for leaf in sorted(absent, key=lambda one: one.path.endswith(SAID_TWICE)):
        if elsewhere[leaf.text]:
            elsewhere[leaf.text] -= 1
            moved += 1
        elif gone[leaf.text]:
            gone[leaf.text] -= 1
        elif not (
            leaf.text in IMPLIED
            or (leaf.path.endswith("/@currencyID") and leaf.text in currency)
            or (leaf.path.endswith(SAID_TWICE) and leaf.text in texts)
            or any(leaf.path.endswith(end) and leaf.text == of for end, of in FILLERS.items())
        ):
            missing.append(leaf)
    return missing, moved


def invoices() -> Iterator[tuple[str, str, etree._Element]]:
    """Every whole invoice the schemas find no fault with, as (suite, id, root); PDFs by their XML.

    Most of them break a rule; what they say must not get lost for that.
    """
    for line in (CORPUS / "index.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        if case.get("fragment") or case.get("xsd_valid") is False or case["suite"] == "hostile":
            continue
        content = (CORPUS / case["file"]).read_bytes()
        if case["file"].endswith(".pdf"):
            content = in_pdf(content)
        try:
            root = parse(content)
        except XmlRefused:
            continue
        if etree.QName(root).localname in ("Invoice", "CreditNote", "CrossIndustryInvoice"):
            yield case["suite"], case["id"], root


def in_pdf(content: bytes) -> bytes:
    try:
        chosen, _ = choose(read_pdf(content))
    except PdfRefused:
        return b""
    return chosen.data if chosen is not None else b""


def syntax_of(root: etree._Element) -> Syntax:
    is_cii = etree.QName(root).localname == "CrossIndustryInvoice"
    return Syntax.CII if is_cii else Syntax.UBL


@pytest.mark.parametrize("way", ["same syntax", "other syntax"])
def test_every_leaf_is_written_or_told(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not CORPUS.is_dir():
        pytest.skip(f"the test corpus is not at {CORPUS}")
    suites: dict[str, Tally] = {}
    for suite, case, root in invoices():
        reading = read_invoice(root)
        own = syntax_of(root)
        other = Syntax.UBL if own is Syntax.CII else Syntax.CII
        wanted = own if way == "same syntax" else other
        target = WRITERS[wanted](reading.invoice)
        lost = differences(reading.invoice, read_invoice(target).invoice)
        tally = suites.setdefault(suite, Tally())
        found, moved = silent(root, target, unread=reading.unread, lost=lost)
        tally.cases += 1
        tally.moved += moved
        tally.leaves += sum(1 for _ in leaves(root))
        tally.told += len(reading.unread) + len(lost)
        tally.complete += not found
        if found:
            tally.silent[case] = [f"{one.place} = {one.text[:60]}" for one in found]
    rows = [("suite", "invoices", "none lost in silence", "leaves", "elsewhere", "told")]
    rows += [
        (suite, *map(str, (of.cases, of.complete, of.leaves, of.moved, of.told)))
        for suite, of in sorted(suites.items())
    ]
    with capsys.disabled():
        print(f"\nEvery leaf, written in the {way}:")
        for first, *others in rows:
            print(f"  {first:28}" + "".join(f"{one:>22}" for one in others))
    missing = {case: of for tally in suites.values() for case, of in tally.silent.items()}
    assert missing == {}
