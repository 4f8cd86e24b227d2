"""Unwrapping: what came in a PDF or an envelope is found, and said to have come so."""

import io
import zipfile
from base64 import b64encode
from dataclasses import replace

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schematron import pdf
from schematron.container import MAX_NESTING, open_document
from schematron.finding import Severity, Verdict
from schematron.validate import validate
from ubl.safexml import parse

SBDH = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
PACKED = "http://peppol.eu/xsd/ticc/envelope/1.0"
XHE = "http://docs.oasis-open.org/bdxr/ns/XHE/1"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
MINIMUM = "urn:factur-x.eu:1p0:minimum"
CII = "urn:un:unece:uncefact:data:standard"

XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" pdfaid:part="{part}"
 pdfaid:conformance="B"/>
<rdf:Description xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">
<fx:ConformanceLevel>{level}</fx:ConformanceLevel>
<fx:DocumentFileName>{name}</fx:DocumentFileName></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def cross_industry(guideline: str) -> str:
    return (
        f'<r:CrossIndustryInvoice xmlns:r="{CII}:CrossIndustryInvoice:100" '
        f'xmlns:a="{CII}:ReusableAggregateBusinessInformationEntity:100">'
        "<r:ExchangedDocumentContext><a:GuidelineSpecifiedDocumentContextParameter>"
        f"<a:ID>{guideline}</a:ID></a:GuidelineSpecifiedDocumentContextParameter>"
        "</r:ExchangedDocumentContext></r:CrossIndustryInvoice>"
    )


def hybrid(
    files: dict[str, str],
    *,
    relationship: str | None = "Data",
    level: str = "MINIMUM",
    part: str = "3",
    xmp: str | None = XMP,
    listed: bool = True,
    associated: bool = True,
    said: str = "factur-x.xml",
) -> bytes:
    """A PDF that carries files, right in every respect that is not asked to be wrong."""
    document = pikepdf.new()
    document.add_blank_page()
    names, array = pikepdf.Array(), pikepdf.Array()
    for name, content in files.items():
        stream = document.make_stream(content.encode(), Subtype=pikepdf.Name("/text/xml"))
        spec = pikepdf.Dictionary(
            Type=pikepdf.Name.Filespec, F=name, UF=name, EF=pikepdf.Dictionary(F=stream, UF=stream)
        )
        if relationship is not None:
            spec.AFRelationship = pikepdf.Name(f"/{relationship}")
        held = document.make_indirect(spec)
        names.extend([pikepdf.String(name), held])
        array.append(held)
    if listed:
        tree = pikepdf.Dictionary(Kids=[document.make_indirect(pikepdf.Dictionary(Names=names))])
        document.Root.Names = pikepdf.Dictionary(EmbeddedFiles=tree)
    if associated:
        document.Root.AF = array
    if xmp is not None:
        text = xmp.format(part=part, level=level, name=said)
        document.Root.Metadata = document.make_stream(text.encode())
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def notes(data: bytes) -> dict[str, Severity]:
    return {note.code: note.severity for note in open_document(data).notes}


RIGHT = {"factur-x.xml": cross_industry(MINIMUM)}


def test_a_hybrid_invoice_is_taken_out_of_its_pdf():
    contents = open_document(hybrid(RIGHT))
    assert contents.recognised is not None
    assert contents.recognised.document.customization == MINIMUM
    assert [(item.kind, item.part) for item in contents.containers] == [("pdf", "factur-x.xml")]
    assert contents.data == RIGHT["factur-x.xml"].encode()
    assert notes(hybrid(RIGHT)) == {"PDF-A-NO-FAULT": Severity.INFORMATION}


@pytest.mark.parametrize(
    ("wrong", "code", "severity"),
    [
        ({"relationship": "Alternative"}, "PDF-RELATIONSHIP", Severity.WARNING),
        ({"relationship": None}, "PDF-RELATIONSHIP", Severity.WARNING),
        ({"associated": False}, "PDF-NOT-ASSOCIATED", Severity.WARNING),
        ({"listed": False}, "PDF-NOT-LISTED", Severity.WARNING),
        ({"said": "zugferd-invoice.xml"}, "PDF-XMP-NAME", Severity.WARNING),
        ({"level": "EXTENDED"}, "PDF-XMP-LEVEL", Severity.FATAL),
        ({"level": "SUPER"}, "PDF-XMP-LEVEL-UNKNOWN", Severity.FATAL),
        ({"part": "1"}, "PDF-NOT-PDFA", Severity.FATAL),
        ({"xmp": None}, "PDF-NOT-PDFA", Severity.FATAL),
        ({"xmp": "no XML"}, "PDF-NOT-PDFA", Severity.FATAL),
        ({"xmp": XMP.replace("fx:Conf", "fx:Not")}, "PDF-XMP-MISSING", Severity.FATAL),
    ],
)
def test_one_wrong_thing_is_one_note(wrong, code, severity):
    found = notes(hybrid(RIGHT, **wrong))
    found.pop("PDF-A-NO-FAULT", None)
    assert found == {code: severity}


def changed(data: bytes, change) -> bytes:
    document, out = pikepdf.open(io.BytesIO(data)), io.BytesIO()
    change(document)
    document.save(out)
    return out.getvalue()


def test_two_names_of_one_file_must_not_lead_to_two_invoices():
    """Programs differ in whether they read /UF or /F."""

    def part(document):
        other = document.make_stream(cross_industry("urn:other").encode())
        document.Root.AF[0].EF.F = other

    found = notes(changed(hybrid(RIGHT), part))
    assert found["PDF-AMBIGUOUS"] is Severity.FATAL


@pytest.mark.parametrize("other", ["urn:other", MINIMUM])
def test_array_and_name_tree_must_not_lead_to_two_invoices(other):
    """Some programs read the AF array, others the name tree."""

    def part(document):
        stream = document.make_stream(cross_industry(other).encode())
        first = document.Root.AF[0]
        spec = pikepdf.Dictionary(first)
        spec.EF = pikepdf.Dictionary(F=stream, UF=stream)
        document.Root.AF = pikepdf.Array([document.make_indirect(spec)])

    found = notes(changed(hybrid(RIGHT), part))
    assert ("PDF-AMBIGUOUS" in found) is (other != MINIMUM)
    assert "PDF-SEVERAL" in found


@pytest.mark.parametrize(
    ("files", "part", "codes"),
    [
        ({"ZUGFeRD-invoice.xml": "<old/>", **RIGHT}, "factur-x.xml", {"PDF-SEVERAL"}),
        ({"notes.xml": "<n/>", **RIGHT}, "factur-x.xml", set()),
        ({"FacturX.xml": RIGHT["factur-x.xml"]}, "FacturX.xml", {"PDF-NAME", "PDF-XMP-NAME"}),
        ({"bill.xml": RIGHT["factur-x.xml"]}, "bill.xml", {"PDF-NAME", "PDF-XMP-NAME"}),
    ],
)
def test_the_invoice_is_found_among_attachments(files, part, codes):
    data = hybrid(files)
    assert [item.part for item in open_document(data).containers] == [part]
    assert set(notes(data)) - {"PDF-A-NO-FAULT"} == codes


@pytest.mark.parametrize(
    ("level", "guideline"),
    [
        ("MINIMUM", MINIMUM),
        ("BASIC WL", "urn:factur-x.eu:1p0:basicwl"),
        ("BASIC", "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic"),
        ("EN 16931", "urn:cen.eu:en16931:2017"),
        ("EXTENDED", "urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended"),
        ("XRECHNUNG", "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"),
    ],
)
def test_each_guideline_has_its_level(level, guideline):
    files = {"factur-x.xml": cross_industry(guideline)}
    assert "PDF-XMP-LEVEL" not in notes(hybrid(files, level=level))
    other = "BASIC" if level != "BASIC" else "EXTENDED"
    assert "PDF-XMP-LEVEL" in notes(hybrid(files, level=other))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (hybrid({}), "PDF-NO-INVOICE"),
        (hybrid({"logo.png": "x"}), "PDF-OTHER-FILES"),
        (hybrid({"extra.xml": "<x/>"}, relationship="Supplement"), "PDF-OTHER-FILES"),
        (hybrid(RIGHT)[:-100], "PDF-DAMAGED"),
        (hybrid({"factur-x.xml": ""}), "XML-EMPTY"),
        (hybrid({"factur-x.xml": "<broken>"}), "XML-NOT-WELL-FORMED"),
    ],
)
def test_a_pdf_without_readable_invoice_says_why(data, code, registry, today):
    report = validate(data, options=today, registry=registry)
    assert report.verdict is Verdict.UNREADABLE
    assert code in [finding.rule for finding in report.findings]
    assert report.containers[0].kind == "pdf"
    for lang in ("fr", "nl", "de"):
        validate(data, options=replace(today, lang=lang), registry=registry)


@pytest.mark.parametrize("user", ["", "secret"])
def test_an_encrypted_pdf_is_refused(user):
    document = pikepdf.open(io.BytesIO(hybrid(RIGHT)))
    out = io.BytesIO()
    document.save(out, encryption=pikepdf.Encryption(owner="o", user=user))
    assert notes(out.getvalue()) == {"PDF-ENCRYPTED": Severity.FATAL}


def test_an_attachment_that_unpacks_too_far_is_refused(monkeypatch):
    monkeypatch.setattr(pdf, "MAX_UNPACKED", 3000)
    large = {"factur-x.xml": RIGHT["factur-x.xml"] + " " * 100_000}
    assert notes(hybrid(large)) == {"PDF-TOO-LARGE": Severity.FATAL}


def test_lzw_is_not_unpacked_however_it_is_written():
    for name in (b"/LZWDecode", b"/LZ#57Decode", b"/#4cZW "):
        assert notes(b"%PDF-1.7\n1 0 obj <</Filter " + name + b">>") == {
            "PDF-TOO-LARGE": Severity.FATAL
        }


def in_sbdh(content: str) -> str:
    return (
        f'<s:StandardBusinessDocument xmlns:s="{SBDH}" xmlns="urn:other">\n'
        "<s:StandardBusinessDocumentHeader><s:HeaderVersion>1.0</s:HeaderVersion>"
        f"</s:StandardBusinessDocumentHeader>\n{content}</s:StandardBusinessDocument>"
    )


def body(invoice: str) -> str:
    return invoice.partition("?>\n")[2]


def test_an_enveloped_invoice_is_judged_where_it_stands(invoice, registry, today):
    broken = body(invoice).replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    text = in_sbdh(broken)
    report = validate(text.encode(), options=today, registry=registry)
    assert report.verdict is Verdict.INVALID
    assert [item.to_json() for item in report.containers] == [
        {"kind": "sbdh", "title": "SBDH envelope", "part": "Invoice"}
    ]
    finding = next(item for item in report.findings if item.rule == "BR-CO-15")
    assert finding.location == "/ubl:Invoice"
    assert (finding.line, finding.column) == (3, 1)
    assert text.splitlines()[finding.line - 1].startswith("<Invoice ")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (f'<x:XHE xmlns:x="{XHE}/ExchangeHeaderEnvelope" xmlns:a="{XHE}/AggregateComponents">'
         "<a:Payloads><a:Payload><a:PayloadContent>",
         "</a:PayloadContent></a:Payload></a:Payloads></x:XHE>", "xhe"),
        (f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>', "</s:Body></s:Envelope>", "soap"),
        (f'<s:StandardBusinessDocument xmlns:s="{SBDH}"><s:StandardBusinessDocumentHeader/>'
         f'<BinaryContent xmlns="{PACKED}">', "</BinaryContent></s:StandardBusinessDocument>",
         "packed"),
    ],
)  # fmt: skip
def test_every_envelope_leads_to_the_same_verdict(invoice, registry, today, before, after, kind):
    inner = body(invoice)
    if kind == "packed":
        inner = b64encode(invoice.encode()).decode()
    report = validate((before + inner + after).encode(), options=today, registry=registry)
    assert report.verdict is Verdict.VALID
    assert report.containers[0].kind == ("sbdh" if kind == "packed" else kind)


def test_a_pdf_may_come_in_an_envelope():
    text = b64encode(hybrid(RIGHT)).decode()
    data = in_sbdh(f'<BinaryContent xmlns="{PACKED}">\n{text[:50]}\n{text[50:]}</BinaryContent>')
    contents = open_document(data.encode())
    assert [item.kind for item in contents.containers] == ["sbdh", "pdf"]
    assert contents.root is not None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (in_sbdh(""), "INPUT-ENVELOPE-EMPTY"),
        (f'<s:Envelope xmlns:s="{SOAP}"/>', "INPUT-ENVELOPE-EMPTY"),
        (in_sbdh(f'<BinaryContent xmlns="{PACKED}">é</BinaryContent>'), "INPUT-BASE64"),
        (in_sbdh(f'<BinaryContent xmlns="{PACKED}">QQ=</BinaryContent>'), "INPUT-BASE64"),
        (in_sbdh(f'<TextContent xmlns="{PACKED}">UNB+UNOA:1</TextContent>'), "INPUT-NOT-XML"),
    ],
)
def test_an_envelope_without_document_says_so(data, code):
    assert notes(data.encode()) == {code: Severity.FATAL}


def in_xhe(*contents: str) -> str:
    payloads = "".join(
        f"<a:Payload><a:PayloadContent>{content}</a:PayloadContent></a:Payload>"
        for content in contents
    )
    return (
        f'<x:XHE xmlns:x="{XHE}/ExchangeHeaderEnvelope" xmlns:a="{XHE}/AggregateComponents">'
        f"<a:Payloads>{payloads}</a:Payloads></x:XHE>"
    )


def in_soap(*contents: str) -> str:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{"".join(contents)}</s:Body></s:Envelope>'


@pytest.mark.parametrize(
    "enclose",
    [
        lambda first, second: in_sbdh(first + second),
        lambda first, second: in_sbdh(f"<!-- one -->{first}{in_sbdh(second)}"),
        in_xhe,
        in_soap,
    ],
)
def test_of_several_documents_in_an_envelope_none_is_taken_for_all(
    invoice, registry, today, enclose
):
    """The second may be anything: a receiver that takes it must not be told it was checked."""
    second = body(invoice).replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    report = validate(enclose(body(invoice), second).encode(), options=today, registry=registry)
    assert report.verdict is Verdict.UNREADABLE
    (finding,) = report.findings
    assert finding.rule == "INPUT-ENVELOPE-SEVERAL"
    assert finding.words["count"] == "2"


def test_envelopes_in_envelopes_are_followed_only_so_far(invoice):
    text = body(invoice)
    for _ in range(MAX_NESTING):
        text = in_sbdh(text)
    assert open_document(text.encode()).root is not None
    assert notes(in_sbdh(text).encode()) == {"INPUT-NESTED": Severity.FATAL}


def office(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, "<x/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", "PNG image"),
        (b"\xff\xd8\xff\xe0\x00", "JPEG image"),
        (office("word/document.xml"), "Word document"),
        (office("xl/workbook.xml"), "Excel workbook"),
        (office("other.txt"), "zip archive"),
        (b"UNA:+.? 'UNB+UNOC:3+", "EDIFACT interchange"),
        (b"ISA*00*          *", "ANSI X12 interchange"),
        (b'{"invoice": 1}', "JSON file"),
        (b"No;Date;Sum\n1;2;3\n", "CSV table"),
        (b"Dear sirs,\nplease find", "plain text file"),
        (b"Return-Path: <a@example.com>\r\nFrom: b", "e-mail"),
        (b"<!DOCTYPE html>\n<html>", "web page (HTML)"),
        (b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "signed file (PKCS #7, .p7m)"),
        (b":20:STARTUMS\r\n:25:1", "SWIFT bank statement (MT940)"),
        (b"BM6\x00\x06\x00", "BMP image"),
        (b"MZ and other initials", "plain text file"),
    ],
)
def test_what_is_no_xml_is_called_what_it_is(data, title, registry, today):
    report = validate(data, options=today, registry=registry)
    assert report.verdict is Verdict.UNREADABLE
    assert report.document.title == title
    (finding,) = report.findings
    assert finding.rule == "INPUT-NOT-XML"
    assert title in finding.message


def test_bytes_that_are_nothing_known_are_not_called_anything(registry, today):
    report = validate(b"\x01\x02\x03", options=today, registry=registry)
    assert report.document.title is None
    assert [finding.rule for finding in report.findings] == ["XML-NOT-WELL-FORMED"]


@given(cut=st.integers(0, 3000), put=st.binary(max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_damaged_pdf_is_answered(cut, put):
    whole = hybrid(RIGHT)
    cut = min(cut, len(whole))
    contents = open_document(whole[:cut] + put + whole[cut + len(put) :])
    assert contents.root is not None or contents.notes


def test_corpus_pdfs_give_up_their_attachments(corpus):
    for case in corpus.suite("pdf-mustang", "pdf-zugferd-corpus", "pdf-misc"):
        described = case["pdf"]
        if "open_error" in described:
            assert "PDF-DAMAGED" in notes(corpus.read(case))
            continue
        found = pdf.read(corpus.read(case))
        wanted = [(item["name"], item["af_relationship"][1:]) for item in described["attachments"]]
        assert [(item.name, item.relationship) for item in found.attachments] == wanted, case["id"]
        level = described.get("xmp_ConformanceLevel")
        assert (found.xmp.level if found.xmp else None) == level, case["id"]
        assert all(parse(item.data) is not None for item in found.attachments)
