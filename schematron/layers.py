"""One layer of the examination applied to one document: the schema, or one rule set.

Turns what the engines say into findings with our wording and their place in the tree. Decides
nothing about the document as a whole. Compiled schemas and rule sets stay in the process.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from lxml import etree

from schematron import engine, rules, svrl
from schematron.abort import Cause, cause_of
from schematron.artefacts import Artefacts
from schematron.errors import ArtefactRefused, EngineFailed
from schematron.finding import Authority, Finding, Layer, RulesetRun, RunVerdict, Severity
from schematron.location import PREFIXES, Place, Tree, value_at
from schematron.manifest import XSD, Ruleset, Schema, Source
from schematron.notes import Note
from schematron.registry import Chosen
from schematron.stylesheet import lean
from schematron.terms import group_of, terms_of
from schematron.texts import Wording, facts, official, require, wording
from schematron.xsd import SchemaFailure, SchemaValidator
from ubl.safexml import XmlRefused

__all__ = [
    "Draft",
    "LayerResult",
    "Target",
    "check_rules",
    "check_schema",
    "not_run",
    "prepare",
    "worded",
]

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


@dataclass(slots=True)
class Target:
    """The document under examination, the same for every layer."""

    tree: Tree
    artefacts: Artefacts
    lang: str
    _loaded: engine.Loaded | None = None

    def loaded(self) -> engine.Loaded:
        """Give the document as the rule engine's own tree, made once; raises EngineFailed."""
        if self._loaded is None:
            text = etree.tostring(self.tree.root, encoding="unicode", with_tail=False)
            self._loaded = engine.shared().load(text)
        return self._loaded


@lru_cache(maxsize=32)
def _validator(schema: Schema, artefacts: Artefacts) -> SchemaValidator:
    try:
        return SchemaValidator(
            main=schema.main, files=artefacts.schema_files(schema), uncoupled=schema.uncoupled
        )
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise ArtefactRefused(f"The {schema.title} is no XML schema: {error}") from error


def _stylesheet(source: Source, artefacts: Artefacts) -> bytes:
    try:
        return lean(artefacts.stylesheet(source), artefacts.companions(source))
    except XmlRefused as error:
        raise ArtefactRefused(f"{source.label} is no XSLT: {error.message}") from error


def prepare(
    artefacts: Artefacts, *, schemas: Iterable[Schema], rulesets: Iterable[Ruleset]
) -> None:
    """Compile schemas and rule sets now, so that the first document does not wait for them.

    Raises ArtefactRefused or EngineFailed.
    """
    for schema in schemas:
        _validator(schema, artefacts)
    for ruleset in rulesets:
        source = artefacts.choose(ruleset)
        engine.shared().prepare(_key(source), partial(_stylesheet, source, artefacts))


def _key(source: Source) -> object:
    """Name a compiled stylesheet: by its content, and that of its companions, where pinned."""
    return source.sha256 or source.path, source.companions


def check_schema(target: Target, schema: Schema) -> LayerResult:
    """Validate a document against its XML schema."""
    started = time.perf_counter()
    run = partial(
        RulesetRun,
        id=XSD,
        source=schema.label,
        authority=Authority.REIMPLEMENTATION if schema.authored else Authority.OFFICIAL,
        engine=LIBXML2,
        title=schema.title,
        version=schema.version,
        sha256=schema.files[0][1],
    )
    try:
        failures, more = _validator(schema, target.artefacts).check(target.tree.root)
    except ArtefactRefused as error:
        draft = _failure_draft(error, XSD, schema.title, layer=Layer.XSD, lang=target.lang)
        return LayerResult(run(verdict=RunVerdict.ENGINE_ERROR), [draft])
    drafts = [_schema_draft(target, failure) for failure in failures]
    if more:
        note = Note("XSD-MORE", Severity.INFORMATION, Layer.XSD, XSD, words={"count": str(more)})
        drafts.append(worded(note, lang=target.lang))
    verdict = RunVerdict.INVALID if failures else RunVerdict.VALID
    elapsed = (time.perf_counter() - started) * 1000
    return LayerResult(
        run(verdict=verdict, elapsed_ms=elapsed), drafts, {Severity.FATAL: more} if more else {}
    )


def _schema_draft(target: Target, failure: SchemaFailure) -> Draft:
    value = value_at(failure.place) if failure.place else None
    words = {
        "name": failure.name,
        "expected": failure.expected,
        "value": value or "",
        "detail": failure.detail,
    }
    code = f"{failure.rule}.expected" if failure.expected else failure.rule
    text = require(code, lang=target.lang, **words)
    finding = Finding(
        rule=failure.rule,
        severity=Severity.FATAL,
        layer=Layer.XSD,
        ruleset=XSD,
        message=text.message,
        hint=text.hint,
        value=value,
        words=words,
    )
    return _placed(target, finding, failure.place)


def _placed(target: Target, finding: Finding, place: Place | None) -> Draft:
    """Say what a place means in business terms, where it has one."""
    if place is None:
        return Draft(finding)
    location = target.tree.short_path(place)
    terms = finding.terms or terms_of(location)
    group = group_of(location, rule=finding.rule, terms=terms)
    return Draft(replace(finding, location=location, terms=terms, group=group), place)


def check_rules(target: Target, chosen: Chosen) -> LayerResult:
    """Apply a rule set to a document."""
    started = time.perf_counter()
    ruleset, lang = chosen.ruleset, target.lang
    try:
        source = target.artefacts.choose(ruleset)
        report = engine.shared().run(
            _key(source),
            partial(_stylesheet, source, target.artefacts),
            document=target.loaded(),
        )
        result = svrl.read(report, overrides=dict(chosen.severity))
    except (ArtefactRefused, EngineFailed) as error:
        cause = cause_of(str(error), target.tree.root) if isinstance(error, EngineFailed) else None
        draft = _failure_draft(error, ruleset.id, ruleset.title, lang=lang)
        if cause is not None:
            draft = _caused(target, draft.finding, cause)
        return LayerResult(_rules_run(target, chosen, RunVerdict.ENGINE_ERROR), [draft])
    drafts = [_rule_draft(target, assertion, ruleset, source) for assertion in result.assertions]
    drafts += [
        _note(ruleset, "RULES-REPEATED", lang=lang, value=str(count), rule=rule, count=str(count))
        for rule, count in result.withheld.items()
    ]
    omitted = tuple(
        item.rules for item in source.not_checked if _applies(item.when)(target.tree.root)
    )
    if omitted:
        names = ", ".join(omitted)
        drafts.append(
            _note(
                ruleset,
                "RULES-NOT-CHECKED",
                lang=lang,
                value=names,
                title=ruleset.title,
                rules=names,
            )
        )
    fatal = any(severity is Severity.FATAL for _, severity in result.fired)
    run = _rules_run(target, chosen, RunVerdict.INVALID if fatal else RunVerdict.VALID)
    elapsed = (time.perf_counter() - started) * 1000
    return LayerResult(
        replace(run, not_checked=omitted, elapsed_ms=elapsed), drafts, _withheld(result)
    )


def not_run(target: Target, chosen: Chosen) -> RulesetRun:
    """Report a rule set that was left out: an earlier layer failed, or it is not at hand."""
    return _rules_run(target, chosen, RunVerdict.NOT_RUN)


def _rules_run(target: Target, chosen: Chosen, verdict: RunVerdict) -> RulesetRun:
    ruleset = chosen.ruleset
    try:
        source = target.artefacts.choose(ruleset)
    except ArtefactRefused:
        source = ruleset.sources[0]
    return RulesetRun(
        id=ruleset.id,
        source=source.label,
        authority=source.authority,
        engine=engine.ENGINE,
        verdict=verdict,
        title=ruleset.title,
        publisher=ruleset.publisher,
        version=ruleset.version,
        valid_from=ruleset.valid_from,
        valid_until=ruleset.valid_until,
        sha256=source.sha256,
        decides=chosen.decides,
        newer=chosen.newer,
        proven_equal=source.proven_equal or None,
    )


def _rule_draft(
    target: Target, assertion: svrl.Assertion, ruleset: Ruleset, source: Source
) -> Draft:
    place = target.tree.resolve(assertion.location)
    value = _judged(place, assertion) if place else None
    words = {"value": value or ""}
    text, sentence = _worded(assertion, ruleset, source, words, lang=target.lang)
    finding = Finding(
        rule=assertion.rule,
        severity=assertion.severity,
        layer=Layer.RULES,
        ruleset=ruleset.id,
        location=assertion.location or None,
        terms=svrl.terms_in(f"{assertion.text} {text.message}"),
        value=value,
        message=text.message,
        hint=text.hint,
        official=sentence,
        words=words,
    )
    return _placed(target, finding, place)


def _judged(place: Place, assertion: svrl.Assertion) -> str | None:
    """Give the value a rule is about: that of the element it names, or of an attribute there."""
    attribute = facts.attribute_of(assertion.rule, assertion.text)
    if attribute is not None and place.attribute is None:
        found = value_at(replace(place, attribute=attribute))
        if found is not None:
            return found
    return value_at(place)


def _worded(
    assertion: svrl.Assertion,
    ruleset: Ruleset,
    source: Source,
    words: Mapping[str, str],
    *,
    lang: str,
) -> tuple[Wording, str | None]:
    """Choose the rule set's own text in this language, else ours, else the one it reported.

    With it goes the publisher's own sentence, where the artefact is a publisher's: marked as the
    official one where it is known to be.
    """
    authored = source.authority is Authority.REIMPLEMENTATION
    sentence = None if authored else assertion.text or None
    own = rules.messages(ruleset.id).get(assertion.rule, {}).get(lang)
    if own is not None:
        return Wording(own["message"], own.get("hint")), sentence
    ours = wording(assertion.rule, lang=lang, family=ruleset.family, sentence=sentence, **words)
    if ours is not None:
        return ours, sentence
    if sentence is not None and source.authority is Authority.OFFICIAL:
        return official(sentence, lang=lang), sentence
    return Wording(assertion.text, None), sentence


def _withheld(result: svrl.SvrlResult) -> Counter[Severity]:
    shown = Counter(assertion.severity for assertion in result.assertions)
    total: Counter[Severity] = Counter()
    for (_, severity), count in result.fired.items():
        total[severity] += count
    return total - shown


@lru_cache(maxsize=128)
def _applies(condition: str) -> etree.XPath:
    return etree.XPath(f"boolean({condition})", namespaces=dict(PREFIXES))


def worded(note: Note, *, lang: str) -> Draft:
    """Word a note in a language."""
    text = require(note.code, lang=lang, **note.words)
    finding = Finding(
        rule=note.code,
        severity=note.severity,
        layer=note.layer,
        ruleset=note.ruleset,
        value=note.value,
        line=note.line,
        column=note.column,
        message=text.message,
        hint=text.hint,
        words=note.words,
    )
    return Draft(finding)


def _note(ruleset: Ruleset, code: str, *, lang: str, value: str, **words: str) -> Draft:
    note = Note(code, Severity.INFORMATION, Layer.RULES, ruleset.id, value, words=words)
    return worded(note, lang=lang)


def _caused(target: Target, finding: Finding, cause: Cause) -> Draft:
    """Say which value of the document stopped the rules, and where it stands."""
    words = {**finding.words, "cause": cause.kind, "values": cause.named}
    text = require(f"{finding.rule}.{cause.kind}", lang=target.lang, **words)
    found = replace(
        finding,
        message=text.message,
        hint=text.hint,
        value=", ".join(cause.values) or None,
        words=words,
    )
    return _placed(target, found, cause.place)


def _failure_draft(
    error: ArtefactRefused | EngineFailed,
    ruleset: str,
    title: str,
    *,
    lang: str,
    layer: Layer = Layer.RULES,
) -> Draft:
    words = {"title": title, "detail": str(error)}
    return worded(Note(error.code, Severity.FATAL, layer, ruleset, words=words), lang=lang)
