"""``gateway convert``: an invoice from one format into another, and an account of what was lost."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.commands.refusal import EXIT_USAGE, Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.conversion.accounts import account_of
from gateway.conversion.outcome import Outcome, outcome_of
from gateway.conversion.writing import Converted, Order, convert_document, format_named
from gateway.core import clock, telemetry
from gateway.core.errors import GatewayError
from gateway.core.settings import Settings
from gateway.validation.figures import reckon
from schematron import worker
from schematron.texts import LANGUAGES
from ubl.formats import FORMATS

__all__ = ["declare"]

_STDIN: Final = "-"
_INVALID: Final = 1
_LOSSY: Final = 3
_SHOWN: Final = 20


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        "Exit code: 0 written, valid and whole; 1 written, but not valid by the rules known here; "
        "2 nothing was written; 3 written and valid, but something of the original is not in it."
    )
    parser.add_argument(
        "input", nargs="?", metavar="IN", help="invoice as JSON, UBL, CII or PDF with data, or -"
    )
    parser.add_argument("--list", action="store_true", help="list the formats and stop")
    parser.add_argument("--to", choices=list(FORMATS), metavar="FORMAT", help="format to write")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: output)")
    parser.add_argument("--pdf", type=Path, metavar="OWN", help="pages to use in a Factur-X PDF")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of PDF and texts")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the account as JSON")
    declare_config(parser)
    parser.set_defaults(command=_command)


def _command(options: argparse.Namespace) -> int:
    if options.list:
        for one in FORMATS.values():
            print(f"{one.id:26} {one.title}")
        return 0
    if options.input is None or options.to is None:
        raise Unusable("name the invoice and the format: gateway convert IN --to FORMAT.", 2)
    telemetry.configure(level="ERROR")
    settings = read_settings(options.config)
    _refuse_overwriting(options)
    content = _read(options.input)
    own_pdf = _read(str(options.pdf)) if options.pdf else None
    try:
        converted = _convert(content, options, own_pdf)
    except GatewayError as error:
        raise Unusable(_complaint(error), EXIT_USAGE) from None
    _write(options.out, converted.content)
    report = _judge(converted, settings, options.lang)
    outcome = outcome_of(converted.format, report)
    _account(converted, outcome, report, options)
    if outcome is not Outcome.VALID:
        return _INVALID
    return _LOSSY if converted.lost or converted.unread else 0


def _convert(content: bytes, options: argparse.Namespace, own_pdf: bytes | None) -> Converted:

    order = Order(
        format=format_named(options.to), at=clock.now(), lang=options.lang, own_pdf=own_pdf
    )
    return convert_document(content, "", order)


def _judge(converted: Converted, settings: Settings, lang: str) -> dict[str, Any]:
    """Hold what was written to its rules, in this process: it is one document only."""

    worker.initialise(
        str(settings.config_dir) if settings.config_dir else None, str(settings.rules_dir)
    )
    today = clock.now().astimezone(ZoneInfo(settings.time_zone)).date()
    return worker.run(converted.content, as_of=today.isoformat(), lang=lang, reckon=reckon)


def _account(
    converted: Converted,
    outcome: Outcome,
    report: dict[str, Any],
    options: argparse.Namespace,
) -> None:
    """Tell people on the error stream; programs read the file."""

    account = account_of(converted, lang=options.lang)
    if options.report is not None:
        told = {**account, "outcome": outcome, "report": report}
        _write(options.report, json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n")
    for line in _lines(converted, outcome, account, report):
        print(line, file=sys.stderr)


def _lines(
    converted: Converted, outcome: Outcome, account: dict[str, Any], report: dict[str, Any]
) -> list[str]:
    lines = [f"{converted.format.title}: {outcome}"]
    fatal = [one for one in report["findings"] if one["severity"] == "fatal"]
    lines += [f"  {one['rule']}: {one['message']}" for one in fatal[:_SHOWN]]
    lines += _some(
        "not understood, so not in the result",
        [str(path) for path in account["unread"]],
    )
    lines += _some(
        "not held by the format",
        [
            f"{one['path']} ({one['term'] or 'no term'}): {one['before']} -> {one['after']}"
            for one in account["lost"]
        ],
    )
    lines += _some(
        "added by the format",
        [f"{one['path']} ({one['term'] or 'no term'}): {one['after']}" for one in account["added"]],
    )
    lines += _some(
        "sums that differ",
        [
            f"{one['path']} ({one['term']}): {one['explanation']}"
            for one in account["discrepancies"]
        ],
    )
    lines += _some(
        "identifiers that cannot be right",
        [f"{one['path']} ({one['term']}): {one['explanation']}" for one in account["identifiers"]],
    )
    return lines


def _some(title: str, places: list[str]) -> list[str]:
    if not places:
        return []
    more = len(places) - _SHOWN
    rest = [f"  and {more} more; --report FILE lists all"] if more > 0 else []
    return [f"{len(places)} {title}:", *(f"  {one}" for one in places[:_SHOWN]), *rest]


def _complaint(error: GatewayError) -> str:
    """The error with what it lists, which is what has to be corrected."""
    problems = getattr(error, "problems", [])
    places = [" ".join(str(value) for value in one.values() if value) for one in problems[:_SHOWN]]
    return "\n  ".join([str(error), *places])


def _refuse_overwriting(options: argparse.Namespace) -> None:
    for out in (options.out, options.report):
        for original in (options.input, options.pdf):
            if out is None or original is None or original == _STDIN:
                continue
            if out.exists() and Path(original).exists() and out.samefile(original):
                raise Unusable(f"{out} is the original; name another file.", EXIT_USAGE)
    if options.out is None and FORMATS[options.to].attachment and sys.stdout.isatty():
        raise Unusable("a PDF is nothing for a terminal; name the file: --out FILE.", EXIT_USAGE)


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
    except OSError as error:
        raise Unusable(f"cannot read {name}: {error.strerror}.", EXIT_USAGE) from None


def _write(place: Path | None, content: bytes) -> None:
    try:
        if place is None:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        else:
            place.write_bytes(content)
    except OSError as error:
        raise Unusable(
            f"cannot write {place or 'the output'}: {error.strerror}.", EXIT_USAGE
        ) from None
