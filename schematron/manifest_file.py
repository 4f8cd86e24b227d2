"""Reads rule-set manifests: ``rulesets.toml``, ``schemas.toml`` and what an operator imported.

Checks shape and references and turns TOML into the values of ``schematron.manifest``. Does not
look whether the files named are there.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from lxml import etree

from schematron.errors import ManifestInvalid
from schematron.finding import Severity
from schematron.location import PREFIXES
from schematron.manifest import (
    XSD,
    Companion,
    Manifest,
    Notice,
    Omission,
    Overrides,
    Ruleset,
    Scenario,
    Schema,
    Source,
)
from schematron.texts import wording

__all__ = ["ID_PATTERN", "join", "parse", "read"]

RULESETS: Final = "rulesets.toml"
SCHEMAS: Final = "schemas.toml"
_CHECKOUT: Final = Path(__file__).resolve().parent.parent
_PLACES: Final = (_CHECKOUT / "config", _CHECKOUT / "gateway" / "defaults")
ID_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAX_XPATH: Final = 2000

_Table = Mapping[str, Any]


def read(config: Path | None = None) -> Manifest:
    """Read ``rulesets.toml`` and ``schemas.toml`` from a configuration folder.

    ``config`` is that folder; without it, the source checkout's ``config/`` is taken, else the
    packaged copy. A folder without ``schemas.toml`` keeps its schemas in ``rulesets.toml``.
    Raises ManifestInvalid with the reason and the entry.
    """
    path = _path(config)
    tables = [_table(path)]
    schemas = path.with_name(SCHEMAS)
    if schemas.is_file():
        tables.append(_table(schemas))
    manifest = _manifest(tables, str(path))
    _check_references(manifest)
    return manifest


def parse(text: str, *, origin: str) -> Manifest:
    """Read one imported manifest; ``origin`` names it in messages.

    References to other manifests are left to ``join``. Raises ManifestInvalid.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestInvalid(f"The rule-set manifest {origin} is no TOML: {error}") from error
    return _manifest([table], origin)


def join(shipped: Manifest, imported: Iterable[Manifest]) -> Manifest:
    """Add imported manifests to the shipped one.

    An imported rule set takes the place of the shipped one with its id where that one only waits
    for an import; a shipped one that has its own sources stays. Raises ManifestInvalid if a
    reference leads nowhere.
    """
    rulesets = {item.id: item for item in shipped.rulesets}
    schemas, scenarios = list(shipped.schemas), list(shipped.scenarios)
    own = {item.id for item in shipped.rulesets if not item.awaits_import}
    for manifest in imported:
        for item in manifest.rulesets:
            if item.id in own:
                continue
            rulesets[item.id] = item
        schemas += manifest.schemas
        scenarios += manifest.scenarios
    manifest = Manifest(tuple(rulesets.values()), tuple(schemas), tuple(scenarios))
    _check_references(manifest)
    return manifest


def _path(config: Path | None) -> Path:
    places = (config,) if config is not None else _PLACES
    for place in places:
        if (place / RULESETS).is_file():
            return place / RULESETS
    looked = ", ".join(str(place) for place in places)
    raise ManifestInvalid(f"There is no {RULESETS} in {looked}. Name the configuration folder.")


def _table(path: Path) -> _Table:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ManifestInvalid(f"The rule-set manifest {path} cannot be read: {error}") from error


def _manifest(tables: list[_Table], origin: str) -> Manifest:
    libraries = {
        name: library for table in tables for name, library in table.get("library", {}).items()
    }

    def entries(kind: str) -> Iterable[_Table]:
        return (entry for table in tables for entry in table.get(kind, []))

    try:
        return Manifest(
            rulesets=tuple(_ruleset(entry) for entry in entries("ruleset")),
            schemas=tuple(_schema(entry, libraries) for entry in entries("schema")),
            scenarios=tuple(_scenario(entry) for entry in entries("scenario")),
        )
    except KeyError as error:
        raise ManifestInvalid(f"The rule-set manifest {origin} lacks the key {error}.") from error
    except ManifestInvalid:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise ManifestInvalid(f"The rule-set manifest {origin} is not usable: {error}") from error


def _ruleset(entry: _Table) -> Ruleset:
    identifier, sources = str(entry["id"]), entry["source"]
    if not ID_PATTERN.fullmatch(identifier):
        raise ManifestInvalid(
            f"The rule-set id {identifier!r} is not made of small letters, digits, '.', '-', '_'."
        )
    if not isinstance(sources, list) or not sources:
        raise ManifestInvalid(f"Rule set {identifier}: 'source' is a list of at least one.")
    return Ruleset(
        id=identifier,
        title=str(entry["title"]),
        family=str(entry["family"]),
        syntax=_strings(entry["syntax"]),
        sources=tuple(_source(source) for source in sources),
        valid_from=_day(entry.get("valid_from")),
        valid_until=_day(entry.get("valid_until")),
        successor=_optional(entry, "successor"),
        severity=_overrides(entry.get("severity", {})),
        publisher=str(entry.get("publisher", "")),
        version=str(entry.get("version", "")),
    )


def _source(entry: _Table) -> Source:
    kind, path = entry["kind"], str(entry.get("path", ""))
    match kind:
        case "authored":
            return Source(
                kind,
                str(entry["path"]),
                not_checked=_omissions(entry.get("not_checked", [])),
                proven_equal=str(entry.get("proven_equal", "")),
            )
        case "package" | "maven":
            return Source(
                kind,
                str(entry["path"]),
                package=str(entry["package"]),
                version=str(entry["version"]),
                sha256=_digest(entry["sha256"]),
                companions=_companions(entry),
            )
        case "url":
            return Source(
                kind,
                path,
                url=_address(entry["url"]),
                sha256=_digest(entry["sha256"]),
                companions=_companions(entry),
            )
        case "file":
            digest = entry.get("sha256", "")
            return Source(
                kind,
                path,
                sha256=_digest(digest) if digest else "",
                companions=_companions(entry),
            )
        case _:
            raise ManifestInvalid(
                f"A source has the kind '{kind}'; use 'package', 'maven', 'url', 'file' or "
                "'authored'."
            )


def _companions(entry: _Table) -> tuple[Companion, ...]:
    return tuple(
        Companion(str(item["name"]), str(item["path"]), _digest(item["sha256"]))
        for item in entry.get("companion", [])
    )


def _omissions(entries: object) -> tuple[Omission, ...]:
    if not isinstance(entries, list):
        raise ManifestInvalid("'not_checked' is a list of tables with 'rules' and 'when'.")
    return tuple(
        Omission(str(entry["rules"]), _condition(entry["when"], str(entry["rules"])))
        for entry in entries
    )


def _schema(entry: _Table, libraries: Mapping[str, _Table]) -> Schema:
    library = libraries[entry["library"]]
    common = library["files"]
    if not isinstance(common, dict):
        raise ManifestInvalid(f"Library {entry['library']}: 'files' is a table of SHA-256.")
    authored = str(entry.get("authored", ""))
    main = (Path(authored).name, "") if authored else (entry["path"], _digest(entry["sha256"]))
    return Schema(
        id=entry["id"],
        title=entry["title"],
        syntax=entry["syntax"],
        package=str(library["package"]),
        version=str(library["version"]),
        folder=str(library["folder"]),
        files=(main, *((str(name), _digest(digest)) for name, digest in common.items())),
        customizations=_strings(entry.get("customizations", [])),
        authored=authored,
        uncoupled=bool(entry.get("uncoupled", False)),
    )


def _scenario(entry: _Table) -> Scenario:
    title = str(entry["title"])
    exact, prefix, when = (_optional(entry, key) for key in ("exact", "prefix", "when"))
    if (exact is None) == (prefix is None):
        raise ManifestInvalid(f"Scenario '{title}' needs either 'exact' or 'prefix'.")
    return Scenario(
        title=title,
        syntax=_strings(entry["syntax"]),
        families=_strings(entry["rules"]),
        exact=exact,
        prefix=prefix,
        when=None if when is None else _condition(when, f"Scenario '{title}'"),
        severity=_overrides(entry.get("severity", {})),
        complete=bool(entry.get("complete", True)),
        notices=tuple(_notice(notice, title) for notice in entry.get("notice", [])),
    )


def _notice(entry: _Table, scenario: str) -> Notice:
    code, where = str(entry["code"]), f"Scenario '{scenario}'"
    if wording(code, lang="en", profile="") is None:
        raise ManifestInvalid(f"{where}: there is no text for the notice '{code}'.")
    return Notice(
        code,
        when=_condition(entry["when"], where),
        valid_from=_day(entry.get("valid_from")),
        valid_until=_day(entry.get("valid_until")),
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


def _condition(value: object, where: str) -> str:
    text = str(value)
    try:
        if len(text) > _MAX_XPATH:
            raise ManifestInvalid(f"{where}: 'when' is longer than {_MAX_XPATH} characters.")
        # Evaluated once, since an unknown prefix or function shows only then.
        etree.XPath(text, namespaces=dict(PREFIXES))(etree.Element("none"))
    except etree.XPathError as error:
        raise ManifestInvalid(f"{where}: '{text}' is no XPath.") from error
    return text


def _overrides(value: object) -> Overrides:
    if not isinstance(value, dict):
        raise ManifestInvalid("'severity' is a table of rule ids and weights.")
    return tuple((str(rule), Severity(weight)) for rule, weight in value.items())


def _address(value: object) -> str:
    text = str(value)
    if not text.startswith("https://"):
        raise ManifestInvalid(f"A source is fetched by https only, not from '{text}'.")
    return text


def _digest(value: object) -> str:
    text = str(value)
    if not _SHA256.fullmatch(text):
        raise ManifestInvalid(f"A SHA-256 is 64 digits 0-9 a-f, not '{text[:80]}'.")
    return text


def _optional(entry: _Table, key: str) -> str | None:
    return str(entry[key]) if key in entry else None


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ManifestInvalid(f"A list of texts is expected instead of {value!r}.")
    return tuple(str(item) for item in value)


def _day(value: object) -> date | None:
    if value is None or type(value) is date:
        return value
    raise ManifestInvalid(f"A date such as 2026-08-17 is expected instead of {value!r}.")
