"""What a worker process runs: picklable functions around ``validate``.

Bytes and plain values cross the process boundary, nothing else. Cancelling, time limits and
memory limits are the parent's business: a run cannot be interrupted from inside.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schematron import layers, registry
from schematron.errors import (
    ArtefactRefused,
    EngineFailed,
    ManifestInvalid,
    StoreFailed,
    UnknownRuleset,
)
from schematron.figures import Reckon
from schematron.registry import Registry
from schematron.validate import Options, validate

__all__ = ["initialise", "run"]

_Stamp = tuple[int, ...]


@dataclass(slots=True)
class _State:
    """The rule sets of this process, where they came from, and when the store last changed."""

    registry: Registry
    config: Path | None
    store: Path | None
    stamp: _Stamp


_state: _State | None = None


def initialise(
    config_dir: str | None = None, store: str | None = None, *, warm: Iterable[str] = ()
) -> None:
    """Load the manifests, and compile the rule sets named by ``warm`` with their schemas.

    ``config_dir`` is the configuration folder, None for the one shipped; ``store`` the folder of
    fetched and imported rules. All other rule sets are compiled at first use. One that cannot be
    compiled does not stop the process: the documents that need it are told. Raises
    ManifestInvalid or StoreFailed: better at start-up than with the first document.
    """
    global _state  # noqa: PLW0603 - a worker process has one registry, set before any task
    config = Path(config_dir) if config_dir is not None else None
    folder = Path(store) if store is not None else None
    stamp = _stamp(folder)
    _state = _State(registry.load(config, folder), config, folder, stamp)
    for name in warm:
        with contextlib.suppress(UnknownRuleset, ArtefactRefused, EngineFailed):
            ruleset = _state.registry.ruleset(name)
            schemas = [
                item
                for item in _state.registry.schemas
                if item.syntax in ruleset.syntax and not item.customizations
            ]
            layers.prepare(_state.registry.artefacts, schemas=schemas, rulesets=(ruleset,))


def run(
    data: bytes,
    *,
    as_of: str,
    rules: tuple[str, ...] | None = None,
    lang: str = "en",
    file: str | None = None,
    reckon: Reckon | None = None,
) -> dict[str, object]:
    """Validate one document and give the report as a JSON object.

    ``as_of`` is an ISO date, ``file`` the name for the report, ``reckon`` works out the amounts
    behind broken rules. Raises RuntimeError if
    ``initialise`` did not run in this process, UnknownRuleset for an unknown id in ``rules``.
    """
    if _state is None:
        raise RuntimeError("The validation worker is not initialised.")
    _refresh(_state)
    options = Options(as_of=date.fromisoformat(as_of), rules=rules, lang=lang)
    report = validate(data, options=options, registry=_state.registry, reckon=reckon)
    return report.to_json(file=file)


def _stamp(store: Path | None) -> _Stamp:
    """Tell one state of the store from the next: every change renames a file into its folders."""
    if store is None:
        return ()
    folders = (store / "files", store / "sets")
    return tuple(folder.stat().st_mtime_ns if folder.is_dir() else 0 for folder in folders)


def _refresh(state: _State) -> None:
    """Read the manifests again when the store changed; what cannot be read leaves the old ones."""
    stamp = _stamp(state.store)
    if stamp == state.stamp:
        return
    with contextlib.suppress(ManifestInvalid, StoreFailed):
        state.registry = registry.load(state.config, state.store)
        state.stamp = stamp
