"""The AS4 layer alone, in one process, beside another implementation and the bare RSA key.

Counts processor time, not the clock on the wall: the layer does nothing but compute, so this is
what one core gives, however busy the machine is.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography import x509

from bench.figures import Section, median
from bench.material import BUSINESSES, Seats, invoice_of, make_seats
from bench.peer import PEER_VERSION, Peer, PeerMissing
from bench.wire_material import message_to
from gateway.as4.ebms import UserMessage
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING
from gateway.as4.incoming import Received, UnpackLimits, build_receipt, unpack
from gateway.as4.outgoing import Encoded, ReceiptReceived, encode, read_answer
from gateway.core.clock import now
from gateway.core.ids import new_id
from gateway.exchange.encoding import spool
from gateway.network.pki import Purpose, VerdictStatus, verify_certificate

__all__ = ["measure"]

_SIZES: Final = (("5 kB", 5_000, 1.0), ("50 kB", 50_000, 0.7), ("5 MB", 5_000_000, 0.0))
"""Name, bytes, and how often a round repeats it, as a part of what was asked for."""
_ADDRESSES: Final = {
    "sender": BUSINESSES[0].value,
    "recipient": BUSINESSES[1].value,
    "document_type_identifier_scheme": BILLING_INVOICE.scheme,
    "document_type_identifier_value": BILLING_INVOICE.value,
    "process_identifier": PROCESS_BILLING.value,
}
_Result = TypeVar("_Result")


def measure(folder: Path, *, rounds: int, repeats: int) -> list[Section]:
    """Send, receive and acknowledge messages of three sizes; ours and the peer's in turn.

    A round repeats each step up to ``repeats`` times.
    """
    seats = make_seats(folder / "pki")
    try:
        with Peer(files=seats.files, addresses=_ADDRESSES) as peer:
            return _measure(folder, seats, peer, "", (rounds, repeats))
    except PeerMissing as reason:
        return _measure(folder, seats, None, str(reason), (rounds, repeats))


def _measure(
    folder: Path, seats: Seats, peer: Peer | None, why_no_peer: str, effort: tuple[int, int]
) -> list[Section]:
    section = Section(
        "AS4 layer alone: messages per second of one core",
        (
            "document",
            "step",
            "ours /s",
            "ms",
            f"as4 {PEER_VERSION} /s",
            "ours : as4",
            "of RSA bound",
        ),
    )
    rounds, most = effort
    key_rates: list[float] = []
    for name, size, part in _SIZES:
        repeats = max(1, round(most * part))
        payload = folder / f"{size}.xml"
        payload.write_bytes(invoice_of(size))
        ours: list[dict[str, float]] = []
        theirs: list[dict[str, float]] = []
        for _ in range(rounds):
            key_rates.append(1 / _per_operation(lambda: seats.sender.key.sign(b"digest"), 40)[0])
            ours.append(_ours(seats, payload.read_bytes(), repeats))
            if peer is not None:
                theirs.append(peer.measure(payload, repeats))
        _add_rows(section, name, ours, theirs, key_rate=median(key_rates))
    section.notes = [
        f"Medians of {rounds} rounds in turn; processor time, SBDH and trust chain included.",
        "receive = unpack + receipt. Every message and receipt was verified.",
        f"RSA-2048 private-key operations here: {median(key_rates):.0f}/s. Sending and receiving "
        "need 1 and 2 of them: that alone is the bound.",
    ]
    if peer is None:
        section.notes.append(f"NO PEER IN THIS RUN: as4 {PEER_VERSION}: {why_no_peer}")
    return [section]


def _add_rows(
    section: Section,
    name: str,
    ours: list[dict[str, float]],
    theirs: list[dict[str, float]],
    *,
    key_rate: float,
) -> None:
    private_operations = {"send": 1, "receive": 2, "unpack": 1, "receipt": 1}
    for step in ("send", "receive", "unpack", "receipt", "read_answer"):
        seconds = median([one[step] for one in ours])
        compared = [one[step] for one in theirs if step in one]
        peer_seconds = median(compared) if compared else None
        needed = private_operations.get(step)
        section.add(
            name,
            step.replace("_", " "),
            1 / seconds,
            seconds * 1000,
            None if peer_seconds is None else 1 / peer_seconds,
            None if peer_seconds is None else f"{peer_seconds / seconds:.2f}x",
            None if needed is None else f"{needed / key_rate / seconds:.0%}",
        )


def _per_operation(operation: Callable[[], _Result], repeats: int) -> tuple[float, _Result]:
    """Seconds of processor time of one run, and what the last one gave."""
    result = operation()
    began = time.process_time()
    for _ in range(repeats):
        result = operation()
    return (time.process_time() - began) / repeats, result


@dataclass(frozen=True, slots=True)
class _Sent:
    message: UserMessage
    encoded: Encoded
    body: bytes


def _ours(seats: Seats, document: bytes, repeats: int) -> dict[str, float]:
    send, sent = _per_operation(lambda: _send(seats, document), repeats)
    opening, received = _per_operation(lambda: _unpack(seats, sent), repeats)
    receipting, receipt = _per_operation(lambda: _receipt(seats, received), repeats)
    reading, answer = _per_operation(lambda: _read(seats, sent, receipt), repeats)
    if not isinstance(answer, ReceiptReceived):
        raise TypeError(f"the receipt was not one: {answer}")
    return {
        "send": send,
        "receive": opening + receipting,
        "unpack": opening,
        "receipt": receipting,
        "read_answer": reading,
    }


def _send(seats: Seats, document: bytes) -> _Sent:
    sender, receiver = seats.sender, seats.receiver
    with spool() as envelope:
        message = message_to(document, envelope, sender.certificate, receiver.certificate, at=now())
        out = BytesIO()
        encoded = encode(
            message,
            envelope,
            key=sender.key,
            certificate=sender.certificate,
            recipient=receiver.certificate,
            entropy=os.urandom,
            spool=spool,
            out=out,
        )
    return _Sent(message, encoded, out.getvalue())


def _unpack(seats: Seats, sent: _Sent) -> Received:
    def trusted(certificate: x509.Certificate) -> None:
        verdict = verify_certificate(
            certificate, anchors=seats.anchors, purpose=Purpose.AP, at=now()
        )
        if verdict.status is not VerdictStatus.OK:
            raise RuntimeError(verdict.message)

    received = unpack(
        BytesIO(sent.body),
        sent.encoded.content_type,
        keys=[(seats.receiver.certificate, seats.receiver.key)],
        verify_signer=trusted,
        limits=UnpackLimits(),
        spool=spool,
    )
    received.sbd.close()
    return received


def _receipt(seats: Seats, received: Received) -> bytes:
    return build_receipt(
        received,
        message_id=f"{new_id()}@bench.example",
        now=now(),
        key=seats.receiver.key,
        certificate=seats.receiver.certificate,
        entropy=os.urandom,
    )


def _read(seats: Seats, sent: _Sent, receipt: bytes) -> Any:
    return read_answer(
        content_type="application/soap+xml",
        body=receipt,
        message_id=sent.message.message_id,
        references=sent.encoded.references,
        recipient=seats.receiver.certificate,
        now=now(),
    )
