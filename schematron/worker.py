"""What a worker process runs: picklable functions around ``validate``.

For ``ProcessPoolExecutor(mp_context=spawn, initializer=initialise, initargs=(config_dir,))``.
Bytes and plain values cross the process boundary, nothing else. Cancelling, time limits and
memory limits are the parent's business: a run cannot be interrupted from inside.
"""

from datetime import date
from pathlib import Path

from schematron import layers, registry
from schematron.registry import Registry
from schematron.validate import Options, validate

__all__ = ["initialise", "run"]

_registry: Registry | None = None


def initialise(config_dir: str | None = None, *, warm_up: bool = True) -> None:
    """Load the manifest and, with ``warm_up``, compile all schemas and rule sets.

    ``config_dir`` is the configuration folder, None for the one shipped. Raises ManifestInvalid,
    ArtefactRefused or EngineFailed: better at start-up than with the first document.
    """
    global _registry  # noqa: PLW0603 - a worker process has one registry, set before any task
    _registry = registry.load(Path(config_dir) if config_dir is not None else None)
    if warm_up:
        layers.prepare(
            _registry.artefacts,
            schemas=tuple(x for x in _registry.schemas if x.syntax.startswith("ubl-")),
            rulesets=tuple(_registry.ruleset(x) for x in ("cen-ubl-1.3.16", "peppol-ubl-2026.5")),
        )


def run(
    data: bytes,
    *,
    as_of: str,
    rules: tuple[str, ...] | None = None,
    lang: str = "en",
    file: str | None = None,
) -> dict[str, object]:
    """Validate one document and give the report as a JSON object.

    ``as_of`` is an ISO date, ``file`` the name for the report. Raises RuntimeError if
    ``initialise`` did not run in this process, UnknownRuleset for an unknown id in ``rules``.
    """
    if _registry is None:
        raise RuntimeError("The validation worker is not initialised.")
    options = Options(as_of=date.fromisoformat(as_of), rules=rules, lang=lang)
    return validate(data, options=options, registry=_registry).to_json(file=file)
