"""What an operator hands in to be imported: one rule file, or a zip of them with a manifest.

Reads and sorts bytes within bounds, and says which rule sets they are to become. Compiles
nothing, stores nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Final

from gateway.core.errors import GatewayError
from gateway.validation.rule_archive import MAX_ENTRY, is_zip, take_all
from gateway.validation.rule_errors import IMPORT_REFUSED, MANIFEST_REFUSED
from schematron.errors import ManifestInvalid
from schematron.manifest import Manifest, Ruleset, Scenario, Source
from schematron.manifest_file import ID_PATTERN, parse

__all__ = ["Description", "Package", "described", "from_bytes", "from_path"]

MANIFEST: Final = "manifest.toml"
RULE_FILES: Final = (".sch", ".xsl", ".xslt")
MAX_PACKAGE: Final = 20 << 20
_MAX_FILES: Final = 500
_MAX_MANIFEST: Final = 100_000
_MAX_LINE: Final = 1000


@dataclass(frozen=True, slots=True)
class Description:
    """What a rule file without a manifest is, in the words of the manifest's keys.

    ``customizations`` are the CustomizationIDs (EN 16931 BT-24) of the documents it is for;
    without any it replaces or joins what is known under its ``family``. ``beside`` are families
    that judge those documents too.
    """

    id: str
    title: str = ""
    publisher: str = ""
    version: str = ""
    family: str = ""
    syntax: tuple[str, ...] = ()
    customizations: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Package:
    """Files as handed in, by relative path; ``folder`` is where they lie on disk, if they do."""

    name: str
    content: bytes
    files: Mapping[str, bytes]
    folder: Path | None = None
    manifest: Manifest | None = field(default=None)


def from_path(path: Path) -> Package:
    """Read a file on this machine; Schematron may include files of its folder.

    Raises GatewayError RULES-IMPORT, RULES-ARCHIVE or RULES-MANIFEST.
    """
    try:
        size = path.stat().st_size
        if size > MAX_PACKAGE:
            raise _too_large(path.name)
        content = path.read_bytes()
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror}.") from error
    package = from_bytes(path.name, content)
    if is_zip(content):
        return package
    return replace(package, folder=path.resolve().parent)


def from_bytes(name: str, content: bytes) -> Package:
    """Sort what was uploaded; a zip may hold includes, a lone Schematron file may not.

    Raises GatewayError RULES-IMPORT, RULES-ARCHIVE or RULES-MANIFEST.
    """
    name = PurePosixPath(name.replace("\\", "/")).name
    if len(content) > MAX_PACKAGE:
        raise _too_large(name)
    if not is_zip(content):
        return Package(name, content, {name: content})
    files = take_all(content, what=name, most_files=_MAX_FILES, most_bytes=2 * MAX_ENTRY)
    manifest = _manifest(files[MANIFEST], name) if MANIFEST in files else None
    return Package(name, content, files, manifest=manifest)


def described(package: Package, description: Description | None, known: Manifest) -> Manifest:
    """Say which rule sets a package becomes: by its manifest, or as described.

    ``known`` are the rule sets there are: an id that waits for an import lends title, family,
    syntax and the rest. Raises GatewayError RULES-IMPORT.
    """
    if package.manifest is not None:
        if description is not None:
            raise _refused(f"{package.name} has a manifest of its own; leave the description out.")
        return package.manifest
    if description is None:
        raise _refused(f"{package.name} has no {MANIFEST}: say at least which id it gets.")
    if not ID_PATTERN.fullmatch(description.id):
        raise _refused(f"The id '{description.id}' is not made of a-z, 0-9, '.', '-', '_'.")
    waiting = next((x for x in known.rulesets if x.id == description.id and x.awaits_import), None)
    ruleset = _ruleset(package, description, waiting)
    return Manifest((ruleset,), (), _scenarios(description, ruleset))


def _ruleset(package: Package, description: Description, waiting: Ruleset | None) -> Ruleset:
    syntax = description.syntax or (waiting.syntax if waiting else ())
    if not syntax:
        raise _refused("Say for which syntax the rules are, such as ubl-invoice or cii.")
    return Ruleset(
        id=description.id,
        title=description.title or (waiting.title if waiting else description.id),
        family=description.family or (waiting.family if waiting else description.id),
        syntax=syntax,
        sources=(Source("file", _main_file(package)),),
        valid_from=description.valid_from or (waiting.valid_from if waiting else None),
        valid_until=description.valid_until or (waiting.valid_until if waiting else None),
        successor=waiting.successor if waiting else None,
        severity=waiting.severity if waiting else (),
        publisher=description.publisher or (waiting.publisher if waiting else ""),
        version=description.version or (waiting.version if waiting else ""),
    )


def _scenarios(description: Description, ruleset: Ruleset) -> tuple[Scenario, ...]:
    return tuple(
        Scenario(
            title=ruleset.title,
            syntax=ruleset.syntax,
            families=(*description.beside, ruleset.family),
            exact=customization,
        )
        for customization in description.customizations
    )


def _main_file(package: Package) -> str:
    """The one rule file, or the one at the top among others that it includes."""
    found = [name for name in package.files if name.lower().endswith(RULE_FILES)]
    top = [name for name in found if "/" not in name]
    for names in (found, top):
        if len(names) == 1:
            return names[0]
    raise _refused(
        f"{package.name} has {len(found) or 'no'} rule files ({', '.join(RULE_FILES)}). Hand in "
        f"one, or a zip with a {MANIFEST} that names them."
    )


def _manifest(data: bytes, name: str) -> Manifest:
    if len(data) > _MAX_MANIFEST:
        raise GatewayError(
            MANIFEST_REFUSED,
            f"The {MANIFEST} of {name} is larger than {_MAX_MANIFEST} bytes. Shorten it.",
        )
    if max(map(len, data.splitlines()), default=0) > _MAX_LINE:
        # The time to read a dotted key grows far faster than its length.
        raise GatewayError(
            MANIFEST_REFUSED,
            f"The {MANIFEST} of {name} has a line of more than {_MAX_LINE} bytes. Break it up.",
        )
    try:
        manifest = parse(data.decode(), origin=f"{MANIFEST} of {name}")
    except RecursionError as error:
        raise GatewayError(
            MANIFEST_REFUSED, f"The {MANIFEST} of {name} nests values too deeply."
        ) from error
    except UnicodeDecodeError as error:
        raise GatewayError(MANIFEST_REFUSED, f"The {MANIFEST} of {name} is not UTF-8.") from error
    except ManifestInvalid as error:
        raise GatewayError(MANIFEST_REFUSED, str(error)) from error
    if not manifest.rulesets or manifest.schemas:
        raise GatewayError(
            MANIFEST_REFUSED,
            f"The {MANIFEST} of {name} must hold at least one [[ruleset]] and no [[schema]].",
        )
    for ruleset in manifest.rulesets:
        if any(source.kind != "file" for source in ruleset.sources):
            raise GatewayError(
                MANIFEST_REFUSED, f"{ruleset.id}: a source in a package has the kind 'file'."
            )
    return manifest


def _refused(sentence: str) -> GatewayError:
    return GatewayError(IMPORT_REFUSED, sentence)


def _too_large(name: str) -> GatewayError:
    return _refused(f"{name} is larger than {MAX_PACKAGE >> 20} MB. Import its sets one by one.")
