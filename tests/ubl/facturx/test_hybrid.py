"""Factur-X files: what is inside, under which names, and which own PDFs are taken."""

import base64
import contextlib
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pikepdf
import pytest
import typst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schematron.finding import Document, Severity
from schematron.pdf import read
from schematron.pdfcheck import check, choose
from ubl.facturx import FacturxRefused, OwnPdf, hybrid_pdf
from ubl.formats import FORMATS
from ubl.model import Attachment, Invoice, SupportingDocument

HYBRIDS = {
    "facturx-minimum": ("factur-x.xml", "MINIMUM", "Data"),
    "facturx-basic-wl": ("factur-x.xml", "BASIC WL", "Data"),
    "facturx-basic": ("factur-x.xml", "BASIC", "Alternative"),
    "facturx-en16931": ("factur-x.xml", "EN 16931", "Alternative"),
    "facturx-extended": ("factur-x.xml", "EXTENDED", "Alternative"),
    "facturx-xrechnung": ("xrechnung.xml", "XRECHNUNG", "Alternative"),
}
PIECES = (
    b"/Kids",
    b"/Type",
    b"/Font",
    b" 1 0 R ",
    b" 7 0 R ",
    b"<<",
    b"[ ]",
    b"(x)",
    b"null",
    b"-1 ",
)
XML = b"<?xml version='1.0' encoding='UTF-8'?>\n<invoice>f\xc3\xbcr Menschen</invoice>\n"


@pytest.fixture
def make(invoice: Invoice, created_at: datetime) -> Callable[..., bytes]:
    def made(format_id: str = "facturx-en16931", **changed: object) -> bytes:
        about = changed.pop("invoice", invoice)
        return hybrid_pdf(
            about, XML, format=FORMATS[format_id], lang="de", created_at=created_at, **changed
        )

    return made


@pytest.fixture(scope="session")
def own_pdf() -> bytes:
    """Somebody's PDF that claims nothing, but embeds its font and does nothing forbidden."""
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    source = b'#set document(title: "Own")\n#set text(font: "DejaVu Sans Mono")\nOur own page'
    made = typst.Compiler(source, font_paths=fonts).compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


@pytest.fixture(scope="session")
def plain_own_pdf(own_pdf: bytes) -> bytes:
    """The same with its structure in plain sight, so that spoiling hits it."""
    return edited(
        own_pdf,
        lambda pdf: None,
        compress_streams=False,
        stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
        object_stream_mode=pikepdf.ObjectStreamMode.disable,
    )


def edited(pdf: bytes, change: Callable[[pikepdf.Pdf], None], **saved: object) -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        change(opened)
        opened.save(buffer, **saved)
    return buffer.getvalue()


def embedded(pdf: bytes) -> dict[str, tuple[bytes, str]]:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return {
            name: (spec.get_file().read_bytes(), str(spec.obj["/AFRelationship"]))
            for name, spec in opened.attachments.items()
        }


@pytest.mark.parametrize("format_id", HYBRIDS)
def test_each_profile_has_its_name_level_and_relationship(
    format_id: str, make: Callable[..., bytes]
) -> None:
    name, level, relationship = HYBRIDS[format_id]
    content = read(make(format_id))
    attachment, others = choose(content)
    assert attachment is not None
    assert others == ()
    assert (attachment.name, attachment.data, attachment.relationship) == (name, XML, relationship)
    assert content.xmp is not None
    assert (content.xmp.level, content.xmp.file_name) == (level, name)
    assert (content.xmp.part, content.xmp.conformance) == ("3", "B")
    document = Document(customization=FORMATS[format_id].specification)
    notes = check(content, attachment, others, document)
    assert [note.code for note in notes if note.severity is not Severity.INFORMATION] == []


def test_the_table_above_is_complete() -> None:
    assert set(HYBRIDS) == {one.id for one in FORMATS.values() if one.attachment is not None}


def test_the_same_input_gives_the_same_bytes(make: Callable[..., bytes], own_pdf: bytes) -> None:
    assert make() == make()
    assert make(own_pdf=own_pdf) == make(own_pdf=own_pdf)


def test_a_format_without_pdf_is_refused(make: Callable[..., bytes]) -> None:
    with pytest.raises(FacturxRefused) as refused:
        make("xrechnung-cii")
    assert refused.value.code == "FACTURX-FORMAT"


def supporting(name: str | None, content: bytes, mime_type: str = "text/csv") -> SupportingDocument:
    encoded = base64.b64encode(content).decode()
    file = Attachment(encoded=encoded, mime_type=mime_type, file_name=name)
    return SupportingDocument(reference="T-1", description="Timesheet", attachment=file)


def test_supporting_documents_come_along_each_under_a_name_of_its_own(
    invoice: Invoice, make: Callable[..., bytes]
) -> None:
    documents = (
        supporting("hours.csv", b"1"),
        supporting("../Hours.csv", b"2"),
        supporting("factur-x.xml", b"3", "text/xml"),
        supporting(None, b"4", "not a type"),
        SupportingDocument(reference="T-2", location="https://example.org/t2"),
    )
    files = embedded(make(invoice=replace(invoice, supporting_documents=documents)))
    assert files == {
        "factur-x.xml": (XML, "/Alternative"),
        "hours.csv": (b"1", "/Supplement"),
        "Hours-2.csv": (b"2", "/Supplement"),
        "factur-x-2.xml": (b"3", "/Supplement"),
        "T-1": (b"4", "/Supplement"),
    }


def test_no_other_file_has_a_name_that_receivers_take_for_the_invoice(
    invoice: Invoice, make: Callable[..., bytes]
) -> None:
    documents = (supporting("ZUGFeRD-invoice.xml", b"1"), supporting("factur-x.xml", b"2"))
    made = make("facturx-xrechnung", invoice=replace(invoice, supporting_documents=documents))
    assert set(embedded(made)) == {"xrechnung.xml", "ZUGFeRD-invoice-2.xml", "factur-x-2.xml"}


def test_a_damaged_attachment_is_refused(invoice: Invoice, make: Callable[..., bytes]) -> None:
    broken = SupportingDocument(attachment=Attachment(encoded="%%%", file_name="a.csv"))
    with pytest.raises(FacturxRefused) as refused:
        make(invoice=replace(invoice, supporting_documents=(broken,)))
    assert refused.value.code == "FACTURX-ATTACHMENT"


def test_an_own_pdf_becomes_the_pages(make: Callable[..., bytes], own_pdf: bytes) -> None:
    made = make(own_pdf=own_pdf)
    with pikepdf.open(io.BytesIO(own_pdf)) as before, pikepdf.open(io.BytesIO(made)) as after:
        assert len(after.pages) == len(before.pages)
        shown = [page.Contents.read_bytes() for page in after.pages]
        assert shown == [page.Contents.read_bytes() for page in before.pages]
    assert embedded(made) == {"factur-x.xml": (XML, "/Alternative")}


def test_an_own_pdf_that_was_labelled_before_is_labelled_anew(
    make: Callable[..., bytes], own_pdf: bytes
) -> None:
    made = make("facturx-xrechnung", own_pdf=make("facturx-basic", own_pdf=own_pdf))
    assert embedded(made) == {"xrechnung.xml": (XML, "/Alternative")}
    content = read(made)
    assert content.xmp is not None
    assert (content.xmp.level, content.xmp.file_name) == ("XRECHNUNG", "xrechnung.xml")


def test_an_own_pdf_may_be_a_file_beside_made_pages(make: Callable[..., bytes]) -> None:
    unfit = edited(plain_pdf(), lambda pdf: None)
    made = make(own_pdf=unfit, own_pdf_as=OwnPdf.ATTACHMENT)
    assert embedded(made)["2026-0417.pdf"] == (unfit, "/Supplement")
    assert len(pikepdf.open(io.BytesIO(made)).pages) >= 1


def plain_pdf() -> bytes:
    """A page in Helvetica, which every program has and this file therefore lacks."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842))
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=pdf.make_indirect(font)))
    page.Contents = pdf.make_stream(b"BT /F1 12 Tf 72 720 Td (Invoice) Tj ET")
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


def claiming(pdf: pikepdf.Pdf) -> None:
    with pdf.open_metadata() as metadata:
        metadata["pdfaid:part"] = "3"
        metadata["pdfaid:conformance"] = "B"


def with_hidden_note(pdf: pikepdf.Pdf) -> None:
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Text, Rect=[0, 0, 9, 9], F=2
    )
    pdf.pages[0].obj["/Annots"] = pikepdf.Array([pdf.make_indirect(note)])


def with_a_film(pdf: pikepdf.Pdf) -> None:
    film = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Movie, Rect=[0, 0, 9, 9], F=4
    )
    pdf.pages[0].obj["/Annots"] = pikepdf.Array([pdf.make_indirect(film)])


def without_font_file(pdf: pikepdf.Pdf) -> None:
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and "/FontFile2" in item:
            del item["/FontFile2"]


@pytest.mark.parametrize("change", [claiming, with_hidden_note, with_a_film, without_font_file])
def test_a_pdf_that_only_claims_to_be_archivable_is_refused(
    change: Callable[[pikepdf.Pdf], None], make: Callable[..., bytes], own_pdf: bytes
) -> None:
    content = edited(plain_pdf() if change is claiming else own_pdf, change)
    with pytest.raises(FacturxRefused) as refused:
        make(own_pdf=content)
    assert refused.value.code == "FACTURX-PDF-NOT-ARCHIVABLE"
    assert refused.value.obstacles
    assert refused.value.obstacles[0] in refused.value.message


def signed(pdf: pikepdf.Pdf) -> None:
    pdf.Root["/AcroForm"] = pikepdf.Dictionary(SigFlags=3, Fields=pikepdf.Array())


def test_a_signature_is_not_broken(make: Callable[..., bytes], own_pdf: bytes) -> None:
    with pytest.raises(FacturxRefused) as refused:
        make(own_pdf=edited(own_pdf, signed))
    assert refused.value.code == "FACTURX-PDF-SIGNED"


def test_a_list_of_files_that_is_none_is_damage(make: Callable[..., bytes], own_pdf: bytes) -> None:
    def spoiled(pdf: pikepdf.Pdf) -> None:
        pdf.Root["/Names"] = pikepdf.Dictionary(
            EmbeddedFiles=pikepdf.Dictionary(Kids=pikepdf.Array([pikepdf.Dictionary()]))
        )

    with pytest.raises(FacturxRefused) as refused:
        make(own_pdf=edited(own_pdf, spoiled))
    assert refused.value.code in ("FACTURX-PDF-DAMAGED", "FACTURX-PDF-NOT-ARCHIVABLE")


@pytest.mark.parametrize("own_pdf_as", OwnPdf)
def test_what_cannot_be_opened_is_refused(
    own_pdf_as: OwnPdf, make: Callable[..., bytes], own_pdf: bytes
) -> None:
    for owner in ("secret", ""):
        encryption = pikepdf.Encryption(owner="secret", user=owner)
        locked = edited(own_pdf, lambda pdf: None, encryption=encryption)
        with pytest.raises(FacturxRefused) as refused:
            make(own_pdf=locked, own_pdf_as=own_pdf_as)
        assert refused.value.code == "FACTURX-PDF-ENCRYPTED"
    for damaged in (b"", b"%PDF-1.7", own_pdf[:900]):
        with pytest.raises(FacturxRefused) as refused:
            make(own_pdf=damaged, own_pdf_as=own_pdf_as)
        assert refused.value.code == "FACTURX-PDF-DAMAGED"
        assert "0x" not in refused.value.message


def test_pages_are_made_where_there_is_no_own_pdf(make: Callable[..., bytes]) -> None:
    with pikepdf.open(io.BytesIO(make())) as pdf:
        assert str(pdf.docinfo["/Title"]) == "Rechnung 2026-0417"
        assert pdf.check_pdf_syntax() == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_spoiled_pdf_is_taken_or_refused_and_nothing_else(
    data: st.DataObject, make: Callable[..., bytes], plain_own_pdf: bytes
) -> None:
    spoiled = bytearray(plain_own_pdf)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(spoiled) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=6) | st.sampled_from(PIECES))
        spoiled[start : start + len(piece)] = piece
    with contextlib.suppress(FacturxRefused):
        made = make(own_pdf=bytes(spoiled))
        assert embedded(made) == {"factur-x.xml": (XML, "/Alternative")}
