"""Style sheets, scripts and images of the console, under addresses that change with them.

The address carries a digest of the whole set, so that a browser may keep a file for ever and
files may refer to each other by relative addresses. All are read once, at start.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from aiohttp import ETag, web

__all__ = ["STATIC", "StaticFile", "StaticFiles"]

_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}
_TEXT: Final = frozenset({".css", ".js", ".json", ".svg", ".txt"})
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is served."""

    content: bytes
    media_type: str
    digest: str
    is_text: bool


class StaticFiles:
    """The files below some folders; a type not known here is not served."""

    def __init__(self, files: Mapping[str, StaticFile]) -> None:
        self._files = MappingProxyType(dict(files))
        whole = "".join(f"{name}\0{file.digest}\0" for name, file in sorted(files.items()))
        self._version = hashlib.sha256(whole.encode()).hexdigest()[:12]

    @classmethod
    def below(cls, *folders: Path) -> Self:
        """Read all files of some folders; one that is not there holds none."""
        found = {}
        for folder, path in ((one, path) for one in folders for path in sorted(one.rglob("*"))):
            media_type = _TYPES.get(path.suffix)
            if media_type is None or not path.is_file():
                continue
            content = path.read_bytes()
            found[path.relative_to(folder).as_posix()] = StaticFile(
                content=content,
                media_type=media_type,
                digest=hashlib.sha256(content).hexdigest(),
                is_text=path.suffix in _TEXT,
            )
        return cls(found)

    def url(self, name: str) -> str:
        """The address of a file; raises KeyError for one that is not there."""
        if name not in self._files:
            raise KeyError(f"no static file is called '{name}'")
        return f"/static/{self._version}/{name}"

    def mount(self, app: web.Application) -> None:
        """Serve the files."""
        app[STATIC] = self
        app.router.add_get("/static/{version}/{name:.+}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        file = self._files.get(request.match_info["name"])
        if file is None or request.match_info["version"] != self._version:
            raise web.HTTPNotFound
        tag = ETag(file.digest[:32], is_weak=True)
        headers = {"Cache-Control": _FOR_EVER}
        known = request.if_none_match or ()
        if any(one.value in (tag.value, "*") for one in known):
            response = web.Response(status=304, headers=headers)
        else:
            response = web.Response(
                body=file.content,
                content_type=file.media_type,
                charset="utf-8" if file.is_text else None,
                headers=headers,
            )
            if file.is_text:
                response.headers["Vary"] = "Accept-Encoding"
                response.enable_compression()
        response.etag = tag
        return response


STATIC: Final = web.AppKey("static", StaticFiles)
