"""Scopes and roles: what a key may do and what a person in a role may do."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

__all__ = ["OPERATOR_SCOPES", "ROLE_SCOPES", "SCOPES", "Role", "effective"]

OPERATOR_SCOPES: Final = frozenset({"operations:read", "operations:write"})
"""What concerns the whole instance: nobody but the service provider's own account has it."""

SCOPES: Final = OPERATOR_SCOPES | frozenset(
    {
        "documents:send",
        "documents:read",
        "responses:send",
        "validations:run",
        "receivables:read",
        "receivables:write",
        "participants:read",
        "participants:write",
        "network:read",
        "metrics:read",
        "settings:write",
    }
)


class Role(StrEnum):
    """What a person is to a tenant."""

    OWNER = "owner"
    OPERATOR = "operator"
    ACCOUNTANT = "accountant"
    VIEWER = "viewer"


_READ: Final = frozenset(
    {
        "documents:read",
        "participants:read",
        "network:read",
        "metrics:read",
        "receivables:read",
        "operations:read",
    }
)
_ACCOUNT: Final = _READ | {
    "documents:send",
    "responses:send",
    "validations:run",
    "receivables:write",
}

ROLE_SCOPES: Final[Mapping[Role, frozenset[str]]] = {
    Role.OWNER: SCOPES,
    Role.OPERATOR: _ACCOUNT | {"participants:write"} | OPERATOR_SCOPES,
    Role.ACCOUNTANT: _ACCOUNT,
    Role.VIEWER: _READ,
}
"""What a role may do; of the instance's scopes only what ``effective`` leaves of them."""


_INCLUDED: Final[Mapping[str, frozenset[str]]] = {"network:read": frozenset({"metrics:read"})}
"""What keys with a scope may besides: figures were once read with the one for the network."""


def effective(scopes: Iterable[str], *, operator: bool) -> frozenset[str]:
    """What a caller with these scopes may really do in an account that is the operator's or not."""
    held = frozenset(scopes)
    held = held.union(*(_INCLUDED.get(one, ()) for one in held))
    return held if operator else held - OPERATOR_SCOPES
