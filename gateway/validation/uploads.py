"""What a request brings to be checked: one document as its body, or files and options as parts.

All files of a request lie one behind the other in one spool, so that neither their size nor their
number takes memory or open files; each is hashed on its way in.
"""

import asyncio
import hashlib
import io
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

from aiohttp import BodyPartReader, MultipartReader, web
from multidict import MultiDict, MultiMapping

from gateway.access.browser import CSRF_FIELD, require_secret
from gateway.core.errors import GatewayError
from gateway.core.http import MULTIPART, form_faults, refuse_nul
from gateway.core.incoming import CHUNK_BYTES, Arrival
from gateway.core.spool import Content, Spool
from gateway.validation.errors import FILE_MISSING, TOO_MANY_FILES
from gateway.validation.orders import MAX_FILES, Upload

__all__ = ["Brought", "read_page_form", "read_request"]

_FILE: Final = "file"
_MANY: Final = frozenset({"rules"})
_HEADERS: Final = ("Accept", "Accept-Language", "Prefer", "Idempotency-Key")
_MAX_PARTS: Final = 1000
_MAX_TEXT: Final = 64 * 1024
"""More than all options of a check together could ever need, in bytes."""

_Pieces = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Brought:
    """The files of a request and what it says about them, as the route's query model takes it.

    Good until the spool they lie in is closed.
    """

    uploads: tuple[Upload, ...]
    options: Mapping[str, Any]
    spool: Spool

    async def only(self) -> tuple[str, Content]:
        """Name and content of the one file; raises ValueError where there are several."""
        (upload,) = self.uploads
        return upload.name, await asyncio.to_thread(lambda: self.spool.content)


async def read_request(request: web.Request, spool: Spool) -> Brought:
    """Take in a request for a check; parts of a form win over the address.

    Raises GatewayError REQUEST-INVALID, VALIDATION-FILE-MISSING, VALIDATION-FILES, and what
    becomes BODY-TOO-LARGE as soon as more has come than this server takes.
    """
    options = {**_options(request.query), **_headers(request)}
    files, arrival = _Files(spool), Arrival(request)
    if request.content_type != MULTIPART:
        await files.add(str(options.get(_FILE, "")), _body(request, arrival))
        return Brought(tuple(files.taken), options, spool)
    with form_faults():
        form = await _read_form(await request.multipart(), arrival, files)
    if not files.taken:
        raise GatewayError(
            FILE_MISSING, "Send the documents as parts called 'file', each with a file name."
        )
    said = {name: value for name, value in _options(form).items() if name != _FILE}
    return Brought(tuple(files.taken), {**options, **said}, spool)


async def read_page_form(request: web.Request, spool: Spool) -> Brought:
    """Take in the files of a page's form, none of which may come before the session's secret.

    A browser's empty choice is no file. Raises GatewayError ACCESS-CSRF, REQUEST-INVALID,
    VALIDATION-FILES, and what becomes BODY-TOO-LARGE.
    """

    def admit(texts: MultiMapping[str]) -> None:
        require_secret(request, texts.get(CSRF_FIELD))

    files, arrival = _Files(spool), Arrival(request)
    if request.content_type == MULTIPART:
        with form_faults():
            await _read_form(await request.multipart(), arrival, files, admit=admit)
    return Brought(tuple(files.taken), {}, spool)


class _Files:
    """Writes files one behind the other into a spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.taken: list[Upload] = []

    async def add(self, name: str, pieces: _Pieces) -> None:
        """Take in one file more; raises GatewayError VALIDATION-FILES."""
        if len(self.taken) == MAX_FILES:
            raise GatewayError(
                TOO_MANY_FILES, f"An order has {MAX_FILES} files at most; place several orders."
            )
        digest, start = hashlib.sha256(), self._spool.tell()

        def write(piece: bytes) -> None:
            digest.update(piece)
            self._spool.write(piece)

        async with aclosing(pieces):
            async for piece in pieces:
                await asyncio.to_thread(write, piece)
        window = _Window(self._spool, start, self._spool.tell())
        self.taken.append(Upload(name, digest.hexdigest(), cast("BinaryIO", window)))


class _Window(io.RawIOBase):
    """One file of a spool that holds several."""

    def __init__(self, spool: Spool, start: int, end: int) -> None:
        super().__init__()
        self._spool, self._start, self._end = spool, start, end
        self._next = start

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the present position."""
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._next, io.SEEK_END: self._end}[whence]
        self._next = max(self._start, base + offset)
        return self.tell()

    def tell(self) -> int:
        """The present position."""
        return self._next - self._start

    def readinto(self, buffer: Any, /) -> int:
        """Read as many bytes as there are room and bytes left for."""
        self._spool.seek(self._next)
        found = self._spool.read(min(len(buffer), max(0, self._end - self._next)))
        buffer[: len(found)] = found
        self._next += len(found)
        return len(found)


async def _read_form(
    reader: MultipartReader,
    arrival: Arrival,
    files: _Files,
    *,
    admit: Callable[[MultiMapping[str]], None] | None = None,
) -> MultiMapping[str]:
    """Take in a form's files and return its texts; raises what a form that is none leads to.

    ``admit`` sees the texts that came before any file, and refuses by raising.
    """
    texts: MultiDict[str] = MultiDict()
    parts = size = 0
    while (part := await arrival.read(reader.next())) is not None:
        parts += 1
        if parts > _MAX_PARTS:
            raise web.HTTPRequestEntityTooLarge(max_size=_MAX_PARTS, actual_size=parts)
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise ValueError("a form consists of parts with names")
        if part.filename and admit is not None:
            admit(texts)
        if part.filename and part.name == _FILE:
            refuse_nul(part.filename)
            await files.add(part.filename, _part(part, arrival))
            continue
        value = bytearray()
        async with aclosing(_part(part, arrival)) as pieces:
            async for piece in pieces:
                if part.filename:
                    continue  # a file nobody asked for
                size += len(piece)
                if size > _MAX_TEXT:
                    raise web.HTTPRequestEntityTooLarge(max_size=_MAX_TEXT, actual_size=size)
                value += piece
        if not part.filename and part.headers.get("Content-Type", "text/").startswith("text/"):
            text = value.decode(part.get_charset(default="utf-8"))
            refuse_nul(text)
            texts.add(part.name, text)
    if admit is not None:
        admit(texts)
    return texts


async def _body(request: web.Request, arrival: Arrival) -> _Pieces:
    while piece := await arrival.read(request.content.read(CHUNK_BYTES)):
        yield piece


async def _part(part: BodyPartReader, arrival: Arrival) -> _Pieces:
    if part.headers.get("Content-Transfer-Encoding", "").lower() == "quoted-printable":
        raise ValueError("a piece of it cannot be decoded on its own")
    while piece := await arrival.read(part.read_chunk(CHUNK_BYTES)):
        async for decoded in part.decode_iter(piece):
            yield bytes(decoded)


def _options(given: MultiMapping[str]) -> dict[str, Any]:
    return {name: given.getall(name) if name in _MANY else given[name] for name in given}


def _headers(request: web.Request) -> dict[str, str]:
    return {name: request.headers[name] for name in _HEADERS if name in request.headers}
