"""What a browser brings along: its session cookie, its forms' secret, its address, the way back.

Values and request keys only; who sets them is the server, who reads them are the pages.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from aiohttp import web

from gateway.access.sessions import LIFETIME
from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "CLIENT_ADDRESS",
    "CSRF",
    "CSRF_FIELD",
    "CSRF_HEADER",
    "CSRF_REFUSED",
    "SESSION_COOKIE",
    "SessionCookie",
    "require_secret",
    "safe_path",
]

CSRF_REFUSED: Final = ErrorKind("ACCESS-CSRF", "The request did not come from our pages", 403)

CSRF: Final = web.RequestKey("csrf", str)
"""The secret every form of the signed-in browser must carry; absent without a session."""

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"

CLIENT_ADDRESS: Final = web.RequestKey("client_address", str)
"""The caller's IP address, seen through trusted proxies only; empty when unknown."""

_COOKIE_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_HOME: Final = "/"


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """The cookie a session lives in. ``secure`` means it never leaves over plain HTTP."""

    secure: bool

    @classmethod
    def under(cls, public_url: str) -> Self:
        """The cookie of a gateway the world knows by this address."""
        return cls(secure=public_url.startswith("https://"))

    @property
    def name(self) -> str:
        """``__Host-`` ties the cookie to this very host; browsers want HTTPS for it."""
        return "__Host-gateway" if self.secure else "gateway"

    def read(self, request: web.Request) -> str | None:
        """The session's text as the browser sent it; ``None`` for none or no possible one."""
        text = request.cookies.get(self.name, "")
        return text if _COOKIE_TEXT.fullmatch(text) else None

    def set(self, response: web.StreamResponse, text: str) -> None:
        """Hand the session to the browser."""
        response.set_cookie(
            self.name,
            text,
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Lax",
        )

    def clear(self, response: web.StreamResponse) -> None:
        """Make the browser forget the session."""
        response.del_cookie(self.name, path="/", secure=self.secure, httponly=True, samesite="Lax")


SESSION_COOKIE: Final = web.AppKey("session_cookie", SessionCookie)


def require_secret(request: web.Request, field: str | None) -> None:
    """Refuse a form without the secret of its session, in a header or in its ``field``.

    A caller without a session needs none. Raises GatewayError ACCESS-CSRF.
    """
    expected, sent = request.get(CSRF), request.headers.get(CSRF_HEADER, field or "")
    if expected is None:
        return
    if not hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), expected.encode()):
        raise GatewayError(
            CSRF_REFUSED, "The page was older than the session. Reload it and try again."
        )


def safe_path(text: str | None) -> str:
    """The place on this very server that ``text`` names, else the home page.

    Refuses whatever a browser might take for another site: schemes, ``//host``, backslashes,
    control characters.
    """
    if not text or not text.startswith("/") or text.startswith("//"):
        return _HOME
    if "\\" in text or not text.isprintable():
        return _HOME
    parts = urlsplit(text)
    return text if not parts.scheme and not parts.netloc else _HOME
