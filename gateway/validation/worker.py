"""What runs in a validation process: the rule engine behind the pool's calling convention.

The engine is imported in the worker process only: Saxon has no place in the server, which
imports this module to name the functions.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, TypeVarTuple

from gateway.core.errors import GatewayError
from gateway.core.spool import Content
from gateway.validation.errors import RULESET_UNKNOWN
from schematron.errors import UnknownRuleset

__all__ = ["WARM", "check", "initialise", "read", "run"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# What most documents need; everything else is compiled with the first document that does.
WARM: Final = ("cen-ubl-1.3.16", "peppol-ubl-2026.5")


def initialise(
    config_dir: str | None, store: str | None = None, warm: Sequence[str] = WARM
) -> None:
    """Load the rule sets from configuration and rule store; compile those named by ``warm``."""
    from schematron import worker  # noqa: PLC0415 - see the module's text

    worker.initialise(config_dir, store, warm=warm)


def run(_state: None, task: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Do what a process of the pool is asked to do: ``task`` is a function of a module.

    What large documents say is read in these processes too, because a tree of 100 MB of XML
    has no place in the server.
    """
    return task(*arguments)


def check(_state: None, content: Content, options: Mapping[str, Any]) -> dict[str, object]:
    """Check one document; ``options`` are the keyword arguments of ``schematron.worker.run``.

    Raises GatewayError VALIDATION-RULESET for a rule set that is not known.
    """
    from gateway.validation.figures import reckon  # noqa: PLC0415 - see the module's text
    from schematron import worker  # noqa: PLC0415 - see the module's text

    try:
        return worker.run(_bytes_of(content), reckon=reckon, **options)
    except UnknownRuleset as error:
        raise GatewayError(RULESET_UNKNOWN, str(error)) from None


def read(content: Content, reader: Callable[[bytes, *Ts], T], *arguments: *Ts) -> T:
    """Have ``reader``, a function of a module, read one document."""
    return reader(_bytes_of(content), *arguments)


def _bytes_of(content: Content) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()
