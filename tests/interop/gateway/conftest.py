"""A gateway process for the tests of this folder, and peers made of Python packages.

The gateway is an ordinary process with ordinary settings; the documents it sends go the whole way:
submission, validation, lookup, delivery, receipt. Each Python peer runs in an environment of its
own, made once under ``.cache/``, because its dependencies are not ours; without the package index
its tests are skipped.
"""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.app import open_gateway
from gateway.as4.identifiers import (
    BILLING_INVOICE,
    MESSAGE_LEVEL_STATUS,
    PROCESS_BILLING,
    PROCESS_MLS,
    ParticipantId,
)
from gateway.core.settings import load_settings
from gateway.network.participants import BILLING_OFFERS, Offer

PATIENCE_S = 90
XML, JSON = "application/xml", "application/json"
PEERS = Path(__file__).parents[1] / "peers"
CACHE = Path(__file__).parents[3] / ".cache" / "interop"
OURS = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000010")
JAVA = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000027")
JAVA_SPID = ParticipantId.parse("iso6523-actorid-upis::0242:000002")


@dataclass(frozen=True)
class RunningGateway:
    """A gateway process: where it listens and the key to its API."""

    url: str
    api_key: str

    def call(
        self, method: str, path: str, body: bytes | None = None, media_type: str = XML
    ) -> tuple[int, bytes]:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if body is not None:
            headers["Content-Type"] = media_type
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> dict[str, Any]:
        status, body = self.call("GET", path)
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def publish(self, participant: ParticipantId, url: str, certificate: Any) -> None:
        """Let the gateway's SMP say that this participant takes invoices there from now on."""
        process = {
            "process": str(PROCESS_BILLING),
            "endpoint_url": url,
            "certificate_pem": pem(certificate),
        }
        service = {"document_type": str(BILLING_INVOICE), "processes": [process]}
        who = {"participant": str(participant), "name": "Example", "country": "BE"}
        status, body = self.call(
            "POST", "/v1/participants", json.dumps({**who, "services": [service]}).encode(), JSON
        )
        if status == 409:
            path = (
                f"/v1/smp/participants/{quote(str(participant), safe='')}"
                f"/services/{quote(str(BILLING_INVOICE), safe='')}"
            )
            offer = json.dumps({"processes": [process]}).encode()
            status, body = self.call("PUT", path, offer, JSON)
        assert status in (200, 201), body

    def post(self, content_type: str, body: bytes) -> tuple[int, str, bytes]:
        """What the gateway answers a peer: status, content type, body."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        try:
            connection.request("POST", "/as4", body=body, headers={"Content-Type": content_type})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()
        finally:
            connection.close()

    def documents(self, number: str) -> list[dict[str, Any]]:
        items = self.get(f"/v1/documents?direction=in&q={number}")["items"]
        return [item for item in items if item["number"] == number]


def until(condition):
    """Wait for something true, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="session")
def gateway(pki, java_receiver, tmp_path_factory) -> Iterator[RunningGateway]:
    home = tmp_path_factory.mktemp("gateway")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings_file = write_settings(home, pki, port)

    async def furnish() -> str:
        async with open_gateway(load_settings(settings_file)) as house:
            tenant = await house.access.create_tenant(slug="seller", name="Example Seller NV")
            peer = {
                "endpoint_url": java_receiver.url,
                "certificate_pem": pem(pki.java.certificate),
            }
            invoices = Offer(BILLING_INVOICE, PROCESS_BILLING, **peer)
            statuses = Offer(MESSAGE_LEVEL_STATUS, PROCESS_MLS, **peer)
            for participant, offers in (
                (OURS, BILLING_OFFERS),
                (JAVA, [invoices]),
                (JAVA_SPID, [statuses]),
            ):
                await house.participants.register(
                    tenant.id, participant, name="Example", country="BE", offers=offers
                )
            caller = Principal(
                tenant_id=tenant.id, actor="tests", kind=CallerKind.USER, scopes=SCOPES
            )
            _, key = await house.access.create_api_key(caller, name="tests", scopes=SCOPES)
            return key

    # In a thread of its own: the loop of the tests around is not ours to touch.
    with ThreadPoolExecutor(1) as thread:
        api_key = thread.submit(asyncio.run, furnish()).result()
    house = RunningGateway(f"http://127.0.0.1:{port}", api_key)
    with serving(house, settings_file, home / "gateway.log"):
        yield house


def write_settings(home: Path, pki, port: int) -> Path:
    """Lay out trust anchors, keys and settings as an operator would."""
    trust = home / "trust"
    trust.mkdir()
    for name in ("root", "ap_ca", "smp_ca"):
        file = trust / f"{name.removesuffix('_ca')}-test.pem"
        file.write_text(pem(getattr(pki, name)))
    for seat, identity in (("POP000001", pki.ours), ("PSM000001", pki.smp)):
        ring = home / "keys" / seat
        ring.mkdir(parents=True)
        (ring / "first.cert.pem").write_text(pem(identity.certificate))
        key = ring / "first.key.pem"
        key.touch(mode=0o600)
        key.write_bytes(
            identity.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    (home / "sml.toml").write_text(f'default = "http://127.0.0.1:{port}/smp"\n')
    file = home / "gateway.toml"
    file.write_text(
        f"""\
stage = "demo"
data_dir = "{home / "data"}"

[http]
port = {port}

[network]
sml = "static"
sml_file = "{home / "sml.toml"}"
trust_dir = "{trust}"
keys_dir = "{home / "keys"}"

[jobs]
poll_s = 0.1
delivery_backoff_s = [1, 2, 3, 5]
"""
    )
    return file


def pem(certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@contextlib.contextmanager
def serving(house: RunningGateway, settings_file: Path, log: Path) -> Iterator[None]:
    """Run ``gateway serve`` until the block ends."""
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(settings_file)]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GATEWAY__")
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(ConnectionError):
            return house.call("GET", "/readyz")[0] == 200
        return False

    try:
        until(ready)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture
def settled(gateway):
    """Wait until a document's transport is over; gives the document."""

    def wait(document: str) -> dict[str, Any]:
        def over():
            found = gateway.get(document)
            return found if found["states"]["transport"] in ("delivered", "failed") else None

        found: dict[str, Any] = until(over)
        return found

    return wait


@pytest.fixture
def submit(gateway, invoice):
    """Hand a new invoice to the gateway; gives its number and its address in the API."""

    def post(receiver=JAVA, **size) -> tuple[str, str]:
        number = 10_000 + uuid.uuid4().int % 10**9
        content = invoice(number=number, **size)
        scheme, _, value = receiver.value.partition(":")
        content = content.replace(
            b'schemeID="0088">5400000000027<', f'schemeID="{scheme}">{value}<'.encode()
        )
        status, body = gateway.call("POST", "/v1/documents", content)
        assert status == 202, body
        return f"2026-{number}", f"/v1/documents/{json.loads(body)['id']}"

    return post


@dataclass(frozen=True)
class PythonPeer:
    """A peer that reads orders and gives answers in lines."""

    process: subprocess.Popen[str]
    log: Path

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        answer: dict[str, Any] = json.loads(line)
        assert "exception" not in answer, (answer, self.log.read_text())
        return answer


def environment(*requirements: str) -> Path:
    """The Python of an environment with these packages; skips where they cannot be had."""
    folder = CACHE / "-".join(one.replace("==", "-") for one in requirements)
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*install, *requirements], capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            pytest.skip(f"{requirements[0]} cannot be installed: {done.stderr[-300:]}")
        (folder / "complete").touch()
    return python


@contextlib.contextmanager
def peer(python: Path, script: str, keys: Path, log: Path) -> Iterator[PythonPeer]:
    """Run a peer until the block ends."""
    command = [python, "-W", "ignore", PEERS / script, keys]
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield PythonPeer(process, log)
    finally:
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def as4_package(pki, tmp_path_factory) -> Iterator[PythonPeer]:
    """The PyPI package as4 as an access point with the Java peer's seat."""
    log = tmp_path_factory.mktemp("as4") / "log"
    with peer(environment("as4==0.2.0"), "as4_peer.py", pki.folder, log) as running:
        yield running


@pytest.fixture(scope="session")
def peppol_py(pki, tmp_path_factory) -> Iterator[PythonPeer]:
    """The PyPI package peppol-py as a sender with the Java peer's seat."""
    log = tmp_path_factory.mktemp("peppol-py") / "log"
    key = pki.java.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = pki.folder / "java.key.pem"
    file.touch(mode=0o600)
    file.write_bytes(key)
    python = environment("peppol-py==1.2.5")
    with peer(python, "peppol_py_peer.py", pki.folder, log) as running:
        yield running
