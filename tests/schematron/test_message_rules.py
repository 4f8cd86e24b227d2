"""The authored sets for responses and self-billing: they fire what the official releases fire."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from lxml import etree

from schematron.build import compile_schematron
from schematron.engine import shared
from schematron.rules import FOLDER, covered, messages, sources
from schematron.schema import Test as Check
from schematron.schema import read_schema
from schematron.texts import LANGUAGES
from ubl.safexml import parse

DOCUMENTS = Path(__file__).resolve().parents[1] / "corpus" / "messages"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
T111, T71, MLS = "t111-2026.5", "t71-2026.5", "mls-1.0.1"
SELF_BILLING = "peppol-ubl-sb-2026.5"
# Rules in the set, of which warnings, and cases of the corpus at least.
SETS = {T111: (82, 11, 40), T71: (59, 10, 30), MLS: (31, 0, 45), SELF_BILLING: (62, 9, 3)}

# (set, what is replaced, by what, the rules that must fire); the first occurrence is replaced.
FAULTS = [
    (T111, "<cbc:ID>IR-2026-31</cbc:ID>", "", {"B00103"}),
    (T111, "<cac:SenderParty>", "<cbc:UUID>1</cbc:UUID><cac:SenderParty>", {"B00109"}),
    (T111, 'schemeID="0208"', "", {"B00901"}),
    (T111, 'schemeID="0106"', 'schemeID="0001"', {"B02102"}),
    (T111, "0123456749", "0123456750", {"PEPPOL-COMMON-R043"}),
    (T111, ">RE<", ">XX<", {"B03001"}),
    (T111, ' listID="OPStatusReason"', "", {"B03302"}),
    (T111, 'listID="OPStatusReason">OTH', 'listID="OPStatusAction">REF', {"R006"}),
    (T111, "<cbc:StatusReason>The kegs were empty.</cbc:StatusReason>", "", {"R002"}),
    (T111, "<cbc:StatusReason>80.00 paid.</cbc:StatusReason>", "", {"R004"}),
    (T111, "invoice_response:3<", "invoice_response:2<", {"R003"}),
    (T111, "2026-10-12", "2026-10-12Z", {"PEPPOL-COMMON-R030"}),
    (T111, "<cbc:Note>See the line about kegs.", "<cbc:Note> ", {"PEPPOL-COMMON-R001"}),
    (T71, "mlr:3", "mlr:2", {"R001"}),
    (T71, "bis:mlr:3", "bis:mlr:4", {"B00301"}),
    (T71, ">BV<", ">FD<", {"B02801"}),
    (T71, "<cbc:LineID>/Invoice/cbc:Note</cbc:LineID>", "", {"B02201", "PEPPOL-COMMON-R001"}),
    (MLS, ">000042<", ">42<", {"09"}),
    (MLS, "+02:00", "", {"06"}),
    (MLS, ">RE<", ">AP<", {"25"}),
    (MLS, ">BV<", ">BW<", {"24"}),
    (MLS, "<cbc:Description>Rejected: two rules are broken.</cbc:Description>", "", {"20", "21"}),
    (SELF_BILLING, "selfbilling:3.0", "billing:3.0", {"R004"}),
    (SELF_BILLING, ">389<", ">380<", {"P0100"}),
    (SELF_BILLING, "selfbilling:01", "billing:01", {"R007"}),
    (SELF_BILLING, ">95.00<", ">95.03<", {"R120"}),
]  # fmt: skip
PREFIX = {T111: "PEPPOL-T111-", T71: "PEPPOL-T71-", MLS: "SCH-MLS-"}


def document(ruleset: str) -> str:
    name = "self-billing" if ruleset == SELF_BILLING else ruleset.split("-", maxsplit=1)[0]
    return (DOCUMENTS / f"{name}.xml").read_text(encoding="utf-8").split("?>", 1)[1]


def fired(ruleset: str, text: str) -> Mapping[str, list[object]]:
    source = sources()[ruleset]

    def stylesheet() -> bytes:
        return compile_schematron(source.read_bytes(), base=source.parent, within=FOLDER)

    report = parse(shared().run(f"message-test-{ruleset}", stylesheet, document=text))
    found = list(report.iter(f"{SVRL}failed-assert"))
    counts = Counter(str(item.get("id")) for item in found)
    return {str(item.get("id")): [item.get("flag"), counts[str(item.get("id"))]] for item in found}


def checks_of(ruleset: str) -> list[Check]:
    source = sources()[ruleset]
    schema = read_schema(source.read_bytes(), base=source.parent, within=FOLDER)
    return [test for pattern in schema.patterns for rule in pattern.rules for test in rule.tests]


@pytest.mark.parametrize("ruleset", SETS)
def test_agrees_with_the_official_release_on_the_corpus(ruleset, corpus):
    cases = corpus.judged_by(ruleset)
    assert len(cases) >= SETS[ruleset][2]
    differing = {}
    for case in cases:
        text = etree.tostring(parse(corpus.read(case)), encoding="unicode")
        got = fired(ruleset, text)
        if got != case["oracle"][ruleset]:
            differing[case["id"]] = (got, case["oracle"][ruleset])
    assert not differing


@pytest.mark.parametrize("ruleset", SETS)
def test_a_document_that_uses_everything_passes(ruleset):
    assert fired(ruleset, document(ruleset)) == {}


@pytest.mark.parametrize(("ruleset", "old", "new", "rules"), FAULTS)
def test_one_fault(ruleset, old, new, rules):
    text = document(ruleset)
    assert old in text
    got = fired(ruleset, text.replace(old, new, 1))
    assert {rule.removeprefix(PREFIX.get(ruleset, "PEPPOL-EN16931-")) for rule in got} == rules


@pytest.mark.parametrize("ruleset", SETS)
def test_every_rule_is_there_with_its_severity(ruleset):
    number, warnings, _ = SETS[ruleset]
    tests = checks_of(ruleset)
    assert len(covered(ruleset)) == len(tests) == number
    flags = Counter(test.labels["flag"] for test in tests)
    assert flags == Counter({"fatal": number - warnings, "warning": warnings}) - Counter()


@pytest.mark.parametrize("ruleset", SETS)
def test_every_rule_speaks_every_language(ruleset):
    texts = messages(ruleset)
    assert set(texts) == covered(ruleset)
    for rule, by_language in texts.items():
        assert set(by_language) == set(LANGUAGES), rule
        for text in by_language.values():
            assert set(text) == {"message", "hint"}
            assert all(part.endswith((".", "…")) for part in text.values()), rule
        assert len({text["message"] for text in by_language.values()}) == len(LANGUAGES), rule


def test_self_billing_has_the_last_word_on_its_own_rules():
    own, billing = messages(SELF_BILLING), messages("peppol-ubl-2026.5")
    rule = "PEPPOL-EN16931-R004"
    assert "Self-Billing" in own[rule]["en"]["message"]
    assert own[rule] != billing[rule]
    assert own["PEPPOL-EN16931-R120"] == billing["PEPPOL-EN16931-R120"]
