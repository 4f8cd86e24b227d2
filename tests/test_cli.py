"""The command line as an operator meets it: each mistake gets a sentence, never a trace."""

import getpass
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.cli import COMMANDS, main
from gateway.commands.refusal import EXIT_FAILED, EXIT_USAGE


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_PASSWORD", raising=False)
    # Logging belongs to pytest here.
    monkeypatch.setattr("gateway.core.telemetry.configure", lambda **_: None)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("GATEWAY__HTP__PORT", "9", "GATEWAY__HTP__PORT is no setting"),
        ("GATEWAY__HTTP__PROT", "9", "http.prot: there is no such setting"),
        ("GATEWAY__HTTP__PORT", "abc", "http.port: "),
        ("GATEWAY__STAGE", "prod", "stage: "),
        ("GATEWAY__NETWORK__RESOLVERS", "192.0.2.1", "a list is written as JSON"),
        ("GATEWAY__HTTP__TRUSTED_PROXIES", '["proxy"]', "http.trusted_proxies: 'proxy'"),
    ],
)
def test_a_wrong_setting_is_named(
    name: str,
    value: str,
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["migrate"]) == EXIT_USAGE
    assert complaint in capsys.readouterr().err


def test_a_database_that_does_not_answer_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY__DATABASE__URL", "postgresql://gateway:s3cret@127.0.0.1:1/none")
    assert main(["migrate"]) == EXIT_FAILED
    told = capsys.readouterr().err
    assert "cannot use the database" in told
    assert "s3cret" not in told


def test_a_configuration_without_rules_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY__CONFIG_DIR", str(tmp_path / "nowhere"))
    assert main(["serve"]) == EXIT_FAILED
    assert "There is no rulesets.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    [
        "nonsense-s3cret",
        "mysql://gateway:s3cret@db/gateway",
        "postgresql://gateway:s3cret@db:port/gateway",
    ],
)
def test_a_database_address_that_cannot_be_used_is_named(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY__DATABASE__URL", url)
    assert main(["migrate"]) in (EXIT_FAILED, EXIT_USAGE)
    told = capsys.readouterr().err
    assert "database.url" in told
    assert "s3cret" not in told


def test_the_demonstration_needs_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "demo-data").write_text("a file where the folder should be")
    assert main(["demo", "--once"]) == EXIT_FAILED
    assert "--data" in capsys.readouterr().err


def test_a_data_folder_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    assert main(["serve"]) == EXIT_FAILED
    assert "data_dir" in capsys.readouterr().err


def test_a_port_in_use_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("GATEWAY__HTTP__PORT", str(port))
        assert main(["serve", "--only", "web"]) == EXIT_FAILED
    assert f"http.port {port}" in capsys.readouterr().err


def test_production_does_not_start_without_trust_anchors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY__STAGE", "production")
    assert main(["serve"]) == EXIT_FAILED
    assert "ANCHORS-MISSING" in capsys.readouterr().err


def test_migrate_makes_the_data_folder(tmp_path: Path) -> None:
    assert main(["migrate"]) == 0
    assert (tmp_path / "data" / "gateway.db").is_file()


@pytest.mark.parametrize(
    "arguments", [["nobody", "--tenant", "acme"], ["me@example.com", "--tenant", "Acme BV"]]
)
def test_a_person_needs_an_address_and_an_account_a_short_name(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match=str(EXIT_USAGE)):
        main(["add-user", *arguments])


def test_a_password_nobody_can_type_is_asked_for_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody_there(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nobody_there)
    assert main(["add-user", "me@example.com", "--tenant", "acme"]) == EXIT_USAGE
    assert "GATEWAY_PASSWORD" in capsys.readouterr().err


def test_who_opened_an_account_and_let_a_person_in_is_in_the_audit_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_PASSWORD", "correct horse battery")
    arguments = ["me@example.com", "--tenant", "acme", "--tenant-name", "Acme BV"]
    assert main(["add-user", *arguments]) == 0
    with closing(sqlite3.connect(tmp_path / "data" / "gateway.db")) as database:
        found = database.execute(
            "SELECT action, object, actor FROM audit_entry "
            "WHERE action IN ('tenant.created', 'person.added') ORDER BY number"
        ).fetchall()
    actor = f"{getpass.getuser()} (command line)"
    assert found == [("tenant.created", "acme", actor), ("person.added", "me@example.com", actor)]


def test_a_bundle_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "nothing.zip"]) == EXIT_FAILED
    assert "nothing.zip" in capsys.readouterr().err


def test_the_key_of_payment_links_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY__DATA_DIR", str(tmp_path / "data"))
    for number in (2, 3):
        assert main(["rotate-link-key"]) == 0
        assert f"key {number};" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_takes(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith(f"usage: gateway {name}")
    assert COMMANDS[name][1:] in shown


def test_help_loads_the_parts_of_no_command() -> None:
    program = """
import contextlib, sys
from gateway.cli import main
with contextlib.suppress(SystemExit):
    main(["--help"])
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    shown, _, loaded = done.stdout.rpartition("loaded:")
    assert set(COMMANDS) <= set(shown.split())
    heavy = {"aiohttp", "alembic", "cryptography", "lxml", "pydantic", "sqlalchemy", "structlog"}
    assert not heavy & set(loaded.split())


def test_an_unknown_command_is_told_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match=str(EXIT_USAGE)):
        main(["chek"])
    told = capsys.readouterr().err
    assert all(name in told for name in ("chek", *COMMANDS))


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    command = [sys.executable, "-m", "gateway", "openapi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"{\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == EXIT_FAILED
