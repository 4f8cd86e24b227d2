"""A document that no AS4 message can be made of fails with a code of its own."""

from typing import Any

import pytest

from gateway.as4.errors import EbmsCode, LocalAs4Error
from gateway.exchange import encoding
from gateway.exchange.states import TransportState


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
