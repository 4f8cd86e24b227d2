"""The formats an invoice can be written in, as data: syntax, what it holds, how it names itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["FORMATS", "Format", "Profile", "Syntax", "format_of", "states_mode"]


class Syntax(StrEnum):
    """In which XML an invoice is written."""

    UBL = "ubl"
    CII = "cii"


class Profile(StrEnum):
    """How much of the semantic model a format can hold, from the least to the most."""

    MINIMUM = "minimum"
    BASIC_WL = "basic-wl"
    BASIC = "basic"
    EN16931 = "en16931"
    XRECHNUNG = "xrechnung"
    XRECHNUNG_EXTENSION = "xrechnung-extension"
    EXTENDED_CTC_FR = "extended-ctc-fr"
    EXTENDED = "extended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format somebody asks for by its id, for instance ``xrechnung-cii``.

    ``title`` is its name as its publisher writes it. ``specification`` (BT-24) and
    ``business_process`` (BT-23) are what a document of the format says of itself; None leaves the
    business process as the invoice has it. ``attachment`` is the name of the XML inside a PDF/A-3
    (Factur-X, ZUGFeRD), None for a format that is XML alone. ``mode_required``: the invoice itself
    must state an invoicing mode (BT-23, as ``S1``), which no format can know.
    """

    id: str
    title: str
    syntax: Syntax
    profile: Profile
    specification: str
    business_process: str | None = None
    attachment: str | None = None
    mode_required: bool = False

    @property
    def media_type(self) -> str:
        """The media type of a document of the format."""
        return "application/xml" if self.attachment is None else "application/pdf"


_EN16931: Final = "urn:cen.eu:en16931:2017"
_BILLING: Final = f"{_EN16931}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
_BILLING_PROCESS: Final = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
_XRECHNUNG: Final = f"{_EN16931}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
_XRECHNUNG_EXTENSION: Final = (
    f"{_XRECHNUNG}#conformant#urn:xeinkauf.de:kosit:extension:xrechnung_3.0"
)
_CTC_EXTENDED: Final = f"{_EN16931}#conformant#urn.cpro.gouv.fr:1p0:extended-ctc-fr"


def _pair(
    id: str,
    title: str,
    specification: str,
    *,
    profile: Profile = Profile.EN16931,
    business_process: str | None = None,
    mode_required: bool = False,
) -> tuple[Format, Format]:
    """One specification in both syntaxes."""
    ubl, cii = (
        Format(
            id=f"{id}-{syntax}",
            title=f"{title} ({syntax.upper()})",
            syntax=syntax,
            profile=profile,
            specification=specification,
            business_process=business_process,
            mode_required=mode_required,
        )
        for syntax in Syntax
    )
    return ubl, cii


def _hybrid(
    name: str,
    title: str,
    profile: Profile,
    specification: str,
    *,
    business_process: str | None = None,
    attachment: str = "factur-x.xml",
) -> Format:
    """A PDF for people with the invoice as CII inside (Factur-X 1.0, ZUGFeRD 2)."""
    return Format(
        id=f"facturx-{name}",
        title=f"Factur-X / ZUGFeRD {title} (PDF)",
        syntax=Syntax.CII,
        profile=profile,
        specification=specification,
        business_process=business_process,
        attachment=attachment,
    )


_ALL: Final = (
    Format(
        id="peppol-bis-3",
        title="Peppol BIS Billing 3.0 (UBL)",
        syntax=Syntax.UBL,
        profile=Profile.EN16931,
        specification=_BILLING,
        business_process=_BILLING_PROCESS,
    ),
    Format(
        id="peppol-bis-3-cii",
        title="Peppol BIS Billing 3.0 (CII)",
        syntax=Syntax.CII,
        profile=Profile.EN16931,
        specification=_BILLING,
        business_process=_BILLING_PROCESS,
    ),
    *_pair("en16931", "EN 16931", _EN16931),
    *_pair(
        "xrechnung",
        "XRechnung 3.0",
        _XRECHNUNG,
        profile=Profile.XRECHNUNG,
        business_process=_BILLING_PROCESS,
    ),
    *_pair(
        "xrechnung-extension",
        "XRechnung 3.0 Extension",
        _XRECHNUNG_EXTENSION,
        profile=Profile.XRECHNUNG_EXTENSION,
        business_process=_BILLING_PROCESS,
    ),
    _hybrid("minimum", "MINIMUM", Profile.MINIMUM, "urn:factur-x.eu:1p0:minimum"),
    _hybrid("basic-wl", "BASIC WL", Profile.BASIC_WL, "urn:factur-x.eu:1p0:basicwl"),
    _hybrid("basic", "BASIC", Profile.BASIC, f"{_EN16931}#compliant#urn:factur-x.eu:1p0:basic"),
    _hybrid("en16931", "EN 16931", Profile.EN16931, _EN16931),
    _hybrid(
        "extended",
        "EXTENDED",
        Profile.EXTENDED,
        f"{_EN16931}#conformant#urn:factur-x.eu:1p0:extended",
    ),
    _hybrid(
        "xrechnung",
        "XRECHNUNG",
        Profile.XRECHNUNG,
        _XRECHNUNG,
        business_process=_BILLING_PROCESS,
        attachment="xrechnung.xml",
    ),
    *_pair("fr-ctc", "France CTC, EN 16931", _EN16931, mode_required=True),
    *_pair(
        "fr-extended-ctc",
        "France CTC, EXTENDED-CTC-FR",
        _CTC_EXTENDED,
        profile=Profile.EXTENDED_CTC_FR,
        mode_required=True,
    ),
)

FORMATS: Final[Mapping[str, Format]] = MappingProxyType({one.id: one for one in _ALL})
"""Every format by its id, in the order they are offered."""


def format_of(
    syntax: Syntax, specification: str | None, *, business_process: str | None = None
) -> Format | None:
    """The format an XML document is in, by what it says of itself; None for any other.

    A French document names EN 16931 and states an invoicing mode (BT-23, as ``S1``) where others
    name a process by its address.
    """
    has_mode = states_mode(business_process)
    found = [
        one
        for one in _ALL
        if one.attachment is None and one.syntax is syntax and one.specification == specification
    ]
    wanted = [one for one in found if one.mode_required is has_mode] or found
    return wanted[0] if wanted else None


def states_mode(business_process: str | None) -> bool:
    """Tell a French invoicing mode from the address of a network's process, and from nothing."""
    return business_process is not None and ":" not in business_process
