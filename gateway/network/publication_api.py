"""The API of bulk changes: a certificate or an address replaced wherever it is published."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.http import Route, body_of, json_answer, path_id
from gateway.network.participant_api_models import (
    AffectedOut,
    CertificateChangeIn,
    ChangeOut,
    ChangePage,
    EndpointChangeIn,
)
from gateway.network.participant_keys import PUBLICATION_CHANGES
from gateway.network.publication_changes import Replacement

__all__ = ["ROUTES"]


async def change_certificate(request: web.Request) -> web.Response:
    """Replace a certificate, or show what that would reach."""
    body = await body_of(request, CertificateChangeIn)
    changes = request.app[PUBLICATION_CHANGES]
    replacement = await changes.certificate(body.old, body.new_certificate_pem)
    return await _change(request, body, replacement)


async def change_endpoint(request: web.Request) -> web.Response:
    """Replace an address, or show what that would reach."""
    body = await body_of(request, EndpointChangeIn)
    replacement = request.app[PUBLICATION_CHANGES].endpoint(body.old, body.new)
    return await _change(request, body, replacement)


async def list_changes(request: web.Request) -> web.Response:
    """The account's changes."""
    rows = await request.app[PUBLICATION_CHANGES].page(principal(request))
    return json_answer(ChangePage(items=[ChangeOut.of(one) for one in rows]))


async def cancel_change(request: web.Request) -> web.Response:
    """Call a change off."""
    row = await request.app[PUBLICATION_CHANGES].cancel(
        principal(request), path_id(request, "change_id")
    )
    return json_answer(ChangeOut.of(row))


async def _change(
    request: web.Request, body: CertificateChangeIn | EndpointChangeIn, replacement: Replacement
) -> web.Response:
    caller, changes = principal(request), request.app[PUBLICATION_CHANGES]
    everywhere = "operations:write" in caller.scopes
    if body.preview:
        found = await changes.preview(caller, replacement, everywhere=everywhere)
        return json_answer(AffectedOut.of(found))
    row = await changes.schedule(
        caller, replacement, everywhere=everywhere, effective_at=body.effective_at
    )
    return json_answer(ChangeOut.of(row), status=202)


_PATH: Final = "/v1/smp"
_STATUSES: Final = {200: "What it would reach (preview)", 422: "Not publishable"}

ROUTES: Final = (
    Route(
        method="POST",
        path=f"{_PATH}/certificate-changes",
        handler=change_certificate,
        scope="participants:write",
        summary="Replace a certificate wherever it is published (the operator: everywhere)",
        body=CertificateChangeIn,
        answer=ChangeOut,
        status=202,
        statuses=_STATUSES,
    ),
    Route(
        method="POST",
        path=f"{_PATH}/endpoint-changes",
        handler=change_endpoint,
        scope="participants:write",
        summary="Replace an address wherever it is published (the operator: everywhere)",
        body=EndpointChangeIn,
        answer=ChangeOut,
        status=202,
        statuses=_STATUSES,
    ),
    Route(
        method="GET",
        path=f"{_PATH}/changes",
        handler=list_changes,
        scope="participants:read",
        summary="List the account's bulk changes",
        answer=ChangePage,
    ),
    Route(
        method="DELETE",
        path=f"{_PATH}/changes/{{change_id}}",
        handler=cancel_change,
        scope="participants:write",
        summary="Call a bulk change off before its moment",
        answer=ChangeOut,
        statuses={404: "No such change", 409: "It is applied or cancelled already"},
    ),
)
