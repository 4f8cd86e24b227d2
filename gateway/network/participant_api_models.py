"""Shapes of the API about one participant: its life, card, redirects, identification, moves."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.as4.identifiers import ParticipantId
from gateway.core.api_values import Instant
from gateway.network.api_models import Country, Line
from gateway.network.business_card import BusinessEntity
from gateway.network.identification import Choice, FieldRule, IdentificationRules, Proof, Standing
from gateway.network.identification_service import NewIdentification
from gateway.network.participant_changes import Amendment, Published
from gateway.network.publication_changes import Affected
from gateway.network.tables import (
    BusinessCardRow,
    EndUserIdentification,
    Participant,
    ParticipantMove,
    PublicationChange,
    PublishedRedirect,
    SmlRegistration,
)

__all__ = [
    "AffectedOut",
    "AmendmentIn",
    "ArrivalIn",
    "BusinessCardIn",
    "BusinessCardOut",
    "CertificateChangeIn",
    "ChangeOut",
    "ChangePage",
    "EndpointChangeIn",
    "IdentificationHistory",
    "IdentificationIn",
    "IdentificationOut",
    "IdentificationRulesOut",
    "MoveList",
    "MoveOut",
    "ParticipantInFull",
    "PublisherOut",
    "RedirectIn",
    "RedirectOut",
    "RegistrationOut",
    "SuspensionIn",
    "SynchroniseOut",
]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


Note = Annotated[str, StringConstraints(max_length=2000)]


class AmendmentIn(_In):
    """What a participant is to be; service times are unbounded when null."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=300)]
    country: Country
    serves_from: Instant | None = None
    serves_until: Instant | None = None

    def amendment(self) -> Amendment:
        """The same as a value of the domain."""
        return Amendment(self.name, self.country, self.serves_from, self.serves_until)


class SuspensionIn(_In):
    """Why a participant is not to be served for now."""

    because: Annotated[Line, StringConstraints(min_length=1, max_length=300)]


class RedirectIn(_In):
    """Which SMP answers instead; ``certificate_uid`` is its certificate's subject name."""

    href: Annotated[str, StringConstraints(max_length=2000)]
    certificate_uid: Annotated[str, StringConstraints(min_length=4, max_length=500)]


class RedirectOut(BaseModel):
    """A published redirect."""

    document_type: str
    href: str
    certificate_uid: str
    updated_at: datetime

    @classmethod
    def of(cls, row: PublishedRedirect) -> Self:
        """The API's view of a row."""
        return cls.model_validate(row, from_attributes=True)


class BusinessCardIn(_In):
    """What the Peppol Directory may show: one entity or several."""

    entities: Annotated[list[BusinessEntity], Field(min_length=1, max_length=20)]


class BusinessCardOut(BaseModel):
    """A published business card."""

    entities: list[BusinessEntity]
    updated_at: datetime

    @classmethod
    def of(cls, row: BusinessCardRow) -> Self:
        """The API's view of a row."""
        entities = [BusinessEntity.model_validate(one) for one in row.entities]
        return cls(entities=entities, updated_at=row.updated_at)


class AcceptedOut(BaseModel):
    """A document type in a process that a participant accepts."""

    document_type: str
    process: str
    endpoint_url: str | None
    activation: datetime | None
    expiry: datetime | None


class ParticipantInFull(BaseModel):
    """A participant with its service times and everything published about it."""

    participant: str
    name: str
    country: str
    seat_id: str | None
    serves_from: datetime | None
    serves_until: datetime | None
    suspended_at: datetime | None
    suspended_because: str
    served_now: bool
    accepts: list[AcceptedOut]
    redirects: list[RedirectOut]
    business_card: BusinessCardOut | None
    created_at: datetime

    @classmethod
    def of(cls, found: Published, *, at: datetime) -> Self:
        """The API's view of rows."""
        row = found.participant
        return cls(
            participant=_name(row),
            name=row.name,
            country=row.country,
            seat_id=row.seat_id,
            serves_from=row.serves_from,
            serves_until=row.serves_until,
            suspended_at=row.suspended_at,
            suspended_because=row.suspended_because,
            served_now=row.is_served(at),
            accepts=[
                AcceptedOut.model_validate(one, from_attributes=True) for one in found.capabilities
            ],
            redirects=[RedirectOut.of(one) for one in found.redirects],
            business_card=None if found.card is None else BusinessCardOut.of(found.card),
            created_at=row.created_at,
        )


class ProofModel(_In):
    """What was seen: its kind, where it is kept, the SHA-256 of the document in hexadecimal."""

    kind: Annotated[str, StringConstraints(max_length=60)]
    reference: Annotated[Line, StringConstraints(min_length=1, max_length=500)]
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""


class IdentificationIn(_In):
    """Who was identified and how; ``account`` is the short name of its account.

    ``account`` is needed while the participant is not registered. With ``valid`` false the record
    withdraws what was established before, and ``note`` says why.
    """

    account: Annotated[str, StringConstraints(max_length=60)] | None = None
    valid: bool = True
    fields: Annotated[dict[str, str], Field(max_length=50)] = {}
    proofs: Annotated[list[ProofModel], Field(max_length=20)] = []
    method: Annotated[str, StringConstraints(max_length=60)] = ""
    identified_on: date
    identified_by: Annotated[Line, StringConstraints(min_length=1, max_length=200)]
    recheck_on: date | None = None
    note: Note = ""

    def new(self) -> NewIdentification:
        """The same as a value of the domain."""
        return NewIdentification(
            fields=dict(self.fields),
            proofs=tuple(Proof(one.kind, one.reference, one.sha256) for one in self.proofs),
            method=self.method,
            identified_on=self.identified_on,
            identified_by=self.identified_by,
            recheck_on=self.recheck_on,
            note=self.note,
            valid=self.valid,
        )


class IdentificationOut(BaseModel):
    """One record of the history."""

    id: UUID
    valid: bool
    fields: dict[str, str]
    proofs: list[ProofModel]
    method: str
    identified_on: date
    identified_by: str
    recheck_on: date
    note: str
    recorded_by: str
    recorded_at: datetime

    @classmethod
    def of(cls, row: EndUserIdentification) -> Self:
        """The API's view of a row."""
        return cls.model_validate(row, from_attributes=True)


class IdentificationHistory(BaseModel):
    """Whether the end user counts as identified today, and every record, newest first.

    ``standing`` is valid, due, expired, withdrawn or missing.
    """

    standing: str
    recheck_on: date | None
    required: bool
    items: list[IdentificationOut]

    @classmethod
    def of(
        cls, standing: Standing, rows: Sequence[EndUserIdentification], *, required: bool
    ) -> Self:
        """The API's view of the history."""
        return cls(
            standing=standing.code,
            recheck_on=standing.recheck_on,
            required=required,
            items=[IdentificationOut.of(one) for one in rows],
        )


class IdentificationRulesOut(BaseModel):
    """What a complete record has."""

    recheck_months: int
    fields: list[FieldRule]
    proofs: list[Choice]
    methods: list[Choice]

    @classmethod
    def of(cls, rules: IdentificationRules) -> Self:
        """The API's view of the rules."""
        return cls(
            recheck_months=rules.recheck_months,
            fields=list(rules.field),
            proofs=list(rules.proof),
            methods=list(rules.method),
        )


class _ChangeIn(_In):
    effective_at: Instant | None = None
    preview: bool = False


class CertificateChangeIn(_ChangeIn):
    """Which certificate is published no more (PEM or SHA-256 fingerprint), and which instead."""

    old: Annotated[str, StringConstraints(min_length=64, max_length=10_000)]
    new_certificate_pem: Annotated[str, StringConstraints(max_length=10_000)]


class EndpointChangeIn(_ChangeIn):
    """Which address is published no more, and which instead."""

    old: Annotated[str, StringConstraints(min_length=8, max_length=2000)]
    new: Annotated[str, StringConstraints(min_length=8, max_length=2000)]


class ReachedOut(BaseModel):
    """Something published that a change reaches."""

    participant: str
    document_type: str
    process: str
    endpoint_url: str | None


class AffectedOut(BaseModel):
    """What a change would reach now; at most 500 are listed."""

    items: list[ReachedOut]

    @classmethod
    def of(cls, found: Sequence[Affected]) -> Self:
        """The API's view of a preview."""
        return cls(
            items=[
                ReachedOut(
                    participant=_name(one.participant),
                    document_type=one.capability.document_type,
                    process=one.capability.process,
                    endpoint_url=one.capability.endpoint_url,
                )
                for one in found
            ]
        )


class ChangeOut(BaseModel):
    """A change of publications: scheduled, applied or cancelled."""

    id: UUID
    what: Literal["certificate", "endpoint"]
    everywhere: bool
    old: str
    new: str
    state: str
    affected: int
    effective_at: datetime
    asked_by: str
    created_at: datetime

    @classmethod
    def of(cls, row: PublicationChange) -> Self:
        """The API's view of a row."""
        return cls.model_validate(row, from_attributes=True)


class ChangePage(BaseModel):
    """The newest fifty changes."""

    items: list[ChangeOut]


class ArrivalIn(_In):
    """The key that the provider gave whose SMP the participant leaves."""

    migration_key: Annotated[str, StringConstraints(min_length=8, max_length=24)]


class MoveOut(BaseModel):
    """A move between SMPs; ``migration_key`` is there once, when it was made."""

    id: UUID
    state: str
    error_code: str
    started_by: str
    started_at: datetime
    updated_at: datetime
    migration_key: str | None = None

    @classmethod
    def of(cls, row: ParticipantMove, *, key: str | None = None) -> Self:
        """The API's view of a row."""
        found = cls.model_validate(row, from_attributes=True)
        found.migration_key = key
        return found


class RegistrationOut(BaseModel):
    """Where the participant's entry in the SML stands; ``error_...`` is empty unless it failed."""

    state: str
    error_code: str
    error_text: str
    updated_at: datetime

    @classmethod
    def of(cls, row: SmlRegistration) -> Self:
        """The API's view of a row."""
        return cls.model_validate(row, from_attributes=True)


class MoveList(BaseModel):
    """A participant's moves, newest first, and its entry in the SML if there ever was one."""

    registration: RegistrationOut | None
    items: list[MoveOut]


class PublisherOut(BaseModel):
    """Our SMP as the SML now knows it."""

    smp_id: str
    logical_address: str


class SynchroniseOut(BaseModel):
    """How many registrations were asked for."""

    asked: int


def _name(row: Participant) -> str:
    return str(ParticipantId(row.scheme, row.value))
