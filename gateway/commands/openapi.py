"""``gateway openapi``: the description of the API, as the server publishes it."""

import argparse
import json

from gateway.app import all_routes
from gateway.web import openapi

__all__ = ["declare"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the command, which has no options."""
    parser.set_defaults(command=_openapi)


def _openapi(_options: argparse.Namespace) -> int:
    print(json.dumps(openapi.document(all_routes()), indent=2))
    return 0
