"""Which rules apply to a document on a business date.

Chooses from the manifest by syntax, CustomizationID and date. It reads no artefact and runs
nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schematron.errors import UnknownRuleset
from schematron.manifest import XSD, Manifest, Ruleset, Scenario, Schema, read

__all__ = ["Plan", "Registry", "load"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rules a document needs: rule sets in order, and whether they suffice for ``valid``.

    ``outside_dates`` are those of them not in force on the date, taken because no version that
    is in force is at hand.
    """

    rulesets: tuple[Ruleset, ...]
    complete: bool
    outside_dates: tuple[Ruleset, ...] = ()


class Registry:
    """Answers which rule sets and which schema a document needs."""

    def __init__(self, manifest: Manifest) -> None:
        self._rulesets = {ruleset.id: ruleset for ruleset in manifest.rulesets}
        self._schemas = {schema.syntax: schema for schema in manifest.schemas}
        self._scenarios = manifest.scenarios

    @property
    def rulesets(self) -> tuple[Ruleset, ...]:
        """List all rule sets, in the order of the manifest."""
        return tuple(self._rulesets.values())

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """List all XML schemas, in the order of the manifest."""
        return tuple(self._schemas.values())

    def ruleset(self, ruleset_id: str) -> Ruleset:
        """Give the rule set with this id; raises UnknownRuleset naming those that exist."""
        try:
            return self._rulesets[ruleset_id]
        except KeyError:
            known = ", ".join([XSD, *self._rulesets])
            raise UnknownRuleset(
                f"There is no rule set '{ruleset_id}'. Known here: {known}."
            ) from None

    def schema_for(self, syntax: str | None) -> Schema | None:
        """Give the XML schema for a document syntax, or None if there is none here."""
        return self._schemas.get(syntax) if syntax else None

    def plan(self, *, syntax: str | None, customization: str | None, day: date) -> Plan | None:
        """Choose the rule sets for a document on a business date; None if none is known for it.

        ``customization`` is EN 16931 BT-24 without surrounding white space.
        """
        scenario = self._scenario(syntax, customization)
        if scenario is None:
            return None
        chosen: list[Ruleset] = []
        outside: list[Ruleset] = []
        for family in scenario.families:
            versions = [item for item in self._rulesets.values() if item.family == family]
            current = [item for item in versions if item.in_force(day)]
            if not current:
                outside.append(_nearest(versions, day))
            chosen.append(current[-1] if current else outside[-1])
        return Plan(tuple(chosen), complete=scenario.complete, outside_dates=tuple(outside))

    def _scenario(self, syntax: str | None, customization: str | None) -> Scenario | None:
        if syntax is None or customization is None:
            return None
        candidates = [item for item in self._scenarios if syntax in item.syntax]
        for item in candidates:
            if item.exact == customization:
                return item
        prefixed = [x for x in candidates if x.prefix and customization.startswith(x.prefix)]
        return max(prefixed, key=lambda item: len(item.prefix or ""), default=None)


def _nearest(versions: Iterable[Ruleset], day: date) -> Ruleset:
    """Choose the closest version in time when none is in force."""

    def distance(item: Ruleset) -> int:
        if item.valid_from is not None and day < item.valid_from:
            return (item.valid_from - day).days
        return (day - item.valid_until).days if item.valid_until is not None else 0

    return min(versions, key=distance)


def load(config: Path | None = None) -> Registry:
    """Make a registry from the manifest in a configuration folder, or from the one shipped.

    Raises ManifestInvalid.
    """
    return Registry(read(config))
