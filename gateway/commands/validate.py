"""``gateway validate``: check documents of any number and write their reports.

Needs no database: the rule sets come from the configuration folder and the store of fetched
ones. Reports go to standard output or where ``--output`` says; progress and, beside reports for
programs, the summary go to standard error.
"""

import argparse
import asyncio
import os
import sys
import time
from contextlib import aclosing
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

from gateway.commands.refusal import Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.core import clock, telemetry
from gateway.core.settings import Settings
from gateway.validation.batch import Summary, batch_pool, check_all
from gateway.validation.batch_inputs import STDIN, Originals, discover, may_be_many
from gateway.validation.batch_worker import BatchOrder, Outcome
from schematron.errors import ManifestInvalid, StoreFailed, UnknownRuleset
from schematron.manifest import XSD
from schematron.registry import Registry, load
from schematron.report.formats import ReportFormat
from schematron.report.table import COLUMNS, csv_line
from schematron.report.words import printable
from schematron.texts import LANGUAGES

__all__ = ["declare"]

_UNUSABLE: Final = 2
_INTERRUPTED: Final = 130
_READER_GONE: Final = 141
_PROGRESS_S: Final = 0.2


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        "Exit code: 0 all valid, 1 something is not valid, 2 something could not be read or judged."
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="XML or PDF file, folder, or -")
    parser.add_argument(
        "--format",
        type=ReportFormat,
        choices=list(ReportFormat),
        default=ReportFormat.TEXT,
        metavar="FORMAT",
        help="text (default), json or jsonl (one object per line), csv, svrl, html, pdf",
    )
    parser.add_argument(
        "--rules", nargs="+", action="extend", metavar="ID", help="rule sets to apply, and no other"
    )
    parser.add_argument(
        "--as-of", type=_date, metavar="DATE", help="day whose rules apply (default: today)"
    )
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the reports")
    parser.add_argument(
        "--jobs", type=_jobs, metavar="N", help="documents at once (default: one per processor)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="file to write to; with svrl, html or pdf and several documents, a folder",
    )
    declare_config(parser)
    parser.set_defaults(command=_command)


def _command(options: argparse.Namespace) -> int:
    telemetry.configure(level="ERROR")
    try:
        settings = read_settings(options.config)
        order = _order(options, settings)
        many = may_be_many(options.paths)
        originals = Originals.of(options.paths)
        with _Sink(options.format, options.output, originals, many=many) as sink:
            return asyncio.run(_validate(options, settings, order, sink, many=many))
    except Unusable as refused:
        print(f"gateway: {refused}", file=sys.stderr)
        return _UNUSABLE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough. Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_GONE


def _order(options: argparse.Namespace, settings: Settings) -> BatchOrder:
    """Fix what is asked, and refuse unknown rule sets and unusable manifests before any work."""
    now = clock.now()
    try:
        registry = load(settings.config_dir, settings.rules_dir)
        rules = _rules(options, registry)
    except (ManifestInvalid, StoreFailed, UnknownRuleset) as error:
        raise Unusable(str(error)) from None
    if not options.paths:
        raise Unusable("name a file, a folder, or - for standard input.")
    return BatchOrder(
        as_of=options.as_of or now.astimezone(ZoneInfo(settings.time_zone)).date(),
        rules=rules,
        lang=options.lang,
        form=options.format,
        checked_at=now,
    )


def _rules(options: argparse.Namespace, registry: Registry) -> tuple[str, ...] | None:
    """Tell rule sets from the paths behind them, as ``--rules ID ID PATH`` runs them together.

    Raises UnknownRuleset for what is neither.
    """
    if options.rules is None:
        return None
    known = {XSD, *(ruleset.id for ruleset in registry.rulesets)}
    rules: list[str] = []
    for position, name in enumerate(options.rules):
        if name not in known:
            if name != STDIN and not os.path.lexists(name):
                registry.ruleset(name)
            options.paths = [*options.rules[position:], *options.paths]
            break
        rules.append(name)
    if not rules:
        registry.ruleset(options.rules[0])
    return tuple(rules)


async def _validate(
    options: argparse.Namespace,
    settings: Settings,
    order: BatchOrder,
    sink: "_Sink",
    *,
    many: bool,
) -> int:
    jobs = (options.jobs or os.cpu_count() or 1) if many else 1
    pool = batch_pool(
        config_dir=str(settings.config_dir) if settings.config_dir else None,
        store=str(settings.rules_dir),
        jobs=jobs,
        timeout_s=settings.validation.timeout_s,
        rss_limit_mb=settings.validation.rss_limit_mb,
    )
    summary, progress = Summary(), _Progress()
    outcomes = check_all(discover(options.paths), order, pool=pool, jobs=jobs)
    try:
        async with aclosing(outcomes):
            async for outcome in outcomes:
                progress.clear()
                sink.write(outcome)
                summary.add(outcome)
                progress.show(summary)
    except asyncio.CancelledError:  # Ctrl-C: what was checked until now has its reports
        if many:
            progress.clear()
            _sum_up(summary, order, sink, whole=False)
        raise
    finally:
        progress.clear()
        await pool.close()
    if not summary.verdicts:
        raise Unusable("there is no document: the folders hold no .xml and no .pdf file.")
    if many:
        _sum_up(summary, order, sink, whole=True)
    return summary.exit_code


def _sum_up(summary: Summary, order: BatchOrder, sink: "_Sink", *, whole: bool) -> None:
    shown = sys.stdout if sink.is_text_on_stdout else sys.stderr
    for line in summary.lines(lang=order.lang, whole=whole):
        print(printable(line), file=shown, flush=True)


class _Sink:
    """Where reports go: one stream, or a file for each document below a folder."""

    def __init__(
        self, form: ReportFormat, output: Path | None, originals: Originals, *, many: bool
    ) -> None:
        self._form = form
        self._originals = originals
        self._used: set[PurePosixPath] = set()
        self._folder: Path | None = None
        self._stream: BinaryIO | None = None
        if form.whole_file and many:
            if output is None:
                raise Unusable(
                    f"{form.value} makes a file for each document; name the folder: --output DIR."
                )
            self._folder = output
        elif output is None:
            if form is ReportFormat.PDF and sys.stdout.isatty():
                raise Unusable("a PDF is nothing for a terminal; name the file: --output FILE.")
            self._stream = sys.stdout.buffer
        else:
            self._refuse_original(output)
            self._stream = _opened(output)
        if form is ReportFormat.CSV and self._stream is not None:
            self._put(csv_line(COLUMNS).encode())

    @property
    def is_text_on_stdout(self) -> bool:
        """Whether a summary belongs under the reports."""
        return self._form is ReportFormat.TEXT and self._stream is sys.stdout.buffer

    def __enter__(self) -> "_Sink":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._stream is not None and self._stream is not sys.stdout.buffer:
            self._stream.close()

    def write(self, outcome: Outcome) -> None:
        """Write one report; raises Unusable where there is no room or no permission."""
        if self._folder is None:
            self._put(outcome.written)
            return
        file = self._folder / self._target(outcome.source.target)
        self._refuse_original(file)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(outcome.written)
        except OSError as error:
            raise Unusable(f"cannot write {file}: {error.strerror}.") from None

    def _refuse_original(self, file: Path) -> None:
        if self._originals.hold(file):
            raise Unusable(
                f"{file} would be written over a document, or be taken for one in the next run; "
                "name another place: --output PATH."
            )

    def _target(self, name: PurePosixPath) -> PurePosixPath:
        """Name the file of a report; of two documents with one name the second gets a number."""
        target = name.with_name(f"{name.name}.{self._form.value}")
        number = 1
        while target in self._used:
            number += 1
            target = name.with_name(f"{name.name}-{number}.{self._form.value}")
        self._used.add(target)
        return target

    def _put(self, content: bytes) -> None:
        if self._stream is None:
            raise AssertionError("a sink without a stream has a folder")
        try:
            self._stream.write(content)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Unusable(f"cannot write the reports: {error.strerror}.") from None


def _opened(output: Path) -> BinaryIO:
    try:
        return output.open("wb")
    except OSError as error:
        raise Unusable(f"cannot write {output}: {error.strerror}.") from None


class _Progress:
    """One line on a terminal that says how far the batch is; nothing where none looks."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._began = self._last = time.monotonic()
        self._shown = False

    def show(self, summary: Summary) -> None:
        """Say how many are done, a few times a second."""
        now = time.monotonic()
        if not self._watched or now - self._last < _PROGRESS_S:
            return
        self._last, self._shown = now, True
        done = summary.verdicts.total()
        rate = done / (now - self._began)
        sys.stderr.write(f"\r{done} checked, {summary.verdicts['valid']} valid, {rate:.0f}/s")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away, so that other output has room."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


def _date(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day, not a moment
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no date; write 2026-12-31") from None


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 256")
    return int(text)
