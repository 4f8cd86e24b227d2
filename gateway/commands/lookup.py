"""``gateway lookup``: what the network publishes about a participant, step by step."""

import argparse
import asyncio
from collections.abc import Iterator

from cryptography import x509

from gateway.app import open_gateway
from gateway.as4.identifiers import (
    PROCESS_SCHEME,
    DocumentTypeId,
    IdentifierInvalid,
    ParticipantId,
    ProcessId,
)
from gateway.commands.refusal import EXIT_FAILED, EXIT_USAGE, Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.core import telemetry
from gateway.network.lookup_api import INSPECTOR
from gateway.network.lookup_inspection import (
    Fault,
    InspectedEndpoint,
    InspectedType,
    Inspection,
    Judged,
)

__all__ = ["declare"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    declare_config(parser)
    parser.add_argument("participant", help="such as 0208:0123456789, or scheme::value")
    parser.add_argument("--type", dest="document_type", help="only this document type, and why")
    parser.add_argument("--process", help="only this process")
    parser.add_argument("--json", action="store_true", help="the same as GET /v1/lookups")
    parser.add_argument(
        "--fresh", action="store_true", help="ask the network even where an answer is remembered"
    )
    parser.set_defaults(command=_lookup)


def _lookup(options: argparse.Namespace) -> int:
    try:
        participant, asked, process = _question(options)
    except IdentifierInvalid as error:
        raise Unusable(f"{error.code}: {error.message}", EXIT_USAGE) from None
    if process is not None and asked is None:
        raise Unusable("--process needs --type: a process belongs to a document.", EXIT_USAGE)
    found = asyncio.run(_inspect(options, participant, asked, process))
    if options.json:
        from gateway.network.lookup_models import InspectionOut  # noqa: PLC0415 - see the module's text

        print(InspectionOut.of(found).model_dump_json(indent=2))
    else:
        print("\n".join(_report(found)))
    return 0 if found.fault is None else EXIT_FAILED


def _question(
    options: argparse.Namespace,
) -> tuple[ParticipantId, DocumentTypeId | None, ProcessId | None]:
    """What is asked, from the words on the command line. Raises IdentifierInvalid."""
    whom, kind, process = options.participant, options.document_type, options.process
    return (
        ParticipantId.parse(whom) if "::" in whom else ParticipantId.of(whom),
        None if kind is None else DocumentTypeId.parse(kind),
        None
        if process is None
        else ProcessId.parse(process)
        if "::" in process
        else ProcessId(PROCESS_SCHEME, process),
    )


async def _inspect(
    options: argparse.Namespace,
    participant: ParticipantId,
    asked: DocumentTypeId | None,
    process: ProcessId | None,
) -> Inspection:

    telemetry.configure(level="ERROR")
    async with open_gateway(read_settings(options.config)) as gateway:
        return await gateway.web[INSPECTOR].inspect(
            participant,
            at=gateway.network.now(),
            document_type=asked,
            process=process,
            fresh=options.fresh,
        )


def _report(found: Inspection) -> Iterator[str]:
    yield f"participant  {found.participant}"
    if found.smp is not None:
        yield f"name asked   {found.smp.source}"
        for alias in found.smp.aliases:
            yield f"alias of     {alias}"
        for one in found.smp.records:
            yield (
                f'NAPTR        {one.order} {one.preference} "{one.flags}" "{one.service}" '
                f'"{one.regexp}" {one.replacement}'
            )
        if found.smp.records:
            vouched = "the resolver vouches" if found.smp.authenticated else "not confirmed"
            yield f"DNSSEC       {vouched}"
        yield f"SMP          {found.smp.url}"
    yield f"answers      {f'up to {found.age_s} s old' if found.age_s else 'asked just now'}"
    if found.types:
        yield f"registered   {len(found.types)} document types"
    for kind in found.types:
        yield from _type(kind)
    if found.match is not None:
        yield ""
        yield f"asked for    {found.match.asked}"
        for candidate in found.match.tried:
            mark = "registered" if candidate == found.match.matched else "-"
            yield f"  tried      {candidate}  {mark}"
        yield f"why          {found.match.sentence}"
        for near in found.match.near:
            yield f"  near       {near}"
    yield ""
    yield "result       it can be reached" if found.fault is None else _fault(found.fault)


def _type(kind: InspectedType) -> Iterator[str]:
    yield ""
    yield f"  {kind.title}"
    yield f"    {kind.document_type}"
    if kind.fault is not None:
        yield f"    {_fault(kind.fault)}"
    if kind.redirected_to:
        yield f"    redirected to {kind.redirected_to}"
    if kind.signer is not None:
        yield f"    signed by {_certificate(kind.signer)}"
    for process in kind.processes:
        yield f"    process {process.process}"
        for end in process.endpoints:
            yield from _endpoint(end)


def _endpoint(end: InspectedEndpoint) -> Iterator[str]:
    published = end.published
    yield f"      {published.transport_profile} {published.url}"
    if published.activation or published.expiry:
        start = f"{published.activation:%Y-%m-%d}" if published.activation else "always"
        stop = f"{published.expiry:%Y-%m-%d}" if published.expiry else "further notice"
        yield f"      published from {start} until {stop}"
    if end.judged is not None:
        yield f"      access point {_certificate(end.judged)}"
    yield f"      {'can be sent to' if end.fault is None else _fault(end.fault)}"


def _certificate(judged: Judged) -> str:
    one, verdict = judged.certificate, judged.verdict
    state = "accepted" if verdict.ok else f"{verdict.status} {verdict.code}"
    return (
        f"{_common_name(one.subject)}, issued by {_common_name(one.issuer)}, "
        f"valid {one.not_valid_before_utc:%Y-%m-%d} to {one.not_valid_after_utc:%Y-%m-%d}: "
        f"{state}, revocation: {verdict.revocation}"
    )


def _common_name(name: "x509.Name") -> str:
    whole = name.rfc4514_string()
    parts = (one.removeprefix("CN=") for one in whole.split(",") if one.startswith("CN="))
    return next(parts, whole)


def _fault(fault: Fault) -> str:
    return f"{fault.code}: {fault.message}"
