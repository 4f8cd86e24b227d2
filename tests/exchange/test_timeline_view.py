"""What a timeline says: sentences of this package and of those above, with their facts."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from gateway.exchange.tables import Event, EventGroup
from gateway.exchange.timeline_view import detail, histories, title, written

SENTENCES = {
    "event.receiver.found": "Receiver found",
    "timeline.payment.received": "{amount} received, {value_date}",
    "timeline_detail.payment.received": "From {payer}",
    "timeline.item.reopened": "Open again: {open}",
}


class Plain:
    """A language that writes days in ISO form and money in minor units."""

    def __call__(self, key: str, **facts: Any) -> str:
        return SENTENCES[key].format_map(facts)

    def knows(self, key: str) -> bool:
        return key in SENTENCES

    def day(self, value: date | None) -> str:
        return f"day {value}"

    def money(self, minor: int | None, currency: str | None) -> str:
        return f"{currency} {minor}"


def event(kind: str, **facts: Any) -> Event:
    return Event(
        tenant_id=uuid4(),
        document_id=uuid4(),
        group=EventGroup.PAYMENT,
        kind=kind,
        facts=facts,
        at=datetime(2026, 12, 9, tzinfo=UTC),
    )


def test_packages_above_tell_their_entries_with_facts() -> None:
    paid = event(
        "payment.received",
        amount_minor=50000,
        currency="EUR",
        payer="Café",
        value_date="2026-12-09",
    )
    assert title(paid, Plain()) == "EUR 50000 received, day 2026-12-09"
    assert detail(paid, Plain()) == "From Café"
    assert title(event("item.reopened", open_minor=1, currency="JPY"), Plain()) == (
        "Open again: JPY 1"
    )


def test_own_sentences_need_no_facts_and_have_no_second_line() -> None:
    found = event("receiver.found", seat="POP000101")
    assert (title(found, Plain()), detail(found, Plain())) == ("Receiver found", "")


def test_what_no_catalogue_knows_is_named_by_its_kind() -> None:
    assert title(event("payment.dreamt"), Plain()) == "payment.dreamt"


def test_an_entry_without_a_fact_its_sentence_asks_for_is_no_failure() -> None:
    old = event("payment.received", amount_minor=1, currency="EUR", payer=None)
    assert (title(old, Plain()), detail(old, Plain())) == ("payment.received", "")


def test_facts_that_are_no_money_and_no_day_stay_as_they_are() -> None:
    odd = event(
        "payment.received",
        amount="12.345",
        currency="EUR",
        deadline="soon",
        number="2026-01-01",
        fee_minor="x",
    )
    assert written(odd, Plain()) == {
        "amount": "12.345 EUR",
        "currency": "EUR",
        "deadline": "soon",
        "number": "2026-01-01",
        "fee_minor": "x",
    }
    assert written(event("a.b", amount="12.30", currency="EUR"), Plain())["amount"] == "EUR 1230"
    assert written(event("a.b", amount_minor=5), Plain()) == {"amount_minor": "5"}


def test_money_has_its_own_history_and_looks() -> None:
    (history,) = histories([event("payment.received"), event("payment.returned")])
    assert history.group is EventGroup.PAYMENT
    assert [one.look.colour for one in history.entries] == ["green", "red"]
