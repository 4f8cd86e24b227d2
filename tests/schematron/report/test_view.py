"""The view: worded in the reader's language, folded by rule, silent about nothing."""

from datetime import UTC, datetime

import pytest

from schematron.finding import Authority
from schematron.report.view import report_view
from schematron.texts import LANGUAGES
from schematron.validate import validate

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)


def rules(view):
    return {rule.rule: rule for s in view.groups for group in s.groups for rule in group.rules}


def facts(view):
    return {fact.label: fact.text for fact in view.facts}


def test_the_document_is_identified(report):
    view = report_view(report, lang="en", checked_at=AT)
    assert facts(view) == {
        "File": "2026-117.pdf",
        "Kind of document": "UBL 2.1 Invoice",
        "Number": "2026-117",
        "Issued on": "5 October 2026",
        "Sender": "Brouwerij De Linde",
        "Taken out of": "PDF (factur-x.xml) › SBDH envelope",
        "Follows": report["document"]["customization"],
        "Business process": report["document"]["profile"],
        "Rules in force on": "2 November 2026",
        "Checked on": "2 November 2026, 09:05 UTC",
        "SHA-256 of the file": report["sha256"],
    }


def test_the_places_of_a_rule_stand_together_and_the_rest_is_counted(report):
    rule = rules(report_view(report, lang="en"))["BR-25"]
    assert len(rule.places) == 25
    assert (rule.more, rule.more_label) == (5 + 4970, "and 4,975 more")
    assert rule.places[1].where == "line 42, column 3"
    assert rule.places[1].excerpt == ""  # says no more than the location
    assert rules(report_view(report, lang="de", places=30))["BR-25"].more_label == (
        "und 4.970 weitere"
    )


def test_groups_follow_the_standard_and_severities_their_weight(report):
    view = report_view(report, lang="en")
    assert [severity.severity for severity in view.groups] == ["fatal", "warning"]
    assert [group.id for group in view.groups[0].groups] == ["", "BG-4", "BG-25"]
    assert view.groups[0].groups[2].title == "Invoice line"


def test_layers_before_the_rules_come_first(report):
    layers = {"BR-08": "xsd", "ODD-1": "pdf", "ENGINE-FAILED": "input"}
    for found in report["findings"]:
        found["layer"] = layers.get(found["rule"], "rules")
    groups = report_view(report, lang="en").groups[0].groups
    assert [group.id for group in groups] == ["input", "pdf", "xsd", "BG-25"]


@pytest.mark.parametrize(
    ("lang", "message"),
    [
        ("en", "The name of the item is missing (BT-153)."),
        ("fr", "Le nom de l'article manque (BT-153)."),
        ("nl", "De naam van het artikel ontbreekt (BT-153)."),
        ("de", "Der Name des Artikels fehlt (BT-153)."),
    ],
)
def test_a_stored_report_is_read_in_any_language(report, lang, message):
    rule = rules(report_view(report, lang=lang))["BR-25"]
    assert rule.message == message
    assert rule.official == "Each Invoice line shall contain the Item name."
    assert not rule.official_only


def test_without_words_of_ours_the_publisher_speaks_and_that_is_said(report):
    found = rules(report_view(report, lang="fr"))
    assert found["ODD-1"].message == "The publisher alone has words for this."
    assert found["ODD-1"].official_only
    assert found["ODD-1"].official == ""
    assert found["ODD-2"].message == "Only stored words."
    assert not found["ODD-2"].official_only


def test_values_fill_the_words_and_an_engine_that_stopped_is_no_silence(report):
    view = report_view(report, lang="en")
    assert "FORG0001" in rules(view)["ENGINE-FAILED"].message
    assert any("Demonstration rules: stopped before the end" in one for one in view.unchecked)


def test_rule_sets_tell_whose_they_are(report):
    schema, cen, demo = report_view(report, lang="en").rulesets
    assert (cen.verdict_label, cen.basis) == ("broken", "Official rules, unchanged")
    assert cen.newer == "A newer release is known: cen-ubl-1.3.17"
    said = {fact.label: fact.text for fact in cen.facts}
    assert said["In force"] == "from 1 May 2026 until 31 December 2026"
    assert said["SHA-256"] == "bb" * 32
    assert demo.basis == "Re-implementation by this project"
    said = {fact.label: fact.text for fact in demo.facts}
    assert said["Last proven equal to"] == "Demonstration release 1"
    assert "SHA-256" not in said
    assert schema.verdict_label == "kept"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_import_is_called_official_in_older_reports_only(report, lang):
    """A stored report stays as it was written; each of its three words is known."""
    bases = {}
    for authority in Authority:
        report["rulesets"][1]["authority"] = authority.value
        bases[authority] = report_view(report, lang=lang).rulesets[1].basis
    assert len(set(bases.values())) == len(Authority)


def test_another_release_tells_only_what_it_would_change(report):
    view = report_view(report, lang="en")
    (other,) = view.others
    assert other.ruleset.id == "demo-set-2"
    assert other.sentence == "Demonstration rules, next release: the document breaks these rules."
    assert other.validity == "from 22 February 2027"
    assert [rule.rule for rule in other.rules] == ["NEXT-1"]
    assert "NEXT-1" not in rules(view)
    assert "demo-set-2" not in [run.id for run in view.rulesets]


def test_what_was_not_checked_is_said(report):
    said = report_view(report, lang="en").unchecked
    assert any("DEMO-R-9, DEMO-N-*" in one for one in said)
    assert any("PDF/A" in one for one in said)
    report["rulesets"][1]["verdict"] = "not-run"
    report["verdict"] = "undetermined"
    said = report_view(report, lang="en").unchecked
    assert "EN 16931 rules: not run, because an earlier check failed." in said
    assert any("not available here" in one for one in said)


def test_all_well_leaves_nothing_unchecked_but_the_facts(good_report):
    good_report["containers"] = []
    view = report_view(good_report, lang="en")
    assert (view.groups, view.others, view.unchecked) == ((), (), ())
    assert "is true" in view.caution


def test_a_report_of_an_earlier_version_is_shown_as_far_as_it_goes(report):
    for run in report["rulesets"]:
        for key in ("title", "publisher", "version", "valid_from", "valid_until", "sha256"):
            del run[key]
        del run["decides"], run["newer"]
    for found in report["findings"]:
        for key in ("group", "official", "excerpt", "words"):
            del found[key]
    del report["containers"], report["as_of"], report["file"]
    report["document"] = None
    view = report_view(report, lang="nl")
    assert [run.title for run in view.rulesets] == [run["id"] for run in report["rulesets"]]
    found = rules(view)
    assert found["BR-25"].message == "De naam van het artikel ontbreekt (BT-153)."
    assert found["ENGINE-FAILED"].message == "Stored message of ENGINE-FAILED."
    assert "RULES-REPEATED" in found  # without its values the count cannot be joined to its rule


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    "verdict", ["valid", "invalid", "undetermined", "unreadable", "engine-error"]
)
def test_every_verdict_has_its_words(good_report, lang, verdict):
    view = report_view(good_report | {"verdict": verdict}, lang=lang)
    assert view.headline
    assert view.said.endswith(".")


def test_a_report_of_the_engine_is_worded_alike_in_all_languages(invoice, registry, today):
    broken = invoice.replace("<cbc:Name>Keg</cbc:Name>", "").replace(">122.00<", ">1<")
    made = validate(broken.encode(), options=today, registry=registry).to_json(file="a.xml")
    views = [report_view(made, lang=lang) for lang in LANGUAGES]
    assert {tuple(rules(view)) for view in views} == {("BR-25",)}
    assert len({rules(view)["BR-25"].message for view in views}) == len(LANGUAGES)
    assert rules(views[0])["BR-25"].places[0].location == "/ubl:Invoice/cac:InvoiceLine"
