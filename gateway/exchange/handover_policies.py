"""How accounts get their documents: which channel holds for whom, and who may choose what."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.access.turns import take_turn
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.vault import Vault
from gateway.exchange.delivery_tables import Acknowledgement, Channel, HandOverPolicyRow
from gateway.exchange.handover_carriers import Carrier

__all__ = [
    "HANDOVER_POLICY",
    "HandOverChoice",
    "HandOverPolicies",
    "SftpPlace",
]

HANDOVER_POLICY: Final = ErrorKind(
    "HANDOVER-POLICY", "Documents cannot be handed over that way", 422
)
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,253}[A-Za-z0-9])?")
_LONGEST_WAIT_S: Final = 30 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpPlace:
    """Where and as whom to upload. ``secret`` None keeps what is stored.

    ``secret`` is a private key where ``with_key``, else a password. ``host_key`` is the server's
    public key in OpenSSH form.
    """

    host: str
    port: int
    username: str
    directory: str
    host_key: str
    with_key: bool
    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverChoice:
    """What an account chooses; ``ack_within_s`` is in seconds."""

    channel: Channel
    acknowledgement: Acknowledgement
    ack_within_s: int
    with_rejected: bool
    sftp: SftpPlace | None = None


class HandOverPolicies:
    """Which way holds for whom; an account that chose none fetches its documents."""

    def __init__(
        self,
        *,
        database: Database,
        carriers: dict[Channel, Carrier],
        vault: Vault,
        now: MachineClock,
    ) -> None:
        self.carriers = carriers
        self._database = database
        self._vault = vault
        self._now = now

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What accounts of this instance can choose."""
        carried = (one for one in (Channel.FOLDER, Channel.SFTP) if one in self.carriers)
        return (Channel.PULL, Channel.WEBHOOK, *carried)

    async def of(self, session: AsyncSession, tenant_id: UUID) -> HandOverPolicyRow | None:
        """The account's choice, None where it made none."""
        return await session.get(HandOverPolicyRow, tenant_id)

    async def show(self, caller: Principal) -> HandOverPolicyRow | None:
        """The caller's choice."""
        async with self._database.read() as session:
            return await self.of(session, caller.tenant_id)

    async def save(self, caller: Principal, choice: HandOverChoice) -> HandOverPolicyRow:
        """Let a choice hold for what arrives from now on.

        Raises GatewayError HANDOVER-POLICY, HANDOVER-SFTP-SETTINGS for keys nobody can read, or
        SECRET-KEY-MISSING.
        """
        caller.require("settings:write")
        self._require_possible(choice)
        async with self._database.write() as session:
            await take_turn(session, caller.tenant_id)
            known = await session.get(HandOverPolicyRow, caller.tenant_id)
            row = await session.merge(self._row(caller, choice, known))
            audit(
                session,
                caller,
                action="handover-policy.changed",
                object=str(caller.tenant_id),
                channel=choice.channel.value,
                acknowledgement=choice.acknowledgement.value,
            )
        return row

    def _require_possible(self, choice: HandOverChoice) -> None:
        if choice.channel not in self.channels:
            known = ", ".join(self.channels)
            raise _refused(
                f"This instance hands over by {known}; ask its operator for '{choice.channel}'."
            )
        if choice.channel is Channel.PULL and choice.acknowledgement is Acknowledgement.DELIVERY:
            raise _refused("Who fetches documents acknowledges them; choose 'explicit'.")
        if not 60 <= choice.ack_within_s <= _LONGEST_WAIT_S:
            raise _refused("An acknowledgement is waited for between a minute and 30 days.")
        place = choice.sftp
        if choice.channel is not Channel.SFTP:
            return
        if place is None or not _HOST.fullmatch(place.host) or not 0 < place.port < 65536:
            raise _refused("SFTP needs a host name or address and a port.")
        if not place.username or not place.host_key:
            raise _refused("SFTP needs a user name and the server's own key, which is pinned.")
        if ".." in place.directory.split("/") or "\\" in place.directory:
            raise _refused("The directory is a plain path on the server, without '..'.")

    def _row(
        self, caller: Principal, choice: HandOverChoice, known: HandOverPolicyRow | None
    ) -> HandOverPolicyRow:
        row = HandOverPolicyRow(
            tenant_id=caller.tenant_id,
            channel=choice.channel,
            acknowledgement=choice.acknowledgement,
            ack_within_s=choice.ack_within_s,
            with_rejected=choice.with_rejected,
            updated_at=self._now(),
            updated_by=caller.actor[:200],
        )
        if choice.channel is not Channel.SFTP or choice.sftp is None:
            return row
        place = choice.sftp
        row.sftp_host, row.sftp_port = place.host, place.port
        row.sftp_username, row.sftp_directory = place.username[:100], place.directory[:500]
        row.sftp_host_key = place.host_key.strip()
        sealed = self._vault.seal(place.secret.encode(), row.place) if place.secret else None
        # A secret belongs to one server: it is not carried over to another one.
        if place.secret is None and known is not None and known.sftp_host == place.host:
            sealed = known.sftp_private_key if place.with_key else known.sftp_password
        if not sealed:
            raise _refused("SFTP needs a password or a private key; enter it again for a new host.")
        if place.with_key:
            row.sftp_private_key = sealed
        else:
            row.sftp_password = sealed
        self.carriers[Channel.SFTP].check(row)
        return row


def _refused(message: str) -> GatewayError:
    return GatewayError(HANDOVER_POLICY, message)
