"""What the metadata of a PDF say about the electronic invoice in it (XMP, ISO 16684-1).

Factur-X 1.0 §6.2.3 / ZUGFeRD 2: four properties in a schema of their own, which PDF/A wants
described in the file itself. Works on the packet alone and keeps what else it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from ubl.safexml import Limits, parse

__all__ = ["InvoiceMetadata", "with_invoice"]

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP: Final = "http://ns.adobe.com/xap/1.0/"
_META: Final = "adobe:ns:meta/"
_EXTENSION: Final = "http://www.aiim.org/pdfa/ns/extension/"
_SCHEMA: Final = "http://www.aiim.org/pdfa/ns/schema#"
_PROPERTY: Final = "http://www.aiim.org/pdfa/ns/property#"
_FX: Final = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
# Schemas of the same purpose that an own PDF may have been labelled with before.
_LABELS: Final = frozenset(
    {
        _FX,
        "urn:zugferd:pdfa:CrossIndustryDocument:invoice:2p0#",
        "urn:cen.eu:en16931:2017:pdfa:CrossIndustryDocument:invoice:1p0#",
        "urn:ferd:pdfa:CrossIndustryDocument:invoice:1p0#",
        "urn:ferd:pdfa:invoice:rc#",
    }
)
_PROPERTIES: Final = (
    ("DocumentFileName", "Name of the embedded file that holds the electronic invoice"),
    ("DocumentType", "Kind of document the embedded file holds"),
    ("Version", "Version of the specification the embedded file follows"),
    ("ConformanceLevel", "Profile of the specification the embedded file follows"),
)
_MAX_BYTES: Final = 2 * 1024 * 1024
_BEGIN: Final = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_END: Final = '\n<?xpacket end="w"?>'


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceMetadata:
    """Name of the embedded XML, its Factur-X profile and the version of that profile."""

    file_name: str
    level: str
    version: str


def with_invoice(packet: bytes, invoice: InvoiceMetadata, *, changed_at: datetime) -> bytes:
    """Label an XMP packet: what the embedded invoice is, and when this was written.

    Earlier labels go. ``changed_at`` is timezone-aware. Raises XmlRefused for a packet that is no
    acceptable XML.
    """
    root = parse(packet.strip(b" \t\r\n\x00"), Limits(max_bytes=_MAX_BYTES))
    rdf = root if root.tag == _name(_RDF, "RDF") else root.find(_name(_RDF, "RDF"))
    if rdf is None:
        root, rdf = _empty()
    _unlabel(rdf)
    _date(rdf, changed_at)
    _describe(rdf)
    values = {
        "DocumentFileName": invoice.file_name,
        "DocumentType": "INVOICE",
        "Version": invoice.version,
        "ConformanceLevel": invoice.level,
    }
    label = _description(rdf, {"fx": _FX})
    for name, _ in _PROPERTIES:
        _text(label, _FX, name, values[name])
    text = etree.tostring(root, encoding="unicode")
    return (_BEGIN + text + _END).encode("utf-8")


def _name(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}"


def _empty() -> tuple[etree._Element, etree._Element]:
    root = etree.Element(_name(_META, "xmpmeta"), nsmap={"x": _META})
    return root, etree.SubElement(root, _name(_RDF, "RDF"), nsmap={"rdf": _RDF})


def _description(rdf: etree._Element, namespaces: dict[str, str]) -> etree._Element:
    made = etree.SubElement(rdf, _name(_RDF, "Description"), nsmap={"rdf": _RDF, **namespaces})
    made.set(_name(_RDF, "about"), "")
    return made


def _text(parent: etree._Element, namespace: str, name: str, text: str) -> None:
    etree.SubElement(parent, _name(namespace, name)).text = text


def _descriptions(rdf: etree._Element) -> Iterator[etree._Element]:
    return (child for child in list(rdf) if child.tag == _name(_RDF, "Description"))


def _unlabel(rdf: etree._Element) -> None:
    """Take earlier labels away, and the description of their schemas."""
    for description in _descriptions(rdf):
        for attribute in list(description.attrib):
            if etree.QName(attribute).namespace in _LABELS:
                del description.attrib[attribute]
        for child in list(description):
            if isinstance(child.tag, str) and etree.QName(child).namespace in _LABELS:
                description.remove(child)
    for uri in list(rdf.iter(_name(_SCHEMA, "namespaceURI"))):
        if (uri.text or "").strip() in _LABELS:
            entry = next(uri.iterancestors(_name(_RDF, "li")), None)
            bag = None if entry is None else entry.getparent()
            if entry is not None and bag is not None:
                bag.remove(entry)


def _date(rdf: etree._Element, changed_at: datetime) -> None:
    """Say when the metadata were changed, in the one place they say so."""
    text = changed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = _name(_XMP, "MetadataDate")
    for description in _descriptions(rdf):
        if name in description.attrib:
            del description.attrib[name]
        for child in description.findall(name):
            description.remove(child)
    _text(_description(rdf, {"xmp": _XMP}), _XMP, "MetadataDate", text)


def _describe(rdf: etree._Element) -> None:
    """Describe the schema of the label, beside what other schemas the file describes."""
    bag = rdf.find(
        f"{_name(_RDF, 'Description')}/{_name(_EXTENSION, 'schemas')}/{_name(_RDF, 'Bag')}"
    )
    if bag is None:
        spaces = {"pdfaExtension": _EXTENSION, "pdfaSchema": _SCHEMA, "pdfaProperty": _PROPERTY}
        schemas = etree.SubElement(_description(rdf, spaces), _name(_EXTENSION, "schemas"))
        bag = etree.SubElement(schemas, _name(_RDF, "Bag"))
    schema = _resource(bag)
    _text(schema, _SCHEMA, "schema", "Factur-X PDFA Extension Schema")
    _text(schema, _SCHEMA, "namespaceURI", _FX)
    _text(schema, _SCHEMA, "prefix", "fx")
    properties = etree.SubElement(
        etree.SubElement(schema, _name(_SCHEMA, "property")), _name(_RDF, "Seq")
    )
    for name, meaning in _PROPERTIES:
        entry = _resource(properties)
        _text(entry, _PROPERTY, "name", name)
        _text(entry, _PROPERTY, "valueType", "Text")
        _text(entry, _PROPERTY, "category", "external")
        _text(entry, _PROPERTY, "description", meaning)


def _resource(parent: etree._Element) -> etree._Element:
    made = etree.SubElement(parent, _name(_RDF, "li"))
    made.set(_name(_RDF, "parseType"), "Resource")
    return made
