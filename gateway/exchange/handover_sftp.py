"""Carrying received documents to a server of the business by SFTP.

The server's key is pinned: without it, or with another, nothing is sent. Needs the extra
``sftp`` (asyncssh); imported only where that is installed.
"""

import asyncio
import ipaddress
import posixpath
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncssh

from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.core.vault import Vault
from gateway.exchange.delivery_tables import HandOverPolicyRow
from gateway.exchange.handover_carriers import COPIED_AT_ONCE, Parcel

__all__ = ["HANDOVER_SFTP", "HANDOVER_SFTP_SETTINGS", "SftpCarrier"]

HANDOVER_SFTP: Final = ErrorKind(
    "HANDOVER-SFTP", "The SFTP server did not take the document", 502, Retry.BACKOFF
)
HANDOVER_SFTP_SETTINGS: Final = ErrorKind(
    "HANDOVER-SFTP-SETTINGS", "The SFTP settings cannot be used", 422
)
_CONNECT_S: Final = 20
_WHOLE_S: Final = 600


class SftpCarrier:
    """Uploads under a passing name and renames, document first, metadata last."""

    def __init__(self, stage: Stage, vault: Vault) -> None:
        self._stage = stage
        self._vault = vault

    def check(self, policy: HandOverPolicyRow) -> None:
        """Refuse keys that cannot be read; raises GatewayError HANDOVER-SFTP-SETTINGS."""
        self._credentials(policy)

    async def put(self, parcel: Parcel, policy: HandOverPolicyRow) -> None:
        """Upload a document; raises GatewayError HANDOVER-SFTP, OUTGOING-ADDRESS.

        SECRET-KEY-MISSING and SECRET-DAMAGED say that nobody can sign in there from here.
        """
        async with self._opened(policy) as sftp:
            folder = policy.sftp_directory or "."
            await _upload(sftp, posixpath.join(folder, parcel.content_name), parcel)
            await _remove(sftp, posixpath.join(folder, parcel.ack_name))
            await _upload(sftp, posixpath.join(folder, parcel.metadata_name), parcel.metadata)

    def place(self, account: str, policy: HandOverPolicyRow) -> str:
        """The directory on its server, as a URL without anything secret."""
        host, folder = _in_url(policy.sftp_host), policy.sftp_directory
        return f"sftp://{policy.sftp_username}@{host}:{policy.sftp_port}/{folder}"

    async def taken(
        self, account: str, name: str, policy: HandOverPolicyRow, *, here: bool
    ) -> bool:
        """Whether there is an ``.ack`` file, or the metadata was taken away."""
        async with self._opened(policy) as sftp:
            folder = policy.sftp_directory or "."
            if not await sftp.isdir(folder):
                raise _failed("its directory is not there")
            acked = await sftp.exists(posixpath.join(folder, f"{name}.ack"))
            metadata = posixpath.join(folder, f"{name}.json")
            return acked or (here and not await sftp.exists(metadata))

    @asynccontextmanager
    async def _opened(self, policy: HandOverPolicyRow) -> AsyncIterator[asyncssh.SFTPClient]:
        address = await self._address(policy.sftp_host, policy.sftp_port)
        try:
            async with (
                asyncio.timeout(_WHOLE_S),
                asyncssh.connect(
                    address,
                    policy.sftp_port,
                    username=policy.sftp_username,
                    host_key_alias=policy.sftp_host,
                    connect_timeout=_CONNECT_S,
                    login_timeout=_CONNECT_S,
                    # Nothing of the machine's own: no agent, no configuration, no known hosts.
                    agent_path=None,
                    config=None,
                    **self._credentials(policy),
                ) as connection,
                connection.start_sftp_client() as sftp,
            ):
                yield sftp
        except asyncssh.HostKeyNotVerifiable as error:
            raise _failed(
                "it showed another key than the one that is pinned. Compare the fingerprint with "
                "the server's operator before changing anything"
            ) from error
        except asyncssh.PermissionDenied as error:
            raise _failed("it refused the login") from error
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise _failed(f"{type(error).__name__}") from error

    async def _address(self, host: str, port: int) -> str:
        """The address to connect to; in production each that the name has must be public."""
        check_url(f"https://{_in_url(host)}/", self._stage)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise _failed("its name is not found") from error
        addresses = [str(one[4][0]) for one in found]
        for one in addresses:
            check_url(f"https://{_in_url(one)}/", self._stage)
        return addresses[0]

    def _credentials(self, policy: HandOverPolicyRow) -> dict[str, Any]:
        """What to sign in with, and the one key the server may show."""
        known: dict[str, Any] = {"known_hosts": ([_pinned(policy.sftp_host_key)], [], [])}
        sealed = policy.sftp_private_key or policy.sftp_password
        secret = self._vault.open(sealed, policy.place).decode()
        if not policy.sftp_private_key:
            return {**known, "password": secret, "client_keys": None}
        return {**known, "client_keys": [_private_key(secret)], "password": None}


def _in_url(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def _pinned(host_key: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(host_key)
    except (asyncssh.KeyImportError, ValueError) as error:
        raise GatewayError(
            HANDOVER_SFTP_SETTINGS,
            "The server's key is not in OpenSSH form. Paste a line as 'ssh-keyscan' shows it, "
            "without the host name, after comparing it with the server's operator.",
        ) from error


def _private_key(text: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, ValueError) as error:
        raise GatewayError(
            HANDOVER_SFTP_SETTINGS,
            "The private key cannot be read. Paste it in OpenSSH or PEM form, without passphrase.",
        ) from error


async def _upload(sftp: asyncssh.SFTPClient, place: str, source: Parcel | bytes) -> None:
    passing = posixpath.join(posixpath.dirname(place), f".{posixpath.basename(place)}.part")
    async with sftp.open(passing, "wb") as target:
        if isinstance(source, bytes):
            await target.write(source)
        else:
            while chunk := await asyncio.to_thread(source.content.read, COPIED_AT_ONCE):
                await target.write(chunk)
    try:
        await sftp.posix_rename(passing, place)
    except asyncssh.SFTPOpUnsupported:
        # Older servers rename only onto a free name.
        await _remove(sftp, place)
        await sftp.rename(passing, place)


async def _remove(sftp: asyncssh.SFTPClient, place: str) -> None:
    try:
        await sftp.remove(place)
    except asyncssh.SFTPNoSuchFile:
        return


def _failed(what: str) -> GatewayError:
    return GatewayError(
        HANDOVER_SFTP, f"The SFTP server did not take the document: {what}. It is tried again."
    )
