"""Certain faults of a PDF that says it is PDF/A-3: a few checks, each of one clause of ISO 19005-3.

Chosen so that a file veraPDF calls conforming never fails one of them; a file without a fault here
may still not conform. Pages are walked under bounds, nothing is repaired. What cannot be looked at
is left undecided, never taken for right.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pikepdf

__all__ = ["CHECKS", "Fault", "faults"]

_MAX_PAGES: Final = 50
_MAX_PACKED: Final = 256 * 1024
_MAX_NODES: Final = 500
_FORBIDDEN: Final = frozenset(
    {
        "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/JavaScript", "/Hide",
        "/SetOCGState", "/Rendition", "/Trans", "/GoTo3DView",
    }
)  # fmt: skip
_INVISIBLE: Final = 3
_SHOWS_TEXT: Final = frozenset({"Tj", "TJ", "'", '"'})
_EMBEDDED: Final = ("/FontFile", "/FontFile2", "/FontFile3")


@dataclass(frozen=True, slots=True)
class Fault:
    """A clause of ISO 19005-3 that is broken for certain; ``value`` names what breaks it."""

    code: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    """One page with the resources it has or inherits."""

    page: pikepdf.Dictionary
    resources: pikepdf.Dictionary | None


def faults(pdf: pikepdf.Pdf) -> tuple[Fault, ...]:
    """List the certain faults of an open file, each clause once.

    Raises what pikepdf raises for objects that are of another kind than their place demands.
    """
    found: dict[str, Fault] = {}
    for check in _OF_FILE:
        for fault in check(pdf):
            found.setdefault(fault.code, fault)
    for one in _pages(pdf):
        for fault in (*_page_actions(one), *_fonts(one)):
            found.setdefault(fault.code, fault)
    return tuple(found.values())


def _identified(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    if "/ID" not in pdf.trailer:
        yield Fault("PDF-A-ID")


def _document_actions(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    if "/AA" in pdf.Root:
        yield Fault("PDF-A-TRIGGER")
    yield from _action(pdf.Root.get("/OpenAction"))


def _forms(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary):
        wanted: Any = form.get("/NeedAppearances")
        if wanted is True:
            yield Fault("PDF-A-FORM", "NeedAppearances")
        elif "/XFA" in form:
            yield Fault("PDF-A-FORM", "XFA")


def _files(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    """Look at the files the catalogue names as associated."""
    for spec in _items(pdf.Root.get("/AF")):
        held = spec.get("/EF") if isinstance(spec, pikepdf.Dictionary) else None
        if not isinstance(held, pikepdf.Dictionary):
            continue
        name = str(spec.get("/UF", spec.get("/F", "")))[:100]
        if "/F" not in spec or "/UF" not in spec:
            yield Fault("PDF-A-FILE-NAME", name)
        content = held.get("/F")
        if isinstance(content, pikepdf.Stream) and "/Subtype" not in content:
            yield Fault("PDF-A-FILE-TYPE", name)


_OF_FILE: Final[tuple[Callable[[pikepdf.Pdf], Iterator[Fault]], ...]] = (
    _identified,
    _document_actions,
    _forms,
    _files,
)
CHECKS: Final = (
    "PDF-A-ID",
    "PDF-A-TRIGGER",
    "PDF-A-ACTION",
    "PDF-A-FORM",
    "PDF-A-FILE-NAME",
    "PDF-A-FILE-TYPE",
    "PDF-A-FONT",
)
"""What is looked for, by code; a report tells how many."""


def _items(value: Any) -> list[Any]:
    """Give the first items of an array, none for anything else."""
    if not isinstance(value, pikepdf.Array):
        return []
    return [value[number] for number in range(min(len(value), _MAX_NODES))]


def _action(value: object) -> Iterator[Fault]:
    kind = value.get("/S") if isinstance(value, pikepdf.Dictionary) else None
    if kind is not None and str(kind) in _FORBIDDEN:
        yield Fault("PDF-A-ACTION", str(kind).removeprefix("/"))


def _pages(pdf: pikepdf.Pdf) -> Iterator[_Page]:
    """Walk the page tree without trusting its shape."""
    top = pdf.Root.get("/Pages")
    waiting: list[tuple[object, pikepdf.Dictionary | None]] = [(top, None)]
    visited: set[object] = set()
    given = nodes = 0
    while waiting and given < _MAX_PAGES and nodes < _MAX_NODES:
        node, resources = waiting.pop()
        nodes += 1
        if not isinstance(node, pikepdf.Dictionary) or node.objgen in visited:
            continue
        visited.add(node.objgen)
        own = node.get("/Resources")
        resources = own if isinstance(own, pikepdf.Dictionary) else resources
        if "/Kids" in node:
            waiting += [(kid, resources) for kid in reversed(_items(node.get("/Kids")))]
        else:
            given += 1
            yield _Page(node, resources)


def _page_actions(one: _Page) -> Iterator[Fault]:
    if "/AA" in one.page:
        yield Fault("PDF-A-TRIGGER")
    for annotation in _items(one.page.get("/Annots")):
        if isinstance(annotation, pikepdf.Dictionary):
            yield from _action(annotation.get("/A"))


@dataclass(frozen=True, slots=True)
class _State:
    """What the next text on a page is shown with; an empty font is one that is not known."""

    font: str = ""
    mode: int = 0


def _fonts(one: _Page) -> Iterator[Fault]:
    """Follow a page's own content for fonts that show text and are not in the file."""
    found = one.resources.get("/Font") if one.resources is not None else None
    if not isinstance(found, pikepdf.Dictionary) or not _is_short(one.page.get("/Contents")):
        return
    state, saved = _State(), list[_State]()
    for instruction in pikepdf.parse_content_stream(one.page):
        name = str(instruction.operator)
        if name == "q":
            saved.append(state)
        elif name == "Q":
            state = saved.pop() if saved else state
        elif name == "Tf":
            state = replace(state, font=str(instruction.operands[0]))
        elif name == "Tr":
            state = replace(state, mode=int(instruction.operands[0]))
        elif name == "gs":
            # A graphics state may set a font, so none is known any more.
            state = replace(state, font="")
        elif name in _SHOWS_TEXT and state.font and state.mode != _INVISIBLE:
            font = found.get(state.font)
            if isinstance(font, pikepdf.Dictionary) and not _is_embedded(font):
                yield Fault("PDF-A-FONT", str(font.get("/BaseFont", state.font))[1:100])


def _is_short(contents: Any) -> bool:
    """Tell whether a page's content may be read: packed as usual, and not large."""
    parts = _items(contents) if isinstance(contents, pikepdf.Array) else [contents]
    if len(parts) == _MAX_NODES:
        return False
    lengths = [
        int(part.get("/Length", _MAX_PACKED + 1))
        for part in parts
        if isinstance(part, pikepdf.Stream)
    ]
    return len(lengths) == len(parts) and sum(lengths) <= _MAX_PACKED


def _is_embedded(font: pikepdf.Dictionary) -> bool:
    """Tell whether a font brings its glyphs; one drawn by the file itself (Type 3) does."""
    kind = str(font.get("/Subtype"))
    if kind == "/Type3":
        return True
    if kind == "/Type0":
        below = font.get("/DescendantFonts")
        first = below[0] if isinstance(below, pikepdf.Array) and len(below) else None
        return isinstance(first, pikepdf.Dictionary) and _is_embedded(first)
    descriptor = font.get("/FontDescriptor")
    return isinstance(descriptor, pikepdf.Dictionary) and any(
        name in descriptor for name in _EMBEDDED
    )
