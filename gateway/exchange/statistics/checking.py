"""Our own check of a statistics report, for when the official rules are not at hand. Pure.

Holds the written bytes, not the figures they came from, against the fatal rules of TSR 1.0 and
EUSR 1.1, each under the rule's own id, and against the shape the XML schemas give.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.as4.identifiers import PROCESS_REPORTING
from gateway.exchange.statistics.counting import COUNTRIES, UNKNOWN_COUNTRY, ReportKind
from gateway.exchange.statistics.figures import Family
from gateway.exchange.statistics.writing import FORMATS, Format
from ubl.safexml import XmlRefused, parse

__all__ = ["Flaw", "check_report"]

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SEAT: Final = re.compile(r"P[A-Z]{2}[0-9]{6}")
_NUMBER: Final = re.compile(r"\+?[0-9]{1,18}|-0+")
_SEAT_SCHEME: Final = "CertSubjectCN"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a report: the rule's id and what it says."""

    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class _Key:
    meta: str
    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class _Line:
    family: str
    keys: tuple[_Key, ...]
    counts: tuple[int, ...]

    def of(self, meta: str) -> list[_Key]:
        return [one for one in self.keys if one.meta == meta]

    def text(self) -> str:
        """What must be said once only; a country is itself whatever its place."""
        return "|".join(
            f"{one.meta}:{one.scheme}::{one.value}" for one in sorted(self.keys, key=repr)
        )


@dataclass(frozen=True, slots=True)
class _Report:
    customization: str
    profile: str
    start: str
    end: str
    reporter_scheme: str
    reporter: str
    total: tuple[int, ...]
    lines: tuple[_Line, ...]

    def family(self, family: str) -> list[_Line]:
        return [one for one in self.lines if one.family == family]


class _Misshapen(Exception):
    """The document does not have the shape of a report."""


def check_report(kind: ReportKind, content: bytes) -> tuple[Flaw, ...]:
    """Everything that is wrong with a report, in the order of the rules; empty when it is right."""
    try:
        report = _read(FORMATS[kind], parse(content))
    except XmlRefused as error:
        return (Flaw(error.code, error.message),)
    except _Misshapen as error:
        return (Flaw(f"{kind.upper()}-SHAPE", str(error)),)
    rules = _tsr(report) if kind is ReportKind.TSR else _eusr(report)
    prefix = f"SCH-{kind.upper()}-"
    return tuple(Flaw(f"{prefix}{number:02}", text) for number, broken, text in rules if broken)


_Rule = tuple[int, bool, str]
"""Number of the rule, whether it is broken, what it asks for."""


def _tsr(report: _Report) -> Iterator[_Rule]:
    yield from _header(report, FORMATS[ReportKind.TSR], _TSR_HEADER)
    empty = sum(report.total) == 0
    incoming = report.total[0]
    allowed = (Family.PER_TP, Family.PER_SP_DT_PR, Family.PER_SP_DT_PR_CC)
    unknown = any(one.family not in allowed for one in report.lines)
    for rule in (37, 39):
        yield rule, unknown, f"The subtotals are of the types {', '.join(allowed)}."
    for family, there, sums, once in (
        (Family.PER_TP, 3, (4, 5), 6),
        (Family.PER_SP_DT_PR, 7, (8, 9), 10),
    ):
        lines = report.family(family)
        yield there, not empty and not lines, f"There are subtotals {family}."
        for column, rule in enumerate(sums):
            differs = not empty and _sum(lines, column) != report.total[column]
            yield rule, differs, f"The subtotals {family} add up to the total."
        yield once, _repeated(lines), f"Each combination of keys of {family} stands once."
    countries = report.family(Family.PER_SP_DT_PR_CC)
    none_in = incoming == 0
    yield 11, not none_in and not countries, "Incoming traffic is told by country."
    yield 12, not none_in and _sum(countries, 0) != incoming, "Countries add up to the total."
    yield 14, _repeated(countries), "Each combination of keys with countries stands once."
    yield 43, any(one.counts[1] for one in countries), "Outgoing is 0 where countries are told."
    yield from _tsr_lines(report)


def _tsr_lines(report: _Report) -> Iterator[_Rule]:
    keys = [key for line in report.lines for key in line.keys]
    seats = [one.value for one in keys if one.scheme == _SEAT_SCHEME]
    yield 19, not all(map(_SEAT.fullmatch, seats)), "A service provider is named by its seat id."
    countries = [one.value for one in keys if one.scheme in ("SenderCountry", "ReceiverCountry")]
    yield (
        20,
        not (COUNTRIES | {UNKNOWN_COUNTRY}).issuperset(countries),
        "A country is an ISO 3166-1 alpha-2 code.",
    )
    for line in report.family(Family.PER_TP):
        yield from _shape(line, (21, (("TP", 22, 1),)))
        peppol = [one for one in line.keys if one.scheme == "Peppol"]
        yield 23, len(peppol) != 1, "A transport protocol has the scheme Peppol."
    for family, shape, scheme in (
        (Family.PER_SP_DT_PR, (24, (("SP", 25, 1), ("DT", 26, 1), ("PR", 27, 1))), 28),
        (
            Family.PER_SP_DT_PR_CC,
            (29, (("SP", 30, 1), ("DT", 31, 1), ("PR", 32, 1), ("CC", 33, 2))),
            34,
        ),
    ):
        for line in report.family(family):
            yield from _shape(line, shape)
            wrong = any(one.scheme != _SEAT_SCHEME for one in line.of("SP"))
            yield scheme, wrong, f"A service provider has the scheme {_SEAT_SCHEME}."
    for line in report.family(Family.PER_SP_DT_PR_CC):
        for name, rule in (("SenderCountry", 35), ("ReceiverCountry", 36)):
            named = [one for one in line.of("CC") if one.scheme == name]
            yield rule, len(named) != 1, f"There is one country with the scheme {name}."


def _eusr(report: _Report) -> Iterator[_Rule]:
    yield from _header(report, FORMATS[ReportKind.EUSR], _EUSR_HEADER)
    sending, receiving, either = report.total
    empty = sending + receiving == 0
    for column, rule in enumerate((3, 4, 22)):
        most = max((one.counts[column] for one in report.lines), default=0)
        yield rule, not empty and most > report.total[column], "No subset exceeds the full set."
    yield 19, either > sending + receiving, "Either is at most sending plus receiving."
    yield 20, either < sending, "Either is at least sending."
    yield 21, either < receiving, "Either is at least receiving."
    allowed = (Family.PER_DT_PR, Family.PER_DT_PR_EUC, Family.PER_DT_EUC, Family.PER_EUC)
    unknown = any(one.family not in allowed for one in report.lines)
    yield 14, unknown, f"The subsets are of the types {', '.join(allowed)}."
    for family, there, once in (
        (Family.PER_DT_PR, 15, 13),
        (Family.PER_DT_PR_EUC, None, 29),
        (Family.PER_DT_EUC, 37, 38),
        (Family.PER_EUC, 39, 40),
    ):
        lines = report.family(family)
        if there is not None:
            yield there, not empty and not lines, f"There are subsets {family}."
        yield once, _repeated(lines), f"Each combination of keys of {family} stands once."
    for line in report.lines:
        out, into, any_way = line.counts
        yield 33, any_way > out + into, "Either is at most sending plus receiving."
        yield 34, any_way < out, "Either is at least sending."
        yield 35, any_way < into, "Either is at least receiving."
        yield 36, any_way == 0, "A subset without end users is left out."
    yield from _eusr_lines(report)


def _eusr_lines(report: _Report) -> Iterator[_Rule]:
    keys = [key for line in report.lines for key in line.keys]
    countries = [one.value for one in keys if one.scheme == "EndUserCountry"]
    yield 30, not COUNTRIES.issuperset(countries), "A country is an ISO 3166-1 alpha-2 code."
    for family, shape, country in (
        (Family.PER_DT_PR, (9, (("DT", 10, 1), ("PR", 11, 1))), None),
        (Family.PER_DT_PR_EUC, (23, (("DT", 24, 1), ("PR", 25, 1), ("CC", 26, 1))), 27),
        (Family.PER_DT_EUC, (41, (("DT", 42, 1), ("CC", 43, 1))), 44),
        (Family.PER_EUC, (45, (("CC", 46, 1),)), 47),
    ):
        for line in report.family(family):
            yield from _shape(line, shape)
            if country is not None:
                named = [one for one in line.of("CC") if one.scheme == "EndUserCountry"]
                yield country, len(named) != 1, "The country has the scheme EndUserCountry."


_TSR_HEADER: Final = (1, 2, 40, 41, 42, 16, 17, 18)
_EUSR_HEADER: Final = (1, 2, 16, 17, 18, 6, 7, 8)


def _header(report: _Report, form: Format, rules: tuple[int, ...]) -> Iterator[_Rule]:
    first, second, start, end, order, reporter, scheme, layout = rules
    customization = form.document_type.customization
    yield first, report.customization != customization, f"CustomizationID is {customization}."
    yield second, report.profile != PROCESS_REPORTING.value, "ProfileID is the reporting process."
    yield start, not _DATE.fullmatch(report.start), "The first day has no time zone."
    yield end, not _DATE.fullmatch(report.end), "The last day has no time zone."
    yield order, report.end < report.start, "The last day is not before the first."
    yield reporter, not report.reporter, "There is a reporter."
    named = report.reporter_scheme == _SEAT_SCHEME
    yield scheme, not named, f"The reporter has the scheme {_SEAT_SCHEME}."
    yield layout, named and not _SEAT.fullmatch(report.reporter), "The reporter is a seat id."


_Shape = tuple[int, tuple[tuple[str, int, int], ...]]
"""Rule of the number of keys; then for each meta scheme its rule and how many there are."""


def _shape(line: _Line, shape: _Shape) -> Iterator[_Rule]:
    rule, parts = shape
    expected = sum(number for _, _, number in parts)
    yield rule, len(line.keys) != expected, f"{line.family} has {expected} key(s)."
    for meta, own, number in parts:
        yield own, len(line.of(meta)) != number, f"{line.family} has {number} key(s) {meta}."


def _sum(lines: list[_Line], column: int) -> int:
    return sum(one.counts[column] for one in lines)


def _repeated(lines: list[_Line]) -> bool:
    return any(number > 1 for number in Counter(one.text() for one in lines).values())


def _read(form: Format, root: etree._Element) -> _Report:
    """Take a report apart along its schema's sequence. Raises _Misshapen."""
    if root.tag != f"{{{form.namespace}}}{form.root}":
        raise _Misshapen(f"The document is no {form.root}.")
    names = ("CustomizationID", "ProfileID", "Header", form.total)
    parts = _children(root, form)
    if tuple(name for name, _ in parts[:4]) != names or any(
        name != form.line for name, _ in parts[4:]
    ):
        raise _Misshapen(f"{form.root} holds {', '.join(names)} and then {form.line} only.")
    customization, profile, header, total = (one for _, one in parts[:4])
    period, reporter = _exactly(header, form, ("ReportPeriod", "ReporterID"))
    start, end = _exactly(period, form, ("StartDate", "EndDate"))
    return _Report(
        customization=_text(customization),
        profile=_text(profile),
        start=_text(start),
        end=_text(end),
        reporter_scheme=_squeezed(reporter.get("schemeID", "")),
        reporter=_text(reporter),
        total=_counts(_exactly(total, form, form.counts)),
        lines=tuple(_line(one, form) for _, one in parts[4:]),
    )


def _line(element: etree._Element, form: Format) -> _Line:
    parts = _children(element, form)
    keys = [one for name, one in parts if name == "Key"]
    if not keys or tuple(name for name, _ in parts) != ("Key",) * len(keys) + form.counts:
        raise _Misshapen(f"{form.line} holds keys and then {', '.join(form.counts)}.")
    if any(one.get(name) is None for one in keys for name in ("metaSchemeID", "schemeID")):
        raise _Misshapen("A key has metaSchemeID and schemeID.")
    return _Line(
        family=_squeezed(element.get("type", "")),
        keys=tuple(
            _Key(
                _squeezed(one.get("metaSchemeID", "")),
                _squeezed(one.get("schemeID", "")),
                _text(one),
            )
            for one in keys
        ),
        counts=_counts([one for _, one in parts[len(keys) :]]),
    )


def _children(element: etree._Element, form: Format) -> list[tuple[str, etree._Element]]:
    found = []
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = etree.QName(child)
        if name.namespace != form.namespace:
            raise _Misshapen(f"'{child.tag[:100]}' is no element of a {form.root}.")
        found.append((name.localname, child))
    return found


def _exactly(element: etree._Element, form: Format, names: tuple[str, ...]) -> list[etree._Element]:
    parts = _children(element, form)
    if tuple(name for name, _ in parts) != names:
        raise _Misshapen(f"{etree.QName(element).localname} holds {', '.join(names)}.")
    return [one for _, one in parts]


def _counts(elements: list[etree._Element]) -> tuple[int, ...]:
    texts = [_text(one) for one in elements]
    if not all(map(_NUMBER.fullmatch, texts)):
        raise _Misshapen("Numbers are whole and not negative.")
    return tuple(map(int, texts))


def _text(element: etree._Element) -> str:
    return _squeezed("".join(map(str, element.itertext())))


def _squeezed(text: str) -> str:
    return " ".join(text.split())
