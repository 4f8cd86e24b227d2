"""Shapes of the API's view of a participant as the network knows it."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from gateway.network.api_models import (
    CertificateOut,
    DocumentTypeText,
    ProcessText,
)
from gateway.network.lookup_inspection import (
    Fault,
    InspectedEndpoint,
    InspectedType,
    Inspection,
    Judged,
)
from gateway.network.lookup_matching import Match
from gateway.network.pki import RevocationFinding, VerdictStatus
from gateway.network.sml import SmpAddress

__all__ = ["InspectionOut", "InspectionQuery"]


class InspectionQuery(BaseModel):
    """What to look for; without a document type everything the participant accepts is looked at.

    ``fresh`` asks the network even where an answer is remembered.
    """

    model_config = ConfigDict(extra="forbid")

    document_type: DocumentTypeText | None = None
    process: ProcessText | None = None
    fresh: bool = False


class FaultOut(BaseModel):
    """Why something cannot be used; ``passing`` if the same question may succeed later."""

    code: str
    detail: str
    passing: bool

    @classmethod
    def of(cls, fault: Fault | None) -> Self | None:
        """The API's view of a fault, None for none."""
        if fault is None:
            return None
        return cls(code=fault.code, detail=fault.message, passing=fault.passing)


class NaptrOut(BaseModel):
    """One NAPTR record as found in the DNS."""

    model_config = ConfigDict(from_attributes=True)

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


class SmpOut(BaseModel):
    """The SMP in charge and how it was found.

    ``source`` is the DNS name asked, or the name of the file read; ``authenticated`` says whether
    the resolver vouches for the DNS answer (DNSSEC).
    """

    url: str
    source: str
    aliases: list[str]
    records: list[NaptrOut]
    authenticated: bool

    @classmethod
    def of(cls, smp: SmpAddress | None) -> Self | None:
        """The API's view of an address, None for none."""
        if smp is None:
            return None
        return cls(
            url=smp.url,
            source=smp.source,
            aliases=list(smp.aliases),
            records=[NaptrOut.model_validate(one) for one in smp.records],
            authenticated=smp.authenticated,
        )


class JudgedCertificateOut(CertificateOut):
    """A certificate with its issuer and our verdict over it.

    ``verdict`` is ok, failed or indeterminate, ``verdict_code`` empty when it is ok.
    ``revocation_finding`` is good, revoked, unanswered or unchecked; ``revocation`` says it in
    words.
    """

    issuer: str
    verdict: VerdictStatus
    verdict_code: str
    verdict_detail: str
    revocation: str
    revocation_finding: RevocationFinding

    @classmethod
    def judged(cls, judged: Judged | None) -> Self | None:
        """The API's view of a judged certificate, None for none."""
        if judged is None:
            return None
        certificate, verdict = judged.certificate, judged.verdict
        return cls(
            **CertificateOut.of(certificate).model_dump(),
            issuer=certificate.issuer.rfc4514_string(),
            verdict=verdict.status,
            verdict_code=verdict.code,
            verdict_detail=verdict.message,
            revocation=verdict.revocation,
            revocation_finding=verdict.finding,
        )


class EndpointOut(BaseModel):
    """One endpoint as published; without ``fault`` it can be sent to now."""

    transport_profile: str
    url: str
    activation: datetime | None
    expiry: datetime | None
    service_description: str
    technical_contact: str
    certificate: JudgedCertificateOut | None
    fault: FaultOut | None

    @classmethod
    def of(cls, endpoint: InspectedEndpoint) -> Self:
        """The API's view of an endpoint."""
        published = endpoint.published
        return cls(
            transport_profile=published.transport_profile,
            url=published.url,
            activation=published.activation,
            expiry=published.expiry,
            service_description=published.service_description,
            technical_contact=published.technical_contact,
            certificate=JudgedCertificateOut.judged(endpoint.judged),
            fault=FaultOut.of(endpoint.fault),
        )


class InspectedProcessOut(BaseModel):
    """A process and its endpoints in the order published."""

    process: str
    endpoints: list[EndpointOut]


class InspectedTypeOut(BaseModel):
    """One registered document type; ``looked_at`` says whether its metadata was asked for."""

    document_type: str
    title: str
    looked_at: bool
    usable: bool
    signer: JudgedCertificateOut | None
    redirected_to: str
    processes: list[InspectedProcessOut]
    fault: FaultOut | None

    @classmethod
    def of(cls, one: InspectedType) -> Self:
        """The API's view of a document type."""
        return cls(
            document_type=str(one.document_type),
            title=one.title,
            looked_at=one.looked_at,
            usable=one.usable,
            signer=JudgedCertificateOut.judged(one.signer),
            redirected_to=one.redirected_to,
            processes=[
                InspectedProcessOut(
                    process=str(each.process),
                    endpoints=[EndpointOut.of(end) for end in each.endpoints],
                )
                for each in one.processes
            ],
            fault=FaultOut.of(one.fault),
        )


class MatchOut(BaseModel):
    """Which registration takes the document type asked for, and why it is this one or none."""

    document_type: str
    registered: str | None
    reason: str
    detail: str
    tried: list[str]
    near: list[str]

    @classmethod
    def of(cls, match: Match | None) -> Self | None:
        """The API's view of a match, None where no document type was asked for."""
        if match is None:
            return None
        return cls(
            document_type=str(match.asked),
            registered=None if match.matched is None else str(match.matched),
            reason=match.reason,
            detail=match.sentence,
            tried=[str(one) for one in match.tried],
            near=[str(one) for one in match.near],
        )


class InspectionOut(BaseModel):
    """A participant as the network knows it.

    ``fault`` is the first cause that keeps the participant, or the document asked for, from being
    reached; null if nothing does. ``age_s`` is how old the oldest answer used is, in seconds.
    """

    participant: str
    asked_at: datetime
    age_s: int
    smp: SmpOut | None
    document_types: list[InspectedTypeOut]
    match: MatchOut | None
    fault: FaultOut | None

    @classmethod
    def of(cls, inspection: Inspection) -> Self:
        """The API's view of an inspection."""
        return cls(
            participant=str(inspection.participant),
            asked_at=inspection.asked_at,
            age_s=inspection.age_s,
            smp=SmpOut.of(inspection.smp),
            document_types=[InspectedTypeOut.of(one) for one in inspection.types],
            match=MatchOut.of(inspection.match),
            fault=FaultOut.of(inspection.fault),
        )
