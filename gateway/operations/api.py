"""The operator's API: how the instance does, and doing something about it."""

from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from gateway.access.audit import audit_head
from gateway.access.principal import principal
from gateway.core.alarms import Severity
from gateway.core.app_keys import DATABASE
from gateway.core.clock import now
from gateway.core.http import Route, body_of, json_answer, path_id, query_of
from gateway.operations import queries
from gateway.operations.api_models import (
    AlarmOut,
    AlarmPage,
    AlarmQuery,
    AuditHeadOut,
    DeadJobsOut,
    Done,
    FailureOut,
    FailuresOut,
    LaneIn,
    MessageOut,
    MessageQuery,
    MessagesOut,
    OverviewOut,
    PeerOut,
    QueueOut,
    QueuesOut,
    ReviveIn,
    RunIn,
    TrafficOut,
)
from gateway.operations.keys import OPERATOR_DESK

__all__ = ["ROUTES", "start_of_day"]

_READ: Final = "operations:read"
_WRITE: Final = "operations:write"


def start_of_day(moment: datetime) -> datetime:
    """Midnight (UTC) before a moment."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def show_overview(request: web.Request) -> web.Response:
    """How the instance does."""
    at = now()
    async with request.app[DATABASE].read() as session:
        alarms = await queries.alarms(session)
        traffic = await queries.traffic(session, today=start_of_day(at), now=at)
        peers = await queries.troubled_peers(session, since=at - queries.WEEK)
    critical = sum(one.severity is Severity.CRITICAL for one in alarms)
    return json_answer(
        OverviewOut(
            critical=critical,
            warnings=len(alarms) - critical,
            traffic=[TrafficOut.model_validate(one) for one in traffic],
            peers=[PeerOut.model_validate(one) for one in peers],
        )
    )


async def show_queues(request: web.Request) -> web.Response:
    """What waits, and what was given up."""
    async with request.app[DATABASE].read() as session:
        waiting = await queries.queues(session)
        dead = await queries.dead_jobs(session)
    return json_answer(
        QueuesOut(
            queues=[QueueOut.model_validate(one) for one in waiting],
            dead=[DeadJobsOut.model_validate(one) for one in dead],
        )
    )


async def show_failures(request: web.Request) -> web.Response:
    """Documents that were given up, by cause."""
    async with request.app[DATABASE].read() as session:
        groups = await queries.failure_groups(session, now=now())
    return json_answer(FailuresOut(items=[FailureOut.of(one) for one in groups]))


async def list_alarms(request: web.Request) -> web.Response:
    """Alarms that are open, or that were cleared."""
    query = query_of(request, AlarmQuery)
    async with request.app[DATABASE].read() as session:
        return json_answer(AlarmPage.of(await queries.alarms(session, cleared=query.cleared)))


async def acknowledge_alarm(request: web.Request) -> web.Response:
    """Note that somebody looks after it."""
    alarm = await request.app[OPERATOR_DESK].acknowledge(
        principal(request), path_id(request, "alarm_id")
    )
    return json_answer(AlarmOut.model_validate(alarm))


async def resume_lane(request: web.Request) -> web.Response:
    """Open a lane."""
    body = await body_of(request, LaneIn)
    await request.app[OPERATOR_DESK].resume(principal(request), body.lane)
    return web.Response(status=204)


async def run_now(request: web.Request) -> web.Response:
    """Hurry waiting work."""
    body = await body_of(request, RunIn)
    jobs = await request.app[OPERATOR_DESK].run_now(
        principal(request), kind=body.kind, lane=body.lane
    )
    return json_answer(Done(jobs=jobs))


async def revive(request: web.Request) -> web.Response:
    """Try again what was given up."""
    body = await body_of(request, ReviveIn)
    jobs = await request.app[OPERATOR_DESK].revive(
        principal(request), kind=body.kind, code=body.code
    )
    return json_answer(Done(jobs=jobs))


async def find_messages(request: web.Request) -> web.Response:
    """The messages an identifier names."""
    query = query_of(request, MessageQuery)
    async with request.app[DATABASE].read() as session:
        found = await queries.find_messages(session, query.id)
    return json_answer(MessagesOut(items=[MessageOut.model_validate(one) for one in found]))


async def show_audit_head(request: web.Request) -> web.Response:
    """The end of the audit log's chain."""
    async with request.app[DATABASE].read() as session:
        return json_answer(AuditHeadOut.of(await audit_head(session)))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/operations",
        show_overview,
        _READ,
        "How the instance does: alarms, traffic, peers with failures",
        answer=OverviewOut,
    ),
    Route(
        "GET",
        "/v1/operations/queues",
        show_queues,
        _READ,
        "What waits in which lane, and what was given up",
        answer=QueuesOut,
    ),
    Route(
        "POST",
        "/v1/operations/queues/resume",
        resume_lane,
        _WRITE,
        "Open a lane that is shut after failures",
        body=LaneIn,
        status=204,
        statuses={404: "No such lane"},
    ),
    Route(
        "POST",
        "/v1/operations/queues/run",
        run_now,
        _WRITE,
        "Make waiting work of a lane due at once",
        body=RunIn,
        answer=Done,
        statuses={409: "Nothing waits there"},
    ),
    Route(
        "POST",
        "/v1/operations/queues/revive",
        revive,
        _WRITE,
        "Try again what was given up",
        body=ReviveIn,
        answer=Done,
        statuses={409: "Nothing of that kind was given up"},
    ),
    Route(
        "GET",
        "/v1/operations/failures",
        show_failures,
        _READ,
        "Documents that were given up, by cause, with what to do",
        answer=FailuresOut,
    ),
    Route(
        "GET",
        "/v1/operations/alarms",
        list_alarms,
        _READ,
        "List alarms",
        query=AlarmQuery,
        answer=AlarmPage,
    ),
    Route(
        "POST",
        "/v1/operations/alarms/{alarm_id:[0-9a-f-]{36}}/acknowledge",
        acknowledge_alarm,
        _WRITE,
        "Say that somebody looks after an alarm",
        answer=AlarmOut,
        statuses={404: "No such alarm"},
    ),
    Route(
        "GET",
        "/v1/operations/messages",
        find_messages,
        _READ,
        "Find AS4 messages of all accounts by MessageId or SBDH identifier",
        query=MessageQuery,
        answer=MessagesOut,
    ),
    Route(
        "GET",
        "/v1/operations/audit/head",
        show_audit_head,
        _READ,
        "The end of the audit log's chain of hashes, to be kept elsewhere",
        answer=AuditHeadOut,
    ),
)
