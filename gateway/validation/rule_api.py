"""The API of rule sets: which there are, from when, and whether their files are at hand."""

from datetime import date, datetime
from typing import Final

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.core.http import Route, json_answer
from gateway.validation.rule_keys import RULES
from gateway.validation.rule_words import ruleset_json

__all__ = ["ROUTES"]


class SourceOut(BaseModel):
    """Where a rule set's file comes from; ``authority`` is official or re-implementation.

    ``proven_equal`` names the official release a re-implementation was last proven equal to.
    """

    kind: str
    label: str
    authority: str
    sha256: str | None
    proven_equal: str | None


class RulesetOut(BaseModel):
    """One version of a set of rules; its first and last day are business dates.

    ``in_force`` is for today. ``get`` is the command that brings its files where they are not at
    hand; ``newer`` the id of the latest release known; ``severity`` the weights that replace
    those of the artefact, by rule.
    """

    id: str
    title: str
    publisher: str
    version: str
    family: str
    syntax: list[str]
    valid_from: date | None
    valid_until: date | None
    in_force: bool
    at_hand: bool
    source: SourceOut | None
    sources: list[SourceOut]
    get: str | None
    newer: str | None
    severity: dict[str, str] = Field(default_factory=dict)
    imported_by: str | None
    imported_at: datetime | None


class RulesetsOut(BaseModel):
    """All rule sets, in the order of the manifests."""

    items: list[RulesetOut]


async def list_rulesets(request: web.Request) -> web.Response:
    """All rule sets known here."""
    found = await request.app[RULES].rulesets()
    items = [RulesetOut.model_validate(ruleset_json(item)) for item in found]
    return json_answer(RulesetsOut(items=items))


async def get_ruleset(request: web.Request) -> web.Response:
    """One rule set."""
    found = await request.app[RULES].find(request.match_info["ruleset_id"])
    return json_answer(RulesetOut.model_validate(ruleset_json(found)))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/rulesets",
        list_rulesets,
        "validations:run",
        "List the rule sets documents are checked by",
        answer=RulesetsOut,
    ),
    Route(
        "GET",
        "/v1/rulesets/{ruleset_id:[a-z0-9][a-z0-9._-]*}",
        get_ruleset,
        "validations:run",
        "Read one rule set",
        answer=RulesetOut,
    ),
)
