"""End-user identification: complete or refused, kept for good, and publishing hangs on it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.principal import CallerKind, Principal
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId
from gateway.core.alarms import open_alarms
from gateway.core.errors import GatewayError
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.worker import Worker
from gateway.core.settings import JobSettings
from gateway.network.identification import Proof, add_months, read_rules, standing_of
from gateway.network.identification_service import (
    WATCH,
    Identifications,
    NewIdentification,
    register_jobs,
)
from gateway.network.participant_changes import ParticipantChanges
from gateway.network.participants import BILLING_OFFERS, Offer, Participants
from gateway.network.sml_registration import SmlRegistrar

ALPHA = ParticipantId.of("0208:0123456789")
TODAY = date(2026, 11, 22)
FIELDS = {
    "legal_name": "Fictional Ltd",
    "registration_scheme": "KBO",
    "registration_number": "0123.456.789",
    "country": "BE",
    "address": "Voorbeeldstraat 1, 9000 Gent",
    "representative": "A. Example",
}
NEW = NewIdentification(
    fields=FIELDS,
    proofs=(Proof("register-extract", "extract 2026/17", "ab" * 32),),
    method="electronic-identity",
    identified_on=TODAY,
    identified_by="B. Clerk",
)
OFFER = Offer(BILLING_INVOICE, PROCESS_BILLING)


class Calendar:
    """A business date that a test moves."""

    def __init__(self) -> None:
        self.day = TODAY

    def today(self) -> date:
        return self.day


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def service(place, calendar) -> Identifications:
    return Identifications(
        database=place.database,
        rules=read_rules(None),
        required=True,
        business=calendar,
        now=place.network.now,
    )


@pytest.fixture
def participants(place, service) -> Participants:
    return Participants(database=place.database, network=place.network, gate=service)


@pytest.fixture
def caller(place) -> Principal:
    return Principal(place.other_tenant, "operator", CallerKind.API_KEY, frozenset())


async def refused(awaitable) -> tuple[str, str]:
    with pytest.raises(GatewayError) as caught:
        await awaitable
    return caught.value.code, caught.value.message


async def register(place, participants, participant=ALPHA, offers=BILLING_OFFERS):
    return await participants.register(
        place.tenant, participant, name="Fictional Ltd", country="BE", offers=offers
    )


async def code(place, service) -> str:
    async with place.database.read() as session:
        return (await service.standing(session, place.tenant, ALPHA)).code


async def test_nobody_is_published_unidentified(
    place, service, participants, caller, calendar
) -> None:
    unknown, said = await refused(register(place, participants))
    assert unknown == "IDENTIFICATION-MISSING"
    assert "missing" in said
    await register(place, participants, offers=())
    publishing = participants.publish(place.tenant, ALPHA, BILLING_INVOICE, [OFFER])
    assert (await refused(publishing))[0] == "IDENTIFICATION-MISSING"
    await service.record(caller, place.tenant, ALPHA, NEW)
    await participants.publish(place.tenant, ALPHA, BILLING_INVOICE, [OFFER])
    calendar.day = TODAY + timedelta(days=800)
    publishing = participants.publish(place.tenant, ALPHA, BILLING_INVOICE, [OFFER])
    assert "expired" in (await refused(publishing))[1]


async def test_our_own_identifier_needs_no_identification(place, participants, pki) -> None:
    row = await participants.register_provider(
        place.tenant, pki.ap_seat, name="Provider", country="BE"
    )
    assert row.value.startswith("0242:")


async def test_the_history_only_grows_and_the_newest_decides(
    place, service, caller, calendar
) -> None:
    assert await code(place, service) == "missing"
    first = await service.record(caller, place.tenant, ALPHA, NEW)
    assert first.recheck_on == date(2028, 11, 22)
    assert await code(place, service) == "valid"
    soon = replace(NEW, recheck_on=TODAY + timedelta(days=20), note="new owner announced")
    await service.record(caller, place.tenant, ALPHA, soon)
    assert await code(place, service) == "due"
    silent = replace(NEW, valid=False)
    assert (await refused(service.record(caller, place.tenant, ALPHA, silent)))[0] == (
        "IDENTIFICATION-INVALID"
    )
    gone = replace(NEW, valid=False, note="the company was struck off")
    await service.record(caller, place.tenant, ALPHA, gone)
    assert await code(place, service) == "withdrawn"
    rows = await service.history(place.tenant, ALPHA)
    assert [one.valid for one in rows] == [False, True, True]
    assert rows[0].fields == {}
    assert rows[2].fields == FIELDS
    assert rows[2].proofs == [NEW.proofs[0].to_json()]
    assert rows[2].recorded_by == "operator"
    assert await service.history(place.other_tenant, ALPHA) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"fields": {**FIELDS, "legal_name": "  "}}, "'legal_name' is missing"),
        ({"fields": {**FIELDS, "country": "Belgium"}}, "'country' is not written as"),
        ({"fields": {**FIELDS, "colour": "red"}}, "no field 'colour'"),
        ({"fields": {**FIELDS, "address": "x" * 1001}}, "'address' is longer"),
        ({"proofs": ()}, "at least one proof"),
        ({"proofs": (Proof("rumour", "x"),)}, "no proof 'rumour'"),
        ({"method": "telepathy"}, "no method 'telepathy'"),
        ({"identified_on": TODAY + timedelta(days=1)}, "in the future"),
        ({"recheck_on": TODAY}, "must come after"),
        ({"recheck_on": date(2030, 1, 1)}, "by 2028-11-22"),
    ],
)
async def test_an_incomplete_record_is_refused(place, service, caller, changed, named) -> None:
    attempt = service.record(caller, place.tenant, ALPHA, replace(NEW, **changed))
    kind, said = await refused(attempt)
    assert kind == "IDENTIFICATION-INVALID"
    assert named in said
    assert await service.history(place.tenant, ALPHA) == []


async def test_what_is_due_raises_an_alarm_until_it_was_done(
    place, service, participants, caller, calendar
) -> None:
    queue, registry = JobQueue(place.database), Registry()
    register_jobs(registry, service, zone="UTC")
    worker = Worker(database=place.database, queue=queue, registry=registry, settings=JobSettings())
    await service.record(caller, place.tenant, ALPHA, NEW)
    await register(place, participants)

    async def alarms() -> list[tuple[str, str, object]]:
        async with place.database.write() as session:
            await queue.enqueue(session, kind=WATCH, payload={})
        await worker.run_due()
        async with place.database.read() as session:
            return [
                (one.code, one.subject, one.facts["standing"]) for one in await open_alarms(session)
            ]

    assert await alarms() == []
    calendar.day = date(2028, 11, 1)
    assert await alarms() == [("IDENTIFICATION-DUE", ALPHA.value, "due")]
    calendar.day = date(2028, 11, 23)
    assert await alarms() == [("IDENTIFICATION-DUE", ALPHA.value, "expired")]
    await service.record(caller, place.tenant, ALPHA, replace(NEW, identified_on=calendar.day))
    assert await alarms() == []
    calendar.day = date(2031, 1, 1)
    assert len(await alarms()) == 1
    registrar = SmlRegistrar(
        database=place.database,
        queue=queue,
        client=None,
        smp_url="",
        smp_ip="",
        now=place.network.now,
    )
    changes = ParticipantChanges(
        database=place.database, network=place.network, registrar=registrar
    )
    await changes.remove(replace(caller, tenant_id=place.tenant), ALPHA)
    assert await alarms() == [], "who is gone need not be looked at"


def test_two_records_about_one_company_name_one_end_user() -> None:
    rules = read_rules(None)
    shouted = {**FIELDS, "registration_scheme": "kbo", "legal_name": "FICTIONAL"}
    assert rules.end_user(FIELDS) == rules.end_user(shouted) == "kbo:0123.456.789"
    assert rules.end_user({"registration_scheme": "KBO"}) == "", "it cannot tell"


def test_the_operators_own_rules_win(tmp_path) -> None:
    assert read_rules(tmp_path) == read_rules(None), "a folder without the file has ours"
    file = tmp_path / "identification.toml"
    shipped = (read_rules(None)).model_dump()
    assert shipped["recheck_months"] == 24
    file.write_text("recheck_months = 0\n")
    with pytest.raises(GatewayError, match="recheck_months"):
        read_rules(tmp_path)
    file.write_text("not toml")
    with pytest.raises(GatewayError, match="IDENTIFICATION-FILE"):
        read_rules(tmp_path)
    file.write_text(
        'recheck_months = 12\nwarn_days = 7\nsame_user = ["number"]\nproof = []\nmethod = []\n'
        '[[field]]\nid = "legal_name"\ntitle = { en = "Name" }\npattern = "["\n'
    )
    with pytest.raises(GatewayError, match="IDENTIFICATION-FILE"):
        read_rules(tmp_path)
    file.write_text(file.read_text().replace('"["', '".+"'))
    with pytest.raises(GatewayError, match="same_user names no field"):
        read_rules(tmp_path)
    file.write_text(file.read_text().replace('"number"', '"legal_name"'))
    rules = read_rules(tmp_path)
    assert rules.field[0].named("fr") == "Name", "English where a language has no word"


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 120))
@settings(max_examples=60)
def test_months_end_where_months_end(day: date, months: int) -> None:
    later = add_months(day, months)
    passed = (later.year - day.year) * 12 + later.month - day.month
    assert passed == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


@given(st.booleans(), st.integers(-40, 60))
def test_a_standing_permits_until_its_day(valid: bool, left: int) -> None:
    standing = standing_of(
        valid=valid, recheck_on=TODAY + timedelta(days=left), today=TODAY, warn_days=30
    )
    assert standing.may_publish is (valid and left >= 0)
    assert (standing.code == "due") is (valid and 0 <= left <= 30)
