"""Proof of the authored message and self-billing sets against the official stylesheets.

Every document is judged by both: those of the corpus, every single fault that can be made in a
message that uses its whole data model, and seeded mutations. What only one of them says is a
failure. Per set it tells how many rules fired in both, and which never did.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schematron import registry as registries
from schematron.registry import Registry
from schematron.rules import covered
from ubl.safexml import parse

pytestmark = pytest.mark.corpus

HERE = Path(__file__).resolve().parent
COMMON = "urn:oasis:names:specification:ubl:schema:xsd:Common"
CAC = f"{{{COMMON}AggregateComponents-2}}"
CBC = f"{{{COMMON}BasicComponents-2}}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
TYPES = {f"{CBC}{name}TypeCode" for name in ("Document", "Invoice", "CreditNote")}
MUTANTS = 1_500
Change = Callable[[etree._Element], object]

SUITES = {
    "t111-2026.5": ("peppol-ir", "peppol-ir-unit", "mut-t111"),
    "t71-2026.5": ("peppol-mlr", "mut-t71"),
    "mls-1.0.1": ("peppol-mls", "mut-mls"),
}
# Rules whose official test is true of every document.
NEVER = {"t111-2026.5": {"PEPPOL-T111-R005"}, "t71-2026.5": set(), "mls-1.0.1": set()}

MESSAGE_TEXTS = (
    "", " ", "AB", "AP", "RE", " RE ", "CA", "UQ", "PD", "IP", "XX", "BV", "BW", "FD", "SV", "OTH",
    "PPD", "NOA", "REF", "380", "9999", "2026-10-12", "2026-10-12Z", " 2026-10-12", "20261012",
    "09:30:00", "09:30:00Z", "09:30:00-01:00", "000042", "42", "000042-AB1", "000042-AB1.xyz",
    "000042-abc.X-Y_z~1", "urn:peppol:edec:mls:1.0", "urn:peppol:edec:mls",
    "urn:fdc:peppol.eu:poacc:trns:mlr:3", "urn:fdc:peppol.eu:poacc:trns:invoice_response:3::x",
    " urn:fdc:peppol.eu:poacc:bis:mlr:3 ", "urn:peppol:bis:billing_with_response",
)  # fmt: skip
BILLING_TEXTS = (
    "", " ", "389", "527", "261", "380", "1", "-1", "0", "95.03", "95.02", "1,5", "2026-08-31",
    "2026-10-01Z", "EUR", "SEK", "true", "false", "59", "50", "130", "FC", "95", "35", "AE", "DE",
    "VATEX-EU-G", "VATEX-EU-O", "VATEX-EU-IC", "VATEX-EU-AE", "VATEX-EU-D", "VATEX-EU-F",
    "VATEX-EU-I", "VATEX-EU-J", "urn:peppol:bis:billing_with_response",
    "urn:peppol:france:billing:regulated",
)  # fmt: skip
ATTRIBUTES = (
    ("schemeID", ""), ("schemeID", "0208"), ("schemeID", " 0208"), ("schemeID", "9999"),
    ("schemeID", "0242"), ("schemeID", "9944"), ("schemeID", "0092"), ("schemeID", "0001"),
    ("mimeCode", "text/html"), ("currencyID", "XXX"), ("currencyID", "SEK"), ("unitCode", "KGM"),
    ("listID", ""), ("listID", "OPStatusReason"), ("listID", "OPStatusAction"), ("listID", "OP"),
)  # fmt: skip
# By scheme: identifiers as they should be, and as they should not.
IDENTIFIERS = {
    "0088": ("4012345000009", "4012345000008", "401234500000x", " 4012345000009 "),
    "0192": ("974760673", "974760674", "97476067", "000000000"),
    "0184": ("DK12345678", "12345678", "DK1234567", "1234567x"),
    "0096": ("1234567890", "123456789", "DK34567890"),
    "0198": ("DK12345678", "12345678"),
    "0208": ("0123456749", "0123456750", "123456749"),
    "0201": ("abc123", "abc12", "abc-12"),
    "0210": ("RSSMRA85T10A562S", "12345678901", "RSSMRA85T10A562", "RSSMRAxxT10A562S"),
    "9907": ("RSSMRA85T10A562S", "1234"),
    "0211": ("IT00743110157", "IT00743110158", "IT0074311015", "00743110158"),
    "0007": ("5560000001", "5560000002", "556000000x", "55600000"),
    "0151": ("51824753556", "51824753557", "5182475355"),
    "0106": ("12345678", "1234567", "NL345678"),
    "0190": ("12345678901234567890", "1234567890"),
    "9944": ("NL123456789B12", "NL123456789X12", "123456789B12"),
    "0217": ("123456789012", "12345678901", "NL3456789012"),
}


@pytest.fixture(scope="module")
def registry(official_rules: Path) -> Registry:
    return registries.load(store=official_rules)


@pytest.fixture(scope="module")
def judged(registry: Registry, agreement: Any) -> Callable[[str], Any]:
    """The comparer for a rule set: its official source beside the authored one."""

    def make(ruleset: str) -> Any:
        sources = registry.ruleset(ruleset).sources
        files = registry.artefacts
        (own,) = (source for source in sources if source.kind == "authored")
        official = next(source for source in sources if source.kind != "authored")
        return agreement(
            ruleset,
            official=lambda: files.stylesheet(official),
            ours=lambda: files.stylesheet(own),
        )

    return make


@pytest.fixture(scope="module")
def response_valid(registry: Registry, tmp_path_factory: Any) -> Callable[[bytes], bool]:
    """Whether the schema of the Application Response accepts a document."""
    schema = registry.schemas_for("ubl-applicationresponse", None)
    assert schema is not None
    folder = tmp_path_factory.mktemp("schema")
    for name, content in registry.artefacts.schema_files(schema).items():
        path = folder / ("maindoc" if name == schema.main else ".") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    compiled = etree.XMLSchema(file=str(folder / "maindoc" / schema.main))
    return lambda document: bool(compiled.validate(parse(document)))


def test_every_fault_in_a_message(
    ruleset: str, judged: Any, response_valid: Any, corpus_cases: Any, mutants: Any, tell: Any
) -> None:
    both = judged(ruleset)
    full = (HERE / "messages" / f"{ruleset.split('-', maxsplit=1)[0]}.xml").read_bytes()
    suites = SUITES[ruleset]
    cases = [c for c in corpus_cases if c["suite"] in suites and ruleset in c.get("oracle", {})]
    assert cases
    whole = [case["path"].read_bytes() for case in cases if not case.get("fragment")]
    for case in cases:
        both.judge(case["id"], case["path"].read_bytes(), schema_valid=bool(case.get("xsd_valid")))
    for title, document in single_faults(full, MESSAGE_TEXTS):
        both.judge(title, document, schema_valid=response_valid(document))
    for title, document in every_code(full):
        both.judge(title, document, schema_valid=response_valid(document))
    bases = [full, full, *whole]
    for number, base in enumerate(bases):
        count = MUTANTS // len(bases) + 1
        for title, document in mutants(base, seed=f"{ruleset} {number}", count=count):
            both.judge(f"{number}: {title}", document, schema_valid=response_valid(document))
    conclude(ruleset, both, tell, never=NEVER[ruleset])


@pytest.fixture(params=sorted(SUITES))
def ruleset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_self_billing(
    judged: Any, schema_valid: Any, corpus_cases: Any, ubl_mutants: Any, tell: Any
) -> None:
    ruleset = "peppol-ubl-sb-2026.5"
    both = judged(ruleset)
    own = [case for case in corpus_cases if ruleset in case["rulesets"]]
    bases = {case["id"]: case["path"].read_bytes() for case in own}
    for case in corpus_cases:
        if case["suite"] in {"peppol-examples", "mut-peppol-ubl", "peppol-unit"} and case[
            "syntax"
        ] in {"ubl-invoice", "ubl-creditnote"}:
            document = case["path"].read_bytes()
            both.judge(case["id"], document, schema_valid=not case.get("fragment"))
            if case["suite"] == "peppol-examples" and case not in own:
                bases[f"{case['id']} self-billed"] = self_billed(document)
    full = (HERE / "messages" / "self-billing.xml").read_bytes()
    bases |= {"invoice": full, "credit note": credit_note(full)}
    for name in ("invoice", "credit note"):
        for title, document in single_faults(bases[name], BILLING_TEXTS):
            both.judge(f"{name} {title}", document, schema_valid=schema_valid(document))
        for title, document in every_code(bases[name]):
            both.judge(f"{name} {title}", document, schema_valid=schema_valid(document))
    for name, base in bases.items():
        for title, document in ubl_mutants(base, seed=name, count=MUTANTS // len(bases) + 1):
            both.judge(f"{name}: {title}", document, schema_valid=schema_valid(document))
    conclude(ruleset, both, tell, never=set())


def self_billed(document: bytes) -> bytes:
    """The same invoice as the buyer would write it."""
    return (
        document.replace(b"poacc:billing:3.0", b"poacc:selfbilling:3.0")
        .replace(b"poacc:billing:01:1.0", b"poacc:selfbilling:01:1.0")
        .replace(b">380<", b">389<")
        .replace(b">381<", b">261<")
    )


def credit_note(invoice: bytes) -> bytes:
    return (
        invoice.replace(b"<Invoice ", b"<CreditNote ")
        .replace(b"</Invoice>", b"</CreditNote>")
        .replace(b":Invoice-2", b":CreditNote-2")
        .replace(b"InvoiceLine>", b"CreditNoteLine>")
        .replace(b"InvoicedQuantity", b"CreditedQuantity")
        .replace(b"InvoiceTypeCode>389", b"CreditNoteTypeCode>261")
        .replace(b"InvoiceTypeCode", b"CreditNoteTypeCode")
    )


def conclude(ruleset: str, both: Any, tell: Any, *, never: set[str]) -> None:
    rules = covered(ruleset)
    unseen = sorted(rules - both.both_fired.keys())
    tell(
        "authored sets",
        ruleset,
        f"{ruleset}: {both.documents} documents ({both.valid_documents} schema-valid), "
        f"{len(both.differing)} differ, {len(both.aborted)} end the official stylesheet "
        f"({len(both.aborted_valid)} of them schema-valid); rules fired in both: "
        f"{len(both.both_fired)} of {len(rules)}; never: {', '.join(unseen) or 'none'}",
    )
    assert both.documents - len(both.aborted) >= MUTANTS
    assert both.differing == {}
    assert both.stopped == []
    assert set(unseen) == never


# --- every single fault --------------------------------------------------------------------------


def single_faults(document: bytes, texts: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Each element removed, doubled, emptied, filled otherwise, with a stranger beside it."""
    original = parse(document)
    for number, node in enumerate(original.iter()):
        if isinstance(node.tag, str):
            for title, change in faults(node, texts):
                root = deepcopy(original)
                twin = list(root.iter())[number]
                change(twin)
                name = etree.QName(node).localname
                yield f"{number} {name} {title}", etree.tostring(root, encoding="UTF-8")


def every_code(document: bytes) -> Iterator[tuple[str, bytes]]:
    """The document with each number there may be as type of document and as scheme, in turn."""
    schemes = [f"{number:04}" for number in (*range(300), *range(9900, 10_000))]
    for number in range(1_001):
        root = parse(document)
        scheme = schemes[number % len(schemes)]
        for node in root.iter():
            if "schemeID" in node.attrib:
                node.set("schemeID", scheme)
            if node.tag in {
                f"{CBC}{name}TypeCode" for name in ("Document", "Invoice", "CreditNote")
            }:
                node.text = str(number)
        yield f"type {number}, scheme {scheme}", etree.tostring(root, encoding="UTF-8")


def faults(
    node: etree._Element, texts: Sequence[str]
) -> Iterator[tuple[str, Callable[[etree._Element], object]]]:
    if node.getparent() is None:
        yield "points to a schema", lambda it: it.set(f"{XSI}schemaLocation", "urn:x x.xsd")
        yield "points to a schema", lambda it: it.set("schemaLocation", "x.xsd")
    else:
        yield "removed", lambda it: it.getparent().remove(it)
        yield "doubled", lambda it: it.addnext(deepcopy(it))
    if len(node):
        yield "emptied", lambda it: it.clear()
        for child in ("Note", "ID", "UUID", "CompanyID", "Description"):
            yield f"with {child}", lambda it, name=child: add(it, CBC + name, "x")
        for child in ("Status", "Response", "PostalAddress", "Party"):
            yield f"with {child}", lambda it, name=child: add(it, CAC + name, "")
        yield "with a Dutch VAT number", lambda it: add_tax_number(it, "NL123456789X12", None)
        yield "with a Dutch unit", lambda it: add_tax_number(it, "NL1234567890", "0217")
        return
    for text in texts:
        yield f"= {text!r}", lambda it, value=text: setattr(it, "text", value)
    for name in node.attrib:
        yield f"without {name}", lambda it, key=name: it.attrib.pop(key)
    for name, value in ATTRIBUTES:
        yield f"{name} = {value!r}", lambda it, key=name, text=value: it.set(key, text)
    if node.tag == f"{CBC}EndpointID" or node.getparent().tag == f"{CAC}PartyIdentification":
        for scheme, identifiers in IDENTIFIERS.items():
            for identifier in identifiers:
                yield (
                    f"{scheme} {identifier}",
                    lambda it, a=scheme, b=identifier: identify(it, a, b),
                )


def add(parent: etree._Element, tag: str, text: str) -> etree._Element:
    child = etree.SubElement(parent, tag)
    child.text = text
    return child


def add_tax_number(parent: etree._Element, number: str, scheme: str | None) -> None:
    registration = add(parent, f"{CAC}PartyTaxScheme", "")
    company = add(registration, f"{CBC}CompanyID", number)
    if scheme:
        company.set("schemeID", scheme)
    add(add(registration, f"{CAC}TaxScheme", ""), f"{CBC}ID", "VAT")


def identify(node: etree._Element, scheme: str, identifier: str) -> None:
    node.set("schemeID", scheme)
    node.text = identifier
