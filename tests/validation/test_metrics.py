"""The figures of validation and the bounds of their labels."""

from gateway.core.metrics import Metrics
from gateway.validation.metrics import ValidationMetrics


def report(syntax="ubl-invoice", verdict="invalid", rulesets=(), findings=()):
    return {
        "verdict": verdict,
        "document": {"syntax": syntax},
        "elapsed_ms": 40.0,
        "rulesets": [{"id": one, "verdict": "valid", "elapsed_ms": 30.0} for one in rulesets],
        "findings": [{"ruleset": name, "severity": severity} for name, severity in findings],
    }


async def shown(metrics: Metrics) -> list[str]:
    return (await metrics.render()).decode().splitlines()


async def test_reports_findings_and_time_are_counted():
    metrics = Metrics()
    observe = ValidationMetrics(metrics)
    observe(report(rulesets=("cen-ubl-1.3.16",), findings=[("cen-ubl-1.3.16", "fatal")] * 3))
    observe(report(syntax=None, verdict="unreadable", findings=[(None, "fatal")]))
    lines = await shown(metrics)
    for line in (
        'gateway_validations_total{syntax="ubl-invoice",verdict="invalid"} 1.0',
        'gateway_validations_total{syntax="",verdict="unreadable"} 1.0',
        'gateway_validation_findings_total{ruleset="cen-ubl-1.3.16",severity="fatal"} 3.0',
        'gateway_validation_findings_total{ruleset="",severity="fatal"} 1.0',
        'gateway_validation_rulesets_total{ruleset="cen-ubl-1.3.16",verdict="valid"} 1.0',
        'gateway_validation_ruleset_seconds_sum{ruleset="cen-ubl-1.3.16"} 0.03',
        'gateway_validation_seconds_sum{syntax="ubl-invoice"} 0.04',
    ):
        assert line in lines


async def test_rule_sets_without_a_time_have_none():
    metrics = Metrics()
    told = report(rulesets=("a-1",))
    del told["rulesets"][0]["elapsed_ms"]
    ValidationMetrics(metrics)(told)
    assert not [one for one in await shown(metrics) if "ruleset_seconds_sum" in one]


async def test_an_operators_thousand_rule_sets_are_no_thousand_series():
    metrics = Metrics()
    observe = ValidationMetrics(metrics)
    for number in range(200):
        observe(report(rulesets=(f"own-{number}",)))
    ids = {one.split('"')[1] for one in await shown(metrics) if "rulesets_total{" in one}
    assert len(ids) == 65
    assert "other" in ids
