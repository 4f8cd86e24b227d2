"""The label in the metadata: four properties, described, once."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree

from ubl.facturx.metadata import InvoiceMetadata, with_invoice
from ubl.safexml import XmlRefused, parse

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
LABEL = InvoiceMetadata(file_name="factur-x.xml", level="EN 16931", version="1.0")
FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = {
    "rdf": RDF,
    "fx": FX,
    "zf": "urn:zugferd:pdfa:CrossIndustryDocument:invoice:2p0#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "schema": "http://www.aiim.org/pdfa/ns/schema#",
    "extension": "http://www.aiim.org/pdfa/ns/extension/",
}


def packet(inner: str) -> bytes:
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in SPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {spaces}>{inner}</rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def labelled(inner: str, at: datetime = AT) -> etree._Element:
    return parse(with_invoice(packet(inner), LABEL, changed_at=at))


def found(root: etree._Element, path: str) -> list[str]:
    return [str(element.text) for element in root.iterfind(path, SPACES)]


def test_the_label_stands_beside_what_the_packet_said() -> None:
    root = labelled('<rdf:Description rdf:about=""><dc:format>x</dc:format></rdf:Description>')
    assert found(root, ".//dc:format") == ["x"]
    assert found(root, ".//fx:DocumentFileName") == ["factur-x.xml"]
    assert found(root, ".//fx:DocumentType") == ["INVOICE"]
    assert found(root, ".//fx:Version") == ["1.0"]
    assert found(root, ".//fx:ConformanceLevel") == ["EN 16931"]
    assert found(root, ".//schema:namespaceURI") == [FX]


def test_labelling_twice_is_labelling_once() -> None:
    once = with_invoice(packet(""), LABEL, changed_at=AT)
    twice = with_invoice(once, LABEL, changed_at=AT)
    for path in (".//fx:ConformanceLevel", ".//schema:namespaceURI", ".//xmp:MetadataDate"):
        assert len(found(parse(twice), path)) == 1, path


def test_earlier_labels_go_and_other_schemas_stay() -> None:
    described = (
        '<rdf:Description rdf:about=""><extension:schemas><rdf:Bag>'
        '<rdf:li rdf:parseType="Resource"><schema:namespaceURI>'
        f"{SPACES['zf']}</schema:namespaceURI></rdf:li>"
        '<rdf:li rdf:parseType="Resource"><schema:namespaceURI>'
        "urn:example:schema#</schema:namespaceURI></rdf:li>"
        "</rdf:Bag></extension:schemas></rdf:Description>"
    )
    old = (
        '<rdf:Description rdf:about="" fx:Version="0.9">'
        "<zf:ConformanceLevel>BASIC</zf:ConformanceLevel></rdf:Description>"
    )
    root = labelled(described + old)
    assert found(root, ".//zf:ConformanceLevel") == []
    assert found(root, ".//schema:namespaceURI") == ["urn:example:schema#", FX]
    assert not [
        one for one in root.iter(f"{{{RDF}}}Description") if f"{{{FX}}}Version" in one.attrib
    ]


def test_the_date_is_that_of_the_change_in_utc() -> None:
    old = '<rdf:Description rdf:about="" xmp:MetadataDate="2019-01-01T00:00:00Z"/>'
    at = datetime(2026, 11, 2, 10, 5, tzinfo=timezone(timedelta(hours=1)))
    root = labelled(old, at)
    assert found(root, ".//xmp:MetadataDate") == ["2026-11-02T09:05:00Z"]
    assert "2019-01-01" not in etree.tostring(root, encoding="unicode")


def test_a_packet_without_rdf_is_begun_anew() -> None:
    root = parse(with_invoice(b"<other/>", LABEL, changed_at=AT))
    assert found(root, ".//fx:DocumentFileName") == ["factur-x.xml"]


@pytest.mark.parametrize("content", [b"", b"<a", b"<!DOCTYPE a><a/>"])
def test_what_is_no_acceptable_xml_is_refused(content: bytes) -> None:
    with pytest.raises(XmlRefused):
        with_invoice(content, LABEL, changed_at=AT)
