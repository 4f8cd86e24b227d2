"""Whether a customer's own PDF can truthfully become PDF/A-3b.

The rule: a file is labelled only when an allow-list validator, which denies whatever it does not
know (``pikepdf.pdfa``), approves it with every file in it. What a PDF claims of itself counts for
nothing. Only the label is added after that, which the validator knows nothing of and which is
the same in every file. Preparing may describe colours, declare the standard and drop metadata
PDF/A does not permit; it may not touch what the pages show, so a PDF that would lose an
annotation is refused, and so is one that is signed, since any change breaks the signature.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pikepdf
import pikepdf.settings
from pikepdf.pdfa import Flavour, Report, prepare, validate_written

from ubl.facturx.errors import FacturxRefused

__all__ = ["approve", "foreign", "opened", "prepared"]

MAX_BYTES: Final = 50 * 1024 * 1024
_MAX_UNPACKED: Final = 64 * 1024 * 1024
_SHOWN: Final = 8
_STREAM: Final = re.compile(r"^stream <[^>]*>(?: \([^)]*\))?:? *")
_UNREADABLE: Final = (
    pikepdf.PdfError,
    pikepdf.ForeignObjectError,
    AttributeError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    RecursionError,
)
_ADVICE: Final = (
    "Export it again as PDF/A (fonts embedded, no encryption, no scripts), leave it out to have "
    "an invoice page made, or send it as an attachment of that page."
)


def opened(content: bytes) -> pikepdf.Pdf:
    """Open a PDF of somebody else's without repairing anything; raises FacturxRefused."""
    if len(content) > MAX_BYTES:
        raise FacturxRefused(
            "FACTURX-PDF-TOO-LARGE",
            f"The PDF has {len(content)} bytes; at most {MAX_BYTES} are taken. Make it smaller.",
        )
    # Process-wide, as qpdf has it: without these a small crafted stream unpacks to gigabytes.
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=_MAX_UNPACKED,
        png_max_memory=_MAX_UNPACKED,
        tiff_max_memory=_MAX_UNPACKED,
        run_length_max_memory=_MAX_UNPACKED,
    )
    try:
        pdf = pikepdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise _encrypted() from None
    except (pikepdf.PdfError, pikepdf.ForeignObjectError, RecursionError) as error:
        raise _damaged(error) from None
    if pdf.is_encrypted:
        raise _encrypted()
    return pdf


@contextmanager
def foreign() -> Iterator[None]:
    """Tell of an object that is of another kind than its place in somebody's PDF demands.

    Raises FacturxRefused for what pikepdf says of it.
    """
    try:
        yield
    except FacturxRefused:
        raise
    except _UNREADABLE as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> FacturxRefused:
    said = _STREAM.sub("", " ".join(str(error).split()))[:200]
    return FacturxRefused(
        "FACTURX-PDF-DAMAGED", f"The PDF cannot be read: {said}. Export it again."
    )


def _encrypted() -> FacturxRefused:
    return FacturxRefused(
        "FACTURX-PDF-ENCRYPTED",
        "The PDF is encrypted, which an archived invoice may not be. Export it without password.",
    )


def prepared(content: bytes) -> pikepdf.Pdf:
    """Open an own PDF and make ready what PDF/A-3b asks beside the pages.

    Raises FacturxRefused. Nothing is promised before ``approve`` has seen what is written.
    """
    pdf = opened(content)
    with foreign():
        if _is_signed(pdf):
            raise FacturxRefused(
                "FACTURX-PDF-SIGNED",
                "The PDF is signed, and putting the invoice into it would break the signature. "
                "Hand in the unsigned PDF and sign the result.",
            )
        _simplify(pdf)
        changes = prepare(pdf, Flavour.PDFA_3B, output_intent=None if _has_colours(pdf) else "sRGB")
    if changes.annotations_removed:
        raise _not_archivable((f"hidden annotations: {sum(changes.annotations_removed.values())}",))
    return pdf


def _simplify(pdf: pikepdf.Pdf) -> None:
    """Drop what no page shows and PDF/A-3 does not ask for.

    How a viewer is to open the file, a checksum that any change makes wrong, and lists of the
    characters in a font, which have to be complete where they are given.
    """
    for key in ("/PageMode", "/OpenAction"):
        if key in pdf.Root:
            del pdf.Root[key]
    if "/DocChecksum" in pdf.trailer:
        del pdf.trailer["/DocChecksum"]
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and "/CIDSet" in item:
            del item["/CIDSet"]


def _has_colours(pdf: pikepdf.Pdf) -> bool:
    """Tell whether the file itself describes, as PDF/A wants it, what its colours mean."""
    intents = pdf.Root.get("/OutputIntents")
    return isinstance(intents, pikepdf.Array) and any(
        isinstance(item, pikepdf.Dictionary)
        and item.get("/S") == "/GTS_PDFA1"
        and "/DestOutputProfile" in item
        for item in list(intents)
    )


def _is_signed(pdf: pikepdf.Pdf) -> bool:
    if isinstance(pdf.Root.get("/Perms"), pikepdf.Dictionary):
        return True
    form = pdf.Root.get("/AcroForm")
    flags = form.get("/SigFlags") if isinstance(form, pikepdf.Dictionary) else None
    return flags is not None and int(flags) & 1 == 1


def approve(pdf: bytes) -> None:
    """Insist that a file as written is PDF/A-3b; raises FacturxRefused with what it lacks."""
    report = validate_written(io.BytesIO(pdf), Flavour.PDFA_3B)
    if not report.passed:
        raise _not_archivable(_obstacles(report))


def _obstacles(report: Report) -> tuple[str, ...]:
    """What is wrong first, then what the validator does not know; each once."""
    findings = (*report.violations, *report.unsupported)
    return tuple(dict.fromkeys(f"{one.message} ({one.rule}, {one.where})" for one in findings))


def _not_archivable(obstacles: tuple[str, ...]) -> FacturxRefused:
    listed = "; ".join(obstacles[:_SHOWN])
    more = f"; and {len(obstacles) - _SHOWN} more" if len(obstacles) > _SHOWN else ""
    return FacturxRefused(
        "FACTURX-PDF-NOT-ARCHIVABLE",
        f"The PDF could not be shown to be fit for PDF/A-3b: {listed}{more}. {_ADVICE}",
        obstacles,
    )
