"""Rule sets as plain objects and lines of text: one description for API and command line."""

from collections.abc import Iterable
from typing import Any

from gateway.validation.rule_service import RulesetStatus
from gateway.validation.rule_sync import SyncResult
from schematron.manifest import Ruleset, Source

__all__ = ["how_to_get", "ruleset_json", "ruleset_lines", "sync_json"]


def ruleset_json(status: RulesetStatus) -> dict[str, Any]:
    """One rule set with stable keys; dates as ISO 8601, ``source`` None if nothing is at hand."""
    ruleset, source = status.ruleset, status.source
    return {
        "id": ruleset.id,
        "title": ruleset.title,
        "publisher": ruleset.publisher,
        "version": ruleset.version,
        "family": ruleset.family,
        "syntax": list(ruleset.syntax),
        "valid_from": ruleset.valid_from.isoformat() if ruleset.valid_from else None,
        "valid_until": ruleset.valid_until.isoformat() if ruleset.valid_until else None,
        "in_force": status.in_force,
        "at_hand": source is not None,
        "source": _source_json(source) if source else None,
        "sources": [_source_json(item) for item in ruleset.sources],
        "get": None if source else how_to_get(ruleset),
        "newer": status.newer,
        "severity": {rule: weight.value for rule, weight in ruleset.severity},
        "imported_by": status.imported_by,
        "imported_at": status.imported_at.isoformat() if status.imported_at else None,
    }


def how_to_get(ruleset: Ruleset) -> str:
    """The command that brings a rule set's files here."""
    if ruleset.awaits_import:
        return f"gateway rules import FILE --id {ruleset.id}"
    return "gateway rules sync"


def ruleset_lines(status: RulesetStatus) -> Iterable[str]:
    """One rule set in full, a fact a line, for a terminal."""
    ruleset = status.ruleset
    yield f"{ruleset.id}: {ruleset.title}"
    facts = {
        "publisher": ruleset.publisher,
        "version": ruleset.version,
        "documents": ", ".join(ruleset.syntax),
        "in force": f"{ruleset.valid_from or '…'} to {ruleset.valid_until or '…'}",
        "newer": status.newer,
        "in use": status.source.label if status.source else None,
        "sha256": status.source.sha256 if status.source else None,
        "proven equal": status.source.proven_equal if status.source else None,
        "not at hand": None if status.source else how_to_get(ruleset),
        "imported": status.imported_by
        and f"{status.imported_at:%Y-%m-%d %H:%M} UTC by {status.imported_by}",
        "weights": ", ".join(f"{rule} {weight.value}" for rule, weight in ruleset.severity),
    }
    for name, value in facts.items():
        if value:
            yield f"  {name:13}{value}"
    for source in ruleset.sources:
        yield f"  {'source':13}{source.kind}: {source.label}"


def sync_json(result: SyncResult) -> dict[str, Any]:
    """The outcome of a run with stable keys."""
    return {
        "complete": result.complete,
        "rulesets": [
            {
                "id": row.id,
                "outcome": row.outcome.value,
                "source": row.source or None,
                "reason": row.reason or None,
            }
            for row in result.rows
        ],
        "newer": [{"package": item.carrier, "latest": item.latest} for item in result.renewals],
    }


def _source_json(source: Source) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "label": source.label,
        "authority": source.authority.value,
        "sha256": source.sha256 or None,
        "proven_equal": source.proven_equal or None,
    }
