"""The verdict over a stage that has come to rest: what was lost, what doubled, what is wrong.

Judged from outside by both APIs, and from the rows and blobs that both processes left behind.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from crash_houses import House
from sqlalchemy import func, update
from sqlmodel import col, select

from gateway.core.blob_format import BlobRef, open_content
from gateway.core.errors import GatewayError
from gateway.core.jobs.tables import IS_ACTIVE, Job, JobState, Lane
from gateway.exchange.lanes import DELIVER, LOOKUP, ROUTE
from gateway.exchange.states import NetworkState, TransportState, terminal
from gateway.exchange.tables import (
    Direction,
    Document,
    DocumentKind,
    Event,
    Reception,
    StoredBlob,
    Transmission,
)

EXCHANGE_JOBS = (LOOKUP, DELIVER, ROUTE)


@dataclass(slots=True)
class Tally:
    """What became of the documents that were accepted; all three lists empty is the aim."""

    documents: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is lost, doubled or wrong."""
        return not (self.lost or self.doubled or self.wrong)


def unfinished(house: House) -> list[str]:
    """What this house still has to do by itself, one line each."""
    with house.rows() as session:
        jobs = session.exec(
            select(Job.kind, Job.state, Job.lapses, Job.error_code).where(
                IS_ACTIVE, col(Job.kind).in_(EXCHANGE_JOBS)
            )
        )
        left = [
            f"{house.actor.key}: job {kind} {state} lapses={lapses} {code or ''}"
            for kind, state, lapses, code in jobs
        ]
        waiting = session.exec(
            select(Document).where(
                Document.direction == Direction.OUT, Document.network == NetworkState.AWAITED
            )
        )
        left += [f"{house.actor.key}: {one.number} awaits its MLS" for one in waiting]
    return left


def open_lanes(house: House) -> None:
    """Let the circuit breaker's minute pass: a paused lane is open again."""
    with house.rows() as session:
        paused = session.exec(select(Lane.name).where(col(Lane.paused_until).is_not(None))).all()
        if paused:
            session.exec(update(Lane).values(failures=0, paused_until=None))
            session.commit()


def judge(sender: House, receiver: House, accepted: Mapping[str, str], *, repeats: bool) -> Tally:
    """Judge every accepted document, given as invoice number to document id.

    ``repeats``: whether a document may have come again under a new MessageId, as it must after an
    error that the network made (decision 17); then it is flagged, and still handed over once.
    """
    tally = Tally(len(accepted))
    sbdh_ids = _judge_outbox(sender, accepted, tally)
    _judge_inbox(receiver, sbdh_ids, tally)
    _judge_answers(sender, receiver, accepted, tally)
    for here, there in ((sender, receiver), (receiver, sender)):
        _judge_receipts(here, there, tally, repeats=repeats)
    for house in (sender, receiver):
        tally.wrong += _damaged(house)
        tally.wrong += _unsettled(house)
    return tally


def _judge_outbox(sender: House, accepted: Mapping[str, str], tally: Tally) -> Mapping[str, str]:
    """Each accepted document is in the outbox once, delivered; returns number to SBDH id."""
    listed = list(sender.documents("out"))
    times = Counter(one["number"] for one in listed)
    tally.lost += [f"{number} is not in the outbox" for number in accepted if not times[number]]
    tally.doubled += [
        f"{number} is {n} times in the outbox" for number, n in times.items() if n > 1
    ]
    for one in listed:
        number, states = one["number"], one["states"]
        if accepted.get(number) != one["id"]:
            tally.wrong.append(f"outbox: nobody was told that {number} is {one['id']}")
        if (states["transport"], states["network"]) != ("delivered", "accepted"):
            tally.wrong.append(f"outbox: {number} is {states} {one['failure'] or ''}")
    return {one["number"]: one["sbdh_instance_identifier"] for one in listed}


def _judge_inbox(receiver: House, sbdh_ids: Mapping[str, str], tally: Tally) -> None:
    """Each document is in the buyer's inbox once, by its number and by its SBDH identifier."""
    listed = list(receiver.documents("in"))
    numbers = Counter(one["number"] for one in listed)
    identifiers = Counter(one["sbdh_instance_identifier"] for one in listed)
    for number, sbdh_id in sbdh_ids.items():
        if not numbers[number] or not identifiers[sbdh_id]:
            tally.lost.append(f"{number} is not in the inbox")
    tally.doubled += [
        f"{number} is {n} times in the inbox" for number, n in numbers.items() if n > 1
    ]
    tally.wrong += [f"inbox: nobody sent {number}" for number in numbers if number not in sbdh_ids]


def _repeated(times: Mapping[str, int], place: str) -> list[str]:
    return [f"{number} is {n} times in the {place}" for number, n in times.items() if n > 1]


def _judge_answers(
    sender: House, receiver: House, accepted: Mapping[str, str], tally: Tally
) -> None:
    """Each document was answered by one MLS, which was applied once."""
    with receiver.rows() as session:
        written = Counter(
            session.exec(
                select(Document.number).where(
                    Document.kind == DocumentKind.MLS, Document.direction == Direction.OUT
                )
            )
        )
    with sender.rows() as session:
        applied = Counter(
            str(document_id)
            for document_id in session.exec(
                select(Event.document_id).where(col(Event.kind).startswith("mls."))
            )
        )
        arrived = Counter(
            str(related)
            for related in session.exec(
                select(Document.related_id).where(
                    Document.kind == DocumentKind.MLS, Document.direction == Direction.IN
                )
            )
        )
    for number, document_id in accepted.items():
        counts = written[f"MLS {number}"], arrived[document_id], applied[document_id]
        if counts != (1, 1, 1):
            tally.wrong.append(f"{number}: MLS written, arrived, applied {counts}")
    if arrived.keys() - set(accepted.values()):
        tally.wrong.append("an MLS belongs to no accepted document")


def _judge_receipts(here: House, there: House, tally: Tally, *, repeats: bool) -> None:
    """What ``here`` holds as proof is what ``there`` has taken, and the other way round."""
    with here.rows() as session:
        sent = {
            one.message_id: (one, _digest_of(receipt))
            for one, receipt in session.exec(
                select(Transmission, StoredBlob).outerjoin(
                    StoredBlob, col(StoredBlob.id) == col(Transmission.receipt_id)
                )
            )
        }
        proven = Counter(one.document_id for one, receipt in sent.values() if receipt is not None)
        out = session.exec(select(Document).where(Document.direction == Direction.OUT)).all()
    with there.rows() as session:
        taken = {
            one.message_id: (one, _digest_of(receipt))
            for one, receipt in session.exec(
                select(Reception, StoredBlob).join(
                    StoredBlob, col(StoredBlob.id) == col(Reception.receipt_id)
                )
            )
        }
    name = there.actor.key
    for message_id, (_, receipt) in sent.items():
        if receipt is None:
            continue
        if message_id not in taken:
            tally.lost.append(f"{name}: the acknowledged message {message_id} is missing")
        elif taken[message_id][1] != receipt:
            tally.wrong.append(f"{name}: two receipts for {message_id}")
    for message_id, (reception, _) in taken.items():
        if message_id not in sent:
            tally.wrong.append(f"{name}: nobody sent {message_id}")
        if reception.document_id is None:
            tally.lost.append(f"{name}: {message_id} was taken and not handed over")
        if reception.flagged and not repeats:
            tally.wrong.append(f"{name}: {message_id} brought a document again")
    tally.wrong += [
        f"{here.actor.key}: {one.number} has {proven[one.id]} receipts"
        for one in out
        if proven[one.id] != 1
    ]


def _digest_of(blob: StoredBlob | None) -> str | None:
    return blob.sha256 if blob is not None else None


def _damaged(house: House) -> Iterator[str]:
    """Blobs that a row names and the store does not have, or not as they were."""
    with house.rows() as session:
        blobs: Sequence[StoredBlob] = session.exec(select(StoredBlob)).all()
    for one in blobs:
        try:
            file = house.blob_file(one.id.hex).open("rb")
            open_content(BlobRef(one.id, one.sha256, one.size), file).close()
        except (FileNotFoundError, GatewayError) as error:
            yield f"{house.actor.key}: blob {one.id} ({one.purpose}): {error}"


def _unsettled(house: House) -> Iterator[str]:
    """Jobs and documents that did not come to their good end."""
    with house.rows() as session:
        given_up = session.exec(
            select(Job.kind, Job.state, func.count(), Job.error_code)
            .where(col(Job.state).not_in([JobState.DONE]), col(Job.kind).in_(EXCHANGE_JOBS))
            .group_by(col(Job.kind), col(Job.state), col(Job.error_code))
        )
        for kind, state, count, code in given_up:
            yield f"{house.actor.key}: {count} job(s) {kind} {state} {code or ''}"
        for one in session.exec(select(Document).where(Document.direction == Direction.OUT)):
            if not terminal(one.transport) or one.transport is not TransportState.DELIVERED:
                yield f"{house.actor.key}: {one.kind} {one.number} is {one.transport}"
