"""Two deaths at named points, and what the rows of both houses say about each.

A scenario follows one invoice and the MLS it is answered with. One house dies while the invoice
travels, the other while the MLS does; both are started again without the switch, and more
invoices come in while the second is down.
"""

from dataclasses import dataclass, fields
from typing import Literal

from crash_houses import House, wait_until
from crash_stage import CrashStage
from sqlalchemy import func
from sqlmodel import col, select

from gateway.exchange.states import TransportState
from gateway.exchange.tables import (
    Attempt,
    AttemptOutcome,
    Direction,
    Document,
    Reception,
    StoredBlob,
    Transmission,
)

FOLLOWERS = 2
FRESH_LIMIT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How far one message has come, in the rows of both sides.

    As an expectation, ``None`` says nothing about a field. ``first`` and ``last`` are the
    outcomes of attempts; ``nameless`` is whether the victim's store has grown by bytes that no
    row names.
    """

    documents: int | None = None
    transport: TransportState | None = None
    transmissions: int | None = None
    first: AttemptOutcome | None = None
    last: AttemptOutcome | None = None
    receptions: int | None = None
    inbox: int | None = None
    nameless: bool | None = None

    def fits(self, seen: "Trace") -> bool:
        """Whether what was seen is as expected."""
        wanted = [(getattr(self, one.name), getattr(seen, one.name)) for one in fields(self)]
        return all(one is None or one == other for one, other in wanted)


_UNKNOWN, _RECEIPT = AttemptOutcome.UNKNOWN, AttemptOutcome.RECEIPT
_SENDING, _DELIVERED = TransportState.SENDING, TransportState.DELIVERED

STORED_UNTOLD = Trace(documents=0, nameless=True)
ACCEPTED_UNTOLD = Trace(documents=1, transmissions=0)
ENCODED_UNNAMED = Trace(transport=TransportState.ROUTED, transmissions=0, nameless=True)
ATTEMPT_WRITTEN = Trace(transport=_SENDING, transmissions=1, last=_UNKNOWN, receptions=0)
# A peer may drop a whole message when its sender is gone before it was read.
SENT_UNANSWERED = Trace(transport=_SENDING, transmissions=1, last=_UNKNOWN)
ARRIVED_UNANSWERED = Trace(transport=_SENDING, transmissions=1, last=_UNKNOWN, receptions=1)
RECEIPT_KEPT = Trace(transport=_DELIVERED, transmissions=1, last=_RECEIPT, receptions=1)
UNTAKEN = Trace(transmissions=1, receptions=0)
UNTAKEN_STORED = Trace(transmissions=1, receptions=0, nameless=True)
TAKEN_UNTOLD = Trace(transmissions=1, first=_UNKNOWN, receptions=1)
TAKEN_AND_TOLD = Trace(transport=_DELIVERED, first=_RECEIPT, receptions=1)
HANDED_OVER = Trace(receptions=1, inbox=1)


@dataclass(frozen=True, slots=True)
class Death:
    """One house dies at a switch; ``message`` is on its way and has left this trace."""

    side: Literal["sender", "receiver"]
    switch: str
    message: Literal["invoice", "mls"]
    expected: Trace

    def __str__(self) -> str:
        return f"{self.side}@{self.switch}"


def sending(switch: str, expected: Trace) -> Death:
    """The sender dies as C2 of the invoice."""
    return Death("sender", switch, "invoice", expected)


def answering(switch: str, expected: Trace) -> Death:
    """The receiver dies as C2 of the MLS."""
    return Death("receiver", switch, "mls", expected)


def receiving(switch: str, expected: Trace) -> Death:
    """The receiver dies as C3 of the invoice."""
    return Death("receiver", switch, "invoice", expected)


def learning(switch: str, expected: Trace) -> Death:
    """The sender dies as C3 of the MLS."""
    return Death("sender", switch, "mls", expected)


@dataclass(frozen=True, slots=True)
class Scenario:
    """The death of one house with the invoice, then of the other with the MLS."""

    first: Death
    second: Death

    def __str__(self) -> str:
        return f"{self.first}-{self.second}"


def play(scenario: Scenario, stage: CrashStage) -> None:
    """Let both die and come back; raises AssertionError where a point is not where it says."""
    first, second = scenario.first, scenario.second
    houses = {"sender": stage.sender, "receiver": stage.receiver}
    for death in (first, second):
        house = houses[death.side]
        house.kill()
        house.start(kill_at=death.switch)
    for house in houses.values():
        wait_until(house.listens, f"the {house.actor.key} listens")
    nameless = {side: _nameless(house) for side, house in houses.items()}
    (lead,) = stage.hand_in()
    for death in (first, second):
        victim = houses[death.side]
        stage.bury(victim)
        here, there = houses["sender"], houses["receiver"]
        if death.message == "mls":
            here, there = there, here
        number = lead if death.message == "invoice" else f"MLS {lead}"
        _expect(death, number, here, there, victim, nameless[death.side])
        if death is second:
            stage.hand_in(FOLLOWERS)
        victim.start()
    stage.come_to_rest()


def _expect(
    death: Death, number: str, here: House, there: House, victim: House, nameless: int
) -> None:
    """The other side may still be at work when one dies, so look until the rows are as expected."""
    seen: list[Trace] = []

    def look() -> bool:
        trace = _trace(number, here, there, grown=_nameless(victim) > nameless)
        seen[:] = [trace]
        return death.expected.fits(trace)

    try:
        wait_until(look, str(death), limit_s=FRESH_LIMIT_S)
    except AssertionError:
        raise AssertionError(f"{death}: {death.expected} was expected, {seen} is there") from None


def _trace(number: str, here: House, there: House, *, grown: bool) -> Trace:
    with here.rows() as session:
        documents = session.exec(
            select(Document).where(Document.direction == Direction.OUT, Document.number == number)
        ).all()
        ids = [one.id for one in documents]
        transmissions = session.exec(
            select(Transmission.id).where(col(Transmission.document_id).in_(ids))
        ).all()
        outcomes = session.exec(
            select(Attempt.outcome)
            .where(col(Attempt.transmission_id).in_(transmissions))
            .order_by(col(Attempt.id))
        ).all()
    sbdh_ids = [one.sbdh_id for one in documents]
    with there.rows() as session:
        receptions = session.exec(
            select(func.count()).where(col(Reception.sbdh_id).in_(sbdh_ids))
        ).one()
        inbox = session.exec(
            select(func.count()).where(
                col(Document.direction) == Direction.IN, col(Document.sbdh_id).in_(sbdh_ids)
            )
        ).one()
    return Trace(
        documents=len(documents),
        transport=documents[0].transport if documents else None,
        transmissions=len(transmissions),
        first=AttemptOutcome(outcomes[0]) if outcomes else None,
        last=AttemptOutcome(outcomes[-1]) if outcomes else None,
        receptions=receptions,
        inbox=inbox,
        nameless=grown,
    )


def _nameless(house: House) -> int:
    """How many whole blobs lie in the store that no row names."""
    files = house.blob_files()
    with house.rows() as session:
        return files - session.exec(select(func.count()).select_from(StoredBlob)).one()
