"""Foreign XML read as a stream: the same refusals as at once, and nothing kept of what went by."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from ubl.safexml import Limits, XmlRefused, iterate, parse


def cut(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def outcome(data: bytes, size: int, limits: Limits | None = None) -> str:
    try:
        for _ in iterate(cut(data, size), depth=3, limits=limits):
            pass
    except XmlRefused as refused:
        return refused.code
    return "read"


def test_parts_come_whole_and_in_order_with_the_tags_around_them() -> None:
    document = b'<r v="1"><h><i>0</i></h><s k="2"><e>a<x/>b</e><!-- c --><e>d</e></s></r>'
    seen = [
        (part.path, etree.tostring(part.element, with_tail=False))
        for part in iterate(cut(document, 3), depth=3)
    ]
    assert seen == [
        (("r", "h"), b"<i>0</i>"),
        (("r",), b"<h><i/></h>"),
        (("r", "s"), b"<e>a<x/>b</e>"),
        (("r", "s"), b"<e>d</e>"),
        (("r",), b'<s k="2"><e/></s>'),
        ((), b'<r v="1"><s/></r>'),
    ]


def test_what_went_by_is_gone() -> None:
    def document() -> Iterator[bytes]:
        yield b"<r><s>"
        for _ in range(2000):
            yield b"<e><a>text</a><b/></e> <!-- nothing -->"
        yield b"</s></r>"

    kept = [
        sum(1 for _ in part.element.getroottree().iter()) for part in iterate(document(), depth=3)
    ]
    assert len(kept) == 2002
    assert max(kept) <= 6


def test_what_is_refused_at_once_is_refused_as_a_stream(cases: list[dict[str, Any]]) -> None:
    hostile = [case["path"].read_bytes() for case in cases if case["suite"] == "hostile"]
    assert len(hostile) == 18
    for data in hostile:
        try:
            parse(data)
        except XmlRefused as refused:
            expected = refused.code
        else:
            expected = "read"
        assert outcome(data, 7) == outcome(data, 1 << 20) == expected


@pytest.mark.parametrize(
    ("document", "limits", "code"),
    [
        (b"", Limits(), "XML-EMPTY"),
        (b"\n \n", Limits(), "XML-EMPTY"),
        (b"<a/>", Limits(max_bytes=3), "XML-TOO-LARGE"),
        (b"<!--" + b"x" * (1 << 20) + b"--><a/>", Limits(), "XML-TOO-LARGE"),
        (b"<a>" * 101, Limits(), "XML-TOO-DEEP"),
        (b"<a><b><c>" + b"<d/>" * 50 + b"</c></b></a>", Limits(max_markup=50), "XML-TOO-LARGE"),
        (b"<a><b>" + b"<c/>" * 500 + b"</b></a>", Limits(max_markup=50), "read"),
        (b'<a x="1" y="2" z="3"/>', Limits(max_markup=3), "XML-TOO-LARGE"),
        (b"<a><b></b>", Limits(), "XML-NOT-WELL-FORMED"),
        (b"<a/><a/>", Limits(), "XML-NOT-WELL-FORMED"),
        ("<a>é</a>".encode("utf-16"), Limits(), "read"),
        ('<?xml version="1.0"?><a/>'.encode("utf-32"), Limits(), "XML-ENCODING"),
    ],
)
@pytest.mark.parametrize("size", [50, 1 << 22])
def test_limits_and_faults(document: bytes, limits: Limits, code: str, size: int) -> None:
    assert outcome(document, size, limits) == code


@given(data=st.binary(max_size=200) | st.text("<>/ab &;!x=\"'", max_size=60).map(str.encode))
@example(data=b"\x0b")
def test_any_bytes_end_as_they_do_when_read_at_once(data: bytes) -> None:
    size = random.Random(len(data)).randint(1, 50)
    try:
        parse(data)
    except XmlRefused as refused:
        expected = refused.code
    else:
        expected = "read"
    assert outcome(data, size) == expected
