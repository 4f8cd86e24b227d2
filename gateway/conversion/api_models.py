"""What the API of conversion takes and gives."""

from base64 import b64encode
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from gateway.conversion.accounts import account_of
from gateway.conversion.outcome import Outcome
from gateway.conversion.service import Judged
from ubl.formats import Format, Profile, Syntax
from ubl.identifiers import Fault

__all__ = ["ConversionOut", "ConversionQuery", "FormatList", "FormatOut"]


class ConversionQuery(BaseModel):
    """Which format to write, and the language of a PDF's pages and of the report."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(min_length=1, max_length=60, description="Id of a format: GET /v1/formats.")
    lang: Literal["en", "fr", "nl", "de"] | None = None


class FormatOut(BaseModel):
    """One format invoices are written in; ``specification`` is BT-24, ``business_process`` BT-23.

    ``attachment`` is the name of the XML inside a PDF.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    title: str
    syntax: Syntax
    profile: Profile
    specification: str
    business_process: str | None
    attachment: str | None
    media_type: str

    @classmethod
    def of(cls, one: Format) -> Self:
        """The API's view of a format."""
        return cls.model_validate(one)


class FormatList(BaseModel):
    """Every format, in the order they are offered."""

    items: list[FormatOut]


class LossOut(BaseModel):
    """One value that is not the same in the document as in the invoice.

    ``path`` names the fields of the model, ``label`` the place in words, ``term`` the EN 16931
    number. ``after`` null: the format cannot hold it; ``before`` null: the format had to add it.
    ``essential``: lost, though no invoice may do without it.
    """

    path: str
    label: str
    term: str | None
    before: str | None
    after: str | None
    essential: bool


class AmountOut(BaseModel):
    """A decimal string and its currency."""

    amount: str
    currency: str


class DiscrepancyOut(BaseModel):
    """A sum the invoice states that is not what its parts come to.

    ``tolerated``: the rules allow the difference as rounding.
    """

    path: str
    term: str
    stated: AmountOut
    computed: AmountOut
    tolerated: bool
    explanation: str


class SlipOut(BaseModel):
    """An identifier that cannot be right: its check digits, length or form do not fit."""

    path: str
    term: str | None
    value: str
    code: Fault
    explanation: str


class AccountCounts(BaseModel):
    """How many entries each list of the account has."""

    unread: int
    lost: int
    added: int
    discrepancies: int
    identifiers: int


class ConversionOut(BaseModel):
    """A document that was written, and the account of it.

    ``outcome`` is what the rules say of it: valid, invalid, undetermined (no complete set of
    rules is known) or engine-error. ``unread`` are XPaths of the source that were not understood,
    ``lost`` what the format does not hold as the invoice says it, ``added`` what it had to add.
    """

    format: str
    outcome: Outcome
    media_type: str
    file_name: str
    content: str = Field(description="The document, base64.")
    unread: list[str]
    lost: list[LossOut]
    added: list[LossOut]
    discrepancies: list[DiscrepancyOut]
    identifiers: list[SlipOut]
    counts: AccountCounts
    report: dict[str, Any] = Field(description="As POST /v1/validations answers.")

    @classmethod
    def of(cls, judged: Judged, *, lang: str) -> Self:
        """The API's view of a conversion."""
        converted = judged.converted
        return cls.model_validate(
            {
                **account_of(converted, lang=lang),
                "outcome": judged.outcome,
                "media_type": converted.media_type,
                "file_name": converted.file_name,
                "content": b64encode(converted.content).decode(),
                "report": dict(judged.report),
            }
        )
