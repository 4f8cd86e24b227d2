"""Places: every dialect leads to the same element, and positions are those of the bytes."""

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from schematron.location import PREFIXES, Place, Spot, Tree, resolve, value_at
from ubl.safexml import parse

CAC, CBC, UBL = PREFIXES["cac"], PREFIXES["cbc"], PREFIXES["ubl"]

SECOND_ID = [
    f"/*:Invoice[namespace-uri()='{UBL}'][1]/*:InvoiceLine[namespace-uri()='{CAC}'][2]"
    f"/*:ID[namespace-uri()='{CBC}'][1]",
    f"/Q{{{UBL}}}Invoice[1]/Q{{{CAC}}}InvoiceLine[2]/Q{{{CBC}}}ID[1]",
    f"/*[local-name()='Invoice' and namespace-uri()='{UBL}'][1]"
    f"/*[local-name()='InvoiceLine' and namespace-uri()='{CAC}'][2]"
    f"/*[local-name()='ID' and namespace-uri()='{CBC}'][1]",
    f"/*[namespace-uri()='{UBL}' and local-name()='Invoice'][1]"
    f"/*[namespace-uri()='{CAC}' and local-name()='InvoiceLine'][2]"
    f"/*[namespace-uri()='{CBC}' and local-name()='ID'][1]",
    "/ubl:Invoice/cac:InvoiceLine[2]/cbc:ID",
    "/*/cac:InvoiceLine[2]/cbc:ID",
    "/*/*[3]/*[1]",
]


@pytest.fixture
def root() -> etree._Element:
    text = (
        f'<Invoice xmlns="{UBL}" xmlns:cac="{CAC}" xmlns:cbc="{CBC}">\n'
        "  <cbc:ID>7</cbc:ID>\n"
        "  <cac:InvoiceLine><cbc:ID>1</cbc:ID></cac:InvoiceLine>\n"
        "  <!-- x --><cac:InvoiceLine>\n"
        '    <cbc:ID schemeID="A">2</cbc:ID></cac:InvoiceLine>\n'
        "</Invoice>"
    )
    return parse(text.encode())


@pytest.mark.parametrize("path", SECOND_ID)
def test_every_dialect_finds_the_element(root, path):
    place = resolve(root, path)
    assert place is not None
    assert place.element.text == "2"
    assert place.attribute is None
    assert Tree(root).short_path(place) == "/ubl:Invoice/cac:InvoiceLine[2]/cbc:ID"


@pytest.mark.parametrize("path", SECOND_ID)
@pytest.mark.parametrize(
    "attribute",
    [
        "/@schemeID",
        "/@*:schemeID",
        "/@Q{}schemeID",
        "/@*[local-name()='schemeID']",
        "/@*[namespace-uri()='' and local-name()='schemeID'][1]",
    ],
)
def test_attributes(root, path, attribute):
    place = resolve(root, path + attribute)
    assert place is not None
    assert value_at(place) == "A"
    assert Tree(root).short_path(place) == "/ubl:Invoice/cac:InvoiceLine[2]/cbc:ID/@schemeID"


@pytest.mark.parametrize("inside", ["/text()[1]", "/text()", "/comment()[2]"])
def test_text_and_comments_stand_for_their_element(root, inside):
    place = resolve(root, f"/*/cac:InvoiceLine[2]/cbc:ID{inside}")
    assert place is not None
    assert place.element.text == "2"


@pytest.mark.parametrize(
    "path",
    [
        "/*/cac:InvoiceLine[3]",
        "/other:Invoice/cbc:ID[2]",
        "/*:Invoice[namespace-uri()='urn:other'][1]",
        "not a path",
        "/*/cbc:ID[last()]",
        "/@lang",
        "//cbc:ID",
    ],
)
def test_a_path_that_names_nothing_has_no_place(root, path):
    assert resolve(root, path) is None


@pytest.mark.parametrize("path", ["/", ""])
def test_the_document_itself(root, path):
    place = resolve(root, path)
    assert place is not None
    assert place.element is root


def test_short_path_is_xpath_over_the_published_prefixes(root):
    tree = Tree(root)
    for element in root.iter(etree.Element):
        found = root.xpath(tree.short_path(Place(element)), namespaces=dict(PREFIXES))
        assert found == [element]


def test_value_is_text_of_leaves_only_and_cut(root):
    line = root[1]
    assert value_at(Place(line)) is None
    line[0].text = "y" * 500
    value = value_at(Place(line[0]))
    assert value is not None
    assert len(value) == 200


def test_value_survives_comments_and_cdata():
    root = parse(b"<a>1<!-- x -->2<![CDATA[3]]><?p q?>4</a>")
    assert value_at(Place(root)) == "1234"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252", "iso-8859-15"]
)
def test_positions_count_characters_of_the_file(encoding):
    declared = encoding.removesuffix("-sig")
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>\r\n<a>\r\n é é<b/><!--\n\n--><c\n d="1"/></a>'
    )
    data = text.encode(encoding)
    root = parse(data)
    found = Tree(root, data).spots([root[0], root[2]])
    assert found[root[0]] == Spot(3, 5, "é é<b/><!--")
    assert found[root[2]] == Spot(5, 4, "--><c")


def test_positions_fall_back_to_the_line_of_the_tree():
    data = "<a>\n<b/></a>".encode("utf-16-le")
    root = parse(b"<a>\n<b/></a>")
    assert Tree(root, b"<a b>\n<b/></a>").spots([root[0]]) == {root[0]: Spot(2)}
    assert Tree(root, data).spots([]) == {}


def test_elements_before_the_document_are_counted_too():
    data = b"<e>\n<head/>\n<a><b/></a></e>"
    inner = parse(data)[1]
    root = deepcopy(inner)
    assert Tree(root, data, skipped=2).spots([root[0]]) == {root[0]: Spot(3, 4, "<a><b/></a></e>")}


@pytest.mark.parametrize(
    ("path", "tag", "attribute"),
    [("#", "a", None), ("#1", "a", None), ("#3", "d", None), ("#2/@x", "b", "x")],
)
def test_numbers_name_elements_in_document_order(path, tag, attribute):
    place = Tree(parse(b'<a><!-- --><b x="1"/>text<d/></a>')).resolve(path)
    assert place is not None
    assert (place.element.tag, place.attribute) == (tag, attribute)


@pytest.mark.parametrize("path", ["#0", "#4", "#99999999999999999999", "#x", "#1/x"])
def test_a_number_beyond_the_document_has_no_place(path):
    assert Tree(parse(b"<a><b/><d/></a>")).resolve(path) is None


def test_an_excerpt_of_a_long_line_shows_what_is_around_the_element():
    data = b"<a>" + b"<b>x</b>" * 1000 + b"<c\tz='1'>\x7fvalue</c>" + b"<b/>" * 1000 + b"</a>"
    root = parse(data)
    spot = Tree(root, data).spots([root.find("c")])[root.find("c")]
    assert spot.excerpt is not None
    assert "<c z='1'> value</c>" in spot.excerpt
    assert len(spot.excerpt) <= 200


def test_an_attribute_is_found_by_its_local_name():
    root = parse(b'<a xmlns:p="urn:p" p:x="1"/>')
    assert value_at(Place(root, "x")) == "1"
    assert value_at(Place(root, "y")) is None


names = st.sampled_from(["a", "b", "c"])
trees = st.recursive(
    names.map(lambda name: f"<{name}/>"),
    lambda inner: st.builds(
        lambda name, children: f"<{name}>" + "\n ".join(children) + f"</{name}>",
        names,
        st.lists(inner, max_size=4),
    ),
    max_leaves=20,
)


@given(trees)
@settings(max_examples=60, deadline=None)
def test_short_path_leads_back_and_positions_point_at_tags(text):
    data = text.encode()
    root = parse(data)
    elements = list(root.iter(etree.Element))
    tree = Tree(root, data)
    found = tree.spots(elements)
    lines = text.split("\n")
    for element in elements:
        place = resolve(root, tree.short_path(Place(element)))
        assert place is not None
        assert place.element is element
        spot = found[element]
        assert spot.column is not None
        assert lines[spot.line - 1][spot.column - 1 :].startswith(f"<{element.tag}")


@pytest.mark.parametrize("declared", ["utf-8", "utf-16", "iso-8859-1", "us-ascii"])
@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"], ids=lambda name: name
)
def test_the_bytes_win_over_an_encoding_they_are_not_in(encoding, declared):
    text = f'<?xml version="1.0" encoding="{declared}"?>\n<a>\n  <b>é</b><c/></a>'
    data = text.encode(encoding)
    root = parse(data)
    (spot,) = Tree(root, data).spots([root[1]]).values()
    assert (spot.line, spot.column, spot.excerpt) == (3, 11, "<b>é</b><c/></a>")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_a_byte_order_mark_is_no_column(encoding):
    text = "<a><b>é😀</b><c>\n<d/></c></a>"
    data = text.encode(encoding)
    root = parse(data)
    elements = list(root.iter())
    spots = Tree(root, data).spots(elements)
    assert [(spots[x].line, spots[x].column) for x in elements] == [(1, 1), (1, 4), (1, 13), (2, 1)]
