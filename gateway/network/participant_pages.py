"""The pages of participants: the list, and one with everything that can be done to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from gateway.access.principal import Principal, principal
from gateway.as4.identifiers import DocumentTypeId, IdentifierInvalid, ParticipantId
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import (
    BAD_REQUEST,
    NOT_FOUND,
    RENDER,
    Face,
    Route,
    form_of,
    path_id,
    query_id,
    seen_other,
)
from gateway.core.paging import Cut
from gateway.network import queries
from gateway.network.api import PARTICIPANTS
from gateway.network.api_models import read_participant
from gateway.network.business_card import BusinessEntity
from gateway.network.identification_api import account_of
from gateway.network.lookup_matching import document_title
from gateway.network.participant_api import named_participant
from gateway.network.participant_changes import Published
from gateway.network.participant_forms import (
    FORM_INVALID,
    read_amendment,
    read_entity,
    read_identification,
    simple_card,
)
from gateway.network.participant_keys import CHANGES, IDENTIFICATIONS, MOVES, REGISTRAR
from gateway.network.participants import BILLING_OFFERS
from gateway.network.pki import Purpose
from gateway.network.service import NETWORK
from gateway.network.tables import Capability, Participant, ParticipantMove, SmlRegistration

__all__ = ["ROUTES"]

_PAGE: Final = 50
_STATES: Final = {
    "served": ("green", "check"),
    "only-sends": ("blue", "outbox"),
    "suspended": ("amber", "pause"),
    "not-now": ("grey", "clock"),
}
_ENTRIES: Final = {
    "pending": ("blue", "clock"),
    "registered": ("green", "check"),
    "failed": ("red", "cross"),
    "removing": ("blue", "clock"),
    "removed": ("grey", "pause"),
    "removal-failed": ("red", "cross"),
    "moved": ("grey", "arrow"),
}
_STANDINGS: Final = {
    "valid": ("green", "check"),
    "due": ("amber", "clock"),
    "expired": ("red", "cross"),
    "withdrawn": ("red", "cross"),
    "missing": ("grey", "question"),
}


@dataclass(frozen=True, slots=True)
class _Line:
    """A participant in the list, with its state and what it accepts."""

    row: Participant
    state: str
    accepted: Sequence[Capability]
    entry: SmlRegistration | None


async def show_participants(request: web.Request) -> web.Response:
    """The account's participants."""
    return await _list(request, typed={}, fault=None)


async def register(request: web.Request) -> web.Response:
    """Register a participant and show it."""
    typed = await _typed(request)
    offers = () if typed.get("accepts") == "nothing" else BILLING_OFFERS
    try:
        wanted = read_amendment(typed)
        participant = _identifier(typed.get("participant", ""))
        caller = principal(request)
        await request.app[PARTICIPANTS].register(
            caller.tenant_id,
            participant,
            name=wanted.name,
            country=wanted.country,
            seat_id=typed.get("seat") or None,
            offers=offers,
            announce=typed.get("arrives") != "on",
            caller=caller,
        )
    except GatewayError as error:
        return await _list(request, typed=typed, fault=error)
    return _to(participant)


async def _list(
    request: web.Request, *, typed: Mapping[str, str], fault: GatewayError | None
) -> web.Response:
    after = query_id(request, "after")
    participants = request.app[PARTICIPANTS]
    rows = await participants.page(principal(request).tenant_id, after=after, limit=_PAGE + 1)
    page = Cut.at(rows, _PAGE)
    at = request.app[NETWORK].now()
    async with request.app[DATABASE].read() as session:
        lines = []
        for row in page.shown:
            accepted = await queries.capabilities(session, row)
            entry = await queries.registration(session, ParticipantId(row.scheme, row.value))
            state = _state(row, served=row.is_served(at), accepts=bool(accepted))
            lines.append(_Line(row, state, accepted, entry))
    context = {
        "lines": lines,
        "next": page.cursor(lambda one: one.id),
        "seats": request.app[NETWORK].seat_ids(Purpose.AP),
        "sml_on": request.app[REGISTRAR].is_on,
        "states": _STATES,
        "entries": _ENTRIES,
        "title_of": _title_of,
        "typed": typed,
        "fault": fault,
    }
    return _rendered(request, "network/participants.html", context, fault)


async def show_participant(request: web.Request) -> web.Response:
    """One participant with everything published about it."""
    return await _one(request, fault=None)


async def act(request: web.Request) -> web.Response:
    """Do one thing to a participant, and show it again; a refusal is shown on the page."""
    action = _ACTIONS.get(request.match_info["action"])
    if action is None:
        raise GatewayError(NOT_FOUND, "There is nothing under this address; check it.")
    typed = await _typed(request)
    participant = named_participant(request)
    try:
        shown = await action(request, participant, typed)
    except GatewayError as error:
        return await _one(request, fault=error, typed=typed)
    if shown is not None:
        return await _one(request, fault=None, key=shown)
    return _to(participant)


async def remove(request: web.Request) -> web.Response:
    """Remove a participant and show the others."""
    typed = await _typed(request)
    participant = named_participant(request)
    try:
        if typed.get("confirm") != participant.value:
            raise GatewayError(
                FORM_INVALID, f"Type {participant.value} to confirm that it is to be removed."
            )
        await request.app[CHANGES].remove(principal(request), participant)
    except GatewayError as error:
        return await _one(request, fault=error, typed=typed)
    return seen_other("/network")


async def complete_move(request: web.Request) -> web.Response:
    """Note that another SMP has taken over."""
    return await _moved(request, request.app[MOVES].complete)


async def cancel_move(request: web.Request) -> web.Response:
    """Make a key void."""
    return await _moved(request, request.app[MOVES].cancel)


async def _moved(
    request: web.Request, step: Callable[[Principal, UUID], Awaitable[ParticipantMove]]
) -> web.Response:
    try:
        await step(principal(request), path_id(request, "move_id"))
    except GatewayError as error:
        return await _one(request, fault=error)
    return _to(named_participant(request))


async def _one(
    request: web.Request,
    *,
    fault: GatewayError | None,
    typed: Mapping[str, str] | None = None,
    key: str = "",
) -> web.Response:
    caller, participant = principal(request), named_participant(request)
    found = await request.app[CHANGES].show(caller, participant)
    identifications = request.app[IDENTIFICATIONS]
    async with request.app[DATABASE].read() as session:
        entry = await queries.registration(session, participant)
        standing = await identifications.standing(session, caller.tenant_id, participant)
    context = {
        "found": found,
        "row": found.participant,
        "state": _state(
            found.participant,
            served=found.participant.is_served(request.app[NETWORK].now()),
            accepts=bool(found.capabilities or found.redirects),
        ),
        "as4_url": request.app[NETWORK].as4_url,
        "states": _STATES,
        "entries": _ENTRIES,
        "standings": _STANDINGS,
        "title_of": _title_of,
        "encoded": participant.percent_encoded,
        "address_of": _address_of,
        "entry": entry,
        "sml_on": request.app[REGISTRAR].is_on,
        "smp_here": bool(request.app[NETWORK].seat_ids(Purpose.SMP)),
        "moves": await request.app[MOVES].history(caller.tenant_id, participant),
        "standing": standing,
        "required": identifications.required,
        "rules": identifications.rules,
        "history": await identifications.history(caller.tenant_id, participant),
        "today": identifications.today(),
        "recheck": identifications.proposed_recheck(),
        "card": _card(found),
        "typed": typed or {},
        "key": key,
        "fault": fault,
    }
    return _rendered(request, "network/participant.html", context, fault)


_Action = Callable[[web.Request, ParticipantId, Mapping[str, str]], Awaitable[str | None]]


async def _amend(
    request: web.Request, participant: ParticipantId, typed: Mapping[str, str]
) -> str | None:
    await request.app[CHANGES].amend(principal(request), participant, read_amendment(typed))
    return None


async def _suspend(
    request: web.Request, participant: ParticipantId, typed: Mapping[str, str]
) -> str | None:
    because = typed.get("because", "")
    if not because:
        raise GatewayError(FORM_INVALID, "Say why the participant is suspended.")
    await request.app[CHANGES].suspend(principal(request), participant, because=because)
    return None


async def _resume(
    request: web.Request, participant: ParticipantId, _typed: Mapping[str, str]
) -> str | None:
    await request.app[CHANGES].resume(principal(request), participant)
    return None


async def _set_card(
    request: web.Request, participant: ParticipantId, typed: Mapping[str, str]
) -> str | None:
    changes, caller = request.app[CHANGES], principal(request)
    if typed.get("withdraw"):
        await changes.withdraw_card(caller, participant)
    else:
        await changes.set_card(caller, participant, [read_entity(typed)])
    return None


async def _identify(
    request: web.Request, participant: ParticipantId, typed: Mapping[str, str]
) -> str | None:
    caller, service = principal(request), request.app[IDENTIFICATIONS]
    caller.require("operations:write")
    new = read_identification(typed, service.rules, withdraw=bool(typed.get("withdraw")))
    async with request.app[DATABASE].read() as session:
        tenant_id = await account_of(session, caller, participant, slug=None)
    await service.record(caller, tenant_id, participant, new)
    return None


async def _prepare(
    request: web.Request, participant: ParticipantId, _typed: Mapping[str, str]
) -> str | None:
    return (await request.app[MOVES].prepare(principal(request), participant)).key


async def _arrive(
    request: web.Request, participant: ParticipantId, typed: Mapping[str, str]
) -> str | None:
    await request.app[MOVES].arrive(principal(request), participant, typed.get("migration_key", ""))
    return None


async def _retry(
    request: web.Request, participant: ParticipantId, _typed: Mapping[str, str]
) -> str | None:
    await request.app[REGISTRAR].try_again(principal(request), participant)
    return None


_ACTIONS: Final[Mapping[str, _Action]] = {
    "amend": _amend,
    "suspend": _suspend,
    "resume": _resume,
    "card": _set_card,
    "identify": _identify,
    "leave": _prepare,
    "arrive": _arrive,
    "retry": _retry,
}


def _state(row: Participant, *, served: bool, accepts: bool) -> str:
    if row.suspended_at is not None:
        return "suspended"
    if not served:
        return "not-now"
    return "served" if accepts else "only-sends"


def _card(found: Published) -> dict[str, str] | None:
    entities = [] if found.card is None else found.card.entities
    return simple_card([BusinessEntity.model_validate(one) for one in entities])


def _title_of(document_type: str) -> str:
    return document_title(DocumentTypeId.parse(document_type))


def _address_of(document_type: str) -> str:
    """A document type as one segment of an SMP address."""
    return DocumentTypeId.parse(document_type).percent_encoded


def _identifier(text: str) -> ParticipantId:
    try:
        return read_participant(text)
    except IdentifierInvalid as error:
        raise GatewayError(BAD_REQUEST, error.message, reason=error.code) from error


async def _typed(request: web.Request) -> dict[str, str]:
    form = await form_of(request)
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


def _rendered(
    request: web.Request, template: str, context: Mapping[str, Any], fault: GatewayError | None
) -> web.Response:
    response = request.app[RENDER](request, template, context)
    if fault is not None:
        response.set_status(fault.kind.status)
    return response


def _to(participant: ParticipantId) -> web.Response:
    place = f"/network/participants/{participant.percent_encoded}"
    return seen_other(place)


_ONE: Final = "/network/participants/{participant}"

ROUTES: Final = (
    Route("GET", "/network", show_participants, "network:read", "List participants", Face.PAGE),
    Route("POST", "/network", register, "participants:write", "Register a participant", Face.PAGE),
    Route("GET", _ONE, show_participant, "participants:read", "Show a participant", Face.PAGE),
    Route("POST", f"{_ONE}/removal", remove, "participants:write", "Remove one", Face.PAGE),
    Route(
        "POST",
        f"{_ONE}/moves/{{move_id}}/completion",
        complete_move,
        "participants:write",
        "Note that a participant has left",
        Face.PAGE,
    ),
    Route(
        "POST",
        f"{_ONE}/moves/{{move_id}}/cancellation",
        cancel_move,
        "participants:write",
        "Make a migration key void",
        Face.PAGE,
    ),
    Route("POST", _ONE + "/{action}", act, "participants:write", "Change one", Face.PAGE),
)
