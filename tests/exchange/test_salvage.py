"""An acknowledged message that no attempt can route is shown in the inbox, not lost."""

from typing import Any

import pytest

from gateway.core.jobs.tables import Job, JobState
from gateway.exchange import arrival
from gateway.exchange.lanes import ROUTE
from gateway.exchange.tables import Direction, Document, DocumentKind


async def test_what_cannot_be_routed_reaches_the_inbox_as_it_came(
    lite: Any, make_invoice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_envelope: Any, _document: Any) -> Any:
        raise LookupError("a fault nobody foresaw")

    with monkeypatch.context() as patch:
        patch.setattr(arrival, "_open", unreadable)
        answer = await lite.sender.submit(make_invoice("VT-1"))
        await lite.settle()
        while await lite.receiver.rows(Job, Job.kind == ROUTE, Job.state == JobState.READY):
            await lite.receiver.later()
    sent = await lite.sender.document(answer.body["id"])
    (found,) = await lite.receiver.documents(Document.direction == Direction.IN)
    assert (found.kind, found.sbdh_id) == (DocumentKind.OTHER, sent.sbdh_id)
    assert found.failure_code == "JOB-FAULT"
    assert "document.unrouted" in await lite.receiver.kinds(found.id)
    (reception,) = await lite.receiver.receptions()
    assert reception.document_id == found.id
    (dead,) = await lite.receiver.rows(Job, Job.kind == ROUTE)
    assert dead.state is JobState.DEAD
    # Its sender is not left without an answer: the timer says that it was forwarded.
    await lite.receiver.later()
    await lite.settle()
    assert (await lite.sender.document(sent.id)).network == "forwarded"
