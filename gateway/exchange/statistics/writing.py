"""Statistics reports as the network reads them: TSR 1.0 and EUSR 1.1 in XML. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.as4.identifiers import (
    END_USER_STATISTICS_REPORT,
    PROCESS_REPORTING,
    TRANSACTION_STATISTICS_REPORT,
    DocumentTypeId,
)
from gateway.exchange.statistics.counting import ReportKind
from gateway.exchange.statistics.figures import Figures, KeyRole

__all__ = ["FORMATS", "META_SCHEMES", "Format", "write_report"]


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of report is written: its names, in the order of its numbers."""

    document_type: DocumentTypeId
    total: str
    line: str
    counts: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """Namespace of every element."""
        return self.document_type.namespace

    @property
    def root(self) -> str:
        """Local name of the root element."""
        return self.document_type.root or ""


FORMATS: Final[Mapping[ReportKind, Format]] = {
    ReportKind.TSR: Format(
        TRANSACTION_STATISTICS_REPORT, "Total", "Subtotal", ("Incoming", "Outgoing")
    ),
    ReportKind.EUSR: Format(
        END_USER_STATISTICS_REPORT,
        "FullSet",
        "Subset",
        ("SendingEndUsers", "ReceivingEndUsers", "SendingOrReceivingEndUsers"),
    ),
}

META_SCHEMES: Final[Mapping[KeyRole, str]] = {
    KeyRole.TRANSPORT_PROFILE: "TP",
    KeyRole.SERVICE_PROVIDER: "SP",
    KeyRole.DOCUMENT_TYPE: "DT",
    KeyRole.PROCESS: "PR",
    KeyRole.SENDER_COUNTRY: "CC",
    KeyRole.RECEIVER_COUNTRY: "CC",
    KeyRole.END_USER_COUNTRY: "CC",
}


def write_report(figures: Figures) -> bytes:
    """Write a report as UTF-8; the same figures give the same bytes."""
    form = FORMATS[figures.kind]
    root = etree.Element(f"{{{form.namespace}}}{form.root}", nsmap={None: form.namespace})  # type: ignore[dict-item] # the stubs do not know the default namespace

    def add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
        made = etree.SubElement(parent, f"{{{form.namespace}}}{name}")
        made.text = text
        return made

    def count(parent: etree._Element, counts: tuple[int, ...]) -> None:
        for name, number in zip(form.counts, counts, strict=True):
            add(parent, name, str(number))

    add(root, "CustomizationID", form.document_type.customization)
    add(root, "ProfileID", PROCESS_REPORTING.value)
    header = add(root, "Header")
    period = add(header, "ReportPeriod")
    add(period, "StartDate", figures.period.first_day.isoformat())
    add(period, "EndDate", figures.period.last_day.isoformat())
    add(header, "ReporterID", figures.seat_id).set("schemeID", "CertSubjectCN")
    count(add(root, form.total), figures.total)
    for line in figures.lines:
        group = add(root, form.line)
        group.set("type", line.family.value)
        for key in line.keys:
            named = add(group, "Key", key.value)
            named.set("metaSchemeID", META_SCHEMES[key.role])
            named.set("schemeID", key.scheme)
        count(group, line.counts)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
