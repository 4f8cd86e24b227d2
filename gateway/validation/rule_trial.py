"""What runs in a process of its own when rules are imported: strangers' code is tried there.

The engine is imported in that process only, like in ``gateway.validation.worker``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.pool import ComputePool
from gateway.validation.rule_errors import IMPORT_REFUSED
from schematron.errors import RulesRefused

__all__ = ["initialise", "trial_pool", "try_rules"]

_TRIAL_S: Final = 60.0
_RSS_MB: Final = 1500


def trial_pool() -> ComputePool[bytes]:
    """Make the process of a trial: one, ended when it takes a minute or too much memory."""
    return ComputePool(
        initialise,
        try_rules,
        workers=1,
        timeout_s=_TRIAL_S,
        rss_limit_mb=_RSS_MB,
        queue_limit=100,
    )


def initialise() -> None:
    """Load the engine, so that the time of a trial is the rules' own."""
    from schematron import engine  # noqa: PLC0415 - see the module's text

    engine.shared()


def try_rules(
    _state: None,
    data: bytes,
    name: str,
    folder: str | None,
    companions: Mapping[str, bytes],
    syntaxes: Sequence[str],
) -> bytes:
    """Compile a rule file, run it on empty documents, and give the stylesheet to keep.

    Raises GatewayError RULES-IMPORT.
    """
    from schematron import trial  # noqa: PLC0415 - see the module's text

    try:
        stylesheet = trial.prepare(data, name=name, folder=Path(folder) if folder else None)
        trial.try_out(stylesheet, companions=companions, syntaxes=syntaxes, name=name)
    except RulesRefused as error:
        raise GatewayError(
            IMPORT_REFUSED, f"{str(error).rstrip('.')}. Nothing was imported; correct the rules."
        ) from None
    return stylesheet
