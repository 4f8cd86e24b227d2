"""A used SBDH identifier does not push another document aside."""

from typing import Any

from gateway.exchange.tables import Direction, Document


async def test_another_document_under_a_used_identifier_is_handed_over_flagged(
    pair: Any, make_invoice: Any
) -> None:
    first, _ = await pair.delivered("VT-1")
    answer = await pair.sender.submit(make_invoice("VT-2"))
    async with pair.sender.gateway.platform.database.write() as session:
        second = await session.get_one(Document, (await pair.sender.documents())[-1].id)
        assert str(second.id) == answer.body["id"]
        second.sbdh_id = first.sbdh_id
    await pair.settle()
    arrived = await pair.receiver.documents(Document.direction == Direction.IN)
    assert [(one.number, one.sbdh_id) for one in arrived] == [
        ("VT-1", first.sbdh_id),
        ("VT-2", first.sbdh_id),
    ]
    assert [one.flagged for one in await pair.receiver.receptions()] == [False, True]
