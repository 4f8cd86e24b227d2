"""Real gateways as processes that can be killed: an SMP that stays up, a sender and a receiver.

Everything is ordinary: `gateway serve` with a settings file, real sockets, one data folder each.
Only the modules are loaded before (`crash_nursery`).
Polls and waits are short, so that a restarted process takes its work up soon; the leases of the
one before lapse by the hand of the house. Those of a living process never do: on a busy machine it
may stand still for longer than a test would wait for a lease.
"""

import asyncio
import json
import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from crash_nursery import NURSERY, Child
from sqlalchemy import Engine, NullPool, create_engine, make_url, update
from sqlmodel import Session, col, select

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.app import open_gateway
from gateway.as4.identifiers import spid_of_seat
from gateway.core.clock import now
from gateway.core.jobs.tables import Job, JobState
from gateway.core.settings import Settings, load_settings
from gateway.demo.cast import BUYER, SELLER, SMP, Actor
from gateway.network.keys import CERTIFICATE_SUFFIX
from gateway.network.local_pki import TestPki, ensure_test_pki
from gateway.network.participants import BILLING_OFFERS, MLS_OFFER, Participants

START_LIMIT_S = 120
ANSWER_LIMIT_S = 60
STOP_LIMIT_S = 120
PAUSE_S = 0.05

SETTINGS = """\
stage = "test"
data_dir = "{data}"

[database]
url = "{database}"

[http]
port = {port}

[network]
sml = "static"
sml_file = "{folder}/sml.toml"
trust_dir = "{trust}"
keys_dir = "{keys}"
provider_name = "{actor.provider}"
provider_country = "{actor.country}"
connect_timeout_s = 5
answer_timeout_s = {answer_timeout_s}

[jobs]
poll_s = 0.1
delivery_backoff_s = [0.5, 1, 2]
delivery_deadline_s = 600

[validation]
workers = 1
"""

T = TypeVar("T")
Unanswered = (urllib.error.URLError, HTTPException, OSError)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, away from the loops of other tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def wait_until(look: Callable[[], bool], what: str, *, limit_s: float = START_LIMIT_S) -> None:
    """Look again and again until something holds; fails when it never does."""
    deadline = time.monotonic() + limit_s
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit_s:g} seconds in vain: {what}")
        time.sleep(PAUSE_S)


@dataclass(frozen=True, slots=True)
class Country:
    """What all houses share: folder, PKI, where each listens and where the SMP says it does."""

    folder: Path
    pki: TestPki
    ports: dict[str, int]
    published: dict[str, int]

    def url(self, actor: Actor) -> str:
        """Where the network finds an actor's gateway."""
        return f"http://127.0.0.1:{self.published[actor.key]}"


class House:
    """One gateway process: started, killed and started again over the same data."""

    def __init__(self, actor: Actor, settings_file: Path, api_key: str) -> None:
        self.actor = actor
        self.settings: Settings = load_settings(settings_file)
        self.engine: Engine = _engine(self.settings.database_url)
        self._file = settings_file
        self._key = api_key
        self._process: Child | None = None

    def start(self, *, kill_at: str = "") -> None:
        """Start the process; with ``kill_at`` it will kill itself at that named point."""
        assert self._process is None, f"the {self.actor.key} runs already"
        self.lapse_leases_of_the_dead()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY__")}
        if kill_at:
            environment["GATEWAY__FAULTS__KILL_AT"] = kill_at
        with self._log.open("a") as log:
            log.write(f"--- start kill_at={kill_at!r}\n")
        command = ["serve", "--config", str(self._file)]
        self._process = NURSERY.start(command, environment, self._log)

    @property
    def _log(self) -> Path:
        return self._file.parent / "gateway.log"

    def kill(self) -> None:
        """Kill -9, wherever the process is right now; nothing happens to one that is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def bury(self, *, limit_s: float = 60) -> None:
        """Wait until the process has died of SIGKILL."""
        assert self._process is not None
        code = self._process.wait(limit_s)
        self._process = None
        assert code == -signal.SIGKILL, f"the {self.actor.key} ended with {code}; see {self._log}"

    def stop(self) -> None:
        """End the process in good order, if it runs."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_LIMIT_S)
            finally:
                self._process.kill()
                self._process.wait()
                self._process = None

    def lapse_leases_of_the_dead(self) -> None:
        """Let what a killed process had in hand be due again.

        Done again while a test waits: what a database was about to commit as its client died may
        be there only after the next process has started.
        """
        holds = Job.state == JobState.LEASED
        if self._process is not None:
            holds &= ~col(Job.worker).endswith(f":{self._process.pid}")
        with self.rows() as session:
            if session.exec(select(Job.id).where(holds).limit(1)).first() is not None:
                session.exec(update(Job).where(holds).values(run_at=now()))
                session.commit()

    @property
    def runs(self) -> bool:
        """Whether the process has been started and not ended since."""
        return self._process is not None and self._process.poll() is None

    def listens(self) -> bool:
        """Whether the server answers; a process that ended by itself is a failure."""
        assert self.runs, f"the {self.actor.key} ended by itself; see {self._log}"
        try:
            return self.call("/healthz", limit_s=5)[0] == 200
        except Unanswered:
            return False

    def call(
        self,
        path: str,
        content: bytes | None = None,
        *,
        limit_s: float = ANSWER_LIMIT_S,
        **headers: str,
    ) -> tuple[int, bytes]:
        """Ask the API; returns status and body, raises one of ``Unanswered`` without an answer."""
        request = urllib.request.Request(
            f"{self.settings.public_url}{path}",
            data=content,
            headers={
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/xml",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=limit_s) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def documents(self, direction: str) -> Iterator[dict[str, Any]]:
        """Every invoice the API lists for the business, newest first."""
        cursor = ""
        while True:
            page = f"/v1/documents?direction={direction}&kind=invoice&limit=200{cursor}"
            status, body = self.call(page)
            assert status == 200, body
            answer = json.loads(body)
            yield from answer["items"]
            if answer["next_cursor"] is None:
                return
            cursor = f"&cursor={answer['next_cursor']}"

    @contextmanager
    def rows(self) -> Iterator[Session]:
        """The house's database as it is right now, seen from outside the process."""
        with Session(self.engine) as session:
            yield session

    def blob_file(self, hexadecimal: str) -> Path:
        """Where the bytes of a blob lie."""
        return self.settings.data_dir / "blobs" / hexadecimal[-2:] / hexadecimal

    def blob_files(self) -> int:
        """How many blobs are whole in the store, named by a row or not."""
        files = (self.settings.data_dir / "blobs").glob("??/*")
        return sum(1 for one in files if not one.name.startswith("."))


def _engine(url: str) -> Engine:
    postgres = make_url(url).get_backend_name() == "postgresql"
    # No pooling: nothing of ours may hold a lock or a file while a process dies or starts.
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg" if postgres else "sqlite"),
        poolclass=NullPool,
        connect_args={} if postgres else {"timeout": ANSWER_LIMIT_S},
    )


def found_country(folder: Path, free_port: Callable[[], int]) -> Country:
    """Make the PKI and choose free ports."""
    pki = ensure_test_pki(
        folder / "pki", ap_seats=[SELLER.seat_id, BUYER.seat_id], smp_seats=[SMP.seat_id], at=now()
    )
    ports = {one.key: free_port() for one in (SMP, SELLER, BUYER)}
    (folder / "sml.toml").write_text(f'default = "http://127.0.0.1:{ports[SMP.key]}/smp"\n')
    return Country(folder, pki, ports, published=ports)


def build_house(
    country: Country,
    actor: Actor,
    *,
    home: Path,
    database: str = "",
    answer_timeout_s: int = 20,
) -> House:
    """Give an actor settings, data folder, keys and an account; the process is not started."""
    keys = home / "keys"
    keys.mkdir(parents=True)
    shutil.copytree(country.pki.keys / actor.seat_id, keys / actor.seat_id)
    file = home / "gateway.toml"
    file.write_text(
        SETTINGS.format(
            data=home / "data",
            database=database,
            port=country.ports[actor.key],
            folder=country.folder,
            trust=country.pki.trust,
            keys=keys,
            actor=actor,
            answer_timeout_s=answer_timeout_s,
        )
    )
    return House(actor, file, run(_furnish(country, actor, load_settings(file))))


async def _furnish(country: Country, actor: Actor, settings: Settings) -> str:
    """Open the actor's account and return its API key; the SMP publishes the two others."""
    async with open_gateway(settings) as gateway:
        tenant = await gateway.access.create_tenant(slug=actor.key, name=actor.business)
        if actor.participant is None:
            await _publish(country, gateway.participants, tenant.id)
        else:
            await gateway.participants.register(
                tenant.id, actor.participant, name=actor.business, country=actor.country
            )
        caller = Principal(
            tenant_id=tenant.id, actor="crash test", kind=CallerKind.USER, scopes=SCOPES
        )
        _, key = await gateway.access.create_api_key(caller, name="crash test", scopes=SCOPES)
        return key


async def _publish(country: Country, participants: Participants, tenant_id: UUID) -> None:
    """Publish both businesses and both service providers, each at its own address."""
    for house in (SELLER, BUYER):
        assert house.participant is not None
        certificate = country.pki.keys / house.seat_id / f"first{CERTIFICATE_SUFFIX}"
        for who, offers in (
            (house.participant, BILLING_OFFERS),
            (spid_of_seat(house.seat_id), (MLS_OFFER,)),
        ):
            await participants.register(
                tenant_id,
                who,
                name=house.business,
                country=house.country,
                offers=[
                    replace(
                        one,
                        endpoint_url=f"{country.url(house)}/as4",
                        certificate_pem=certificate.read_text(),
                    )
                    for one in offers
                ],
            )
