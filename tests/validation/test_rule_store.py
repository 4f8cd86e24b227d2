"""Rules of an instance: the database is the truth, processes have copies, imports are tried."""

import hashlib
import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.access.service import Access
from gateway.access.tables import AuditEntry
from gateway.core import ids
from gateway.core.clock import BusinessClock
from gateway.core.errors import GatewayError
from gateway.validation import rule_service, rule_trial
from gateway.validation.rule_library import RuleFile, RuleLibrary
from gateway.validation.rule_package import Description, from_bytes, from_path
from gateway.validation.rule_service import RuleService
from gateway.validation.rule_tables import RuleArtefact, RulesetEntry
from schematron.errors import UnknownRuleset
from schematron.finding import Authority
from schematron.registry import load
from schematron.report.view import report_view
from schematron.store import RuleStore
from schematron.validate import Options, validate
from schematron.worker import initialise

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SCHEMATRON = """<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">
<ns prefix="cbc" uri="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"/>
<pattern><rule context="/*"><assert id="OWN-01" flag="fatal" test="TEST">Too long.</assert></rule>
</pattern></schema>"""
RULES = SCHEMATRON.replace("TEST", "string-length(cbc:ID) &lt; 12").encode()
INCLUDING = b"""<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">
<include href="parts/number.sch"/></schema>"""
INCLUDED = b"""<pattern xmlns="http://purl.oclc.org/dsdl/schematron"><rule context="/*">
<assert id="OWN-02" test="true()">Never.</assert></rule></pattern>"""
OWN = Description(id="own-1", title="House rules", syntax=("ubl-invoice",))
INVOICE = (
    '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:cbc="urn:oasis:'
    'names:specification:ubl:schema:xsd:CommonBasicComponents-2"><cbc:CustomizationID>urn:own'
    "</cbc:CustomizationID><cbc:ID>{}</cbc:ID></Invoice>"
)


def file(content: bytes, name: str = "a.xslt") -> RuleFile:
    return RuleFile(hashlib.sha256(content).hexdigest(), name, "test", content)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return buffer.getvalue()


def library_at(database, folder) -> RuleLibrary:
    return RuleLibrary(database=database, folder=folder, config=None, now=lambda: NOW)


class Inline:
    """Tries rules with the real engine in this process: a process for each test takes seconds."""

    async def run(self, *arguments):
        return rule_trial.try_rules(None, *arguments)

    async def close(self):
        """Nothing to end."""


@pytest.fixture(autouse=True)
def trials(request, monkeypatch):
    if "own_process" not in request.fixturenames:
        monkeypatch.setattr(rule_service, "trial_pool", Inline)


@pytest.fixture
def own_process():
    """Trials run in processes of their own, as they do in earnest."""


@pytest.fixture
def library(database, tmp_path):
    return library_at(database, tmp_path / "one")


@pytest.fixture
def rules(database, library):
    today = BusinessClock(zone=ZoneInfo("Europe/Brussels"), machine=lambda: NOW)
    return RuleService(database=database, library=library, today=today)


@pytest.fixture
async def operator(database):
    access = Access(database=database, now=lambda: NOW)
    tenant = await access.create_tenant(slug="operator", name="Provider", is_operator=True)
    return Principal(tenant.id, "anna@example.org", CallerKind.USER, SCOPES)


# Several processes and hosts over one database


async def test_what_one_process_keeps_every_other_finds_in_its_own_folder(
    database, library, tmp_path
):
    other = library_at(database, tmp_path / "two")
    await library.refresh()
    await other.refresh()
    kept = file(b"<rules/>")
    async with database.write() as session:
        assert await library.keep(session, [kept, kept]) == 1
        await library.add_set(session, "own-1", TEXT, author="anna")
    for one, folder in ((library, "one"), (other, "two")):
        await one.refresh()
        store = RuleStore(tmp_path / folder)
        assert store.read(kept.sha256, name="x") == b"<rules/>"
        assert store.sets() == {"own-1": TEXT}
        assert (await one.registry()).ruleset("own-1").title == "Own"


TEXT = """
[[ruleset]]
id = "own-1"
title = "Own"
family = "own"
syntax = ["ubl-invoice"]
[[ruleset.source]]
kind = "file"
path = "own.xslt"
sha256 = "0000000000000000000000000000000000000000000000000000000000000001"
"""


async def test_the_last_entry_of_a_set_counts_and_an_empty_one_withdraws_it(
    database, library, tmp_path
):
    for text in (TEXT, TEXT.replace('"Own"', '"Better"')):
        async with database.write() as session:
            await library.add_set(session, "own-1", text, author="anna")
    assert (await library.registry()).ruleset("own-1").title == "Better"
    assert (await library.imports())["own-1"].author == "anna"
    async with database.write() as session:
        await library.add_set(session, "own-1", "", author="ben")
    assert "own-1" not in {item.id for item in (await library.registry()).rulesets}
    assert RuleStore(tmp_path / "one").sets() == {}


async def test_a_set_that_the_database_does_not_know_is_forgotten(database, library, tmp_path):
    RuleStore(tmp_path / "one").put_set("stray-1", TEXT.replace("own-1", "stray-1"))
    await library.refresh()
    assert RuleStore(tmp_path / "one").sets() == {}


async def test_a_tampered_copy_is_replaced_when_a_process_starts(database, library, tmp_path):
    kept = file(b"<rules/>")
    async with database.write() as session:
        await library.keep(session, [kept])
    await library.refresh()
    path = tmp_path / "one" / "files" / kept.sha256
    path.write_bytes(b"tampered")
    await library_at(database, tmp_path / "one").refresh()
    assert path.read_bytes() == b"<rules/>"


async def test_files_and_entries_are_never_changed(database, library):
    kept = file(b"<rules/>")
    async with database.write() as session:
        await library.keep(session, [kept])
        await library.keep(session, [RuleFile(kept.sha256, "other", "other", kept.content)])
    found = await library.artefact(kept.sha256)
    assert (found.file_name, found.origin, found.size) == ("a.xslt", "test", 8)
    assert found.added_at == NOW
    async with database.read() as session:
        assert len((await session.exec(select(RuleArtefact.sha256))).all()) == 1


async def test_a_full_disk_is_said_and_tried_again(database, library, tmp_path, monkeypatch):
    async with database.write() as session:
        await library.keep(session, [file(b"<rules/>")])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(GatewayError, match="full") as refusal:
            await library.refresh()
    assert refusal.value.code == "RULES-STORE"
    assert list((tmp_path / "one" / "files").iterdir()) == []
    await library.refresh()
    assert RuleStore(tmp_path / "one").has(file(b"<rules/>").sha256)


# Import


async def test_an_imported_schematron_judges_documents(database, rules, operator, tmp_path):
    description = Description(
        id="own-1", title="House rules", syntax=("ubl-invoice",), customizations=("urn:own",)
    )
    ids = await rules.import_package(operator, from_bytes("own.sch", RULES), description)
    assert ids == ("own-1",)
    registry = load(store=tmp_path / "one")
    options = Options(as_of=date(2026, 11, 2), rules=("own-1",))
    for number, fired in (("1", []), ("1234567890123", ["OWN-01"])):
        report = validate(INVOICE.format(number).encode(), options=options, registry=registry)
        assert [run.id for run in report.rulesets] == ["own-1"]
        assert [item.rule for item in report.findings] == fired
        # What an operator imported is official for nobody, and no sentence of it is called so.
        assert [run.authority for run in report.rulesets] == [Authority.OPERATOR]
        (judged,) = report_view(report.to_json(), lang="en").rulesets
        assert (judged.authority, judged.basis) == ("operator", "Imported by the operator")
        assert all(item.message == item.official for item in report.findings)
    plan = registry.plan(None, syntax="ubl-invoice", customization="urn:own", day=NOW.date())
    assert [item.ruleset.id for item in plan.chosen] == ["own-1"]


async def test_an_import_is_recorded_with_its_author_and_hash(database, rules, operator):
    await rules.import_package(operator, from_bytes("own.sch", RULES), OWN)
    status = await rules.find("own-1")
    assert (status.imported_by, status.imported_at) == ("anna@example.org", NOW)
    assert status.source.label == "import: own.sch"
    async with database.read() as session:
        (entry,) = (await session.exec(select(AuditEntry))).all()
        files = (await session.exec(select(RuleArtefact))).all()
    assert (entry.action, entry.object) == ("rules.imported", "own-1")
    assert entry.facts == {"file": "own.sch", "sha256": status.source.sha256}
    # What was handed in, and the stylesheet made of it.
    assert {item.content[:7] for item in files} == {RULES[:7], b"<?xml v"}


async def test_a_zip_with_a_manifest_brings_includes_and_uses(rules, operator, library):
    manifest = b"""
[[ruleset]]
id = "house-2"
title = "House"
family = "house"
syntax = ["ubl-invoice", "ubl-creditnote"]
valid_from = 2027-01-01
severity = { "OWN-02" = "warning" }
[[ruleset.source]]
kind = "file"
path = "rules/own.sch"
[[scenario]]
title = "House invoice"
syntax = ["ubl-invoice"]
exact = "urn:house"
rules = ["cen-ubl", "house"]
"""
    package = zipped(
        {
            "manifest.toml": manifest,
            "rules/own.sch": INCLUDING,
            "rules/parts/number.sch": INCLUDED,
        }
    )
    assert await rules.import_package(operator, from_bytes("h.zip", package), None) == ("house-2",)
    found = (await library.registry()).ruleset("house-2")
    assert (found.valid_from, found.family) == (date(2027, 1, 1), "house")
    assert not (await rules.find("house-2")).in_force
    plan = (await library.registry()).plan(
        None, syntax="ubl-invoice", customization="urn:house", day=date(2027, 1, 1)
    )
    assert [item.ruleset.id for item in plan.chosen] == ["cen-ubl-1.3.16", "house-2"]


async def test_a_file_on_this_machine_may_include_its_folder(rules, tmp_path):
    (tmp_path / "own" / "parts").mkdir(parents=True)
    (tmp_path / "own" / "own.sch").write_bytes(INCLUDING)
    (tmp_path / "own" / "parts" / "number.sch").write_bytes(INCLUDED)
    package = from_path(tmp_path / "own" / "own.sch")
    assert await rules.import_here(package, OWN, author="root") == ("own-1",)
    assert (await rules.find("own-1")).imported_by == "root"


async def test_an_import_takes_over_what_is_known_of_a_set_that_waits_for_it(rules, operator):
    await rules.import_package(
        operator, from_bytes("e.sch", RULES), Description(id="ehf-reminder-3.0")
    )
    found = (await rules.find("ehf-reminder-3.0")).ruleset
    assert (found.publisher, found.family, found.syntax) == (
        "DFØ",
        "ehf-reminder",
        ("ubl-invoice",),
    )


async def test_importing_again_replaces(rules, operator):
    first = from_bytes("own.sch", RULES)
    second = from_bytes("own.sch", SCHEMATRON.replace("TEST", "true()").encode())
    await rules.import_package(operator, first, OWN)
    before = (await rules.find("own-1")).source.sha256
    await rules.import_package(operator, second, OWN)
    assert (await rules.find("own-1")).source.sha256 != before


async def test_a_withdrawn_set_is_left_out_by_every_process_and_may_come_back(
    database, library, rules, operator, tmp_path
):
    other = library_at(database, tmp_path / "two")
    package = from_bytes("own.sch", RULES)
    await rules.import_package(operator, package, OWN)
    assert (await other.registry()).ruleset("own-1")
    await rules.withdraw(operator, "own-1")
    with pytest.raises(UnknownRuleset):
        (await other.registry()).ruleset("own-1")
    with pytest.raises(GatewayError) as refused:
        await rules.withdraw(operator, "own-1")
    assert refused.value.code == "RULES-UNKNOWN"
    async with database.read() as session:
        entries = (await session.exec(select(AuditEntry))).all()
        files = (await session.exec(select(RuleArtefact))).all()
    actions = {one.action for one in entries if one.object == "own-1"}
    assert actions == {"rules.imported", "rules.withdrawn"}
    assert files
    await rules.import_package(operator, package, OWN)
    assert (await other.registry()).ruleset("own-1")


async def test_a_clock_that_is_behind_withdraws_and_imports_all_the_same(
    rules, operator, database, monkeypatch
):
    await rules.import_package(operator, from_bytes("own.sch", RULES), OWN)
    monkeypatch.setattr(ids.time, "time_ns", lambda: 10**18)
    await rules.withdraw(operator, "own-1")
    with pytest.raises(GatewayError, match="RULES-UNKNOWN"):
        await rules.find("own-1")
    await rules.import_package(operator, from_bytes("own.sch", RULES), OWN)
    assert (await rules.find("own-1")).imported_by == operator.actor


async def test_a_set_that_waits_for_its_file_waits_again_when_withdrawn(rules, operator):
    waiting = Description(id="ehf-reminder-3.0")
    await rules.import_package(operator, from_bytes("own.sch", RULES), waiting)
    filled = await rules.find("ehf-reminder-3.0")
    assert (filled.imported_by, filled.source.authority) == ("anna@example.org", "operator")
    await rules.withdraw(operator, "ehf-reminder-3.0")
    found = await rules.find("ehf-reminder-3.0")
    assert (found.source, found.imported_by) == (None, None)


async def test_what_the_release_brought_or_others_need_stays(rules, operator):
    with pytest.raises(GatewayError) as refused:
        await rules.withdraw(operator, "cen-ubl-1.3.16")
    assert refused.value.code == "RULES-NOT-IMPORTED"
    package = from_bytes("own.sch", RULES)
    await rules.import_package(operator, package, replace(OWN, family="house"))
    beside = replace(OWN, id="own-2", customizations=("urn:own",), beside=("house",))
    await rules.import_package(operator, package, beside)
    with pytest.raises(GatewayError) as refused:
        await rules.withdraw(operator, "own-1")
    assert refused.value.code == "RULES-NEEDED"
    assert "'house'" in str(refused.value)
    await rules.withdraw(operator, "own-2")
    await rules.withdraw(operator, "own-1")


async def test_only_the_service_provider_may_withdraw(database, rules, operator):
    await rules.import_package(operator, from_bytes("own.sch", RULES), OWN)
    access = Access(database=database, now=lambda: NOW)
    tenant = await access.create_tenant(slug="other", name="Other")
    other = Principal(tenant.id, "eve@example.org", CallerKind.USER, SCOPES)
    with pytest.raises(GatewayError) as refused:
        await rules.withdraw(other, "own-1")
    assert refused.value.code == "RULES-OPERATOR"
    assert (await rules.find("own-1")).imported_by


XSLT = (
    b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="3.0">'
    b'<xsl:template match="/"><nothing/></xsl:template></xsl:stylesheet>'
)


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("own.sch", RULES.replace(b"&lt; 12", b"&lt; ("), "RULES-IMPORT", "failed on an empty"),
        ("own.sch", b"<schema/>", "RULES-IMPORT", "line 1"),
        ("own.sch", INCLUDING, "RULES-IMPORT", "not allowed"),
        ("own.sch", RULES.replace(b"cbc:ID", b"doc('file:///etc/x')"), "RULES-IMPORT", "doc"),
        ("own.xslt", XSLT, "RULES-IMPORT", "something else than a validation report"),
        ("own.xslt", b"no xml", "RULES-IMPORT", "is no XSLT"),
        ("own.txt", RULES, "RULES-IMPORT", "no rule files"),
        ("own.zip", b"PK\x03\x04", "RULES-ARCHIVE", "no zip archive"),
        ("own.zip", zipped({"a.sch": RULES, "b.sch": RULES}), "RULES-IMPORT", "2 rule files"),
        ("own.zip", zipped({"../a.sch": RULES}), "RULES-ARCHIVE", "leads out of it"),
        ("own.zip", zipped({"manifest.toml": b"[["}), "RULES-MANIFEST", "no TOML"),
        ("own.zip", zipped({"manifest.toml": b"x = 1"}), "RULES-MANIFEST", "at least one"),
        ("own.zip", zipped({"manifest.toml": b"#\n" * 50_001}), "RULES-MANIFEST", "larger"),
        ("own.zip", zipped({"manifest.toml": b"a." * 40_000}), "RULES-MANIFEST", "a line of more"),
        ("own.zip", zipped({"manifest.toml": b"x=" + b"[\n" * 9_000}), "RULES-MANIFEST", "nests"),
    ],
)
async def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    database, rules, operator, name, content, code, words
):
    async def offer() -> None:
        package = from_bytes(name, content)
        await rules.import_package(operator, package, None if package.manifest else OWN)

    with pytest.raises(GatewayError, match=words) as refusal:
        await offer()
    assert refusal.value.code == code
    async with database.read() as session:
        assert (await session.exec(select(RulesetEntry))).first() is None
        assert (await session.exec(select(RuleArtefact.sha256))).first() is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "cen-ubl-1.3.16"}, "RULES-ID-TAKEN"),
        ({"id": "Own 1"}, "RULES-IMPORT"),
        ({"syntax": ()}, "RULES-IMPORT"),
        ({"syntax": ("edifact",)}, "RULES-IMPORT"),
        ({"customizations": ("urn:x",), "beside": ("no-such-family",)}, "RULES-MANIFEST"),
    ],
)
async def test_a_description_that_does_not_fit_is_refused(rules, operator, change, code):
    values = {"id": "own-1", "syntax": ("ubl-invoice",)} | change
    with pytest.raises(GatewayError) as refusal:
        await rules.import_package(operator, from_bytes("own.sch", RULES), Description(**values))
    assert refusal.value.code == code


async def test_a_package_whose_file_has_another_hash_is_refused(rules, operator):
    manifest = TEXT.replace("own.xslt", "own.sch").encode()
    package = from_bytes("o.zip", zipped({"manifest.toml": manifest, "own.sch": RULES}))
    with pytest.raises(GatewayError, match="0001") as refusal:
        await rules.import_package(operator, package, None)
    assert refusal.value.code == "RULES-HASH"


@pytest.mark.usefixtures("own_process")
async def test_endless_rules_are_ended_and_refused(rules, operator, monkeypatch):
    endless = b"""<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2"
    xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><ns prefix="f" uri="urn:f"/>
    <xsl:function name="f:f" xmlns:f="urn:f"><xsl:param name="n"/>
    <xsl:sequence select="if ($n = 0) then 0 else f:f($n + 1)"/></xsl:function>
    <pattern><rule context="/*"><assert id="A" test="f:f(1) = 0">x</assert></rule></pattern>
    </schema>"""
    monkeypatch.setattr(rule_trial, "_TRIAL_S", 2.0)
    with pytest.raises(GatewayError) as refusal:
        await rules.import_package(operator, from_bytes("own.sch", endless), OWN)
    monkeypatch.setattr(rule_trial, "_TRIAL_S", 60.0)
    assert refusal.value.code in ("POOL-TIMEOUT", "POOL-MEMORY")
    # The next import has a process that works.
    assert await rules.import_package(operator, from_bytes("own.sch", RULES), OWN) == ("own-1",)


async def test_only_the_service_provider_may_import(database, rules, operator):
    access = Access(database=database, now=lambda: NOW)
    tenant = await access.create_tenant(slug="acme", name="Acme")
    other = Principal(tenant.id, "eve@example.org", CallerKind.USER, SCOPES)
    with pytest.raises(GatewayError) as refusal:
        await rules.import_package(other, from_bytes("own.sch", RULES), OWN)
    assert refusal.value.code == "RULES-OPERATOR"
    weak = Principal(operator.tenant_id, "ben@example.org", CallerKind.USER, frozenset())
    with pytest.raises(GatewayError) as refusal:
        await rules.import_package(weak, from_bytes("own.sch", RULES), OWN)
    assert refusal.value.code == "ACCESS-SCOPE"


async def test_an_unknown_set_is_a_clear_answer(rules):
    with pytest.raises(GatewayError, match="no rule set 'x-1'") as refusal:
        await rules.find("x-1")
    assert refusal.value.code == "RULES-UNKNOWN"


def test_a_worker_starts_over_an_empty_store(tmp_path):
    initialise(None, str(tmp_path / "none"))
