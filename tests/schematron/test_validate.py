"""The driver: what ends an examination, what is never called valid, and what a finding says."""

import hashlib
import importlib.metadata
import json
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schematron import layers, rules
from schematron.artefacts import Artefacts
from schematron.errors import ArtefactRefused, UnknownRuleset
from schematron.finding import Layer, RunVerdict, Severity, Verdict
from schematron.manifest import Companion, Manifest, Omission, Ruleset, Scenario, Schema, Source
from schematron.registry import Registry
from schematron.store import RuleStore
from schematron.validate import validate
from ubl.safexml import Limits

EN = "urn:cen.eu:en16931:2017"
CEN = "cen-ubl-1.3.16"
PEPPOL = "peppol-ubl-2026.5"


def judge(text, registry, options, **changes):
    return validate(text.encode(), options=replace(options, **changes), registry=registry)


def test_a_correct_invoice_is_valid(invoice, registry, today):
    report = judge(invoice, registry, today)
    assert report.verdict is Verdict.VALID
    assert report.findings == ()
    assert [(run.id, run.verdict.value) for run in report.rulesets] == [
        ("xsd", "valid"),
        (CEN, "valid"),
    ]


def test_a_wrong_total_is_a_finding_with_everything_one_needs(invoice, registry, today):
    broken = invoice.replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    report = judge(broken, registry, today)
    assert report.verdict is Verdict.INVALID
    finding = next(item for item in report.findings if item.rule == "BR-CO-15")
    assert finding.severity is Severity.FATAL
    assert finding.layer is Layer.RULES
    assert finding.ruleset == CEN
    assert finding.location == "/ubl:Invoice"
    assert (finding.line, finding.column) == (2, 1)
    assert finding.terms == ("BT-112", "BT-109", "BT-110")
    assert finding.hint
    assert finding.official
    assert finding.group == "BG-22"
    assert finding.excerpt is not None
    assert finding.excerpt.startswith("<Invoice ")
    assert report.counts[Severity.FATAL] == len(report.findings)


@pytest.mark.parametrize(
    ("lang", "word"),
    [("en", "issue date"), ("fr", "émission"), ("nl", "factuurdatum"), ("de", "Rechnungsdatum")],
)
def test_messages_speak_the_language_asked_for(invoice, registry, today, lang, word):
    broken = invoice.replace("<cbc:IssueDate>2026-10-05</cbc:IssueDate>", "")
    report = judge(broken, registry, today, lang=lang, rules=(CEN,))
    finding = next(item for item in report.findings if item.rule == "BR-03")
    assert word in finding.message


@pytest.mark.parametrize(
    ("lang", "mark"),
    [("en", "Official wording:"), ("fr", "Texte officiel"), ("nl", "Officiële tekst"),
     ("de", "Amtlicher Wortlaut")],
)  # fmt: skip
def test_official_wording_is_marked(invoice, registry, today, lang, mark, monkeypatch):
    monkeypatch.setattr(layers, "wording", lambda *_, **__: None)
    broken = invoice.replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    report = judge(broken, registry, today, lang=lang, rules=(CEN,))
    finding = next(item for item in report.findings if item.rule == "BR-CO-15")
    assert finding.message.startswith(mark)
    assert finding.official
    assert finding.message.endswith(finding.official)
    assert finding.terms == ("BT-112", "BT-109", "BT-110")


def test_an_unknown_language_is_refused(invoice, registry, today):
    with pytest.raises(KeyError, match="'xx'"):
        judge("", registry, today, lang="xx")


def test_a_schema_failure_stops_before_the_rules(invoice, registry, today):
    broken = invoice.replace("<cbc:IssueDate>2026-10-05</cbc:IssueDate>", "")
    report = judge(broken, registry, today)
    assert report.verdict is Verdict.INVALID
    assert [run.verdict for run in report.rulesets] == [RunVerdict.INVALID, RunVerdict.NOT_RUN]
    (finding,) = report.findings
    assert finding.rule == "XSD-ELEMENT-UNEXPECTED"
    assert finding.location == "/ubl:Invoice/cbc:DueDate"
    assert "cbc:IssueDate" in finding.message
    assert "cbc:UUID" not in finding.message


def test_a_bad_value_is_shown(invoice, registry, today):
    report = judge(invoice.replace("2026-10-05", "5/10/2026"), registry, today)
    (finding,) = report.findings
    assert finding.rule == "XSD-VALUE"
    assert finding.value == "5/10/2026"
    assert "5/10/2026" in finding.message


def test_rules_alone_may_be_asked_for(invoice, registry, today):
    broken = invoice.replace("<cbc:IssueDate>2026-10-05</cbc:IssueDate>", "")
    report = judge(broken, registry, today, rules=(CEN,))
    assert [run.id for run in report.rulesets] == [CEN]
    assert [finding.rule for finding in report.findings] == ["BR-03"]


def test_a_set_named_twice_is_run_once(invoice, registry, today):
    broken = invoice.replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    once, twice = (judge(broken, registry, today, rules=(CEN,) * times) for times in (1, 2))
    assert [item.id for item in twice.rulesets] == [CEN]
    assert twice.counts == once.counts


def test_the_schema_alone_may_be_asked_for(invoice, registry, today):
    report = judge(invoice, registry, today, rules=("xsd",))
    assert report.verdict is Verdict.VALID
    assert [run.id for run in report.rulesets] == ["xsd"]


def test_asking_for_no_rules_is_not_valid(invoice, registry, today):
    assert judge(invoice, registry, today, rules=()).verdict is Verdict.UNDETERMINED


def test_an_unknown_rule_set_is_an_error_of_the_caller(invoice, registry, today):
    with pytest.raises(UnknownRuleset, match="nonsense"):
        judge(invoice, registry, today, rules=("nonsense",))


def test_rules_for_another_syntax_are_not_applied(registry, today):
    text = '<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>'
    report = judge(text, registry, today, rules=(CEN,))
    assert report.verdict is Verdict.UNDETERMINED
    assert [finding.rule for finding in report.findings] == ["RULES-NOT-APPLICABLE"]


def test_a_national_specification_is_undetermined_not_valid(invoice, registry, today):
    text = invoice.replace(EN, f"{EN}#compliant#urn:example:national")
    report = judge(text, registry, today)
    assert report.verdict is Verdict.UNDETERMINED
    assert [finding.rule for finding in report.findings] == ["RULES-PARTIAL"]
    broken = text.replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    assert judge(broken, registry, today).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (EN, "urn:example:unknown", "INPUT-CUSTOMIZATION-UNKNOWN"),
        (EN, f"{EN}\u00a0", "INPUT-CUSTOMIZATION-UNKNOWN"),
        (EN, EN.upper(), "INPUT-CUSTOMIZATION-UNKNOWN"),
        (f"<cbc:CustomizationID>{EN}</cbc:CustomizationID>", "", "INPUT-CUSTOMIZATION-MISSING"),
        ("xsd:Invoice-2", "xsd:Invoice-3", "INPUT-ROOT-UNKNOWN"),
    ],
)
def test_what_is_not_known_is_undetermined(invoice, registry, today, old, new, code):
    report = judge(invoice.replace(old, new), registry, today)
    assert report.verdict is Verdict.UNDETERMINED
    assert [finding.rule for finding in report.findings] == [code]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "XML-EMPTY"),
        (b"%PDF-1.7", "PDF-DAMAGED"),
        (b"PK\x03\x04", "INPUT-NOT-XML"),
        (b"UNB+UNOA:1'", "INPUT-NOT-XML"),
        (b"<a>\n<b></a>", "XML-NOT-WELL-FORMED"),
        (b"<!DOCTYPE a><a/>", "XML-DOCTYPE"),
        (b'<?xml version="1.0" encoding="ebcdic-x"?><a/>', "XML-ENCODING"),
        (b"<a>" * 200 + b"</a>" * 200, "XML-TOO-DEEP"),
        (b"<a>" + b" " * 2000 + b"</a>", "XML-TOO-LARGE"),
    ],
)
def test_unreadable_bytes(registry, today, data, code):
    options = replace(today, limits=Limits(max_bytes=1800))
    for lang in ("en", "fr", "nl", "de"):
        report = validate(data, options=replace(options, lang=lang), registry=registry)
        assert report.verdict is Verdict.UNREADABLE
        assert [finding.rule for finding in report.findings] == [code]
        assert report.rulesets == ()
        assert report.document.root is None


def small_registry(ruleset: Ruleset, schemas: tuple[Schema, ...]) -> Registry:
    scenario = Scenario("EN 16931", ("ubl-invoice",), (ruleset.family,), EN)
    return Registry(Manifest((ruleset,), schemas, (scenario,)))


def test_rules_that_are_not_the_ones_named_decide_nothing(invoice, registry, today):
    official = registry.ruleset(CEN).sources[0]
    forged = Ruleset(
        "forged-1", "Forged", "forged", ("ubl-invoice",), (replace(official, sha256="0" * 64),)
    )
    report = judge(invoice, small_registry(forged, registry.schemas), today)
    assert report.verdict is Verdict.ENGINE_ERROR
    assert not report.valid
    assert [finding.rule for finding in report.findings] == ["RULES-ARTEFACT"]
    assert "0" * 64 in report.findings[0].message


def test_rules_that_are_absent_decide_nothing(invoice, registry, today):
    absent = Source("package", "x.xslt", "no-such-distribution", "1", "0")
    ruleset = Ruleset("absent-1", "Absent", "absent", ("ubl-invoice",), (absent,))
    report = judge(invoice, small_registry(ruleset, registry.schemas), today)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.rulesets[-1].verdict is RunVerdict.NOT_RUN
    assert [finding.rule for finding in report.findings] == ["RULES-NOT-AT-HAND"]


def test_a_forged_schema_decides_nothing(invoice, registry, today):
    schema = registry.schemas[0]
    forged = replace(schema, files=((schema.main, "0" * 64), *schema.files[1:]))
    report = judge(invoice, small_registry(registry.ruleset(CEN), (forged,)), today)
    assert report.verdict is Verdict.ENGINE_ERROR
    assert [run.verdict for run in report.rulesets] == [
        RunVerdict.ENGINE_ERROR,
        RunVerdict.NOT_RUN,
    ]


def test_files_that_are_no_rules_decide_nothing(invoice, registry, today):
    file = importlib.metadata.distribution("factur-x").read_text("METADATA")
    digest = hashlib.sha256(file.encode()).hexdigest()
    path = next(
        str(entry)
        for entry in importlib.metadata.distribution("factur-x").files
        if entry.name == "METADATA"
    )
    text = Source("package", path, "factur-x", "7.8", digest)
    ruleset = Ruleset("text-1", "Text", "text", ("ubl-invoice",), (text,))
    folder, name = path.split("/")
    schema = Schema("s", "S", "ubl-invoice", "factur-x", "7.8", folder, ((name, digest),))
    without = judge(invoice, small_registry(ruleset, registry.schemas), today)
    assert [finding.rule for finding in without.findings] == ["RULES-ARTEFACT"]
    broken = judge(invoice, small_registry(registry.ruleset(CEN), (schema,)), today)
    assert [finding.rule for finding in broken.findings] == ["RULES-ARTEFACT"]
    assert {without.verdict, broken.verdict} == {Verdict.ENGINE_ERROR}


def test_without_a_schema_rules_run_but_do_not_suffice(invoice, registry, today):
    report = judge(invoice, small_registry(registry.ruleset(CEN), ()), today)
    assert report.verdict is Verdict.UNDETERMINED
    assert [run.id for run in report.rulesets] == [CEN]


def test_one_stylesheet_with_other_code_lists_is_another_rule_set(tmp_path, invoice, today):
    """Compiled rule sets are kept: what is kept must be told apart by all it was made of."""
    stylesheet = (
        b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="3.0" '
        b'xmlns:svrl="http://purl.oclc.org/dsdl/svrl"><xsl:template match="/">'
        b'<svrl:schematron-output><svrl:active-pattern/><xsl:variable name="code" '
        b'select="//*[local-name() = \'DocumentCurrencyCode\']"/><xsl:if test="not('
        b"document('codes.xml')/codedb/cl[@id=1]/enumeration[@value=$code])\">"
        b'<svrl:failed-assert id="CODE" location="/" flag="fatal"/></xsl:if>'
        b"</svrl:schematron-output></xsl:template></xsl:stylesheet>"
    )
    store, verdicts = RuleStore(tmp_path), []
    for code in ("EUR", "USD"):
        codes = f'<codedb><cl id="1"><enumeration value="{code}"/></cl></codedb>'.encode()
        companion = Companion("codes.xml", "codes.xml", store.put(codes))
        source = Source("file", "x.xslt", sha256=store.put(stylesheet), companions=(companion,))
        ruleset = Ruleset(f"own-{code}", "Own", "own", ("ubl-invoice",), (source,))
        own = Registry(Manifest((ruleset,), (), ()), Artefacts(tmp_path))
        verdicts.append(judge(invoice, own, today, rules=(ruleset.id,)).verdict)
    assert verdicts == [Verdict.VALID, Verdict.INVALID]


def test_severity_overrides_of_the_manifest_decide(invoice, registry, today):
    broken = invoice.replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    broken = broken.replace(">121.00</cbc:Pay", ">122.00</cbc:Pay")
    lenient = replace(
        registry.ruleset(CEN), severity=(("BR-CO-15", Severity.WARNING),), family="cen-ubl"
    )
    report = judge(broken, small_registry(lenient, registry.schemas), today)
    assert report.verdict is Verdict.VALID
    assert [(item.rule, item.severity.value) for item in report.findings] == [
        ("BR-CO-15", "warning")
    ]


def test_a_set_outside_its_dates_is_used_and_said_and_never_suffices(corpus, registry, today):
    case = next(case for case in corpus.suite("hostile") if "no-xml-decl" in case["file"])
    options = replace(today, as_of=date(2026, 1, 1))
    report = validate(corpus.read(case), options=options, registry=registry)
    noted = [item for item in report.findings if item.rule == "RULES-OUTSIDE-DATES"]
    assert [item.ruleset for item in noted] == ["peppol-ubl-2026.5"]
    assert noted[0].severity is Severity.WARNING
    assert report.rulesets[-1].verdict is RunVerdict.VALID
    assert report.verdict is Verdict.UNDETERMINED
    assert "2026-01-01" in noted[0].message


@pytest.mark.parametrize("lang", ["en", "fr", "nl", "de"])
def test_a_notice_warns_and_leaves_the_verdict(invoice, registry, today, lang):
    text = invoice.replace(">BE<", ">FR<")
    report = judge(text, registry, replace(today, lang=lang))
    assert report.verdict is Verdict.VALID
    (finding,) = report.findings
    assert finding.rule == "INPUT-FRENCH-MODE-MISSING"
    assert (finding.severity, finding.layer) == (Severity.WARNING, Layer.INPUT)
    assert "BT-23" in finding.message
    assert report.counts == {Severity.WARNING: 1}


def test_a_re_implementation_says_what_it_did_not_check(invoice, registry, today):
    source = next(x for x in registry.ruleset(PEPPOL).sources if x.kind == "authored")
    omissions = (
        Omission("SE-R-*", "//cac:Country/cbc:IdentificationCode = 'SE'"),
        Omission("NO-R-*", "//cac:Country/cbc:IdentificationCode = 'NO'"),
    )
    partial = Ruleset(
        "partial-1", "Partial", "p", ("ubl-invoice",), (replace(source, not_checked=omissions),)
    )
    text = invoice.replace("<cbc:IdentificationCode>FR", "<cbc:IdentificationCode>SE")
    report = judge(text, small_registry(partial, registry.schemas), today)
    run = report.rulesets[-1]
    assert run.authority.value == "re-implementation"
    assert run.not_checked == ("SE-R-*",)
    (note,) = [item for item in report.findings if item.rule == "RULES-NOT-CHECKED"]
    assert note.severity is Severity.INFORMATION
    assert note.value == "SE-R-*"


def test_no_official_rule_is_silently_left_out(corpus, registry, today):
    """Whatever official 2026.5 rule fires on a document is either ours or named as omitted."""
    options = replace(today, rules=(PEPPOL,))
    cases = corpus.sample(corpus.judged_by(PEPPOL))
    assert len(cases) > 80
    seen = set()
    for case in cases:
        report = validate(corpus.read(case), options=options, registry=registry)
        (run,) = report.rulesets
        seen.update(case["oracle"][PEPPOL])
        for rule in case["oracle"][PEPPOL].keys() - rules.covered(PEPPOL):
            match = [name for name in run.not_checked if fnmatchcase(rule, name)]
            assert match, (case["id"], rule, run.not_checked)
    assert len(seen) > 40


def test_authored_rules_speak_for_themselves(invoice, registry, today):
    customization = f"{EN}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
    text = invoice.replace(EN, customization)
    spoken = set()
    for lang in ("en", "fr", "nl", "de"):
        report = judge(text, registry, today, lang=lang)
        assert report.verdict is Verdict.INVALID
        finding = next(item for item in report.findings if item.rule == "PEPPOL-EN16931-R010")
        assert finding.message == rules.messages(PEPPOL)[finding.rule][lang]["message"]
        assert finding.hint == rules.messages(PEPPOL)[finding.rule][lang].get("hint")
        spoken.add(finding.message)
    assert len(spoken) == 4


def test_repeated_findings_are_capped_but_counted(invoice, registry, today):
    start, end = invoice.index("  <cac:InvoiceLine>"), invoice.index("</Invoice>")
    line = invoice[start:end].replace('unitCode="C62"', 'unitCode="nonsense"')
    report = judge(invoice[:start] + line * 120 + "</Invoice>", registry, today)
    listed = [item for item in report.findings if item.rule == "BR-CL-23"]
    assert {item.value for item in listed} == {"nonsense"}
    assert len(listed) == 100
    (note,) = [item for item in report.findings if item.rule == "RULES-REPEATED"]
    assert note.value == "20"
    others = sum(item.severity is Severity.FATAL for item in report.findings) - 100
    assert report.counts[Severity.FATAL] == 120 + others
    assert [item.line for item in listed] == sorted({item.line for item in listed})


def test_json_has_the_promised_shape(invoice, registry, today):
    broken = invoice.replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    value = json.loads(json.dumps(judge(broken, registry, today).to_json(file="a.xml")))
    assert list(value) == [
        "file", "verdict", "valid", "sha256", "document", "containers", "as_of", "rulesets",
        "findings", "counts", "elapsed_ms",
    ]  # fmt: skip
    assert value["file"] == "a.xml"
    assert list(value["document"]) == [
        "syntax", "root", "customization", "profile", "id", "issue_date", "title", "sender",
    ]  # fmt: skip
    assert list(value["findings"][0]) == [
        "rule", "severity", "ruleset", "layer", "location", "line", "column", "terms", "value",
        "message", "hint", "group", "official", "excerpt", "words", "figures",
    ]  # fmt: skip
    assert list(value["rulesets"][1]) == [
        "id", "source", "authority", "engine", "verdict", "not_checked", "title", "publisher",
        "version", "valid_from", "valid_until", "sha256", "decides", "newer", "proven_equal",
        "elapsed_ms",
    ]  # fmt: skip
    assert set(value["counts"]) == {"fatal", "warning"}
    assert value["document"]["issue_date"] == "2026-10-05"


def test_prepare_compiles_everything_that_is_at_hand(registry):
    artefacts = registry.artefacts
    layers.prepare(
        artefacts,
        schemas=[item for item in registry.schemas if artefacts.schema_available(item)],
        rulesets=[item for item in registry.rulesets if artefacts.available(item)],
    )
    absent = Ruleset("a", "A", "a", ("ubl-invoice",), (Source("package", "x", "no-such", "1"),))
    with pytest.raises(ArtefactRefused):
        layers.prepare(Artefacts(), schemas=(), rulesets=(absent,))


@given(data=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_answered(data, registry, today):
    report = validate(data, options=today, registry=registry)
    assert report.verdict is Verdict.UNREADABLE or report.document.root


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_invoice_is_answered(data, invoice, registry, today):
    """Cut or overwrite a stretch of a correct invoice: always an answer, with places in it."""
    start = data.draw(st.integers(0, len(invoice)))
    length = data.draw(st.integers(0, 60))
    filler = data.draw(st.sampled_from(["", "<", "</cbc:ID>", "0", "<cbc:Note>x</cbc:Note>", "é"]))
    text = invoice[:start] + filler + invoice[start + length :]
    report = judge(text, registry, today)
    lines = text.count("\n") + 1
    assert all(1 <= item.line <= lines + 1 for item in report.findings if item.line)
    if report.valid:
        assert all(run.verdict is RunVerdict.VALID for run in report.rulesets)
        assert len(report.rulesets) == 2


def test_a_release_that_does_not_decide_is_run_and_said(invoice, registry, today):
    """Of two releases in force the newer one decides; the older one's verdict is known too."""
    source = registry.artefacts.choose(registry.ruleset(CEN))
    old, new = (
        Ruleset(
            f"r-{year}", "R", "r", ("ubl-invoice",), (source,), valid_from=date(year, 1, 1),
            severity=severity,
        )
        for year, severity in ((2025, ()), (2026, (("BR-CO-15", Severity.WARNING),)))
    )  # fmt: skip
    scenario = Scenario("Two", ("ubl-invoice",), ("r",), EN)
    both = Registry(Manifest((old, new), registry.schemas, (scenario,)))
    broken = invoice.replace(">121.00</cbc:TaxInc", ">122.00</cbc:TaxInc")
    broken = broken.replace(">121.00</cbc:Pay", ">122.00</cbc:Pay")
    report = judge(broken, both, today)
    assert [(run.id, run.decides, run.verdict.value) for run in report.rulesets] == [
        ("xsd", True, "valid"),
        ("r-2026", True, "valid"),
        ("r-2025", False, "invalid"),
    ]
    assert report.verdict is Verdict.VALID
    weights = {(item.ruleset, item.severity.value) for item in report.findings}
    assert weights == {("r-2026", "warning"), ("r-2025", "fatal")}
    assert report.to_json()["counts"] == {"fatal": 0, "warning": 1}


def test_an_attachment_of_more_than_ten_megabytes_is_read(invoice, registry, today):
    attached = (
        "<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
        '<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="a.pdf">'
        f"{'QUJD' * 2_700_000}</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
        "</cac:AdditionalDocumentReference><cac:AccountingSupplierParty>"
    )
    text = invoice.replace("<cac:AccountingSupplierParty>", attached)
    assert judge(text, registry, today, rules=("xsd",)).verdict is Verdict.VALID
