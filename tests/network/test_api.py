"""The network's API over real sockets: shapes, statuses, tenants."""

from urllib.parse import quote

import pytest

from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING
from gateway.core.settings import Stage
from gateway.network.api import ROUTES
from gateway.network.pki import Purpose
from gateway.network.smp_api import ROUTES as SMP_ROUTES
from gateway.network.tables import Seat

WHO = "0208:0123456789"
FULL = f"iso6523-actorid-upis::{WHO}"
NEW = {"participant": WHO, "name": "Fictional Ltd", "country": "BE"}
PUBLICATION = (
    f"/v1/smp/participants/{quote(FULL, safe='')}/services/{quote(str(BILLING_INVOICE), safe='')}"
)


@pytest.fixture
def database_url(sqlite_url):
    """One kind of database: both answer the same queries in test_participants."""
    return sqlite_url


class Api:
    """A caller of one tenant."""

    def __init__(self, client, tenant) -> None:
        self._client = client
        self._headers = {"X-Tenant": str(tenant)}

    async def __call__(self, method: str, path: str, body=None, *, expect: int = 200):
        async with self._client.request(method, path, json=body, headers=self._headers) as response:
            content = await response.json() if response.content_type != "text/plain" else None
            assert response.status == expect, content
            return content


@pytest.fixture
async def api(app, place, aiohttp_client) -> Api:
    return Api(await aiohttp_client(app), place.tenant)


@pytest.fixture
async def other(api, place) -> Api:
    return Api(api._client, place.other_tenant)


async def test_register_list_and_tell_apart(api, other) -> None:
    made = await api("POST", "/v1/participants", NEW, expect=201)
    assert (made["participant"], made["country"]) == (FULL, "BE")
    again = await api("POST", "/v1/participants", NEW, expect=409)
    assert again["code"] == "PARTICIPANT-EXISTS"
    theirs = await other("POST", "/v1/participants", NEW, expect=409)
    assert "Fictional" not in theirs["detail"]
    assert [one["participant"] for one in (await api("GET", "/v1/participants"))["items"]] == [FULL]
    assert (await other("GET", "/v1/participants"))["items"] == []


async def test_pages(api) -> None:
    for number in range(3):
        await api("POST", "/v1/participants", {**NEW, "participant": f"0208:{number}"}, expect=201)
    first = await api("GET", "/v1/participants?limit=2")
    assert len(first["items"]) == 2
    rest = await api("GET", f"/v1/participants?limit=2&cursor={first['next_cursor']}")
    assert [one["participant"][-1] for one in (*first["items"], *rest["items"])] == ["0", "1", "2"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "changed",
    [
        {"participant": "no icd"},
        {"participant": "x::y"},
        {"country": "Belgium"},
        {"country": "be"},
        {"name": ""},
        {"name": "a\u0000b"},
        {"surprise": 1},
        {"services": [{"document_type": "x", "processes": [{"process": "p"}]}]},
        {"services": [{"document_type": str(BILLING_INVOICE), "processes": []}]},
    ],
)
async def test_requests_that_are_not_as_described(api, changed) -> None:
    answer = await api("POST", "/v1/participants", NEW | changed, expect=400)
    assert answer["code"] == "REQUEST-INVALID"
    assert next(iter(changed)) in answer["detail"]


async def test_queries_that_are_not_as_described(api) -> None:
    for path in (
        "/v1/participants?limit=0",
        "/v1/participants?cursor=x",
    ):
        assert (await api("GET", path, expect=400))["code"] == "REQUEST-INVALID"


async def test_an_address_that_can_name_nothing_is_not_found(api) -> None:
    for path in (
        f"/v1/smp/participants/x/services/{quote(str(BILLING_INVOICE), safe='')}",
        f"/v1/smp/participants/{quote(FULL, safe='')}/services/x",
    ):
        assert (await api("GET", path, expect=404))["code"] == "NOT-FOUND"


async def test_publication_life(api, other, pki) -> None:
    services = [
        {
            "document_type": str(BILLING_INVOICE),
            "processes": [{"process": PROCESS_BILLING.value, "service_description": "Invoices"}],
        }
    ]
    await api("POST", "/v1/participants", {**NEW, "services": services}, expect=201)
    shown = await api("GET", PUBLICATION)
    assert (shown["participant"], shown["document_type"]) == (FULL, str(BILLING_INVOICE))
    [process] = shown["processes"]
    assert process["process"] == str(PROCESS_BILLING)
    assert (process["endpoint_url"], process["service_description"]) == (None, "Invoices")
    seats = (await api("GET", "/v1/seats"))["items"]
    [certificate] = next(one for one in seats if one["purpose"] == "ap")["certificates"]
    body = {
        "processes": [
            {
                "process": "other-process-scheme::urn:somewhere:else",
                "endpoint_url": "https://elsewhere.example/as4",
                "certificate_pem": certificate["pem"],
                "expiry": "2027-01-01T00:00:00Z",
            }
        ]
    }
    assert (await other("PUT", PUBLICATION, body, expect=404))["code"] == "PARTICIPANT-UNKNOWN"
    replaced = await api("PUT", PUBLICATION, body)
    assert replaced["processes"][0]["process"] == "other-process-scheme::urn:somewhere:else"
    assert replaced["processes"][0]["expiry"] == "2027-01-01T00:00:00Z"
    body["processes"][0]["expiry"] = "2027-01-01T00:00:00"
    assert (await api("PUT", PUBLICATION, body, expect=400))["code"] == "REQUEST-INVALID"
    body["processes"][0].pop("expiry")
    body["processes"][0]["endpoint_url"] = "ftp://elsewhere.example"
    assert (await api("PUT", PUBLICATION, body, expect=422))["code"] == "PUBLICATION-INVALID"
    assert (await other("DELETE", PUBLICATION, expect=404))["code"] == "PARTICIPANT-UNKNOWN"
    async with api._client.delete(PUBLICATION, headers=api._headers) as response:
        assert (response.status, await response.read()) == (204, b"")
    assert (await api("GET", PUBLICATION, expect=404))["code"] == "PUBLICATION-UNKNOWN"


async def test_seats_show_certificates_and_never_keys(api, pki) -> None:
    seats = (await api("GET", "/v1/seats"))["items"]
    assert [(one["seat_id"], one["purpose"], one["spid"]) for one in seats] == [
        (pki.ap_seat, "ap", "0242:000901"),
        (pki.smp_seat, "smp", "0242:000901"),
    ]
    assert seats[0]["certificates"][0]["pem"].startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in str(seats)
    assert {one["key_problem"] for one in seats} == {None}


async def test_a_seat_that_lost_its_keys_does_not_hide_the_others(api, place, pki) -> None:
    async with place.database.write() as session:
        session.add(
            Seat(
                seat_id="POP000902",
                purpose=Purpose.AP,
                spid="0242:000902",
                mls_address="0242:000902",
                stage=Stage.TEST,
                created_at=pki.now,
            )
        )
    seats = {one["seat_id"]: one for one in (await api("GET", "/v1/seats"))["items"]}
    assert len(seats) == 3
    lost = seats["POP000902"]
    assert (lost["key_problem"], lost["certificates"]) == ("KEYS-MISSING", [])


async def test_only_the_smp_is_open_to_everybody(app, aiohttp_client) -> None:
    assert all(route.scope is None for route in SMP_ROUTES)
    assert all(route.scope is not None for route in ROUTES)
    client = await aiohttp_client(app)
    async with client.get("/v1/participants") as response:
        assert response.status == 401
