"""A report as one HTML page that stands on its own: no script, no font or picture from outside.

Typesetting only: what the page says is the view's. Made to be filed, mailed and printed.
"""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from schematron.report.view import ReportView
from schematron.report.words import label, producer

__all__ = ["render_html"]


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("schematron.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def render_html(view: ReportView) -> str:
    """Set a report as a complete HTML document in the view's language."""
    made_by = label("PRODUCER", lang=view.lang, version=producer())
    return _template().render(view=view, words=view.labels, producer=made_by)
