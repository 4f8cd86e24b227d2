"""Finding out whether a peer's certificate was revoked, in the order the operator chose.

Remembers what authorities said (in this process, and in the database for all of them), asks once
where many wait, and applies the operator's policy when nobody answers. What an answer means is
in ``ocsp``, ``crl`` and ``revocation``.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, cast
from weakref import WeakValueDictionary

import structlog
from cryptography import x509

from gateway.as4.agreement import common_name
from gateway.core.alarms import AlarmKind, Severity, clear_alarm, raise_alarm
from gateway.core.database import Database
from gateway.core.settings import Stage, TrustSettings
from gateway.network.crl import RevocationList, crl_addresses, read_crl
from gateway.network.ocsp import ocsp_addresses, ocsp_request, read_ocsp_answer
from gateway.network.pki import CertificateVerdict
from gateway.network.revocation import (
    Reading,
    RevocationAnswer,
    RevocationKind,
    RevocationRefused,
    RevocationStatus,
    believed_until,
    judged,
    without_answer,
)
from gateway.network.revocation_client import RevocationClient
from gateway.network.revocation_store import RevocationStore, list_key
from gateway.network.trust import Judgement
from gateway.network.trust_tables import CertificateStanding

__all__ = ["REVOCATION_SOFT_FAIL", "REVOCATION_UNAVAILABLE", "RevocationCheck"]

log = structlog.get_logger(__name__)

REVOCATION_SOFT_FAIL: Final = AlarmKind(
    "REVOCATION-SOFT-FAIL",
    Severity.WARNING,
    "Certificates are accepted although their authority does not answer",
    "Check that the gateway reaches the addresses of the authority's OCSP and CRL services. "
    "After trust.soft_fail_hours messages are held back.",
)
REVOCATION_UNAVAILABLE: Final = AlarmKind(
    "REVOCATION-UNAVAILABLE",
    Severity.CRITICAL,
    "Messages are held back because the authority does not answer",
    "Check that the gateway reaches the addresses of the authority's OCSP and CRL services; "
    "nothing is lost, everything is tried again.",
)

_AT_HAND: Final = timedelta(minutes=5)
"""How long this process relies on its own memory before it looks into the database again."""
_REST: Final = timedelta(seconds=30)
"""How long an address that failed is left alone, so that an outage costs little time."""
_ALARM_EVERY: Final = timedelta(minutes=1)
_MOST_REMEMBERED: Final = 2000
_MOST_ADDRESSES: Final = 3
_UNKNOWN: Final = "REVOCATION-UNKNOWN"
_NO_ADDRESS: Final = "REVOCATION-NO-ADDRESS"


@dataclass(frozen=True, slots=True)
class _Question:
    """A certificate, who issued it, what was last heard of it, and the moment of asking."""

    certificate: x509.Certificate
    issuer: x509.Certificate
    standing: CertificateStanding | None
    at: datetime


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of machine time, its end excluded; a clock that is set back leaves it, too."""

    start: datetime
    end: datetime

    def covers(self, at: datetime) -> bool:
        return self.start <= at < self.end


class RevocationCheck:
    """Answers for ``Trust`` whether a certificate was revoked; one object per process."""

    def __init__(
        self,
        *,
        database: Database,
        client: RevocationClient,
        settings: TrustSettings,
        stage: Stage,
    ) -> None:
        self._database = database
        self._store = RevocationStore(database)
        self._client = client
        self._order = cast("list[RevocationKind]", settings.mode.split("-then-"))
        self._soft_fail = timedelta(hours=settings.soft_fail_hours)
        self._longest = timedelta(hours=settings.cache_hours)
        self._stage = stage
        self._known: OrderedDict[str, tuple[_Span, Judgement]] = OrderedDict()
        self._lists: dict[str, tuple[_Span, RevocationList, RevocationAnswer]] = {}
        self._resting: dict[str, _Span] = {}
        self._alarmed: dict[tuple[str, str], datetime] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def judge(
        self,
        certificate: x509.Certificate,
        *,
        issuer: x509.Certificate,
        verdict: CertificateVerdict,
        at: datetime,
    ) -> Judgement:
        """Add what is known of revocation; call it outside of any transaction.

        Nothing but the database's own failure is raised. A certificate that names nowhere to
        ask is held back in production; elsewhere it passes, because test PKIs name nowhere.
        """
        key = verdict.fingerprint
        async with self._lock(key):
            known = self._known.get(key)
            if known is not None and known[0].covers(at):
                return known[1]
            standing = await self._store.standing(key)
            question = _Question(certificate, issuer, standing, at)
            until, judgement = await self._find_out(question, verdict)
            self._known[key] = (_Span(at, until), judgement)
            self._known.move_to_end(key)
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
            return judgement

    async def _find_out(
        self, question: _Question, verdict: CertificateVerdict
    ) -> tuple[datetime, Judgement]:
        at, places = question.at, self._places(question.certificate)
        if not places and self._stage is not Stage.PRODUCTION:
            passed = replace(verdict, revocation="the certificate names nowhere to ask")
            return at + _AT_HAND, Judgement(passed)
        answer, trouble, unknown = None, _NO_ADDRESS, None
        for kind, url in places:
            try:
                found = await self._answer(kind, url, question)
            except RevocationRefused as error:
                trouble = error.code
                seat = common_name(question.certificate)
                log.warning(
                    "trust.no_revocation_answer", seat=seat, kind=kind, url=url, code=error.code
                )
                continue
            if found.status is not RevocationStatus.UNKNOWN:
                answer = found
                break
            unknown, trouble = found, _UNKNOWN
        if answer is None:
            judgement = await self._unanswered(question, verdict, unknown=unknown, trouble=trouble)
            return at + _REST, judgement
        await self._calm(question.issuer, at)
        until = min(at + _AT_HAND, self._until(answer))
        return until, Judgement(judged(verdict, answer), (answer,))

    def _places(self, certificate: x509.Certificate) -> list[tuple[RevocationKind, str]]:
        addresses = {"ocsp": ocsp_addresses, "crl": crl_addresses}
        return [
            (kind, url)
            for kind in self._order
            for url in addresses[kind](certificate)[:_MOST_ADDRESSES]
        ]

    async def _answer(
        self, kind: RevocationKind, url: str, question: _Question
    ) -> RevocationAnswer:
        standing = question.standing
        if kind == "ocsp":
            answer = await self._by_ocsp(url, question)
        else:
            answer = await self._by_list(url, question)
        _refuse_older(answer, standing)
        if answer.status is not RevocationStatus.UNKNOWN and (
            standing is None or standing.fetched_at < answer.fetched_at
        ):
            await self._store.keep_answer(question.certificate, answer)
        return answer

    async def _by_ocsp(self, url: str, question: _Question) -> RevocationAnswer:
        certificate, issuer, at = question.certificate, question.issuer, question.at
        if question.standing is not None and question.standing.kind == "ocsp":
            known = _of_standing(question.standing)
            if at < self._until(known):
                return known
        self._refuse_resting(url, at)
        try:
            body = await self._client.ask(url, ocsp_request(certificate, issuer))
            reading = await asyncio.to_thread(
                read_ocsp_answer, body, certificate=certificate, issuer=issuer, at=at
            )
        except RevocationRefused:
            self._resting[url] = _Span(at, at + _REST)
            raise
        return _of_reading(reading, kind="ocsp", url=url, body=body, at=at)

    async def _by_list(self, url: str, question: _Question) -> RevocationAnswer:
        key = list_key(url, question.issuer)
        async with self._lock(key):
            known = self._lists.get(key)
            if known is None or not known[0].covers(question.at):
                known = await self._list(key, url, question.issuer, question.at)
                self._lists[key] = known
        _, listed, answer = known
        reading = await asyncio.to_thread(listed.reading, question.certificate)
        return replace(answer, status=reading.status, revoked_at=reading.revoked_at)

    async def _list(
        self, key: str, url: str, issuer: x509.Certificate, at: datetime
    ) -> tuple[_Span, RevocationList, RevocationAnswer]:
        """The authority's list: the one in the database while it holds, else a fresh one."""
        stored = await self._store.stored_list(key)
        if stored is not None and at < believed_until(
            fetched_at=stored.fetched_at, next_update=stored.next_update, longest=self._longest
        ):
            body, fetched_at = stored.body, stored.fetched_at
            listed = await asyncio.to_thread(read_crl, body, issuer=issuer, url=url, at=at)
        else:
            self._refuse_resting(url, at)
            try:
                body, fetched_at = await self._client.download(url), at
                listed = await asyncio.to_thread(read_crl, body, issuer=issuer, url=url, at=at)
            except RevocationRefused:
                self._resting[url] = _Span(at, at + _REST)
                raise
            await self._store.keep_list(
                key, url=url, body=body, next_update=listed.next_update, at=at
            )
        answer = RevocationAnswer(
            kind="crl",
            url=url,
            fetched_at=fetched_at,
            body=body,
            status=RevocationStatus.UNKNOWN,
            this_update=listed.this_update,
            next_update=listed.next_update,
        )
        return _Span(at, min(at + _AT_HAND, self._until(answer))), listed, answer

    async def _unanswered(
        self,
        question: _Question,
        verdict: CertificateVerdict,
        *,
        unknown: RevocationAnswer | None,
        trouble: str,
    ) -> Judgement:
        """Nobody said good or revoked: what was revoked stays so, the policy decides the rest."""
        standing, at = question.standing, question.at
        answers = () if unknown is None else (unknown,)
        if standing is not None and standing.status is RevocationStatus.REVOKED:
            last = await self._last_word(standing, question.issuer)
            return Judgement(judged(verdict, last), (*answers, last))
        # An authority that does not know the certificate has answered; silence is excused only.
        last_good = standing.last_good_at if standing is not None and unknown is None else None
        result = without_answer(
            verdict, last_good=last_good, soft_fail=self._soft_fail, at=at, reason=trouble
        )
        kind = REVOCATION_SOFT_FAIL if result.ok else REVOCATION_UNAVAILABLE
        await self._alarm(kind, question.issuer, trouble, at)
        return Judgement(result, answers)

    async def _last_word(
        self, standing: CertificateStanding, issuer: x509.Certificate
    ) -> RevocationAnswer:
        answer = _of_standing(standing)
        if answer.kind == "ocsp":
            return answer
        stored = await self._store.stored_list(list_key(answer.url, issuer))
        return answer if stored is None else replace(answer, body=stored.body)

    def _until(self, answer: RevocationAnswer) -> datetime:
        return believed_until(
            fetched_at=answer.fetched_at, next_update=answer.next_update, longest=self._longest
        )

    def _refuse_resting(self, url: str, at: datetime) -> None:
        rest = self._resting.pop(url, None)
        if rest is not None and rest.covers(at):
            self._resting[url] = rest
            raise RevocationRefused(
                "REVOCATION-UNREACHABLE", "The authority's service failed a moment ago."
            )

    def _lock(self, key: str) -> asyncio.Lock:
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = lock = asyncio.Lock()
        return lock

    async def _alarm(
        self, kind: AlarmKind, issuer: x509.Certificate, trouble: str, at: datetime
    ) -> None:
        subject = _authority(issuer)
        last = self._alarmed.get((kind.code, subject))
        if last is not None and _Span(last, last + _ALARM_EVERY).covers(at):
            return
        self._alarmed[kind.code, subject] = at
        async with self._database.write() as session:
            await raise_alarm(session, kind, subject, at=at, facts={"reason": trouble})

    async def _calm(self, issuer: x509.Certificate, at: datetime) -> None:
        """The authority answers again: what this process raised is over."""
        subject = _authority(issuer)
        for kind in (REVOCATION_SOFT_FAIL, REVOCATION_UNAVAILABLE):
            if self._alarmed.pop((kind.code, subject), None) is not None:
                async with self._database.write() as session:
                    await clear_alarm(session, kind, subject, at=at)


def _authority(issuer: x509.Certificate) -> str:
    return common_name(issuer) or issuer.subject.rfc4514_string()


def _refuse_older(answer: RevocationAnswer, standing: CertificateStanding | None) -> None:
    """Without TLS anybody on the way can give us an old good answer once more."""
    if (
        standing is not None
        and standing.status is RevocationStatus.REVOKED
        and answer.this_update < standing.this_update
    ):
        raise RevocationRefused(
            "REVOCATION-STALE", "The answer is older than the one that said revoked."
        )


def _of_standing(standing: CertificateStanding) -> RevocationAnswer:
    return RevocationAnswer(
        kind=cast("RevocationKind", standing.kind),
        url=standing.url,
        fetched_at=standing.fetched_at,
        body=standing.body,
        status=standing.status,
        this_update=standing.this_update,
        next_update=standing.next_update,
        revoked_at=standing.revoked_at,
    )


def _of_reading(
    reading: Reading, *, kind: RevocationKind, url: str, body: bytes, at: datetime
) -> RevocationAnswer:
    return RevocationAnswer(
        kind=kind,
        url=url,
        fetched_at=at,
        body=body,
        status=reading.status,
        this_update=reading.this_update,
        next_update=reading.next_update,
        revoked_at=reading.revoked_at,
    )
