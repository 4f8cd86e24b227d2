"""Looking at a participant: everything the network publishes about it, and what can be used.

Reads the same answers with the same rules as sending does, but shows every step and every
document type instead of stopping at the first that cannot be used. Sends nothing, changes nothing.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography import x509

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.errors import Retry
from gateway.network.errors import (
    DOCUMENT_TYPE,
    LOOKUP_DEADLINE,
    PROCESS,
    SMP_ANSWER,
    LookupFailed,
)
from gateway.network.lookup_matching import Match, document_title, match_document_type
from gateway.network.lookup_reader import Asking, Published, SmpReader
from gateway.network.pki import CertificateVerdict, Purpose
from gateway.network.sml import Locator, SmpAddress
from gateway.network.smp import (
    PublishedEndpoint,
    PublishedProcess,
    ServiceMetadata,
    require_trusted,
)
from gateway.network.smp_selection import load_certificate, select_endpoint

__all__ = [
    "Fault",
    "InspectedEndpoint",
    "InspectedProcess",
    "InspectedType",
    "Inspection",
    "Inspector",
    "Judged",
]

DEADLINE_S: Final = 30.0
MAX_TYPES: Final = 100
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something cannot be used: a stable code, a sentence, whether it may pass by itself."""

    code: str
    message: str
    passing: bool

    @classmethod
    def of(cls, failure: LookupFailed) -> "Fault":
        """The fault that sending would meet."""
        return cls(failure.code, failure.message, failure.retry is Retry.BACKOFF)


@dataclass(frozen=True, slots=True)
class Judged:
    """A certificate and the verdict over it."""

    certificate: x509.Certificate
    verdict: CertificateVerdict


@dataclass(frozen=True, slots=True)
class InspectedEndpoint:
    """One endpoint as published; ``fault`` is what keeps us from sending there, None if nothing.

    ``judged`` is None when the certificate cannot be read.
    """

    published: PublishedEndpoint
    judged: Judged | None
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class InspectedProcess:
    """A process and its endpoints in the order published."""

    process: ProcessId
    endpoints: tuple[InspectedEndpoint, ...]


@dataclass(frozen=True, slots=True)
class InspectedType:
    """One registered document type; ``looked_at`` says whether its metadata was asked for.

    ``signer`` is who signed the metadata, ``redirected_to`` the SMP that answered in place of the
    participant's own, ``fault`` why the metadata cannot be used.
    """

    document_type: DocumentTypeId
    looked_at: bool
    processes: tuple[InspectedProcess, ...] = ()
    signer: Judged | None = None
    redirected_to: str = ""
    fault: Fault | None = None

    @property
    def title(self) -> str:
        """A short name for people."""
        return document_title(self.document_type)

    @property
    def usable(self) -> bool:
        """Whether there is an endpoint that could be sent to now."""
        return self.fault is None and any(
            end.fault is None for process in self.processes for end in process.endpoints
        )


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the network says about a participant.

    Asked at ``asked_at``; the oldest answer used was received at ``answered_at`` (aware UTC).
    ``smp`` is None when none was found. With a document type asked for, ``match`` says why a
    registration takes it or not. ``fault`` is what keeps the participant, or the document asked
    for, from being reached: the first cause, None if nothing does.
    """

    participant: ParticipantId
    process: ProcessId | None
    asked_at: datetime
    answered_at: datetime
    smp: SmpAddress | None
    types: tuple[InspectedType, ...]
    match: Match | None
    fault: Fault | None

    @property
    def age_s(self) -> int:
        """How old the oldest answer was when this was asked, in whole seconds."""
        return int((self.asked_at - self.answered_at).total_seconds())


class Inspector:
    """Looks at participants, a few at a time; one look takes ``deadline_s`` seconds at most."""

    def __init__(
        self, *, locator: Locator, reader: SmpReader, deadline_s: float = DEADLINE_S
    ) -> None:
        self._locator = locator
        self._reader = reader
        self._deadline_s = deadline_s
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def inspect(
        self,
        participant: ParticipantId,
        *,
        at: datetime,
        document_type: DocumentTypeId | None = None,
        process: ProcessId | None = None,
        fresh: bool = False,
    ) -> Inspection:
        """Everything published about a participant at machine time ``at``.

        With ``document_type`` only the registration that takes it is looked at closely, with
        ``process`` only that process counts. ``fresh`` uses no remembered answer. What fails is
        part of the result, never raised.
        """
        asking = Asking(at=at, fresh=fresh)
        look = _Look(self._reader, participant, asking)
        fault: Fault | None = None
        try:
            async with asyncio.timeout(self._deadline_s), self._places:
                look.smp = await self._locator.locate(participant)
                await look.list_types(look.smp, document_type)
                await look.examine(look.smp)
        except LookupFailed as failure:
            fault = Fault.of(failure)
        except TimeoutError:
            fault = Fault.of(_too_late(self._deadline_s))
        types = tuple(look.types.values())
        return Inspection(
            participant=participant,
            process=process,
            asked_at=at,
            answered_at=asking.oldest,
            smp=look.smp,
            types=types,
            match=look.match,
            fault=fault or _obstacle(look.match, types, process),
        )


class _Look:
    """One inspection as it goes; what it has found stays when time runs out."""

    def __init__(self, reader: SmpReader, participant: ParticipantId, asking: Asking) -> None:
        self.smp: SmpAddress | None = None
        self.match: Match | None = None
        self.types: dict[DocumentTypeId, InspectedType] = {}
        self._reader = reader
        self._participant = participant
        self._asking = asking

    async def list_types(self, smp: SmpAddress, asked: DocumentTypeId | None) -> None:
        group = await self._reader.group(smp, self._participant, self._asking)
        self.types = {one: InspectedType(one, looked_at=False) for one in group.document_types}
        if asked is not None:
            self.match = match_document_type(self.types, asked)

    async def examine(self, smp: SmpAddress) -> None:
        wanted = list(self.types)[:MAX_TYPES]
        if self.match is not None:
            wanted = [] if self.match.matched is None else [self.match.matched]
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(document_type: DocumentTypeId) -> None:
            async with places:
                self.types[document_type] = await self._type(smp, document_type)

        async with asyncio.TaskGroup() as group:
            for document_type in wanted:
                group.create_task(one(document_type))

    async def _type(self, smp: SmpAddress, document_type: DocumentTypeId) -> InspectedType:
        seen = InspectedType(document_type, looked_at=True)
        try:
            published = await self._reader.metadata(
                smp, self._participant, document_type, self._asking
            )
        except LookupFailed as failure:
            return replace(seen, fault=Fault.of(failure))
        if published is None:
            return replace(seen, fault=Fault.of(_not_published(smp, document_type)))
        return replace(
            seen,
            processes=await self._processes(published),
            signer=Judged(published.signer, published.verdict),
            redirected_to=published.redirect.href if published.redirect else "",
        )

    async def _processes(self, published: Published) -> tuple[InspectedProcess, ...]:
        metadata = published.metadata
        return tuple(
            [
                InspectedProcess(
                    one.process,
                    tuple(
                        [await self._endpoint(metadata, one.process, end) for end in one.endpoints]
                    ),
                )
                for one in metadata.processes
            ]
        )

    async def _endpoint(
        self, metadata: ServiceMetadata, process: ProcessId, published: PublishedEndpoint
    ) -> InspectedEndpoint:
        """Judge one endpoint as sending would if it were the only one."""
        certificate = load_certificate(published.certificate)
        judged, fault = None, None
        if certificate is not None:
            judged = Judged(certificate, await self._reader.judge(certificate, self._asking))
        alone = replace(metadata, processes=(PublishedProcess(process, (published,)),))
        try:
            select_endpoint(
                alone, process=process, https_only=self._reader.https_only, at=self._asking.at
            )
            if judged is not None:
                require_trusted(judged.verdict, purpose=Purpose.AP)
        except LookupFailed as failure:
            fault = Fault.of(failure)
        return InspectedEndpoint(published, judged, fault)


def _obstacle(
    match: Match | None, types: Sequence[InspectedType], process: ProcessId | None
) -> Fault | None:
    """What keeps the document asked for from being taken; without one asked for, nothing."""
    if match is None:
        return None
    if match.matched is None:
        return Fault.of(LookupFailed(DOCUMENT_TYPE, f"{match.sentence} See what is registered."))
    found = next(one for one in types if one.document_type == match.matched)
    if found.fault is not None:
        return found.fault
    offered = [one for one in found.processes if process is None or one.process == process]
    if not offered:
        return Fault.of(
            LookupFailed(
                PROCESS,
                "The receiver accepts this document type, but not in this process. Use a process "
                "it has registered.",
            )
        )
    return _first_fault(end for one in offered for end in one.endpoints)


def _first_fault(endpoints: Iterable[InspectedEndpoint]) -> Fault | None:
    """None as soon as one endpoint can be used, else what is wrong with the first."""
    faults = [one.fault for one in endpoints]
    if not faults:
        return Fault.of(LookupFailed(SMP_ANSWER, "The SMP publishes no endpoint for it."))
    return None if None in faults else faults[0]


def _not_published(smp: SmpAddress, document_type: DocumentTypeId) -> LookupFailed:
    return LookupFailed(
        SMP_ANSWER,
        "The SMP lists the document type but does not publish it. The receiver's provider has to "
        "correct this.",
        smp=smp.url,
        document_type=str(document_type),
    )


def _too_late(deadline_s: float) -> LookupFailed:
    return LookupFailed(
        LOOKUP_DEADLINE,
        f"The network did not answer everything within {deadline_s:g} seconds; what came until "
        "then is shown. Ask again, or ask for one document type.",
    )
