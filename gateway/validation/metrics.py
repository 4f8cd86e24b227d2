"""Figures of validation for Prometheus, from the reports as they are made.

Labels come from documents and manifests, so each is bounded: what is beyond is counted as
``other``.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.metrics import Metrics

__all__ = ["ValidationMetrics"]

_MOST_LABELS: Final = 64
_OTHER: Final = "other"
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ValidationMetrics:
    """Counts reports, findings and time; call it with every report object."""

    def __init__(self, metrics: Metrics) -> None:
        self._seen: dict[str, set[str]] = {"syntax": set(), "ruleset": set()}
        self._runs = metrics.counter(
            "validations", "Documents checked, by verdict and syntax", "verdict", "syntax"
        )
        self._findings = metrics.counter(
            "validation_findings", "Findings, by rule set and severity", "ruleset", "severity"
        )
        self._seconds = metrics.histogram(
            "validation_seconds", "Time to check one document", "syntax", buckets=_BUCKETS
        )
        self._ruleset_runs = metrics.counter(
            "validation_rulesets", "Rule sets applied, by how they ended", "ruleset", "verdict"
        )
        self._ruleset_seconds = metrics.histogram(
            "validation_ruleset_seconds", "Time one rule set took", "ruleset", buckets=_BUCKETS
        )

    def __call__(self, report: Mapping[str, Any]) -> None:
        """Take one report into account."""
        syntax = self._bounded("syntax", (report.get("document") or {}).get("syntax"))
        self._runs.labels(report["verdict"], syntax).inc()
        self._seconds.labels(syntax).observe(report["elapsed_ms"] / 1000)
        for run in report["rulesets"]:
            ruleset = self._bounded("ruleset", run["id"])
            self._ruleset_runs.labels(ruleset, run["verdict"]).inc()
            if run.get("elapsed_ms") is not None:
                self._ruleset_seconds.labels(ruleset).observe(run["elapsed_ms"] / 1000)
        for finding in report["findings"]:
            ruleset = self._bounded("ruleset", finding.get("ruleset"))
            self._findings.labels(ruleset, finding["severity"]).inc()

    def _bounded(self, label: str, value: str | None) -> str:
        """A label's value; empty for none, ``other`` once there are too many."""
        if not value:
            return ""
        seen = self._seen[label]
        if value not in seen and len(seen) >= _MOST_LABELS:
            return _OTHER
        seen.add(value)
        return value
