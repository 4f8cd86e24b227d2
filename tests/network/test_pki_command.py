"""``gateway pki`` as an operator uses it: anchors, a request, its certificate, taking over."""

import asyncio
import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from gateway.access.tables import Tenant
from gateway.cli import main
from gateway.core.database import Database
from gateway.network.keys import load_key_ring
from gateway.network.local_pki import Authority, ensure_test_pki, issue
from gateway.network.pki import Purpose

SEAT = "POP000777"
DAY = timedelta(days=1)


class Instance:
    """An instance on disk whose authority is at hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime.now(UTC)
        self.places = ensure_test_pki(folder / "their-pki", ap_seats=[], smp_seats=[], at=self.now)
        self.settings = folder / "gateway.toml"
        self.settings.write_text(
            f'stage = "test"\ndata_dir = "{folder}/data"\n'
            f'[network]\ntrust_dir = "{folder}/trust"\nkeys_dir = "{folder}/keys"\n'
        )

    def __call__(self, *arguments: str | Path) -> int:
        return main(["pki", *map(str, arguments), "--config", str(self.settings)])

    def anchors(self) -> list[Path]:
        return sorted(self.places.trust.glob("*.pem"))

    def issue(self, request: bytes, *, seat: str = SEAT, days: int = 700) -> Path:
        """The authority's answer to a request, as a file."""
        asked = x509.load_pem_x509_csr(request)
        assert asked.is_signature_valid
        key = load_pem_private_key(
            (self.folder / "their-pki/authorities/ap.key.pem").read_bytes(), None
        )
        anchor = self.folder / "their-pki/trust/ap-test.pem"
        certificate = issue(
            seat_id=seat,
            purpose=Purpose.AP,
            public_key=asked.public_key(),
            issuer=Authority(x509.load_pem_x509_certificate(anchor.read_bytes()), key),
            not_before=self.now + min(-timedelta(minutes=abs(days)), 2 * days * DAY),
            not_after=self.now + days * DAY,
        )
        path = self.folder / f"{seat}-{days}.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path


@pytest.fixture
def instance(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY__DATABASE__URL", sqlite_url)
    return Instance(tmp_path)


@pytest.fixture
def started(sqlite_url: str) -> None:
    """The instance was started once: its operator has an account."""

    async def start() -> None:
        database = Database(sqlite_url)
        try:
            async with database.write() as session:
                now = datetime.now(UTC)
                session.add(Tenant(slug="op", name="op", is_operator=True, created_at=now))
        finally:
            await database.close()

    asyncio.run(start())


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]):
    return lambda: capsys.readouterr().out


def test_anchors_are_imported_and_shown(instance, capsys) -> None:
    assert instance("show") == 1
    assert "gateway pki import" in capsys.readouterr().err
    assert instance("import", *instance.anchors()) == 0
    assert "3 added of 3" in capsys.readouterr().out
    assert instance("import", *instance.anchors()) == 0
    assert "0 added of 3" in capsys.readouterr().out
    assert instance("show", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in shown] == ["root", "ap", "smp"]
    assert instance("show") == 0
    assert "peppol-g3-test" in capsys.readouterr().out


def test_what_cannot_be_imported_is_said(instance, capsys) -> None:
    assert instance("import") == 2
    assert instance("import", "nowhere.pem") == 2
    assert instance("import", "x.pem", "--bundle", "peppol-g3-test") == 2
    assert instance("import", "--bundle", "nothing") == 1
    assert instance("import", instance.settings) == 1
    told = capsys.readouterr().err
    for part in ("name files", "cannot read nowhere.pem", "ANCHORS-BUNDLE", "ANCHORS-UNREADABLE"):
        assert part in told
    os.environ["GATEWAY__STAGE"] = "production"
    try:
        assert instance("import", *instance.anchors()) == 1
    finally:
        del os.environ["GATEWAY__STAGE"]
    assert "ANCHORS-STAGE" in capsys.readouterr().err
    assert not (instance.folder / "trust").exists()


def request(instance, said, *more: str) -> bytes:
    organisation = ("--organisation", "Fictional Provider", "--country", "BE")
    assert instance("csr", SEAT, *organisation, *more) == 0
    text: str = said()
    return text.encode()


@pytest.mark.usefixtures("started")
def test_a_seat_from_the_request_to_taking_over(instance, said) -> None:
    instance("import", *instance.anchors())
    said()
    asked = request(instance, said, "--name", "first")
    subject = x509.load_pem_x509_csr(asked).subject.rfc4514_string()
    assert subject == f"CN={SEAT},OU=PEPPOL TEST AP,O=Fictional Provider,C=BE"
    key_file = instance.folder / "keys" / SEAT / "first.key.pem"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert instance("install", SEAT, instance.issue(asked, days=700)) == 0
    assert "decrypts now" in said()
    assert instance("seat", "--json") == 0
    (first,) = json.loads(said())
    assert (first["name"], first["state"]) == ("first", "signing")

    second = instance.issue(request(instance, said, "--name", "second"), days=600)
    later = (instance.now + 3 * DAY).strftime("%Y-%m-%dT%H:%M")
    assert instance("install", SEAT, second, "--signs-from", later) == 0
    said()
    assert instance("seat", SEAT, "--json") == 0
    assert {one["name"]: one["state"] for one in json.loads(said())} == {
        "first": "signing",
        "second": "waiting",
    }
    assert len(load_key_ring(instance.folder / "keys" / SEAT).pairs) == 2
    mark = next(
        one
        for one in (instance("seat", "--json"), json.loads(said()))[1]
        if one["name"] == "second"
    )["fingerprint"]
    assert instance("switch", SEAT, mark[:12]) == 0
    told = said()
    assert "second takes over" in told
    assert "may be removed from" in told


def test_what_cannot_be_installed_is_said(instance, said, capsys) -> None:
    instance("import", *instance.anchors())
    asked = request(instance, said, "--name", "first")
    other = instance.issue(asked, seat="POP000778")
    assert instance("install", SEAT, other) == 1
    expired = instance.issue(asked, days=-1)
    assert instance("install", SEAT, expired) == 1
    right = instance.issue(asked)
    (instance.folder / "keys" / SEAT / "first.key.pem").rename(instance.folder / "away")
    assert instance("install", SEAT, right) == 1
    (instance.folder / "away").rename(instance.folder / "keys" / SEAT / "first.key.pem")
    assert instance("install", SEAT, right) == 0
    assert instance("install", SEAT, right) == 1
    organisation = ("--organisation", "Fictional Provider", "--country", "BE")
    assert instance("csr", SEAT, *organisation, "--name", "first") == 1
    told = capsys.readouterr().err
    for part in ("not of POP000777", "CERT-EXPIRED", "no key of this certificate", "KEYS-EXIST"):
        assert part in told
    assert instance("switch", SEAT, "ffff") == 2
    later = (instance.now + DAY).strftime("%Y-%m-%dT%H:%M")
    second = instance.issue(request(instance, said, "--name", "second"), days=600)
    assert instance("install", SEAT, second, "--signs-from", later) == 1
    assert "never started" in capsys.readouterr().err


def test_a_certificate_is_found_in_its_chain_and_its_key_among_others(instance, said) -> None:
    instance("import", *instance.anchors())
    asked = request(instance, said, "--name", "first")
    (instance.folder / "keys" / SEAT / "broken.key.pem").write_text("no key")
    leaf = instance.issue(asked)
    chain = instance.folder / "chain.pem"
    authorities = b"".join(one.read_bytes() for one in instance.anchors())
    chain.write_bytes(authorities + leaf.read_bytes())
    assert instance("install", SEAT, chain) == 0
    installed = instance.folder / "keys" / SEAT / "first.cert.pem"
    assert installed.read_bytes() == leaf.read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [
        ("csr", "POP1", "--organisation", "x", "--country", "BE"),
        ("csr", SEAT, "--organisation", "x", "--country", "Belgium"),
        ("csr", SEAT, "--organisation", "x", "--country", "BE", "--name", "../x"),
        ("install", SEAT, "x.pem", "--signs-from", "soon"),
        ("install", SEAT, "x.pem", "--signs-from", "0001-01-01T00:00+14:00"),
    ],
)
def test_wrong_words_are_refused_at_once(instance, wrong) -> None:
    with pytest.raises(SystemExit, match="2"):
        instance(*wrong)
