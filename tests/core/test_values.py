"""The small values everything stands on: errors, clocks, identifiers, columns, settings."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy.dialects import sqlite

from gateway.core.clock import BusinessClock, now
from gateway.core.columns import EnumText, UtcDateTime
from gateway.core.errors import STORAGE_FULL, GatewayError, Retry
from gateway.core.ids import new_id
from gateway.core.settings import load_settings

DIALECT = sqlite.dialect()


class Colour(StrEnum):
    RED = "red"


def test_an_error_carries_its_code_and_facts() -> None:
    error = GatewayError(STORAGE_FULL, "Make room.", blob="7")
    assert (error.code, error.retry, error.facts) == ("STORAGE-FULL", Retry.BACKOFF, {"blob": "7"})
    assert str(error) == "STORAGE-FULL: Make room."


def test_machine_time_has_a_zone() -> None:
    assert now().tzinfo is UTC


@pytest.mark.parametrize(
    ("moved_by", "today"),
    [
        (timedelta(0), date(2026, 12, 1)),
        (timedelta(days=-1), date(2026, 11, 30)),
        (timedelta(days=-78), date(2026, 9, 14)),  # before the clocks went back
    ],
)
def test_the_business_date_is_that_of_the_books(moved_by: timedelta, today: date) -> None:
    late_evening = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)  # past midnight in Brussels
    clock = BusinessClock(
        zone=ZoneInfo("Europe/Brussels"), machine=lambda: late_evening, moved_by=moved_by
    )
    assert clock.today() == today


def test_identifiers_are_version_7_and_of_this_moment() -> None:
    before = int(now().timestamp() * 1000)
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all((found.version, found.variant) == (7, "specified in RFC 4122") for found in ids)
    assert before <= ids[0].int >> 80 <= ids[-1].int >> 80 <= int(now().timestamp() * 1000) + 1


@given(st.datetimes(timezones=st.timezones()))
def test_an_instant_survives_a_database_without_zones(moment: datetime) -> None:
    column = UtcDateTime()
    try:
        stored = column.process_bind_param(moment, DIALECT)
    except OverflowError:
        return  # the first and last day of the calendar have no UTC
    assert stored is not None
    # Python never calls an hour that is told twice equal to the same one in another zone.
    restored = column.process_result_value(stored.replace(tzinfo=None), DIALECT)
    assert restored == moment.astimezone(UTC)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), DIALECT)  # noqa: DTZ001 - the point


def test_a_vocabulary_is_closed_both_ways() -> None:
    column = EnumText(Colour)
    assert column.process_bind_param("red", DIALECT) == "red"
    assert column.process_result_value("red", DIALECT) is Colour.RED
    assert column.process_bind_param(None, DIALECT) is None
    with pytest.raises(ValueError, match="blue"):
        column.process_bind_param("blue", DIALECT)
    with pytest.raises(ValueError, match="blue"):
        column.process_result_value("blue", DIALECT)


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('stage = "demo"\n[http]\nport = 9000\nhost = "::1"\n')
    monkeypatch.setenv("GATEWAY__HTTP__PORT", "9100")
    settings = load_settings(path)
    assert (settings.stage, settings.http.port, settings.http.host) == ("demo", 9100, "::1")
    assert settings.database_url.endswith("/data/gateway.db")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[http]\nprot = 1\n", "prot"),
        ('time_zone = "Europe/Nowhere"\n', "time_zone"),
        ('stage = "production"\n[faults]\nkill_at = "bytes-sent"\n', "faults"),
        ("[jobs]\nlease_s = 0\n", "lease_s"),
        ('[payments]\nprovider = "sandbox"', "at least one webhook secret"),
        (
            '[payments]\nprovider = "sandbox"\nprovider_url = "http://p"\nprovider_key = "k"\n'
            'webhook_secrets = [""]',
            "at least one webhook secret",
        ),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(ValidationError, match=complaint):
        load_settings(path)


def test_a_settings_file_that_is_not_there_is_no_set_of_defaults(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="SETTINGS-FILE: There is no"):
        load_settings(tmp_path / "gatewy.toml")


@pytest.mark.parametrize("content", [b"stage = \n", b"\xff\xfe"])
def test_a_settings_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(content)
    with pytest.raises(GatewayError, match=r"SETTINGS-FILE: .*gateway\.toml"):
        load_settings(path)


def test_a_misspelt_setting_does_not_show_its_value(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[database]\nuri = "postgresql://gateway:s3cret@db/gateway"\n')
    with pytest.raises(ValidationError, match=r"database\.uri") as caught:
        load_settings(path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://gateway:s3:cr@t@db:5432/books", "postgresql://gateway:***@db:5432/books"),
        ("postgresql://:s3cret@db/books", "postgresql://:***@db/books"),
        (
            "postgresql:///b?user=g&password=s3cret&port=1",
            "postgresql:///b?user=g&password=***&port=1",
        ),
        ("postgresql://gateway@db:5432/books", "postgresql://gateway@db:5432/books"),
        ("sqlite:////var/lib/gateway.db", "sqlite:////var/lib/gateway.db"),
        ("", ""),
    ],
)
def test_printed_settings_hold_no_password(tmp_path: Path, url: str, shown: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f'[database]\nurl = "{url}"\n')
    settings = load_settings(path)
    assert settings.database_url == url or not url
    assert settings.model_dump(mode="json")["database"]["url"] == shown
