"""Tries rules before they may judge: are they compiled, and do they answer at all.

Runs what strangers wrote, so callers run it in a process they can end. It says nothing about
whether the rules are right.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from schematron import engine, svrl
from schematron.build import SchematronError, compile_schematron
from schematron.errors import EngineFailed, RulesRefused
from schematron.stylesheet import lean
from ubl.safexml import XmlRefused

__all__ = ["EMPTY_DOCUMENTS", "prepare", "try_out"]

_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_PEPPOL: Final = "urn:fdc:peppol:"
_UNCEFACT: Final = "urn:un:unece:uncefact:data:standard:"

EMPTY_DOCUMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ubl-invoice": f'<Invoice xmlns="{_UBL}Invoice-2"/>',
        "ubl-creditnote": f'<CreditNote xmlns="{_UBL}CreditNote-2"/>',
        "ubl-applicationresponse": f'<ApplicationResponse xmlns="{_UBL}ApplicationResponse-2"/>',
        "ubl-reminder": f'<Reminder xmlns="{_UBL}Reminder-2"/>',
        "ubl-statement": f'<Statement xmlns="{_UBL}Statement-2"/>',
        "cii": f'<CrossIndustryInvoice xmlns="{_UNCEFACT}CrossIndustryInvoice:100"/>',
        "cdar": (
            "<CrossDomainAcknowledgementAndResponse "
            f'xmlns="{_UNCEFACT}CrossDomainAcknowledgementAndResponse:100"/>'
        ),
        "tsr": f'<TransactionStatisticsReport xmlns="{_PEPPOL}transaction-statistics-report:1.0"/>',
        "eusr": f'<EndUserStatisticsReport xmlns="{_PEPPOL}end-user-statistics-report:1.1"/>',
    }
)
"""A document without content for every syntax there can be rules for."""


def prepare(data: bytes, *, name: str, folder: Path | None) -> bytes:
    """Give the stylesheet of a rule file: Schematron compiled, XSLT as it is.

    ``name`` decides by its ending (.sch, .xsl, .xslt); includes are read below ``folder`` only.
    Raises RulesRefused.
    """
    if name.lower().endswith((".xsl", ".xslt")):
        return data
    if not name.lower().endswith(".sch"):
        raise RulesRefused(f"'{name}' is neither Schematron (.sch) nor XSLT (.xsl, .xslt).")
    base = None if folder is None else (folder / name).parent
    try:
        return compile_schematron(data, base=base, within=folder)
    except SchematronError as error:
        where = f" (line {error.line})" if error.line else ""
        raise RulesRefused(f"{name}{where}: {error.message}") from error


def try_out(
    stylesheet: bytes, *, companions: Mapping[str, bytes], syntaxes: Iterable[str], name: str
) -> None:
    """Compile a stylesheet and run it on an empty document of each syntax.

    Raises RulesRefused when it cannot be compiled, breaks off, or gives no report.
    """
    try:
        ready = lean(stylesheet, companions)
    except XmlRefused as error:
        raise RulesRefused(f"{name} is no XSLT: {error.message}") from error
    key = hashlib.sha256(ready).hexdigest()
    for syntax in syntaxes:
        document = EMPTY_DOCUMENTS.get(syntax)
        if document is None:
            known = ", ".join(EMPTY_DOCUMENTS)
            raise RulesRefused(f"'{syntax}' is no syntax known here. Known: {known}.")
        try:
            svrl.read(engine.shared().run(key, lambda: ready, document=document))
        except EngineFailed as error:
            raise RulesRefused(f"{name} failed on an empty {syntax}: {error}") from error
