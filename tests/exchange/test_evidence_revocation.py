"""What authorities said of a certificate is part of the evidence, and is checked as they signed it.

The authority here answers in real OCSP and with real lists, signed by the key that issued the
certificates.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from gateway.core.clock import now
from gateway.exchange.evidence_check import check_evidence
from gateway.network.local_pki import new_key
from gateway.network.revocation import (
    RevocationAnswer,
    RevocationStatus,
    evidence_of_revocation,
    judged,
)
from gateway.network.trust import Judgement

# The authority lives beside the tests of the network.
sys.path.insert(0, str(Path(__file__).parents[1] / "network"))

from trust_authority import REVOKED, delegate, ocsp_answer, revocation_list

STATEMENT = "holds the authority's signed word that the certificate was good"
SENDER, RECEIVER = "POP000101", "POP000202"
KINDS = ("ocsp", "crl")


def answer_of(kind, body, at, status=RevocationStatus.GOOD):
    return RevocationAnswer(
        kind=kind,
        url=f"http://{kind}.example/",
        fetched_at=at,
        body=body,
        status=status,
        this_update=at,
        next_update=None,
    )


@dataclass
class Revocations:
    """Signs a good answer about every certificate of its authority; knows nothing of others."""

    pki: object
    kind: str

    async def judge(self, certificate, *, issuer, verdict, at):
        ap = self.pki.ap
        if issuer != ap.certificate:
            return Judgement(verdict)
        body = (
            ocsp_answer(certificate, ap, at=at)
            if self.kind == "ocsp"
            else revocation_list(ap, at=at, revoked=(self.pki.expired.certificate,))
        )
        answer = answer_of(self.kind, body, at)
        return Judgement(judged(verdict, answer), (answer,))


@pytest.fixture
async def evidence(lite, pki, monkeypatch, request):
    """One exchange of which both sides asked the authority; the bundle of either side."""
    for house in (lite.sender, lite.receiver):
        trust = house.gateway.network.trust
        monkeypatch.setattr(trust, "_revocations", Revocations(pki, request.param))
    sent, arrived = await lite.delivered()
    found = {}
    for name, house, document in (
        ("sent", lite.sender, sent),
        ("received", lite.receiver, arrived),
    ):
        got = await house.call("GET", f"/v1/documents/{document.id}/evidence")
        assert got.status == 200
        found[name] = got.body
    return found


def verdicts(bundle):
    """What the check says about revocation of the document's own message."""
    checks = check_evidence(bundle)
    return [
        one.holds
        for one in checks
        if one.statement == STATEMENT and one.subject.startswith("message-01")
    ]


def rewritten(bundle: bytes, answers) -> bytes:
    """The bundle with other answers about its first message, kept as they would have been."""
    out, source = BytesIO(), ZipFile(BytesIO(bundle))
    message = json.loads(source.read("manifest.json"))["messages"][0]
    name = message.get("revocation") or message["lookup"]
    with ZipFile(out, "w") as changed:
        for one in source.namelist():
            content = source.read(one)
            changed.writestr(one, _kept(content, answers) if one == name else content)
    return out.getvalue()


def _kept(packed: bytes, answers) -> bytes:
    """Received ones lie in a zip of their own, sent ones in a folder of the lookup's."""
    source, fresh = ZipFile(BytesIO(packed)), ZipFile(BytesIO(evidence_of_revocation(answers)))
    if "revocation.json" in source.namelist():
        return evidence_of_revocation(answers)
    out = BytesIO()
    with ZipFile(out, "w") as changed:
        for one in source.namelist():
            if not one.startswith("revocation/"):
                changed.writestr(one, source.read(one))
        for one in fresh.namelist():
            changed.writestr(f"revocation/{one}", fresh.read(one))
    return out.getvalue()


@pytest.mark.parametrize("evidence", KINDS, indirect=True)
async def test_both_sides_keep_what_the_authority_signed_about_the_other(evidence):
    for bundle in evidence.values():
        assert verdicts(bundle) == [True]
        broken = [one for one in check_evidence(bundle) if not one.holds]
        assert broken == []


def _unauthorised(pki, peer, at):
    """Signed with a certificate of the authority's that is not for answering."""
    other = delegate(pki.ap, new_key(), at=at, for_ocsp=False)
    return ocsp_answer(peer, pki.ap, at=at, signer=other, enclosed=(other.certificate,))


Forgery = Callable[..., bytes]
FORGED: dict[str, tuple[str, Forgery]] = {
    "revoked": ("ocsp", lambda pki, peer, at: ocsp_answer(peer, pki.ap, at=at, status=REVOKED)),
    "on the list": ("crl", lambda pki, peer, at: revocation_list(pki.ap, at=at, revoked=(peer,))),
    "about another": (
        "ocsp",
        lambda pki, _peer, at: ocsp_answer(pki.expired.certificate, pki.ap, at=at),
    ),
    "by one who may not": ("ocsp", _unauthorised),
    "a list by another": (
        "crl",
        lambda pki, _, at: revocation_list(pki.ap, at=at, signer=replace(pki.ap, key=new_key())),
    ),
    "no answer at all": ("ocsp", lambda *_: b"\x30\x03\x0a\x01\x06"),
    "nonsense": ("crl", lambda *_: b"as it came"),
}


@pytest.mark.parametrize("evidence", ["ocsp"], indirect=True)
async def test_no_other_word_counts(evidence, pki):
    at = now()
    for side, seat in (("sent", RECEIVER), ("received", SENDER)):
        peer = pki.seat(seat).certificate
        for name, (kind, body) in FORGED.items():
            forged = answer_of(kind, body(pki, peer, at), at)
            assert verdicts(rewritten(evidence[side], [forged])) == [False], (side, name)
        good = answer_of("ocsp", ocsp_answer(peer, pki.ap, at=at), at)
        assert verdicts(rewritten(evidence[side], [good])) == [True], side
        bad = answer_of("ocsp", ocsp_answer(peer, pki.ap, at=at, status=REVOKED), at)
        assert verdicts(rewritten(evidence[side], [good, bad])) == [False], side


@pytest.mark.parametrize("evidence", ["ocsp"], indirect=True)
async def test_an_answer_that_was_too_old_when_it_came_proves_nothing(evidence, pki):
    peer = pki.seat(SENDER).certificate
    at = now()
    old = ocsp_answer(peer, pki.ap, at=at.replace(year=at.year - 1))
    assert verdicts(rewritten(evidence["received"], [answer_of("ocsp", old, at)])) == [False]
