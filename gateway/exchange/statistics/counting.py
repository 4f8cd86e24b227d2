"""Which exchanges a statistics report counts, in which report and under which country. Pure."""

from enum import StrEnum
from typing import Final

from gateway.as4.identifiers import (
    END_USER_STATISTICS_REPORT,
    MESSAGE_LEVEL_STATUS,
    TRANSACTION_STATISTICS_REPORT,
    DocumentTypeId,
)

__all__ = [
    "COUNTRIES",
    "UNKNOWN_COUNTRY",
    "Counting",
    "ReportKind",
    "counting_of",
    "known_country",
]

UNKNOWN_COUNTRY: Final = "ZZ"
"""What a TSR says for a country that nobody stated; an EUSR has no such code."""

_CODES: Final = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO "
    "BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ "
    "DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP "
    "GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG "
    "KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML "
    "MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE "
    "PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL "
    "SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM "
    "US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW EL XI XK 1A "
)
COUNTRIES: Final = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2, and what the reports know besides: Greece, Northern Ireland, Kosovo."""


class ReportKind(StrEnum):
    """The two reports a service provider owes each month.

    TSR counts transactions (Transaction Statistics Report 1.0), EUSR counts the end users behind
    them (End User Statistics Report 1.1).
    """

    TSR = "tsr"
    EUSR = "eusr"


class Counting(StrEnum):
    """In which reports an exchange counts.

    ``NEITHER`` are the statistics reports themselves. ``TRANSACTIONS`` are messages between
    service providers (MLS): transactions, but no end user's.
    """

    BOTH = "both"
    TRANSACTIONS = "transactions"
    NEITHER = "neither"

    def includes(self, kind: ReportKind) -> bool:
        """Whether an exchange counted like this is part of that report."""
        return self is Counting.BOTH or (self is Counting.TRANSACTIONS and kind is ReportKind.TSR)


_REPORTS: Final = frozenset({TRANSACTION_STATISTICS_REPORT, END_USER_STATISTICS_REPORT})


def counting_of(document_type: DocumentTypeId) -> Counting:
    """How an exchange of this document type counts (TSR 1.0 §2.2.1, EUSR 1.1 §2.2.1)."""
    if document_type in _REPORTS:
        return Counting.NEITHER
    return Counting.TRANSACTIONS if document_type == MESSAGE_LEVEL_STATUS else Counting.BOTH


def known_country(code: str | None) -> str | None:
    """The country if a report may name it: one bad code must not spoil the report of a month."""
    return code if code in COUNTRIES else None
