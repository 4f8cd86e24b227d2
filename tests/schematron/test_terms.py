"""Business terms and groups: complete, found by place in every syntax, named in every language."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from schematron import registry as registries
from schematron import svrl, terms
from schematron.engine import Engine
from schematron.errors import EngineFailed
from schematron.location import Tree
from schematron.texts import LANGUAGES, wording
from ubl.safexml import parse

ROOTS = (("ubl:Invoice", "ubl"), ("cn:CreditNote", "ubl"), ("rsm:CrossIndustryInvoice", "cii"))
CREDIT_NOTE = {
    "cbc:InvoiceTypeCode": "cbc:CreditNoteTypeCode",
    "cac:InvoiceLine": "cac:CreditNoteLine",
    "cbc:InvoicedQuantity": "cbc:CreditedQuantity",
}
SELLER = "/ubl:Invoice/cac:AccountingSupplierParty/cac:Party"
# Rules that no place tells: about an attribute wherever it stands, about an amount that may be an
# allowance's or a charge's, or about an element of the document that is no business term.
UNPLACED = {
    *("UBL-CR-652", "UBL-CR-660", "UBL-CR-665", "UBL-CR-678", "UBL-DT-01", "BR-CL-03"),
    *("CII-SR-014", "CII-SR-452", "CII-SR-453"),
}


def places() -> list[tuple[str, str]]:
    """Every term with every place it may have: Invoice, CreditNote and CII."""
    found = []
    for term in terms.terms():
        for root, syntax in ROOTS:
            for path in terms.paths_of(term, syntax=syntax):
                steps = path.split("/")
                if root == "cn:CreditNote":
                    steps = [CREDIT_NOTE.get(step, step) for step in steps]
                found.append((term, f"/{root}/{'/'.join(steps)}"))
    return found


PLACES = places()


def test_the_model_is_complete():
    # EN 16931-1 has no BT-4.
    wanted = {f"BT-{number}" for number in range(1, 166)} - {"BT-4"}
    assert {term for term in terms.terms() if term.count("-") == 1} == wanted
    assert list(terms.groups()) == [f"BG-{number}" for number in range(1, 33)]
    for group in terms.groups():
        parent = terms.parent_of(group)
        assert parent is None or parent in terms.groups()
    assert terms.parent_of("BG-32") == "BG-31"
    assert terms.parent_of("BG-31") == "BG-25"
    assert terms.parent_of("BG-25") is None


@pytest.mark.parametrize(("root", "syntax"), ROOTS)
def test_every_term_has_a_place_and_is_found_there(root, syntax):
    here = [(term, place) for term, place in PLACES if place.startswith(f"/{root}/")]
    assert {term for term, _ in here} == set(terms.terms())
    for term, place in here:
        assert term in terms.terms_of(place)
        assert terms.group_of(place, terms=[term]) == terms.group_of_term(term)


@settings(max_examples=150)
@given(data=st.data())
def test_positions_change_nothing(data):
    term, place = data.draw(st.sampled_from(PLACES))
    numbers = st.sampled_from(["", "[1]", "[17]"])
    steps = [
        step if step.startswith("@") else step + data.draw(numbers) for step in place.split("/")[1:]
    ]
    numbered = "/" + "/".join(steps)
    assert terms.terms_of(numbered) == terms.terms_of(place)
    assert terms.group_of(numbered, terms=[term]) == terms.group_of(place, terms=[term])


@settings(max_examples=150)
@given(st.sampled_from(PLACES), st.sampled_from(["cbc:Unheard", "ext:A/ext:B", "@unheard"]))
def test_what_is_unknown_belongs_to_what_is_around_it(found, unknown):
    term, place = found
    if "/@" in place:
        return
    below = f"{place}/{unknown}"
    assert terms.group_of(below, terms=[term]) == terms.group_of(place, terms=[term])
    assert terms.terms_of(below) == (terms.terms_of(place) if unknown[0] == "@" else ())


@settings(max_examples=150)
@given(st.text(alphabet="/ubl:Invoice[]1@*cac", max_size=60) | st.text(max_size=40))
def test_any_text_is_a_place_that_means_nothing_or_something(text):
    assert all(term in terms.terms() for term in terms.terms_of(text))
    assert terms.group_of(text) is None or terms.group_of(text) in terms.groups()


@pytest.mark.parametrize(
    ("place", "spoken", "group"),
    [
        (f"{SELLER}/cac:PostalAddress", (), "BG-5"),
        (f"{SELLER}/cac:PartyTaxScheme[2]/cbc:CompanyID", (), "BG-4"),
        (f"{SELLER}/cac:PartyIdentification/cbc:ID", (), "BG-4"),
        (f"{SELLER}/cac:PartyIdentification/cbc:ID", ("BT-90",), "BG-19"),
        ("/ubl:Invoice/cac:AllowanceCharge[1]/cbc:Amount", (), None),
        ("/ubl:Invoice/cac:AllowanceCharge[1]/cbc:Amount", ("BT-99",), "BG-21"),
        ("/ubl:Invoice/cac:AllowanceCharge[1]", ("BG-20", "BT-97"), "BG-20"),
        ("/cn:CreditNote/cac:CreditNoteLine[3]/cac:AllowanceCharge", (), "BG-25"),
        ("/cn:CreditNote/cac:CreditNoteLine[3]/cac:AllowanceCharge", ("BT-139",), "BG-27"),
        ("/ubl:Invoice/cac:TaxTotal[2]/cbc:TaxAmount", (), "BG-22"),
        ("/ubl:Invoice/cac:TaxTotal/cac:TaxSubtotal/cbc:TaxAmount", (), "BG-23"),
        ("/ubl:Invoice/cbc:DueDate", ("BT-112",), None),
        ("/ubl:Invoice", ("BT-112", "BT-109"), "BG-22"),
        ("/ubl:Invoice", ("BT-2",), None),
        ("/*:Order/cbc:ID", (), None),
    ],
)
def test_the_nearest_group_that_is_certain_decides(place, spoken, group):
    assert terms.group_of(place, terms=spoken) == group


@pytest.mark.parametrize(
    ("rule", "group"),
    [
        ("BR-08", "BG-5"),
        ("BR-16", "BG-25"),
        ("BR-CO-18", "BG-23"),
        ("UBL-CR-155", "BG-5"),
        ("UBL-CR-561", "BG-25"),
        ("UBL-SR-09", "BG-4"),
        ("NO-RULE", None),
    ],
)
def test_a_rule_at_the_root_is_judged_by_what_it_is_about(rule, group):
    assert terms.group_of("/ubl:Invoice", rule=rule) == group


def test_a_date_in_cii_is_its_wrapper_too():
    wrapper = "/rsm:CrossIndustryInvoice/rsm:ExchangedDocument/ram:IssueDateTime"
    assert terms.terms_of(wrapper) == ("BT-2",)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_names_are_there_and_differ(lang):
    known = [*terms.groups(), *terms.terms()]
    names = [terms.term_name(term, lang=lang) for term in known]
    assert not set(names) & set(known)
    assert len(set(names)) == len(names)
    assert terms.term_name("BT-29-7", lang=lang) == terms.term_name("BT-29", lang=lang)
    assert terms.term_name("BT-X-8", lang=lang) == "BT-X-8"
    assert terms.group_name(None, lang=lang) not in names


def test_the_names_of_a_term_in_four_languages():
    assert [terms.term_name("BT-9", lang=lang) for lang in LANGUAGES] == [
        "Payment due date",
        "Date d'échéance",
        "Vervaldatum",
        "Fälligkeitsdatum",
    ]


def test_findings_of_whole_invoices_belong_to_a_group(registry, corpus):
    suites = ("cen-examples", "phive-cen", "mut-cen-ubl-inv", "mut-cen-ubl-cn")
    assert_grouped(registry, corpus, "cen-ubl-1.3.16", suites, at_least=250)


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("ruleset", "at_least"), [("cen-ubl-1.3.16", 10_000), ("cen-cii-1.3.16", 250)]
)
def test_every_finding_of_the_corpus_belongs_to_a_group(official_rules, corpus, ruleset, at_least):
    suites = ("cen-unit", "cen-examples", "phive-cen", "mut-cen-ubl-inv", "mut-cen-ubl-cn")
    synced = registries.load(store=official_rules)
    assert_grouped(synced, corpus, ruleset, (*suites, "mut-cen-cii"), at_least=at_least)


def assert_grouped(registry, corpus, ruleset, suites, *, at_least) -> None:
    """Run the official rules and ask for the group of whatever fires."""
    engine = Engine()
    source = next(one for one in registry.ruleset(ruleset).sources if one.kind != "authored")
    seen = 0
    for case in corpus.judged_by(ruleset):
        if case["suite"] not in suites:
            continue
        root = parse(corpus.read(case))
        text = etree.tostring(root, encoding="unicode")
        try:
            report = engine.run(
                ruleset, lambda: registry.artefacts.stylesheet(source), document=text
            )
        except EngineFailed:
            assert case["expected"].get("engine_error"), case["id"]
            continue
        tree = Tree(root)
        for fired in svrl.read(report).assertions:
            place = tree.resolve(fired.location)
            assert place is not None, (case["id"], fired.location)
            assert_placed(fired.rule, tree.short_path(place), fired.text)
            seen += 1
    assert seen >= at_least


def assert_placed(rule: str, location: str, sentence: str) -> None:
    text = wording(rule, lang="en", sentence=sentence)
    spoken = svrl.terms_in(f"{sentence} {text.message if text else ''}")
    group = terms.group_of(location, rule=rule, terms=spoken)
    if group is None and rule not in UNPLACED:
        # About the document as a whole: it speaks of a term that is in none of the groups.
        own = {*terms.terms_of(location), *spoken}
        assert any(terms.group_of_term(term) is None for term in own), (rule, location)
