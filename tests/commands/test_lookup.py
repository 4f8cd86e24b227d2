"""``gateway lookup``: what a participant publishes, from a file of SMP addresses and an SMP."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    PROCESS_BILLING,
    ParticipantId,
)
from gateway.cli import main
from gateway.network.keys import FileKeys
from gateway.network.local_pki import ensure_test_pki
from gateway.network.smp import PublishedEndpoint, PublishedProcess, ServiceMetadata
from gateway.network.smp_documents import service_group, signed_metadata
from gateway.network.smp_selection import TRANSPORT_PROFILE

RECEIVER = ParticipantId.of("0088:5400000000010")


@pytest.fixture
def smp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The address of an SMP that publishes one document type; settings that lead to it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gateway.core.telemetry.configure", lambda **_: None)
    now = datetime.now(UTC)
    places = ensure_test_pki(
        tmp_path / "data/pki", ap_seats=["POP000001"], smp_seats=["PSM000001"], at=now
    )
    keys = FileKeys(places.keys)
    receiver, signer = keys.ring("POP000001").signing(now), keys.ring("PSM000001").signing(now)
    end = PublishedEndpoint(
        transport_profile=TRANSPORT_PROFILE,
        url="https://ap.example/as4",
        certificate=receiver.certificate.public_bytes(Encoding.PEM).decode(),
        activation=now.replace(microsecond=0),
        expiry=None,
    )
    metadata = ServiceMetadata(
        RECEIVER, BILLING_INVOICE, (PublishedProcess(PROCESS_BILLING, (end,)),)
    )
    home = f"/{RECEIVER.percent_encoded}"
    pages = {
        home: service_group(RECEIVER, (BILLING_INVOICE,), base_url="https://smp.example"),
        f"{home}/services/{BILLING_INVOICE.percent_encoded}": signed_metadata(
            metadata, key=signer.key, certificate=signer.certificate
        ),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / "sml.toml").write_text(f'[participants]\n"{RECEIVER}" = "{url}"\n')
        (tmp_path / "gateway.toml").write_text(
            'stage = "test"\n[network]\nsml = "static"\nsml_file = "sml.toml"\n'
        )
        yield url
        server.shutdown()
        thread.join()


def lookup(*words: str) -> int:
    return main(["lookup", "--config", "gateway.toml", *words])


def test_everything_is_shown_step_by_step(smp, capsys) -> None:
    assert lookup(RECEIVER.value) == 0
    said = capsys.readouterr().out
    for part in (
        f"participant  {RECEIVER}",
        "name asked   sml.toml",
        f"SMP          {smp}",
        "answers      asked just now",
        "Invoice · Peppol BIS Billing 3",
        str(BILLING_INVOICE),
        "signed by PSM000001, issued by",
        f"process {PROCESS_BILLING}",
        f"{TRANSPORT_PROFILE} https://ap.example/as4",
        "access point POP000001, issued by",
        "revocation: ",
        "can be sent to",
        "result       it can be reached",
    ):
        assert part in said, part


def test_it_says_why_a_type_is_not_taken(smp, capsys) -> None:
    assert lookup(RECEIVER.value, "--type", str(BILLING_CREDIT_NOTE)) == 1
    said = capsys.readouterr().out
    assert "why          Only other kinds of documents are registered." in said
    assert "LOOKUP-DOCUMENT-TYPE" in said


def test_json_for_programs(smp, capsys) -> None:
    words = ("--type", str(BILLING_INVOICE), "--process", PROCESS_BILLING.value)
    assert lookup(RECEIVER.value, *words, "--json", "--fresh") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["match"]["reason"], found["fault"]) == ("exact", None)
    assert lookup("0088:nobody", "--json") == 1
    missing = json.loads(capsys.readouterr().out)
    assert missing["fault"]["code"] == "LOOKUP-NOT-REGISTERED"


@pytest.mark.parametrize(
    "words",
    [("nonsense",), ("0088:1", "--type", "nonsense"), ("0088:1", "--process", "urn:x")],
)
def test_what_is_no_question_is_wrong_use(smp, capsys, words) -> None:
    assert lookup(*words) == 2
    assert "gateway:" in capsys.readouterr().err
