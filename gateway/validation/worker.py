"""What runs in a validation process: the rule engine behind the pool's calling convention.

The engine is imported in the worker process only: Saxon has no place in the server, which
imports this module to name the functions.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["check", "initialise"]


def initialise(config_dir: str | None) -> None:
    """Load the rule sets and compile them, once per process."""
    from schematron import worker  # noqa: PLC0415 - see the module's text

    worker.initialise(config_dir)


def check(_state: None, content: bytes, options: Mapping[str, Any]) -> dict[str, object]:
    """Check one document; ``options`` are the keyword arguments of ``schematron.worker.run``."""
    from schematron import worker  # noqa: PLC0415 - see the module's text

    return worker.run(content, **options)
