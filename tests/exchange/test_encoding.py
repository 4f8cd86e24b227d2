"""A document that no AS4 message can be made of fails with a code of its own."""

from typing import Any

import pytest

from gateway.as4 import sbdh
from gateway.as4.errors import EbmsCode, LocalAs4Error
from gateway.exchange import encoding
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Document
from ubl.safexml import Limits


async def test_what_cannot_be_encoded_fails_at_once_and_says_why(
    lite: Any, make_invoice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_parts: Any) -> Any:
        raise LocalAs4Error("SBDH-TEST", "The envelope cannot hold this.", ebms=EbmsCode.OTHER)

    monkeypatch.setattr(encoding, "_encode", refuse)
    answer = await lite.sender.submit(make_invoice("VT-1"))
    await lite.settle()
    document = await lite.sender.document(answer.body["id"])
    assert document.transport is TransportState.FAILED
    assert document.failure_code == "DELIVERY-ENCODING"
    assert "The envelope cannot hold this." in (document.failure_text or "")
    assert not await lite.sender.transmissions(document.id)


async def test_what_was_taken_is_read_whatever_the_limits_are_elsewhere(
    pair: Any, make_invoice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator may allow more than is usual: nothing may be acknowledged and then stuck."""
    usual = Limits(max_bytes=70_000)
    monkeypatch.setattr(sbdh, "Limits", lambda: usual)
    padding = b"<!--" + b"x" * usual.max_bytes + b"-->"
    content = make_invoice("VT-1").replace(b"</Invoice>", padding + b"</Invoice>")
    assert len(content) > usual.max_bytes
    answer = await pair.sender.submit(content)
    await pair.settle()
    document = await pair.sender.document(answer.body["id"])
    assert document.transport is TransportState.DELIVERED
    (arrived,) = await pair.receiver.documents(Document.direction == "in")
    assert arrived.number == "VT-1"
