"""Banks reuse identifications: what is alike by them is never dropped unseen, nor booked twice."""

import pytest

from gateway.receivables.tables import BankMessageState, BankPaymentState

FRENCH, BELGIAN = "FR1420041010050500013M02606", "BE68539007547034"
MATCHED, DOUBTFUL = BankPaymentState.MATCHED, BankPaymentState.DOUBTFUL


async def two_invoices(house):
    for name, number in (("Boulangerie Martin", "F-2026-01"), ("Garage Peeters", "F-2026-02")):
        await house.item(await house.customer(name), number, 10_000)


async def test_two_entries_of_one_statement_may_bear_one_reference(bank_house, camt):
    await two_invoices(bank_house)
    entries = [camt.entry(10_000, ref="NONREF", lines=[f"facture F-2026-{n:02d}"]) for n in (1, 2)]
    content = camt.message("053", "S1", entries)
    for _ in range(2):
        taken = await bank_house.take(content)
        assert (taken.message.payments, taken.message.repeated) == (2, 0)
    await bank_house.take(content + b"\n")
    assert await bank_house.open() == {"F-2026-01": 0, "F-2026-02": 0}
    assert len(await bank_house.rows()) == 2


async def test_a_statement_that_stands_twice_in_a_file_counts_once(bank_house, camt):
    await two_invoices(bank_house)
    content = camt.message(
        "053", "S1", [camt.entry(10_000, ref="R1", lines=["facture F-2026-01"])]
    ).decode()
    start, end = content.index("<Stmt>"), content.index("</Stmt>") + len("</Stmt>")
    twice = content[:end] + content[start:]
    assert twice.count("<Stmt>") == 2
    await bank_house.take(twice.encode())
    assert [row.state for row in await bank_house.rows()] == [MATCHED]


async def test_other_money_under_a_known_identity_waits_for_a_person(bank_house, camt):
    """A bank that calls every statement alike, entries without references."""
    await two_invoices(bank_house)
    monday = camt.entry(10_000, lines=["facture F-2026-01"], day="2026-03-02")
    tuesday = camt.entry(10_000, lines=["facture F-2026-02"], day="2026-03-03")
    await bank_house.take(camt.message("053", "STATEMENT", [monday]))
    for extra in (b"", b"\n"):
        taken = await bank_house.take(camt.message("053", "STATEMENT", [tuesday]) + extra)
        assert taken.message.state is BankMessageState.BOOKED
    rows = await bank_house.rows()
    assert [row.state for row in rows] == [MATCHED, DOUBTFUL]
    assert rows[1].result["like"] == rows[0].name
    assert len(rows[1].result["proposals"]) == 1


@pytest.mark.parametrize("told", [{"iban": FRENCH}, {"e2e": "E-1"}, {}])
async def test_one_bank_reference_for_two_customers_of_one_day(bank_house, camt, told):
    """Notified was the first alone; the statement tells of both, alike in all the bank says."""
    await two_invoices(bank_house)
    other = {"iban": BELGIAN} if "iban" in told else {"e2e": "E-2"} if told else {}
    first = camt.entry(10_000, bank_ref="DAY", lines=["facture F-2026-01"], **told)
    second = camt.entry(10_000, bank_ref="DAY", lines=["facture F-2026-02"], **other)
    await bank_house.take(camt.message("054", "N1", [first]))
    statement = camt.message("053", "S1", [second, first] if told else [first, second])
    for extra in (b"", b"\n"):
        await bank_house.take(statement + extra)
    await bank_house.take(camt.message("053", "WEEK", [first, second]))
    rows = await bank_house.rows()
    assert [row.state for row in rows] == [MATCHED, DOUBTFUL]
    assert rows[1].result["like"] == rows[0].name
