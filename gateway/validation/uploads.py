"""What a request brings to be checked: one document as its body, or files and options as parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, cast

from aiohttp import web
from multidict import MultiMapping

from gateway.core.errors import GatewayError
from gateway.core.http import form_of
from gateway.validation.errors import FILE_MISSING
from gateway.validation.orders import Upload

__all__ = ["Brought", "files_of_form", "read_request"]

_FILE: Final = "file"
_MANY: Final = frozenset({"rules"})
_HEADERS: Final = ("Accept", "Accept-Language", "Prefer", "Idempotency-Key")


@dataclass(frozen=True, slots=True)
class Brought:
    """The files of a request and what it says about them, as the route's query model takes it."""

    uploads: tuple[Upload, ...]
    options: Mapping[str, Any]


async def read_request(request: web.Request) -> Brought:
    """Read a request for a check; raises GatewayError REQUEST-INVALID, VALIDATION-FILE-MISSING.

    Parts of a form win over the address.
    """
    options = {**_options(request.query), **_headers(request)}
    if request.content_type != "multipart/form-data":
        name = str(options.get(_FILE, ""))
        return Brought((Upload(name, BytesIO(await request.read())),), options)
    form = await form_of(request)
    uploads = files_of_form(form)
    if not uploads:
        raise GatewayError(
            FILE_MISSING, "Send the documents as parts called 'file', each with a file name."
        )
    said = {name: value for name, value in _options(form).items() if name != _FILE}
    return Brought(uploads, {**options, **said})


def files_of_form(form: MultiMapping[Any]) -> tuple[Upload, ...]:
    """The files of a form; a browser's empty choice is none."""
    found = (one for one in form.getall(_FILE, []) if isinstance(one, web.FileField))
    return tuple(Upload(one.filename, cast("Any", one.file)) for one in found if one.filename)


def _options(given: MultiMapping[Any]) -> dict[str, Any]:
    return {
        name: given.getall(name) if name in _MANY else given[name]
        for name in given
        if isinstance(given[name], str)
    }


def _headers(request: web.Request) -> dict[str, str]:
    return {name: request.headers[name] for name in _HEADERS if name in request.headers}
