"""Sets the stage: PKI, data folders, settings, accounts, the gateways and their peers.

The gateways are ordinary ones with ordinary settings; only their trust anchors and the file that
stands for the SML are made here.
"""

import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
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
from gateway.demo.cast import BUYER, CAST, SELLER, SMP, Actor, Firm
from gateway.demo.peers import Peers, choose_places, open_peers
from gateway.demo.processes import DEMO_NOT_UP, Ports, running
from gateway.network.local_pki import TestPki, ensure_test_pki
from gateway.network.participants import BILLING_OFFERS, MLS_OFFER, REMINDER_OFFER, Offer

__all__ = ["DEMO_FOLDER", "Door", "House", "Stage", "set_stage"]

DEMO_FOLDER: Final = ErrorKind("DEMO-FOLDER", "The demonstration's folder is not its own", 500)

MARKER: Final = ".peppol-gateway-demo"
PEERS: Final = "peers"
START_LIMIT_S: Final = 90
GATEWAY_CUTS: Final = frozenset({"receipt", "mls", "response"})


@dataclass(frozen=True, slots=True)
class Door:
    """How to get into one firm's account: the console's password, and an API session."""

    firm: Firm
    url: str
    password: str
    http: aiohttp.ClientSession


@dataclass(frozen=True, slots=True)
class House:
    """One actor's running gateway with the accounts of everybody it serves."""

    actor: Actor
    url: str
    password: str
    http: aiohttp.ClientSession
    folder: Path
    neighbours: tuple[Door, ...] = ()

    @property
    def doors(self) -> tuple[Door, ...]:
        """The accounts at this gateway, its own first."""
        return (Door(self.actor, self.url, self.password, self.http), *self.neighbours)

    def door(self, firm: Firm) -> Door:
        """The account of one firm."""
        return next(one for one in self.doors if one.firm is firm)


@dataclass(frozen=True, slots=True)
class Stage:
    """The three houses and their peers, ready to play."""

    smp: House
    seller: House
    buyer: House
    peers: Peers
    folder: Path


@asynccontextmanager
async def set_stage(folder: Path, *, cut: str | None = None) -> AsyncIterator[Stage]:
    """Build everything in ``folder``, start every process, stop them on leaving.

    A folder of an earlier demonstration is emptied first; any other folder that is not empty is
    refused (GatewayError DEMO-FOLDER). ``cut`` withholds one kind of answer: receipt, mls and
    response at the gateways, mail and webhook at the peers.
    """
    _clear(folder)
    pki = ensure_test_pki(
        folder / "pki", ap_seats=[SELLER.seat_id, BUYER.seat_id], smp_seats=[SMP.seat_id], at=now()
    )
    async with AsyncExitStack() as closing:
        claims = closing.enter_context(Ports())
        ports = {actor.key: claims.claim(actor.port) for actor in CAST}
        places = choose_places(claims)
        _write_sml(folder, ports[SMP.key])
        houses: dict[str, House] = {}
        for actor in CAST:
            more = places.settings() if actor is SELLER else ""
            faults = cut if cut in GATEWAY_CUTS else None
            settings_file = _settle(folder, actor, pki, ports[actor.key], cut=faults, more=more)
            houses[actor.key] = await _open_house(closing, folder, actor, settings_file)
        peers = await closing.enter_async_context(
            open_peers(
                folder / PEERS,
                places,
                webhook=f"{houses[SELLER.key].url}/v1/provider-events/sandbox",
                today=date.today(),  # noqa: DTZ011 - a bank keeps the calendar of its place
                cut=cut,
            )
        )
        await asyncio.gather(*(_until_ready(one) for one in houses.values()))
        await _publish(houses[SMP.key], (houses[SELLER.key], houses[BUYER.key]))
        yield Stage(houses[SMP.key], houses[SELLER.key], houses[BUYER.key], peers, folder)


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
    (folder / PEERS).mkdir()


def _write_sml(folder: Path, smp_port: int) -> None:
    (folder / "sml.toml").write_text(f'default = "http://127.0.0.1:{smp_port}/smp"\n')


def _settle(
    folder: Path, actor: Actor, pki: TestPki, port: int, *, cut: str | None, more: str
) -> Path:
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
{more}"""
    )
    return file


async def _open_house(
    closing: AsyncExitStack, folder: Path, actor: Actor, settings_file: Path
) -> House:
    settings = load_settings(settings_file)
    firms: tuple[Firm, ...] = (actor, *actor.neighbours)
    async with open_gateway(settings) as gateway:
        keys = [await _furnish(gateway, actor, firm) for firm in firms]
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(settings_file)]
    await closing.enter_async_context(running(command, folder / actor.key / "gateway.log"))
    doors = []
    for firm, (password, key) in zip(firms, keys, strict=True):
        http = aiohttp.ClientSession(
            base_url=settings.public_url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=aiohttp.ClientTimeout(total=120),
        )
        closing.push_async_callback(http.close)
        doors.append(Door(firm, settings.public_url, password, http))
    own, *others = doors
    return House(actor, own.url, own.password, own.http, folder / actor.key, tuple(others))


async def _furnish(gateway: Gateway, actor: Actor, firm: Firm) -> tuple[str, str]:
    """Open a firm's account with a person, a participant and an API key; password and key."""
    password = secrets.token_urlsafe(12)
    tenant = await gateway.access.create_tenant(slug=firm.key, name=firm.business)
    await gateway.access.create_user(
        tenant_id=tenant.id,
        email=firm.person,
        password=password,
        role=Role.OWNER,
        locale=firm.locale,
    )
    if firm.participant is not None:
        await gateway.participants.register(
            tenant.id,
            firm.participant,
            name=firm.business,
            country=actor.country,
            offers=_offers(firm),
        )
    caller = Principal(
        tenant_id=tenant.id, actor="gateway demo", kind=CallerKind.USER, scopes=SCOPES
    )
    _, key = await gateway.access.create_api_key(caller, name="gateway demo", scopes=SCOPES)
    return password, key


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
        published: list[tuple[Any, str, Sequence[Offer]]] = [
            (spid_of_seat(house.actor.seat_id), house.actor.provider, (MLS_OFFER,))
        ]
        for door in house.doors:
            if door.firm.participant is not None:
                offered = _offers(door.firm)
                published.append((door.firm.participant, door.firm.business, offered))
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


def _offers(firm: Firm) -> Sequence[Offer]:
    """What a firm takes: its gateway services this, and the SMP publishes the same."""
    return (*BILLING_OFFERS, REMINDER_OFFER) if firm.reminders else BILLING_OFFERS


async def _own_seat(house: House) -> str:
    """The certificate an operator copies into the SMP."""
    async with house.http.get("/v1/seats") as answer:
        seats = (await answer.json())["items"]
    return str(seats[0]["certificates"][0]["pem"])
