"""``gateway render``: a document as people read it, as a page of HTML or sheets of PDF."""

import argparse
import sys
from pathlib import Path
from typing import Final

from gateway.commands.refusal import EXIT_FAILED, EXIT_USAGE, Unusable
from gateway.core import clock, telemetry
from gateway.core.errors import GatewayError
from gateway.exchange.rendering import Order, RenditionFormat, render_document
from ubl.localized import LANGUAGES

__all__ = ["declare"]

_STDIN: Final = "-"
_FORMATS: Final = ("html", "pdf")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("file", metavar="FILE", help="UBL, CII, JSON or PDF with data, or -")
    parser.add_argument("--format", choices=_FORMATS, default="html", help="default: html")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the labels")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: output)")
    parser.set_defaults(command=_command)


def _command(options: argparse.Namespace) -> int:

    telemetry.configure(level="ERROR")
    order = Order(RenditionFormat(options.format), options.lang, clock.now())
    try:
        content = _read(options.file)
        rendition = render_document(content, order)
    except GatewayError as error:
        raise Unusable(f"{error.kind.code}: {error.message}", EXIT_USAGE) from None
    try:
        if options.out is None:
            sys.stdout.buffer.write(rendition.content)
        else:
            options.out.write_bytes(rendition.content)
    except OSError as error:
        raise Unusable(f"The result cannot be written: {error.strerror}.", EXIT_FAILED) from None
    return 0


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror}.", EXIT_USAGE) from None
