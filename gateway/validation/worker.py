"""What runs in a validation process: the rule engine behind the pool's calling convention."""

from collections.abc import Mapping
from typing import Any

from schematron import worker

__all__ = ["check", "initialise"]


def initialise(config_dir: str | None) -> None:
    """Load the rule sets and compile them, once per process."""
    worker.initialise(config_dir)


def check(_state: None, content: bytes, options: Mapping[str, Any]) -> dict[str, object]:
    """Check one document; ``options`` are the keyword arguments of ``schematron.worker.run``."""
    return worker.run(content, **options)
