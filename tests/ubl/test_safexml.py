"""The one door for foreign XML: what it lets in, what it keeps out, and what it says."""

import contextlib
import socket
from pathlib import Path
from typing import Any
from xml.parsers import expat

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from ubl.safexml import Limits, XmlRefused, parse


def code_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(XmlRefused) as refused:
        parse(data, limits)
    assert refused.value.message == str(refused.value)
    assert refused.value.message.endswith(".")
    return refused.value.code


def test_the_hostile_corpus(cases: list[dict[str, Any]]) -> None:
    expected = {
        "billion-laughs": "XML-DOCTYPE",
        "control-char": "XML-NOT-WELL-FORMED",
        "empty": "XML-EMPTY",
        "external-dtd": "XML-DOCTYPE",
        "internal-dtd-harmless": "XML-DOCTYPE",
        "leading-space-before-decl": "XML-NOT-WELL-FORMED",
        "quadratic-blowup": "XML-DOCTYPE",
        "unknown-encoding": "XML-ENCODING",
        "xxe-file": "XML-DOCTYPE",
        "xxe-http": "XML-DOCTYPE",
        "zip-magic": "XML-NOT-WELL-FORMED",
    }
    hostile = [case for case in cases if case["suite"] == "hostile"]
    assert len(hostile) == 18
    for case in hostile:
        name = case["path"].stem
        assert (name in expected) is case["expected"].get("reject", False), name
        if name in expected:
            assert code_of(case["path"].read_bytes()) == expected[name], name
        else:
            assert etree.QName(parse(case["path"].read_bytes())).localname == "Invoice"


def test_every_document_is_read_or_known_to_be_broken(cases: list[dict[str, Any]]) -> None:
    for case in cases:
        if case["syntax"] == "pdf":
            continue
        broken = case["syntax"] == "not-wellformed" or case["expected"].get("reject", False)
        try:
            parse(case["path"].read_bytes())
        except XmlRefused:
            assert broken, case["id"]
        else:
            assert not broken, case["id"]


def test_no_file_is_read_and_no_host_is_asked(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    with socket.create_server(("127.0.0.1", 0)) as host:
        host.setblocking(False)
        url = f"http://127.0.0.1:{host.getsockname()[1]}/x"
        for attack in (
            f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>',
            f'<!DOCTYPE a SYSTEM "{secret.as_uri()}"><a/>',
            f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{url}"> %p;]><a/>',
            f'<!DOCTYPE a PUBLIC "-//X//Y" "{url}"><a/>',
        ):
            assert code_of(attack.encode()) == "XML-DOCTYPE"
        for place in (secret.as_uri(), url):
            inclusion = (
                f'<?xml-stylesheet href="{place}"?>'
                '<a xmlns:xi="http://www.w3.org/2001/XInclude" '
                'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
                f'xsi:schemaLocation="urn:x {place}"><xi:include href="{place}" parse="text"/></a>'
            )
            assert b"canary" not in etree.tostring(parse(inclusion.encode()))
        with pytest.raises(BlockingIOError):
            host.accept()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_doctype_is_found_in_every_encoding(encoding: str) -> None:
    attack = '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'
    assert code_of(attack.encode(encoding)) == "XML-DOCTYPE"


@pytest.mark.parametrize("padding", [0, 4000, 4095, 4096, 4097, 100_000])
def test_a_doctype_is_found_behind_any_prolog(padding: int) -> None:
    attack = b"<!--" + b"x" * padding + b"--><!DOCTYPE a><a/>"
    assert code_of(attack) == "XML-DOCTYPE"


def test_the_place_of_a_doctype_is_told() -> None:
    with pytest.raises(XmlRefused) as refused:
        parse(b"<?xml version='1.0'?>\n<!DOCTYPE a><a/>")
    assert refused.value.line == 2


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("<a>é€</a>".encode(), "é€"),
        (b"\xef\xbb\xbf<a>\xc3\xa9</a>", "é"),
        ("<a>é€</a>".encode("utf-16"), "é€"),
        ('<?xml version="1.0" encoding="UTF-16"?><a>é€</a>'.encode("utf-16"), "é€"),
        ('<?xml version="1.0"?><a>é€</a>'.encode("utf-16-le"), "é€"),
        ('<?xml version="1.0"?><a>é€</a>'.encode("utf-16-be"), "é€"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"), "é"),
        ('<?xml version="1.0" encoding="iso-8859-15"?><a>€</a>'.encode("iso-8859-15"), "€"),
        ('<?xml version="1.0" encoding="windows-1252"?><a>€</a>'.encode("cp1252"), "€"),
        ('<?xml version="1.0" encoding="us-ascii"?><a>&#233;</a>'.encode("ascii"), "é"),
    ],
)
def test_encodings_that_business_documents_use(data: bytes, text: str) -> None:
    assert parse(data).text == text


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0" encoding="UTF-7"?><a/>',
        b'<?xml version="1.0" encoding="IBM037"?><a/>',
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b'<?xml version="1.0" encoding="Shift_JIS"?><a/>',
        "<a/>".encode("utf-32"),
        "<a/>".encode("utf-32-le"),
        "<a/>".encode("utf-32-be"),
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode("utf-32-le"),
    ],
)
def test_other_encodings_are_refused(data: bytes) -> None:
    assert code_of(data) == "XML-ENCODING"


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0" encoding="UTF-8"?><a>\xe9</a>',
        b'<?xml version="1.0" encoding="UTF-16"?><a/>',
        "<a/>".encode("cp037"),
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b'{"invoice": 1}',
        b"<a>\x00</a>",
        b"<a>&#0;</a>",
        b"<a>&undefined;</a>",
        b"<a/><b/>",
        b"<a/>junk",
        b"<a><b></a>",
        b"<p:a/>",
        b'<a b="1" b="2"/>',
        b'<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>',
        b'<?xml version="1.1"?><a>&#1;</a>',
        b' <?xml version="1.0"?><a/>',
    ],
)
def test_what_is_no_xml_is_refused(data: bytes) -> None:
    assert code_of(data) == "XML-NOT-WELL-FORMED"


@pytest.mark.parametrize("data", [b"", b" \r\n\t"])
def test_nothing_is_refused_as_empty(data: bytes) -> None:
    assert code_of(data) == "XML-EMPTY"


def test_the_place_of_a_fault_is_told() -> None:
    with pytest.raises(XmlRefused) as refused:
        parse(b"<a>\n<b>\n</a>")
    assert (refused.value.line, refused.value.column) == (3, 5)


def test_size_is_limited_to_the_byte() -> None:
    assert code_of(b"<a/>", Limits(max_bytes=3)) == "XML-TOO-LARGE"
    assert parse(b"<a/>", Limits(max_bytes=4)).tag == "a"


@pytest.mark.parametrize("depth", [100, 101, 300, 5000, 20_000])
def test_depth_is_limited(depth: int) -> None:
    data = b"<a>" * depth + b"</a>" * depth
    if depth <= Limits().max_depth:
        assert parse(data).tag == "a"
    else:
        assert code_of(data) == "XML-TOO-DEEP"


def test_depth_counts_the_deepest_branch_not_the_number_of_elements() -> None:
    limits = Limits(max_depth=3)
    assert len(parse(b"<a>" + b"<b><c/></b>" * 50 + b"</a>", limits)) == 50
    assert code_of(b"<a><b><c><d/></c></b></a>", limits) == "XML-TOO-DEEP"


def test_depth_is_limited_in_large_documents_too() -> None:
    limits = Limits(max_bytes=20_000_000)
    padding = b"<p>" + b"x" * 10_000_001 + b"</p>"
    deep = b"<r>" + padding + b"<a>" * 1500 + b"</a>" * 1500 + b"</r>"
    assert code_of(deep, limits) == "XML-TOO-DEEP"


@pytest.mark.parametrize("unit", [b"<b/>", b'<b c="1"/>'])
def test_the_amount_of_markup_is_limited(unit: bytes) -> None:
    limits = Limits(max_markup=102)
    assert len(parse(b"<a>" + unit * 100 + b"</a>", limits)) == 100
    assert code_of(b"<a>" + unit * 101 + b"</a>", limits) == "XML-TOO-LARGE"


def test_many_attributes_are_limited() -> None:
    attributes = " ".join(f'a{number}="1"' for number in range(200)).encode()
    assert code_of(b"<a " + attributes + b"/>", Limits(max_attributes=199)) == "XML-TOO-LARGE"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_attributes_of_one_element_are_limited(encoding: str) -> None:
    def text(count: int) -> bytes:
        crowd = " ".join(f'a{number}=">"' for number in range(count))
        return f"<a>\n<b>{'x' * 2000}</b><b {crowd}/></a>".encode(encoding)

    limits = Limits(max_attributes_each=20)
    assert parse(text(20), limits).tag == "a"
    with pytest.raises(XmlRefused) as refused:
        parse(text(21), limits)
    assert (refused.value.code, refused.value.line) == ("XML-TOO-LARGE", 2)


def test_a_large_attachment_passes() -> None:
    text = "QUJD" * 3_000_000
    assert parse(f"<a>{text}</a>".encode()).text == text


def test_a_long_prolog_is_read_in_few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment of ten megabytes must not be scanned thousands of times from its start."""
    pieces: list[int] = []

    class Counting:
        def __init__(self) -> None:
            self.parser = expat_create()

        def __setattr__(self, name: str, value: Any) -> None:
            if name == "parser":
                object.__setattr__(self, name, value)
            else:
                setattr(self.parser, name, value)

        def Parse(self, data: bytes, final: bool) -> None:
            pieces.append(len(data))
            self.parser.Parse(data, final)

    expat_create = expat.ParserCreate
    monkeypatch.setattr(expat, "ParserCreate", Counting)
    assert parse(b"<!--" + b"x" * 10_000_000 + b"--><a/>").tag == "a"
    assert len(pieces) < 20


def test_lines_are_kept() -> None:
    lines = [element.sourceline for element in parse(b"<a>\n<b/>\n\n<c/></a>").iter()]
    assert lines == [1, 2, 4]


@settings(max_examples=80)
@given(st.binary(max_size=200))
@example(b"<!DOCTYPE")
@example(b"<?xml version='1.0' encoding=")
@example(b"\xff\xfe<\x00")
def test_any_bytes_are_read_or_refused_with_a_reason(data: bytes) -> None:
    with contextlib.suppress(XmlRefused):
        assert isinstance(parse(data).tag, str)


_MARKUP = (
    b"<a>|</a>|<a/>|<!--|-->|<![CDATA[|]]>|<?pi |?>|&amp;|<!DOCTYPE a [|<!ENTITY x 'y'>|]>|&x;"
)
_PIECES = st.sampled_from([*_MARKUP.split(b"|"), b" ", b"\n", b"x='1'", b"\xff", b"\0"])


@settings(max_examples=150)
@given(st.lists(_PIECES, max_size=12).map(b"".join))
def test_no_arrangement_of_markup_brings_in_a_doctype(data: bytes) -> None:
    with contextlib.suppress(XmlRefused):
        tree = parse(data).getroottree()
        assert tree.docinfo.internalDTD is None
        assert not tree.docinfo.doctype
