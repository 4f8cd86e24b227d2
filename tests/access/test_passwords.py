"""Hashing passwords: parameters in the hash, refusal of weak ones, no oracle for accounts."""

import pytest

from gateway.access import passwords
from gateway.access.passwords import PASSWORD_WEAK, hash_password, verify_password
from gateway.core.errors import GatewayError


async def test_a_password_opens_its_own_hash_only() -> None:
    stored = await hash_password("correct horse battery")
    assert stored.startswith("scrypt$16384$8$5$")
    assert await verify_password("correct horse battery", stored)
    assert not await verify_password("correct horse batterz", stored)


async def test_the_same_password_twice_gives_two_hashes(cheap_passwords: None) -> None:
    assert await hash_password("a" * 12) != await hash_password("a" * 12)


async def test_a_hash_made_with_other_parameters_still_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_N", 16)
    stored = await hash_password("correct horse battery")
    monkeypatch.setattr(passwords, "_N", 32)
    assert await verify_password("correct horse battery", stored)


async def test_a_short_password_is_refused() -> None:
    with pytest.raises(GatewayError) as refused:
        await hash_password("short")
    assert refused.value.kind is PASSWORD_WEAK


async def test_an_account_that_does_not_exist_costs_a_derivation_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
        asked.append(n)
        return b""

    monkeypatch.setattr(passwords, "_derive", derive)
    assert not await verify_password("anything at all", None)
    assert asked == [2**14]
