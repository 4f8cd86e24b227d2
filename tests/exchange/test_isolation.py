"""One account never sees or changes what is another's: every API route is walked."""

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from gateway.access.roles import OPERATOR_SCOPES
from gateway.access.tables import ApiKey
from gateway.app import all_routes
from gateway.as4.identifiers import BILLING_INVOICE
from gateway.authoring.tables import Draft
from gateway.core.http import Face
from gateway.core.ids import new_id
from gateway.dispatch.states import DispatchState, Reason
from gateway.dispatch.tables import Dispatch
from gateway.dunning.states import MailPurpose, MailState, ReminderState
from gateway.dunning.tables import OutgoingMail, Reminder
from gateway.exchange.channels import Channel, DispatchFormat
from gateway.network.registration_states import MoveState
from gateway.network.tables import ParticipantMove, PublicationChange
from gateway.receivables.tables import (
    BankMessage,
    BankMessageState,
    BankOrigin,
    BankPayment,
    BankPaymentState,
    EntryRow,
    HoldRow,
    ItemRow,
)
from reminders.bank import Direction as MoneyDirection
from reminders.policy import LevelKind

SHARED = ("/v1/seats", "/v1/lookups", "/v1/rulesets", "/v1/webhook-event-types")
"""What belongs to the instance or the network and to no account."""
IDENTIFIED = [
    route
    for route in all_routes()
    if "{" in route.path
    and route.path.startswith("/v1/")
    and route.scope
    and route.scope not in OPERATOR_SCOPES
    and not route.path.startswith(SHARED)
]
LISTS = [
    route
    for route in all_routes()
    if route.method == "GET"
    and route.face is Face.API
    and "{" not in route.path
    and route.scope
    and route.scope not in OPERATOR_SCOPES
]


async def everything(house, document):
    """An id of each kind that belongs to the house's account; ``document`` is one it sent."""
    (key, *_) = await house.rows(ApiKey, ApiKey.tenant_id == house.tenant_id)
    (item,) = await house.rows(ItemRow, ItemRow.document_id == document.id)
    paused = await house.call("POST", f"/v1/customers/{item.customer_id}/holds", json={})
    assert paused.status == 201, paused.body
    at = datetime.now(UTC)
    message = BankMessage(
        tenant_id=house.tenant_id,
        content_id=document.content_id,
        sha256="ab" * 32,
        origin=BankOrigin.API,
        state=BankMessageState.BOOKED,
        received_at=at,
    )
    payment = BankPayment(
        tenant_id=house.tenant_id,
        bank_message_id=message.id,
        name="statement-1/1",
        account="BE68539007547034",
        minor=100,
        currency="EUR",
        direction=MoneyDirection.CREDIT,
        payment={"references": [], "documents": [], "lines": ["thank you"]},
        content="cd" * 32,
        state=BankPaymentState.UNALLOCATED,
        reason="unknown",
        result={},
        created_at=at,
    )
    reminder = Reminder(
        tenant_id=house.tenant_id,
        customer_id=item.customer_id,
        step_key="step",
        policy="default",
        version=1,
        level="first-reminder",
        kind=LevelKind.REMINDER,
        period=at.date(),
        currency="EUR",
        business_date=at.date(),
        total_minor=100,
        state=ReminderState.AWAITING_APPROVAL,
        ubl_id=document.content_id,
        letter_id=document.content_id,
        created_at=at,
    )
    mail = OutgoingMail(
        tenant_id=house.tenant_id,
        customer_id=item.customer_id,
        reminder_id=reminder.id,
        purpose=MailPurpose.REMINDER,
        source="reminder",
        recipient="luc@deuxrives.example",
        subject="Rappel",
        message_id="<1@vuurtoren.example>",
        content_id=document.content_id,
        state=MailState.UNKNOWN,
        created_at=at,
    )
    # An SML would have to be there for a move; that there is one is enough.
    move = ParticipantMove(
        tenant_id=house.tenant_id,
        scheme=house.participant.scheme,
        value=house.participant.value,
        state=MoveState.PREPARED,
        key_sha256="ef" * 32,
        started_by="test",
        started_at=at,
        updated_at=at,
    )
    dispatch = Dispatch(
        tenant_id=house.tenant_id,
        document_id=document.id,
        customer_id=item.customer_id,
        number=1,
        channel=Channel.LINK,
        reason=Reason.CHOSEN,
        locale="en",
        format=DispatchFormat.PDF,
        state=DispatchState.OFFERED,
        token="once",
        link_id=new_id(),
        link_expires_at=at + timedelta(days=1),
        created_at=at,
    )
    async with house.gateway.platform.database.write() as session:
        for row in (message, payment, reminder, mail, move, dispatch):
            session.add(row)
            await session.flush()
    changed = await house.call(
        "POST",
        "/v1/smp/endpoint-changes",
        json={
            "old": "https://old.vuurtoren.example/as4",
            "new": "https://new.vuurtoren.example/as4",
            "effective_at": (at + timedelta(days=1)).isoformat(),
        },
    )
    assert changed.status == 202, changed.body
    checked = await house.call(
        "POST",
        "/v1/validations",
        data=b"<Invoice/>",
        headers={"Content-Type": "application/xml", "Prefer": "respond-async"},
    )
    assert checked.status == 202, checked.body
    hook = await house.call(
        "POST", "/v1/webhook-endpoints", json={"url": "https://erp.vuurtoren.example/hook"}
    )
    assert hook.status == 201, hook.body
    endpoint = f"/v1/webhook-endpoints/{hook.body['endpoint']['id']}"
    tried = await house.call("POST", f"{endpoint}/test")
    assert tried.status == 202, tried.body
    draft = await house.call("POST", f"/v1/documents/{document.id}/drafts", json={"make": "copy"})
    assert draft.status == 201, draft.body
    return {
        "draft_id": draft.body["id"],
        "order_id": checked.body["id"],
        "endpoint_id": hook.body["endpoint"]["id"],
        "delivery_id": tried.body["id"],
        "document_id": str(document.id),
        "validation_id": str(document.validation_id),
        "blob_id": str(document.content_id),
        "id": key.id,
        "participant": quote(str(house.participant), safe=""),
        "document_type": quote(str(BILLING_INVOICE), safe=""),
        "item_id": str(item.id),
        "customer_id": str(item.customer_id),
        "hold_id": paused.body["id"],
        "message_id": str(message.id),
        "payment_id": str(payment.id),
        "reminder_id": str(reminder.id),
        "mail_id": str(mail.id),
        "move_id": str(move.id),
        "change_id": changed.body["id"],
        "dispatch_id": str(dispatch.id),
    }


WORDS = {"index": "0", "kind": "invoice", "language": "fr"}
"""What stands in addresses and is nobody's."""


def address(route, ids):
    def value(match):
        name = match[1].partition(":")[0]
        return WORDS[name] if name in WORDS else ids[name]

    return re.sub(r"\{((?:[^{}]|\{[^{}]*\})+)\}", value, route.path)


async def stranger(house, open_account):
    tenant = await house.gateway.access.create_tenant(slug="stranger", name="Stranger")
    _, key = await open_account(house.gateway, tenant.id)
    return key


async def state(house, document):
    """What the routes could change."""
    keys = await house.rows(ApiKey, ApiKey.tenant_id == house.tenant_id)
    published = await house.gateway.participants.published(
        house.tenant_id, house.participant, BILLING_INVOICE
    )
    (item,) = await house.rows(ItemRow, ItemRow.document_id == document.id)
    (hold,) = await house.rows(HoldRow)
    entries = await house.rows(EntryRow)
    customer = (await house.call("GET", f"/v1/customers/{item.customer_id}")).body
    business = (await house.document(document.id)).business
    drafts = [one.model_dump() for one in await house.rows(Draft)]
    waiting = [
        one.state
        for table in (BankPayment, Reminder, OutgoingMail, ParticipantMove, PublicationChange)
        for one in await house.rows(table)
    ]
    states = ([one.state for one in keys], waiting, business)
    return states, len(published), len(entries), hold, customer, drafts


async def test_another_accounts_ids_lead_nowhere(pair, open_account):
    sent, _ = await pair.delivered()
    house = pair.sender
    ids, key = await everything(house, sent), await stranger(house, open_account)
    before = await state(house, sent)
    assert len(IDENTIFIED) >= 9
    answered = {}
    for route in IDENTIFIED:
        how = {"json": body_of(route)} if route.method in ("POST", "PUT", "PATCH") else {}
        how |= {"headers": {"If-Match": '"1"'}}
        got = await house.call(route.method, address(route, ids), key=key, **how)
        answered[f"{route.method} {route.path}"] = got.status
    assert {name: status for name, status in answered.items() if status != 404} == ELSEWISE
    assert await state(house, sent) == before


ELSEWISE = {
    # What the stranger itself recorded about the end user, before it may register it: nothing.
    "GET /v1/participants/{participant}/identification": 200,
    # Everybody has texts of e-mails of their own, under names that are the same everywhere.
    "GET /v1/mail-texts/{kind}/{language}": 200,
    "PUT /v1/mail-texts/{kind}/{language}": 200,
    "DELETE /v1/mail-texts/{kind}/{language}": 200,
    "POST /v1/mail-texts/{kind}/{language}/preview": 200,
    # No SML is configured here, whosever participant it is.
    "POST /v1/participants/{participant}/registration": 409,
}
"""What is answered otherwise, and tells and changes nothing."""

BODIES = {
    "participants": {"name": "Vuurtoren", "country": "BE"},
    "suspension": {"because": "unpaid"},
    "arrival": {"migration_key": "no key at all"},
    "responses": {"status": "AP"},
    "dispatches": {"channel": "link"},
    "drafts": {"make": "copy"},
    "peppol": {"accept": True},
    "decision": {"set_aside": "no customer's"},
    "disputes": {"reason": "goods missing"},
    "outcome": {"outcome": "delivered"},
    "mlr": {"code": "AP"},
    "business-card": {"entities": [{"names": [{"name": "Vuurtoren"}], "country": "BE"}]},
    "redirects": {"href": "https://smp.example", "certificate_uid": "CN=PSM000009"},
    "identification": {"identified_on": "2026-11-01", "identified_by": "Anna Peeters"},
    "schedule": {"signs_from": "2026-11-01T00:00:00Z"},
    "replay": {"since": "2026-11-01T00:00:00Z"},
    "mail-texts": {"subject": "{{ number }}", "body": "{{ number }}"},
    "preview": {"subject": "{{ number }}", "body": "{{ number }}"},
    "services": {
        "processes": [{"process": "cenbii-procid-ubl::urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"}]
    },
}
"""What routes take, by the last word of their path; the others take an empty object."""


def body_of(route):
    words = [one for one in route.path.split("/") if one and "{" not in one]
    return BODIES.get(words[-1], {})


async def test_lists_show_the_own_account_only(pair, open_account):
    sent, _ = await pair.delivered()
    house = pair.sender
    key = await stranger(house, open_account)
    ids = await everything(house, sent)
    for route in LISTS:
        if route.path in SHARED:
            continue
        own = await house.call("GET", route.path)
        got = await house.call("GET", route.path, key=key)
        assert (own.status, got.status) == (200, 200), route.path
        text = str(got.body)
        assert not [one for one in ids.values() if one in text], route.path
        assert house.participant.value not in text, route.path


async def test_without_a_key_nothing_is_told(lite):
    for route in (*IDENTIFIED, *LISTS):
        path = address(route, defaultdict(lambda: "0" * 36))
        async with lite.receiver.session.request(
            route.method, f"{lite.receiver.url}{path}"
        ) as answer:
            assert answer.status == 401, route.path


NAMED = [
    route
    for route in all_routes()
    if "{" in route.path
    and route.path.startswith("/v1/")
    and route.scope
    and not route.path.startswith("/v1/mail-texts/")  # names that are the same everywhere
]
NO_NAMES = ("nonsense", "-" * 36, "f" * 35 + "-", "%F0%9F%92%A9", "0" * 300, "..%2F..")


async def test_what_names_nothing_is_not_found_wherever_it_stands(lite, open_account):
    house, access = lite.receiver, lite.receiver.gateway.access
    operator = await access.find_tenant("operator")
    _, key = await open_account(house.gateway, operator.id)
    answered = {}
    for route in NAMED:
        how = {"json": body_of(route)} if route.method in ("POST", "PUT", "PATCH") else {}
        how |= {"headers": {"If-Match": '"1"'}}
        for text in NO_NAMES:
            path = address(route, defaultdict(lambda text=text: text))
            got = await house.call(route.method, path, key=key, **how)
            if got.status != 404 or "urn:peppol-gateway:error:" not in str(got.body):
                answered[f"{route.method} {path}"] = got.status
    assert answered == {}
