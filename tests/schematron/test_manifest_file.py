"""Reading rule-set manifests: TOML to values, and clear words for what is wrong in one."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schematron import registry
from schematron.errors import ManifestInvalid
from schematron.finding import Severity
from schematron.manifest import Companion, Manifest, Notice, Ruleset, Scenario, Source
from schematron.manifest_file import ID_PATTERN, join, parse, read
from schematron.manifest_text import write as write_text
from schematron.store import RuleStore

HASH = "0" * 63 + "1"
MINIMAL = f"""
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
publisher = "P"
version = "1"
valid_from = 2026-01-01
severity = {{ "BR-CL-10" = "warning" }}

[[ruleset.source]]
kind = "authored"
path = "rules/f.sch"

[[schema]]
id = "s"
title = "S"
syntax = "ubl-invoice"
library = "l"
path = "main.xsd"
sha256 = "{HASH}"

[library.l]
package = "pytest"
version = "1"
folder = "pytest"
[library.l.files]
"common.xsd" = "{HASH}"
"""

IMPORTED = f"""
[[ruleset]]
id = "own-1"
title = "Own"
family = "own"
syntax = ["ubl-invoice"]

[[ruleset.source]]
kind = "file"
path = "own.sch"
sha256 = "{HASH}"

[[scenario]]
title = "Own"
syntax = ["ubl-invoice"]
exact = "urn:own"
rules = ["own", "cen-ubl"]
"""


def write(folder: Path, text: str) -> Path:
    (folder / "rulesets.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_manifest_becomes_values(tmp_path):
    values = read(write(tmp_path, MINIMAL))
    ruleset = values.rulesets[0]
    assert ruleset.valid_from == date(2026, 1, 1)
    assert ruleset.severity == (("BR-CL-10", Severity.WARNING),)
    assert (ruleset.publisher, ruleset.version) == ("P", "1")
    assert values.schemas[0].files == (("main.xsd", HASH), ("common.xsd", HASH))
    assert values.scenarios[0].complete


def test_every_kind_of_source_is_understood():
    common = f'path = "a/b.xslt"\nsha256 = "{HASH}"'
    companion = f'companion = [{{ name = "c.xml", path = "a/c.xml", sha256 = "{HASH}" }}]'
    kinds = {
        "package": f'package = "p"\nversion = "2"\n{common}\n{companion}',
        "maven": f'package = "g:a"\nversion = "2"\n{common}\n{companion}',
        "url": f'url = "https://example.org/r.zip"\n{common}\n{companion}',
        "file": f"{common}\n{companion}",
    }
    for kind, keys in kinds.items():
        text = MINIMAL.replace(
            'kind = "authored"\npath = "rules/f.sch"', f'kind = "{kind}"\n{keys}'
        )
        (source,) = parse(text, origin="test").rulesets[0].sources
        assert (source.kind, source.path, source.sha256) == (kind, "a/b.xslt", HASH)
        assert [item.name for item in source.companions] == ["c.xml"]
        assert source.path in source.label


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('title = "F"', "", "'title'"),
        ('kind = "authored"', 'kind = "magic"', "'magic'"),
        ('kind = "authored"', f'kind = "url"\nurl = "http://x"\nsha256 = "{HASH}"', "https only"),
        ('kind = "authored"', 'kind = "maven"\npackage="g:a"\nversion="1"', "'sha256'"),
        ('rules = ["f"]', 'rules = ["g"]', r"\['g'\]"),
        ('rules = ["f"]', 'rules = "f"', "list of texts"),
        ('id = "f-1"', 'id = "xsd"', "reserved"),
        ('id = "f-1"', 'id = "../f"', "small letters"),
        ('exact = "urn:x"', 'exact = "urn:x"\nprefix = "urn"', "either"),
        ('exact = "urn:x"', "", "either"),
        ('exact = "urn:x"', 'exact = "urn:x"\nwhen = "//["', "no XPath"),
        ('exact = "urn:x"', 'exact = "urn:x"\nwhen = "//nosuch:x"', "no XPath"),
        ('exact = "urn:x"', f'exact = "urn:x"\nwhen = "{"a/" * 1500}a"', "longer"),
        ('exact = "urn:x"', 'exact = "urn:x"\nseverity = { A = "mild" }', "mild"),
        ('exact = "urn:x"', 'exact = "urn:x"\nnotice = [{code="NO", when="."}]', "no text .* 'NO'"),
        (
            'exact = "urn:x"',
            'exact = "urn:x"\nnotice = [{code="RULES-PARTIAL", when="."}]',
            "no text",
        ),
        ('exact = "urn:x"', 'exact = "urn:x"\nnotice = [{code="XML-EMPTY", when="["}]', "no XPath"),
        ("2026-01-01", '"soon"', "date"),
        ("2026-01-01", "2026-01-01T00:00:00", "date"),
        ('"warning"', '"mild"', "mild"),
        ("[[ruleset]]", "[[ruleset", "cannot be read"),
        ('library = "l"', 'library = "m"', "'m'"),
        (f'sha256 = "{HASH}"', 'sha256 = "00"', "64 digits"),
        ('path = "rules/f.sch"', 'path = "x"\nnot_checked = [{rules="R", when="//["}]', "no XPath"),
        ('path = "rules/f.sch"', 'path = "x"\nnot_checked = "R"', "list of tables"),
        ('family = "f"', 'family = "f"\nsuccessor = "f-2"', "f-2"),
        ('family = "f"', 'family = "f"\nseverity = 7', "severity"),
    ],
)
def test_a_broken_manifest_says_what_is_wrong(tmp_path, old, new, reason):
    assert old in MINIMAL
    text = MINIMAL.replace('severity = { "BR-CL-10" = "warning" }', "") if "= 7" in new else MINIMAL
    with pytest.raises(ManifestInvalid, match=reason):
        read(write(tmp_path, text.replace(old, new, 1)))


def test_a_missing_manifest_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ManifestInvalid, match=str(tmp_path)):
        registry.load(tmp_path)


def test_schemas_may_stand_in_a_file_of_their_own(tmp_path):
    shipped = Path(__file__).resolve().parents[2] / "config"
    for name in ("rulesets.toml", "schemas.toml"):
        shutil.copy(shipped / name, tmp_path / name)
    assert read(tmp_path) == read()


def test_an_imported_set_joins_those_shipped():
    joined = join(read(), [parse(IMPORTED, origin="own-1")])
    assert joined.rulesets[-1].id == "own-1"
    assert joined.scenarios[-1].families == ("own", "cen-ubl")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"cen-ubl"', '"cen-xyz"', "cen-xyz"),
        ('family = "own"', 'family = "own"\nsuccessor = "own-2"', "own-2"),
    ],
)
def test_an_import_that_does_not_fit_is_refused(old, new, reason):
    with pytest.raises(ManifestInvalid, match=reason):
        join(read(), [parse(IMPORTED.replace(old, new), origin="own-1")])


def test_a_set_that_is_shipped_with_its_sources_stays_what_it_is():
    text = IMPORTED.replace("own-1", "cen-ubl-1.3.16").replace('family = "own"', 'family = "x"')
    text = text.replace('["own", "cen-ubl"]', '["cen-ubl"]')
    joined = join(read(), [parse(text, origin="x")])
    (found,) = [item for item in joined.rulesets if item.id == "cen-ubl-1.3.16"]
    assert found.family == "cen-ubl"


def test_an_import_takes_the_place_of_a_set_that_waits_for_one():
    text = IMPORTED.replace("own-1", "ehf-reminder-3.0").replace('"own"', '"ehf-reminder"')
    joined = join(read(), [parse(text, origin="x")])
    (found,) = [item for item in joined.rulesets if item.id == "ehf-reminder-3.0"]
    assert found.sources[0].sha256 == HASH


def test_sets_in_the_store_are_part_of_the_registry(tmp_path):
    RuleStore(tmp_path).put_set("own-1", IMPORTED)
    loaded = registry.load(store=tmp_path)
    assert not loaded.artefacts.available(loaded.ruleset("own-1"))
    plan = loaded.plan(None, syntax="ubl-invoice", customization="urn:own", day=date(2026, 11, 2))
    assert [item.ruleset.id for item in plan.chosen] == ["own-1", "cen-ubl-1.3.16"]


def test_a_broken_set_in_the_store_is_named(tmp_path):
    RuleStore(tmp_path).put_set("own-1", "[[ruleset")
    with pytest.raises(ManifestInvalid, match="own-1 is no TOML"):
        registry.load(store=tmp_path)


words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
days = st.none() | st.dates()
weights = st.lists(
    st.tuples(words, st.sampled_from(Severity)), max_size=3, unique_by=lambda pair: pair[0]
).map(tuple)
files = st.builds(
    Source,
    st.just("file"),
    words,
    sha256=st.just(HASH),
    companions=st.lists(st.builds(Companion, words, words, st.just(HASH)), max_size=2).map(tuple),
)
sets = st.builds(
    Ruleset,
    id=st.from_regex(ID_PATTERN, fullmatch=True),
    title=words,
    family=words,
    syntax=st.lists(words, max_size=3).map(tuple),
    sources=st.tuples(files),
    valid_from=days,
    valid_until=days,
    successor=st.none() | words,
    severity=weights,
    publisher=st.just("") | words,
    version=st.just("") | words,
)
uses = st.builds(
    Scenario,
    title=words,
    syntax=st.lists(words, max_size=2).map(tuple),
    families=st.lists(words, max_size=2).map(tuple),
    exact=words,
    when=st.none() | st.just("/*/cbc:ID = '\"'"),
    severity=weights,
    complete=st.booleans(),
    notices=st.lists(
        st.builds(Notice, st.just("XML-EMPTY"), st.just("//cbc:ID"), days, days), max_size=2
    ).map(tuple),
)


@given(rulesets=st.lists(sets, max_size=2), scenarios=st.lists(uses, max_size=2))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back_as_it_was(rulesets, scenarios):
    manifest = Manifest(tuple(rulesets), (), tuple(scenarios))
    assert parse(write_text(manifest), origin="test") == manifest
