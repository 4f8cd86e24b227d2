"""The other implementation's side of the comparison; runs in an environment of its own.

Started by ``bench.peer`` with the Python of that environment, so it may import nothing of this
project. Takes one JSON object a line: ``files`` (PEM) first, then ``{"payload", "repeats"}``;
answers each with the seconds of processor time that one operation took.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from as4 import AS4LocalPrivateKey  # type: ignore[import-not-found] # of another environment
from as4.peppol import (  # type: ignore[import-not-found] # of another environment
    build_peppol_message,
    create_peppol_external_party,
    create_peppol_internal_party,
    parse_peppol_message,
    parse_peppol_receipt,
    peppol_security_policy,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def main() -> None:
    first = json.loads(sys.stdin.readline())
    parties = Parties(first["files"], first["addresses"])
    for line in sys.stdin:
        order = json.loads(line)
        answer = parties.measure(Path(order["payload"]).read_bytes(), order["repeats"])
        print(json.dumps(answer), flush=True)


def per_operation(operation: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    began = time.process_time()
    for _ in range(repeats):
        result = operation()
    return (time.process_time() - began) / repeats, result


class Parties:
    def __init__(self, files: dict[str, str], addresses: dict[str, str]) -> None:
        certificates = {
            role: x509.load_pem_x509_certificate(Path(files[role]).read_bytes())
            for role in ("root", "authority", "sender", "receiver")
        }
        internal, external = {}, {}
        for role in ("sender", "receiver"):
            key = load_pem_private_key(Path(files[f"{role}_key"]).read_bytes(), password=None)
            seat = certificates[role].subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            name = seat[0].value
            internal[role] = create_peppol_internal_party(
                name, certificates[role], AS4LocalPrivateKey(key)
            )
            external[role] = create_peppol_external_party(name, certificates[role])
        self.internal, self.external = internal, external
        self.certificates = certificates
        self.addresses = addresses
        self.policy = peppol_security_policy(
            certificates["root"], intermediates=[certificates["authority"]]
        )

    def measure(self, payload: bytes, repeats: int) -> dict[str, float]:
        send, (message, body, headers) = per_operation(lambda: self.send(payload), repeats)
        receive, answer = per_operation(lambda: self.receive(headers, body), repeats)
        read, _ = per_operation(lambda: self.read_answer(message, answer), repeats)
        return {"send": send, "receive": receive, "read_answer": read}

    def send(self, payload: bytes) -> tuple[Any, bytes, dict[str, str]]:
        message = build_peppol_message(
            payload=payload,
            local_party=self.internal["sender"],
            remote_party=self.external["receiver"],
            sender_country_id="BE",
            **self.addresses,
        )
        body, boundary = message.get_request_data()
        return message, body, message.get_http_headers(boundary)

    def receive(self, headers: dict[str, str], body: bytes) -> bytes:
        exchange = parse_peppol_message(
            request_headers=headers,
            request_body=body,
            local_party=self.internal["receiver"],
            security_policy=self.policy,
        )
        if not exchange.successful:
            raise RuntimeError(f"the peer refuses its own message: {exchange.error}")
        answer: bytes = exchange.build_signal()[1]
        return answer

    def read_answer(self, message: Any, answer: bytes) -> None:
        receipt = parse_peppol_receipt(answer, self.certificates["receiver"])
        receipt.verify_non_repudiation(message.signed_references)


if __name__ == "__main__":
    main()
