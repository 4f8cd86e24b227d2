"""One layer of the examination applied to one document: the schema, or one rule set.

Turns what the engines say into findings with our wording and their place in the tree. Decides
nothing about the document as a whole. Compiled schemas and rule sets stay in the process.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial

from lxml import etree

from schematron import engine, rules, svrl
from schematron.artefacts import Artefacts
from schematron.errors import ArtefactRefused, EngineFailed
from schematron.finding import Authority, Finding, Layer, RulesetRun, RunVerdict, Severity
from schematron.location import PREFIXES, Place, resolve, value_at
from schematron.manifest import XSD, Ruleset, Schema, Source
from schematron.texts import Wording, official, require, wording
from schematron.xsd import SchemaValidator
from ubl.safexml import XmlRefused

__all__ = ["Draft", "LayerResult", "check_rules", "check_schema", "not_run", "prepare"]

LIBXML2 = "libxml2"


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding without line and column, with the place in the tree they are counted from."""

    finding: Finding
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class LayerResult:
    """How a layer ended, what it found, and how many more findings were withheld as repeats."""

    run: RulesetRun
    drafts: list[Draft]
    withheld: Mapping[Severity, int] = field(default_factory=dict)


@lru_cache(maxsize=32)
def _validator(schema: Schema, artefacts: Artefacts) -> SchemaValidator:
    try:
        return SchemaValidator(
            main=schema.main,
            files=artefacts.schema_files(schema),
            folder=artefacts.schema_folder(schema),
        )
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise ArtefactRefused(f"The {schema.title} is no XML schema: {error}") from error


def _stylesheet(source: Source, artefacts: Artefacts) -> bytes:
    try:
        return svrl.lean(artefacts.stylesheet(source))
    except XmlRefused as error:
        raise ArtefactRefused(f"{source.label} is no XSLT: {error.message}") from error


def prepare(
    artefacts: Artefacts, *, schemas: tuple[Schema, ...], rulesets: tuple[Ruleset, ...]
) -> None:
    """Compile schemas and rule sets now, so that the first document does not wait for them.

    Raises ArtefactRefused or EngineFailed.
    """
    for schema in schemas:
        _validator(schema, artefacts)
    for ruleset in rulesets:
        source = artefacts.choose(ruleset)
        engine.shared().prepare(source, partial(_stylesheet, source, artefacts))


def check_schema(
    root: etree._Element, schema: Schema, artefacts: Artefacts, *, lang: str
) -> LayerResult:
    """Validate a document against its XML schema."""
    run = partial(
        RulesetRun,
        id=XSD,
        source=schema.label,
        authority=Authority.OFFICIAL,
        engine=LIBXML2,
    )
    try:
        failures = _validator(schema, artefacts).check(root)
    except ArtefactRefused as error:
        draft = _failure_draft(error, XSD, schema.title, layer=Layer.XSD, lang=lang)
        return LayerResult(run(verdict=RunVerdict.ENGINE_ERROR), [draft])
    drafts = []
    for failure in failures:
        value = value_at(failure.place) if failure.place else None
        code = failure.rule
        text = require(
            f"{code}.expected" if failure.expected else code,
            lang=lang,
            name=failure.name,
            expected=failure.expected,
            value=value or "",
            detail=failure.detail,
        )
        finding = Finding(
            rule=code,
            severity=Severity.FATAL,
            layer=Layer.XSD,
            ruleset=XSD,
            message=text.message,
            hint=text.hint,
            value=value,
        )
        drafts.append(Draft(finding, failure.place))
    verdict = RunVerdict.INVALID if failures else RunVerdict.VALID
    return LayerResult(run(verdict=verdict), drafts)


def check_rules(
    root: etree._Element, serialised: str, ruleset: Ruleset, artefacts: Artefacts, *, lang: str
) -> LayerResult:
    """Apply a rule set to a document; ``serialised`` is the same document as text."""
    try:
        source = artefacts.choose(ruleset)
        report = engine.shared().run(
            source, partial(_stylesheet, source, artefacts), document=serialised
        )
        result = svrl.read(report, overrides=dict(ruleset.severity))
    except (ArtefactRefused, EngineFailed) as error:
        draft = _failure_draft(error, ruleset.id, ruleset.title, lang=lang)
        return LayerResult(_rules_run(ruleset, artefacts, RunVerdict.ENGINE_ERROR), [draft])
    drafts = [
        _rule_draft(root, assertion, ruleset.id, _worded(assertion, ruleset.id, source, lang=lang))
        for assertion in result.assertions
    ]
    drafts += [
        _withheld_draft(rule, count, ruleset, lang=lang) for rule, count in result.withheld.items()
    ]
    omitted = tuple(item.rules for item in source.not_checked if _applies(item.when)(root))
    if omitted:
        drafts.append(_omitted_draft(omitted, ruleset, lang=lang))
    fatal = any(severity is Severity.FATAL for _, severity in result.fired)
    verdict = RunVerdict.INVALID if fatal else RunVerdict.VALID
    return LayerResult(_rules_run(ruleset, artefacts, verdict, omitted), drafts, _withheld(result))


def not_run(ruleset: Ruleset, artefacts: Artefacts) -> RulesetRun:
    """Report a rule set that was left out because an earlier layer failed."""
    return _rules_run(ruleset, artefacts, RunVerdict.NOT_RUN)


def _rules_run(
    ruleset: Ruleset,
    artefacts: Artefacts,
    verdict: RunVerdict,
    not_checked: tuple[str, ...] = (),
) -> RulesetRun:
    try:
        source = artefacts.choose(ruleset)
    except ArtefactRefused:
        source = ruleset.sources[0]
    return RulesetRun(
        id=ruleset.id,
        source=source.label,
        authority=source.authority,
        engine=engine.ENGINE,
        verdict=verdict,
        not_checked=not_checked,
    )


def _worded(assertion: svrl.Assertion, ruleset: str, source: Source, *, lang: str) -> Wording:
    """Choose the rule set's own text in this language, else ours, else the one it reported."""
    authored = source.kind == "authored" and ruleset in rules.sources()
    own = rules.messages(ruleset).get(assertion.rule, {}).get(lang) if authored else None
    if own is not None:
        return Wording(own["message"], own.get("hint"))
    ours = wording(assertion.rule, lang=lang)
    if ours is not None:
        return ours
    if source.authority is Authority.OFFICIAL:
        return official(assertion.text, lang=lang)
    return Wording(assertion.text, None)


def _rule_draft(
    root: etree._Element, assertion: svrl.Assertion, ruleset: str, text: Wording
) -> Draft:
    place = resolve(root, assertion.location)
    finding = Finding(
        rule=assertion.rule,
        severity=assertion.severity,
        layer=Layer.RULES,
        ruleset=ruleset,
        location=assertion.location or None,
        terms=svrl.terms_in(f"{assertion.text} {text.message}"),
        value=value_at(place) if place else None,
        message=text.message,
        hint=text.hint,
    )
    return Draft(finding, place)


def _withheld(result: svrl.SvrlResult) -> Counter[Severity]:
    shown = Counter(assertion.severity for assertion in result.assertions)
    total: Counter[Severity] = Counter()
    for (_, severity), count in result.fired.items():
        total[severity] += count
    return total - shown


def _withheld_draft(rule: str, count: int, ruleset: Ruleset, *, lang: str) -> Draft:
    text = require("RULES-REPEATED", lang=lang, rule=rule, count=count)
    finding = Finding(
        rule="RULES-REPEATED",
        severity=Severity.INFORMATION,
        layer=Layer.RULES,
        ruleset=ruleset.id,
        value=str(count),
        message=text.message,
        hint=text.hint,
    )
    return Draft(finding)


@lru_cache(maxsize=128)
def _applies(condition: str) -> etree.XPath:
    return etree.XPath(f"boolean({condition})", namespaces=dict(PREFIXES))


def _omitted_draft(omitted: tuple[str, ...], ruleset: Ruleset, *, lang: str) -> Draft:
    names = ", ".join(omitted)
    text = require("RULES-NOT-CHECKED", lang=lang, title=ruleset.title, rules=names)
    finding = Finding(
        rule="RULES-NOT-CHECKED",
        severity=Severity.INFORMATION,
        layer=Layer.RULES,
        ruleset=ruleset.id,
        value=names,
        message=text.message,
        hint=text.hint,
    )
    return Draft(finding)


def _failure_draft(
    error: ArtefactRefused | EngineFailed,
    ruleset: str,
    title: str,
    *,
    lang: str,
    layer: Layer = Layer.RULES,
) -> Draft:
    text = require(error.code, lang=lang, title=title, detail=str(error))
    finding = Finding(
        rule=error.code,
        severity=Severity.FATAL,
        layer=layer,
        ruleset=ruleset,
        message=text.message,
        hint=text.hint,
    )
    return Draft(finding)
