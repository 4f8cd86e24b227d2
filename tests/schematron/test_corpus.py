"""Agreement with the official artefacts on the whole corpus, through the public door."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from lxml import etree

from schematron import svrl
from schematron.engine import shared
from schematron.finding import RunVerdict, Verdict
from schematron.location import Tree
from schematron.stylesheet import lean
from schematron.validate import validate
from ubl.safexml import parse

CEN = "cen-ubl-1.3.16"


def test_cen_fires_exactly_what_the_official_run_fired(corpus, registry, today):
    cases = corpus.sample(corpus.judged_by(CEN))
    assert len(cases) > 200
    options = replace(today, rules=(CEN,))
    differing = []
    for case in cases:
        report = validate(corpus.read(case), options=options, registry=registry)
        got = Counter((finding.rule, finding.severity.value) for finding in report.findings)
        wanted = {(rule, sev): count for rule, (sev, count) in case["oracle"][CEN].items()}
        if dict(got) != wanted:
            differing.append((case["id"], got, wanted))
    assert differing == []


def test_every_rule_finding_has_a_place(corpus, registry, today):
    options = replace(today, rules=(CEN,))
    seen = 0
    for case in corpus.sample(corpus.suite("mut-cen-ubl-inv", "mut-cen-ubl-cn")):
        data = corpus.read(case)
        lines = data.decode("utf-8").splitlines()
        for finding in validate(data, options=options, registry=registry).findings:
            seen += 1
            assert finding.location
            assert finding.location.startswith(("/ubl:Invoice", "/cn:CreditNote"))
            name = finding.location.rsplit("/", 1)[1].split("[")[0].split(":")[1]
            tag = lines[finding.line - 1][finding.column - 1 :]
            assert re.match(rf"<(\w+:)?{name}\b", tag), (case["id"], finding)
    assert seen > 40


def test_a_lean_stylesheet_says_what_the_published_one_says(corpus, registry):
    published = registry.artefacts.stylesheet(registry.artefacts.choose(registry.ruleset(CEN)))
    compared = 0
    for case in corpus.sample(corpus.suite("mut-cen-ubl-inv", "mut-cen-ubl-cn", "gobl-ubl")):
        tree = Tree(parse(corpus.read(case)))
        document = etree.tostring(tree.root, encoding="unicode")
        told = []
        for key, stylesheet in (("raw", published), ("lean", lean(published))):
            report = shared().run(
                f"{key} for comparison", lambda sheet=stylesheet: sheet, document=document
            )
            told.append(
                [
                    (item.rule, item.severity, item.text, tree.resolve(item.location))
                    for item in svrl.read(report).assertions
                ]
            )
        assert told[0] == told[1], case["id"]
        compared += len(told[0])
    assert compared > 40


def test_schema_verdicts(corpus, registry, today):
    options = replace(today, rules=("xsd",))
    cases = corpus.sample(
        [
            case
            for case in corpus.cases
            if case["syntax"] in ("ubl-invoice", "ubl-creditnote")
            and case.get("xsd_valid") is not None
            and not case.get("fragment")
        ]
    ) + corpus.suite("xsd-ubl-invoice", "xsd-ubl-creditnote")
    assert len(cases) > 200
    wrong = []
    for case in cases:
        report = validate(corpus.read(case), options=options, registry=registry)
        expected = RunVerdict.VALID if case["xsd_valid"] else RunVerdict.INVALID
        if [run.verdict for run in report.rulesets] != [expected]:
            wrong.append((case["id"], report.verdict))
        if not case["xsd_valid"]:
            assert all(
                finding.line and finding.message and finding.rule.startswith("XSD-")
                for finding in report.findings
            ), case["id"]
    assert wrong == []


def test_an_aborting_stylesheet_is_never_called_valid(corpus, registry, today):
    cases = [c for c in corpus.suite("xslt-dynamic-error") if CEN in c["rulesets"]]
    for case in cases:
        data = corpus.read(case)
        alone = validate(data, options=replace(today, rules=(CEN,)), registry=registry)
        assert alone.verdict is Verdict.ENGINE_ERROR, case["id"]
        assert [finding.rule for finding in alone.findings] == ["ENGINE-FAILED"]
        whole = validate(data, options=today, registry=registry)
        expected = Verdict.ENGINE_ERROR if case["xsd_valid"] else Verdict.INVALID
        assert whole.verdict is expected, case["id"]
        assert not whole.valid


def test_no_aborting_case_of_any_rule_set_is_valid(corpus, registry, today):
    for case in corpus.suite("xslt-dynamic-error"):
        assert not validate(corpus.read(case), options=today, registry=registry).valid, case["id"]


def test_hostile_documents(corpus, registry, today):
    for case in corpus.suite("hostile"):
        report = validate(corpus.read(case), options=today, registry=registry)
        expected = case["expected"]
        if expected.get("reject"):
            assert report.verdict is Verdict.UNREADABLE, case["id"]
            assert report.findings[0].rule.startswith(("XML-", "INPUT-NOT-XML"))
        elif expected.get("undetermined"):
            assert report.verdict is Verdict.UNDETERMINED, case["id"]
        else:
            assert report.valid is expected["valid"], (case["id"], report.findings)


@pytest.mark.parametrize(
    "suite", ["cen-examples", "phive-cen", "gobl-ubl", "mustang-xml", "kosit-config"]
)
def test_whole_documents_are_judged_as_their_oracles_say(corpus, registry, today, suite):
    """A fatal oracle means invalid; a silent one under plain EN 16931 means valid."""
    for case in corpus.suite(suite):
        oracle = (case.get("oracle") or {}).get(CEN)
        if oracle is None or case["xsd_valid"] is False:
            continue
        report = validate(corpus.read(case), options=today, registry=registry)
        fatal = any(severity == "fatal" for severity, _ in oracle.values())
        if fatal:
            assert report.verdict is not Verdict.VALID, case["id"]
        elif report.document.customization == "urn:cen.eu:en16931:2017":
            assert report.verdict is Verdict.VALID, case["id"]


FOREIGN = {"CrossIndustryDocument", "SCRDMCCBDACIOMessageStructure", "myinvoice", "other"}


def test_other_kinds_of_documents_are_named_not_judged(corpus, registry, today):
    cases = [case for case in corpus.cases if case["syntax"] in FOREIGN]
    assert len(cases) > 8
    for case in cases:
        report = validate(corpus.read(case), options=today, registry=registry)
        assert report.verdict in (Verdict.UNDETERMINED, Verdict.UNREADABLE), case["id"]
        assert report.rulesets == ()
        assert report.document.title or case["syntax"] in ("myinvoice", "other"), case["id"]
        assert report.findings


def test_every_known_kind_is_recognised(corpus, registry, today):
    """Whatever rules are at hand: never foreign, never without a name, never valid unjudged."""
    kinds = {"cii-d16b": "cii", "cdar-d22b": "cdar"}
    cases = [c for c in corpus.cases if c["syntax"] not in FOREIGN | {"pdf", "not-wellformed"}]
    for case in cases[::16]:
        report = validate(corpus.read(case), options=replace(today, rules=()), registry=registry)
        if case["suite"] == "hostile":
            continue
        assert report.document.syntax == kinds.get(case["syntax"], case["syntax"]), case["id"]
        assert report.document.title
        assert report.verdict is Verdict.UNDETERMINED
