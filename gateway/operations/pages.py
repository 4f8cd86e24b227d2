"""The operator's pages: overview, queues, failures, alarms, and any message by its identifier."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.alarms import Severity
from gateway.core.app_keys import DATABASE
from gateway.core.clock import now
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Route, form_of, path_id, seen_other
from gateway.exchange.delivery_keys import DELIVERY_DESK
from gateway.operations import queries
from gateway.operations.api import start_of_day
from gateway.operations.keys import OPERATOR_DESK

__all__ = ["ROUTES"]

_READ: Final = "operations:read"
_WRITE: Final = "operations:write"
_MOST_RESENT: Final = 200
_LONGEST: Final = 200


async def show_overview(request: web.Request) -> web.Response:
    """What needs attention, and what the instance carries."""
    at = now()
    async with request.app[DATABASE].read() as session:
        context = {
            "alarms": await queries.alarms(session),
            "traffic": await queries.traffic(session, today=start_of_day(at), now=at),
            "peers": await queries.troubled_peers(session, since=at - queries.WEEK),
            "failed": sum(one.count for one in await queries.failure_groups(session, now=at)),
            "late": [one for one in await queries.queues(session) if _is_late(one)],
            "is_critical": Severity.CRITICAL,
        }
    return request.app[RENDER](request, "operations/overview.html", context)


def _is_late(queue: queries.Queue) -> bool:
    """Whether work waits longer than anybody has to wait for a turn."""
    return queue.paused_until is not None or queue.failures > 0


async def show_queues(request: web.Request) -> web.Response:
    """Every lane with work."""
    return await _queues(request, error=None)


async def _queues(request: web.Request, *, error: GatewayError | None) -> web.Response:
    async with request.app[DATABASE].read() as session:
        context = {
            "queues": await queries.queues(session),
            "dead": await queries.dead_jobs(session),
            "now": now(),
            "error": error,
        }
    response = request.app[RENDER](request, "operations/queues.html", context)
    if error is not None:
        response.set_status(error.kind.status)
    return response


async def act_on_queue(request: web.Request) -> web.Response:
    """Open a lane, hurry what waits in it, or try again what was given up."""
    form, desk, caller = await form_of(request), request.app[OPERATOR_DESK], principal(request)
    kind, lane, code = (_text(form, name) for name in ("kind", "lane", "code"))
    act = request.match_info["act"]
    try:
        if act == "resume":
            await desk.resume(caller, lane)
        elif act == "run":
            await desk.run_now(caller, kind=kind, lane=lane)
        else:
            await desk.revive(caller, kind=kind, code=code)
    except GatewayError as error:
        return await _queues(request, error=error)
    return seen_other("/operations/queues")


async def show_failures(request: web.Request) -> web.Response:
    """What was given up, by cause."""
    async with request.app[DATABASE].read() as session:
        groups = await queries.failure_groups(session, now=now())
    context = {
        "groups": groups,
        "resent": request.query.get("resent", ""),
        "left": request.query.get("left", "0"),
    }
    return request.app[RENDER](request, "operations/failures.html", context)


async def resend(request: web.Request) -> web.Response:
    """Send again what was given up for one cause."""
    form = await form_of(request)
    found = await request.app[DELIVERY_DESK].resend_many(
        principal(request), [_text(form, "code")], limit=_MOST_RESENT
    )
    return seen_other(f"/operations/failures?resent={len(found.documents)}&left={found.left}")


async def show_alarms(request: web.Request) -> web.Response:
    """Alarms that are open, or were cleared."""
    cleared = request.query.get("cleared") == "1"
    async with request.app[DATABASE].read() as session:
        rows = await queries.alarms(session, cleared=cleared, limit=100)
    context = {"alarms": rows, "cleared": cleared, "is_critical": Severity.CRITICAL}
    return request.app[RENDER](request, "operations/alarms.html", context)


async def acknowledge(request: web.Request) -> web.Response:
    """Note that somebody looks after an alarm."""
    await request.app[OPERATOR_DESK].acknowledge(principal(request), path_id(request, "alarm_id"))
    return seen_other("/operations/alarms")


async def show_messages(request: web.Request) -> web.Response:
    """The messages an identifier names."""
    wanted = request.query.get("id", "").strip()[:_LONGEST]
    async with request.app[DATABASE].read() as session:
        found = await queries.find_messages(session, wanted) if wanted else ()
    context = {"wanted": wanted, "found": found, "own_tenant": principal(request).tenant_id}
    return request.app[RENDER](request, "operations/messages.html", context)


def _text(form: Mapping[str, Any], name: str) -> str:
    value = form.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""


ROUTES: Final = (
    Route("GET", "/operations", show_overview, _READ, "Show how the instance does", Face.PAGE),
    Route("GET", "/operations/queues", show_queues, _READ, "Show queues", Face.PAGE),
    Route(
        "POST",
        "/operations/queues/{act:resume|run|revive}",
        act_on_queue,
        _WRITE,
        "Act on a queue",
        Face.PAGE,
    ),
    Route("GET", "/operations/failures", show_failures, _READ, "Show failures", Face.PAGE),
    Route("POST", "/operations/failures/resend", resend, _WRITE, "Send again", Face.PAGE),
    Route("GET", "/operations/alarms", show_alarms, _READ, "Show alarms", Face.PAGE),
    Route(
        "POST",
        "/operations/alarms/{alarm_id:[0-9a-f-]{36}}/acknowledge",
        acknowledge,
        _WRITE,
        "Acknowledge an alarm",
        Face.PAGE,
    ),
    Route("GET", "/operations/messages", show_messages, _READ, "Find messages", Face.PAGE),
)
