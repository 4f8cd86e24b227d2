"""Bank messages at the desk: matched and booked once, however they come, or refused."""

import asyncio
from datetime import date, datetime

import pytest
from sqlmodel import func, select

from gateway.core.blobs import LocalBlobStore
from gateway.core.errors import STORAGE_FULL, GatewayError
from gateway.exchange.archive import Archive
from gateway.exchange.tables import StoredBlob
from gateway.receivables import bank_messages
from gateway.receivables.tables import (
    BankMessage,
    BankMessageState,
    BankOrigin,
    BankPaymentState,
)
from reminders.entries import ItemKind
from reminders.references import make_ogm, make_rf, print_ogm

IBAN = "FR1420041010050500013M02606"
S = BankPaymentState


def outcome(rows):
    return [(row.state, row.reason) for row in rows]


async def test_money_is_matched_by_the_surest_evidence(bank_house, camt):
    house = bank_house
    martin = await house.customer(iban=IBAN)
    linked = await house.item(martin, "F-2026-001", 10_000)
    rf = await house.item(martin, "F-2026-002", 20_000, reference=make_rf("F2026002"))
    ogm = make_ogm("0000002604")
    belgian = await house.item(martin, "F-2026-003", 30_000, reference=print_ogm(ogm))
    named = await house.item(martin, "F-2026-004", 40_000)
    house.links.issued["LINK1"] = (linked.id,)
    taken = await house.take(
        camt.message(
            "054",
            "N1",
            [
                camt.entry(10_000, ref="1", e2e="LINK1"),
                camt.entry(20_000, ref="2", structured=make_rf("F2026002")),
                camt.entry(12_000, ref="3", lines=[f"acompte {print_ogm(ogm)}"]),
                camt.entry(
                    40_000, ref="4", lines=["ONZE BETALING FACTUUR F-2026-0", "04 MET DANK"]
                ),
                camt.entry(777, ref="5", name="Unknown", lines=["merci"]),
            ],
        )
    )
    assert taken.new
    message = taken.message
    assert (message.state, message.payments, message.repeated) == (
        BankMessageState.BOOKED,
        5,
        0,
    )
    assert (message.kind, message.message_id, message.account) == (
        "camt.054",
        "M-N1",
        "BE71096123456769",
    )
    rows = await house.rows()
    assert outcome(rows) == [
        (S.MATCHED, "end-to-end-id"),
        (S.MATCHED, "structured-reference"),
        (S.MATCHED, "structured-reference"),
        (S.MATCHED, "invoice-numbers"),
        (S.UNALLOCATED, "nothing-identifies-it"),
    ]
    assert rows[2].result == {"allocations": [{"item": str(belgian.id), "minor": 12_000}]}
    assert await house.open() == {
        "F-2026-001": 0,
        "F-2026-002": 0,
        "F-2026-003": 18_000,
        "F-2026-004": 0,
    }
    assert house.links.came == ["LINK1"]
    assert await house.entries(rf) == [("payment-allocated", 20_000, date(2026, 3, 2))]
    assert await house.entries(named) == [("payment-allocated", 40_000, date(2026, 3, 2))]
    await house.audit_books()


async def test_credit_notes_are_used_and_overpayments_kept(bank_house, camt):
    house = bank_house
    martin = await house.customer()
    first = await house.item(martin, "F-2026-001", 10_000)
    second = await house.item(martin, "F-2026-002", 5_000, due=date(2026, 4, 1))
    credit = await house.item(martin, "A-2026-017", 1_200, kind=ItemKind.CREDIT_NOTE)
    third = await house.item(martin, "F-2026-003", 4_000, reference=make_rf("F2026003"))
    text = "factures F-2026-001 et F-2026-002 moins avoir A-2026-017"
    await house.take(
        camt.message(
            "053",
            "S1",
            [
                camt.entry(13_800, ref="1", e2e="X1", lines=[text]),
                camt.entry(4_500, ref="2", e2e="X2", structured=make_rf("F2026003")),
            ],
        )
    )
    day = date(2026, 3, 2)
    assert await house.entries(first) == [
        ("credit-applied", 1_200, day),
        ("payment-allocated", 8_800, day),
    ]
    assert await house.entries(second) == [("payment-allocated", 5_000, day)]
    assert await house.entries(credit) == [("credit-used", 1_200, day)]
    assert await house.entries(third) == [("payment-allocated", 4_000, day)]
    assert (await house.open())["credit"] == -500
    # The bank takes back part of the first payment, all of the second, and a fee with it.
    await house.take(
        camt.message(
            "053",
            "S2",
            [
                camt.entry(
                    5_500, ref="1", sign="DBIT", e2e="X1", returned="AC04", day="2026-03-05"
                ),
                camt.entry(
                    4_750, ref="2", sign="DBIT", e2e="X2", returned="MD06", day="2026-03-05"
                ),
            ],
        )
    )
    rows = await house.rows()
    assert outcome(rows[2:]) == [(S.REOPENED, "original-end-to-end-id")] * 2
    assert rows[3].result["charges_minor"] == 250
    assert await house.open() == {
        "F-2026-001": 500,
        "F-2026-002": 5_000,
        "A-2026-017": 0,
        "F-2026-003": 4_000,
        "credit": 0,
    }
    # Each payment comes back at most once.
    again = camt.entry(4_500, ref="1", sign="DBIT", e2e="X2", returned="MD06", day="2026-03-06")
    await house.take(camt.message("053", "S3", [again]))
    assert outcome((await house.rows())[4:]) == [(S.UNALLOCATED, "return-of-unknown-payment")]
    await house.audit_books()


async def test_a_full_return_gives_credit_notes_free_again(bank_house, camt):
    house = bank_house
    martin = await house.customer()
    await house.item(martin, "F-2026-001", 10_000)
    await house.item(martin, "A-2026-017", 1_200, kind=ItemKind.CREDIT_NOTE)
    lines = ["facture F-2026-001 moins avoir A-2026-017"]
    await house.take(camt.message("053", "S1", [camt.entry(8_800, e2e="X1", lines=lines)]))
    assert await house.open() == {"F-2026-001": 0, "A-2026-017": 0}
    back = camt.entry(8_800, sign="DBIT", e2e="X1", returned="AC04", day="2026-03-04")
    await house.take(camt.message("053", "S2", [back]))
    assert await house.open() == {"F-2026-001": 10_000, "A-2026-017": -1_200}


async def test_money_returned_in_the_file_it_came_with(bank_house, camt):
    house = bank_house
    martin = await house.customer()
    await house.item(martin, "F-2026-001", 10_000)
    entries = [
        camt.entry(10_000, ref="1", sign="DBIT", e2e="X1", returned="AC04"),
        camt.entry(10_000, ref="2", e2e="X1", lines=["F-2026-001"]),
    ]
    await house.take(camt.message("053", "S1", entries))
    assert sorted(outcome(await house.rows())) == [
        (S.MATCHED, "invoice-numbers"),
        (S.REOPENED, "original-end-to-end-id"),
    ]
    assert await house.open() == {"F-2026-001": 10_000}


async def test_money_from_before_the_invoice_counts_from_its_opening(bank_house, camt):
    house = bank_house
    martin = await house.customer()
    item = await house.item(martin, "F-2026-001", 10_000, on=date(2026, 3, 20))
    await house.take(camt.message("053", "S1", [camt.entry(10_000, lines=["F-2026-001"])]))
    assert await house.entries(item) == [("payment-allocated", 10_000, date(2026, 3, 20))]


async def test_money_valued_in_the_future_counts_today(bank_house, camt):
    house = bank_house
    house.day.today = date(2026, 3, 1)
    martin = await house.customer()
    item = await house.item(martin, "F-2026-001", 10_000)
    await house.take(camt.message("053", "S1", [camt.entry(10_000, lines=["F-2026-001"])]))
    assert await house.entries(item) == [("payment-allocated", 10_000, date(2026, 3, 1))]


async def test_late_news_is_booked_where_it_adds_up(bank_house, camt):
    """Paid on the 2nd, returned on the 10th, paid again; the second payment is valued the 5th."""
    house = bank_house
    martin = await house.customer()
    item = await house.item(martin, "F-2026-001", 10_000)
    lines = ["F-2026-001"]
    back = camt.entry(10_000, sign="DBIT", e2e="X1", returned="AC04", day="2026-03-10")
    for number, one in enumerate(
        [
            camt.entry(10_000, e2e="X1", lines=lines),
            back,
            camt.entry(10_000, e2e="X2", lines=lines, day="2026-03-05"),
        ]
    ):
        await house.take(camt.message("053", f"S{number}", [one]))
    assert await house.entries(item) == [
        ("payment-allocated", 10_000, date(2026, 3, 2)),
        ("payment-returned", 10_000, date(2026, 3, 10)),
        ("payment-allocated", 10_000, date(2026, 3, 10)),
    ]
    assert await house.open() == {"F-2026-001": 0}


async def test_the_same_bytes_are_taken_once_per_account(bank_house, camt):
    house = bank_house
    martin = await house.customer()
    await house.item(martin, "F-2026-001", 10_000)
    content = camt.message("054", "N1", [camt.entry(10_000, lines=["F-2026-001"])])
    first = await house.take(content, file_name="day.xml", caller=house.caller)
    again = await house.take(content, origin=BankOrigin.FOLDER)
    assert (first.new, again.new) == (True, False)
    assert again.message.id == first.message.id
    assert again.message.file_name == "day.xml"
    assert len(await house.rows()) == 1
    async with house.database.read() as session:
        blobs = (await session.exec(select(func.count()).select_from(StoredBlob))).one()
        assert await house.archive.fetch(session, first.message.content_id) == content
    assert blobs == 1


@pytest.mark.parametrize("bank_ref", ["BR-1", ""], ids=["with-reference", "without-reference"])
async def test_a_notification_and_the_statement_of_the_day(bank_house, camt, bank_ref):
    house = bank_house
    martin = await house.customer()
    await house.item(martin, "F-2026-001", 10_000)
    entry = camt.entry(10_000, bank_ref=bank_ref, lines=["F-2026-001"])
    await house.take(camt.message("054", "N1", [entry]))
    statement = (await house.take(camt.message("053", "S1", [entry]))).message
    assert await house.open() == {"F-2026-001": 0}
    rows = await house.rows()
    if bank_ref:
        assert (statement.payments, statement.repeated, len(rows)) == (1, 1, 1)
    else:
        assert (statement.payments, statement.repeated) == (1, 0)
        assert outcome(rows[1:]) == [(S.DOUBTFUL, "possible-repetition")]
        # If it is no repetition, the item was paid twice: all of it is credit.
        assert rows[1].result["like"] == rows[0].name


@pytest.mark.parametrize("kinds", [["054"] * 8, ["054", "053"] * 4])
async def test_messages_that_come_at_once_are_booked_once(bank_house, camt, kinds):
    house = bank_house
    customers = [await house.customer(f"Customer {one}") for one in range(3)]
    for number, customer in enumerate(customers):
        await house.item(customer, f"F-2026-00{number}", 10_000)
    entries = [
        camt.entry(10_000, ref=str(number), bank_ref=f"BR-{number}", lines=[f"F-2026-00{number}"])
        for number in range(3)
    ]
    contents = [camt.message(kind, f"{kind}-1", entries) for kind in kinds]
    taken = await asyncio.gather(*(house.take(one) for one in contents))
    assert sum(one.new for one in taken) == len(set(kinds))
    assert all(one.message.state is BankMessageState.BOOKED for one in taken)
    assert len(await house.rows()) == 3
    assert set((await house.open()).values()) == {0}
    await house.audit_books()


async def test_a_long_statement_is_booked_in_batches_and_goes_on_where_it_stopped(
    bank_house, camt, monkeypatch, tmp_path
):
    house = bank_house
    monkeypatch.setattr(bank_messages, "BATCH", 4)
    martin = await house.customer()
    items = [await house.item(martin, f"F-2026-{one:03d}", 1_000 + one) for one in range(10)]
    entries = [camt.entry(1_000 + one, lines=[f"F-2026-{one:03d}"]) for one in range(10)]
    content = camt.message("053", "S1", entries)

    class Cut(Exception):
        pass

    class CuttingFaults:
        left = 3

        def reach(self, point):
            self.left -= 1
            if not self.left:
                raise Cut

    with pytest.raises(Cut):
        await house.take(content, desk=house.make_desk(faults=CuttingFaults()))
    assert len(await house.rows()) == 8
    async with house.database.read() as session:
        message = (await session.exec(select(BankMessage))).one()
    assert message.state is BankMessageState.BOOKING
    assert await house.desk.resume() == 0, "somebody may still be at it"
    async with house.database.write() as session:
        row = await session.get_one(BankMessage, message.id)
        row.received_at = row.received_at.replace(year=2025)
        session.add(row)
    lost = house.make_desk(archive=Archive(LocalBlobStore(tmp_path / "empty"), datetime.now))
    assert await lost.resume() == 0, "its bytes are missing"
    assert await house.desk.resume() == 1
    again = await house.take(content)
    assert not again.new
    assert (again.message.payments, again.message.repeated) == (10, 0)
    assert len(await house.rows()) == len(items)
    assert set((await house.open()).values()) == {0}


async def test_a_statement_of_another_currency(bank_house, camt):
    house = bank_house
    martin = await house.customer()
    await house.item(martin, "F-2026-001", 10_000)
    entry = camt.entry(10_000, lines=["F-2026-001"], currency="USD")
    await house.take(camt.message("053", "S1", [entry], currency="USD"))
    assert outcome(await house.rows()) == [(S.UNALLOCATED, "another-currency")]
    assert await house.open() == {"F-2026-001": 10_000}


async def test_money_sent_concerns_no_customer(bank_house, camt):
    await bank_house.take(camt.message("053", "S1", [camt.entry(5_000, sign="DBIT")]))
    assert outcome(await bank_house.rows()) == [(S.SET_ASIDE, "money-sent")]


async def test_the_payer_is_proposed_by_account_name_and_amount(bank_house, camt):
    house = bank_house
    martin = await house.customer(iban=IBAN)
    await house.item(martin, "F-2026-001", 10_000)
    dupont = await house.customer("École Dupont SA")
    await house.item(dupont, "F-2026-002", 25_000)
    await house.item(dupont, "F-2026-003", 1_500)
    entries = [
        camt.entry(10_000, ref="1", iban=IBAN),
        camt.entry(24_998, ref="2", name="ECOLE DUPONT"),
        camt.entry(26_500, ref="3", name="Ecole Dupont"),
        camt.entry(999, ref="4", iban=IBAN),
    ]
    await house.take(camt.message("053", "S1", entries))
    rows = await house.rows()
    assert outcome(rows) == [
        (S.PROPOSED, "payer-iban-and-amount"),
        (S.PROPOSED, "payer-name-and-amount"),
        (S.PROPOSED, "sum-of-open-items"),
        (S.UNALLOCATED, "nothing-identifies-it"),
    ]
    assert [row.customer_id for row in rows] == [martin.id, dupont.id, dupont.id, martin.id]
    assert await house.open() == {"F-2026-001": 10_000, "F-2026-002": 25_000, "F-2026-003": 1_500}


async def test_another_account_is_never_looked_at(bank_house, camt):
    house = bank_house
    async with house.database.write() as session:
        other = type(house.tenant)(slug="other", name="Other", created_at=house.tenant.created_at)
        session.add(other)
    theirs = await house.customer("Ecole Dupont", iban=IBAN, tenant=other.id)
    item = await house.item(theirs, "F-2026-001", 10_000, reference=make_rf("F2026001"))
    entries = [
        camt.entry(10_000, ref="1", lines=["F-2026-001"], iban=IBAN, name="Ecole Dupont"),
        camt.entry(10_000, ref="2", structured=make_rf("F2026001")),
    ]
    await house.take(camt.message("053", "S1", entries))
    assert {row.state for row in await house.rows()} == {S.UNALLOCATED}
    assert await house.entries(item) == []


LONG = "X" * 800

BROKEN = {
    "BANK-XML": b"<not xml",
    "BANK-NOT-CAMT": b"<Invoice/>",
    "BANK-VERSION": b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.99"/>',
}


@pytest.mark.parametrize("code", BROKEN)
async def test_what_cannot_be_trusted_is_kept_as_refused(bank_house, code):
    house = bank_house
    taken = await house.take(BROKEN[code])
    again = await house.take(BROKEN[code])
    assert (taken.new, again.new) == (True, False)
    assert again.message.id == taken.message.id
    assert (again.message.state, again.message.failure_code) == (BankMessageState.REFUSED, code)
    assert again.message.failure_text
    async with house.database.read() as session:
        kept = await house.archive.fetch(session, again.message.content_id)
    assert kept == BROKEN[code]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b'<Amt Ccy="EUR">100.00', b'<Amt Ccy="EUR">100.001'), "BANK-AMOUNT"),
        ((b">100.00<", b">9999999999999999.00<"), "BANK-AMOUNT"),
        ((b"<EndToEndId>E", b"<EndToEndId>" + LONG.encode()), "BANK-TEXT"),
        ((b"<NtryRef>R", b"<NtryRef>" + LONG.encode()), "BANK-TEXT"),
        ((b"<MsgId>", b"<MsgId>" + LONG.encode()), "BANK-TEXT"),
        ((b'encoding="UTF-8"', b'encoding="EBCDIC-CP-BE"'), "BANK-XML"),
        ((b"<Id>S1</Id>", b""), "BANK-MISSING"),
        ((b"Facture", "Facturé".encode("latin-1")), "BANK-XML"),
        (
            (b"<Document", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Document'),
            "BANK-XML",
        ),
    ],
)
async def test_one_bad_field_refuses_the_whole_message(bank_house, camt, change, code):
    house = bank_house
    martin = await house.customer()
    await house.item(martin, "F-2026-001", 10_000)
    entries = [
        camt.entry(10_000, ref="R", e2e="E", lines=["Facture F-2026-001"]),
    ]
    content = camt.message("053", "S1", entries)
    assert change[0] in content
    message = (await house.take(content.replace(*change))).message
    assert (message.state, message.failure_code) == (BankMessageState.REFUSED, code)
    assert await house.rows() == []
    assert await house.open() == {"F-2026-001": 10_000}


async def test_a_refused_message_is_read_again(bank_house, camt, monkeypatch):
    house = bank_house
    martin = await house.customer()
    await house.item(martin, "F-2026-001", 10_000)
    content = camt.message("053", "S1", [camt.entry(10_000, lines=["F-2026-001"])])
    with monkeypatch.context() as older:
        older.setattr("reminders.camt._NEWEST_VERSION", 7)
        assert (await house.take(content)).message.failure_code == "BANK-VERSION"
    taken = await house.take(content)
    assert (taken.new, taken.message.state) == (False, BankMessageState.BOOKED)
    assert taken.message.failure_code is None
    assert await house.open() == {"F-2026-001": 0}


async def test_a_full_disk_takes_nothing(bank_house, camt):
    house = bank_house

    class FullArchive:
        async def keep(self, *_args, **_more):
            raise GatewayError(STORAGE_FULL, "There is no room left.")

    content = camt.message("053", "S1", [camt.entry(10_000)])
    with pytest.raises(GatewayError) as refused:
        await house.take(content, desk=house.make_desk(archive=FullArchive()))
    assert refused.value.kind is STORAGE_FULL
    assert await house.rows() == []
    assert (await house.take(content)).new


async def test_an_unapplied_payment_that_was_used_waits_for_a_person_when_it_comes_back(
    bank_house, camt
):
    house = bank_house
    martin = await house.customer()
    first = await house.item(martin, "F-2026-001", 10_000, reference=make_rf("F2026001"))
    await house.take(
        camt.message("053", "S1", [camt.entry(12_000, e2e="X1", structured=make_rf("F2026001"))])
    )
    second = await house.item(martin, "F-2026-002", 5_000)
    await house.take(
        camt.message("053", "S2", [camt.entry(3_000, name=martin.name, day="2026-03-03")])
    )
    (_, waiting) = await house.rows()
    assert outcome([waiting]) == [(S.PROPOSED, "sum-of-open-items")]
    decided = await house.desk.decide(house.caller, waiting.id, bank_messages.Accept(0))
    assert decided.state is S.MATCHED
    assert await house.open() == {"F-2026-001": 0, "F-2026-002": 0, "credit": 0}
    back = camt.entry(12_000, sign="DBIT", e2e="X1", returned="AC04", day="2026-03-04")
    await house.take(camt.message("053", "S3", [back]))
    assert outcome((await house.rows())[2:]) == [(S.UNALLOCATED, "ledger-refused")]
    assert await house.entries(first) == [("payment-allocated", 10_000, date(2026, 3, 2))]
    assert [kind for kind, _, _ in await house.entries(second)] == [
        "credit-applied",
        "payment-allocated",
    ]
    await house.audit_books()
