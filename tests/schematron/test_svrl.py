"""Reading reports: severity, caps, and refusal of what is no report."""

import pytest

from schematron import svrl
from schematron.errors import EngineFailed
from schematron.finding import Severity


def report(*assertions: str) -> bytes:
    inside = "<svrl:active-pattern/>" + "".join(assertions)
    return (
        '<svrl:schematron-output xmlns:svrl="http://purl.oclc.org/dsdl/svrl">'
        f"{inside}</svrl:schematron-output>"
    ).encode()


def failed(rule: str | None = "R-1", flag: str | None = "fatal", text: str = "[R-1]-Wrong.") -> str:
    attributes = (f' id="{rule}"' if rule else "") + (f" {flag}" if flag and "=" in flag else "")
    if flag and "=" not in flag:
        attributes += f' flag="{flag}"'
    return (
        f'<svrl:failed-assert{attributes} location="/a" test="true()">'
        f"<svrl:text>{text}</svrl:text></svrl:failed-assert>"
    )


def test_an_empty_report_is_a_report():
    assert svrl.read(report()).assertions == ()


@pytest.mark.parametrize(
    ("flag", "severity"),
    [
        ("fatal", Severity.FATAL),
        ("error", Severity.FATAL),
        ("warning", Severity.WARNING),
        (" Warning ", Severity.WARNING),
        ("information", Severity.INFORMATION),
        ('role="warning"', Severity.WARNING),
        (None, Severity.FATAL),
        ("curious", Severity.FATAL),
    ],
)
def test_severity_and_what_is_unknown_is_fatal(flag, severity):
    (assertion,) = svrl.read(report(failed(flag=flag))).assertions
    assert assertion.severity is severity


def test_successful_reports_are_findings_too():
    text = failed().replace("failed-assert", "successful-report")
    assert len(svrl.read(report(text)).assertions) == 1


def test_overrides_change_the_weight():
    result = svrl.read(report(failed()), overrides={"R-1": Severity.WARNING})
    assert result.assertions[0].severity is Severity.WARNING
    assert dict(result.fired) == {("R-1", Severity.WARNING): 1}


def test_the_rule_id_is_taken_off_the_text_and_spaces_are_joined():
    (assertion,) = svrl.read(report(failed(text="[R-1]-Sum \n  (BT-106) &lt; 1"))).assertions
    assert assertion.text == "Sum (BT-106) < 1"


def test_a_missing_id_or_text_still_counts():
    (assertion,) = svrl.read(report(failed(rule=None))).assertions
    assert assertion.rule == "no-id"
    (assertion,) = svrl.read(report("<svrl:failed-assert id='X'/>")).assertions
    assert (assertion.text, assertion.location) == ("", "")


def test_repeats_are_capped_and_counted():
    result = svrl.read(report(*[failed()] * 130, failed("R-2", "warning")))
    assert len(result.assertions) == 101
    assert result.withheld == {"R-1": 30}
    assert dict(result.fired) == {("R-1", Severity.FATAL): 130, ("R-2", Severity.WARNING): 1}


def test_long_texts_are_cut():
    (assertion,) = svrl.read(report(failed(text="x" * 5000))).assertions
    assert len(assertion.text) == 1000


def test_a_ceiling_lowers_what_weighs_more_and_lifts_nothing():
    data = report(failed(), failed("R-2", "information"), failed("R-3"))
    ceiling = {svrl.CEILING: Severity.WARNING, "R-3": Severity.FATAL}
    weights = {
        item.rule: item.severity.value for item in svrl.read(data, overrides=ceiling).assertions
    }
    assert weights == {"R-1": "warning", "R-2": "information", "R-3": "fatal"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<other/>",
        report()[:-5],
        report().replace(b"<svrl:active-pattern/>", b""),
        report('<svrl:error code="FORG0001">bad cast</svrl:error>'),
    ],
)
def test_what_is_no_complete_report_is_an_engine_failure(data):
    with pytest.raises(EngineFailed):
        svrl.read(data)


def test_terms_are_named_once_in_order():
    text = "BT-112 = BT-109 + BT-110 of BG-23; again BT-112, BT-157-1, not ABT-9 or BT-"
    assert svrl.terms_in(text) == ("BT-112", "BT-109", "BT-110", "BG-23", "BT-157-1")
