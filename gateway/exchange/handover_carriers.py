"""Carrying a received document to where its business takes it: what every channel must do.

The folder is here; SFTP is next door because its library is an extra. A carrier may be called
again for the same document: its names come from our identifiers alone, so nothing lies there
twice, and what another account or the sender wrote never becomes a path.
"""

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from gateway.core.durable import sync_folder
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.exchange.delivery_tables import HandOverPolicyRow
from gateway.exchange.description import described
from gateway.exchange.tables import Document

__all__ = [
    "HANDOVER_FOLDER",
    "Carrier",
    "FolderCarrier",
    "Parcel",
    "metadata_of",
]

HANDOVER_FOLDER: Final = ErrorKind(
    "HANDOVER-FOLDER", "The folder for received documents cannot be written", 503, Retry.BACKOFF
)
COPIED_AT_ONCE: Final = 1024 * 1024
_ACK: Final = ".ack"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One document to carry: its name everywhere, its bytes and what is written beside them.

    ``account`` is the account's short name. The caller closes ``content``.
    """

    account: str
    name: str
    content: BinaryIO
    metadata: bytes

    @property
    def content_name(self) -> str:
        """The file with the document as it was received."""
        return f"{self.name}.xml"

    @property
    def metadata_name(self) -> str:
        """The file that is written last: where it lies, the other one is complete."""
        return f"{self.name}.json"

    @property
    def ack_name(self) -> str:
        """The file by which the business acknowledges."""
        return f"{self.name}{_ACK}"


class Carrier(Protocol):
    """A channel that lays documents out as files."""

    def check(self, policy: HandOverPolicyRow) -> None:
        """Refuse settings that can never work, with a GatewayError that says why."""
        ...

    async def put(self, parcel: Parcel, policy: HandOverPolicyRow) -> None:
        """Lay a document out, complete or not at all; raises GatewayError worth another attempt."""
        ...

    def place(self, account: str, policy: HandOverPolicyRow) -> str:
        """Where documents are laid out now, so that it can be told from another place."""
        ...

    async def taken(
        self, account: str, name: str, policy: HandOverPolicyRow, *, here: bool
    ) -> bool:
        """Whether the business showed that it has the document: an ``.ack`` file, or it is gone.

        ``here`` is whether it was laid out at the place of today: only then it can be gone.
        """
        ...


def metadata_of(document: Document, *, sha256: str, size: int, at: datetime) -> bytes:
    """What is written beside a document, as UTF-8 JSON.

    Says which document it is, who sent it to whom, and the digest of the file beside it.
    """
    told: dict[str, Any] = {
        "document_id": str(document.id),
        **described(document),
        "network": document.network.value,
        "file": f"{document.id}.xml",
        "sha256": sha256,
        "size": size,
        "received_at": document.created_at.isoformat(),
        "handed_over_at": at.isoformat(),
    }
    return json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n"


class FolderCarrier:
    """Writes into one folder per account under a folder of the operator's."""

    def __init__(self, base: Path) -> None:
        self._base = base

    def check(self, policy: HandOverPolicyRow) -> None:
        """Nothing an account sets can be wrong: the operator chose the folder."""

    async def put(self, parcel: Parcel, policy: HandOverPolicyRow) -> None:
        """Write the document, then its metadata, each under a passing name first."""
        try:
            await asyncio.to_thread(self._put, parcel)
        except OSError as error:
            raise self._away(error) from error

    def place(self, account: str, policy: HandOverPolicyRow) -> str:
        """The account's folder."""
        return str(self._folder(account).absolute())

    async def taken(
        self, account: str, name: str, policy: HandOverPolicyRow, *, here: bool
    ) -> bool:
        """Whether there is an ``.ack`` file, or the metadata was taken away."""
        try:
            return await asyncio.to_thread(self._taken, account, name, here=here)
        except OSError as error:
            raise self._away(error) from error

    def _put(self, parcel: Parcel) -> None:
        folder = self._folder(parcel.account)
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        _write(folder / parcel.content_name, parcel.content)
        (folder / parcel.ack_name).unlink(missing_ok=True)
        _write(folder / parcel.metadata_name, parcel.metadata)

    def _taken(self, account: str, name: str, *, here: bool) -> bool:
        folder = self._folder(account)
        # A folder that is away says nothing: its files were not taken, they cannot be seen.
        folder.stat()
        acked = (folder / f"{name}{_ACK}").exists()
        return acked or (here and not (folder / f"{name}.json").exists())

    def _folder(self, account: str) -> Path:
        if not account or account != Path(account).name or account.startswith("."):
            raise GatewayError(
                HANDOVER_FOLDER, f"The account's short name '{account}' cannot name a folder."
            )
        return self._base / account

    def _away(self, error: OSError) -> GatewayError:
        return GatewayError(
            HANDOVER_FOLDER,
            f"The folder of received documents cannot be used ({type(error).__name__}). Make it "
            "writable for the gateway; the document is laid out as soon as it is.",
        )


def _write(place: Path, source: BinaryIO | bytes) -> None:
    """Write a file that appears whole or not at all, and survives a power cut."""
    passing = place.with_name(f".{place.name}.part")
    with passing.open("wb") as target:
        if isinstance(source, bytes):
            target.write(source)
        else:
            while chunk := source.read(COPIED_AT_ONCE):
                target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    passing.replace(place)
    sync_folder(place.parent)
