"""What the list of going live looks at on the network side: addresses, keys, SMP, SML, clock.

Each check looks from outside where it can, as a peer would. Reads only; the one message it sends
to itself is addressed to nobody and refused by design (see onboarding_loopback).
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final

import aiohttp
from cryptography.hazmat.primitives.serialization import Encoding
from yarl import URL

from gateway.as4.identifiers import MESSAGE_LEVEL_STATUS, ParticipantId, spid_of_seat
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.network import queries
from gateway.network.keys import KeyPair
from gateway.network.onboarding import Check, Finding, Outcome, failed, ok, skipped
from gateway.network.onboarding_loopback import send_to_ourselves
from gateway.network.pki import Purpose, VerdictStatus, fingerprint
from gateway.network.service import Network
from gateway.network.sml_client import SML_MANAGEMENT
from gateway.network.sml_registration import SmlRegistrar
from gateway.network.smp import open_signed_metadata
from gateway.network.spid_check import SpidCheck

__all__ = ["NetworkChecks"]

ALIVE_PATH: Final = "/healthz"
CLOCK_TOLERANCE_S: Final = 60
RENEW_BEFORE_DAYS: Final = 30
NOT_REACHED: Final = ErrorKind("ONBOARDING-NOT-REACHED", "An address was not reached", 502)
_TIMEOUT: Final = aiohttp.ClientTimeout(total=20)
_MAX_ANSWER: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NetworkChecks:
    """The network's part of the list."""

    database: Database
    network: Network
    session: aiohttp.ClientSession
    registrar: SmlRegistrar
    spid_check: SpidCheck
    public_url: str

    def checks(self) -> tuple[Check, ...]:
        """The checks in the order an operator goes through them."""
        found: tuple[tuple[str, Callable[[], Awaitable[Finding]]], ...] = (
            ("stage", self._stage),
            ("public-url", self._public_url),
            ("tls", self._tls),
            ("clock", self._clock),
            ("ap-keys", partial(self._keys, "ap-keys", Purpose.AP)),
            ("smp-keys", partial(self._keys, "smp-keys", Purpose.SMP)),
            ("certificate-ends", self._ends),
            ("revocation", self._revocation),
            ("smp-answers", self._smp),
            ("sml", self._sml),
            ("own-lookup", self._lookup),
            ("mls-address", self._mls_address),
            ("loop-back", self._loop_back),
        )
        return tuple(Check(name, look) for name, look in found)

    def by_hand(self) -> Check:
        """The last step: what a person enters in the test bed."""
        return Check("test-bed", self._test_bed)

    async def _stage(self) -> Finding:
        stage = self.network.stage
        if stage is Stage.DEMO:
            return skipped("stage", "The stage is demo: nobody outside this machine is reached.")
        return ok("stage", f"This gateway stands on the {stage.value} network.")

    async def _public_url(self) -> Finding:
        url = f"{self.public_url}{ALIVE_PATH}"
        status, _headers, _body = await self._get(url)
        if status != 200:
            return failed("public-url", f"{url} answered with status {status}.")
        if URL(url).scheme != "https":
            return failed("public-url", f"{self.public_url} is reached, but without TLS.")
        if URL(url).port != 443:
            return failed("public-url", f"{self.public_url} does not use port 443.")
        return ok("public-url", f"{url} is reached.")

    async def _tls(self) -> Finding:
        parsed = URL(self.public_url)
        if parsed.scheme != "https" or parsed.host is None:
            return skipped("tls", "The public address is not https.")
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            _reader, writer = await asyncio.open_connection(
                parsed.host, parsed.port, ssl=context, server_hostname=parsed.host
            )
        except (OSError, ssl.SSLError) as error:
            return failed("tls", f"No TLS connection that peers accept: {error}.")
        version = writer.get_extra_info("ssl_object").version()
        ends = writer.get_extra_info("peercert")["notAfter"]
        writer.close()
        return ok("tls", f"{version} with a certificate of a public authority until {ends}.")

    async def _clock(self) -> Finding:
        stage = Stage.PRODUCTION if self.network.stage is Stage.PRODUCTION else Stage.TEST
        url = SML_MANAGEMENT[stage]
        try:
            _status, headers, _body = await self._get(url)
        except GatewayError as error:
            return skipped("clock", f"No other clock could be asked: {error.message}")
        try:
            theirs = parsedate_to_datetime(headers.get("Date", ""))
        except ValueError:
            return skipped("clock", f"{URL(url).host} did not tell its time.")
        apart = abs((self.network.now() - theirs).total_seconds())
        said = f"{apart:.0f} seconds apart from {URL(url).host}."
        return ok("clock", said) if apart <= CLOCK_TOLERANCE_S else failed("clock", said)

    async def _keys(self, check: str, purpose: Purpose) -> Finding:
        seats = self.network.seat_ids(purpose)
        if not seats and purpose is Purpose.SMP:
            return skipped(check, "No SMP seat here: participants are published elsewhere.")
        if not seats:
            return failed(check, "No seat of an access point has keys here.")
        said = []
        for seat_id in seats:
            pair = self.network.key_ring(seat_id).signing(self.network.now())
            verdict = (
                await self.network.trust.judge(
                    pair.certificate, purpose=purpose, at=self.network.now()
                )
            ).verdict
            if verdict.status is VerdictStatus.FAILED:
                return failed(check, f"{seat_id}: {verdict.message} ({verdict.code})")
            said.append(f"{seat_id} ({verdict.fingerprint[:16]})")
        return ok(check, f"{', '.join(said)}: chain, key usage and validity hold.")

    async def _ends(self) -> Finding:
        at = self.network.now()
        ends = {seat: pair.certificate.not_valid_after_utc for seat, pair in self._pairs(at)}
        if not ends:
            return skipped("certificate-ends", "There is no certificate yet.")
        seat_id, first = min(ends.items(), key=lambda item: item[1])
        days = (first - at).days
        said = f"The first to end is that of {seat_id}, on {first:%Y-%m-%d} ({days} days left)."
        check = "certificate-ends"
        return ok(check, said) if days >= RENEW_BEFORE_DAYS else failed(check, said)

    async def _revocation(self) -> Finding:
        at = self.network.now()
        for seat_id, pair in self._pairs(at):
            purpose = Purpose.AP if seat_id in self.network.seat_ids(Purpose.AP) else Purpose.SMP
            judgement = await self.network.trust.judge(pair.certificate, purpose=purpose, at=at)
            verdict = judgement.verdict
            if not verdict.ok:
                return failed("revocation", f"{seat_id}: {verdict.message} ({verdict.code})")
            if not judgement.answers:
                return skipped("revocation", f"{seat_id}: {verdict.revocation}.")
        return ok("revocation", "The authority answers, and no certificate of ours is revoked.")

    async def _smp(self) -> Finding:
        if not self.network.seat_ids(Purpose.SMP):
            return skipped("smp-answers", "No SMP seat here: participants are published elsewhere.")
        for seat_id in self.network.seat_ids(Purpose.AP):
            spid = spid_of_seat(seat_id)
            url = (
                f"{self.network.smp_url}/{spid.percent_encoded}"
                f"/services/{MESSAGE_LEVEL_STATUS.percent_encoded}"
            )
            status, _headers, body = await self._get(url)
            if status != 200:
                return failed("smp-answers", f"{url} answered with status {status}.")
            signer = open_signed_metadata(body).signer
            ours = self.network.smp_signing(self.network.now()).certificate
            if signer != ours:
                return failed("smp-answers", f"{url} is signed by another certificate than ours.")
        return ok("smp-answers", "Our SMP answers from outside and its signature holds.")

    async def _sml(self) -> Finding:
        if not self.registrar.is_on:
            return skipped("sml", "Registration in the SML is switched off (participants.sml).")
        known = await self.registrar.client.publisher()
        if known.logical_address.rstrip("/") != self.network.smp_url:
            return failed("sml", f"The SML leads to {known.logical_address}, not to our SMP.")
        return ok("sml", f"The SML knows our SMP as {known.smp_id}.")

    async def _lookup(self) -> Finding:
        findings = await self.spid_check.look()
        for one in findings:
            if one.code:
                return failed("own-lookup", f"{one.spid.value}: {one.message} ({one.code})")
        if not findings:
            return skipped("own-lookup", "There is no access point seat yet.")
        found = ", ".join(one.spid.value for one in findings)
        return ok("own-lookup", f"{found}: found through DNS and SMP, leading here.")

    async def _mls_address(self) -> Finding:
        async with self.database.read() as session:
            seats = [one for one in await queries.seats(session) if one.purpose is Purpose.AP]
            for one in seats:
                spid = ParticipantId.of(one.mls_address)
                row = await queries.served_participant(session, spid, at=self.network.now())
                if row is None or not await queries.capabilities(
                    session, row, MESSAGE_LEVEL_STATUS
                ):
                    return failed("mls-address", f"{one.mls_address} takes no MLS here.")
        if not seats:
            return skipped("mls-address", "There is no access point seat yet.")
        return ok("mls-address", ", ".join(one.mls_address for one in seats))

    async def _loop_back(self) -> Finding:
        seats = self.network.seat_ids(Purpose.AP)
        if not seats:
            return skipped("loop-back", "There is no access point seat yet.")
        said = await send_to_ourselves(self.session, self.network, seats[0])
        return ok("loop-back", said)

    async def _test_bed(self) -> Finding:
        at = self.network.now()
        facts = {"as4-url": self.network.as4_url, "smp-url": self.network.smp_url}
        for seat_id, pair in self._pairs(at):
            if seat_id in self.network.seat_ids(Purpose.AP):
                facts["seat"], facts["spid"] = seat_id, spid_of_seat(seat_id).value
                facts["fingerprint"] = fingerprint(pair.certificate)
                facts["certificate"] = pair.certificate.public_bytes(Encoding.PEM).decode()
                break
        return Finding("test-bed", Outcome.BY_HAND, "", facts)

    def _pairs(self, at: datetime) -> list[tuple[str, KeyPair]]:
        seats = [*self.network.seat_ids(Purpose.AP), *self.network.seat_ids(Purpose.SMP)]
        return [(seat_id, self.network.key_ring(seat_id).signing(at)) for seat_id in seats]

    async def _get(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        check_url(url, self.network.stage)
        try:
            async with self.session.get(
                URL(url, encoded=True), timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                body = await response.content.read(_MAX_ANSWER)
                return response.status, response.headers, body
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GatewayError(
                NOT_REACHED, f"{url} was not reached ({type(error).__name__})."
            ) from error
