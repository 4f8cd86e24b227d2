"""The API of rule sets: which there are and from when; the service provider's may change them."""

import asyncio
from datetime import date, datetime
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.access.principal import principal
from gateway.core.http import Route, json_answer
from gateway.validation.rule_keys import RULES
from gateway.validation.rule_package import Description, from_bytes
from gateway.validation.rule_service import SCOPE
from gateway.validation.rule_words import ruleset_json

__all__ = ["ROUTES"]


class SourceOut(BaseModel):
    """Where a rule set's file comes from.

    ``authority`` is official (a publisher's file this release knows by its hash), operator (a file
    that was imported here) or re-implementation.
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


Line = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f]*$")]
Lines = Annotated[tuple[Line, ...], Field(max_length=20)]


class ImportQuery(BaseModel):
    """What a rule file is; nothing but ``file`` where a zip has a manifest of its own.

    ``file`` is its name with its ending (.sch, .xslt, .zip). ``syntax``, ``customization`` and
    ``beside`` may be repeated.
    """

    model_config = ConfigDict(extra="forbid")

    file: Annotated[Line, Field(min_length=1)]
    id: Line = ""
    title: Line = ""
    publisher: Line = ""
    version: Line = ""
    family: Line = ""
    syntax: Lines = ()
    customizations: Lines = Field((), alias="customization")
    beside: Lines = ()
    valid_from: date | None = None
    valid_until: date | None = None

    def description(self) -> Description | None:
        """The set as it is described; None without an id."""
        if not self.id:
            return None
        return Description(**self.model_dump(exclude={"file"}))


async def list_rulesets(request: web.Request) -> web.Response:
    """All rule sets known here."""
    found = await request.app[RULES].rulesets()
    items = [RulesetOut.model_validate(ruleset_json(item)) for item in found]
    return json_answer(RulesetsOut(items=items))


async def get_ruleset(request: web.Request) -> web.Response:
    """One rule set."""
    found = await request.app[RULES].find(request.match_info["ruleset_id"])
    return json_answer(RulesetOut.model_validate(ruleset_json(found)))


async def import_rulesets(request: web.Request) -> web.Response:
    """Try the rules in the body and keep them; every document is judged by them from then on."""
    rules, caller = request.app[RULES], principal(request)
    await rules.require_operator(caller)
    query = request.query
    asked = {name: query.getall(name) if name in _MANY else query[name] for name in query}
    wanted = ImportQuery.model_validate(asked)
    package = await asyncio.to_thread(from_bytes, wanted.file, await request.read())
    ids = await rules.import_package(caller, package, wanted.description())
    items = [RulesetOut.model_validate(ruleset_json(await rules.find(one))) for one in ids]
    return json_answer(RulesetsOut(items=items), status=201)


async def withdraw_ruleset(request: web.Request) -> web.Response:
    """Take an imported rule set out of use."""
    await request.app[RULES].withdraw(principal(request), request.match_info["ruleset_id"])
    return web.Response(status=204)


_MANY: Final = frozenset({"syntax", "customization", "beside"})
_RULESET: Final = "/v1/rulesets/{ruleset_id:[a-z0-9][a-z0-9._-]*}"

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
        _RULESET,
        get_ruleset,
        "validations:run",
        "Read one rule set",
        answer=RulesetOut,
    ),
    Route(
        "POST",
        "/v1/rulesets",
        import_rulesets,
        SCOPE,
        "Import a rule set; the service provider's account only",
        body="application/octet-stream",
        query=ImportQuery,
        answer=RulesetsOut,
        status=201,
        statuses={
            403: "Only the service provider's account imports",
            409: "The id belongs to a rule set of this release",
            422: "The rules do not compile, do not run, or are not described",
        },
    ),
    Route(
        "DELETE",
        _RULESET,
        withdraw_ruleset,
        SCOPE,
        "Withdraw an imported rule set; the service provider's account only",
        status=204,
        statuses={
            403: "Only the service provider's account withdraws",
            404: "There is no such rule set",
            409: "It was not imported, or other rule sets build on it",
        },
    ),
)
