"""Sets the stage: PKI, data folders, settings, accounts, and the three running processes.

The gateways are ordinary ones with ordinary settings; only their trust anchors and the file that
stands for the SML are made here.
"""

import asyncio
import os
import secrets
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES, Role
from gateway.app import Gateway, open_gateway
from gateway.as4.identifiers import PARTICIPANT_SCHEME, spid_of_seat
from gateway.core.clock import now
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.settings import load_settings
from gateway.demo.cast import BUYER, CAST, SELLER, SMP, Actor
from gateway.network.local_pki import TestPki, ensure_test_pki
from gateway.network.participants import BILLING_OFFERS, MLS_OFFER, Offer

__all__ = ["DEMO_FOLDER", "DEMO_NOT_UP", "House", "Stage", "set_stage"]

DEMO_FOLDER: Final = ErrorKind("DEMO-FOLDER", "The demonstration's folder is not its own", 500)
DEMO_NOT_UP: Final = ErrorKind("DEMO-NOT-UP", "A gateway of the demonstration did not start", 500)

MARKER: Final = ".peppol-gateway-demo"
START_LIMIT_S: Final = 90
_STOP_LIMIT_S: Final = 30


@dataclass(frozen=True, slots=True)
class House:
    """One actor's running gateway: its address, and how to get in."""

    actor: Actor
    url: str
    password: str
    http: aiohttp.ClientSession
    folder: Path


@dataclass(frozen=True, slots=True)
class Stage:
    """The three houses, ready to play."""

    smp: House
    seller: House
    buyer: House
    folder: Path


@asynccontextmanager
async def set_stage(folder: Path, *, cut: str | None = None) -> AsyncIterator[Stage]:
    """Build everything in ``folder``, start the three processes, stop them on leaving.

    A folder of an earlier demonstration is emptied first; any other folder that is not empty is
    refused (GatewayError DEMO-FOLDER). ``cut`` withholds one kind of answer on both sides.
    """
    _clear(folder)
    pki = ensure_test_pki(
        folder / "pki", ap_seats=[SELLER.seat_id, BUYER.seat_id], smp_seats=[SMP.seat_id], at=now()
    )
    ports = {actor.key: _port(actor.port) for actor in CAST}
    _write_sml(folder, ports[SMP.key])
    async with AsyncExitStack() as closing:
        houses: dict[str, House] = {}
        for actor in CAST:
            settings_file = _settle(folder, actor, pki, ports[actor.key], cut)
            houses[actor.key] = await _open_house(closing, folder, actor, settings_file)
        await asyncio.gather(*(_until_ready(one) for one in houses.values()))
        await _publish(houses[SMP.key], (houses[SELLER.key], houses[BUYER.key]))
        yield Stage(houses[SMP.key], houses[SELLER.key], houses[BUYER.key], folder)


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise GatewayError(
                DEMO_FOLDER,
                f"{folder} holds something else than a demonstration. Name another folder with "
                "--data.",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / MARKER).touch()


def _port(preferred: int) -> int:
    """The preferred port, or any free one where somebody uses it."""
    for wanted in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise GatewayError(DEMO_NOT_UP, "There is no free port on the loopback interface.")


def _write_sml(folder: Path, smp_port: int) -> None:
    (folder / "sml.toml").write_text(f'default = "http://127.0.0.1:{smp_port}/smp"\n')


def _settle(folder: Path, actor: Actor, pki: TestPki, port: int, cut: str | None) -> Path:
    """Give an actor a data folder, the keys of its own seat, and its settings file."""
    home = folder / actor.key
    keys = home / "keys"
    keys.mkdir(parents=True, mode=0o700)
    shutil.copytree(pki.keys / actor.seat_id, keys / actor.seat_id)
    file = home / "gateway.toml"
    file.write_text(
        f"""\
stage = "demo"
data_dir = "{home / "data"}"

[http]
port = {port}

[network]
sml = "static"
sml_file = "{folder / "sml.toml"}"
trust_dir = "{pki.trust}"
keys_dir = "{keys}"
provider_name = "{actor.provider}"
provider_country = "{actor.country}"

[jobs]
poll_s = 0.2
delivery_backoff_s = [1, 2, 3, 5]

[faults]
cut = [{f'"{cut}"' if cut else ""}]
"""
    )
    return file


async def _open_house(
    closing: AsyncExitStack, folder: Path, actor: Actor, settings_file: Path
) -> House:
    settings = load_settings(settings_file)
    password = secrets.token_urlsafe(12)
    async with open_gateway(settings) as gateway:
        key = await _furnish(gateway, actor, password)
    await closing.enter_async_context(_process(folder / actor.key, settings_file))
    http = aiohttp.ClientSession(
        base_url=settings.public_url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=aiohttp.ClientTimeout(total=120),
    )
    closing.push_async_callback(http.close)
    return House(actor, settings.public_url, password, http, folder / actor.key)


async def _furnish(gateway: Gateway, actor: Actor, password: str) -> str:
    """Open the account with a person, a participant and an API key; returns the key."""
    tenant = await gateway.access.create_tenant(slug=actor.key, name=actor.business)
    await gateway.access.create_user(
        tenant_id=tenant.id,
        email=actor.person,
        password=password,
        role=Role.OWNER,
        locale=actor.locale,
    )
    if actor.participant is not None:
        await gateway.participants.register(
            tenant.id, actor.participant, name=actor.business, country=actor.country
        )
    caller = Principal(
        tenant_id=tenant.id, actor="gateway demo", kind=CallerKind.USER, scopes=SCOPES
    )
    _, key = await gateway.access.create_api_key(caller, name="gateway demo", scopes=SCOPES)
    return key


@asynccontextmanager
async def _process(home: Path, settings_file: Path) -> AsyncIterator[None]:
    """An ordinary ``gateway serve``, its log in the data folder."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GATEWAY__")
    }
    with (home / "gateway.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway",
            "serve",
            "--config",
            str(settings_file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_LIMIT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _until_ready(house: House) -> None:
    try:
        async with asyncio.timeout(START_LIMIT_S):
            while not await _is_ready(house):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise GatewayError(
            DEMO_NOT_UP,
            f"The {house.actor.key}'s gateway is not ready after {START_LIMIT_S} seconds; "
            f"see {house.folder / 'gateway.log'}.",
        ) from None


async def _is_ready(house: House) -> bool:
    try:
        async with house.http.get("/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def _publish(smp: House, gateways: Sequence[House]) -> None:
    """Do what the operators would do: publish both participants and both SPIDs in the SMP."""
    for house in gateways:
        seat = await _own_seat(house)
        participant = house.actor.participant
        offers = [(participant, house.actor.business, BILLING_OFFERS)] if participant else []
        published: list[tuple[Any, str, Sequence[Offer]]] = [
            *offers,
            (spid_of_seat(house.actor.seat_id), house.actor.provider, (MLS_OFFER,)),
        ]
        for who, name, services in published:
            body = {
                "participant": f"{PARTICIPANT_SCHEME}::{who.value}",
                "name": name,
                "country": house.actor.country,
                "services": [
                    {
                        "document_type": str(one.document_type),
                        "processes": [
                            {
                                "process": str(one.process),
                                "endpoint_url": f"{house.url}/as4",
                                "certificate_pem": seat,
                            }
                        ],
                    }
                    for one in services
                ],
            }
            async with smp.http.post("/v1/participants", json=body) as answer:
                if answer.status != 201:
                    raise GatewayError(
                        DEMO_NOT_UP, f"The SMP did not publish {who.value}: {await answer.text()}"
                    )


async def _own_seat(house: House) -> str:
    """The certificate an operator copies into the SMP."""
    async with house.http.get("/v1/seats") as answer:
        seats = (await answer.json())["items"]
    return str(seats[0]["certificates"][0]["pem"])
