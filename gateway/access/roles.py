"""Scopes and roles: what a key may do and what a person in a role may do."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["ROLE_SCOPES", "SCOPES", "Role"]

SCOPES: Final = frozenset(
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
    {"documents:read", "participants:read", "network:read", "receivables:read"}
)
_ACCOUNT: Final = _READ | {
    "documents:send",
    "responses:send",
    "validations:run",
    "receivables:write",
}

ROLE_SCOPES: Final[Mapping[Role, frozenset[str]]] = {
    Role.OWNER: SCOPES,
    Role.OPERATOR: _ACCOUNT | {"participants:write"},
    Role.ACCOUNTANT: _ACCOUNT,
    Role.VIEWER: _READ,
}
