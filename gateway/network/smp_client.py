"""Finding a receiver: locate its SMP, read what it publishes, choose the endpoint, remember it.

Ties sml, lookup_reader and smp_selection together for whoever sends; lookup_inspection does it for
whoever looks. Decides nothing that those decide.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NoReturn

from cryptography import x509

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.errors import Retry
from gateway.network.errors import SMP_ANSWER, LookupFailed
from gateway.network.lookup_cache import LookupCache
from gateway.network.lookup_memory import SmpAnswer
from gateway.network.lookup_reader import Asking, SmpReader, metadata_address
from gateway.network.pki import Purpose
from gateway.network.revocation import RevocationAnswer
from gateway.network.sml import Locator, SmpAddress
from gateway.network.smp import require_trusted
from gateway.network.smp_selection import Endpoint, select_document_type, select_endpoint

__all__ = ["Found", "Lookup", "SmpAnswer"]

REFUSAL_TTL_S: Final = 30

_Question = tuple[ParticipantId, DocumentTypeId, ProcessId]


@dataclass(frozen=True, slots=True)
class Found:
    """A receiver's endpoint and how it was established.

    ``document_type`` is the registration that matched (a wildcard may differ from what was asked).
    ``asked_url`` is the metadata address at the participant's own SMP, ``signer`` the certificate
    of the SMP whose answer decided, ``evidence`` every answer in the order received, ``revocation``
    what authorities said about the certificates met. ``found_at`` (aware UTC) is when the oldest
    of the answers was received.
    """

    endpoint: Endpoint
    document_type: DocumentTypeId
    smp: SmpAddress
    asked_url: str
    signer: x509.Certificate
    evidence: tuple[SmpAnswer, ...]
    found_at: datetime
    revocation: tuple[RevocationAnswer, ...] = ()

    @property
    def best_before(self) -> datetime:
        """Until when this holds at most: the endpoint's expiry and both certificates' ends."""
        ends = [self.endpoint.certificate.not_valid_after_utc, self.signer.not_valid_after_utc]
        return min(ends if self.endpoint.expiry is None else [*ends, self.endpoint.expiry])


@dataclass(frozen=True, slots=True)
class _Refused:
    """A failure that asking again at once would not change."""

    failure: LookupFailed
    best_before: datetime


class Lookup:
    """Asks the network where a participant takes a document.

    ``cache_s`` is how long an endpoint is remembered, in seconds (0: not at all); a permanent
    failure is remembered for 30 seconds at most. The same question asked by many at once is asked
    of the network once.
    """

    def __init__(self, *, locator: Locator, reader: SmpReader, cache_s: float = 0) -> None:
        self._locator = locator
        self._reader = reader
        self._found: LookupCache[Found] = LookupCache(ttl_s=cache_s)
        self._refused: LookupCache[_Refused] = LookupCache(ttl_s=min(cache_s, REFUSAL_TTL_S))
        self._flights: dict[_Question, asyncio.Task[Found]] = {}

    async def find(
        self,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        process: ProcessId,
        *,
        at: datetime,
        fresh: bool = False,
    ) -> Found:
        """The endpoint that takes this document type in this process, at machine time ``at``.

        ``fresh`` asks the network even if an answer is remembered: after a failed delivery, or
        when a person wants to know. Raises LookupFailed; its code names the step that failed,
        its retry class whether the same question may succeed later.
        """
        question = (participant, document_type, process)
        if fresh:
            return await self._ask(question, at=at, fresh=True)
        if (known := self._found.get(question, at)) is not None:
            return known
        if (refused := self._refused.get(question, at)) is not None:
            raise _again(refused.failure)
        flight = self._flights.get(question)
        if flight is None:
            flight = asyncio.create_task(self._ask(question, at=at, fresh=False))
            self._flights[question] = flight
            flight.add_done_callback(partial(self._landed, question))
        try:
            # Whoever stops waiting must not end the question of the others.
            return await asyncio.shield(flight)
        except LookupFailed as failure:
            raise _again(failure) from failure

    def remembered(
        self,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        process: ProcessId,
        *,
        at: datetime,
    ) -> Found | None:
        """What ``find`` would answer at machine time ``at`` without asking anybody, if anything."""
        return self._found.get((participant, document_type, process), at)

    async def registrations(
        self, participant: ParticipantId, *, at: datetime
    ) -> tuple[DocumentTypeId, ...]:
        """Every document type a participant takes at machine time ``at``, as its SMP lists them.

        The list is not signed: whoever sends looks the endpoint up afterwards. Raises
        LookupFailed.
        """
        smp = await self._locator.locate(participant)
        group = await self._reader.group(smp, participant, Asking(at=at))
        return group.document_types

    def _landed(self, question: _Question, flight: asyncio.Task[Found]) -> None:
        self._flights.pop(question, None)
        if not flight.cancelled():
            flight.exception()  # Taken note of, even if nobody waits for it any more.

    async def _ask(self, question: _Question, *, at: datetime, fresh: bool) -> Found:
        try:
            found = await self._ask_anew_before_refusing(question, Asking(at=at, fresh=fresh))
        except LookupFailed as failure:
            if failure.retry is Retry.NO:
                self._found.forget(question)
                until = at + timedelta(seconds=REFUSAL_TTL_S)
                self._refused.put(question, _Refused(failure, until), at)
            raise
        self._refused.forget(question)
        self._found.put(question, found, found.found_at)
        return found

    async def _ask_anew_before_refusing(self, question: _Question, asking: Asking) -> Found:
        """Nobody is refused for good because of what an SMP said a while ago."""
        try:
            return await self._establish(*question, asking)
        except LookupFailed as failure:
            remembered = asking.oldest < asking.at - timedelta(seconds=REFUSAL_TTL_S)
            if failure.retry is not Retry.NO or not remembered:
                raise
        return await self._establish(*question, Asking(at=asking.at, fresh=True))

    async def _establish(
        self,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        process: ProcessId,
        asking: Asking,
    ) -> Found:
        smp = await self._locator.locate(participant)
        registered = document_type
        if len(document_type.wildcard_candidates()) > 1:
            group = await self._reader.group(smp, participant, asking)
            registered = select_document_type(group, document_type)
        published = await self._reader.metadata(smp, participant, registered, asking)
        if published is None:
            await self._explain_missing(smp, participant, registered, asking)
        endpoint = select_endpoint(
            published.metadata,
            process=process,
            https_only=self._reader.https_only,
            at=asking.at,
        )
        verdict = await self._reader.judge(endpoint.certificate, asking)
        require_trusted(verdict, purpose=Purpose.AP)
        return Found(
            endpoint=replace(endpoint, revocation=verdict.revocation),
            document_type=registered,
            smp=smp,
            asked_url=metadata_address(smp, participant, registered),
            signer=published.signer,
            evidence=tuple(asking.answers),
            found_at=asking.oldest,
            revocation=tuple(asking.revocation),
        )

    async def _explain_missing(
        self,
        smp: SmpAddress,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        asking: Asking,
    ) -> NoReturn:
        """Tell an unknown receiver from one that does not take this document type."""
        group = await self._reader.group(smp, participant, asking)
        select_document_type(group, document_type)
        raise LookupFailed(
            SMP_ANSWER,
            "The SMP lists the document type but does not publish it. The receiver's provider "
            "has to correct this.",
            smp=smp.url,
            document_type=str(document_type),
        )


def _again(failure: LookupFailed) -> LookupFailed:
    """The same failure for another caller; an exception carries the trace of one only."""
    return LookupFailed(failure.kind, failure.message, **failure.facts)
