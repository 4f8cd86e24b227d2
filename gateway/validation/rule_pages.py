"""The page of rule sets: what judges documents here, from when; importing and withdrawing."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Final

from aiohttp import web
from aiohttp.web_request import FileField

from gateway.access.principal import principal
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Route, form_of, seen_other
from gateway.validation.rule_errors import IMPORT_REFUSED
from gateway.validation.rule_keys import RULES
from gateway.validation.rule_package import Description, from_bytes
from gateway.validation.rule_words import how_to_get
from schematron.texts.titles import title_in

__all__ = ["ROUTES"]


async def show_rules(request: web.Request) -> web.Response:
    """All rule sets, those in force first; the service provider may import."""
    return await _page(request, typed={}, fault=None)


async def _page(
    request: web.Request, *, typed: Mapping[str, str], fault: GatewayError | None
) -> web.Response:
    rules = request.app[RULES]
    found = await rules.rulesets()
    try:
        await rules.require_operator(principal(request))
        may_import = True
    except GatewayError:
        may_import = False
    context = {
        "in_force": [item for item in found if item.in_force and not item.ruleset.awaits_import],
        "others": [item for item in found if not item.in_force or item.ruleset.awaits_import],
        "how_to_get": how_to_get,
        "title_in": title_in,
        "may_import": may_import,
        "syntaxes": sorted({syntax for item in found for syntax in item.ruleset.syntax}),
        "typed": typed,
        "fault": fault,
        "done": request.query.get("imported", ""),
        "withdrawn": request.query.get("withdrawn", ""),
    }
    response = request.app[RENDER](request, "validation/rules.html", context)
    if fault is not None:
        response.set_status(fault.kind.status)
    return response


async def import_rules(request: web.Request) -> web.Response:
    """Import an uploaded file and show the list; a refusal is shown beside what was typed."""
    rules = request.app[RULES]
    await rules.require_operator(principal(request))
    form = await form_of(request)
    typed = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    try:
        file = form.get("file")
        if not isinstance(file, FileField) or not file.filename:
            raise GatewayError(IMPORT_REFUSED, "Choose a file to import.")
        content = await asyncio.to_thread(file.file.read)
        package = await asyncio.to_thread(from_bytes, file.filename, content)
        ids = await rules.import_package(principal(request), package, _description(typed))
    except GatewayError as error:
        return await _page(request, typed=typed, fault=error)
    return seen_other(f"/reports/rules?imported={ids[-1]}")


async def withdraw_rules(request: web.Request) -> web.Response:
    """Withdraw an imported rule set and show the list; a refusal is shown above it."""
    ruleset_id = request.match_info["ruleset_id"]
    try:
        await request.app[RULES].withdraw(principal(request), ruleset_id)
    except GatewayError as error:
        return await _page(request, typed={}, fault=error)
    return seen_other(f"/reports/rules?withdrawn={ruleset_id}")


def _description(typed: Mapping[str, str]) -> Description | None:
    """What was typed about the file; None where it brings its own manifest."""
    if not typed.get("id"):
        return None
    return Description(
        id=typed["id"],
        title=typed.get("title", ""),
        publisher=typed.get("publisher", ""),
        version=typed.get("version", ""),
        syntax=(typed["syntax"],) if typed.get("syntax") else (),
        customizations=(typed["customization"],) if typed.get("customization") else (),
        valid_from=_day(typed.get("valid_from")),
        valid_until=_day(typed.get("valid_until")),
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise GatewayError(IMPORT_REFUSED, f"'{text}' is no date; write 2026-12-31.") from None


ROUTES: Final = (
    Route("GET", "/reports/rules", show_rules, "documents:read", "List rule sets", Face.PAGE),
    Route("POST", "/reports/rules", import_rules, "settings:write", "Import rules", Face.PAGE),
    Route(
        "POST",
        "/reports/rules/{ruleset_id:[a-z0-9][a-z0-9._-]*}/withdraw",
        withdraw_rules,
        "settings:write",
        "Withdraw rules",
        Face.PAGE,
    ),
)
