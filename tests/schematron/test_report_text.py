"""The report as text: short, gravest first, in the reader's language."""

from dataclasses import replace

import pytest

from schematron.finding import (
    Document,
    Finding,
    Layer,
    Report,
    Severity,
    Verdict,
)
from schematron.report_text import render
from schematron.validate import validate


def finding(rule: str, severity: Severity, **values: object) -> Finding:
    return Finding(
        rule=rule, severity=severity, layer=Layer.RULES, message=f"About {rule}.", **values
    )


def report(*findings: Finding, verdict: Verdict = Verdict.INVALID) -> Report:
    counts = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    return Report(verdict, "00", Document(), (), findings, counts)


def test_gravest_first_with_place_and_advice():
    text = render(
        report(
            finding("W-1", Severity.WARNING),
            finding("F-1", Severity.FATAL, line=7, location="/a/b", hint="Mend it."),
        ),
        file="a.xml",
    )
    assert text == (
        "a.xml: Not valid: 1 fatal, 1 warnings.\n"
        "  fatal F-1: About F-1.\n"
        "    line 7, /a/b\n"
        "    Mend it.\n"
        "  warning W-1: About W-1.\n"
    )


def test_long_reports_are_cut():
    text = render(report(*[finding("F-1", Severity.FATAL)] * 25), limit=3)
    assert text.count("F-1.") == 3
    assert text.endswith("… and 22 more findings.\n")


@pytest.mark.parametrize("lang", ["en", "fr", "nl", "de"])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_sentence(verdict, lang):
    assert len(render(report(verdict=verdict), lang=lang)) > 10


def test_control_characters_do_not_reach_the_terminal():
    odd = replace(finding("F-1", Severity.FATAL), message="a\x1b[2Jb\nc")
    assert "a [2Jb c" in render(report(odd))


def test_a_real_report_reads_well(invoice, registry, today):
    broken = invoice.replace("Keg", "").replace("<cbc:Name></cbc:Name>", "")
    text = render(validate(broken.encode(), options=today, registry=registry))
    assert "fatal BR-25: The name of the item is missing (BT-153)." in text
    assert "/ubl:Invoice/cac:InvoiceLine" in text
