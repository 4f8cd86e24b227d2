"""The caller of a request: which tenant, who, allowed what, speaking which language."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.access.roles import Role
from gateway.core.errors import ErrorKind, GatewayError

__all__ = ["PRINCIPAL", "SCOPE_MISSING", "SIGN_IN_NEEDED", "CallerKind", "Principal", "principal"]

SIGN_IN_NEEDED: Final = ErrorKind("ACCESS-SIGN-IN", "Sign in or send an API key", 401)
SCOPE_MISSING: Final = ErrorKind("ACCESS-SCOPE", "This caller may not do that", 403)


class CallerKind(StrEnum):
    """A person in a browser or a program with a key."""

    USER = "user"
    API_KEY = "api-key"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. ``actor`` is the label the audit log shows (e-mail or key id and name)."""

    tenant_id: UUID
    actor: str
    kind: CallerKind
    scopes: frozenset[str]
    locale: str = "en"
    role: Role | None = None
    user_id: UUID | None = None

    def require(self, scope: str) -> None:
        """Refuse unless the caller has the scope; raises GatewayError ACCESS-SCOPE."""
        if scope not in self.scopes:
            raise GatewayError(
                SCOPE_MISSING,
                f"This needs the scope '{scope}'. Ask an owner of the account for it.",
                scope=scope,
            )


PRINCIPAL: Final = web.RequestKey("principal", Principal)


def principal(request: web.Request) -> Principal:
    """The caller of this request; raises GatewayError ACCESS-SIGN-IN when there is none."""
    caller: Principal | None = request.get(PRINCIPAL)
    if caller is None:
        raise GatewayError(
            SIGN_IN_NEEDED, "Send an API key in the Authorization header, or sign in."
        )
    return caller
