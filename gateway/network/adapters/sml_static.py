"""SMP addresses from a file, for networks without an SML: tests, demonstrations, closed circles.

The file is TOML, or JSON with the same shape:

    default = "https://smp.example.com"
    [participants]
    "iso6523-actorid-upis::0088:1234567890123" = "https://other-smp.example.com"

It is read again whenever it changes, so a new participant needs no restart.
"""

import asyncio
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.as4.identifiers import IdentifierInvalid, ParticipantId
from gateway.network.errors import NOT_REGISTERED, STATIC_FILE, LookupFailed
from gateway.network.sml import SmpAddress, is_web_address

__all__ = ["StaticLocator"]


@dataclass(frozen=True, slots=True)
class _Addresses:
    stamp: tuple[int, int]
    default: str | None
    participants: Mapping[ParticipantId, str]


class StaticLocator:
    """Finds SMPs in a file; a participant not named there has the default SMP, if there is one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: _Addresses | None = None

    async def locate(self, participant: ParticipantId) -> SmpAddress:
        """Look the participant up. Raises LookupFailed LOOKUP-NOT-REGISTERED or STATIC-FILE."""
        addresses = await asyncio.to_thread(self._addresses)
        url = addresses.participants.get(participant, addresses.default)
        if url is None:
            raise LookupFailed(
                NOT_REGISTERED,
                f"The receiver is not in {self._path.name}, which has no default SMP. Check the "
                "identifier, or add the receiver there.",
                participant=str(participant),
            )
        return SmpAddress(url=url.rstrip("/"), source=self._path.name)

    def _addresses(self) -> _Addresses:
        try:
            state = self._path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if self._read is None or self._read.stamp != stamp:
                self._read = _parse(self._path.read_bytes(), path=self._path, stamp=stamp)
        except OSError as error:
            raise LookupFailed(
                STATIC_FILE,
                f"The file of SMP addresses {self._path} cannot be read: {error.strerror}.",
            ) from error
        return self._read


def _parse(data: bytes, *, path: Path, stamp: tuple[int, int]) -> _Addresses:
    try:
        text = data.decode("utf-8")
        content: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise _broken(path, f"cannot be read ({error})") from None
    if not isinstance(content, dict) or content.keys() - {"default", "participants"}:
        raise _broken(path, "may hold 'default' and 'participants' only")
    named = content.get("participants", {})
    if not isinstance(named, dict):
        raise _broken(path, "must hold 'participants' as a table")
    default = content.get("default")
    for url in (*named.values(), *([] if default is None else [default])):
        if not isinstance(url, str) or "?" in url or not is_web_address(url, https_only=False):
            raise _broken(path, f"holds {url!r}, which is no http(s) address")
    try:
        participants = {ParticipantId.parse(key): url for key, url in named.items()}
    except IdentifierInvalid as error:
        raise _broken(path, f"names an impossible participant: {error.message}") from None
    return _Addresses(stamp=stamp, default=default, participants=participants)


def _broken(path: Path, fault: str) -> LookupFailed:
    return LookupFailed(STATIC_FILE, f"The file of SMP addresses {path} {fault}. Correct it.")
