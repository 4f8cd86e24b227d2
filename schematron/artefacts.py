"""The files rule sets and schemas are made of: found, verified, and read as data.

A file that is not byte for byte the one the manifest names is refused. Nothing is imported from
the packages that carry the files, and nothing is downloaded.
"""

import contextlib
import hashlib
import importlib.metadata
import os
from functools import cache
from pathlib import Path
from typing import Final

from schematron.build import SchematronError, compile_schematron
from schematron.errors import ArtefactRefused
from schematron.manifest import Ruleset, Schema, Source
from schematron.store import RuleStore

__all__ = ["Artefacts"]

_PACKAGE: Final = Path(__file__).resolve().parent
_RULES: Final = _PACKAGE / "rules"


class Artefacts:
    """Gives the files of rule sets and schemas from three places, in this order.

    The store folder, where there is one; the installed distribution of a ``package`` source; this
    package itself for ``authored`` sources. What was found is remembered until the store folder
    changes, for a look at every file would cost each document more than reading it does. A file
    that is gone or another by the time it is read is refused then.
    """

    def __init__(self, store: Path | None = None) -> None:
        self._store = RuleStore(store) if store is not None else None
        self._stored_files = str(store / "files") if store is not None else None
        self._stamp = 0
        self._found: dict[int, tuple[Ruleset | Schema, Source | None]] = {}

    def choose(self, ruleset: Ruleset) -> Source:
        """Give the first source of a rule set whose file is on this machine.

        Raises ArtefactRefused naming all places where it was looked for.
        """
        source = self._first(ruleset)
        if source is not None:
            return source
        looked = "; ".join(source.label for source in ruleset.sources)
        raise ArtefactRefused(
            f"The rules {ruleset.id} are not on this machine. Looked for {looked}. "
            f"{_advice(ruleset)}"
        )

    def available(self, ruleset: Ruleset) -> bool:
        """Tell whether a source of the rule set is on this machine, without reading it."""
        return self._first(ruleset) is not None

    def _first(self, ruleset: Ruleset) -> Source | None:
        found = self._remembered()
        if id(ruleset) in found:
            return found[id(ruleset)][1]
        source = next((item for item in ruleset.sources if self.has(item)), None)
        if source is not None:
            found[id(ruleset)] = (ruleset, source)
        return source

    def _remembered(self) -> dict[int, tuple[Ruleset | Schema, Source | None]]:
        """What was found in the store as it is: rule set or schema by identity, kept with it."""
        stamp = 0
        if self._stored_files is not None:
            with contextlib.suppress(OSError):
                stamp = os.stat(self._stored_files).st_mtime_ns
        if stamp != self._stamp:
            self._stamp, self._found = stamp, {}
        return self._found

    def stylesheet(self, source: Source) -> bytes:
        """Give the XSLT of a rule set: verified as published, or compiled from authored rules.

        Raises ArtefactRefused if the file is missing or another.
        """
        if source.kind != "authored":
            return self._verified(source, source.path, source.sha256)
        path = _PACKAGE / source.path
        try:
            return compile_schematron(path.read_bytes(), base=path.parent, within=_RULES)
        except (OSError, SchematronError) as error:
            raise ArtefactRefused(f"The rules {source.path} cannot be built: {error}") from error

    def companions(self, source: Source) -> dict[str, bytes]:
        """Give the files the stylesheet reads by ``document()``, by the name it asks for.

        Raises ArtefactRefused.
        """
        return {
            item.name: self._verified(source, item.path, item.sha256) for item in source.companions
        }

    def schema_available(self, schema: Schema) -> bool:
        """Tell whether every file of a schema is on this machine, without reading them."""
        found = self._remembered()
        if id(schema) in found:
            return True
        complete = all(
            self._stored(digest) or _in_distribution(schema.package, _inside(schema, name))
            for name, digest in schema.files
            if digest
        )
        if complete:
            found[id(schema)] = (schema, None)
        return complete

    def schema_files(self, schema: Schema) -> dict[str, bytes]:
        """Read all files of a schema, relative path to content; raises ArtefactRefused."""
        return {
            name: self._schema_file(schema, name, digest) if digest else _own_schema(schema)
            for name, digest in schema.files
        }

    def _schema_file(self, schema: Schema, name: str, digest: str) -> bytes:
        source = Source("package", _inside(schema, name), schema.package, schema.version, digest)
        if not self.has(source):
            raise ArtefactRefused(
                f"The {schema.title} is not on this machine. Install the package "
                f"{schema.package} {schema.version}, or run 'gateway rules sync'."
            )
        return self._verified(source, source.path, digest)

    def has(self, source: Source) -> bool:
        """Tell whether a source's file is on this machine, without reading it."""
        if source.kind == "authored":
            return (_PACKAGE / source.path).is_file()
        if self._stored(source.sha256):
            return True
        return source.kind == "package" and _in_distribution(source.package, source.path)

    def _stored(self, sha256: str) -> bool:
        return self._store is not None and self._store.has(sha256)

    def _verified(self, source: Source, path: str, expected: str) -> bytes:
        name = path.rsplit("/", 1)[-1] or source.label
        if self._store is not None and self._store.has(expected):
            return self._store.read(expected, name=name)
        if source.kind != "package":
            raise ArtefactRefused(
                f"The rule file {name} of {source.origin} is not in the rule store. Run "
                "'gateway rules sync'."
            )
        return _from_distribution(source.package, source.version, path, expected)


def _advice(ruleset: Ruleset) -> str:
    if any(source.kind in ("package", "maven", "url") for source in ruleset.sources):
        return "Run 'gateway rules sync' to fetch them."
    return f"Import them: 'gateway rules import PATH --id {ruleset.id}'."


def _own_schema(schema: Schema) -> bytes:
    try:
        return (_PACKAGE / schema.authored).read_bytes()
    except OSError as error:
        raise ArtefactRefused(
            f"The {schema.title} cannot be read: {error.strerror}. Reinstall peppol-gateway."
        ) from error


def _inside(schema: Schema, name: str) -> str:
    return f"{schema.folder}/{name}"


@cache
def _folder(package: str) -> Path | None:
    """The folder an installed distribution's files lie in; looked up once per process."""
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Path(str(distribution.locate_file("")))


def _in_distribution(package: str, path: str) -> bool:
    folder = _folder(package)
    return folder is not None and (folder / path).is_file()


def _from_distribution(package: str, version: str, path: str, expected: str) -> bytes:
    folder, name = _folder(package), path.rsplit("/", 1)[-1]
    if folder is None:
        raise ArtefactRefused(
            f"The package {package} {version} is not installed. Install it, or run "
            "'gateway rules sync'."
        )
    try:
        data = (folder / path).read_bytes()
    except OSError as error:
        raise ArtefactRefused(
            f"The rule file {name} cannot be read: {error.strerror}. Reinstall {package} "
            f"{version}, or run 'gateway rules sync'."
        ) from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise ArtefactRefused(
            f"The rule file {name} is not the one the manifest names: expected SHA-256 "
            f"{expected}, found {actual}. Install {package} {version}, run 'gateway rules sync', "
            "or import the new file deliberately."
        )
    return data
