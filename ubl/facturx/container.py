"""Files inside a PDF, as PDF/A-3 has them (ISO 19005-3 §6.8), and the bytes in the end.

Edits a PDF that is open; what its pages show stays as it is. The same input gives the same bytes.
"""

import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import pikepdf
from pikepdf.pdfa import resolve_save_kwargs

__all__ = ["EmbeddedFile", "Relationship", "embed", "replace_metadata", "unembed", "written"]

_MIME_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_ANY_FILE: Final = "application/octet-stream"


class Relationship(StrEnum):
    """What an embedded file is to the document (AFRelationship)."""

    ALTERNATIVE = "Alternative"
    DATA = "Data"
    SUPPLEMENT = "Supplement"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedFile:
    """A file to be put into a PDF."""

    name: str
    content: bytes
    mime_type: str
    relationship: Relationship
    description: str


def embed(pdf: pikepdf.Pdf, file: EmbeddedFile, *, changed_at: datetime) -> None:
    """List a file among those embedded and associate it with the document.

    Its name has no path and is unique within the PDF.
    """
    moment = changed_at.astimezone(UTC).strftime("D:%Y%m%d%H%M%S+00'00'")
    mime_type = file.mime_type.strip().lower()
    spec = pikepdf.AttachedFileSpec(
        pdf,
        file.content,
        description=file.description,
        filename=file.name,
        mime_type=mime_type if _MIME_TYPE.fullmatch(mime_type) else _ANY_FILE,
        creation_date=moment,
        mod_date=moment,
    )
    spec.obj["/AFRelationship"] = pikepdf.Name(f"/{file.relationship}")
    pdf.attachments[file.name] = spec
    associated = pdf.Root.get("/AF")
    if not isinstance(associated, pikepdf.Array):
        associated = pikepdf.Array()
        pdf.Root["/AF"] = associated
    associated.append(spec.obj)


def unembed(pdf: pikepdf.Pdf, names: Collection[str]) -> None:
    """Take files of these names out, in whatever case they are written."""
    for name in [name for name in pdf.attachments if name.lower() in names]:
        gone = pdf.attachments[name].obj.objgen
        del pdf.attachments[name]
        associated = pdf.Root.get("/AF")
        if isinstance(associated, pikepdf.Array):
            kept = [item for item in list(associated) if item.objgen != gone]
            pdf.Root["/AF"] = pikepdf.Array(kept)


def replace_metadata(pdf: pikepdf.Pdf, packet: bytes) -> None:
    """Give the document this XMP packet, unpacked as PDF/A readers expect it."""
    stream = pdf.make_stream(packet)
    stream["/Type"] = pikepdf.Name("/Metadata")
    stream["/Subtype"] = pikepdf.Name("/XML")
    pdf.Root["/Metadata"] = stream


def written(pdf: pikepdf.Pdf) -> bytes:
    """Write the file as PDF/A-3b wants it, with an identifier that follows from its content."""
    buffer = io.BytesIO()
    pdf.save(buffer, **resolve_save_kwargs("3b", deterministic_id=True))
    return buffer.getvalue()
