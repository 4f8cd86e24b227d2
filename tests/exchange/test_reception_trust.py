"""Who may hand over messages, and how often: revocation, and limits per address and seat."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from cryptography import x509

from gateway.core.blob_format import BlobRef
from gateway.core.clock import now
from gateway.core.jobs.tables import Job
from gateway.exchange.lanes import ROUTE
from gateway.exchange.statistics.tables import Traffic
from gateway.exchange.tables import StoredBlob
from gateway.network.keys import FileKeys
from gateway.network.pki import CertificateVerdict, VerdictStatus
from gateway.network.revocation import RevocationAnswer, RevocationStatus
from gateway.network.trust import Judgement, Trust

THIRD = "POP000303"


class Authority:
    """Answers about every certificate as the test says."""

    def __init__(self, status: VerdictStatus, code: str, *answers: RevocationAnswer) -> None:
        self.status, self.code, self.answers = status, code, answers
        self.asked: list[x509.Certificate] = []

    async def judge(
        self,
        certificate: x509.Certificate,
        *,
        verdict: CertificateVerdict,
        **_rest: object,
    ) -> Judgement:
        self.asked.append(certificate)
        changed = replace(verdict, status=self.status, code=self.code, message="As the test says.")
        return Judgement(changed, self.answers)


@pytest.fixture
def answering(lite, monkeypatch):
    """Let an authority of the test judge what the receiver meets."""

    def install(authority: Authority) -> Authority:
        network = lite.receiver.gateway.network
        monkeypatch.setattr(network, "trust", Trust(network.anchors, authority))
        return authority

    return install


async def send(house, request):
    return await house.post_as4(request.content_type, request.body)


async def nothing_kept(house) -> bool:
    kept = [*await house.receptions(), *await house.rows(StoredBlob), *await house.rows(Traffic)]
    return not kept and not await house.rows(Job, Job.kind == ROUTE)


async def test_a_revoked_signer_is_refused_with_0101(lite, make_invoice, forge, answering):
    answering(Authority(VerdictStatus.FAILED, "CERT-REVOKED"))
    reply = await send(lite.receiver, forge(make_invoice()))
    assert (reply.status, b"EBMS:0101" in reply.body) == (200, True)
    assert b"CERT-REVOKED" in reply.body
    assert await nothing_kept(lite.receiver)


async def test_without_an_answer_about_revocation_the_sender_is_told_to_come_again(
    lite, make_invoice, forge, answering
):
    """No ebMS error: after one a sender would make a new message of it (decision 17)."""
    answering(Authority(VerdictStatus.INDETERMINATE, "CERT-REVOCATION-UNKNOWN"))
    reply = await send(lite.receiver, forge(make_invoice()))
    assert (reply.status, b"Envelope" in reply.body) == (503, False)
    assert b"AS4-TRUST-UNDECIDED" in reply.body
    assert await nothing_kept(lite.receiver)


async def test_a_message_for_keys_that_are_away_may_come_again(
    lite, make_invoice, forge, monkeypatch, tmp_path
):
    """An ebMS error would end it; the keys may be back in a minute, say on a volume."""
    network = lite.receiver.gateway.network
    ours, foreign = forge(make_invoice()), forge(make_invoice(), to_seat=THIRD)
    with monkeypatch.context() as cold_start:
        cold_start.setattr(network, "_keys", FileKeys(tmp_path))
        reply = await send(lite.receiver, ours)
        assert (reply.status, b"SEAT-KEYS-UNUSABLE" in reply.body) == (503, True)
        refused = await send(lite.receiver, foreign)
        assert (refused.status, b"AS4-ENCRYPTION-RECIPIENT" in refused.body) == (200, True)
    assert await nothing_kept(lite.receiver)
    assert b"NonRepudiationInformation" in (await send(lite.receiver, ours)).body


async def test_what_the_authority_answered_is_kept_with_the_reception(
    lite, make_invoice, forge, answering
):
    answer = RevocationAnswer(
        kind="ocsp",
        url="http://ocsp.example",
        fetched_at=now(),
        body=b"as it came",
        status=RevocationStatus.GOOD,
        this_update=now(),
        next_update=now() + timedelta(hours=1),
        revoked_at=None,
    )
    authority = answering(Authority(VerdictStatus.OK, "CERT-OK", answer))
    assert (await send(lite.receiver, forge(make_invoice()))).status == 200
    (reception,) = await lite.receiver.receptions()
    assert len(authority.asked) == 1
    (stored,) = await lite.receiver.rows(StoredBlob, StoredBlob.id == reception.revocation_id)
    ref = BlobRef(stored.id, stored.sha256, stored.size)
    body = await lite.receiver.gateway.platform.blobs.get(ref)
    with ZipFile(BytesIO(body)) as bundle:
        assert bundle.read("01-ocsp.der") == b"as it came"
    (counted,) = await lite.receiver.rows(Traffic)
    assert (counted.id, counted.c2_seat) == (reception.id, "POP000101")


async def test_a_stranger_costs_the_authority_no_question(
    lite, make_invoice, forge, answering, pki
):
    authority = answering(Authority(VerdictStatus.OK, "CERT-OK"))
    reply = await send(lite.receiver, forge(make_invoice(), credentials=pki.stranger))
    assert b"EBMS:0101" in reply.body
    assert authority.asked == []


@pytest.fixture
def strict(monkeypatch):
    """Two of everything, and then nothing for a long time."""
    for name in ("AS4_ADDRESS", "AS4_SEAT", "SMP_ADDRESS"):
        monkeypatch.setenv(f"GATEWAY__LIMITS__{name}_PER_MINUTE", "0")
    monkeypatch.setenv("GATEWAY__LIMITS__BURST_S", "1200")
    return monkeypatch


@pytest.fixture
def by_seat(strict) -> None:
    strict.setenv("GATEWAY__LIMITS__AS4_SEAT_PER_MINUTE", "0.1")


@pytest.fixture
def by_address(strict) -> None:
    strict.setenv("GATEWAY__LIMITS__AS4_ADDRESS_PER_MINUTE", "0.1")
    strict.setenv("GATEWAY__LIMITS__SMP_ADDRESS_PER_MINUTE", "0.1")


async def test_an_access_point_that_sends_too_much_is_slowed_down_and_others_are_not(
    by_seat, lite, make_invoice, forge
):
    statuses = [
        (await send(lite.receiver, forge(make_invoice(f"VT-{one}")))).status for one in range(3)
    ]
    assert statuses == [200, 200, 503]
    other = forge(make_invoice("VT-9"), from_seat=THIRD)
    assert b"NonRepudiation" in (await send(lite.receiver, other)).body
    assert len(await lite.receiver.receptions()) == 3


async def test_an_address_that_knocks_too_often_is_told_when_to_come_again(
    by_address, lite, make_invoice, forge
):
    replies = [await lite.receiver.post_as4("text/plain", b"?") for _ in range(3)]
    assert [one.status for one in replies] == [200, 200, 503]
    assert replies[-1].body.startswith(b"AS4-RATE-LIMITED")
    answers = [await lite.receiver.call("GET", "/smp/nobody") for _ in range(3)]
    assert [one.status for one in answers] == [400, 400, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 600
    assert (await lite.receiver.call("GET", "/v1/documents")).status == 200
