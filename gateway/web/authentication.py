"""Who is calling and whether they may: API keys, browser sessions, scopes, forged requests.

Programs send ``Authorization: Bearer gwk_...``; browsers a session cookie, whose unsafe requests
must come from our own pages: by what the browser says (``Sec-Fetch-Site``, else ``Origin``) and
by a secret only our pages know. The network face knows no callers.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import web

from gateway.access.browser import (
    CSRF,
    CSRF_FIELD,
    CSRF_HEADER,
    CSRF_REFUSED,
    SessionCookie,
    require_secret,
)
from gateway.access.principal import PRINCIPAL, SIGN_IN_NEEDED, Principal, principal
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.core.errors import GatewayError
from gateway.core.http import MULTIPART, Face, Handler, Route, form_of, seen_other

__all__ = ["SIGN_IN_PATH", "Authentication"]

SIGN_IN_PATH: Final = "/sign-in"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", MULTIPART})
_OWN_SITE: Final = frozenset({"same-origin", "none"})


class Authentication:
    """The doorkeeper of every route: finds the caller, then asks whether the route is theirs."""

    def __init__(
        self, *, access: Access, sessions: Sessions, cookie: SessionCookie, public_url: str
    ) -> None:
        self._access = access
        self._sessions = sessions
        self._cookie = cookie
        self._origin = _origin(public_url)

    async def admit(
        self, request: web.Request, route: Route, handler: Handler
    ) -> web.StreamResponse:
        """Answer the request if its caller may use the route.

        Raises GatewayError ACCESS-SIGN-IN, ACCESS-SCOPE or ACCESS-CSRF; a browser that has to
        sign in is sent there instead.
        """
        if route.face is Face.NETWORK:
            return await handler(request)
        caller = await self._caller(request)
        if caller is None and route.scope is not None:
            return self._turn_away(request, route)
        if route.face is Face.PAGE or CSRF in request:
            await self._refuse_forged(request, route)
        if route.scope is not None:
            principal(request).require(route.scope)
        return await handler(request)

    async def _caller(self, request: web.Request) -> Principal | None:
        sent = request.headers.getall("Authorization", [])
        if sent:
            # What is sent must be right, also where nothing is needed: no silent downgrade.
            caller = await self._access.caller_of_key(_bearer(sent))
            request[PRINCIPAL] = caller
            return caller
        cookie = self._cookie.read(request)
        signed_in = await self._sessions.resolve(cookie) if cookie else None
        if signed_in is None:
            return None
        request[PRINCIPAL] = signed_in.principal
        request[CSRF] = signed_in.csrf
        return signed_in.principal

    def _turn_away(self, request: web.Request, route: Route) -> web.Response:
        if route.face is not Face.PAGE:
            principal(request)
        if "HX-Request" in request.headers:
            # A redirect would put the sign-in page into a fragment of the old one.
            return web.Response(status=401, headers={"HX-Redirect": SIGN_IN_PATH})
        place = SIGN_IN_PATH
        if request.method in _SAFE_METHODS and request.path != "/":
            place += f"?next={quote(request.raw_path, safe='/')}"
        return seen_other(place)

    async def _refuse_forged(self, request: web.Request, route: Route) -> None:
        if request.method in _SAFE_METHODS or (PRINCIPAL in request and CSRF not in request):
            return
        if not self._from_own_site(request.headers):
            raise GatewayError(
                CSRF_REFUSED, "The browser says that another site sent this. Use our own pages."
            )
        if CSRF in request and not (route.takes_pieces and request.content_type == MULTIPART):
            require_secret(request, await _field(request))

    def _from_own_site(self, headers: Mapping[str, str]) -> bool:
        site = headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in _OWN_SITE
        return headers.get("Origin") == self._origin


def _bearer(sent: list[str]) -> str:
    scheme, _, text = sent[0].partition(" ")
    if len(sent) != 1 or scheme.lower() != "bearer":
        raise GatewayError(SIGN_IN_NEEDED, "Send one header 'Authorization: Bearer <API key>'.")
    return text.strip()


async def _field(request: web.Request) -> str | None:
    if CSRF_HEADER in request.headers or request.content_type not in _FORMS:
        return None
    field = (await form_of(request)).get(CSRF_FIELD)
    return field if isinstance(field, str) else None


def _origin(url: str) -> str:
    """Scheme, host and port as browsers write them: without the scheme's own port."""
    parts = urlsplit(url)
    own_port = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port in (None, own_port) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
