"""``gateway evidence``: whether an evidence bundle proves what it says. Needs no instance."""

import argparse
from pathlib import Path

from gateway.commands.refusal import EXIT_FAILED, Unusable
from gateway.exchange.evidence_check import check_evidence

__all__ = ["declare"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("bundle", type=Path)
    parser.set_defaults(command=_evidence)


def _evidence(options: argparse.Namespace) -> int:
    try:
        with options.bundle.open("rb") as bundle:
            checks = check_evidence(bundle)
    except OSError as error:
        reason = error.strerror or error
        raise Unusable(f"cannot use the bundle: {reason}: {options.bundle}.") from None
    for one in checks:
        mark = "ok  " if one.holds else "FAIL"
        print(f"{mark} {one.subject}: {one.statement} {one.reason}".rstrip())
    return 0 if all(one.holds for one in checks) else EXIT_FAILED
