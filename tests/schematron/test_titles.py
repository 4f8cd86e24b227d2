"""Titles: whatever a report may name is named in the reader's language, or is a name."""

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

import schematron
from schematron import kinds, recognition, registry
from schematron.finding import NAMELESS
from schematron.report.text import render_text
from schematron.report.view import report_view
from schematron.texts import LANGUAGES, require
from schematron.texts.titles import title_in

OTHERS = [lang for lang in LANGUAGES if lang != "en"]
WRITTEN = re.compile(r'(?:Container\([^"]*"\w+", |title = |, kind\), |, )"([^"\n]+ envelope)"')


def table() -> dict[str, dict[str, str]]:
    text = resources.files("schematron.texts").joinpath("titles.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def shown() -> list[str]:
    """Every title that rule sets, schemas, recognition and envelopes can put into a report."""
    known = registry.load(None, None)
    titles = [ruleset.title for ruleset in known.rulesets]
    titles += [one["title"] for one in registry_file("schemas.toml")["schema"]]
    titles += [kind.title for kind in recognition._KINDS.values()]
    titles += [title for _, _, title in recognition._SPECIAL]
    titles += [title for _, _, title in kinds._ROOTS]
    titles += [title for table in (kinds._MAGIC, kinds._ZIPPED, kinds._TEXTS) for _, title in table]
    container = Path(schematron.__file__).with_name("container.py").read_text(encoding="utf-8")
    envelopes = WRITTEN.findall(container)
    assert len(envelopes) == 3
    return titles + envelopes


def registry_file(name: str) -> dict:
    return tomllib.loads((Path(__file__).parents[2] / "config" / name).read_text(encoding="utf-8"))


def test_every_title_is_translated():
    assert {title for title in shown() if title not in table()} == set()


def test_every_translation_is_whole():
    incomplete = [title for title, said in table().items() if sorted(said) != sorted(OTHERS)]

    assert incomplete == []


@pytest.mark.parametrize("lang", OTHERS)
def test_a_version_behind_a_title_stays(lang):
    title = "EN 16931 rules for UBL"

    assert title_in(f"{title} 1.3.16", lang=lang) == f"{table()[title][lang]} 1.3.16"


def test_names_and_titles_of_operators_stay_as_they_are():
    assert title_in("House rules", lang="fr") == "House rules"
    assert title_in("EN 16931 rules for UBL", lang="en") == "EN 16931 rules for UBL"


def test_sentences_name_documents_in_their_own_language():
    said = require("INPUT-NOT-XML", lang="de", title="zip archive").message

    assert "Zip-Archiv" in said
    assert "archive" not in said


@pytest.fixture
def report() -> dict:
    run = {
        "id": "facturx-basic-1.09.2",
        "title": "Factur-X rules, profile BASIC",
        "source": "x",
        "engine": "saxon",
        "authority": "official",
        "verdict": "invalid",
    }
    finding = {
        "rule": NAMELESS,
        "severity": "fatal",
        "layer": "rules",
        "ruleset": run["id"],
        "message": "x",
        "official": "Attribute @currencyID marked as not used in the given context.",
        "words": {},
    }
    return {
        "file": "archive/2026/invoice.pdf",
        "verdict": "invalid",
        "valid": False,
        "sha256": "0" * 64,
        "document": {"title": "UN/CEFACT Cross Industry Invoice"},
        "containers": [
            {"kind": "sbdh", "title": "SBDH envelope", "part": "CrossIndustryInvoice"},
        ],
        "rulesets": [run],
        "findings": [finding],
        "counts": {"fatal": 1, "warning": 0},
        "elapsed_ms": 1.0,
    }


def test_a_report_names_everything_in_its_language(report):
    view = report_view(report, lang="de")
    facts = [fact.text for fact in view.facts]

    assert "CII-Rechnung (UN/CEFACT Cross Industry Invoice)" in facts
    assert "SBDH-Umschlag (CrossIndustryInvoice)" in facts
    assert view.rulesets[0].title == "Factur-X-Regeln, Profil BASIC"
    assert view.name == "invoice.pdf"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_person_reads_of_a_rule_without_an_id(report, lang):
    view = report_view(report, lang=lang)

    assert view.groups[0].groups[0].rules[0].rule == ""
    assert NAMELESS not in render_text(view)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_rules_that_are_not_here_are_not_said_to_follow_a_failure(report, lang):
    report["rulesets"][0]["verdict"] = "not-run"
    after_a_failure = report_view(report, lang=lang).unchecked
    report["findings"] = [report["findings"][0] | {"rule": "RULES-NOT-AT-HAND"}]
    absent = report_view(report, lang=lang).unchecked

    assert after_a_failure != absent
    assert len(after_a_failure) == len(absent) == 1
