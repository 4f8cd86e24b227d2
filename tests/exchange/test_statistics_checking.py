"""Our own check of statistics reports: Peppol's test files, and what is no report at all."""

from pathlib import Path

import pytest

from gateway.exchange.statistics.checking import check_report
from gateway.exchange.statistics.counting import ReportKind

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "reporting"
FILES = sorted(VECTORS.rglob("*.xml"))


@pytest.mark.skipif(not FILES, reason="the vectors are not beside the checkout (../shared/vectors)")
def test_each_file_is_judged_as_its_name_says():
    assert len(FILES) == 142
    wrong = []
    for path in FILES:
        kind = ReportKind(path.parent.parent.name)
        fired = {flaw.rule for flaw in check_report(kind, path.read_bytes())}
        number = path.stem.split("-")[1]
        if path.parent.name == "good":
            if fired:
                wrong.append((path.name, fired))
        elif not fired or (number.isdigit() and f"SCH-{kind.upper()}-{number}" not in fired):
            wrong.append((path.name, fired))
    assert wrong == []


TSR = "urn:fdc:peppol:transaction-statistics-report:1.0"


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "XML-"),
        (b"<a/>", "TSR-SHAPE"),
        (f'<TransactionStatisticsReport xmlns="{TSR}"/>'.encode(), "TSR-SHAPE"),
        (
            f'<TransactionStatisticsReport xmlns="{TSR}"><x xmlns="y"/>'
            "</TransactionStatisticsReport>".encode(),
            "TSR-SHAPE",
        ),
    ],
)
def test_what_is_no_report_is_said_so(content, rule):
    (flaw,) = check_report(ReportKind.TSR, content)
    assert flaw.rule.startswith(rule)
    assert flaw.message.endswith(".")


COUNTS = "<Incoming>0</Incoming><Outgoing>0</Outgoing>"
REPORT = f"""<TransactionStatisticsReport xmlns="{TSR}">
<CustomizationID>urn:fdc:peppol.eu:edec:trns:transaction-statistics-reporting:1.0</CustomizationID>
<ProfileID>urn:fdc:peppol.eu:edec:bis:reporting:1.0</ProfileID>
<Header><ReportPeriod><StartDate>2026-10-01</StartDate><EndDate>2026-10-31</EndDate></ReportPeriod>
<ReporterID schemeID="CertSubjectCN">POP000001</ReporterID></Header>
<Total><Incoming>0</Incoming><Outgoing>0</Outgoing></Total></TransactionStatisticsReport>"""


@pytest.mark.parametrize("number", ["-1", "1.5", "", "one", "1e3"])
def test_numbers_are_whole_and_not_negative(number):
    assert check_report(ReportKind.TSR, REPORT.encode()) == ()
    broken = REPORT.replace("<Incoming>0<", f"<Incoming>{number}<")
    assert [one.rule for one in check_report(ReportKind.TSR, broken.encode())] == ["TSR-SHAPE"]


@pytest.mark.parametrize(
    ("was", "made", "shape"),
    [
        ("<Incoming>0</Incoming>", "", True),
        ("<EndDate>2026-10-31</EndDate>", "", True),
        ("</Total>", f'</Total><Subtotal type="PerTP">{COUNTS}</Subtotal>', True),
        ("</Total>", f'</Total><Subtotal type="PerTP"><Key>x</Key>{COUNTS}</Subtotal>', True),
        ("<Header>", "<!-- a comment is none of it --><Header>", False),
    ],
)
def test_the_shape_is_the_schemas(was, made, shape):
    broken = REPORT.replace(was, made)
    rules = [one.rule for one in check_report(ReportKind.TSR, broken.encode())]
    assert rules == (["TSR-SHAPE"] if shape else [])
