"""``gateway schema``: what a document as JSON looks like, as JSON Schema (2020-12)."""

import argparse
import json
from typing import Any

__all__ = ["register"]


def register(commands: Any) -> None:
    """Add the command to those of `gateway`."""
    about = "print the JSON Schema of an invoice as JSON"
    parser = commands.add_parser("schema", help=about, description=about)
    parser.add_argument("document", choices=("invoice",), help="what to describe")
    parser.set_defaults(command=_print)


def _print(_options: argparse.Namespace) -> int:
    from ubl.model_json_schema import invoice_schema  # noqa: PLC0415 - loaded when it runs

    print(json.dumps(invoice_schema(), indent=2, ensure_ascii=False))
    return 0
