"""The page of the seats over a real gateway: what it shows to whom, and letting take over."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.access.roles import Role
from gateway.access.service import operator_tenant
from gateway.app import open_gateway
from gateway.core.settings import DatabaseSettings, Settings
from gateway.network.key_schedule import SCHEDULES
from gateway.network.local_pki import Authority, issue, new_key
from gateway.network.pki import Purpose, fingerprint

PASSWORD = "correct horse battery"
SEAT = "POP000001"
PAGE = "/network/seats"


class Console:
    """A gateway with a seat being renewed, and the browsers of two accounts."""

    def __init__(self, gateway, client, folder: Path) -> None:
        self.gateway, self.client, self.folder = gateway, client, folder

    async def prepare(self) -> None:
        access = self.gateway.access
        async with self.gateway.platform.database.read() as session:
            operator = await operator_tenant(session)
        other = await access.create_tenant(slug="other", name="Fictional Ltd")
        for tenant, email in ((operator, "op@example.com"), (other, "other@example.com")):
            await access.create_user(
                tenant_id=tenant.id, email=email, password=PASSWORD, role=Role.OWNER
            )

    def renew(self) -> x509.Certificate:
        folder, now, key = self.folder / "pki", datetime.now(UTC), new_key()
        anchor = x509.load_pem_x509_certificate((folder / "trust/ap-test.pem").read_bytes())
        signer = load_pem_private_key((folder / "authorities/ap.key.pem").read_bytes(), None)
        certificate = issue(
            seat_id=SEAT,
            purpose=Purpose.AP,
            public_key=key.public_key(),
            issuer=Authority(anchor, signer),
            not_before=now - timedelta(minutes=2),
            not_after=now + timedelta(days=20),
        )
        file = folder / "keys" / SEAT / "second.key.pem"
        file.touch(mode=0o600)
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.with_name("second.cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        return certificate

    async def sign_in(self, email: str) -> None:
        form = {"email": email, "password": PASSWORD}
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with self.client.post(
            "/sign-in", data=form, headers=headers, allow_redirects=False
        ) as response:
            assert response.status == 303

    async def page(self, path: str = PAGE) -> str:
        async with self.client.get(path) as response:
            assert response.status == 200
            return unescape(await response.text())

    async def post(self, page: str, **form: str) -> tuple[int, str]:
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found
        async with self.client.post(
            f"{PAGE}/{SEAT}",
            data={"csrf": found[1], **form},
            headers={"Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        ) as response:
            return response.status, unescape(await response.text())


@pytest.fixture
async def console(sqlite_url, tmp_path):
    settings = Settings(
        stage="test", data_dir=tmp_path / "data", database=DatabaseSettings(url=sqlite_url)
    )
    async with open_gateway(settings) as gateway:
        client = TestClient(TestServer(gateway.web))
        async with client:
            made = Console(gateway, client, tmp_path / "data")
            await made.prepare()
            yield made


async def test_the_operator_lets_a_renewed_certificate_take_over(console) -> None:
    first = console.gateway.network.key_ring(SEAT).pairs[0].certificate
    second = console.renew()
    await console.sign_in("op@example.com")
    page = await console.page()
    assert "decrypts, will sign" in page  # until it is known what was decided
    await console.gateway.web[SCHEDULES].refresh()
    page = await console.page()
    assert "signs, decrypts, published" in page
    assert "decrypts only" in page
    assert "ends soon" in page  # twenty days
    assert "TEST SERVICE METADATA PUBLISHER CA" in page
    status, _ = await console.post(page, fingerprint=fingerprint(first), signs_from="")
    assert status == 303
    assert console.gateway.network.key_ring(SEAT).signing(datetime.now(UTC)).certificate == first
    assert f"The change for {SEAT} is in force." in await console.page(f"{PAGE}?changed={SEAT}")
    later = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    status, _ = await console.post(page, fingerprint=fingerprint(second), signs_from=later)
    assert status == 303
    assert "decrypts, will sign" in await console.page()
    for wrong in (
        {"fingerprint": "0" * 64, "signs_from": later},
        {"fingerprint": fingerprint(second), "signs_from": "soon"},
        {"fingerprint": fingerprint(second), "signs_from": "2001-01-01T00:00"},
        {"fingerprint": fingerprint(second), "signs_from": "0001-01-01T00:00+14:00"},
        {},
    ):
        status, page = await console.post(page, **wrong)
        assert status in (404, 422)
        assert re.search("CERTIFICATE-UNKNOWN|KEY-SCHEDULE-INVALID", page)


async def test_others_see_the_seats_and_change_nothing(console) -> None:
    second = console.renew()
    await console.gateway.web[SCHEDULES].refresh()
    await console.sign_in("other@example.com")
    page = await console.page()
    assert SEAT in page
    assert "Let it sign" not in page
    status, _ = await console.post(page, fingerprint=fingerprint(second), signs_from="")
    assert status == 403
    async with console.client.get(f"/v1/seats/{SEAT}") as response:
        assert response.status in (401, 403)


async def test_a_seat_whose_keys_are_lost_does_not_hide_the_others(console) -> None:
    (console.folder / "pki/keys/PSM000001/first.key.pem").unlink()
    console.gateway.network._keys._rings.clear()
    await console.sign_in("op@example.com")
    page = await console.page()
    assert "KEYS-MISSING" in page
    assert "signs, decrypts, published" in page
