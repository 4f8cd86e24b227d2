"""Tenants, people, keys and the audit log, on both databases."""

import secrets

import pytest
from sqlmodel import select

from gateway.access.principal import SCOPE_MISSING, SIGN_IN_NEEDED, CallerKind
from gateway.access.roles import ROLE_SCOPES, SCOPES, Role
from gateway.access.service import EMAIL_TAKEN, SCOPE_UNKNOWN, TENANT_TAKEN
from gateway.access.tables import ApiKey, KeyState
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.ids import new_id


def test_every_role_stays_within_the_scopes_there_are() -> None:
    assert all(scopes <= SCOPES for scopes in ROLE_SCOPES.values())
    assert set(ROLE_SCOPES) == set(Role)
    assert ROLE_SCOPES[Role.VIEWER] < ROLE_SCOPES[Role.ACCOUNTANT] < ROLE_SCOPES[Role.OWNER]
    assert all(scope.endswith(":read") for scope in ROLE_SCOPES[Role.VIEWER])


async def test_short_names_and_addresses_are_unique(house) -> None:
    with pytest.raises(GatewayError) as refused:
        await house.access.create_tenant(slug="alpha", name="Another")
    assert refused.value.kind is TENANT_TAKEN
    with pytest.raises(GatewayError) as refused:
        await house.access.create_user(
            tenant_id=house.beta,
            email=" Owner@Alpha.example ",
            password="correct horse battery",
            role=Role.OWNER,
        )
    assert refused.value.kind is EMAIL_TAKEN


async def test_a_key_speaks_for_its_tenant_with_its_scopes(house) -> None:
    row, text = await house.access.create_api_key(
        house.caller(), name="ERP", scopes=frozenset({"documents:send"})
    )
    caller = await house.access.caller_of_key(text)
    assert caller.tenant_id == house.alpha
    assert caller.kind is CallerKind.API_KEY
    assert caller.scopes == {"documents:send"}
    assert caller.actor == f"api-key {row.id} (ERP)"


async def test_only_a_digest_of_the_secret_is_kept(house) -> None:
    _, text = await house.access.create_api_key(
        house.caller(), name="ERP", scopes=frozenset({"documents:read"})
    )
    secret = text.split("_", 2)[2]
    async with house.database.read() as session:
        row = (await session.exec(select(ApiKey))).one()
    assert secret not in repr(row.model_dump())


async def test_what_is_no_living_key_opens_nothing(house) -> None:
    row, text = await house.access.create_api_key(
        house.caller(), name="ERP", scopes=frozenset({"documents:read"})
    )
    other = secrets.token_urlsafe(32)
    hostile = (
        "", "gwk", "gwk__", f"gwk_{row.id}_", f"gwk_{row.id}_{other}", f"gwk_00000000_{other}",
        text + "x", text[:-1], text.upper(), f"{text}\n", f"gwk_{row.id[:-1]}\0_{other}",
        f"gwk_{row.id}_{other[:-1]}\udcff", "x" * 100_000,
    )  # fmt: skip
    for one in hostile:
        with pytest.raises(GatewayError) as refused:
            await house.access.caller_of_key(one)
        assert refused.value.kind is SIGN_IN_NEEDED
    await house.access.revoke_api_key(house.caller(), row.id)
    with pytest.raises(GatewayError) as refused:
        await house.access.caller_of_key(text)
    assert refused.value.kind is SIGN_IN_NEEDED


async def test_nobody_gives_away_what_they_do_not_have(house) -> None:
    viewer = house.caller(role=Role.VIEWER)
    with pytest.raises(GatewayError) as refused:
        await house.access.create_api_key(
            viewer, name="x", scopes=frozenset({"documents:read", "documents:send"})
        )
    assert refused.value.kind is SCOPE_MISSING
    with pytest.raises(GatewayError) as refused:
        await house.access.create_api_key(
            house.caller(), name="x", scopes=frozenset({"everything"})
        )
    assert refused.value.kind is SCOPE_UNKNOWN
    assert await house.access.list_api_keys(house.caller()) == []


async def test_keys_of_another_tenant_are_neither_seen_nor_revoked(house) -> None:
    row, text = await house.access.create_api_key(
        house.caller(), name="ERP", scopes=frozenset({"documents:read"})
    )
    stranger = house.caller(tenant=house.beta)
    assert await house.access.list_api_keys(stranger) == []
    with pytest.raises(GatewayError) as refused:
        await house.access.revoke_api_key(stranger, row.id)
    assert refused.value.kind is NOT_FOUND
    assert (await house.access.caller_of_key(text)).tenant_id == house.alpha


async def test_the_last_use_is_noted_once_a_minute(house) -> None:
    _, text = await house.access.create_api_key(
        house.caller(), name="ERP", scopes=frozenset({"documents:read"})
    )

    async def used():
        await house.access.caller_of_key(text)
        (row,) = await house.access.list_api_keys(house.caller())
        return row.last_used_at

    first = house.clock.at
    assert await used() == first
    house.clock.advance(seconds=59)
    assert await used() == first
    house.clock.advance(seconds=1)
    assert await used() == house.clock.at


async def test_making_and_revoking_keys_is_in_the_audit_log_of_the_tenant(house) -> None:
    row, _ = await house.access.create_api_key(
        house.caller(), name="ERP", scopes=frozenset({"documents:read"})
    )
    await house.access.revoke_api_key(house.caller(), row.id)
    await house.access.revoke_api_key(house.caller(), row.id)
    entries = await house.access.audit_log(house.caller())
    assert sorted((entry.action, entry.object) for entry in entries) == [
        ("api-key.created", row.id),
        ("api-key.revoked", row.id),
    ]
    assert {entry.actor for entry in entries} == {"test@alpha.example"}
    assert await house.access.audit_log(house.caller(tenant=house.beta)) == []
    (revoked,) = await house.access.list_api_keys(house.caller())
    assert revoked.state is KeyState.REVOKED
    assert revoked.revoked_at == house.clock.at


async def test_the_audit_log_is_read_in_pages_without_gaps(house) -> None:
    for number in range(7):
        await house.access.create_api_key(
            house.caller(), name=f"key {number}", scopes=frozenset({"documents:read"})
        )
    seen, before = [], None
    while page := await house.access.audit_log(house.caller(), before=before, limit=3):
        seen += [entry.id for entry in page]
        before = page[-1].id
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)
    assert await house.access.audit_log(house.caller(), before=new_id(), limit=1)


async def test_who_may_look_at_the_network_may_read_its_figures_too(house) -> None:
    held = {}
    for scope in ("network:read", "metrics:read"):
        _, text = await house.access.create_api_key(
            house.caller(), name="Prometheus", scopes=frozenset({scope})
        )
        held[scope] = (await house.access.caller_of_key(text)).scopes
    assert held == {
        "network:read": {"network:read", "metrics:read"},
        "metrics:read": {"metrics:read"},
    }
