"""Which rules apply to a document on a business date.

Chooses from the manifests by syntax, CustomizationID, content and date. It runs nothing, and reads
of the artefacts only whether they are at hand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from lxml import etree

from schematron.artefacts import Artefacts
from schematron.errors import UnknownRuleset
from schematron.location import PREFIXES
from schematron.manifest import XSD, Manifest, Overrides, Ruleset, Scenario, Schema
from schematron.manifest_file import join, parse, read
from schematron.store import RuleStore

__all__ = ["Chosen", "Plan", "Registry", "load"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A rule set to run on a document.

    ``severity`` are the weights for this document: those of its scenario before those of the rule
    set. ``decides`` is False for a release run beside the one in force so that its verdict is
    known too. ``newer`` is the id of a later release that is known and not run here.
    """

    ruleset: Ruleset
    severity: Overrides = ()
    decides: bool = True
    newer: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rules a document needs: rule sets in order, and whether they suffice for ``valid``.

    ``outside_dates`` are those that are run although they are not in force on the date, because no
    version that is in force is at hand: what they find counts, that they find nothing does not.
    ``title`` names the use of the rules for people, ``notices`` are the codes of what readers are
    warned of in this use.
    """

    chosen: tuple[Chosen, ...]
    complete: bool
    outside_dates: tuple[Ruleset, ...] = ()
    title: str = ""
    notices: tuple[str, ...] = ()

    @property
    def rulesets(self) -> tuple[Ruleset, ...]:
        """List the rule sets, in the order they are run."""
        return tuple(item.ruleset for item in self.chosen)


class Registry:
    """Answers which rule sets and which schema a document needs, and where their files are."""

    def __init__(self, manifest: Manifest, artefacts: Artefacts | None = None) -> None:
        self.artefacts = artefacts if artefacts is not None else Artefacts()
        self._rulesets = {ruleset.id: ruleset for ruleset in manifest.rulesets}
        self._schemas = manifest.schemas
        self._scenarios = manifest.scenarios

    @property
    def rulesets(self) -> tuple[Ruleset, ...]:
        """List all rule sets, in the order of the manifest."""
        return tuple(self._rulesets.values())

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """List all XML schemas, in the order of the manifest."""
        return self._schemas

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """List all uses of the rules, in the order of the manifest."""
        return self._scenarios

    def ruleset(self, ruleset_id: str) -> Ruleset:
        """Give the rule set with this id; raises UnknownRuleset naming those that exist."""
        try:
            return self._rulesets[ruleset_id]
        except KeyError:
            known = ", ".join([XSD, *self._rulesets])
            raise UnknownRuleset(
                f"There is no rule set '{ruleset_id}'. Known here: {known}."
            ) from None

    def schemas_for(self, syntax: str | None, customization: str | None) -> Schema | None:
        """Give the XML schema for a document, or None if there is none here.

        A schema made for its CustomizationID comes before the one of its syntax.
        """
        fitting = [item for item in self._schemas if item.syntax == syntax]
        own = (item for item in fitting if customization in item.customizations)
        general = (item for item in fitting if not item.customizations)
        return next(own, None) or next(general, None)

    def newer(self, ruleset: Ruleset) -> str | None:
        """Give the id of the latest release known after this one, or None if it is the latest."""
        versions = self._versions(ruleset.family)
        last = versions[-1]
        return last.id if last.id != ruleset.id else None

    def plan(
        self,
        root: etree._Element | None,
        *,
        syntax: str | None,
        customization: str | None,
        day: date,
    ) -> Plan | None:
        """Choose the rule sets for a document on a business date; None if none is known for it.

        ``root`` answers the conditions on content; without it, scenarios that have one are left
        out. ``customization`` is EN 16931 BT-24 without surrounding white space. Of each family
        the newest version in force decides; another one in force, or the next one to come, runs
        beside it where it is at hand.
        """
        scenario = self._scenario(root, syntax, customization)
        if scenario is None:
            return None
        chosen: list[Chosen] = []
        outside: list[Ruleset] = []
        for family in scenario.families:
            deciding, beside = self._of_family(family, day)
            if not deciding.in_force(day):
                outside.append(deciding)
            newer = self.newer(deciding)
            if beside is not None and newer == beside.id:
                newer = None
            chosen.append(self._chosen(deciding, scenario, decides=True, newer=newer))
            if beside is not None:
                chosen.append(self._chosen(beside, scenario, decides=False, newer=None))
        notices = tuple(
            item.code for item in scenario.notices if item.in_force(day) and _holds(item.when, root)
        )
        return Plan(tuple(chosen), scenario.complete, tuple(outside), scenario.title, notices)

    def _chosen(
        self, ruleset: Ruleset, scenario: Scenario, *, decides: bool, newer: str | None
    ) -> Chosen:
        severity = tuple((dict(ruleset.severity) | dict(scenario.severity)).items())
        return Chosen(ruleset, severity, decides, newer)

    def _of_family(self, family: str, day: date) -> tuple[Ruleset, Ruleset | None]:
        """The version that decides on a day, and the one to run beside it."""
        versions = self._versions(family)
        at_hand = [item for item in versions if self.artefacts.available(item)]
        current = _without_replaced([item for item in at_hand if item.in_force(day)])
        if not current:
            # Nothing at hand is in force: the nearest that is, else the one to be fetched.
            in_force = [item for item in versions if item.in_force(day)] or versions
            fetched = [item for item in in_force if not item.awaits_import]
            nearest = _nearest(at_hand, day) if at_hand else (fetched or in_force)[-1]
            return nearest, None
        deciding = current[-1]
        to_come = [item for item in at_hand if item.valid_from and item.valid_from > day]
        others = current[-2:-1] or to_come[:1]
        return deciding, others[0] if others else None

    def _versions(self, family: str) -> list[Ruleset]:
        """The versions of a family, oldest first."""
        found = [item for item in self._rulesets.values() if item.family == family]
        return sorted(found, key=lambda item: item.valid_from or date.min)

    def _scenario(
        self, root: etree._Element | None, syntax: str | None, customization: str | None
    ) -> Scenario | None:
        """The best of the scenarios that fit: exact, longest prefix; with a condition first."""

        def rank(item: Scenario) -> tuple[bool, int, bool]:
            return item.exact is not None, len(item.prefix or ""), item.when is not None

        fitting = [
            item
            for item in self._scenarios
            if syntax in item.syntax and _names(item, customization) and _holds(item.when, root)
        ]
        return max(fitting, key=rank, default=None)


def _names(scenario: Scenario, customization: str | None) -> bool:
    if scenario.exact is not None:
        return customization == scenario.exact
    return (customization or "").startswith(scenario.prefix or "")


def _holds(condition: str | None, root: etree._Element | None) -> bool:
    if condition is None:
        return True
    return root is not None and bool(_compiled(condition)(root))


@lru_cache(maxsize=128)
def _compiled(condition: str) -> etree.XPath:
    return etree.XPath(f"boolean({condition})", namespaces=dict(PREFIXES))


def _without_replaced(versions: list[Ruleset]) -> list[Ruleset]:
    """Leave out versions without a last day whose successor is in force too."""
    ids = {item.id for item in versions}
    return [item for item in versions if item.valid_until or item.successor not in ids]


def _nearest(versions: Iterable[Ruleset], day: date) -> Ruleset:
    """Choose the closest version in time when none is in force."""

    def distance(item: Ruleset) -> int:
        if item.valid_from is not None and day < item.valid_from:
            return (item.valid_from - day).days
        return (day - item.valid_until).days if item.valid_until is not None else 0

    return min(versions, key=distance)


def load(config: Path | None = None, store: Path | None = None) -> Registry:
    """Make a registry from the manifests in a configuration folder, or from those shipped.

    ``store`` is the folder of fetched files and of imported sets, whose manifests are added.
    Raises ManifestInvalid, or StoreFailed.
    """
    manifest = read(config)
    if store is not None:
        imported = RuleStore(store).sets()
        manifest = join(manifest, (parse(text, origin=name) for name, text in imported.items()))
    return Registry(manifest, Artefacts(store))
