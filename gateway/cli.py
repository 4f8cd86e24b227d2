"""The command line: which commands there are, and running one.

Each command is the module of its name in `gateway.commands`: `declare(parser)` there says its
options and what runs. Only the module of the command that was asked for is loaded, so that nobody
waits for the parts of another; this module may import nothing heavy.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Final

from gateway import __version__
from gateway.commands.refusal import EXIT_FAILED, Unusable
from gateway.core.errors import GatewayError

__all__ = ["COMMANDS", "main"]

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "serve": "run the server and the background work",
        "migrate": "bring the database schema to this version",
        "check": "print the settings in use and test what they point to",
        "lookup": "ask the network whether, where and why a participant takes a document",
        "onboarding": "check everything that must hold before going live",
        "add-user": "let a person sign in to the console",
        "rotate-link-key": "sign payment links with a fresh key from now on",
        "codes": "list the code lists and how old they are, or the codes of one",
        "convert": "write an invoice in another format, judge it, "
        "and say what the format cannot hold",
        "pki": "trust anchors, seats and their certificates",
        "render": "set an invoice, credit note, answer or reminder for people to read",
        "rules": "list, fetch, import and withdraw rule sets",
        "secrets": "the keys that seal the secrets in the database",
        "statistics": "look at, send and follow the monthly statistics reports",
        "validate": "check documents against every rule that applies to them",
        "schema": "print the JSON Schema of an invoice as JSON",
        "evidence": "verify an evidence bundle",
        "openapi": "print the description of the API (OpenAPI 3.1)",
        "demo": "an invoice from sending to payment, on this machine",
    }
)
"""Each command and what it does, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 failed, 2 wrong use or settings)."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        options = _parser(given).parse_args(given)
        command: Callable[[argparse.Namespace], int] = options.command
        code = command(options)
        sys.stdout.flush()
        return code
    except GatewayError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return EXIT_FAILED
    except Unusable as error:
        print(f"gateway: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` has; the end of Python flushes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """All commands by name, and the options of the one that is asked for."""
    parser = argparse.ArgumentParser(
        prog="gateway", description="Peppol Gateway: electronic invoices, sent and received."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # No option before the command takes a value, so the first word is the command.
    wanted = next((word for word in given if not word.startswith("-")), "")
    for name, text in COMMANDS.items():
        found = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == wanted:
            import_module(f"gateway.commands.{name.replace('-', '_')}").declare(found)
    return parser


if __name__ == "__main__":
    sys.exit(main())
