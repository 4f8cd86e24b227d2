"""Reminders over Peppol: from the seller to the buyer's inbox, judged, answered by MLS, shown."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from exchange_reminders import DEADLINE, ISSUED, remind, reminder_bytes, take_reminders

from gateway.as4.identifiers import PROCESS_REMINDER, REMINDER, DocumentTypeId, ParticipantId
from gateway.as4.sbdh import MlsType
from gateway.assembly.lookup import lookups_of
from gateway.core.jobs.tables import Job
from gateway.exchange.reminding import registered_for_reminders
from gateway.exchange.tables import Document, DocumentKind
from gateway.network.errors import LookupFailed
from gateway.network.participants import Offer
from ubl.reminder import REMINDER_CUSTOMIZATION
from ubl.response import MlsCode, MlsReason, read_mls

THIRD = "POP000303"


async def received(house):
    return await house.documents(Document.kind == DocumentKind.REMINDER, Document.direction == "in")


async def told(house):
    """What the house's last MLS says."""
    *_, mls = await house.documents(Document.kind == DocumentKind.MLS, Document.direction == "out")
    answer = await house.call("GET", f"/v1/documents/{mls.id}/content")
    return read_mls(answer.body)


@pytest.fixture
def arrives(forge):
    """A reminder of the seller at the buyer's access point."""

    async def arrive(pair, content, *, document_type=REMINDER, **how):
        buyer = pair.receiver
        await buyer.gateway.participants.publish(
            buyer.tenant_id, buyer.participant, document_type,
            [Offer(document_type, PROCESS_REMINDER)],
        )  # fmt: skip
        request = forge(
            content,
            **{
                "document_type": document_type,
                "process": PROCESS_REMINDER,
                "mls_type": MlsType.FAILURE_ONLY,
                **how,
            },
        )
        reply = await pair.receiver.post_as4(request.content_type, request.body)
        assert b"NonRepudiationInformation" in reply.body
        await pair.receiver.work()

    return arrive


async def reader(house):
    """Somebody of the house who reads French, signed in at the console."""
    cookies = await house.sign_in(locale="fr")

    async def page(path):
        answer = await house.session.get(f"{house.url}{path}", cookies=cookies)
        assert answer.status == 200, path
        return re.sub(r"\s+", " ", await answer.text())

    return page


async def test_a_reminder_travels_to_the_buyer_and_is_answered(pair):
    await take_reminders(pair.receiver)
    sent, invoice = await pair.delivered()
    own = await remind(pair, reminder_bytes(), related_id=sent.id)
    assert await pair.sender.kinds(own.id) == ["reminder.accepted"]
    await pair.settle()

    own = await pair.sender.document(own.id)
    assert (own.kind, own.transport, own.network) == ("reminder", "delivered", "accepted")
    assert (own.related_id, own.amount_minor, own.due_date) == (sent.id, 50000, DEADLINE)
    assert await pair.sender.kinds(own.id) == [
        "reminder.accepted",
        "receiver.found",
        "receipt.verified",
        "mls.received",
    ]
    (arrived,) = await received(pair.receiver)
    assert (arrived.number, arrived.issue_date, arrived.due_date) == ("R-2026-1", ISSUED, DEADLINE)
    assert (arrived.amount_minor, arrived.currency) == (50000, "EUR")
    assert (arrived.sender_name, arrived.receiver_name) == (own.sender_name, own.receiver_name)
    assert (arrived.transport, arrived.network) == ("received", "none")
    assert arrived.related_id == invoice.id
    *_, event = await pair.receiver.timeline(invoice.id)
    assert (event["group"], event["kind"]) == ("payment", "reminder.received")
    assert event["facts"] == {
        "document_id": str(arrived.id),
        "number": "R-2026-1",
        "level": "REM",
        "amount_minor": 50000,
        "currency": "EUR",
        "deadline": "2026-12-17",
    }
    evidence = await pair.sender.call("GET", f"/v1/documents/{own.id}/evidence")
    assert evidence.status == 200
    assert await pair.receiver.rows(Job, Job.state == "dead") == []


async def test_a_reminder_is_shown_to_the_buyer_in_his_language(lite):
    await take_reminders(lite.receiver)
    _, invoice = await lite.delivered()
    await remind(lite, reminder_bytes())
    await lite.settle()
    (arrived,) = await received(lite.receiver)
    page = await reader(lite.receiver)

    shown = await page(f"/documents/{arrived.id}")
    for text in (
        "Rappel de paiement R-2026-1",
        "Onze factuur staat nog open.",
        f'<a href="/documents/{invoice.id}">Facture VT-1</a>',
        "500,00 €",
        "BE68 5390 0754 7034",
        "+++010/8068/17183+++",
        "17 déc. 2026",
        'rel="noreferrer noopener" href="https://pay.vuurtoren.example/pay/7Hs2kQ9vXb4T"',
        "Payer en ligne",
        "Vers une facture concernée",
    ):
        assert text.replace("\xa0", " ") in shown.replace("\xa0", " ").replace("\u202f", " "), text
    report = await page(f"/documents/{arrived.id}?tab=report")
    assert "receivables-reminder-1.0" in report
    about = await page(f"/documents/{invoice.id}")
    assert "Le fournisseur a envoyé un rappel de paiement" in about
    assert f'<a href="/documents/{arrived.id}">R-2026-1</a>' in about
    assert arrived.number in await page("/inbox?kinds=reminders")
    assert arrived.number not in await page("/inbox?kinds=answers")
    assert invoice.number not in await page("/inbox?kinds=reminders")


async def test_the_sender_sees_his_reminder_without_a_button_to_pay_it(lite):
    await take_reminders(lite.receiver)
    await remind(lite, reminder_bytes())
    await lite.settle()
    (own,) = await lite.sender.documents(Document.kind == DocumentKind.REMINDER)
    page = await reader(lite.sender)
    shown = await page(f"/documents/{own.id}")
    assert "Rappel de paiement R-2026-1" in shown
    assert 'class="button" rel="noreferrer' not in shown
    assert "R-2026-1" in await page("/outbox?kinds=reminders")


async def test_reminders_are_listed_by_their_kind(lite):
    await take_reminders(lite.receiver)
    await lite.delivered()
    await remind(lite, reminder_bytes())
    await lite.settle()
    answer = await lite.receiver.call("GET", "/v1/documents?direction=in&kind=reminder")
    (item,) = answer.body["items"]
    assert item["total_due"] == {"amount": "500.00", "currency": "EUR"}
    assert item["due_date"] == "2026-12-17"


async def test_whether_a_receiver_takes_reminders_is_known_or_asked_again(lite):
    gateway = lite.sender.gateway
    lookup = lookups_of(gateway.platform, gateway.network).lookup
    at, buyer = datetime.now(UTC), lite.receiver.participant
    assert not await registered_for_reminders(lookup, buyer, at=at)
    stranger = ParticipantId.of("0208:0999999922")
    assert not await registered_for_reminders(lookup, stranger, at=at)
    lite.receiver.line.smp_status = 503
    later = at + timedelta(hours=1)
    with pytest.raises(LookupFailed) as caught:
        await registered_for_reminders(lookup, buyer, at=later)
    assert caught.value.code == "LOOKUP-SMP-UNAVAILABLE"
    lite.receiver.line.smp_status = None
    await take_reminders(lite.receiver)
    assert await registered_for_reminders(lookup, buyer, at=later)


async def test_a_reminder_nobody_takes_fails_and_says_why(lite):
    own = await remind(lite, reminder_bytes())
    await lite.settle()
    own = await lite.sender.document(own.id)
    assert (own.transport, own.failure_code) == ("failed", "LOOKUP-DOCUMENT-TYPE")
    assert await received(lite.receiver) == []


async def test_every_invoice_of_the_supplier_that_is_named_is_told(pair, arrives):
    invoices = [(await pair.delivered(number))[1] for number in ("VT-1", "VT-2", "VT-3")]
    await arrives(pair, reminder_bytes(invoices=("VT-3", "VT-1", "VT-unknown", "VT-3")))
    (arrived,) = await received(pair.receiver)
    assert arrived.related_id == invoices[2].id
    kinds = [await pair.receiver.kinds(one.id) for one in invoices]
    assert [one.count("reminder.received") for one in kinds] == [1, 0, 1]


async def test_of_two_invoices_with_a_number_the_newest_is_meant(lite, arrives, make_invoice):
    _, first = await lite.delivered()
    _, second = await lite.delivered()
    await arrives(lite, reminder_bytes())
    (arrived,) = await received(lite.receiver)
    assert arrived.related_id == second.id
    assert "reminder.received" not in await lite.receiver.kinds(first.id)


async def test_a_stranger_cannot_remind_of_another_suppliers_invoice(lite, arrives):
    _, invoice = await lite.delivered()
    await arrives(
        lite, reminder_bytes(), sender=ParticipantId.of("0208:0999999922"), from_seat=THIRD
    )
    (arrived,) = await received(lite.receiver)
    assert arrived.related_id is None
    assert "reminder.received" not in await lite.receiver.kinds(invoice.id)


async def test_a_reminder_of_unknown_invoices_is_kept(lite, arrives):
    await arrives(lite, reminder_bytes(invoices=("VT-unknown",)))
    (arrived,) = await received(lite.receiver)
    assert (arrived.related_id, arrived.network, arrived.amount_minor) == (None, "none", 50000)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"+++010/8068/17183+++", b"+++010/8068/17184+++", "R24"),
        (b">500.00</cbc:PayableAmount", b">600.00</cbc:PayableAmount", "R21"),
        (REMINDER_CUSTOMIZATION.encode(), b"urn:another:profile", "R01"),
    ],
)
async def test_a_reminder_that_breaks_the_profile_is_rejected_and_shown(
    lite, arrives, old, new, rule
):
    _, invoice = await lite.delivered()
    content = reminder_bytes()
    assert old in content
    await arrives(lite, content.replace(old, new))
    (arrived,) = await received(lite.receiver)
    assert (arrived.number, arrived.network, arrived.related_id) == ("R-2026-1", "rejected", None)
    assert await lite.receiver.kinds(arrived.id) == ["document.received", "document.rejected"]
    assert "reminder.received" not in await lite.receiver.kinds(invoice.id)
    answer = await told(lite.receiver)
    assert (answer.code, answer.reference) == (MlsCode.REJECTED, arrived.sbdh_id)
    assert any(f"[{rule}]" in one.text for one in answer.issues)
    assert {one.reason for one in answer.issues} == {MlsReason.RULE_VIOLATION}
    run = await lite.receiver.call("GET", f"/v1/validations/{arrived.validation_id}")
    assert (run.status, run.body["verdict"]) == (200, "invalid")
    assert rule in {one["rule"] for one in run.body["findings"]}
    page = await reader(lite.receiver)
    shown = await page(f"/documents/{arrived.id}")
    assert "R-2026-1" in shown
    assert 'class="button" rel="noreferrer' not in shown  # nobody is led to pay what was rejected
    assert rule in await page(f"/documents/{arrived.id}?tab=report")


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (b"2026-12-03<", b"soon<", "REMINDER-VALUE"),
        (b"<cbc:ID>R-2026-1</cbc:ID>", b"", "REMINDER-MISSING"),
    ],
)
async def test_a_malformed_reminder_is_kept_and_rejected(lite, arrives, old, new, finding):
    await arrives(lite, reminder_bytes().replace(old, new))
    (arrived,) = await received(lite.receiver)
    assert (arrived.network, arrived.number) == ("rejected", arrived.sbdh_id)
    answer = await told(lite.receiver)
    assert answer.code is MlsCode.REJECTED
    assert {one.reason for one in answer.issues} == {MlsReason.SYNTAX_VIOLATION}
    run = await lite.receiver.call("GET", f"/v1/validations/{arrived.validation_id}")
    assert run.body["verdict"] == "invalid"
    assert finding in {one["rule"] for one in run.body["findings"]}
    page = await reader(lite.receiver)
    assert f"/documents/{arrived.id}/blobs/" in await page(f"/documents/{arrived.id}")


async def test_a_reminder_of_a_foreign_profile_is_handed_over_unjudged(lite, arrives):
    foreign = DocumentTypeId.parse(str(REMINDER).replace(REMINDER_CUSTOMIZATION, "OIOUBL-2.02"))
    content = reminder_bytes().replace(REMINDER_CUSTOMIZATION.encode(), b"OIOUBL-2.1")
    _, invoice = await lite.delivered()
    await arrives(lite, content, document_type=foreign, mls_type=MlsType.ALWAYS_SEND)
    (arrived,) = await received(lite.receiver)
    assert (arrived.network, arrived.related_id) == ("none", invoice.id)
    assert (await told(lite.receiver)).code is MlsCode.DELIVERED


async def test_the_business_date_of_the_sender_is_the_senders(lite, arrives):
    """A reminder of a day that is still to come here is not rejected for it."""
    await arrives(lite, reminder_bytes(issued=date(2099, 1, 1)))
    (arrived,) = await received(lite.receiver)
    assert (arrived.network, arrived.issue_date) == ("none", date(2099, 1, 1))


async def test_the_same_reminder_twice_is_kept_once(pair, arrives):
    _, invoice = await pair.delivered()
    for _ in range(2):
        await arrives(pair, reminder_bytes(), sbdh_id="reminder-sbdh-1")
    (arrived,) = await received(pair.receiver)
    assert await pair.receiver.kinds(arrived.id) == ["document.received", "document.repeated"]
    assert (await pair.receiver.kinds(invoice.id)).count("reminder.received") == 1
