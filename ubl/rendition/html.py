"""Documents as accessible HTML: a page that stands on its own, or the part a console shows.

No script, no font or picture from outside; whatever a document says is text. Files within a
document are only linked where the caller says where they are.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ubl.localized import Localized
from ubl.reminder_view import ReminderView
from ubl.response_view import ResponseView
from ubl.view_parts import InvoiceView

__all__ = [
    "STYLES",
    "DocumentView",
    "document_article",
    "document_html",
    "page_policy",
]

DocumentView = InvoiceView | ReminderView | ResponseView
STYLES: Final = Path(__file__).parent / "static"
"""Folder of ``document.css``, which a console that shows a part of it has to serve."""
_TEMPLATES: Final[Mapping[type, str]] = MappingProxyType(
    {
        InvoiceView: "invoice.html",
        ReminderView: "reminder.html",
        ResponseView: "response.html",
    }
)
_NO_LINKS: Final[Mapping[int, str]] = MappingProxyType({})


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("ubl.rendition"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    folder = resources.files("ubl.rendition").joinpath("static")
    return "".join(
        folder.joinpath(name).read_text("utf-8") for name in ("page.css", "document.css")
    )


def page_policy() -> str:
    """Return the Content-Security-Policy to send with the page: its own style, nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox allow-downloads"
    )


def document_article(
    view: DocumentView, *, level: int = 2, links: Mapping[int, str] = _NO_LINKS
) -> Markup:
    """Set a document as an ``article`` whose heading is of ``level``, for a page that has others.

    ``links`` are the addresses to fetch attachments at, by ``ViewAttachment.index``.
    """
    attachments = view.attachments if isinstance(view, InvoiceView) else ()
    template = _environment().get_template(_TEMPLATES[type(view)])
    return Markup(  # noqa: S704 - escaped by the template
        template.render(
            view=view,
            level=level,
            links=links,
            names={one.index: one.file_name for one in attachments},
            words=Localized(view.language),
        )
    )


def document_html(view: DocumentView, *, links: Mapping[int, str] = _NO_LINKS) -> str:
    """Set a document as a complete HTML page in the view's language, to be filed or printed."""
    return (
        _environment()
        .get_template("page.html")
        .render(
            view=view,
            article=document_article(view, level=1, links=links),
            style=Markup(_style()),  # noqa: S704 - our own file
        )
    )
