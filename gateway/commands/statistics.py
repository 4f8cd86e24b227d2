"""``gateway statistics``: what a month's reports say, sending them, and where they are."""

import argparse
import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import OPERATOR_SCOPES
from gateway.access.service import operator_tenant
from gateway.app import Gateway, open_gateway
from gateway.commands.refusal import EXIT_FAILED, EXIT_USAGE, Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.core import telemetry
from gateway.core.errors import GatewayError
from gateway.exchange.statistics.counting import ReportKind
from gateway.exchange.statistics.figures import COUNTS
from gateway.exchange.statistics.keys import REPORTING, STATISTICS
from gateway.exchange.statistics.service import Preview, read_period

__all__ = ["declare"]

_KINDS = ("tsr", "eusr")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs of the command."""
    verbs = parser.add_subparsers(required=True, metavar="WHAT")

    def add(name: str, work: "_Work", text: str) -> argparse.ArgumentParser:
        verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
        verb.add_argument("month", metavar="MONTH", help="such as 2026-10 (UTC)")
        declare_config(verb)
        verb.add_argument("--seat", help="seat id; needed where several seats report")
        verb.add_argument("--kind", choices=_KINDS, help="one of the two reports only")
        verb.set_defaults(command=lambda options: _run(options, work))
        return verb

    preview = add("preview", _preview, "what the reports of a month say now")
    preview.add_argument("--output", type=Path, help="write the report (XML) here; needs --kind")
    add("send", _send, "send the reports of a month; a running server delivers them")
    add("show", _show, "the reports made for a month and where they are")


_Work = Callable[[Gateway, argparse.Namespace, str], Awaitable[int]]


def _run(options: argparse.Namespace, work: _Work) -> int:
    if getattr(options, "output", None) and options.kind is None:
        raise Unusable("--output writes one report: say which with --kind.", EXIT_USAGE)

    async def run() -> int:
        async with _opened(options) as gateway:
            return await work(gateway, options, await _seat(gateway, options.seat))

    return asyncio.run(run())


@asynccontextmanager
async def _opened(options: argparse.Namespace) -> AsyncIterator[Gateway]:

    telemetry.configure(level="ERROR")
    async with open_gateway(read_settings(options.config)) as gateway:
        gateway.platform.pool.start()
        yield gateway


async def _seat(gateway: Gateway, wanted: str | None) -> str:
    """The seat that was named, or the only one."""

    if wanted is not None:
        return wanted
    seats = [one.seat_id for one in await gateway.web[STATISTICS].duties()]
    if len(seats) != 1:
        raise Unusable(
            f"say which seat with --seat: {', '.join(seats) or 'none is installed here'}.",
            EXIT_USAGE,
        )
    return seats[0]


async def _preview(gateway: Gateway, options: argparse.Namespace, seat_id: str) -> int:

    period, valid = read_period(options.month), True
    caller = await _caller(gateway)
    for kind in _kinds(options):
        found = await gateway.web[STATISTICS].preview(caller, seat_id, period, kind)
        valid = valid and found.judgement.valid
        if options.output is not None:
            options.output.write_bytes(found.content)
        print("\n".join(_lines(found)))
    return 0 if valid else EXIT_FAILED


def _lines(found: Preview) -> Iterator[str]:

    figures, judgement = found.figures, found.judgement
    names = COUNTS[figures.kind]
    yield f"{figures.kind.upper()} {figures.period} {figures.seat_id}: {found.month.standing}"
    yield f"  total  {_counts(names, figures.total)}"
    for line in figures.lines:
        keys = ", ".join(key.value for key in line.keys)
        yield f"  {line.family}  {keys}  {_counts(names, line.counts)}"
    by = ", ".join(judgement.rulesets) if judgement.rulesets else "our own check"
    yield f"  {'valid' if judgement.valid else 'INVALID'} by {by}"
    for flaw in judgement.flaws:
        yield f"    {flaw.rule}: {flaw.message}"
    if found.changes is not None and not found.changes.none:
        yield f"  differs from the delivered report in {len(found.changes.changes)} lines"
    if found.nameless:
        yield f"  {len(found.nameless)} exchanges without a known country"
    if not found.recount.agrees:
        yield (
            f"  DOES NOT AGREE with the receipts: {len(found.recount.uncounted)} not counted, "
            f"{len(found.recount.unfounded)} counted without one"
        )


def _counts(names: Sequence[str], numbers: Sequence[int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in zip(names, numbers, strict=True))


async def _send(gateway: Gateway, options: argparse.Namespace, seat_id: str) -> int:

    period, failed = read_period(options.month), False
    caller = await _caller(gateway)
    for kind in _kinds(options):
        try:
            row = await gateway.web[REPORTING].send(seat_id, period, kind, caller=caller)
        except GatewayError as error:
            failed = True
            print(f"{kind.upper()} {period} {seat_id}: {error}")
            continue
        print(f"{kind.upper()} {period} {seat_id}: report {row.edition} is on its way")
    return EXIT_FAILED if failed else 0


async def _show(gateway: Gateway, options: argparse.Namespace, seat_id: str) -> int:

    period = read_period(options.month)
    await gateway.web[REPORTING].settle()
    for kind in _kinds(options):
        found = await gateway.web[STATISTICS].reports(seat_id, period=period, kind=kind)
        for row in found:
            made = f"{row.created_at:%Y-%m-%d %H:%M} UTC"
            print(f"{kind.upper()} {period} {seat_id} ({row.edition}) {made}  {row.state}")
            if row.failure:
                print(f"  {row.failure}")
        if not found:
            print(f"{kind.upper()} {period} {seat_id}: no report was made")
    return 0


def _kinds(options: argparse.Namespace) -> list[ReportKind]:

    return [ReportKind(one) for one in _KINDS if options.kind in (None, one)]


async def _caller(gateway: Gateway) -> Principal:
    """Whoever sits at the machine acts for the service provider."""

    async with gateway.platform.database.read() as session:
        found = await operator_tenant(session)
    if found is None:
        raise Unusable("there is no account of the service provider yet.")
    return Principal(
        tenant_id=found.id,
        actor=f"{getpass.getuser()} (command line)",
        kind=CallerKind.USER,
        scopes=OPERATOR_SCOPES,
    )
