"""The formats an invoice can be written in, as data: syntax, what it holds, how it names itself."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Profile", "Syntax"]


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
    XRECHNUNG_EXTENSION = "xrechnung-extension"
    EXTENDED_CTC_FR = "extended-ctc-fr"
    EXTENDED = "extended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format somebody asks for by its id, for instance ``xrechnung-cii``.

    ``specification`` (BT-24) and ``business_process`` (BT-23) are what a document of the format
    says of itself; None leaves the business process as the invoice has it. ``attachment`` is the
    name of the XML inside a PDF/A-3 (Factur-X, ZUGFeRD), None for a format that is XML alone.
    """

    id: str
    syntax: Syntax
    profile: Profile
    specification: str
    business_process: str | None = None
    attachment: str | None = None
