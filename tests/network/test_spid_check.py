"""Our own SPID: an alarm while it cannot be found, none for what nobody could be asked."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from gateway.core.alarms import open_alarms
from gateway.core.clock import now
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.worker import Worker
from gateway.core.settings import JobSettings
from gateway.network.errors import DNS, NOT_REGISTERED, LookupFailed
from gateway.network.spid_check import SpidCheck, ask_at_start, register_jobs

SPID = "0242:000901"


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str


@dataclass(frozen=True, slots=True)
class Found:
    endpoint: Endpoint


class Answers:
    """A network that answers as a test says."""

    def __init__(self) -> None:
        self.next: Found | LookupFailed = LookupFailed(NOT_REGISTERED, "nobody knows it")
        self.asked = 0

    async def find(self, participant, document_type, process, *, at, fresh):
        assert participant.value == SPID
        assert fresh
        self.asked += 1
        if isinstance(self.next, LookupFailed):
            raise self.next
        return self.next


@pytest.fixture
def answers() -> Answers:
    return Answers()


async def test_the_alarm_stays_until_it_is_found(place, answers) -> None:
    queue, registry = JobQueue(place.database), Registry()
    check = SpidCheck(database=place.database, network=place.network, lookup=answers)
    register_jobs(registry, check)
    worker = Worker(database=place.database, queue=queue, registry=registry, settings=JobSettings())
    here = Found(Endpoint(place.network.as4_url))
    moment = now() - timedelta(hours=1)

    async def alarms(answer: Found | LookupFailed) -> list[tuple[str, str, object]]:
        nonlocal moment
        answers.next = answer
        moment += timedelta(minutes=1)
        await ask_at_start(place.database, queue, moment)
        await ask_at_start(place.database, queue, moment)
        await worker.run_due()
        async with place.database.read() as session:
            return [
                (one.code, one.subject, one.facts["code"]) for one in await open_alarms(session)
            ]

    missing = [("SPID-NOT-PUBLISHED", SPID, "LOOKUP-NOT-REGISTERED")]
    assert await alarms(LookupFailed(DNS, "no name server answered")) == []
    assert answers.asked == 1, "starting twice in a minute asks once"
    assert await alarms(LookupFailed(NOT_REGISTERED, "nobody knows it")) == missing
    assert await alarms(LookupFailed(DNS, "no name server answered")) == missing
    assert await alarms(here) == []
    elsewhere = replace(here, endpoint=Endpoint("https://other.example/as4"))
    assert await alarms(elsewhere) == [("SPID-NOT-PUBLISHED", SPID, "SPID-ELSEWHERE")]
