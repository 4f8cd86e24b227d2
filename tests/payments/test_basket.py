"""What a link asks for: worked out each time, one account per payment, credits left out."""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.payments.basket import Standing, basket_of, transfer_text
from gateway.receivables.tables import ItemRow
from reminders.entries import ItemKind

IBAN, OTHER = "NL41MOCK0000000001", "BE68539007547034"


def row(number, open_minor, *, disputed=0, iban=IBAN, kind=ItemKind.INVOICE, day=1, **more):
    return ItemRow(
        id=UUID(int=hash(number) & (1 << 100) - 1),
        tenant_id=UUID(int=1),
        customer_id=UUID(int=2),
        kind=kind,
        number=number,
        currency="EUR",
        original_minor=open_minor,
        opened_on=date(2026, 9, day),
        open_minor=open_minor,
        disputed_minor=disputed,
        payee_iban=iban,
        created_at=datetime(2026, 9, 1, tzinfo=UTC),
        **more,
    )


def basket(*rows, under_way=()):
    return basket_of("EUR", rows, under_way={one.id for one in under_way}, payee="Atelier")


def test_disputed_amounts_and_credits_are_not_asked_for():
    found = basket(
        row("F-1", 10_000, disputed=4_000),
        row("F-2", 5_000, disputed=5_000),
        row("C-1", -3_000, kind=ItemKind.CREDIT_NOTE),
        row("F-3", 0),
    )
    assert (found.total, found.standing) == (6_000, Standing.OPEN)
    assert [one.number for one in found.lines] == ["F-1", "F-2", "F-3"]
    assert [one.number for one in found.payable] == ["F-1"]


def test_one_payment_goes_to_one_account_the_oldest_first():
    found = basket(row("F-3", 30, iban=OTHER, day=3), row("F-1", 10, day=1), row("F-2", 20, day=2))
    assert ([one.number for one in found.payable], found.total) == (["F-1", "F-2"], 30)
    assert found.creditor is not None
    assert (found.creditor.iban, found.creditor.name) == (IBAN, "Atelier")
    assert [one.number for one in found.asked] == ["F-1", "F-2", "F-3"]


def test_without_an_account_nothing_can_be_ordered_but_all_is_told():
    found = basket(row("F-1", 10, iban=None), row("F-2", 20, iban=None))
    assert (found.payable, found.creditor, found.total) == ((), None, 30)
    assert found.standing is Standing.OPEN


def test_what_a_bank_took_is_not_asked_again():
    first, second = row("F-1", 10), row("F-2", 20)
    assert basket(first, second, under_way=[first]).total == 20
    assert basket(first, second, under_way=[first, second]).standing is Standing.UNDER_WAY
    assert basket(row("F-1", 0), under_way=[row("F-1", 0)]).standing is Standing.PAID
    assert basket(row("F-1", 10, disputed=10)).standing is Standing.DISPUTED
    assert basket().standing is Standing.PAID


ROWS = st.lists(
    st.builds(
        lambda number, minor, disputed, iban: row(
            f"F-{number}", minor, disputed=min(disputed, minor), iban=iban
        ),
        st.integers(0, 10**6),
        st.integers(0, 10**9),
        st.integers(0, 10**9),
        st.sampled_from([IBAN, OTHER, None]),
    ),
    max_size=8,
    unique_by=lambda one: one.number,
)


@given(ROWS)
def test_the_next_payment_is_a_part_of_what_is_asked(rows):
    found, again = basket(*rows), basket(*reversed(rows))
    assert found == again
    assert sum(one.asked for one in found.payable) <= sum(one.asked for one in found.asked)
    assert all(one.asked > 0 for one in found.payable)
    assert len({one.creditor.iban for one in found.payable}) <= 1
    assert (found.standing is Standing.OPEN) is bool(found.asked)


@given(ROWS)
def test_the_text_of_a_transfer_fits_and_names_whole_numbers(rows):
    lines = basket(*rows).lines
    text = transfer_text(lines)
    assert len(text) <= 140
    assert set(text.split()) <= {one.number for one in lines}


def test_a_single_claim_is_paid_with_its_own_reference():
    assert transfer_text(basket(row("F-1", 1, reference="RF18 5390 0754 7034")).lines) == (
        "RF18 5390 0754 7034"
    )
    assert transfer_text(basket(row("F-1", 1), row("F-2", 1, reference="R")).lines) == "F-1 F-2"
