"""Peppol Gateway: validates, exchanges, tracks and chases electronic invoices."""

from importlib.util import find_spec
from pathlib import Path

__version__ = "0.1.0"


def _refuse_foreign_siblings() -> None:
    """Refuse to start when another distribution shadows one of our top-level packages.

    The names ``ubl``, ``schematron`` and ``reminders`` are generic, and an index carries a
    placeholder called ``schematron``; running with somebody else's validator would be worse
    than not running.
    """
    home = Path(__file__).resolve().parent.parent
    for name in ("ubl", "schematron", "reminders"):
        spec = find_spec(name)
        origin = Path(spec.origin).resolve().parent.parent if spec and spec.origin else None
        if origin != home:
            raise ImportError(
                f"package '{name}' comes from {origin}, not from {home}: another distribution "
                f"shadows it. Install peppol-gateway into an environment of its own."
            )


_refuse_foreign_siblings()
