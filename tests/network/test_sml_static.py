"""SMP addresses from a file."""

import os
from pathlib import Path

import pytest

from gateway.as4.identifiers import ParticipantId
from gateway.network.adapters.sml_static import StaticLocator
from gateway.network.errors import LookupFailed

NAMED = ParticipantId.of("0088:1234567890123")
OTHER = ParticipantId.of("0192:987654321")
TOML = """
default = "https://smp.example/"
[participants]
"iso6523-actorid-upis::0088:1234567890123" = "https://other.example/smp/"
"""
JSON = '{"participants": {"iso6523-actorid-upis::0088:1234567890123": "https://other.example/smp"}}'


def write(path: Path, text: str, *, age: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(age, age))


async def refused(path: Path, participant: ParticipantId = NAMED) -> LookupFailed:
    with pytest.raises(LookupFailed) as caught:
        await StaticLocator(path).locate(participant)
    return caught.value


async def test_toml_with_a_default(tmp_path) -> None:
    path = tmp_path / "smp.toml"
    path.write_text(TOML)
    locator = StaticLocator(path)
    assert (await locator.locate(NAMED)).url == "https://other.example/smp"
    assert (await locator.locate(OTHER)).url == "https://smp.example"
    assert (await locator.locate(OTHER)).source == "smp.toml"


async def test_json_without_a_default(tmp_path) -> None:
    path = tmp_path / "smp.json"
    path.write_text(JSON)
    assert (await StaticLocator(path).locate(NAMED)).url == "https://other.example/smp"
    error = await refused(path, OTHER)
    assert (error.code, error.retry) == ("LOOKUP-NOT-REGISTERED", "no")


async def test_a_changed_file_is_read_again(tmp_path) -> None:
    path = tmp_path / "smp.toml"
    write(path, 'default = "https://one.example"', age=1)
    locator = StaticLocator(path)
    assert (await locator.locate(OTHER)).url == "https://one.example"
    write(path, 'default = "https://two.example"', age=2)
    assert (await locator.locate(OTHER)).url == "https://two.example"
    write(path, "half = ", age=3)
    with pytest.raises(LookupFailed, match="LOOKUP-STATIC-FILE"):
        await locator.locate(OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "no toml at all",
        'defualt = "https://smp.example"',
        'participants = "none"',
        'default = "smp.example"',
        "default = 1",
        'default = "https://smp.example/?q"',
        '[participants]\n"0088:1" = "https://smp.example"',
        '[participants]\n"iso6523-actorid-upis::0088:1" = "gopher://smp.example"',
    ],
)
async def test_a_wrong_file_is_an_operators_problem_not_the_receivers(tmp_path, text) -> None:
    path = tmp_path / "smp.toml"
    path.write_text(text)
    error = await refused(path)
    assert (error.code, error.retry) == ("LOOKUP-STATIC-FILE", "backoff")
    assert str(path) in error.message


async def test_a_missing_or_unreadable_file(tmp_path) -> None:
    assert (await refused(tmp_path / "none.toml")).code == "LOOKUP-STATIC-FILE"
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    assert (await refused(tmp_path / "bytes.toml")).code == "LOOKUP-STATIC-FILE"
    (tmp_path / "list.json").write_text("[]")
    assert (await refused(tmp_path / "list.json")).code == "LOOKUP-STATIC-FILE"
