"""``gateway check``: says what works, changes nothing, and finds a changed audit log."""

import asyncio
import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.access.audit import Anchor, audit, audit_head
from gateway.access.principal import CallerKind, Principal
from gateway.access.service import Access
from gateway.cli import main
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.vault import Vault, key_id, place_of
from gateway.payments.tables import LinkKey


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Logging belongs to pytest here.
    monkeypatch.setattr("gateway.core.telemetry.configure", lambda **_: None)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A data folder with a migrated database and three entries in its audit log."""
    assert main(["migrate"]) == 0
    on_database(_write_entries)
    return tmp_path / "data"


def on_database(work):
    async def run():
        database = Database("sqlite:///data/gateway.db")
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


async def _write_entries(database: Database) -> None:
    access = Access(database=database, now=now)
    tenant = await access.create_tenant(slug="acme", name="Acme BV")
    caller = Principal(
        tenant_id=tenant.id, actor="owner@acme.example", kind=CallerKind.USER, scopes=frozenset()
    )
    for name in ("a", "b", "c"):
        async with database.write() as session:
            audit(session, caller, action="thing.done", object=name)


def execute(statement: str) -> None:
    async def run(database: Database) -> None:
        async with database.write() as session:
            await session.exec(text(statement))

    on_database(run)


def anchor() -> Anchor:
    async def run(database: Database) -> Anchor:
        async with database.read() as session:
            return await audit_head(session)

    return on_database(run)


def fingerprints(folder: Path) -> dict[str, str]:
    """Every file below a folder but the shared memory of SQLite's readers."""
    return {
        str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in sorted(folder.rglob("*"))
        if one.is_file() and not one.name.endswith(("-shm", "-wal"))
    }


def test_an_installation_in_order_passes_and_is_left_as_it_was(installed, tmp_path, capsys) -> None:
    before = fingerprints(tmp_path)
    assert main(["check"]) == 0
    assert fingerprints(tmp_path) == before
    told = capsys.readouterr().out
    for name in (
        *("rules", "trust", "validation pool", "disk"),
        *("blobs", "database", "schema", "secrets"),
    ):
        assert f"ok   {name}" in told
    assert "keys of secrets: none; stored secrets that open: 0" in told


def test_nothing_is_made_where_nothing_is(tmp_path, capsys) -> None:
    assert main(["check"]) == 1
    assert list(tmp_path.iterdir()) == []
    told = capsys.readouterr().out
    assert "FAIL database CHECK-NOT-MADE: There is no database yet; run 'gateway migrate'" in told
    assert "FAIL data folder" in told


def test_an_old_schema_is_told_and_not_migrated(installed, capsys) -> None:
    execute("UPDATE alembic_version SET version_num = '0001'")
    assert main(["check"]) == 1
    assert "FAIL schema SCHEMA-BEHIND: The database is at schema 0001" in capsys.readouterr().out


def seal(key: bytes, *rows: int, place: str | None = None) -> None:
    """Store a secret in a row of each of these ids, sealed for ``place`` where it is another."""

    async def run(database: Database) -> None:
        async with database.write() as session:
            session.add_all(
                LinkKey(
                    number=number,
                    secret=Vault([key]).seal(b"s", place or place_of("link_key", number)),
                    created_at=now(),
                )
                for number in rows
            )

    on_database(run)


def test_every_stored_secret_is_opened_with_the_keys_at_hand(installed, monkeypatch, capsys):
    own, lost = bytes(32), bytes([1] * 32)
    monkeypatch.setenv("GATEWAY__SECRETS__KEYS", json.dumps([base64.b64encode(own).decode()]))
    seal(own, 1, 2)
    assert main(["check"]) == 0
    told = capsys.readouterr().out
    assert f"keys of secrets: {key_id(own)} seals, 0 more open; stored secrets that open: 2" in told
    assert main(["secrets", "list"]) == 0
    assert "2 secrets  seals" in capsys.readouterr().out
    seal(own, 3, place="link_key/9")
    assert main(["check"]) == 1
    told = capsys.readouterr().out
    assert "FAIL secrets SECRET-DAMAGED: What is stored in these rows opens with no key" in told
    assert ": link_key/3. Enter" in told
    seal(lost, 4)
    assert main(["check"]) == 1
    told = capsys.readouterr().out
    assert "FAIL secrets SECRET-KEY-MISSING: Stored secrets are sealed under keys that" in told
    assert f" are not here: {key_id(lost)} (1). Restore" in told
    assert main(["secrets", "list"]) == 1
    assert re.search(rf"{key_id(lost)} +1 secret +MISSING", capsys.readouterr().out)


def test_a_configuration_without_rules_is_told(installed, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GATEWAY__CONFIG_DIR", str(tmp_path / "nowhere"))
    assert main(["check"]) == 1
    told = capsys.readouterr().out
    # Both are told at once: nobody waits for processes that cannot start.
    for name in ("rules", "validation pool"):
        assert re.search(rf"FAIL {name} .*There is no rulesets\.toml", told)


def test_an_untouched_audit_log_holds(installed, capsys) -> None:
    assert main(["check", "--audit"]) == 0
    told = capsys.readouterr().out
    assert f"audit log: 3 entries, head {anchor()}" in told
    assert "ok   audit" in told


@pytest.mark.parametrize(
    ("statement", "way"),
    [
        ("UPDATE audit_entry SET object = 'x' WHERE number = 2", "entry 2 is not as it was"),
        ("DELETE FROM audit_entry WHERE number = 2", "entry 2 is missing"),
        ("DELETE FROM audit_entry WHERE number = 3", "everything from entry 3 on is missing"),
    ],
)
def test_the_first_broken_entry_is_named(installed, capsys, statement, way) -> None:
    execute(statement)
    assert main(["check"]) == 0
    assert main(["check", "--audit"]) == 1
    assert way in capsys.readouterr().out


def test_an_anchor_shows_that_the_end_was_cut_off(installed, capsys) -> None:
    kept = anchor()
    execute("DELETE FROM audit_entry WHERE number = 3")
    execute(
        "UPDATE audit_head SET number = 2, hash = (SELECT hash FROM audit_entry WHERE number = 2)"
    )
    assert main(["check", "--audit"]) == 0
    assert main(["check", "--anchor", str(kept)]) == 1
    assert "entry 3 is not what the anchor says" in capsys.readouterr().out


def test_what_is_no_anchor_is_refused(installed, capsys) -> None:
    assert main(["check", "--anchor", "latest"]) == 1
    assert "NUMBER:HASH" in capsys.readouterr().err


def test_traffic_that_does_not_agree_with_the_receipts_is_found(installed, capsys):
    assert main(["check"]) in (0, 1)
    assert "ok   statistics" in capsys.readouterr().out
    month = now().strftime("%Y-%m-%d %H:%M:%S.%f")
    execute(
        "INSERT INTO traffic (id, tenant_id, direction, exchanged_at, recorded_at, own_seat, "
        "c2_seat, c3_seat, document_type_scheme, document_type, process_scheme, process, "
        "transport_profile, participant, counting) "
        "SELECT '00000000000070008000000000000000', id, 'in', "
        f"'{month}', '{month}', 'POP000001', 'POP000002', 'POP000001', 'a', 'b', 'c', 'd', 'e', "
        "'f', 'both' FROM tenant"
    )
    assert main(["check"]) == 1
    told = capsys.readouterr().out
    assert "FAIL statistics" in told
    assert "1 are counted without a receipt" in told
