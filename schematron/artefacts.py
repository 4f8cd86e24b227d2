"""The files rule sets and schemas are made of: found, verified, and read as data.

A file that is not byte for byte the one the manifest names is refused. Nothing is imported from
the packages that carry the files, and nothing is downloaded.
"""

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Final

from schematron.build import SchematronError, compile_schematron
from schematron.errors import ArtefactRefused
from schematron.manifest import Ruleset, Schema, Source

__all__ = ["choose", "read_schema", "read_stylesheet", "schema_folder"]

_PACKAGE: Final = Path(__file__).resolve().parent


def choose(ruleset: Ruleset) -> Source:
    """Give the first source of a rule set whose file is on this machine.

    Raises ArtefactRefused naming all places where it was looked for.
    """
    for source in ruleset.sources:
        path = _path(source)
        if path is not None and path.is_file():
            return source
    looked = "; ".join(source.label for source in ruleset.sources)
    raise ArtefactRefused(
        f"The rules {ruleset.id} are not on this machine. Looked for {looked}. "
        "Install the package in the version given."
    )


def read_stylesheet(source: Source) -> bytes:
    """Give the XSLT of a rule set: verified as published, or compiled from authored rules.

    Raises ArtefactRefused if the file is missing or another.
    """
    path = _path(source)
    if path is None:
        raise ArtefactRefused(f"The package {source.package} {source.version} is not installed.")
    if source.kind == "authored":
        try:
            return compile_schematron(path.read_bytes(), base=path.parent)
        except (OSError, SchematronError) as error:
            raise ArtefactRefused(f"The rules {source.path} cannot be built: {error}") from error
    return _verified(path, source.sha256)


def schema_folder(schema: Schema) -> Path:
    """Give the folder a schema's files lie in; raises ArtefactRefused if there is none."""
    folder = _distribution_path(schema.package, schema.folder)
    if folder is None or not folder.is_dir():
        raise ArtefactRefused(
            f"The {schema.title} is not on this machine. Install the package "
            f"{schema.package} {schema.version}."
        )
    return folder


def read_schema(schema: Schema) -> dict[str, bytes]:
    """Read all files of a schema, relative path to content; raises ArtefactRefused."""
    folder = schema_folder(schema)
    return {name: _verified(folder / name, digest) for name, digest in schema.files}


def _distribution_path(package: str, path: str) -> Path | None:
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Path(str(distribution.locate_file(path)))


def _path(source: Source) -> Path | None:
    if source.kind == "authored":
        return _PACKAGE / source.path
    return _distribution_path(source.package, source.path)


def _verified(path: Path, expected: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtefactRefused(
            f"The rule file {path.name} cannot be read: {error.strerror}. Reinstall its package."
        ) from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise ArtefactRefused(
            f"The rule file {path.name} is not the one the manifest names: expected SHA-256 "
            f"{expected}, found {actual}. Install the version given in the manifest, or import "
            "the new file deliberately."
        )
    return data
