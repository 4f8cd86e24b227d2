"""The figures of a statistics report, added up from exchanges. Pure: values in, values out.

Every subtotal is a sum over the same exchanges as the total, so they agree by construction;
``checking`` adds them up again on what is written.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.as4.identifiers import DocumentTypeId, ProcessId
from gateway.exchange.statistics.counting import UNKNOWN_COUNTRY, ReportKind, known_country
from gateway.exchange.statistics.period import Period
from gateway.exchange.tables import Direction

__all__ = [
    "COUNTS",
    "EndUserUse",
    "Exchanges",
    "Family",
    "Figures",
    "Key",
    "KeyRole",
    "Line",
    "count_end_users",
    "count_transactions",
]

COUNTS: Final[Mapping[ReportKind, tuple[str, ...]]] = {
    ReportKind.TSR: ("incoming", "outgoing"),
    ReportKind.EUSR: ("sending", "receiving", "either"),
}
"""What the numbers of a line are, in their order."""


class Family(StrEnum):
    """How a report is broken down; TSR knows the first three, EUSR the others."""

    PER_TP = "PerTP"
    PER_SP_DT_PR = "PerSP-DT-PR"
    PER_SP_DT_PR_CC = "PerSP-DT-PR-CC"
    PER_DT_PR = "PerDT-PR"
    PER_DT_PR_EUC = "PerDT-PR-EUC"
    PER_DT_EUC = "PerDT-EUC"
    PER_EUC = "PerEUC"


class KeyRole(StrEnum):
    """What a key of a line names."""

    TRANSPORT_PROFILE = "transport-profile"
    SERVICE_PROVIDER = "service-provider"
    DOCUMENT_TYPE = "document-type"
    PROCESS = "process"
    SENDER_COUNTRY = "sender-country"
    RECEIVER_COUNTRY = "receiver-country"
    END_USER_COUNTRY = "end-user-country"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One key of a line: what it names, in which scheme, its value."""

    role: KeyRole
    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One subtotal (TSR) or subset (EUSR): its family, its keys in order, its counts."""

    family: Family
    keys: tuple[Key, ...]
    counts: tuple[int, ...]

    @property
    def id(self) -> str:
        """A short name of the line, the same in every report with the same keys."""
        text = "\n".join(
            (self.family, *(f"{one.role} {one.scheme} {one.value}" for one in self.keys))
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def value(self, role: KeyRole) -> str | None:
        """The value of a key, None where this family has no such key."""
        return next((one.value for one in self.keys if one.role is role), None)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a report of a seat says about a month: total, then the lines of each family."""

    kind: ReportKind
    period: Period
    seat_id: str
    total: tuple[int, ...]
    lines: tuple[Line, ...]

    def family(self, family: Family) -> tuple[Line, ...]:
        """The lines of one family."""
        return tuple(one for one in self.lines if one.family is family)

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "kind": self.kind.value,
            "period": str(self.period),
            "seat_id": self.seat_id,
            "total": list(self.total),
            "lines": [
                {
                    "family": one.family.value,
                    "keys": [[key.role.value, key.scheme, key.value] for key in one.keys],
                    "counts": list(one.counts),
                }
                for one in self.lines
            ],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Figures":
        """Read what ``to_json`` gave."""
        return cls(
            kind=ReportKind(values["kind"]),
            period=Period.parse(values["period"]),
            seat_id=values["seat_id"],
            total=tuple(values["total"]),
            lines=tuple(
                Line(
                    family=Family(one["family"]),
                    keys=tuple(
                        Key(KeyRole(role), scheme, value) for role, scheme, value in one["keys"]
                    ),
                    counts=tuple(one["counts"]),
                )
                for one in values["lines"]
            ),
        )


@dataclass(frozen=True, slots=True)
class Exchanges:
    """So many exchanges that are the same to a transaction statistics report.

    ``provider`` is the other service provider: C3 of what was sent, C2 of what was received.
    Countries are as recorded, None or no known code where nobody stated one.
    """

    direction: Direction
    provider: str
    document_type: DocumentTypeId
    process: ProcessId
    transport_profile: str
    sender_country: str | None
    receiver_country: str | None
    number: int


@dataclass(frozen=True, slots=True)
class EndUserUse:
    """That an end user sent or received documents of a type in a process, from a country."""

    direction: Direction
    end_user: str
    country: str | None
    document_type: DocumentTypeId
    process: ProcessId


def count_transactions(exchanges: Iterable[Exchanges], *, period: Period, seat_id: str) -> Figures:
    """Add up a Transaction Statistics Report 1.0. Countries are broken down for incoming only."""
    total = [0, 0]
    sums: dict[tuple[Family, tuple[Key, ...]], list[int]] = defaultdict(lambda: [0, 0])
    for one in exchanges:
        column = 0 if one.direction is Direction.IN else 1
        total[column] += one.number
        subject = (
            Key(KeyRole.SERVICE_PROVIDER, _SEAT_SCHEME, one.provider),
            *_subject(one.document_type, one.process),
        )
        profile = Key(KeyRole.TRANSPORT_PROFILE, _PROFILE_SCHEME, one.transport_profile)
        sums[Family.PER_TP, (profile,)][column] += one.number
        sums[Family.PER_SP_DT_PR, subject][column] += one.number
        if one.direction is Direction.IN:
            countries = (
                _country(KeyRole.SENDER_COUNTRY, one.sender_country),
                _country(KeyRole.RECEIVER_COUNTRY, one.receiver_country),
            )
            sums[Family.PER_SP_DT_PR_CC, (*subject, *countries)][column] += one.number
    lines = [Line(family, keys, tuple(counts)) for (family, keys), counts in sums.items()]
    return _figures(ReportKind.TSR, period, seat_id, tuple(total), lines)


def count_end_users(uses: Iterable[EndUserUse], *, period: Period, seat_id: str) -> Figures:
    """Add up an End User Statistics Report 1.1: each end user once, whatever its identifiers.

    The report has no code for an unknown country, so a use without one is missing in the lines by
    country, and only there.
    """
    everybody: _Users = (set(), set())
    sets: dict[tuple[Family, tuple[Key, ...]], _Users] = defaultdict(lambda: (set(), set()))
    for one in uses:
        column = 0 if one.direction is Direction.OUT else 1
        document_type, process = _subject(one.document_type, one.process)
        everybody[column].add(one.end_user)
        sets[Family.PER_DT_PR, (document_type, process)][column].add(one.end_user)
        if known_country(one.country) is None:
            continue
        country = _country(KeyRole.END_USER_COUNTRY, one.country)
        for family, keys in (
            (Family.PER_DT_PR_EUC, (document_type, process, country)),
            (Family.PER_DT_EUC, (document_type, country)),
            (Family.PER_EUC, (country,)),
        ):
            sets[family, keys][column].add(one.end_user)
    lines = [Line(family, keys, _sizes(users)) for (family, keys), users in sets.items()]
    return _figures(ReportKind.EUSR, period, seat_id, _sizes(everybody), lines)


_Users = tuple[set[str], set[str]]
_SEAT_SCHEME: Final = "CertSubjectCN"
_PROFILE_SCHEME: Final = "Peppol"
_COUNTRY_SCHEMES: Final[Mapping[KeyRole, str]] = {
    KeyRole.SENDER_COUNTRY: "SenderCountry",
    KeyRole.RECEIVER_COUNTRY: "ReceiverCountry",
    KeyRole.END_USER_COUNTRY: "EndUserCountry",
}
_ORDER: Final[Mapping[Family, int]] = {family: place for place, family in enumerate(Family)}


def _subject(document_type: DocumentTypeId, process: ProcessId) -> tuple[Key, Key]:
    return (
        Key(KeyRole.DOCUMENT_TYPE, document_type.scheme, document_type.value),
        Key(KeyRole.PROCESS, process.scheme, process.value),
    )


def _country(role: KeyRole, code: str | None) -> Key:
    return Key(role, _COUNTRY_SCHEMES[role], known_country(code) or UNKNOWN_COUNTRY)


def _sizes(users: _Users) -> tuple[int, ...]:
    sending, receiving = users
    return len(sending), len(receiving), len(sending | receiving)


def _figures(
    kind: ReportKind,
    period: Period,
    seat_id: str,
    total: tuple[int, ...],
    lines: Iterable[Line],
) -> Figures:
    in_order = sorted(lines, key=lambda one: (_ORDER[one.family], one.keys))
    return Figures(kind, period, seat_id, total, tuple(in_order))
