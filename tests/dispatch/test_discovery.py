"""Finding customers on Peppol: everybody gets a turn, whoever the network does not answer for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.as4.identifiers import DocumentTypeId, ParticipantId
from gateway.core.jobs.registry import JobContext
from gateway.core.jobs.tables import Job
from gateway.dispatch import discovery
from gateway.dispatch.addresses import read_address_rules
from gateway.dispatch.discovery import DiscoverJob
from gateway.dispatch.tables import Dispatch
from gateway.exchange.archive import Archive
from gateway.exchange.channels import OFF_NETWORK, Channel
from gateway.exchange.tables import Document
from gateway.network.errors import NOT_REGISTERED, SMP_UNAVAILABLE, LookupFailed
from gateway.receivables.tables import Customer

EACH_RUN = 5
NOW = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)


class Network:
    """Answers for some, fails for others; remembers whom it was asked about."""

    def __init__(self, known: str, away: str) -> None:
        self.known, self.away = known, away
        self.asked: list[str] = []
        self.spoilt: Exception | None = None
        self.type: DocumentTypeId | None = None
        self.meanwhile: Callable[[], None] = lambda: None

    async def registrations(
        self, participant: ParticipantId, *, at: datetime
    ) -> tuple[DocumentTypeId, ...]:
        self.meanwhile()
        self.asked.append(participant.value)
        if self.spoilt is not None:
            raise self.spoilt
        if participant.value == self.away:
            raise LookupFailed(SMP_UNAVAILABLE, "As the test says.")
        assert participant.value == self.known
        assert self.type is not None
        return (self.type,)

    async def find(self, *_asked: object, at: datetime, fresh: bool) -> None:
        """What is registered can be found."""


@pytest.fixture
def each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_EACH_RUN", EACH_RUN)


async def customers(
    house, document: Document, numbers, receiver: str, *, scheme: str = "iso6523-actorid-upis"
):
    """Customers who were sent a document that names this address, or no address; their ids."""
    copy = Document.model_validate(
        document.model_dump()
        | {
            "id": UUID(int=numbers[0] + 1),
            "sbdh_id": f"{receiver}-{numbers[0]}",
            "fingerprint": f"{receiver}-{numbers[0]}",
            "receiver": f"{scheme}::{receiver}",
        }
    )
    rows = []
    for number in numbers:
        rows.append(
            Customer(
                id=UUID(int=number + 1),
                tenant_id=document.tenant_id,
                participant=f"{scheme}::9999:{number}",
                name=str(number),
                channel=Channel.EMAIL,
                created_at=NOW,
            )
        )
    (sent,) = await house.dispatches(str(document.id))
    async with house.gateway.platform.database.write() as session:
        session.add(copy)
        session.add_all(rows)
        await session.flush()
        for place, row in enumerate(rows):
            session.add(
                Dispatch.model_validate(
                    sent.model_dump()
                    | {
                        "id": UUID(int=row.id.int + 1000),
                        "document_id": copy.id,
                        "customer_id": row.id,
                        "number": place + 1,
                        "token": f"{row.name}-token",
                        "link_id": UUID(int=row.id.int + 2000),
                        "created_at": NOW,
                    }
                )
            )
    return [row.id for row in rows]


async def setting(house, network: Network, now: Callable[[], datetime] = lambda: NOW):
    """The first customer and document are out of the way; the job over this network."""
    document = await house.document(await house.sent())
    network.type = DocumentTypeId.parse(document.document_type)
    gateway = house.gateway
    async with gateway.platform.database.write() as session:
        first = (await house.rows(Customer))[0]
        first.peppol_declined_at = NOW
        session.add(first)
    job = DiscoverJob(
        database=gateway.platform.database,
        archive=Archive(gateway.platform.blobs, lambda: NOW),
        lookup=network,
        rules=read_address_rules(None),
        now=now,
    )

    async def run() -> None:
        await job(JobContext(Job(kind="dispatch.discover", payload={}, run_at=NOW, created_at=NOW)))

    return document, run


async def found(house) -> set[UUID]:
    return {one.id for one in await house.rows(Customer) if one.peppol_found_at is not None}


async def test_those_the_network_never_answers_for_keep_nobody_waiting(house, each_run):
    network = Network(known="9999:good", away="9999:away")
    document, run = await setting(house, network)
    await customers(house, document, range(2 * EACH_RUN), "9999:away")
    good = await customers(house, document, range(100, 103), "9999:good")
    for _ in range(2):
        await run()
    assert await found(house) == set()
    await run()
    assert await found(house) == set(good)
    # Each run asks a bounded number, and once more about those that failed.
    assert len(network.asked) <= 3 * 2 * EACH_RUN


async def test_a_run_that_dies_begins_with_others_the_next_time(lite, each_run):
    network = Network(known="9999:good", away="9999:away")
    document, run = await setting(lite, network)
    await customers(lite, document, [0], "9999:away")
    good = await customers(lite, document, [100], "9999:good")
    network.spoilt = ValueError("a fault of ours")
    with pytest.raises(ValueError, match="of ours"):
        await run()
    network.spoilt = None
    await run()
    assert await found(lite) == set(good)
    assert network.asked == ["9999:away", "9999:good", "9999:away", "9999:away"]


async def test_an_smp_that_is_back_within_the_run_is_asked_again(lite, each_run):
    network = Network(known="9999:good", away="9999:away")
    document, run = await setting(lite, network)
    good = await customers(lite, document, range(2), "9999:good")
    network.spoilt = LookupFailed(SMP_UNAVAILABLE, "As the test says.")

    def back() -> None:
        if len(network.asked) == 2:
            network.spoilt = None

    network.meanwhile = back
    await run()
    assert await found(lite) == set(good)


async def test_a_run_ends_in_time_and_the_next_goes_on_behind_it(lite, each_run):
    clock = [NOW]
    network = Network(known="9999:good", away="9999:away")
    document, run = await setting(lite, network, now=lambda: clock[0])
    await customers(lite, document, range(3), "9999:away")
    good = await customers(lite, document, [100], "9999:good")

    def slow() -> None:
        clock[0] += timedelta(minutes=40)

    network.meanwhile = slow
    await run()
    assert network.asked == ["9999:away"] * 2
    await run()
    assert network.asked[2:] == ["9999:away", "9999:good"]
    assert await found(lite) == set(good)


async def test_somebody_known_by_numbers_is_asked_about_again_the_next_day(house, each_run):
    clock = [NOW]
    network = Network(known="9999:good", away="")
    document, run = await setting(house, network, now=lambda: clock[0])
    (customer_id,) = await customers(house, document, [0], "vat:1", scheme=OFF_NETWORK)
    network.spoilt = LookupFailed(SMP_UNAVAILABLE, "As the test says.")
    await run()
    assert len(network.asked) == 2
    clock[0] += timedelta(days=1)
    network.spoilt = LookupFailed(NOT_REGISTERED, "As the test says.")
    await run()
    asked = len(network.asked)
    assert asked > 2
    # It was an answer: the network is not asked again before a week is over.
    for days in (1, 5):
        clock[0] += timedelta(days=days)
        await run()
        assert len(network.asked) == asked
    clock[0] += timedelta(days=1, minutes=1)
    network.spoilt, network.known = None, network.asked[0]
    await run()
    assert await found(house) == {customer_id}


async def test_known_by_numbers_and_never_answered_for_they_keep_nobody_waiting(house, each_run):
    """More than a run can ask about fail each day; the others get their turn all the same."""
    clock = [NOW]
    network = Network(known="9999:good", away="")
    document, run = await setting(house, network, now=lambda: clock[0])
    failing = LookupFailed(SMP_UNAVAILABLE, "As the test says.")

    async def registrations(participant, *, at):
        network.asked.append(participant.value)
        if participant.value != network.known:
            raise failing
        return (network.type,)

    network.registrations = registrations
    await customers(house, document, range(2 * EACH_RUN), "vat:1", scheme=OFF_NETWORK)
    await run()
    good = await customers(house, document, range(100, 103), "9999:good")
    for _ in range(2):
        clock[0] += timedelta(days=1)
        await run()
    assert await found(house) == set(good)
    waiting = [one for one in await house.rows(Customer) if one.peppol_declined_at is None]
    assert all(one.peppol_asked_at for one in waiting)
