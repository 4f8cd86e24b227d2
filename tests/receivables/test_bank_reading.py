"""Reading a bank message without holding it, and its payments as rows and back."""

import tracemalloc
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.receivables.bank_reading import read_payments, survey
from gateway.receivables.bank_rows import content_digest, payment_of, twin_digest, values_of
from gateway.receivables.tables import BankPayment
from reminders.bank import Direction
from reminders.camt import read
from reminders.camt_fields import BankMessageRefused
from reminders.matching import match
from reminders.payments import Payment, PaymentId, payments_of
from reminders.references import KnownNumbers, candidates, normal_form

TEXT = st.text(max_size=40)
MAYBE = st.none() | TEXT
DAYS = st.none() | st.dates()
PAYMENTS = st.builds(
    Payment,
    id=st.builds(PaymentId, TEXT, TEXT, TEXT, st.integers(0, 9)),
    minor=st.integers(0, 10**12),
    currency=st.sampled_from(["EUR", "JPY"]),
    direction=st.sampled_from(Direction),
    entry_minor=st.integers(0, 10**12),
    booked=DAYS,
    valued=DAYS,
    servicer_reference=MAYBE,
    end_to_end_id=MAYBE,
    mandate_id=MAYBE,
    references=st.lists(TEXT, max_size=2).map(tuple),
    documents=st.lists(TEXT, max_size=2).map(tuple),
    lines=st.lists(TEXT, max_size=3).map(tuple),
    party_name=MAYBE,
    party_iban=MAYBE,
    undoes=st.booleans(),
    reason=MAYBE,
)


@given(PAYMENTS)
@settings(max_examples=100)
def test_a_payment_comes_back_from_its_row(payment):
    assert payment_of(BankPayment(**values_of(payment))) == payment


@given(PAYMENTS, PAYMENTS)
@settings(max_examples=100)
def test_digests_are_alike_where_the_keys_are(one, other):
    assert (content_digest(one) == content_digest(other)) == (one.content_key == other.content_key)
    assert (twin_digest(one) == twin_digest(other)) == (one.twin_key == other.twin_key)


def test_reading_twice_says_what_reading_whole_says(camt):
    entries = [
        camt.entry(10_000 + one, ref=str(one), e2e=f"X{one}", lines=["a", "b"]) for one in range(9)
    ]
    content = camt.message("053", "S1", [*entries, camt.entry(5, sign="DBIT")])
    whole = read(content)
    seen = survey(content, UTC)
    assert (seen.kind, seen.message_id, seen.payments) == (whole.kind, whole.message_id, 10)
    assert seen.accounts == (whole.statements[0].account.iban,)
    assert tuple(read_payments(content, UTC)) == payments_of(whole)


def test_a_report_is_read_for_its_faults_only(camt):
    assert survey(camt.message("052", "R1", [camt.entry(1)]), UTC).payments == 0
    with pytest.raises(BankMessageRefused, match="decimals"):
        survey(camt.message("052", "R1", [camt.entry(1)]).replace(b"0.01", b"0.001"), UTC)


def test_a_statement_whose_head_comes_late_is_refused(camt):
    content = camt.message("053", "S1", [camt.entry(1)])
    late = content.replace(b"<Id>S1</Id>", b"").replace(b"</Stmt>", b"<Id>S1</Id></Stmt>")
    assert read(late).statements[0].identification == "S1"
    with pytest.raises(BankMessageRefused) as refused:
        survey(late, UTC)
    assert refused.value.code == "BANK-MISSING"


@pytest.mark.parametrize(("line", "kept"), [("F-2026-001", 200), ("F-2026-001 " * 12, 30)])
def test_texts_without_end_are_cut(camt, line, kept):
    content = camt.message("053", "S1", [camt.entry(1, lines=[line] * 999)])
    (payment,) = read_payments(content, UTC)
    assert len(payment.lines) == kept
    assert match([payment], items=[])


NUMBER = st.from_regex(r"[A-Z]{0,3}[-/ ]?[0-9]{2,6}[-/ ]?[0-9]{0,4}", fullmatch=True)


@given(
    st.lists(NUMBER, min_size=1, max_size=3),
    st.lists(st.text("AF-/ 0129x", max_size=30)),
    st.data(),
)
@settings(max_examples=150)
def test_candidates_hold_every_known_number_a_text_names(numbers, lines, data):
    named = [f"{line} {data.draw(st.sampled_from(numbers))}" for line in lines]
    found = {one.number for one in KnownNumbers(numbers).find(named)}
    assert found <= {normal_form(one) for one in numbers}
    assert found <= set(candidates(named, longest=64))


def test_memory_does_not_grow_with_the_file(camt):
    entry = camt.entry(10_000, e2e="X", name="Somebody", lines=["a line of text"] * 3)

    def peak(count):
        content = camt.message("053", "S1", [entry] * count)
        tracemalloc.start()
        assert survey(content, UTC).payments == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    small, large = peak(300), peak(900)
    assert large < 1.5 * small
