"""Sessions and patience against guessing, with a clock that only moves when told."""

import asyncio

import pytest
from sqlmodel import delete, select

from gateway.access.roles import OPERATOR_SCOPES, ROLE_SCOPES, Role
from gateway.access.sessions import SIGN_IN_BLOCKED, SIGN_IN_FAILED
from gateway.access.tables import Membership, SignInGuard, User, WebSession
from gateway.core.errors import GatewayError

HERE = "192.0.2.1"
OWNER = "owner@alpha.example"


async def refused(house, password: str, *, email: str = OWNER, address: str = HERE):
    """The kind and facts of the refusal; fails when the sign-in works."""
    with pytest.raises(GatewayError) as raised:
        await house.sessions.sign_in(email=email, password=password, address=address)
    return raised.value


async def sign_in(house, password: str, *, email: str = OWNER, address: str = HERE, **more):
    return await house.sessions.sign_in(email=email, password=password, address=address, **more)


@pytest.mark.parametrize("role", Role)
async def test_a_person_signs_in_with_the_scopes_of_the_role(house, password, role) -> None:
    cookie, signed_in = await sign_in(house, password, email=f" {role}@ALPHA.example")
    resolved = await house.sessions.resolve(cookie)
    assert resolved == signed_in
    assert resolved.principal.tenant_id == house.alpha
    assert resolved.principal.scopes == ROLE_SCOPES[role] - OPERATOR_SCOPES
    assert resolved.csrf not in ("", cookie)


async def test_wrong_password_and_unknown_account_are_told_alike(house, password) -> None:
    wrong = await refused(house, "not the password")
    unknown = await refused(house, password, email="nobody@alpha.example")
    for one in (wrong, unknown):
        assert one.kind is SIGN_IN_FAILED
    assert wrong.message == unknown.message


@pytest.mark.parametrize(
    "email", ["", "\0", "a\0b@alpha.example", "\udcff", "x" * 10_000, "' OR 1"]
)
async def test_hostile_addresses_of_mail_are_just_wrong(house, password, email) -> None:
    assert (await refused(house, password, email=email)).kind is SIGN_IN_FAILED


async def test_people_who_left_do_not_get_in(house, password) -> None:
    cookie, _ = await sign_in(house, password)
    async with house.database.write() as session:
        user = (await session.exec(select(User).where(User.email == OWNER))).one()
        user.active = False
    assert await house.sessions.resolve(cookie) is None
    assert (await refused(house, password)).kind is SIGN_IN_FAILED


async def test_a_person_without_an_account_does_not_get_in(house, password) -> None:
    cookie, _ = await sign_in(house, password)
    async with house.database.write() as session:
        await session.exec(delete(Membership))
    assert await house.sessions.resolve(cookie) is None
    assert (await refused(house, password)).kind is SIGN_IN_FAILED


async def test_the_fifth_failure_starts_a_wait_that_doubles(house, password) -> None:
    for _ in range(5):
        assert (await refused(house, "wrong")).kind is SIGN_IN_FAILED
    waits = []
    for _ in range(4):
        blocked = await refused(house, password)
        assert blocked.kind is SIGN_IN_BLOCKED
        waits.append(blocked.facts["retry_after"])
        house.clock.advance(seconds=waits[-1])
        assert (await refused(house, "wrong")).kind is SIGN_IN_FAILED
    assert waits == [2, 3, 5, 9]


async def test_the_wait_never_exceeds_a_quarter_of_an_hour(house) -> None:
    for _ in range(25):
        answer = await refused(house, "wrong")
        if answer.kind is SIGN_IN_BLOCKED:
            assert answer.facts["retry_after"] <= 15 * 60 + 1
            house.clock.advance(seconds=answer.facts["retry_after"])


async def test_an_account_is_guarded_whatever_the_address(house, password) -> None:
    for number in range(5):
        await refused(house, "wrong", address=f"192.0.2.{number}")
    assert (await refused(house, password, address="198.51.100.1")).kind is SIGN_IN_BLOCKED
    await sign_in(house, password, email="viewer@alpha.example", address="198.51.100.1")


async def test_an_address_is_guarded_whatever_the_account(house, password) -> None:
    for number in range(5):
        await refused(house, password, email=f"guess{number}@alpha.example")
    assert (await refused(house, password)).kind is SIGN_IN_BLOCKED
    await sign_in(house, password, address="198.51.100.1")


async def test_one_subscriber_of_ipv6_is_one_address(house, password) -> None:
    for number in range(5):
        await refused(
            house, password, email=f"guess{number}@alpha.example", address=f"2001:db8::{number}"
        )
    assert (await refused(house, password, address="2001:db8::99")).kind is SIGN_IN_BLOCKED
    await sign_in(house, password, address="2001:db8:0:1::1")


async def test_an_account_of_ones_own_buys_no_guesses_at_others(house, password) -> None:
    for number in range(5):
        await refused(house, password, email=f"guess{number}@alpha.example")
        if number < 4:
            await sign_in(house, password)
    assert (await refused(house, password)).kind is SIGN_IN_BLOCKED


async def test_signing_in_forgives_the_account(house, password) -> None:
    for number in range(4):
        await refused(house, "wrong", address=f"192.0.2.{number}")
    await sign_in(house, password, address="198.51.100.1")
    for number in range(4):
        await refused(house, "wrong", address=f"203.0.113.{number}")
    await sign_in(house, password, address="198.51.100.1")


async def test_an_hour_of_quiet_forgets(house, password) -> None:
    for _ in range(4):
        await refused(house, "wrong")
    house.clock.advance(hours=1, seconds=1)
    for _ in range(4):
        assert (await refused(house, "wrong")).kind is SIGN_IN_FAILED
    await sign_in(house, password)


async def test_guessing_in_parallel_gains_nothing(house) -> None:
    answers = await asyncio.gather(*(refused(house, f"guess {number}") for number in range(12)))
    looked_at = [one for one in answers if one.kind is SIGN_IN_FAILED]
    assert len(looked_at) == 5
    assert len(answers) - len(looked_at) == 7


async def test_a_session_ends_when_idle(house, password) -> None:
    cookie, _ = await sign_in(house, password)
    for _ in range(3):
        house.clock.advance(hours=1, minutes=59)
        assert await house.sessions.resolve(cookie) is not None
    house.clock.advance(hours=2)
    assert await house.sessions.resolve(cookie) is None


async def test_a_session_ends_after_twelve_hours_however_busy(house, password) -> None:
    cookie, _ = await sign_in(house, password)
    for _ in range(11):
        house.clock.advance(hours=1)
        assert await house.sessions.resolve(cookie) is not None
    house.clock.advance(hours=1)
    assert await house.sessions.resolve(cookie) is None


async def test_signing_in_again_ends_the_browsers_earlier_session(house, password) -> None:
    first, _ = await sign_in(house, password)
    second, _ = await sign_in(house, password, previous=first)
    assert first != second
    assert await house.sessions.resolve(first) is None
    assert await house.sessions.resolve(second) is not None


async def test_signing_out_ends_the_session_and_twice_is_no_error(house, password) -> None:
    cookie, _ = await sign_in(house, password)
    await house.sessions.sign_out(cookie)
    await house.sessions.sign_out(cookie)
    assert await house.sessions.resolve(cookie) is None


async def test_the_cookie_itself_is_not_kept(house, password) -> None:
    cookie, _ = await sign_in(house, password)
    async with house.database.read() as session:
        row = (await session.exec(select(WebSession))).one()
    assert cookie not in repr(row.model_dump())


async def test_what_is_over_is_swept_at_the_next_sign_in(house, password) -> None:
    await sign_in(house, password)
    await refused(house, "wrong", email="nobody@alpha.example")
    house.clock.advance(hours=12)
    await sign_in(house, password)
    async with house.database.read() as session:
        assert len(list(await session.exec(select(WebSession)))) == 1
        assert {one.subject for one in await session.exec(select(SignInGuard))} <= {
            f"address:{HERE}"
        }


async def test_a_changed_role_takes_effect_at_once(house, password) -> None:
    cookie, signed_in = await sign_in(house, password)
    async with house.database.write() as session:
        row = await session.get_one(Membership, (signed_in.principal.user_id, house.alpha))
        row.role = Role.VIEWER
    resolved = await house.sessions.resolve(cookie)
    assert resolved.principal.scopes == ROLE_SCOPES[Role.VIEWER] - OPERATOR_SCOPES


async def test_the_language_is_remembered(house, password) -> None:
    cookie, signed_in = await sign_in(house, password)
    await house.sessions.speak(signed_in.principal.user_id, "fr")
    assert (await house.sessions.resolve(cookie)).principal.locale == "fr"
