"""Our compiler against the official one: the same Schematron, the same verdicts.

The EN 16931 rules for UBL are at hand as Schematron in a package. Compiled here they must fire what
the official stylesheet fires on every document of the corpus, with the same severity and count.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schematron.build import compile_schematron
from schematron.engine import shared
from ubl.safexml import parse

pytestmark = pytest.mark.corpus

PACKAGE = "mcp-einvoicing-be==0.10.2"
SCHEMATRON = "mcp_einvoicing_be/specs/peppol_bis_3/CEN-EN16931-UBL.sch"
ORACLE = "cen-ubl-1.3.16"
# The packaged copy is Peppol's, which has this rule; the release of CEN has it no more.
ONLY_IN_THE_COPY = {("BR-CO-25", "fatal")}
FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"


@pytest.fixture(scope="module")
def source(unpacked: Callable[[str], Path]) -> bytes:
    """The EN 16931 rules as Schematron."""
    return (unpacked(PACKAGE) / SCHEMATRON).read_bytes()


def test_the_rules_of_en_16931_compiled_here(
    source: bytes,
    corpus_cases: list[dict[str, Any]],
    tell: Callable[[str, str, str], None],
) -> None:
    stylesheet = compile_schematron(source)
    differing = {}
    cases = [case for case in corpus_cases if ORACLE in (case.get("oracle") or {})]
    for case in cases:
        text = etree.tostring(parse(case["path"].read_bytes()), encoding="unicode")
        report = parse(shared().run("compiled-here", lambda: stylesheet, document=text))
        got = Counter((f.get("id"), f.get("flag")) for f in report.iter(FAILED))
        official = case["oracle"][ORACLE].items()
        wanted = {(rule, severity): count for rule, (severity, count) in official}
        if {key: count for key, count in got.items() if key not in ONLY_IN_THE_COPY} != wanted:
            differing[case["id"]] = (got, wanted)
    agreeing = len(cases) - len(differing)
    tell("compiler", ORACLE, f"{ORACLE} compiled here: {agreeing} of {len(cases)} documents agree")
    assert len(cases) >= 900
    assert differing == {}
