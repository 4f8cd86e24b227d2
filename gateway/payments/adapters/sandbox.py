"""The sandbox provider: a separate process that stands for a payment-initiation provider.

Speaks its HTTP interface as one would a real provider's: bearer key, idempotency key, time-outs,
signed webhooks. For the stages demo and test; the settings refuse it in production.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import aiohttp
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from yarl import URL

from gateway.core.errors import GatewayError
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.payments.errors import (
    EVENT_INVALID,
    PROVIDER_ANSWER,
    PROVIDER_DOWN,
    PROVIDER_REFUSED,
)
from gateway.payments.ports import Created, ProviderEventValue, ProviderOrder, ProviderReport
from gateway.payments.signatures import check
from gateway.payments.states import InitiationEvent
from ubl.amounts import decimal_text

__all__ = ["SandboxProvider"]

_TIMEOUT: Final = aiohttp.ClientTimeout(total=20, connect=5)
_MAX_ANSWER: Final = 64 * 1024
_TYPE_PREFIX: Final = "payment."
_GONE: Final = frozenset({404, 410})
_ONE_LINE: Final = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: neither headers nor databases take them."""

_Id = Annotated[str, Field(min_length=1, max_length=200, pattern=_ONE_LINE)]


class _Payment(BaseModel):
    """A payment as the provider answers it."""

    model_config = ConfigDict(extra="ignore")

    id: _Id
    status: str
    authorise_url: str = Field(max_length=2000, pattern=_ONE_LINE)
    expires_at: AwareDatetime
    failure_code: str | None = Field(None, max_length=60, pattern=_ONE_LINE)


class _Event(BaseModel):
    """An event as the provider sends it."""

    model_config = ConfigDict(extra="ignore")

    type: str = Field(max_length=40, pattern=_ONE_LINE)
    payment_id: _Id
    client_reference: UUID | None = None
    failure_code: str | None = Field(None, max_length=60, pattern=_ONE_LINE)


class SandboxProvider:
    """Port ``Provider`` over the sandbox's HTTP interface.

    ``url`` is its address, ``key`` the bearer key, ``secrets`` those its webhooks may be signed
    with (two while one replaces the other). Raises GatewayError OUTGOING-ADDRESS for an address
    the stage does not allow.
    """

    name = "sandbox"
    is_trial = True

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        stage: Stage,
        url: str,
        key: str,
        secrets: Sequence[str],
    ) -> None:
        check_url(url, stage)
        self._http = http
        self._url = url.rstrip("/")
        self._key = key
        self._secrets = tuple(one.encode() for one in secrets)

    @property
    def payer_origin(self) -> str:
        """Scheme, host and port of the pages payers are sent to."""
        return str(URL(self._url).origin())

    async def create(self, order: ProviderOrder) -> Created:
        """Make the order known, once per initiation; repeating it gives the same payment."""
        body = {
            "client_reference": str(order.initiation_id),
            "amount": decimal_text(order.amount.value),
            "currency": order.amount.currency,
            "creditor": {
                "name": order.creditor_name,
                "iban": order.creditor_iban,
                "bic": order.creditor_bic,
            },
            "payer_name": order.payer_name,
            "end_to_end_id": order.end_to_end_id,
            "text": order.text,
            "return_url": order.return_url,
            "expires_at": order.expires_at.isoformat(),
        }
        made = await self._ask(
            "POST", "/payments", body, {"Idempotency-Key": str(order.initiation_id)}
        )
        if _origin(made.authorise_url) != self.payer_origin:
            raise _odd("it sends payers to a page of somebody else")
        return Created(
            provider_id=made.id, authorise_url=made.authorise_url, expires_at=made.expires_at
        )

    async def get(self, provider_id: str) -> ProviderReport:
        """Ask where an order is."""
        return await self._where("GET", _path(provider_id))

    async def cancel(self, provider_id: str) -> ProviderReport:
        """Take back an order nobody authorised yet; returns where it is now."""
        return await self._where("POST", f"{_path(provider_id)}/cancel")

    def verify(
        self, headers: Mapping[str, str], body: bytes, *, now: datetime
    ) -> ProviderEventValue:
        """Read an event if one of the secrets signed it."""
        event_id = check(headers, body, secrets=self._secrets, now=now)
        try:
            told = _Event.model_validate_json(body)
        except ValidationError:
            raise GatewayError(
                EVENT_INVALID, "The event names no payment and kind; send it as documented."
            ) from None
        event = _event(told.type.removeprefix(_TYPE_PREFIX))
        return ProviderEventValue(
            event_id=event_id,
            kind=told.type,
            provider_id=told.payment_id,
            initiation_id=told.client_reference,
            report=ProviderReport(event, told.failure_code) if event else None,
        )

    async def _where(self, method: str, path: str) -> ProviderReport:
        """Where an order is; one the provider does not know can be authorised by nobody."""
        try:
            return _report(await self._ask(method, path))
        except GatewayError as error:
            if error.facts.get("answered") in _GONE:
                return ProviderReport(InitiationEvent.EXPIRED)
            raise

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Payment:
        """One request; its answer is read within bounds and never followed elsewhere."""
        try:
            async with self._http.request(
                method,
                self._url + path,
                data=json.dumps(body).encode() if body is not None else None,
                headers={
                    "Authorization": f"Bearer {self._key}",
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                    **(headers or {}),
                },
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as answer:
                status = answer.status
                content = await _bounded(answer.content)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise GatewayError(
                PROVIDER_DOWN,
                "The payment provider does not answer. Try again later, or pay by transfer.",
                reason=type(error).__name__,
            ) from None
        if status >= 500 or status == 429:
            raise GatewayError(
                PROVIDER_DOWN, "The payment provider is busy. Try again later.", status=status
            )
        if status not in (200, 201):
            raise GatewayError(
                PROVIDER_REFUSED,
                f"The payment provider refused the request with HTTP {status}. Compare "
                "payments.provider_key and the creditor's account with the provider's settings.",
                answered=status,
            )
        try:
            return _Payment.model_validate_json(content)
        except ValidationError:
            raise _odd("it is no payment") from None


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    """An answer's body; raises GatewayError PAYMENT-PROVIDER-ANSWER for one that goes on."""
    content = bytearray()
    async for chunk in stream.iter_any():
        content += chunk
        if len(content) > _MAX_ANSWER:
            raise _odd(f"it has more than {_MAX_ANSWER} bytes")
    return bytes(content)


def _report(payment: _Payment) -> ProviderReport:
    event = _event(payment.status)
    if event is None:
        raise _odd("it is in a state that is not documented")
    return ProviderReport(event, payment.failure_code)


def _event(word: str) -> InitiationEvent | None:
    return InitiationEvent(word) if word in set(InitiationEvent) else None


def _path(provider_id: str) -> str:
    return f"/payments/{quote(provider_id, safe='')}"


def _origin(url: str) -> str:
    try:
        return str(URL(url).origin())
    except ValueError:
        return ""


def _odd(why: str) -> GatewayError:
    return GatewayError(
        PROVIDER_ANSWER,
        f"The payment provider's answer cannot be used: {why}. Tell the provider.",
    )
