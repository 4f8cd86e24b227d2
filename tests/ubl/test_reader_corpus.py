"""Every UBL invoice of the corpus is read, and every leaf of it is either held or listed.

The oracle is independent of the reader: it walks the source by itself, takes away what the
reader lists as unread, and looks for each remaining text in the values of the model. It looks at
every fourth document; UBL_CORPUS=full in the environment makes it look at all.
"""

import dataclasses
import os
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from ubl.amounts import Amount
from ubl.differences import differences
from ubl.invoice import read_invoice
from ubl.model import Invoice, Note
from ubl.namespaces import CAC, CBC, EXT
from ubl.reading import Reading
from ubl.safexml import XmlRefused, parse
from ubl.ubl21.writer import write_ubl

EVERY = 1 if os.environ.get("UBL_CORPUS") == "full" else 4
NAMESPACES = {"cbc": CBC, "cac": CAC, "ext": EXT}
# Values the model implies rather than holds: tax scheme, document types, indicators, and the
# stand-in for a number UBL demands where there is none.
IMPLIED = {
    "OrderReference/ID": {"NA"},
    "OrderLineReference/LineID": {"NA"},
    "CardAccount/NetworkID": {"NA"},
    "CopyIndicator": {"true", "false", "1", "0"},
    "TaxScheme/ID": {"VAT"},
    "DocumentTypeCode": {"130", "50"},
    "ChargeIndicator": {"true", "false", "1", "0"},
    "ID/@schemeID": {"SEPA"},
}
# What the writer adds where the schema demands a value: scheme of a tax registration, means.
ADDED = {"tax_registration.scheme": "FC", "means_code": "1"}


@pytest.fixture(scope="module")
def readings(cases: list[dict[str, Any]]) -> list[tuple[str, etree._Element, Reading]]:
    found = []
    for case in cases:
        if case["syntax"] not in ("ubl-invoice", "ubl-creditnote"):
            continue
        try:
            root = parse(case["path"].read_bytes())
        except XmlRefused:
            continue
        found.append((case["id"], root, read_invoice(root)))
    return found


def model_values(value: Any) -> Iterator[str | Decimal | date]:
    if isinstance(value, Amount):
        yield value.value
        yield value.currency
    elif isinstance(value, Note):
        yield (
            f"#{value.subject_code}#{value.text or ''}" if value.subject_code else value.text or ""
        )
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from model_values(getattr(value, field.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from model_values(inner)
    elif isinstance(value, (str, Decimal, date)):
        yield value


def resolve(root: etree._Element, path: str) -> list[Any]:
    steps = path.removeprefix("/").split("/")
    expression = "/".join(["/*", *steps[1:]])
    found = root.xpath(expression, namespaces=NAMESPACES)
    assert isinstance(found, list)
    return found


def attributes(element: etree._Element) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in element.attrib.items()]


def leaves(root: etree._Element, unread: set[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of everything in the source that the reader claims to have read."""
    for element in root.iter(etree.Element):
        name = etree.QName(element).localname
        parent = element.getparent()
        if (id(element), "") not in unread and len(list(element.iterchildren("*"))) == 0:
            text = str(element.xpath("string()")).strip(" \t\r\n")
            where = f"{etree.QName(parent).localname}/{name}" if parent is not None else name
            if text:
                yield where, text
        for attribute, value in attributes(element):
            is_xsi = "XMLSchema-instance" in attribute
            if not is_xsi and (id(element), attribute) not in unread and value.strip():
                yield f"{name}/@{attribute}", value.strip(" \t\r\n")


def is_implied(where: str, text: str) -> bool:
    return any(where.endswith(end) and text in values for end, values in IMPLIED.items())


def dense(text: object) -> str:
    return "".join(str(text).split())


def is_held(text: str, held: set[str | Decimal | date]) -> bool:
    if text in held or (text.startswith("#") and dense(text) in set(map(dense, held))):
        return True
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return date.fromisoformat(text) in held
    return re.fullmatch(r"[+-]?[0-9]*\.?[0-9]*", text) is not None and Decimal(text) in held


def test_every_invoice_of_the_corpus_is_read(
    readings: list[tuple[str, etree._Element, Reading]], capsys: pytest.CaptureFixture[str]
) -> None:
    complete = sum(not reading.unread for _, _, reading in readings)
    with capsys.disabled():
        print(f"\ncorpus: {len(readings)} UBL invoices read, {complete} without anything unread")
    assert len(readings) > 1800
    assert complete > 1300


def test_unread_paths_lead_to_exactly_one_place(
    readings: list[tuple[str, etree._Element, Reading]],
) -> None:
    for case, root, reading in readings:
        for path in reading.unread:
            if "Q{" not in path:
                assert len(resolve(root, path)) == 1, (case, path)


def test_every_leaf_is_held_or_listed(
    readings: list[tuple[str, etree._Element, Reading]],
) -> None:
    checked = 0
    for case, root, reading in readings[::EVERY]:
        if any("Q{" in path for path in reading.unread):
            continue
        unread = set()
        keep = list(root.iter())
        for path in reading.unread:
            element_path, _, attribute = path.partition("/@")
            (element,) = resolve(root, element_path)
            unread.add((id(element), attribute))
        held = set(model_values(reading.invoice))
        lost = [
            (where, text)
            for where, text in leaves(root, unread)
            if not is_implied(where, text) and not is_held(text, held)
        ]
        assert not lost, (case, lost)
        checked += len(keep)
    assert checked > 50_000 / EVERY


def test_the_model_invents_nothing(
    readings: list[tuple[str, etree._Element, Reading]],
) -> None:
    for case, root, reading in readings[::EVERY]:
        elements = list(root.iter(etree.Element))
        source = {dense(element.xpath("string()")) for element in elements}
        source |= {dense(value) for element in elements for _, value in attributes(element)}
        for value in model_values(reading.invoice):
            if isinstance(value, str) and value not in ("", "XXX", reading.invoice.kind):
                assert dense(value) in source, (case, value)


def test_whatever_was_read_can_be_written_and_read_again(
    readings: list[tuple[str, etree._Element, Reading]],
) -> None:
    """Also what breaks every rule. What UBL demands and nobody said is added, nothing is lost."""
    for case, _, reading in readings[::EVERY]:
        written = parse(etree.tostring(write_ubl(reading.invoice)))
        again = read_invoice(written)
        assert again.unread == (), case
        for found in differences(reading.invoice, again.invoice):
            added = [after for end, after in ADDED.items() if found.path.endswith(end)]
            assert found.before is None, (case, found)
            # The sum of VAT is that of the breakdown, which differs from case to case.
            assert added == [found.after] or found.path.startswith("totals.vat."), (case, found)


def test_reading_leaves_the_tree_alone(cases: list[dict[str, Any]]) -> None:
    for case in [c for c in cases if c["suite"] == "peppol-examples"]:
        root = parse(case["path"].read_bytes())
        before = etree.tostring(root)
        read_invoice(root)
        assert etree.tostring(root) == before


def test_the_same_bytes_give_the_same_reading(cases: list[dict[str, Any]]) -> None:
    for case in [c for c in cases if c["suite"] == "peppol-examples"]:
        data = case["path"].read_bytes()
        first, second = read_invoice(parse(data)), read_invoice(parse(data))
        assert first == second
        assert isinstance(first.invoice, Invoice)
        assert hash(first.invoice) == hash(second.invoice)
