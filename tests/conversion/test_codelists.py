"""The code lists of an instance: what is shipped, what an operator changes, and every door."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.access.directory import Directory
from gateway.access.roles import Role
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.cli import main
from gateway.conversion import codelist_api, codelist_pages
from gateway.conversion.codelist_service import CODE_LISTS, CodeListService
from gateway.conversion.codelists import newest_rules, read_code_lists
from gateway.core.clock import BusinessClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.settings import Settings
from gateway.validation.rule_library import RuleLibrary
from gateway.web import render
from gateway.web.server import build
from schematron.registry import load

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PASSWORD = "correct horse battery"
SHIPPED = Path(__file__).resolve().parents[2] / "config" / "codelists.toml"
ZONE = ZoneInfo("Europe/Brussels")


def test_every_shipped_list_is_read_and_has_its_codes() -> None:
    """The numbers of the code database are right: each list has codes only it has."""
    lists = read_code_lists(None).lists
    sizes = {one.id: len(one.codes) for one in lists}
    assert len(sizes) == 22
    assert min(sizes.values()) >= 3
    assert lists.of("UNTDID-4461").valid("58", NOW.date())
    assert lists.of("VATEX").valid("VATEX-EU-AE", NOW.date())
    assert lists.of("ISO-3166-1").name("BE", "fr") == "Belgique"
    for one in lists:
        assert set(one.titles) == {"en", "fr", "nl", "de"}
        assert one.terms


def test_currencies_that_ended_are_dated() -> None:
    currencies = read_code_lists(None).lists.of("ISO-4217")
    assert currencies.valid("HRK", date(2022, 12, 31))
    assert not currencies.valid("HRK", date(2023, 1, 1))
    assert currencies.codes["HRK"].source


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """Read a changed copy of the shipped file."""

    def changed(*replacements: tuple[str, str]) -> Any:
        text = SHIPPED.read_text("utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "codelists.toml").write_text(text, "utf-8")
        return read_code_lists(tmp_path)

    return changed


def test_an_operator_adds_and_ends_codes(own: Any) -> None:
    change = (
        'names = "exemption"\n\n[[list.change]]\ncode = "VATEX-XX-1"\nvalid_from = 2027-01-01\n'
        'names = { en = "Own" }\nsource = "House"\n\n[[list.change]]\ncode = "VATEX-EU-AE"\n'
        "valid_until = 2026-12-31\n"
    )
    reasons = own(('names = "exemption"\n', change)).lists.of("VATEX")
    assert not reasons.valid("VATEX-XX-1", NOW.date())
    assert reasons.valid("VATEX-XX-1", date(2027, 1, 1))
    assert not reasons.valid("VATEX-EU-AE", date(2027, 1, 1))
    assert reasons.name("VATEX-XX-1", "de") == "Own"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('must_have = ["EUR",', 'must_have = ["ZZ9",', "ZZ9"),
        ('number = "42"', 'number = "41"', "not the list it was"),
        ('package = "facturx"', 'package = "no_such_package"', "no_such_package"),
        ('file = "xsd_and', 'file = "elsewhere', "elsewhere"),
        ("aged_after_months = 9", "aged_after_months = 0", "aged_after_months"),
        ("aged_after_months = 9", "aged = [", "codelists.toml"),
        ('package = "facturx"', 'package = ""', "package: String should have at least 1 character"),
        ('package = "facturx"', 'package = "json.decoder"', "cannot be read: "),
        ('file = "rules/', 'file = "\\u0000', "cannot be read: embedded null byte"),
        ("titles = { en = ", "titles = { it = ", "UNTDID-1001 lack 'en'"),
        ('source = "peppol-eas"', 'source = "nobody"', "the source 'nobody', which is not there"),
        ('id = "UNTDID-1153"', 'id = "UNTDID-1001"', "'UNTDID-1001' is given twice"),
        ('code = "HRK"\n', 'code = "HRK"\nvalid_from = 2026-01-01\n', "before valid_from"),
    ],
)
def test_a_wrong_file_is_refused_with_its_reason(own: Any, old: str, new: str, told: str) -> None:
    with pytest.raises(GatewayError, match=re.escape(told)) as refused:
        own((old, new))
    assert refused.value.kind.code == "CODE-LISTS-FILE"


def test_age_is_counted_in_months(own: Any) -> None:
    store = own(("aged_after_months = 9", "aged_after_months = 1"))
    release = store.lists.of("EAS").release
    assert store.standing(release, date(2026, 10, 31), newest={}) == "current"
    assert store.standing(release, date(2026, 11, 1), newest={}) == "aged"


def test_newer_rules_in_force_are_known_by_family() -> None:
    newest = newest_rules(load(None, None).rulesets, NOW.date())
    assert newest["peppol-ubl"] == date(2026, 8, 17)
    assert newest_rules(load(None, None).rulesets, date(2026, 8, 16))["peppol-ubl"] == date(
        2026, 2, 23
    )


@dataclass(frozen=True)
class Site:
    client: Any
    sessions: Sessions

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.client.get(path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def page(self, email: str, path: str) -> str:
        cookie, _ = await self.sessions.sign_in(email=email, password=PASSWORD, address="192.0.2.1")
        status, body = await self.get(path, Cookie=f"gateway={cookie}")
        assert status == 200
        return body


@pytest.fixture
async def site(
    database: Database, tmp_path: Path, aiohttp_client: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    monkeypatch.setattr("gateway.access.passwords._N", 16)
    access = Access(database=database, now=lambda: NOW)
    sessions = Sessions(database=database, now=lambda: NOW)
    acme = await access.create_tenant(slug="acme", name="Acme")
    for locale in ("en", "fr", "nl", "de"):
        await access.create_user(
            tenant_id=acme.id,
            email=f"{locale}@acme.example",
            password=PASSWORD,
            role=Role.OWNER,
            locale=locale,
        )
    app = build(
        settings=Settings(data_dir=tmp_path),
        routes=(*codelist_api.ROUTES, *codelist_pages.ROUTES),
        access=access,
        sessions=sessions,
    )
    render.install(app, directory=Directory(database), zone=ZONE, now=lambda: NOW)
    app[CODE_LISTS] = CodeListService(
        store=read_code_lists(None),
        library=RuleLibrary(
            database=database, folder=tmp_path / "rules", config=None, now=lambda: NOW
        ),
        today=BusinessClock(zone=ZONE, machine=lambda: NOW),
    )
    return Site(await aiohttp_client(app), sessions)


async def test_the_api_lists_and_shows(site: Site) -> None:
    status, body = await site.get("/v1/code-lists?lang=nl")
    assert status == 200
    found = {item["id"]: item for item in json.loads(body)["items"]}
    means = found["UNTDID-4461"]
    assert (means["title"], means["terms"], means["standing"]) == (
        "Betaalwijzen",
        ["BT-81"],
        "current",
    )
    assert means["age_days"] == 82
    status, body = await site.get("/v1/code-lists/UNTDID-4461?lang=fr&q=sepa")
    shown = json.loads(body)
    assert {one["code"]: one["name"] for one in shown["codes"]}["58"] == "Virement SEPA"
    assert shown["release"]["valid_from"] == "2026-09-01"
    status, body = await site.get("/v1/code-lists/ISO-4217?q=HRK&on=2020-01-01")
    (kuna,) = json.loads(body)["codes"]
    assert (kuna["valid"], kuna["valid_until"]) == (True, "2022-12-31")


async def test_wrong_questions(site: Site) -> None:
    for path, status, code in (
        ("/v1/code-lists/NONE", 404, "NOT-FOUND"),
        ("/v1/code-lists/EAS?lang=it", 400, "REQUEST-INVALID"),
        ("/v1/code-lists/EAS?on=yesterday", 400, "REQUEST-INVALID"),
        ("/v1/code-lists/EAS?nonsense=1", 400, "REQUEST-INVALID"),
    ):
        found, body = await site.get(path)
        assert (found, json.loads(body)["code"]) == (status, code), path


async def test_the_pages_in_each_language(site: Site) -> None:
    for lang, title, name in (
        ("en", "Code lists", "SEPA credit transfer"),
        ("fr", "Listes de codes", "Virement SEPA"),
        ("nl", "Codelijsten", "SEPA-overschrijving"),
        ("de", "Codelisten", "SEPA-Überweisung"),
    ):
        email = f"{lang}@acme.example"
        body = await site.page(email, "/settings/code-lists")
        assert f"<h1>{title}</h1>" in body
        assert "UNECE-REC-20-21" in body
        body = await site.page(email, "/settings/code-lists/UNTDID-4461?find=58")
        assert name in body
        body = await site.page(email, "/settings/code-lists/UNECE-REC-20-21?find=%3Cscript%3E")
        assert "<script>" not in body.partition("<main")[2]


async def test_the_pages_need_somebody_signed_in(site: Site) -> None:
    async with site.client.get("/settings/code-lists", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["codes", *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_the_command(command: Any) -> None:
    code, said = command("--on", "2026-11-22")
    assert code == 0
    assert re.search(r"^UNTDID-4461\s+84\s+2026-09-01\s+current\s+Means of payment$", said, re.M)
    code, said = command("--json", "--on", "2026-01-01")
    assert {one["standing"] for one in json.loads(said)} == {"coming"}
    code, said = command("UNTDID-4461", "--find", "sepa", "--lang", "de")
    assert said.splitlines()[0].split() == ["58", "SEPA-Überweisung"]
    code, said = command("ISO-4217", "--find", "hrk")
    assert "not valid that day" in said
    code, said = command("ISO-4217", "--find", "hrk", "--json", "--on", "2020-01-01")
    assert [one["valid"] for one in json.loads(said)] == [True]
    code, said = command("NONE")
    assert (code, "there is no code list 'NONE'" in said) == (2, True)
