"""Who and what on the Peppol network: participants, document types, processes, seats.

Values only (Peppol Policy for use of Identifiers 4.4.0). Looks nothing up and knows no code
list: whether an ICD or a document type is active is dated data that lives elsewhere.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Self
from urllib.parse import quote

from ubl.reminder import REMINDER_DOCUMENT_TYPE, REMINDER_PROFILE

__all__ = [
    "BILLING_CREDIT_NOTE",
    "BILLING_INVOICE",
    "BILLING_INVOICE_CII",
    "DOCTYPE_SCHEME",
    "DOCTYPE_WILDCARD_SCHEME",
    "END_USER_STATISTICS_REPORT",
    "INVOICE_RESPONSE",
    "MESSAGE_LEVEL_RESPONSE",
    "MESSAGE_LEVEL_STATUS",
    "PARTICIPANT_SCHEME",
    "PROCESS_BILLING",
    "PROCESS_INVOICE_RESPONSE",
    "PROCESS_MLR",
    "PROCESS_MLS",
    "PROCESS_REMINDER",
    "PROCESS_REPORTING",
    "PROCESS_SCHEME",
    "PROCESS_SELF_BILLING",
    "REMINDER",
    "SEAT_ID_TYPE",
    "SELF_BILLING_CREDIT_NOTE",
    "SELF_BILLING_INVOICE",
    "SPID_ICD",
    "TRANSACTION_STATISTICS_REPORT",
    "DocumentTypeId",
    "IdentifierInvalid",
    "ParticipantId",
    "ProcessId",
    "check_seat_id",
    "check_spid",
    "spid_of_seat",
]

PARTICIPANT_SCHEME: Final = "iso6523-actorid-upis"
DOCTYPE_SCHEME: Final = "busdox-docid-qns"
DOCTYPE_WILDCARD_SCHEME: Final = "peppol-doctype-wildcard"
PROCESS_SCHEME: Final = "cenbii-procid-ubl"
SEAT_ID_TYPE: Final = "urn:fdc:peppol.eu:2017:identifiers:ap"
"""``eb:PartyId/@type`` of a seat id (AS4 profile 2.0.3 §5)."""
SPID_ICD: Final = "0242"

_SCHEME_MAX: Final = 25
_SCHEME: Final = re.compile(r"[a-z0-9]+-[a-z0-9]+-[a-z0-9]+")
_LOOSE_SCHEME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_ISO6523: Final = re.compile(r"[0-9]{4}:.{1,130}")
_SEAT_ID: Final = re.compile(r"P[A-Z]{2}[0-9]{6}")
_SPID: Final = re.compile(r"0242:[0-9]{6}(-[0-9a-z_]{3,12}(\.[0-9a-z\-._~]{3,24})?)?")


class IdentifierInvalid(ValueError):
    """A text is not an identifier of the Peppol network.

    ``code`` is stable: IDENTIFIER-SYNTAX, IDENTIFIER-SCHEME, IDENTIFIER-EMPTY,
    IDENTIFIER-TOO-LONG, IDENTIFIER-CHARACTERS, IDENTIFIER-ICD, IDENTIFIER-WILDCARD,
    IDENTIFIER-SEAT or IDENTIFIER-SPID. ``message`` says what is wrong and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _shown(value: str) -> str:
    """Quote foreign text for a message: short, and with control characters escaped."""
    return repr(value if len(value) <= 80 else value[:77] + "...")


@dataclass(frozen=True, slots=True)
class _Identifier:
    scheme: str
    value: str

    what: ClassVar[str] = "identifier"
    max_length: ClassVar[int] = 500
    scheme_pattern: ClassVar[re.Pattern[str]] = _SCHEME

    def __post_init__(self) -> None:
        if len(self.scheme) > _SCHEME_MAX or not self.scheme_pattern.fullmatch(self.scheme):
            raise IdentifierInvalid(
                "IDENTIFIER-SCHEME",
                f"{_shown(self.scheme)} is not a scheme of a {self.what}: use at most "
                f"{_SCHEME_MAX} lower-case letters and digits in groups joined by hyphens.",
            )
        if not self.value:
            raise IdentifierInvalid(
                "IDENTIFIER-EMPTY", f"The {self.what} has no value. Give the whole identifier."
            )
        if len(self.value) > self.max_length:
            raise IdentifierInvalid(
                "IDENTIFIER-TOO-LONG",
                f"The {self.what} has {len(self.value)} characters; at most "
                f"{self.max_length} are allowed.",
            )
        if not _PRINTABLE.fullmatch(self.value):
            raise IdentifierInvalid(
                "IDENTIFIER-CHARACTERS",
                f"The {self.what} {_shown(self.value)} holds spaces or characters outside "
                "US-ASCII. Remove them.",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the URI form ``scheme::value``. Raises IdentifierInvalid."""
        scheme, separator, value = text.partition("::")
        if not separator:
            raise IdentifierInvalid(
                "IDENTIFIER-SYNTAX",
                f"{_shown(text)} is not a {cls.what}: write it as scheme::value.",
            )
        return cls(scheme, value)

    def __str__(self) -> str:
        return f"{self.scheme}::{self.value}"

    @property
    def percent_encoded(self) -> str:
        """The URI form as one path segment of an SMP address; never used in AS4 headers."""
        return quote(str(self), safe="")


@dataclass(frozen=True, slots=True)
class ParticipantId(_Identifier):
    """A C1 or C4 on the network, for example ``iso6523-actorid-upis::0088:1234567890128``.

    Participant values do not distinguish case, so ``value`` is lower-cased here, once, and
    plain comparison and hashing are right. With the ISO 6523 scheme the value is four digits
    of the ICD, a colon and at most 130 characters.
    """

    what: ClassVar[str] = "participant identifier"
    max_length: ClassVar[int] = 135

    def __post_init__(self) -> None:
        """Lower-case the value, then hold it against the rules; raises IdentifierInvalid."""
        object.__setattr__(self, "value", self.value.lower())
        _Identifier.__post_init__(self)
        if self.scheme == PARTICIPANT_SCHEME and not _ISO6523.fullmatch(self.value):
            raise IdentifierInvalid(
                "IDENTIFIER-ICD",
                f"The participant identifier {_shown(self.value)} must be four digits of the "
                "ICD, a colon and the number, such as 0088:1234567890128.",
            )

    @classmethod
    def of(cls, value: str) -> Self:
        """The participant with a bare value such as ``0088:1234567890128`` (ISO 6523)."""
        return cls(PARTICIPANT_SCHEME, value)

    @property
    def icd(self) -> str:
        """The International Code Designator: who issued the number, four digits in Peppol."""
        return self.value.partition(":")[0]


@dataclass(frozen=True, slots=True)
class DocumentTypeId(_Identifier):
    """What a receiver is able to take: ``namespace::root##customization::version``.

    Values distinguish case. Under the wildcard scheme a ``*`` may stand at the end of the
    customization and nowhere else. Not every type has a root: the hybrid PDF invoice is
    ``urn:peppol:doctype:pdf+xml##customization::version``.
    """

    what: ClassVar[str] = "document type identifier"

    def __post_init__(self) -> None:
        """Hold the value against the rules; raises IdentifierInvalid."""
        _Identifier.__post_init__(self)
        if self.scheme == DOCTYPE_WILDCARD_SCHEME and "*" in self.value:
            customization = self.customization or ""
            if self.value.count("*") != 1 or not customization.endswith("*"):
                raise IdentifierInvalid(
                    "IDENTIFIER-WILDCARD",
                    f"In {_shown(self.value)} the '*' must stand once, at the end of the "
                    "customization identifier.",
                )

    def _split(self) -> tuple[str, str | None, str | None, str | None]:
        syntax, hashes, rest = self.value.partition("##")
        namespace, _, root = syntax.partition("::")
        if not hashes:
            return namespace, root or None, None, None
        # A customization may itself hold "::"; the version never does.
        customization, separator, version = rest.rpartition("::")
        if not separator:
            customization, version = version, ""
        return namespace, root or None, customization or None, version or None

    @property
    def namespace(self) -> str:
        """Namespace of the root element; in the SBDH it is repeated as Standard."""
        return self._split()[0]

    @property
    def root(self) -> str | None:
        """Local name of the root element; in the SBDH it is repeated as Type."""
        return self._split()[1]

    @property
    def customization(self) -> str | None:
        """The customization identifier, BT-24 of an invoice."""
        return self._split()[2]

    @property
    def version(self) -> str | None:
        """Version of the syntax, such as ``2.1``; in the SBDH it is repeated as TypeVersion."""
        return self._split()[3]

    def wildcard_candidates(self) -> tuple["DocumentTypeId", ...]:
        """The registrations that can take this document type, most specific first.

        An exact type is taken by itself only. Under the wildcard scheme the customization is
        tried as it is, then with ``*`` appended, then cut at each ``@`` from the right with
        ``*`` appended (Peppol Policy for use of Identifiers 4.3.0).
        """
        customization, version = self.customization, self.version
        if self.scheme != DOCTYPE_WILDCARD_SCHEME or customization is None or "*" in self.value:
            return (self,)
        head = self.value.partition("##")[0]
        tail = "" if version is None else f"::{version}"
        found = [self]
        while customization:
            value = f"{head}##{customization}*{tail}"
            if len(value) <= self.max_length:
                found.append(DocumentTypeId(self.scheme, value))
            customization = customization.rpartition("@")[0]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class ProcessId(_Identifier):
    """The business process a document belongs to; values distinguish case.

    Schemes other than Peppol's own occur in real envelopes without its three-group form, so
    any groups joined by hyphens are read.
    """

    what: ClassVar[str] = "process identifier"
    max_length: ClassVar[int] = 200
    scheme_pattern: ClassVar[re.Pattern[str]] = _LOOSE_SCHEME


def check_seat_id(value: str) -> str:
    """Return the seat id of an access point unchanged (``POP000306``: P, two letters, 6 digits).

    It is the subject CN of the Peppol certificate. Raises IdentifierInvalid.
    """
    if not _SEAT_ID.fullmatch(value):
        raise IdentifierInvalid(
            "IDENTIFIER-SEAT",
            f"{_shown(value)} is not a seat id: it is P, two capital letters and six digits, "
            "as in the subject CN of the Peppol certificate.",
        )
    return value


def check_spid(participant: ParticipantId) -> ParticipantId:
    """Return a service provider's own participant identifier (ICD 0242) unchanged.

    Form: six digits, then optionally a use case and a detail (``0242:000306-mls``).
    Raises IdentifierInvalid.
    """
    if participant.scheme != PARTICIPANT_SCHEME or not _SPID.fullmatch(participant.value):
        raise IdentifierInvalid(
            "IDENTIFIER-SPID",
            f"{_shown(participant.value)} is not a service provider identifier: it is 0242, a "
            "colon and the six digits of the seat id, such as 0242:000306.",
        )
    return participant


def spid_of_seat(seat_id: str) -> ParticipantId:
    """The service provider's participant identifier behind a seat id: ICD 0242, its digits."""
    return ParticipantId.of(f"{SPID_ICD}:{check_seat_id(seat_id)[3:]}")


_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd"
_CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_BILLING: Final = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
_SELF_BILLING: Final = (
    "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0"
)


def _ubl(root: str, customization: str) -> DocumentTypeId:
    return DocumentTypeId(DOCTYPE_SCHEME, f"{_UBL}:{root}-2::{root}##{customization}::2.1")


BILLING_INVOICE: Final = _ubl("Invoice", _BILLING)
BILLING_CREDIT_NOTE: Final = _ubl("CreditNote", _BILLING)
BILLING_INVOICE_CII: Final = DocumentTypeId(
    DOCTYPE_SCHEME, f"{_CII}::CrossIndustryInvoice##{_BILLING}::D16B"
)
SELF_BILLING_INVOICE: Final = _ubl("Invoice", _SELF_BILLING)
SELF_BILLING_CREDIT_NOTE: Final = _ubl("CreditNote", _SELF_BILLING)
INVOICE_RESPONSE: Final = _ubl(
    "ApplicationResponse", "urn:fdc:peppol.eu:poacc:trns:invoice_response:3"
)
MESSAGE_LEVEL_RESPONSE: Final = _ubl("ApplicationResponse", "urn:fdc:peppol.eu:poacc:trns:mlr:3")
MESSAGE_LEVEL_STATUS: Final = _ubl("ApplicationResponse", "urn:peppol:edec:mls:1.0")
TRANSACTION_STATISTICS_REPORT: Final = DocumentTypeId(
    DOCTYPE_SCHEME,
    "urn:fdc:peppol:transaction-statistics-report:1.0::TransactionStatisticsReport"
    "##urn:fdc:peppol.eu:edec:trns:transaction-statistics-reporting:1.0::1.0",
)
END_USER_STATISTICS_REPORT: Final = DocumentTypeId(
    DOCTYPE_SCHEME,
    "urn:fdc:peppol:end-user-statistics-report:1.1::EndUserStatisticsReport"
    "##urn:fdc:peppol.eu:edec:trns:end-user-statistics-report:1.1::1.1",
)

REMINDER: Final = DocumentTypeId(DOCTYPE_SCHEME, REMINDER_DOCUMENT_TYPE)
"""The project's own Receivables Reminder: in no code list, exchanged by agreement only."""

PROCESS_BILLING: Final = ProcessId(PROCESS_SCHEME, "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0")
PROCESS_SELF_BILLING: Final = ProcessId(
    PROCESS_SCHEME, "urn:fdc:peppol.eu:2017:poacc:selfbilling:01:1.0"
)
PROCESS_INVOICE_RESPONSE: Final = ProcessId(
    PROCESS_SCHEME, "urn:fdc:peppol.eu:poacc:bis:invoice_response:3"
)
PROCESS_MLR: Final = ProcessId(PROCESS_SCHEME, "urn:fdc:peppol.eu:poacc:bis:mlr:3")
PROCESS_MLS: Final = ProcessId(PROCESS_SCHEME, "urn:peppol:edec:mls")
PROCESS_REMINDER: Final = ProcessId(PROCESS_SCHEME, REMINDER_PROFILE)
PROCESS_REPORTING: Final = ProcessId(PROCESS_SCHEME, "urn:fdc:peppol.eu:edec:bis:reporting:1.0")
