"""A whole gateway and phase4 exchange documents: an ordinary process with ordinary settings.

The gateway's own SMP publishes the Java peer's participants, so that sending goes the whole way:
submission, validation, lookup, delivery, receipt.
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
from urllib.parse import urlsplit

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

PATIENCE_S = 60
OURS = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000010")
JAVA = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000027")
JAVA_SPID = ParticipantId.parse("iso6523-actorid-upis::0242:000002")


@dataclass(frozen=True)
class RunningGateway:
    """A gateway process: where it listens and the key to its API."""

    url: str
    api_key: str

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if body is not None:
            headers["Content-Type"] = "application/xml"
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


@pytest.fixture(scope="module")
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


@pytest.fixture
def submit(gateway, invoice):
    """Hand a new invoice to the gateway; gives its number and its address in the API."""

    def post() -> tuple[str, str]:
        number = 10_000 + uuid.uuid4().int % 10**9
        status, body = gateway.call("POST", "/v1/documents", invoice(number=number))
        assert status == 202, body
        return f"2026-{number}", f"/v1/documents/{json.loads(body)['id']}"

    return post


@pytest.fixture
def send(java_sender, order, gateway, invoice, tmp_path):
    """Let phase4 send a new invoice to the gateway; gives its number and phase4's report."""

    def ask(*, url=None, **fields):
        number = 10_000 + uuid.uuid4().int % 10**9
        payload = tmp_path / f"{number}.xml"
        payload.write_bytes(invoice(number=number))
        report = java_sender.ask(
            order(url or f"{gateway.url}/as4", recipient="ours", payload=str(payload), **fields)
        )
        return f"2026-{number}", report

    return ask


def test_a_submitted_invoice_reaches_phase4(submit, gateway, java_receiver):
    number, document = submit()

    def settled():
        found = gateway.get(document)
        return found if found["states"]["transport"] in ("delivered", "failed") else None

    found = until(settled)
    assert found["states"]["transport"] == "delivered", gateway.get(f"{document}/timeline")
    sent = [path.read_bytes() for path in java_receiver.store.glob("*.sbd")]
    assert sum(f">{number}<".encode() in content for content in sent) == 1


def test_an_invoice_from_phase4_is_received_once_and_acknowledged(send, gateway):
    number, report = send()
    assert (report["result"], report["errors"]) == ("success", [])
    assert len(until(lambda: gateway.documents(number))) == 1


def test_a_lost_receipt_is_given_again_and_nothing_is_taken_twice(send, gateway, serve):
    answers = []

    def lose_the_first(request):
        address = urlsplit(gateway.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            headers = {"Content-Type": request.headers["content-type"]}
            connection.request("POST", "/as4", body=request.body, headers=headers)
            answer = connection.getresponse()
            answers.append(answer.read())
            kind = answer.headers["Content-Type"]
        finally:
            connection.close()
        return (200, kind, answers[-1]) if len(answers) > 1 else None

    number, report = send(url=serve(lose_the_first) + "/as4", retries=1)
    assert report["result"] == "success"
    assert answers[0] == answers[1]
    assert len(until(lambda: gateway.documents(number))) == 1


def test_a_known_message_id_with_other_content_is_refused(send):
    message_id = f"{uuid.uuid4()}@java.example"
    assert send(message_id=message_id)[1]["result"] == "success"
    report = send(message_id=message_id)[1]
    assert report["result"] == "as4-error-msg-received"
    assert report["errors"][0]["ref"] == message_id


def test_a_participant_that_is_not_served_is_refused_as_such(send):
    report = send(receiver="iso6523-actorid-upis::0088:5400000000034")[1]
    assert [error["detail"] for error in report["errors"]] == ["PEPPOL:NOT_SERVICED"]


def test_the_message_level_status_that_phase4_asked_for_arrives(send, java_receiver):
    instance = str(uuid.uuid4())
    report = send(instance_identifier=instance, mls_to=str(JAVA_SPID), mls_type="ALWAYS_SEND")[1]
    assert report["result"] == "success"

    def status() -> bytes | None:
        for path in java_receiver.store.glob("*.sbd"):
            content = path.read_bytes()
            if instance.encode() in content:
                return content
        return None

    assert b"urn:peppol:edec:mls:1.0" in until(status)


def test_the_reference_client_finds_what_the_gateway_publishes(java_smp_client, gateway, pki):
    answer = java_smp_client.ask(
        {
            "smp": f"{gateway.url}/smp/",
            "receiver": str(OURS),
            "document_type": str(BILLING_INVOICE),
            "process": str(PROCESS_BILLING),
        }
    )
    assert answer["url"] == f"{gateway.url}/as4"
