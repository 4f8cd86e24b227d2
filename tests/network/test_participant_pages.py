"""Participants, their identification and going live in one whole gateway: API and pages."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES, Role
from gateway.access.service import operator_tenant
from gateway.app import Gateway, open_gateway
from gateway.as4.identifiers import ParticipantId
from gateway.core.errors import GatewayError
from gateway.core.settings import (
    DatabaseSettings,
    HttpSettings,
    NetworkSettings,
    ParticipantSettings,
    Settings,
)
from gateway.network.business_card import BusinessEntity, CardName
from gateway.network.onboarding import Check, Finding, Onboarding, Outcome, ok
from gateway.network.onboarding_api import ONBOARDING
from gateway.network.participant_forms import read_amendment, read_entity, simple_card

PASSWORD = "correct horse battery staple"
ALPHA = "/network/participants/iso6523-actorid-upis%3A%3A0208%3A0123456789"
RECORD = {
    "field_legal_name": "Fictional Ltd",
    "field_registration_scheme": "KBO",
    "field_registration_number": "0123.456.789",
    "field_country": "BE",
    "field_address": "Voorbeeldstraat 1, Gent",
    "field_representative": "A. Example",
    "proof_kind": "register-extract",
    "proof_reference": "2026/17",
    "method": "in-person",
    "identified_by": "B. Clerk",
}


@dataclass
class House:
    """A running gateway, its operator in a browser, and the way to any account by key."""

    gateway: Gateway
    client: TestClient
    csrf: str = ""

    async def key(self, *scopes: str) -> dict[str, str]:
        async with self.gateway.platform.database.read() as session:
            operator = await operator_tenant(session)
        assert operator is not None
        caller = Principal(operator.id, "test", CallerKind.USER, SCOPES)
        _row, text = await self.gateway.access.create_api_key(
            caller, name="test", scopes=frozenset(scopes)
        )
        return {"Authorization": f"Bearer {text}"}

    async def sign_in(self, email: str) -> None:
        await self.post("/sign-in", email=email, password=PASSWORD)
        page = await (await self.client.get("/network")).text()
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found is not None
        self.csrf = found[1]

    async def post(self, path: str, **form: str) -> tuple[int, str]:
        answer = await self.client.post(
            path,
            data={**form, "csrf": self.csrf},
            headers={"Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        )
        return answer.status, await answer.text()


@pytest.fixture
async def house(
    tmp_path: Path, sqlite_url: str, pki, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> AsyncIterator[House]:
    monkeypatch.setattr("gateway.access.passwords._N", 16)
    (tmp_path / "sml.toml").write_text("")
    settings = Settings(
        data_dir=tmp_path,
        database=DatabaseSettings(url=sqlite_url),
        http=HttpSettings(public_url=f"http://127.0.0.1:{unused_tcp_port}"),
        network=NetworkSettings(
            trust_dir=pki.folder / "trust", keys_dir=pki.folder / "keys", sml="static"
        ),
        participants=ParticipantSettings(identification="always"),
    )
    async with open_gateway(settings) as gateway:
        async with gateway.platform.database.read() as session:
            operator = await operator_tenant(session)
        assert operator is not None
        await gateway.access.create_user(
            tenant_id=operator.id, email="op@x.example", password=PASSWORD, role=Role.OWNER
        )
        server = TestServer(gateway.web, port=unused_tcp_port)
        async with TestClient(server) as client:
            house = House(gateway, client)
            await house.sign_in("op@x.example")
            yield house


async def test_a_participants_life_on_the_console(house: House) -> None:
    typed = {"participant": "0208:0123456789", "name": "Fictional Ltd", "country": "be"}
    status, page = await house.post("/network", **typed, accepts="billing")
    assert status == 409
    assert "IDENTIFICATION-MISSING" in page
    assert 'value="Fictional Ltd"' in page, "what was typed is kept"
    status, _page = await house.post("/network", **typed, accepts="nothing")
    assert status == 303

    status, page = await house.post(f"{ALPHA}/identify", **RECORD, identified_on="2020-01-01")
    assert status == 303
    page = await (await house.client.get(ALPHA)).text()
    assert "identification expired" in page
    today = house.gateway.platform.business.today().isoformat()
    status, page = await house.post(f"{ALPHA}/identify", **RECORD, identified_on="tomorrow")
    assert (status, "PARTICIPANT-FORM" in page) == (422, True)
    await house.post(f"{ALPHA}/identify", **RECORD, identified_on=today)
    page = await (await house.client.get(ALPHA)).text()
    assert "Voorbeeldstraat 1, Gent" in page
    assert "identification expired" not in page

    status, page = await house.post(f"{ALPHA}/suspend", because="")
    assert status == 422
    status, _page = await house.post(f"{ALPHA}/suspend", because="unpaid")
    page = await (await house.client.get(ALPHA)).text()
    assert "unpaid" in page
    await house.post(f"{ALPHA}/resume")
    await house.post(
        f"{ALPHA}/amend", name="Other Ltd", country="nl", serves_from="", serves_until=""
    )
    page = await (await house.client.get("/network")).text()
    assert "Other Ltd" in page
    status, page = await house.post(f"{ALPHA}/leave")
    assert (status, "SML-OFF" in page) == (409, True)
    assert (await house.post(f"{ALPHA}/nonsense"))[0] == 404

    status, _page = await house.post(f"{ALPHA}/card", name="Other Ltd", country="NL", vat="NL1")
    assert status == 303
    card = await house.client.get("/smp/businesscard/iso6523-actorid-upis::0208:0123456789")
    assert "NL1" in await card.text()
    status, page = await house.post(f"{ALPHA}/card", name="", country="NL")
    assert (status, "PARTICIPANT-FORM" in page) == (422, True)
    await house.post(f"{ALPHA}/card", withdraw="1")

    status, page = await house.post(f"{ALPHA}/removal", confirm="something else")
    assert status == 422
    status, _page = await house.post(f"{ALPHA}/removal", confirm="0208:0123456789")
    assert status == 303
    assert (await house.client.get(ALPHA)).status == 404


async def test_the_api_tells_the_same(house: House) -> None:
    headers = await house.key("participants:read", "participants:write", "operations:write")
    tenant = await house.gateway.access.create_tenant(slug="alpha", name="Alpha")
    path = "/v1/participants/0208:0123456789"
    rules = await (await house.client.get("/v1/identification-rules", headers=headers)).json()
    assert {"legal_name", "registration_number"} <= {one["id"] for one in rules["fields"]}
    body = {
        "account": "alpha",
        "fields": {k.removeprefix("field_"): v for k, v in RECORD.items() if "field_" in k},
        "proofs": [{"kind": "register-extract", "reference": "2026/17"}],
        "method": "in-person",
        "identified_on": house.gateway.platform.business.today().isoformat(),
        "identified_by": "B. Clerk",
    }
    recorded = await house.client.post(f"{path}/identification", json=body, headers=headers)
    assert recorded.status == 201, await recorded.text()
    nobody = await house.client.post(
        f"{path}/identification", json=body | {"account": "nobody"}, headers=headers
    )
    assert nobody.status == 404
    await house.gateway.participants.register(
        tenant.id, ParticipantId.of("0208:0123456789"), name="Alpha", country="BE"
    )
    told = await (await house.client.get(f"{path}/identification", headers=headers)).json()
    assert (told["standing"], len(told["items"])) == ("valid", 1)
    assert (await house.client.get(path, headers=headers)).status == 404, "it is alpha's"
    seen = await house.client.get("/v1/smp/changes", headers=headers)
    assert (await seen.json()) == {"items": []}
    weak = await house.key("participants:write")
    refused = await house.client.post(f"{path}/identification", json=body, headers=weak)
    assert refused.status == 403


async def test_going_live_is_looked_at_from_outside(house: House) -> None:
    headers = await house.key("operations:read")
    answer = await house.client.post("/v1/onboarding", headers=headers)
    told = await answer.json()
    found = {one["check"]: one for one in told["items"]}
    expected = {
        "stage": "ok",
        "public-url": "failed",
        "tls": "skipped",
        "ap-keys": "ok",
        "smp-keys": "ok",
        "smp-answers": "ok",
        "sml": "skipped",
        "own-lookup": "failed",
        "mls-address": "ok",
        "loop-back": "ok",
        "statistics": "ok",
        "identification": "ok",
        "test-bed": "by-hand",
    }
    outcomes = {name: found[name]["outcome"] for name in expected}
    assert outcomes == expected, {name: found[name]["said"] for name in expected}
    assert told["ready"] is False
    assert "NOT_SERVICED" in found["loop-back"]["said"]
    assert "BEGIN CERTIFICATE" in found["test-bed"]["facts"]["certificate"]
    assert found["test-bed"]["facts"]["seat"] == "POP000901"
    status, page = await house.post("/network/onboarding")
    assert (status, page.count('class="onboarding-head"')) == (200, len(found))
    assert house.gateway.web[ONBOARDING].names == tuple(found)


async def test_a_check_that_breaks_stops_no_other() -> None:
    async def broken() -> Finding:
        raise RuntimeError("a secret")

    async def fine() -> Finding:
        return ok("fine")

    first, second = await Onboarding([Check("broken", broken), Check("fine", fine)]).run()
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.OK)
    assert "secret" not in first.said


def test_a_card_survives_the_form_and_a_richer_one_is_left_alone() -> None:
    form = {
        "name": "A", "name_nl": "B", "country": "be", "location": "Gent", "vat": "BE1",
        "website": "https://a.example", "contact_email": "a@a.example",
        "registered_on": "2026-01-31", "additional": "x",
    }  # fmt: skip
    entity = read_entity(form)
    again = simple_card([entity])
    assert again is not None
    assert read_entity(again) == entity
    assert simple_card([entity, entity]) is None
    many = BusinessEntity(names=[CardName(name="A"), CardName(name="B")], country="BE")
    assert simple_card([many]) is None
    assert simple_card([]) == {}
    for wrong in ({"website": "javascript:x"}, {"country": "Belgium"}, {"registered_on": "x"}):
        with pytest.raises(GatewayError, match="PARTICIPANT-FORM"):
            read_entity(form | wrong)
    for wrong in ({"name": ""}, {"country": "B1"}, {"serves_from": "x"}):
        with pytest.raises(GatewayError, match="PARTICIPANT-FORM"):
            read_amendment({"name": "A", "country": "BE"} | wrong)


async def test_a_list_that_goes_on_from_no_row_is_refused(house: House) -> None:
    for address in ("/network?after=x", "/reports?before=x"):
        answer = await house.client.get(address)
        assert (answer.status, "start from the top" in await answer.text()) == (400, True), address
