"""Texts: the same entries and placeholders in every language, and none without its rule."""

import re
import string
import tomllib
from collections import Counter
from importlib import resources

import pytest
from lxml import etree

from schematron import registry as registries
from schematron import terms
from schematron.texts import LANGUAGES, catalogue, facts, require, wording
from ubl.safexml import Limits, parse

XSL = "{http://www.w3.org/1999/XSL/Transform}"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
OURS = ("en16931", "en16931-vat", "peppol", "xrechnung", "facturx", "france")
# Official rules whose test is always true.
NEVER = {"BR-CO-05", "BR-CO-06", "BR-CO-07", "BR-CO-08"}
# Official rules of these families that have no text of ours: what the publisher says is shown.
UNWORDED = {
    "cen-ubl": 0,
    "cen-cii": 1,
    "xrechnung-ubl": 0,
    "xrechnung-cii": 0,
    "br-fr-ubl": 0,
    "br-fr-cii": 0,
    "br-fr-cdar": 0,
    "facturx-minimum": 0,
    "facturx-basic-wl": 0,
    "facturx-basic": 0,
    "facturx-en16931": 0,
    "facturx-extended": 2,
    "extended-ctc-fr-ubl": 4,
    "extended-ctc-fr-cii": 6,
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def facts_table() -> dict[str, dict[str, str]]:
    text = resources.files("schematron.texts").joinpath("facts.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return data["rules"] | {rule: {"element": path} for rule, path in data["elements"].items()}


def our_keys() -> list[str]:
    folder = resources.files("schematron.texts").joinpath("en")
    return [
        key
        for name in OURS
        for key in tomllib.loads(folder.joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    ]


def rules_of(registry, family: str) -> list[tuple[str, str, str]]:
    """List id, test and sentence of every assertion of a family's official stylesheet."""
    ruleset = next(one for one in registry.rulesets if one.family == family)
    source = next((one for one in ruleset.sources if one.kind != "authored"), None)
    assert source is not None
    text = registry.artefacts.stylesheet(source)
    tree = parse(text, Limits(max_bytes=len(text), max_markup=10_000_000))
    found = []
    for fired in tree.iter(f"{SVRL}failed-assert"):
        words = fired.find(f"{SVRL}text")
        sentence = " ".join("".join(words.itertext()).split()) if words is not None else ""
        found.append((_attribute(fired, "id"), _attribute(fired, "test"), sentence))
    assert found
    return found


def _attribute(fired: etree._Element, name: str) -> str:
    computed = (one for one in fired.iter(f"{XSL}attribute") if one.get("name") == name)
    text = fired.get(name) or next(("".join(one.itertext()) for one in computed), "")
    return " ".join(text.split())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_languages_say_the_same_things(lang):
    english = catalogue("en")
    entries = catalogue(lang)
    assert list(entries) == list(english)
    for code, entry in entries.items():
        assert set(entry) == set(english[code]), code
        for key, text in entry.items():
            assert text.strip() == text
            assert text, (code, key)
            assert placeholders(text) == placeholders(english[code][key]), (code, key)


@pytest.mark.parametrize("lang", LANGUAGES[1:])
def test_languages_are_not_english(lang):
    english = catalogue("en")
    same = [
        code
        for code in [*our_keys(), *terms.groups(), *terms.terms()]
        if catalogue(lang)[code] == english[code]
    ]
    assert same == []


def test_every_text_is_used_by_a_rule_and_every_fact_by_a_text():
    known = facts_table()
    shared = {entry["text"] for entry in known.values() if "text" in entry}
    named = {value[1:] for one in known.values() for value in one.values() if value[0] == "@"}
    # Sentences are read by form, and the terms of the French reform are named by the ids.
    generated = {key for key in our_keys() if key.startswith(("FX-", "MD", "EXT-FR-FE-"))}
    rule = re.compile(r"(BR|UBL|CII|PEPPOL)-[A-Z0-9]+(-[A-Za-z0-9-]+)?(_[A-Z0-9-]+(_[A-Za-z]+)?)?")
    for key in our_keys():
        assert key in shared | named | generated or rule.fullmatch(key), key
    for code, entry in known.items():
        for value in entry.values():
            if value.startswith("@") and "element" not in entry:
                assert value[1:] in catalogue("en"), code
        for term in entry.get("term", "").split():
            assert term in catalogue("en") or term.startswith("BT-DEX"), code
        text = wording(code.rpartition(":")[2], lang="en", family=code.rpartition(":")[0])
        assert text is not None, code
        assert "{" not in text.message, code


@pytest.fixture(scope="module")
def synced(official_rules):
    return registries.load(store=official_rules)


def test_every_rule_of_a_plain_install_is_worded(registry):
    assert_worded(registry, "cen-ubl")


@pytest.mark.corpus
@pytest.mark.parametrize("family", UNWORDED)
def test_official_rules_are_worded_in_every_language(synced, family):
    assert_worded(synced, family)


def assert_worded(registry, family: str) -> None:
    silent = set()
    for rule, _test, sentence in rules_of(registry, family):
        texts = [
            wording(rule or "no-id", lang=lang, family=family, sentence=sentence)
            for lang in LANGUAGES
        ]
        assert len({text is None for text in texts}) == 1, rule
        if texts[0] is None:
            silent.add(rule)
        else:
            assert texts[0].message.rstrip(".") not in sentence, rule
    assert len(silent - NEVER) <= UNWORDED[family], sorted(silent - NEVER)


def test_a_rule_that_forbids_an_element_is_said_to_forbid_that_one(registry):
    assert forbidden_elements(registry, "cen-ubl") > 650


@pytest.mark.corpus
def test_a_rule_of_cii_that_forbids_an_element_is_said_to_forbid_that_one(synced):
    assert forbidden_elements(synced, "cen-cii") > 450


def forbidden_elements(registry, family: str) -> int:
    """Compare our facts with the tests of the official rules; count the rules compared."""
    forbids = re.compile(r"not\s*\(\s*([@/\w:.*|()\-]+?)\s*\)")
    known = facts_table()
    checked = 0
    for rule, test, _sentence in rules_of(registry, family):
        match = forbids.fullmatch(test)
        element = known.get(rule, {}).get("element")
        if match is None or element is None or not rule.startswith(("UBL-", "CII-")):
            continue
        path = match[1].replace("(cac:InvoiceLine|cac:CreditNoteLine)", "cac:InvoiceLine")
        assert element == path.removeprefix("//"), rule
        checked += 1
    return checked


def test_the_decimals_of_an_amount_name_that_amount(registry):
    checked = 0
    for rule, _test, sentence in rules_of(registry, "cen-ubl"):
        if rule.startswith("BR-DEC-"):
            term = facts_table()[rule]["term"]
            assert f"({term})" in sentence, rule
            assert f"({term})" in wording(rule, lang="nl").message
            checked += 1
    assert checked == 21


def test_vat_categories_are_those_of_the_rule(registry):
    tested = {}
    for rule, test, _sentence in rules_of(registry, "cen-ubl"):
        tested[rule] = set(re.findall(r"normalize-space\((?:cbc:ID|\.)\) ?= ?'([A-Z]+)'", test))
    checked = 0
    for rule, entry in facts_table().items():
        code = entry.get("category", "").removeprefix("@VAT-")
        if code and tested.get(rule):
            assert tested[rule] == {code}, rule
            checked += 1
    assert checked >= 36


def test_a_rule_takes_the_most_particular_text():
    general = wording("PEPPOL-EN16931-R010", lang="en")
    assert "e-mail" in general.hint
    assert "e-mail" not in wording("PEPPOL-EN16931-R010", lang="en", family="peppol-ubl").hint
    assert wording("PEPPOL-EN16931-R010", lang="en", family="xrechnung-cii") == general
    assert list(facts.candidates("BR-FR-12_BT-49", "br-fr-ubl")) == [
        "br-fr-ubl:BR-FR-12_BT-49",
        "BR-FR-12_BT-49",
        "BR-FR-12",
        "BR-FR",
    ]
    assert wording("BR-FR-12_BT-49", lang="fr").message.endswith("(BT-49).")


def test_a_shared_text_says_what_this_rule_is_about():
    extensions, lines = (wording(f"UBL-CR-{number}", lang="en") for number in ("001", "561"))
    assert "ext:UBLExtensions" in extensions.message
    assert "cac:InvoiceLine/cac:TaxTotal" in lines.message
    assert extensions.hint == lines.hint
    assert "(BT-106)" in wording("BR-DEC-09", lang="de").message
    assert "Z (taux zéro)" in wording("BR-Z-08", lang="fr").message


@pytest.mark.parametrize("code", ["UBL-CR-999", "BR-DEC-99", "BR-99", "UBL-CR-x", "BR-54-1", "X"])
def test_an_unknown_rule_has_no_text(code):
    assert wording(code, lang="en") is None


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Element 'ram:ID' must occur exactly 1 times.", "ram:ID"),
        ("Element 'ram:ID' must occur at least 1 times.", "ram:ID"),
        ("Element 'ram:Name' may occur at maximum 1 times.", "ram:Name"),
        ("Element 'ram:ID' is marked as not used in the given context.", "ram:ID"),
        ("Element variant 'ram:ID[@x=\"1\"]' is marked as not used in the given context.", '"1"'),
        ("Attribute @schemeID' marked as not used in the given context.", "@schemeID"),
        ("Attribute '@schemeID' is required in this context.", "@schemeID"),
        ("Value of 'ram:TypeCode' is not allowed.", "ram:TypeCode"),
    ],
)
def test_a_generated_sentence_is_understood(sentence, said):
    for lang in LANGUAGES:
        text = wording("no-id", lang=lang, sentence=sentence)
        assert said in text.message
        assert sentence not in text.message


def test_other_sentences_are_left_alone():
    assert wording("no-id", lang="en", sentence="Something else.") is None


def test_values_are_filled_in_and_never_read_as_placeholders():
    text = require("OFFICIAL", lang="en", text="{braces} %s")
    assert "{braces} %s" in text.message


def test_our_own_codes_have_a_text_or_are_a_defect():
    with pytest.raises(KeyError, match="no text for NO-SUCH-CODE"):
        require("NO-SUCH-CODE", lang="en")
    with pytest.raises(KeyError, match="en, fr, nl, de"):
        catalogue("it")


def test_the_rules_that_senders_break_most_are_worded(corpus):
    """By how many whole documents break them, then by all; Peppol's own have theirs elsewhere."""
    own = ("peppol-", "mls-", "t111-", "t71-", "tsr-", "eusr-")
    parts = ("mut-", "xsd-", "cen-unit", "peppol-unit", "peppol-ir-unit", "xr-xmute", "hostile")
    broken = Counter()
    for case in corpus.cases:
        weight = 1 if case["suite"].startswith((*parts, "xslt-")) else 10_000
        for ruleset, fired in (case.get("oracle") or {}).items():
            if not ruleset.startswith(own):
                family = ruleset.rpartition("-")[0]
                # Factur-X numbers are worded by their sentence, which the index does not hold.
                ids = (rule for rule in fired if rule != "?" and not rule.startswith("FX-SCH-"))
                broken.update({(rule, family): weight for rule in ids})
    first = [rule for rule, _ in broken.most_common()]
    assert len({rule for rule, _ in first}) > 450
    silent = [
        (rule, family)
        for rule, family in first
        for lang in LANGUAGES
        if wording(rule, lang=lang, family=family) is None
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("rule", "sentence", "attribute"),
    [
        ("BR-CL-23", "", "unitCode"),
        ("no-id", "Attribute @currencyID marked as not used in the given context.", "currencyID"),
        ("no-id", "Element 'ram:ID' must occur exactly 1 times.", None),
        ("BR-CO-15", "", None),
    ],
)
def test_a_rule_on_an_attribute_names_it(rule, sentence, attribute):
    assert facts.attribute_of(rule, sentence) == attribute
