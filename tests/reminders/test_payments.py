"""From bank messages to payments: batches, foreign amounts, returns, and what came before."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from reminders.bank import (
    Account,
    BankMessage,
    Direction,
    Entry,
    MessageKind,
    Party,
    Remittance,
    ReturnReason,
    Statement,
    StructuredReference,
    Transaction,
    TransactionCode,
)
from reminders.camt import BankMessageRefused
from reminders.payments import Payment, PaymentId, payments_of, sift
from ubl.amounts import Amount

CREDIT, DEBIT = Direction.CREDIT, Direction.DEBIT


def eur(value: str) -> Amount:
    return Amount(Decimal(value), "EUR")


def line(value: str = "60.50", *transactions: Transaction, **more: object) -> Entry:
    return replace(
        Entry(amount=eur(value), direction=CREDIT, status="BOOK", transactions=transactions),
        **more,  # type: ignore[arg-type] -- fields of Entry
    )


def told(
    *entries: Entry,
    id: str = "S1",
    kind: MessageKind = MessageKind.STATEMENT,
    page: int | None = None,
) -> BankMessage:
    account = Account(iban="BE71096123456769")
    statement = Statement(identification=id, account=account, entries=entries, page=page)
    return BankMessage(kind, 8, "M1", datetime(2026, 3, 4, tzinfo=UTC), (statement,))


def test_one_transaction_has_the_entrys_amount_and_its_own_references() -> None:
    detail = Transaction(
        end_to_end_id="E1",
        mandate_id="M1",
        amount=Amount(Decimal("66.00"), "USD"),
        debtor=Party(name="Ecole Dupont", account=Account(iban="BE68539007547034")),
        remittance=Remittance(("F-1",), (StructuredReference("RF18539007547034"),), (), ("more",)),
    )
    (payment,) = payments_of(
        told(line("60.50", detail, reference="7", value_date=date(2026, 3, 4)))
    )
    assert payment == Payment(
        id=PaymentId("BE71096123456769", "S1", "7", 0),
        minor=6050,
        currency="EUR",
        direction=CREDIT,
        entry_minor=6050,
        valued=date(2026, 3, 4),
        end_to_end_id="E1",
        mandate_id="M1",
        references=("RF18539007547034",),
        lines=("F-1", "more"),
        party_name="Ecole Dupont",
        party_iban="BE68539007547034",
    )


def test_a_batch_becomes_its_transactions_only_where_they_add_up() -> None:
    parts = [Transaction(end_to_end_id=f"E{n}", amount=eur(f"{n}.10")) for n in (1, 2)]
    batch = payments_of(told(line("3.20", *parts)))
    assert [(one.minor, one.end_to_end_id, one.id.index) for one in batch] == [
        (110, "E1", 0),
        (210, "E2", 1),
    ]
    for total, transactions in (
        ("3.21", parts),
        ("3.20", [parts[0], Transaction(end_to_end_id="E2")]),
        ("3.20", [parts[0], replace(parts[1], amount=Amount(Decimal("2.10"), "CHF"))]),
        ("3.20", [parts[0], replace(parts[1], direction=DEBIT)]),
    ):
        (whole,) = payments_of(told(line(total, *transactions)))
        assert (whole.entry_minor, whole.end_to_end_id) == (whole.minor, None)


def test_the_booked_amount_counts_in_a_foreign_batch() -> None:
    parts = [
        Transaction(amount=Amount(Decimal(5), "USD"), booked_amount=eur("4.10")),
        Transaction(amount=eur("1.00")),
    ]
    assert [one.minor for one in payments_of(told(line("5.10", *parts)))] == [410, 100]


def test_only_booked_entries_of_statements_and_notifications_count() -> None:
    assert payments_of(told(line(status="PDNG"))) == ()
    assert payments_of(told(line(), kind=MessageKind.REPORT)) == ()
    assert len(payments_of(told(line(), kind=MessageKind.NOTIFICATION))) == 1


@pytest.mark.parametrize(
    "entry",
    [
        line(reversal=True),
        line(code=TransactionCode("PMNT", "IDDT", "UPDD")),
        line("1.00", Transaction(code=TransactionCode("PMNT", "ICDT", "RRTN"))),
        line("1.00", Transaction(return_reason=ReturnReason("MD06"))),
    ],
)
def test_what_undoes_an_earlier_movement(entry: Entry) -> None:
    (payment,) = payments_of(told(entry))
    assert payment.undoes
    assert payment.reason == (
        "MD06" if entry.transactions and entry.transactions[0].return_reason else None
    )
    (ordinary,) = payments_of(told(line()))
    assert not ordinary.undoes


def test_half_a_cent_is_refused() -> None:
    with pytest.raises(BankMessageRefused) as refused:
        payments_of(told(line("0.005")))
    assert refused.value.code == "BANK-AMOUNT"


def test_the_same_file_again_brings_nothing_new() -> None:
    first = payments_of(told(line("1"), line("1"), line("1", servicer_reference="R")))
    sifted = sift(first)
    assert sifted.new == first
    again = sift(first, sifted.new)
    assert (again.new, again.repeated, again.doubtful) == ((), first, ())
    assert sift((*first, *first)).new == first


def test_pages_of_one_statement_are_different_entries() -> None:
    pages = [payments_of(told(line(), page=page))[0] for page in (1, 2)]
    assert sift(pages).new == tuple(pages)


def test_notified_first_and_stated_later_is_one_payment() -> None:
    parts = [Transaction(end_to_end_id=f"E{n}", amount=eur("1.00")) for n in (1, 2)]
    notified = payments_of(told(line("2.00", *parts, servicer_reference="R1"), id="N1"))
    # The statement tells the total alone.
    stated = payments_of(told(line("2.00", servicer_reference="R1"), line("2.00"), id="S1"))
    sifted = sift(stated, sift(notified).new)
    assert (sifted.new, sifted.repeated) == (stated[1:], stated[:1])


def test_one_reference_for_entries_of_different_amounts_hides_none() -> None:
    lines = [line(value, servicer_reference="DAY") for value in ("1", "2")]
    notified = payments_of(told(lines[0], id="N1"))
    assert len(sift(payments_of(told(*lines, id="S1")), notified).new) == 1


def test_without_a_reference_a_person_decides() -> None:
    notified = payments_of(told(line("1"), id="N1"))
    sifted = sift(payments_of(told(line("1"), line("2"), id="S1")), notified)
    assert [one.minor for one in sifted.doubtful] == [100]
    assert [one.minor for one in sifted.new] == [200]
