"""An MLS that comes again under another MessageId: taken, acknowledged, not applied twice."""

from typing import Any

from gateway.as4.errors import EbmsCode
from gateway.core.jobs.tables import Job, JobState
from gateway.exchange.states import NetworkState, TransportState
from gateway.exchange.tables import Document, DocumentKind


async def test_an_mls_under_a_new_message_id_is_flagged(pair: Any, forge: Any, pki: Any) -> None:
    """The MLS has moved to the tenant whose document it is about, yet it is known."""

    async def take_and_err(request: Any, forward: Any) -> Any:
        reply = await forward()
        return type(reply)(
            200,
            reply.content_type,
            forge.error(request, EbmsCode.OTHER, signer=pki.seat("POP000101")),
        )

    pair.sender.line.once(take_and_err)
    sent, _ = await pair.delivered()
    assert await pair.receiver.later()
    await pair.settle()

    first, second = await pair.sender.receptions()
    assert first.message_id != second.message_id
    assert (first.sbdh_id, first.document_id) == (second.sbdh_id, second.document_id)
    assert (first.flagged, second.flagged) == (False, True)
    left = await pair.sender.rows(Job, Job.state != JobState.DONE)
    assert [one.kind for one in left if one.kind.startswith("exchange.")] == []
    assert (await pair.sender.document(sent.id)).network is NetworkState.ACCEPTED
    assert (await pair.sender.kinds(sent.id)).count("mls.received") == 1
    (mls,) = await pair.sender.documents(Document.kind == DocumentKind.MLS)
    assert mls.tenant_id == sent.tenant_id
    (answer,) = await pair.receiver.documents(Document.kind == DocumentKind.MLS)
    assert answer.transport is TransportState.DELIVERED
