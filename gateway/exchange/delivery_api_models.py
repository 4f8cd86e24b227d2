"""What the API of delivery and hand-over takes and gives."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway.exchange.answer_tables import MlsAsked
from gateway.exchange.api_models import DocumentOut
from gateway.exchange.delivery_plan import Bounds, DeliveryPolicy
from gateway.exchange.delivery_tables import (
    Acknowledgement,
    Channel,
    DeliveryPolicyRow,
    HandOver,
    HandOverPolicyRow,
    HandOverState,
    OnFailure,
)
from gateway.exchange.handover_policies import HandOverChoice, SftpPlace
from gateway.exchange.tables import Document

__all__ = [
    "CancelIn",
    "DeliveryPolicyIn",
    "DeliveryPolicyOut",
    "HandOverOut",
    "HandOverPolicyIn",
    "HandOverPolicyOut",
    "InboxItem",
    "InboxPage",
    "InboxQuery",
]


class DeliveryPolicyIn(BaseModel):
    """How patiently documents are sent. Durations are seconds; the last wait repeats."""

    model_config = ConfigDict(extra="forbid")

    backoff_s: list[float] = Field(min_length=1, max_length=20)
    deadline_s: float = Field(gt=0)
    max_attempts: int = Field(gt=0)
    on_failure: OnFailure = OnFailure.KEEP
    mls_asked: MlsAsked = MlsAsked.ALWAYS

    def policy(self) -> DeliveryPolicy:
        """The policy as a value."""
        return DeliveryPolicy(
            backoff_s=tuple(self.backoff_s),
            deadline_s=self.deadline_s,
            max_attempts=self.max_attempts,
            on_failure=self.on_failure,
            mls_asked=self.mls_asked,
        )


class PolicyBounds(BaseModel):
    """What this instance allows, in seconds and numbers."""

    shortest_wait_s: int
    longest_wait_s: int
    longest_deadline_s: int
    most_attempts: int


class DeliveryPolicyOut(BaseModel):
    """The policy that holds; ``own`` is false where it is the instance's."""

    backoff_s: list[float]
    deadline_s: float
    max_attempts: int
    on_failure: OnFailure
    mls_asked: MlsAsked
    own: bool
    updated_at: datetime | None
    updated_by: str | None
    bounds: PolicyBounds

    @classmethod
    def of(cls, policy: DeliveryPolicy, row: DeliveryPolicyRow | None, bounds: Bounds) -> Self:
        """The API's view of a policy."""
        return cls(
            backoff_s=list(policy.backoff_s),
            deadline_s=policy.deadline_s,
            max_attempts=policy.max_attempts,
            on_failure=policy.on_failure,
            mls_asked=policy.mls_asked,
            own=row is not None,
            updated_at=row.updated_at if row else None,
            updated_by=row.updated_by if row else None,
            bounds=PolicyBounds(
                shortest_wait_s=bounds.shortest_wait_s,
                longest_wait_s=bounds.longest_wait_s,
                longest_deadline_s=bounds.longest_deadline_s,
                most_attempts=bounds.most_attempts,
            ),
        )


class CancelIn(BaseModel):
    """Why a document is cancelled, for its timeline."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=500)


class SftpIn(BaseModel):
    """Where to upload. ``host_key`` is the server's public key (OpenSSH), which is pinned.

    ``secret`` is a private key where ``with_key``, else a password; left out, what is stored
    stays as long as the host is the same.
    """

    model_config = ConfigDict(extra="forbid")

    host: str = Field(max_length=255)
    port: int = Field(22, ge=1, le=65535)
    username: str = Field(max_length=100)
    directory: str = Field("", max_length=500)
    host_key: str = Field(max_length=4000)
    with_key: bool = False
    secret: SecretStr | None = Field(None, max_length=20_000)


class HandOverPolicyIn(BaseModel):
    """How received documents come to the business; ``ack_within_s`` is in seconds."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    acknowledgement: Acknowledgement = Acknowledgement.EXPLICIT
    ack_within_s: int = Field(3 * 86400, gt=0)
    with_rejected: bool = False
    sftp: SftpIn | None = None

    def choice(self) -> HandOverChoice:
        """The choice as a value."""
        place = self.sftp
        return HandOverChoice(
            channel=self.channel,
            acknowledgement=self.acknowledgement,
            ack_within_s=self.ack_within_s,
            with_rejected=self.with_rejected,
            sftp=SftpPlace(
                host=place.host.strip(),
                port=place.port,
                username=place.username.strip(),
                directory=place.directory.strip(),
                host_key=place.host_key,
                with_key=place.with_key,
                secret=place.secret.get_secret_value() if place.secret else None,
            )
            if place
            else None,
        )


class SftpOut(BaseModel):
    """Where documents are uploaded; secrets are never shown."""

    host: str
    port: int
    username: str
    directory: str
    host_key: str
    with_key: bool


class HandOverPolicyOut(BaseModel):
    """How received documents come to the business; ``channels`` is what can be chosen here."""

    channel: Channel
    acknowledgement: Acknowledgement
    ack_within_s: int | None
    with_rejected: bool
    sftp: SftpOut | None
    channels: list[Channel]
    updated_at: datetime | None
    updated_by: str | None

    @classmethod
    def of(cls, row: HandOverPolicyRow | None, channels: tuple[Channel, ...]) -> Self:
        """The API's view of a choice, or of none."""
        return cls(
            channel=row.channel if row else Channel.PULL,
            acknowledgement=row.acknowledgement if row else Acknowledgement.EXPLICIT,
            ack_within_s=row.ack_within_s if row else None,
            with_rejected=row.with_rejected if row else False,
            sftp=SftpOut(
                host=row.sftp_host,
                port=row.sftp_port,
                username=row.sftp_username,
                directory=row.sftp_directory,
                host_key=row.sftp_host_key,
                with_key=bool(row.sftp_private_key),
            )
            if row and row.channel is Channel.SFTP
            else None,
            channels=list(channels),
            updated_at=row.updated_at if row else None,
            updated_by=row.updated_by if row else None,
        )


class HandOverOut(BaseModel):
    """Where a received document is on its way to the business."""

    channel: Channel
    acknowledgement: Acknowledgement
    state: HandOverState
    attempts: int
    error_code: str | None
    error_text: str | None
    handed_over_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledge_by: datetime | None

    @classmethod
    def of(cls, row: HandOver) -> Self:
        """The API's view of a row."""
        return cls(
            channel=row.channel,
            acknowledgement=row.acknowledgement,
            state=row.state,
            attempts=row.attempts,
            error_code=row.error_code,
            error_text=row.error_text,
            handed_over_at=row.handed_over_at,
            acknowledged_at=row.acknowledged_at,
            acknowledged_by=row.acknowledged_by,
            acknowledge_by=row.ack_by,
        )


class InboxItem(BaseModel):
    """A received document and its way to the business."""

    document: DocumentOut
    hand_over: HandOverOut

    @classmethod
    def of(cls, document: Document, row: HandOver) -> Self:
        """The API's view of both."""
        return cls(document=DocumentOut.of(document), hand_over=HandOverOut.of(row))


class InboxPage(BaseModel):
    """A page of received documents, oldest first; ``next_cursor`` asks for what came after."""

    items: list[InboxItem]
    next_cursor: UUID | None


class InboxQuery(BaseModel):
    """Which received documents: acknowledged or not, after a cursor."""

    model_config = ConfigDict(extra="forbid")

    acknowledged: bool | None = None
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)
