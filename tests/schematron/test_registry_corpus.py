"""Every document of the corpus gets the rule sets it was judged by."""

from collections import Counter
from datetime import date

from schematron.recognition import recognise
from ubl.safexml import XmlRefused, parse

EN = "urn:cen.eu:en16931:2017"
DAY = date(2026, 11, 2)
# The Peppol rules for CII are out of scope: Peppol does not ask for CII.
OUT_OF_SCOPE = "peppol-cii-3.0.19"

# What the corpus was judged by: the sets a case names are among those its document asks for. Where
# not, the suite applies a set to a document that does not ask for it, or its mutation broke what
# the choice depends on. Suite and number of cases, by reason.
BROKEN_IDENTIFIER = "its identifier is broken, missing or a placeholder on purpose"
BROKEN_CONDITION = "the mutation took the country or the invoicing mode away"
OTHER_RULES = "the suite applies rules that the document does not ask for"
FRENCH_EXTENDED = "a French domestic invoice, which asks for EXTENDED-CTC-FR"
DIFFERENCES = {
    ("cen-examples", BROKEN_IDENTIFIER): 1,
    ("kosit-config", BROKEN_IDENTIFIER): 5,
    ("mustang-xml", BROKEN_IDENTIFIER): 3,
    ("mustang-xml", FRENCH_EXTENDED): 1,
    ("mut-br-fr-cii", BROKEN_CONDITION): 3,
    ("mut-br-fr-ubl", BROKEN_CONDITION): 1,
    ("mut-br-fr-ubl-cn", BROKEN_CONDITION): 1,
    ("mut-cen-cii", BROKEN_IDENTIFIER): 3,
    ("mut-cen-ubl-inv", BROKEN_IDENTIFIER): 1,
    ("mut-ext-ctc-fr-cii", OTHER_RULES): 49,
    ("mut-ext-ctc-fr-cii", BROKEN_IDENTIFIER): 2,
    ("mut-ext-ctc-fr-ubl", BROKEN_IDENTIFIER): 1,
    ("mut-facturx-basic", BROKEN_IDENTIFIER): 1,
    ("mut-facturx-basic-wl", BROKEN_IDENTIFIER): 3,
    ("mut-facturx-en16931", BROKEN_IDENTIFIER): 2,
    ("mut-facturx-extended", BROKEN_IDENTIFIER): 1,
    ("mut-facturx-minimum", BROKEN_IDENTIFIER): 2,
    ("mut-t111", BROKEN_IDENTIFIER): 1,
    ("mut-t71", BROKEN_IDENTIFIER): 1,
    ("phive-cen", BROKEN_IDENTIFIER): 1,
    ("xr-xmute", BROKEN_IDENTIFIER): 1,
}


def why_different(named, document):
    if (document.customization or "") not in {EN} | {
        f"{EN}#conformant#urn:factur-x.eu:1p0:extended"
    }:
        return BROKEN_IDENTIFIER
    if named[0].startswith("extended-ctc-fr"):
        return OTHER_RULES
    return BROKEN_CONDITION if named[0].startswith("br-fr") else FRENCH_EXTENDED


def test_the_shipped_manifest_has_every_rule_set_that_the_corpus_names(registry, corpus):
    wanted = {name for case in corpus.cases for name in case.get("rulesets") or ()}
    known = {item.id for item in registry.rulesets}
    assert wanted - known == {"xsd", OUT_OF_SCOPE}


def test_every_case_of_the_corpus_gets_the_rules_it_was_judged_by(registry, corpus):
    agreed, differing = 0, Counter()
    for case in corpus.cases:
        named = [name for name in case.get("rulesets") or () if name not in ("xsd", OUT_OF_SCOPE)]
        if not named or case.get("fragment") or case["syntax"] == "pdf":
            continue
        try:
            root = parse(corpus.read(case))
        except XmlRefused:
            continue
        document = recognise(root).document
        plan = registry.plan(
            root, syntax=document.syntax, customization=document.customization, day=DAY
        )
        decided = {item.ruleset.id for item in plan.chosen if item.decides} if plan else set()
        if set(named) <= decided:
            agreed += 1
        else:
            differing[case["suite"], why_different(named, document)] += 1
    assert differing == DIFFERENCES
    assert agreed > 1600
