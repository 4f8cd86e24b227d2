"""The pen: what is written is what the document says, whatever the text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ubl.amounts import Amount, AmountUnreadable
from ubl.model import Identifier, Quantity
from ubl.namespaces import CAC, CBC
from ubl.pen import DocumentUnwritable, Pen
from ubl.safexml import XmlRefused, parse

NAMESPACES = {"": "urn:example:document", "cac": CAC, "cbc": CBC}
# Every character of XML 1.0, those that need care often.
CARRIED = st.text(
    st.one_of(
        st.sampled_from("&<>\"'\r\n\t ]"),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    ),
    min_size=1,
).filter(str.strip)
UNCARRIED = ("\x00", "\x08", "\x0b", "\x1f", "\ud800", "\udfff", "\ufffe", "\uffff")


@given(text=CARRIED, attribute=CARRIED)
def test_any_text_is_said_as_it_was_given(text: str, attribute: str) -> None:
    document = Pen("Document")
    document.text("cbc:Note", text, schemeID=attribute)
    root = document.tree(NAMESPACES)
    again = parse(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
    for place in (root, again):
        note = place[0]
        assert (note.tag, note.text) == (f"{{{CBC}}}Note", text)
        assert dict(note.attrib) == {"schemeID": attribute}


@pytest.mark.parametrize("character", UNCARRIED)
@pytest.mark.parametrize("is_attribute", [False, True])
def test_what_xml_cannot_carry_is_refused(character: str, is_attribute: bool) -> None:
    with pytest.raises(ValueError, match=r"XML|surrogate"):
        etree.Element("a").text = character
    place = Pen("Document")
    value = Identifier("1", f"S{character}") if is_attribute else Identifier(f"<{character}>")
    with pytest.raises(DocumentUnwritable, match="'cbc:ID'") as refused:
        place.identifier("cbc:ID", value)
    assert refused.value.code == "TEXT-NOT-XML"


def test_numbers_are_written_in_full_or_refused() -> None:
    place = Pen("Document")
    place.amount("cbc:Amount", Amount(Decimal("1E+3"), "EUR"))
    place.quantity("cbc:Quantity", Quantity(Decimal("-0.00")))
    root = place.tree(NAMESPACES)
    assert [(child.text, dict(child.attrib)) for child in root] == [
        ("1000", {"currencyID": "EUR"}),
        ("0.00", {}),
    ]
    with pytest.raises(AmountUnreadable):
        place.number("cbc:Percent", Decimal("NaN"))


def test_a_place_appears_once_written_to_and_where_that_was() -> None:
    document = Pen("Document")
    never, first = document.at("cac:Never"), document.at("cac:A", "cac:B")
    document.text("cbc:ID", "1")
    later = document.at("cac:C")
    later.text("cbc:ID", "2")
    first.text("cbc:ID", "3")
    later.text("cbc:ID", "4")
    document.begun("cac:Begun")
    assert (never.is_empty, first.is_empty) == (True, False)
    root = document.tree(NAMESPACES)
    assert etree.tostring(root).decode().split(">", 1)[1] == (
        "<cbc:ID>1</cbc:ID><cac:C><cbc:ID>2</cbc:ID><cbc:ID>4</cbc:ID></cac:C>"
        "<cac:A><cac:B><cbc:ID>3</cbc:ID></cac:B></cac:A><cac:Begun/></Document>"
    )


@pytest.mark.parametrize("nothing", [None, "", " \n\t"])
def test_nothing_leaves_no_trace(nothing: str | None) -> None:
    document = Pen("Document")
    document.text("cbc:ID", nothing)
    document.at("cac:A").texts("cbc:ID", () if nothing is None else (nothing,))
    assert document.is_empty
    document.text("cbc:ID", "1", schemeID=nothing)
    assert etree.tostring(document.tree(NAMESPACES)[0]).startswith(b"<cbc:ID xmlns")
    assert document.tree(NAMESPACES)[0].attrib == {}


def test_what_is_nested_deeper_than_anybody_reads_is_refused() -> None:
    document = Pen("Document")
    document.at(*["cac:A"] * 120).text("cbc:ID", "1")
    with pytest.raises(XmlRefused) as refused:
        document.tree(NAMESPACES)
    assert refused.value.code == "XML-TOO-DEEP"
