"""Our Peppol Billing rules say what the official release says: id, severity and count alike.

Both run over every UBL invoice and credit note of the corpus, over seeded mutants of them with
the parties moved to the countries that have rules of their own, and over one directed document
for each rule that neither reaches. Where the official stylesheet stops there is nothing to compare;
such documents are counted apart. One kind of difference is known and allowed: see ``_is_known``.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lxml import etree

from schematron.rules import covered
from ubl.safexml import XmlRefused, parse

pytestmark = [pytest.mark.corpus, pytest.mark.xdist_group("peppol-authored")]

RULESET = "peppol-ubl-2026.5"
RULES_IN_THE_RELEASE = 165
WHOLE = (
    "br-fr cen-examples gobl-ubl kosit-config mustang-xml peppol-examples phive-cen"
    " xr-xmute xrechnung-testsuite zugferd-corpus-xml"
)
SEED = "2026.5"
WHOLE_BASES, MUTANTS_OF_WHOLE = 300, 12
FRAGMENTS, MUTANTS_OF_FRAGMENT = 150, 14
MUTANTS_AT_LEAST = 5000
LARGEST_BASE = 60_000

UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
# What the schema allows once and the rules take for granted: a country, a buyer, one price.
ONCE = {
    "AccountingCustomerParty", "AccountingSupplierParty", "Attachment", "CompanyID", "Country",
    "CustomizationID", "DocumentCurrencyCode", "EndpointID", "ID", "IdentificationCode",
    "IssueDate", "LegalMonetaryTotal", "Party", "PayableAmount", "PayeeFinancialAccount",
    "PaymentMeansCode", "PostalAddress", "Price", "ProfileID", "TaxRepresentativeParty",
    "TaxScheme",
}  # fmt: skip


def _party(role: str, country: str) -> str:
    return (
        f"<cac:Accounting{role}Party><cac:Party><cac:PostalAddress><cac:Country>"
        f"<cbc:IdentificationCode>{country}</cbc:IdentificationCode></cac:Country>"
        f"</cac:PostalAddress></cac:Party></cac:Accounting{role}Party>"
    )


def _fragment(root: str, content: str, country: str = "SE") -> str:
    parties = _party("Supplier", country) + _party("Customer", country)
    return (
        f'<{root} xmlns="{UBL}{root}-2" xmlns:cac="{UBL}CommonAggregateComponents-2"'
        f' xmlns:cbc="{UBL}CommonBasicComponents-2">{content}{parties}</{root}>'
    )


def _reference(inner: str) -> str:
    return f"<cac:AdditionalDocumentReference>{inner}</cac:AdditionalDocumentReference>"


FILE = _reference(
    '<cac:Attachment><cbc:EmbeddedDocumentBinaryObject filename="a.pdf">QQ=='
    "</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
)
PROJECT = _reference("<cbc:DocumentTypeCode>50</cbc:DocumentTypeCode>")
OBJECT = "<cac:DocumentReference><cbc:DocumentTypeCode>130</cbc:DocumentTypeCode>" + (
    "</cac:DocumentReference>"
)
EXEMPTIONS = {"104": "G", "105": "O", "106": "IC", "107": "AE", "108": "D", "109": "F"} | {
    "110": "I",
    "111": "J",
}
DIRECTED = {
    f"PEPPOL-EN16931-P0{rule}": _fragment(
        "Invoice",
        "<cac:TaxTotal><cac:TaxSubtotal><cac:TaxCategory><cbc:ID>S</cbc:ID>"
        f"<cbc:TaxExemptionReasonCode>vatex-eu-{reason}</cbc:TaxExemptionReasonCode>"
        "</cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>",
    )
    for rule, reason in EXEMPTIONS.items()
} | {
    "PEPPOL-EN16931-R080": _fragment("CreditNote", PROJECT * 2),
    "PEPPOL-EN16931-R100": _fragment(
        "Invoice", f"<cac:InvoiceLine>{OBJECT}{OBJECT}</cac:InvoiceLine>"
    ),
    "DE-R-022": _fragment("Invoice", FILE + FILE, "DE"),
    "DK-R-011": _fragment(
        "Invoice",
        "<cac:PaymentMeans><cbc:PaymentMeansCode>93</cbc:PaymentMeansCode>"
        "<cbc:PaymentID>71#123</cbc:PaymentID></cac:PaymentMeans>",
        "DK",
    ),
    "IS-R-008": _fragment(
        "Invoice",
        _reference("<cbc:ID>30.11.2026</cbc:ID><cbc:DocumentDescription>EINDAGI"
                   "</cbc:DocumentDescription>"),
        "IS",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Proof:
    """The three comparisons, and the documents in which an element is repeated unlawfully."""

    corpus: Any
    mutants: Any
    directed: Any
    repeated: frozenset[str]

    @property
    def shown(self) -> set[str]:
        """Rules for which both fired alike on at least one document."""
        return {
            rule
            for part in (self.corpus, self.mutants, self.directed)
            for rule, documents in part.both_fired.items()
            if documents
        }


def _readable(cases: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], bytes]]:
    for case in cases:
        if case["syntax"] not in {"ubl-invoice", "ubl-creditnote"} or case["suite"] == "hostile":
            continue
        document = case["path"].read_bytes()
        try:
            parse(document)
        except XmlRefused:
            continue
        yield case, document


def _bases(cases: list[dict[str, Any]]) -> Iterator[tuple[str, bytes, int]]:
    """Documents to mutate, with the number of mutants of each: the same in every run."""
    rng = random.Random(SEED)
    readable = [item for item in _readable(cases) if len(item[1]) <= LARGEST_BASE]
    for suites, bases, count in (
        (WHOLE, WHOLE_BASES, MUTANTS_OF_WHOLE),
        ("peppol-unit", FRAGMENTS, MUTANTS_OF_FRAGMENT),
    ):
        found = [item for item in readable if item[0]["suite"] in suites.split()]
        for case, document in rng.sample(found, bases):
            yield case["id"], document, count


@pytest.fixture(scope="module")
def proof(corpus_cases, beside_official, ubl_mutants, schema_valid, tell) -> Proof:
    """Everything compared once; the tests below read it."""
    corpus, mutated, directed = (beside_official(RULESET) for _ in range(3))
    repeated = set()
    for case, document in _readable(corpus_cases):
        corpus.judge(case["id"], document, schema_valid=schema_valid(document))
    for name, base, count in _bases(corpus_cases):
        for number, (said, mutant) in enumerate(ubl_mutants(base, seed=SEED + name, count=count)):
            title = f"{name} #{number}: {said}"
            mutated.judge(title, mutant, schema_valid=schema_valid(mutant))
            if title in mutated.differing and _repeats(parse(mutant)):
                repeated.add(title)
    for rule, text in DIRECTED.items():
        directed.judge(rule, text.encode(), schema_valid=False)
    result = Proof(corpus, mutated, directed, frozenset(repeated))
    tell("authored sets", RULESET, _figures(result))
    return result


def _repeats(root: etree._Element) -> bool:
    """Whether an element that the schema allows once has a sibling of the same name."""
    for node in root.iter(etree.Element):
        before = {item.tag for item in node.itersiblings(etree.Element, preceding=True)}
        if node.tag in before and etree.QName(node).localname in ONCE:
            return True
    return False


def _is_known(proof: Proof, title: str, said: str) -> bool:
    """Allow what the schema forbids: an element given twice where it may stand once.

    The official rules then cannot tell, say, which country the seller is in, and a rule whose
    context asks for it is passed over in silence; ours go by the first one. Such a document is
    refused by its schema in any case.
    """
    return title in proof.repeated and said.startswith("schema-invalid")


def _figures(proof: Proof) -> str:
    rules = covered(RULESET)
    never = ", ".join(sorted(rules - proof.shown)) or "none"
    lines = [f"{RULESET}: rules fired in both: {len(proof.shown)} of {len(rules)}; never: {never}"]
    for name, part in (("corpus", proof.corpus), ("mutants", proof.mutants)):
        known = sum(_is_known(proof, title, said) for title, said in part.differing.items())
        lines.append(
            f"  {name}: {part.documents} documents ({part.valid_documents} schema-valid), "
            f"{len(part.differing)} differ ({known} schema-invalid ones that repeat an element), "
            f"{len(part.aborted)} end the official stylesheet ({len(part.aborted_valid)} of them "
            f"schema-valid); {len(part.both_fired)} rules fired in both"
        )
    return "\n".join(lines)


def test_agrees_on_the_whole_corpus(proof):
    assert proof.corpus.documents >= 1800
    assert proof.corpus.differing == {}
    assert proof.corpus.aborted_valid == []


def test_agrees_on_mutants(proof):
    assert proof.mutants.documents >= MUTANTS_AT_LEAST
    assert proof.mutants.valid_documents >= MUTANTS_AT_LEAST // 2
    differing = proof.mutants.differing
    assert {t: said for t, said in differing.items() if not _is_known(proof, t, said)} == {}
    assert len(differing) <= proof.mutants.documents // 100


def test_few_mutants_stop_the_official_rules(proof):
    """Were they many, agreement on the rest would prove little."""
    assert len(proof.mutants.aborted) <= proof.mutants.documents // 20
    assert len(proof.mutants.aborted_valid) <= proof.mutants.documents // 200


def test_ours_never_stops(proof):
    assert proof.corpus.stopped == proof.mutants.stopped == proof.directed.stopped == []


def test_every_rule_of_the_release_fires_alike_somewhere(proof):
    assert proof.directed.differing == {}
    assert proof.directed.aborted == []
    assert covered(RULESET) - proof.shown == set()
    assert len(covered(RULESET)) == RULES_IN_THE_RELEASE


def test_no_other_rule_is_in_the_release(beside_official):
    """The ids the official stylesheet can report are exactly those we have."""
    root = parse(beside_official(RULESET).official())
    svrl = "{http://purl.oclc.org/dsdl/svrl}failed-assert"
    ids = [
        test.get("id") or next(
            (item.text for item in test if item.get("name") == "id"), ""
        ) for test in root.iter(svrl)
    ]  # fmt: skip
    assert len(ids) == RULES_IN_THE_RELEASE
    assert set(ids) == covered(RULESET)
