"""``gateway schema``: what a document as JSON looks like, as JSON Schema (2020-12)."""

import argparse
import json

from ubl.model_json_schema import invoice_schema

__all__ = ["declare"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("document", choices=("invoice",), help="what to describe")
    parser.set_defaults(command=_print)


def _print(_options: argparse.Namespace) -> int:

    print(json.dumps(invoice_schema(), indent=2, ensure_ascii=False))
    return 0
