"""Secrets at rest: what is stored opens with the installation's key and nothing else."""

import asyncio
import base64
import os
import platform
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

import gateway.app  # noqa: F401 - every table is known
from gateway.core.alarms import open_alarms
from gateway.core.columns import metadata
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.sealing import check_keys, count_by_key, look_through, open_vault, seal_all
from gateway.core.settings import Settings
from gateway.core.vault import SealedText, Vault, key_id, key_id_of
from gateway.core.vault_keys import add_key, create_keys, keys_of
from gateway.payments.tables import LinkKey

A, B = bytes(32), bytes([1] * 32)
AT = datetime(2026, 11, 22, tzinfo=UTC)
NO_SECRETS = {"api_key.secret_hash", "dispatch.token", "job.token", "person.password"}
"""Digests (of a key, of a password), a name in an address, a lease's number."""


@given(st.binary(max_size=200), st.text(max_size=40))
@settings(max_examples=50)
def test_what_was_sealed_opens_in_its_place_and_nowhere_else(secret, place) -> None:
    vault = Vault([A])
    sealed = vault.seal(secret, place)
    assert vault.open(sealed, place) == secret
    assert vault.seal(secret, place) != sealed
    with pytest.raises(GatewayError) as refused:
        vault.open(sealed, place + "x")
    assert refused.value.code == "SECRET-DAMAGED"


@given(st.integers(0), st.integers(1, 255))
@settings(max_examples=50)
def test_a_changed_byte_is_found(place, mask) -> None:
    vault = Vault([A])
    head, _, box = vault.seal(b"secret", "t/1").rpartition(":")
    raw = bytearray(base64.b64decode(box))
    raw[place % len(raw)] ^= mask
    with pytest.raises(GatewayError) as refused:
        vault.open(f"{head}:{base64.b64encode(raw).decode()}", "t/1")
    assert refused.value.code == "SECRET-DAMAGED"


@pytest.mark.parametrize("wrong", ["clear:AAAA", "", "x", f"sealed:1:{key_id(A)}:", "sealed:1:"])
def test_what_is_no_sealed_text_opens_nothing(wrong) -> None:
    with pytest.raises(GatewayError) as refused:
        Vault([A]).open(wrong, "t/1")
    assert refused.value.code in {"SECRET-DAMAGED", "SECRET-KEY-MISSING"}


def test_former_keys_open_and_the_first_one_seals() -> None:
    old, both = Vault([A]), Vault([B, A])
    assert both.open(old.seal(b"s", "t/1"), "t/1") == b"s"
    assert key_id_of(both.seal(b"s", "t/1")) == key_id(B) == both.current


def test_a_key_made_meanwhile_is_asked_for_when_it_is_needed() -> None:
    running = Vault([A], reload=lambda: [B, A])
    sealed = Vault([B]).seal(b"s", "t/1")
    assert running.current == key_id(A)
    assert running.open(sealed, "t/1") == b"s"
    assert running.current == key_id(B)


def test_nothing_is_sealed_under_a_key_that_another_start_would_not_find() -> None:
    kept = [A]
    running = Vault([A], reload=lambda: list(kept))
    sealed = running.seal(b"s", "t/1")
    kept[:] = [B]
    assert key_id_of(running.seal(b"s", "t/1")) == key_id(B)
    assert running.open(sealed, "t/1") == b"s", "what is in memory still opens"
    kept.clear()
    with pytest.raises(GatewayError) as refused:
        running.seal(b"s", "t/1")
    assert refused.value.code == "SECRET-KEY-MISSING"
    assert running.open(sealed, "t/1") == b"s"


def test_without_any_key_nothing_is_sealed() -> None:
    with pytest.raises(GatewayError) as refused:
        Vault([]).seal(b"s", "t/1")
    assert refused.value.code == "SECRET-KEY-MISSING"


def test_a_column_takes_no_secret_in_clear() -> None:
    with pytest.raises(ValueError, match="sealed"):
        SealedText().process_bind_param("whsec_c2VjcmV0", None)


def test_every_column_named_like_a_secret_is_sealed() -> None:
    words = ("secret", "password", "private", "passphrase", "token")
    found = {
        f"{table.name}.{column.name}": isinstance(column.type, SealedText)
        for table in metadata.sorted_tables
        for column in table.columns
        if any(word in column.name for word in words)
    }
    assert {name for name, sealed in found.items() if not sealed} == NO_SECRETS
    assert sum(found.values()) == 6


@pytest.fixture
def place(tmp_path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_the_key_file_is_its_owners_only_and_made_once(place) -> None:
    first = create_keys(place)
    assert create_keys(place) == keys_of(place) == first
    mode = stat.S_IMODE(place.secret_key_file.stat().st_mode)
    assert (mode, len(first[0])) == (0o600, 32)
    assert [one.name for one in place.secret_key_file.parent.iterdir()] == ["secrets.key"]
    second = add_key(place)
    assert second[1:] == first
    assert stat.S_IMODE(place.secret_key_file.stat().st_mode) == 0o600


def test_keys_added_at_once_are_all_kept(place) -> None:
    first = create_keys(place)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: add_key(place)[0], range(24)))
    kept = keys_of(place)
    assert set(made) | set(first) <= set(kept)
    assert len(kept) == 25
    assert [one.name for one in place.secret_key_file.parent.iterdir()] == ["secrets.key"]


def test_a_place_that_takes_no_file_is_named(place) -> None:
    place.data_dir.mkdir()
    (place.data_dir / "pki").write_text("a file where a folder should be")
    with pytest.raises(GatewayError, match=r"pki/secrets\.key cannot be written") as refused:
        create_keys(place)
    assert refused.value.code == "SECRET-KEY-FILE"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_keys_that_root_adds_stay_readable_for_their_owner(place) -> None:
    create_keys(place)
    os.chown(place.secret_key_file, 12345, 12345)
    add_key(place)
    assert place.secret_key_file.stat().st_uid == 12345


@pytest.mark.parametrize("wrong", ["", "no key\n", "QUJD\n", "é\n", f"{'A' * 44}\n"])
def test_a_file_without_usable_keys_is_refused_and_left_alone(place, wrong) -> None:
    path = place.secret_key_file
    path.parent.mkdir(parents=True)
    path.write_text(wrong)
    path.chmod(0o600)
    for work in (keys_of, add_key, create_keys):
        with pytest.raises(GatewayError) as refused:
            work(place)
        assert refused.value.code == "SECRET-KEY-FILE"
    assert path.read_text() == wrong


def test_a_file_that_others_can_read_is_refused(place) -> None:
    create_keys(place)
    place.secret_key_file.chmod(0o640)
    with pytest.raises(GatewayError, match="chmod 600"):
        keys_of(place)


def test_keys_of_the_environment_win_and_are_not_shown(place, monkeypatch) -> None:
    text_of_b = base64.b64encode(B).decode()
    monkeypatch.setenv("GATEWAY__SECRETS__KEYS", f'["{text_of_b}"]')
    given = Settings(data_dir=place.data_dir)
    assert keys_of(given) == (B,)
    assert text_of_b not in repr(given)
    assert text_of_b not in given.model_dump_json()
    with pytest.raises(GatewayError, match="every machine"):
        add_key(given)
    assert not given.secret_key_file.exists()


async def store(database: Database, number: int, secret: str) -> None:
    async with database.write() as session:
        session.add(LinkKey(number=number, secret=secret, created_at=AT))


async def stored(database: Database) -> dict[int, str]:
    async with database.read() as session:
        found = await session.exec(select(LinkKey.number, LinkKey.secret))
        return dict(found.all())


def clock() -> datetime:
    return AT


async def look(database: Database, vault: Vault, *, at: datetime = AT) -> None:
    await check_keys(database, vault, at=at)


async def test_the_first_start_makes_a_key_and_seals_what_a_migration_left(place, database) -> None:
    await store(database, 1, f"clear:{base64.b64encode(b'old secret').decode()}")
    vault = await open_vault(place, database, now=clock)
    assert vault.open((await stored(database))[1], "link_key/1") == b"old secret"
    assert keys_of(place)


async def test_after_a_rotation_all_is_sealed_under_the_new_key(place, database) -> None:
    vault = await open_vault(place, database, now=clock)
    await store(database, 1, vault.seal(b"one", "link_key/1"))
    add_key(place)
    rotated = await open_vault(place, database, now=clock)
    (sealed,) = (await stored(database)).values()
    assert key_id_of(sealed) == rotated.current != key_id(keys_of(place)[1])
    # The process that ran all the while finds the new key by itself.
    assert vault.open(sealed, "link_key/1") == b"one"
    assert await seal_all(database, rotated) == 0


async def test_looking_through_tells_what_opens_what_waits_and_what_is_damaged(database) -> None:
    vault = Vault([A])
    sealed = {
        1: vault.seal(b"one", "link_key/1"),
        2: vault.seal(b"two", "link_key/3"),
        4: Vault([B]).seal(b"four", "link_key/4"),
        5: f"clear:{base64.b64encode(b'five').decode()}",
    }
    for number, secret in sealed.items():
        await store(database, number, secret)
    async with database.read() as session:
        found = await look_through(session, vault)
    assert (found.opened, found.missing, found.damaged) == (2, {key_id(B): 1}, ["link_key/2"])
    assert await stored(database) == sealed


async def test_a_missing_key_is_never_made_up_and_raises_an_alarm(place, database) -> None:
    vault = await open_vault(place, database, now=clock)
    await store(database, 1, vault.seal(b"one", "link_key/1"))
    kept = place.secret_key_file.rename(place.data_dir / "backup")
    before = await stored(database)
    shut = await open_vault(place, database, now=clock)
    assert (shut.current, place.secret_key_file.exists()) == (None, False)
    assert await stored(database) == before
    async with database.read() as session:
        (alarm,) = await open_alarms(session)
        assert await count_by_key(session) == {vault.current: 1}
    assert (alarm.code, alarm.facts["key_name"]) == ("SECRET-KEY-MISSING", vault.current)
    os.replace(kept, place.secret_key_file)
    back = await open_vault(place, database, now=clock)
    assert back.open(before[1], "link_key/1") == b"one"
    async with database.read() as session:
        assert await open_alarms(session) == []


async def test_a_second_machine_with_a_key_of_its_own_does_not_start(place, database, tmp_path):
    elsewhere = Settings(data_dir=tmp_path / "elsewhere")
    first = await open_vault(place, database, now=clock)
    second = await open_vault(elsewhere, database, now=clock)
    assert first.current != second.current, "nothing in the database could tell"
    await store(database, 1, first.seal(b"one", "link_key/1"))
    before = await stored(database)
    for _ in range(2):
        with pytest.raises(GatewayError) as refused:
            await open_vault(elsewhere, database, now=clock)
        assert refused.value.code == "SECRET-KEY-FOREIGN"
        assert str(first.current) in refused.value.message
    assert (await stored(database), await alarms(database)) == (before, {})
    await open_vault(place, database, now=clock)
    shutil.copy(place.secret_key_file, elsewhere.secret_key_file)
    shared = await open_vault(elsewhere, database, now=clock)
    assert shared.open(before[1], "link_key/1") == b"one"


async def test_a_key_a_person_made_stands_for_one_that_is_lost(place, database, tmp_path):
    vault = await open_vault(place, database, now=clock)
    await store(database, 1, vault.seal(b"one", "link_key/1"))
    place.secret_key_file.unlink()
    add_key(place)
    assert (await open_vault(place, database, now=clock)).current == key_id(keys_of(place)[0])
    handed = Settings.model_validate(
        {"data_dir": tmp_path / "other", "secrets": {"keys": [base64.b64encode(B).decode()]}}
    )
    assert (await open_vault(handed, database, now=clock)).current == key_id(B)
    # The way out of the refusal.
    third = Settings(data_dir=tmp_path / "third")
    create_keys(third)
    with pytest.raises(GatewayError):
        await open_vault(third, database, now=clock)
    add_key(third)
    assert len((await open_vault(third, database, now=clock)).key_ids) == 2


async def alarms(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return {one.subject: one.occurrences for one in await open_alarms(session)}


async def test_a_damaged_row_keeps_no_other_from_being_sealed_nor_the_start(place, database):
    vault = await open_vault(place, database, now=clock)
    await store(database, 1, vault.seal(b"moved here from elsewhere", "link_key/9"))
    await store(database, 2, vault.seal(b"two", "link_key/2"))
    before = await stored(database)
    add_key(place)
    rotated = await open_vault(place, database, now=clock)
    after = await stored(database)
    assert after[1] == before[1]
    assert (key_id_of(after[2]), rotated.open(after[2], "link_key/2")) == (rotated.current, b"two")
    assert await seal_all(database, rotated) == 0


async def test_a_key_file_lost_while_a_process_runs_is_told_before_the_next_start(place, database):
    vault = await open_vault(place, database, now=clock)
    await store(database, 1, vault.seal(b"one", "link_key/1"))
    await look(database, vault)
    assert await alarms(database) == {}
    name = vault.current
    kept = place.secret_key_file.rename(place.data_dir / "backup")
    await look(database, vault)
    assert list(await alarms(database)) == [f"{name}, {platform.node()}"]
    assert vault.open((await stored(database))[1], "link_key/1") == b"one"
    kept.rename(place.secret_key_file)
    place.secret_key_file.chmod(0o644)
    await look(database, vault)
    assert list((await alarms(database)).values()) == [2], "a file nobody may use is none"
    place.secret_key_file.chmod(0o600)
    await look(database, vault)
    assert await alarms(database) == {}


async def test_the_alarm_of_a_machine_that_is_gone_ends(place, database, monkeypatch):
    vault = await open_vault(place, database, now=clock)
    await store(database, 1, vault.seal(b"one", "link_key/1"))
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(platform, "node", lambda: "pod-1")
        await look(database, Vault([B]))
    await look(database, vault)
    assert list(await alarms(database)) == [f"{vault.current}, pod-1"], "it may still be there"
    await look(database, vault, at=AT + timedelta(hours=4))
    assert await alarms(database) == {}


async def test_processes_of_a_machine_without_its_key_start_at_once(place, database):
    vault = await open_vault(place, database, now=clock)
    await store(database, 1, vault.seal(b"one", "link_key/1"))
    place.secret_key_file.unlink()
    shut = await asyncio.gather(*(open_vault(place, database, now=clock) for _ in range(6)))
    assert {one.current for one in shut} == {None}
    assert list(await alarms(database)) == [f"{vault.current}, {platform.node()}"]


async def test_one_damaged_row_keeps_no_other_from_being_opened(database) -> None:
    vault, other = Vault([A]), Vault([B])
    rows = {1: other.seal(b"lost", "link_key/1"), 2: vault.seal(b"kept", "link_key/2")}
    assert vault.open_all("link_key", rows) == {2: b"kept"}
    with pytest.raises(GatewayError) as refused:
        vault.open_all("link_key", {1: rows[1]})
    assert refused.value.code == "SECRET-KEY-MISSING"
