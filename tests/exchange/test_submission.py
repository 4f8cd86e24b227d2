"""Submitting over HTTP: kept whatever becomes of it, once under one key, only for one's own."""


async def test_one_invoice_travels(pair):
    sent, arrived = await pair.delivered()
    assert (sent.transport, sent.network) == ("delivered", "accepted")
    assert (arrived.transport, arrived.number) == ("received", "VT-1")
    assert await pair.sender.kinds(sent.id) == [
        "document.accepted",
        "receiver.found",
        "receipt.verified",
        "mls.received",
    ]
