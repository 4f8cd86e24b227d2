"""Certificates judged with their authority answering, lying, silent and back again."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web
from sqlmodel import select
from trust_authority import REVOKED, Responder, ocsp_answer, revocation_list

from gateway.core.alarms import open_alarms
from gateway.core.errors import GatewayError
from gateway.core.outgoing import client_session
from gateway.core.settings import Settings, Stage, TrustSettings
from gateway.network.local_pki import issue
from gateway.network.pki import Purpose, TrustAnchors, VerdictStatus
from gateway.network.revocation import RevocationStatus
from gateway.network.revocation_check import RevocationCheck
from gateway.network.revocation_client import RevocationClient
from gateway.network.revocation_store import RevocationStore
from gateway.network.trust import Trust
from gateway.network.trust_tables import CertificateStanding, StoredRevocationList

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class House:
    """A gateway's trust, an authority's web server, and a seat's certificate between them."""

    def __init__(self, pki, database, http, responder: Responder, base: str) -> None:
        self.pki, self.database, self.http = pki, database, http
        self.responder, self.base = responder, base
        self.certificate = self.issue()
        self.trust = self.process()

    def issue(self, *, ocsp: str | None = "/ocsp", crl: str | None = "/list.crl", host=None):
        base = host or self.base
        certificate = issue(
            seat_id="POP000902",
            purpose=Purpose.AP,
            public_key=self.pki.spare_key.public_key(),
            issuer=self.pki.ap,
            not_before=self.pki.now - 30 * DAY,
            not_after=self.pki.now + 300 * DAY,
            ocsp_url=f"{base}{ocsp}" if ocsp else None,
            crl_url=f"{base}{crl}" if crl else None,
        )
        self.responder.certificates.append(certificate)
        return certificate

    def process(self, *, stage: Stage = Stage.TEST, timeout_s: float = 60, **changes) -> Trust:
        """The trust of one process; several may share the database."""
        settings = TrustSettings(**{"max_crl_bytes": 100_000, **changes})
        client = RevocationClient(
            self.http, stage=stage, timeout_s=timeout_s, max_crl_bytes=settings.max_crl_bytes
        )
        check = RevocationCheck(
            database=self.database, client=client, settings=settings, stage=stage
        )
        return Trust(self.pki.anchors, check)

    async def judge(self, *, after: timedelta = timedelta(0), trust=None, certificate=None):
        at = self.pki.now + after
        self.responder.at = at
        return await (trust or self.trust).judge(
            certificate or self.certificate, purpose=Purpose.AP, at=at
        )

    async def alarms(self) -> list[str]:
        async with self.database.read() as session:
            return [one.code for one in await open_alarms(session)]


@pytest.fixture
async def house(pki, database, aiohttp_server):
    responder = Responder(issuer=pki.ap, at=pki.now)
    server = await aiohttp_server(responder.application())
    http = client_session(Stage.TEST, connect_timeout_s=60, answer_timeout_s=60)
    async with http:
        base = str(server.make_url("/")).rstrip("/")
        yield House(pki, database, http, responder, base)


async def test_a_good_certificate_is_asked_about_once(house) -> None:
    first = await house.judge()
    assert first.verdict.ok
    assert first.verdict.revocation.startswith("good by OCSP of 2026-11-22")
    assert [(one.kind, one.status) for one in first.answers] == [("ocsp", RevocationStatus.GOOD)]
    again = await house.judge(after=HOUR)
    elsewhere = await house.judge(after=HOUR, trust=house.process())
    assert again.answers == elsewhere.answers == first.answers
    assert (house.responder.questions, house.responder.downloads) == (1, 0)
    await house.judge(after=13 * HOUR)
    assert house.responder.questions == 2


async def test_many_who_wait_ask_once(house) -> None:
    found = await asyncio.gather(*(house.judge() for _ in range(20)))
    assert all(one.verdict.ok for one in found)
    assert house.responder.questions == 1


async def test_a_revoked_certificate_is_refused_for_good(house) -> None:
    house.responder.revoked.append(house.certificate)
    found = await house.judge()
    assert (found.verdict.status, found.verdict.code) == (VerdictStatus.FAILED, "CERT-REVOKED")
    assert found.answers[0].body
    # Neither an outage nor the end of the answer makes it good again.
    house.responder.down = {"ocsp", "crl"}
    later = await house.judge(after=30 * DAY)
    assert later.verdict.code == "CERT-REVOKED"
    assert later.answers[0].body == found.answers[0].body
    assert await house.alarms() == []


@pytest.mark.parametrize("mode", ["ocsp-then-crl", "crl-then-ocsp", "crl"])
async def test_the_list_answers_where_ocsp_does_not(house, mode) -> None:
    house.responder.down = {"ocsp"}
    trust = house.process(mode=mode)
    found = await house.judge(trust=trust)
    assert found.verdict.revocation.startswith("good by CRL")
    assert found.answers[0].kind == "crl"
    other = house.issue()
    house.responder.revoked.append(other)
    # The list in hand holds for every certificate until it is fetched again.
    assert (await house.judge(trust=trust, certificate=other)).verdict.ok
    assert house.responder.downloads == 1
    gone = await house.judge(trust=house.process(mode=mode), certificate=other, after=13 * HOUR)
    assert gone.verdict.code == "CERT-REVOKED"
    assert house.responder.downloads == 2


async def test_a_revoked_word_of_a_list_keeps_its_evidence(house) -> None:
    house.responder.revoked.append(house.certificate)
    trust = house.process(mode="crl")
    assert (await house.judge(trust=trust)).verdict.code == "CERT-REVOKED"
    house.responder.down = {"crl"}
    later = await house.judge(trust=trust, after=20 * DAY)
    assert later.verdict.code == "CERT-REVOKED"
    assert later.answers[-1].body


async def test_ocsp_answers_where_the_list_does_not(house) -> None:
    house.responder.down = {"crl"}
    found = await house.judge(trust=house.process(mode="crl-then-ocsp"))
    assert found.answers[0].kind == "ocsp"
    silent = await house.judge(trust=house.process(mode="crl"), certificate=house.issue())
    assert silent.verdict.code == "CERT-REVOCATION-UNKNOWN"


async def test_silence_about_a_stranger_holds_its_message_back(house) -> None:
    house.responder.down = {"ocsp", "crl"}
    found = await house.judge()
    assert found.verdict.status is VerdictStatus.INDETERMINATE
    assert found.verdict.code == "CERT-REVOCATION-UNKNOWN"
    assert found.answers == ()
    assert await house.alarms() == ["REVOCATION-UNAVAILABLE"]
    questions = house.responder.questions
    await house.judge(after=timedelta(seconds=5), certificate=house.issue())
    assert house.responder.questions == questions  # an address that failed rests
    house.responder.down = set()
    assert (await house.judge(after=timedelta(minutes=1))).verdict.ok
    assert await house.alarms() == []


async def test_silence_about_a_known_one_is_excused_for_a_while(house) -> None:
    assert (await house.judge()).verdict.ok
    house.responder.down = {"ocsp", "crl"}
    excused = await house.judge(after=20 * HOUR)
    assert excused.verdict.ok
    assert "last known good 2026-11-22 12:00Z" in excused.verdict.revocation
    assert await house.alarms() == ["REVOCATION-SOFT-FAIL"]
    over = await house.judge(after=25 * HOUR)
    assert over.verdict.code == "CERT-REVOCATION-UNKNOWN"
    strict = await house.judge(after=20 * HOUR, trust=house.process(soft_fail_hours=0))
    assert strict.verdict.code == "CERT-REVOCATION-UNKNOWN"
    house.responder.down = set()
    assert (await house.judge(after=26 * HOUR)).verdict.ok
    assert await house.alarms() == []


async def test_what_the_authority_does_not_know_is_not_excused(house) -> None:
    from trust_authority import UNKNOWN

    trust = house.process(mode="ocsp")
    assert (await house.judge(trust=trust)).verdict.ok
    house.responder.status = UNKNOWN
    found = await house.judge(trust=trust, after=13 * HOUR)
    assert found.verdict.code == "CERT-REVOCATION-UNKNOWN"
    assert [one.status for one in found.answers] == [RevocationStatus.UNKNOWN]


async def test_an_old_good_answer_given_again_proves_nothing(house) -> None:
    before = ocsp_answer(house.certificate, house.pki.ap, at=house.pki.now)
    house.responder.revoked.append(house.certificate)
    assert (await house.judge()).verdict.code == "CERT-REVOKED"
    house.responder.ocsp_override = before
    house.responder.down = {"crl"}
    again = await house.judge(trust=house.process(mode="ocsp"), after=13 * HOUR)
    assert again.verdict.code == "CERT-REVOKED"


async def attacked(house, answer: bytes, *, mode: str = "ocsp"):
    house.responder.ocsp_override = answer
    return (await house.judge(trust=house.process(mode=mode, soft_fail_hours=0))).verdict


async def test_a_list_that_is_nearly_one_lets_others_answer(house) -> None:
    """What comes over plain HTTP may be anything: no kind of it may end the question."""
    broken = revocation_list(house.pki.ap, at=house.pki.now)
    broken = broken.replace(b"\x02\x01\x01\x30", b"\x02\x01\x07\x30")
    house.responder.list_override = broken
    found = await house.judge(trust=house.process(mode="crl-then-ocsp"))
    assert found.verdict.revocation.startswith("good by OCSP")


async def test_a_clock_that_is_set_back_ends_what_was_remembered(house) -> None:
    house.responder.down = {"ocsp", "crl"}
    ahead = 3 * DAY
    assert not (await house.judge(after=ahead)).verdict.ok
    house.responder.down = set()
    assert (await house.judge()).verdict.ok


async def test_forged_answers_do_not_pass(house) -> None:
    pki, certificate = house.pki, house.certificate
    for forged in (
        ocsp_answer(certificate, pki.ap, at=pki.now, signer=pki.smp),
        ocsp_answer(pki.ap_pair.certificate, pki.ap, at=pki.now),
        ocsp_answer(certificate, pki.ap, at=pki.now - 30 * DAY),
        revocation_list(pki.ap, at=pki.now),
        b"\0" * 200_000,
        b"",
    ):
        verdict = await attacked(house, forged)
        assert verdict.code == "CERT-REVOCATION-UNKNOWN"
        fallen_back = await attacked(house, forged, mode="ocsp-then-crl")
        assert fallen_back.revocation.startswith("good by CRL")
    forged = ocsp_answer(certificate, pki.ap, at=pki.now, status=REVOKED, signer=pki.smp)
    assert (await attacked(house, forged)).status is VerdictStatus.INDETERMINATE


async def test_a_list_larger_than_the_limit_is_not_read(house) -> None:
    house.responder.list_size = 100_001
    found = await house.judge(trust=house.process(mode="crl"))
    assert found.verdict.revocation == "no answer (REVOCATION-SIZE)"


async def test_one_redirect_is_followed_and_no_more(house) -> None:
    moved = house.issue(ocsp="/moved", crl=None)
    assert (await house.judge(certificate=moved)).verdict.ok
    circle = house.issue(ocsp="/circle", crl=None)
    asked = house.responder.questions
    found = await house.judge(certificate=circle)
    assert found.verdict.revocation == "no answer (REVOCATION-ADDRESS)"
    assert house.responder.questions == asked + 2


async def test_a_responder_that_hangs_is_left(house, aiohttp_server, pass_time) -> None:
    async def hang(_request: web.Request) -> web.Response:
        pass_time(61)
        await asyncio.Event().wait()
        raise AssertionError

    application = web.Application()
    application.router.add_post("/ocsp", hang)
    server = await aiohttp_server(application)
    slow = house.issue(crl=None, host=str(server.make_url("/")).rstrip("/"))
    found = await house.judge(certificate=slow)
    assert found.verdict.revocation == "no answer (REVOCATION-UNREACHABLE)"


async def test_nothing_private_is_asked_in_production(house) -> None:
    found = await house.judge(trust=house.process(stage=Stage.PRODUCTION))
    assert found.verdict.revocation == "no answer (REVOCATION-ADDRESS)"
    assert (house.responder.questions, house.responder.downloads) == (0, 0)


async def test_a_certificate_that_names_nowhere(house) -> None:
    bare = house.issue(ocsp=None, crl=None)
    assert (await house.judge(certificate=bare)).verdict.ok
    strict = await house.judge(certificate=bare, trust=house.process(stage=Stage.PRODUCTION))
    assert strict.verdict.code == "CERT-REVOCATION-UNKNOWN"


async def test_nobody_is_asked_about_a_certificate_that_is_refused_anyway(house) -> None:
    at = house.pki.now + 400 * DAY
    found = await house.trust.judge(house.certificate, purpose=Purpose.AP, at=at)
    assert found.verdict.code == "CERT-EXPIRED"
    wrong = await house.trust.judge(house.certificate, purpose=Purpose.SMP, at=house.pki.now)
    assert wrong.verdict.code == "CERT-WRONG-CA"
    assert house.responder.questions == 0


async def test_without_revocation_the_chain_alone_counts(pki) -> None:
    trust = Trust(pki.anchors)
    found = await trust.judge(pki.ap_pair.certificate, purpose=Purpose.AP, at=pki.now)
    assert (found.verdict.ok, found.verdict.revocation) == (True, "not checked")
    nobody = Trust(TrustAnchors((), (), ()))
    found = await nobody.judge(pki.ap_pair.certificate, purpose=Purpose.AP, at=pki.now)
    assert found.verdict.status is VerdictStatus.INDETERMINATE


async def test_what_nobody_asked_about_is_forgotten(house) -> None:
    house.responder.down = {"ocsp"}
    await house.judge()
    store = RevocationStore(house.database)
    await store.forget(house.pki.now + 59 * DAY)
    async with house.database.read() as session:
        assert (await session.exec(select(CertificateStanding))).one().kind == "crl"
        assert (await session.exec(select(StoredRevocationList))).one().body
    await store.forget(house.pki.now + 61 * DAY)
    async with house.database.read() as session:
        assert (await session.exec(select(CertificateStanding))).all() == []
        assert (await session.exec(select(StoredRevocationList))).all() == []


def test_production_must_check_revocation() -> None:
    with pytest.raises(ValueError, match="production must check"):
        Settings(stage=Stage.PRODUCTION, trust=TrustSettings(mode="off"))
    assert Settings(stage=Stage.TEST, trust=TrustSettings(mode="off")).trust.mode == "off"


async def test_a_refusal_of_the_address_is_typed(house) -> None:
    from gateway.core.outgoing import check_url

    with pytest.raises(GatewayError):
        check_url("http://10.0.0.1/ocsp", Stage.PRODUCTION, plain_http=True)
    check_url("http://ocsp.example/", Stage.PRODUCTION, plain_http=True)
