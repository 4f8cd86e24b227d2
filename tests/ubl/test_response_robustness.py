"""However a response is mangled, it is read or refused with its faults; nothing else happens."""

import contextlib
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ubl.response import (
    InvoiceStatus,
    ResponseRefused,
    read_invoice_response,
    read_mls,
    write_invoice_response,
    write_mls,
)

_CHANGES = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=500),
        st.sampled_from(["remove", "repeat", "empty", "text", "attributes", "children", "comment"]),
        st.sampled_from(["", " ", "x", "RE", "2026-02-30", "0001-01-01", "24:00:00Z", "PPD"]),
    ),
    min_size=1,
    max_size=4,
)


def mangle(element: etree._Element, kind: str, text: str) -> None:
    parent = element.getparent()
    if kind == "remove" and parent is not None:
        parent.remove(element)
    elif kind == "repeat" and parent is not None:
        parent.append(copy.deepcopy(element))
    elif kind == "empty":
        element.clear()
    elif kind == "text":
        element.text = text
    elif kind == "attributes":
        element.attrib.clear()
    elif kind == "children":
        for child in list(element):
            element.remove(child)
    elif kind == "comment":
        element.insert(0, etree.Comment("x"))


def mangled(data: bytes, changes: list[tuple[int, str, str]]) -> bytes:
    root = etree.fromstring(data)
    for place, kind, text in changes:
        elements = list(root.iter(etree.Element))
        mangle(elements[place % len(elements)], kind, text)
    return etree.tostring(root)


def survives(read: Callable[[bytes], Any], write: Callable[[Any], bytes], data: bytes) -> None:
    with contextlib.suppress(ResponseRefused):
        value = read(data)
        with contextlib.suppress(ResponseRefused):
            assert read(write(value)) == value


@pytest.fixture(scope="module")
def statuses(vectors: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((vectors / "mls" / "good").glob("*.xml"))]


@pytest.fixture(scope="module")
def responses(cases: list[dict[str, Any]]) -> list[bytes]:
    return [case["path"].read_bytes() for case in cases if case["suite"] == "peppol-ir"]


@settings(max_examples=150)
@given(st.integers(min_value=0), _CHANGES)
def test_a_mangled_status(
    statuses: list[bytes], which: int, changes: list[tuple[int, str, str]]
) -> None:
    survives(read_mls, write_mls, mangled(statuses[which % len(statuses)], changes))


@settings(max_examples=150)
@given(st.integers(min_value=0), _CHANGES)
def test_a_mangled_invoice_response(
    responses: list[bytes], which: int, changes: list[tuple[int, str, str]]
) -> None:
    data = mangled(responses[which % len(responses)], changes)
    survives(read_invoice_response, write_invoice_response, data)


def test_neither_reader_takes_the_other_response(
    statuses: list[bytes], responses: list[bytes], vectors: Path
) -> None:
    level_response = (vectors / "mlr" / "good" / "MessageLevelResponse_Example.xml").read_bytes()
    for data in (*responses, level_response):
        with pytest.raises(ResponseRefused) as refused:
            read_mls(data)
        assert refused.value.code == "RESPONSE-NOT-MLS"
    for data in (*statuses, level_response):
        with pytest.raises(ResponseRefused) as refused:
            read_invoice_response(data)
        assert refused.value.code == "RESPONSE-NOT-INVOICE-RESPONSE"


def test_comments_inside_values_do_not_cut_them(responses: list[bytes]) -> None:
    for data in responses:
        code = read_invoice_response(data).status
        split = data.replace(
            f">{code}</cbc:ResponseCode>".encode(),
            f">{code[0]}<!-- x -->{code[1]}</cbc:ResponseCode>".encode(),
        )
        assert split != data
        assert read_invoice_response(split).status is InvoiceStatus(code)
