"""A sandbox payment-initiation provider in a process of its own, for demonstrations and tests.

Stands for what a licensed provider does between a creditor and the payer's bank: takes orders,
shows the payer a bank's page, has the bank move the money, tells the creditor by signed
webhooks. Knows nothing of the gateway but its webhook address; keeps everything in memory. The
bank is a `mock-bank` process, reached by its control plane.
"""

import argparse
import asyncio
import hashlib
import hmac
import html
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from babel.numbers import format_currency
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from stdnum import iban as iban_number
from stdnum import iso11649

from gateway.payments.signatures import signed_headers
from gateway.web.i18n import preferred_language
from gateway.web.server import stop_signal
from ubl.amounts import Amount, AmountUnreadable, parse_decimal, to_minor

__all__ = ["BankProvider", "Options", "main"]

_RETRY_S: Final = (0.2, 0.5, 1, 2, 4, 8)
_PAYER_IBAN: Final = "BE68539007547034"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_MAX_BODY: Final = 64 * 1024

_WORDS: Final = {
    "en": {
        "sandbox": "Sandbox bank. This is not a real bank and no real money moves.",
        "title": "Approve a payment",
        "to": "To",
        "account": "Account",
        "text": "Reference",
        "from": "From your account",
        "yes": "Authorise",
        "no": "Refuse",
        "over": "This payment can no longer be decided.",
        "back": "Back",
    },
    "fr": {
        "sandbox": "Banque d'essai. Ce n'est pas une vraie banque, aucun argent réel ne circule.",
        "title": "Approuver un paiement",
        "to": "À",
        "account": "Compte",
        "text": "Communication",
        "from": "De votre compte",
        "yes": "Autoriser",
        "no": "Refuser",
        "over": "Ce paiement ne peut plus être décidé.",
        "back": "Retour",
    },
    "nl": {
        "sandbox": "Proefbank. Dit is geen echte bank, er beweegt geen echt geld.",
        "title": "Een betaling goedkeuren",
        "to": "Aan",
        "account": "Rekening",
        "text": "Mededeling",
        "from": "Van uw rekening",
        "yes": "Goedkeuren",
        "no": "Weigeren",
        "over": "Over deze betaling kan niet meer beslist worden.",
        "back": "Terug",
    },
    "de": {
        "sandbox": "Probebank. Dies ist keine echte Bank, es fließt kein echtes Geld.",
        "title": "Eine Zahlung freigeben",
        "to": "An",
        "account": "Konto",
        "text": "Verwendungszweck",
        "from": "Von Ihrem Konto",
        "yes": "Freigeben",
        "no": "Ablehnen",
        "over": "Über diese Zahlung kann nicht mehr entschieden werden.",
        "back": "Zurück",
    },
}

_STYLE: Final = """
:root{color-scheme:light dark}
body{margin:0;font:16px/24px system-ui,sans-serif;background:#eef1ee;color:#1b241d}
main{max-width:26rem;margin:0 auto;padding:16px;display:grid;gap:16px}
.mark{margin:0;background:#ffd75e;color:#3a2c00;padding:12px 16px;font-weight:600;text-align:center}
.card{background:#fff;border:1px solid #cfd8d1;border-radius:8px;padding:20px;display:grid;gap:14px}
h1{font-size:20px;margin:0}.sum{font-size:32px;line-height:40px;font-weight:700;margin:0}
dl{margin:0;display:grid;gap:10px}dt{font-size:14px;color:#56635a}
dd{margin:0;overflow-wrap:anywhere;font-weight:600}
form{display:grid;gap:10px}
button,a.b{font:inherit;font-weight:600;min-height:48px;border-radius:8px;border:1px solid #1d6b3a;
cursor:pointer;display:grid;place-items:center;text-decoration:none}
.yes,a.b{background:#1d6b3a;color:#fff}.no{background:none;color:inherit}
@media (prefers-color-scheme:dark){body{background:#111713;color:#e6ece7}
.card{background:#19211b;border-color:#303b33}dt{color:#a2aea5}.no{border-color:#6d7b71}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one provider is run.

    ``bank`` is the bank's address, ``bank_account`` the creditor's account there; ``webhook``
    takes the events, signed with every one of ``secrets``, unless ``silent``.
    """

    port: int
    bank: str
    bank_account: str
    webhook: str
    key: str
    secrets: tuple[str, ...] = field(repr=False)
    silent: bool = False


class _Creditor(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=70)
    iban: str
    bic: str | None = None


class _Order(BaseModel):
    """What a creditor orders."""

    model_config = ConfigDict(extra="forbid")

    client_reference: str = Field(max_length=100)
    amount: str
    currency: str = Field(pattern=r"^EUR$")
    creditor: _Creditor
    payer_name: str = Field(min_length=1, max_length=70)
    end_to_end_id: str = Field(pattern=r"^[A-Z0-9]{1,35}$")
    text: str = Field(max_length=140)
    return_url: str = Field(pattern=r"^https?://")
    expires_at: AwareDatetime


@dataclass(slots=True)
class _Payment:
    """One payment as the provider knows it."""

    id: str
    order: _Order
    minor: int
    fingerprint: str
    status: str = "authorising"
    failure_code: str | None = None
    seen: bool = False
    deciding: bool = False


class BankProvider:
    """The provider: its interface for creditors, its page for payers, its webhooks."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._by_id: dict[str, _Payment] = {}
        self._by_key: dict[str, _Payment] = {}
        self._events: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    def app(self) -> web.Application:
        """The web application; its address is known from each request."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.add_routes(
            [
                web.post("/payments", self._create),
                web.get("/payments/{id}", self._get),
                web.post("/payments/{id}/cancel", self._cancel),
                web.get("/authorise/{id}", self._show),
                web.post("/authorise/{id}", self._decide),
            ]
        )
        app.cleanup_ctx.append(self._telling)
        return app

    async def _create(self, request: web.Request) -> web.Response:
        self._admit(request)
        key, body = request.headers.get("Idempotency-Key", ""), await request.read()
        if not 0 < len(key) <= 200:
            raise _refusal(400, "send an Idempotency-Key")
        fingerprint = hashlib.sha256(body).hexdigest()
        known = self._by_key.get(key)
        if known is not None:
            if known.fingerprint != fingerprint:
                raise _refusal(409, "this Idempotency-Key was used for another order")
            return self._answer(request, known)
        payment = _payment(body, fingerprint)
        self._by_key[key] = self._by_id[payment.id] = payment
        return self._answer(request, payment, status=201)

    async def _get(self, request: web.Request) -> web.Response:
        self._admit(request)
        return self._answer(request, self._found(request))

    async def _cancel(self, request: web.Request) -> web.Response:
        self._admit(request)
        payment = self._found(request)
        if payment.status == "authorising" and not payment.deciding:
            payment.status = "expired"
        return self._answer(request, payment)

    async def _show(self, request: web.Request) -> web.Response:
        payment = self._found(request)
        if payment.status == "authorising" and not payment.seen:
            payment.seen = True
            self._tell(payment)
        return _page(payment, preferred_language(request.headers.get("Accept-Language", "")))

    async def _decide(self, request: web.Request) -> web.Response:
        payment, form = self._found(request), await request.post()
        if payment.status == "authorising" and not payment.deciding:
            payment.deciding = True
            if form.get("decision") == "authorise":
                await self._move_money(payment)
            else:
                self._set(payment, "failed", "refused-by-payer")
        return web.Response(status=303, headers={"Location": payment.order.return_url})

    async def _move_money(self, payment: _Payment) -> None:
        """Have the bank move the money; a bank that refuses makes the payment fail."""
        order = payment.order
        words = "reference" if iso11649.is_valid(order.text) else "note"
        credit = {
            "account": self._options.bank_account,
            "amount": payment.minor,
            "debtor": {"name": order.payer_name, "iban": _PAYER_IBAN},
            "end_to_end_id": order.end_to_end_id,
            words: order.text or order.end_to_end_id,
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as http,
                http.post(f"{self._options.bank.rstrip('/')}/_mock/credits", json=credit) as answer,
            ):
                refused = answer.status >= 300
                if refused:
                    print(f"the bank refused: {await answer.text()}", flush=True)
        except (aiohttp.ClientError, TimeoutError) as error:
            print(f"the bank does not answer: {error!r}", flush=True)
            refused = True
        if refused:
            self._set(payment, "failed", "bank-refused")
        else:
            self._set(payment, "accepted")
            self._set(payment, "settled")

    def _set(self, payment: _Payment, status: str, failure_code: str | None = None) -> None:
        payment.status, payment.failure_code = status, failure_code
        self._tell(payment)

    def _tell(self, payment: _Payment) -> None:
        """Queue the event of the state a payment has now come to."""
        if self._options.silent:
            return
        body = {
            "type": f"payment.{payment.status}",
            "payment_id": payment.id,
            "client_reference": payment.order.client_reference,
            "failure_code": payment.failure_code,
        }
        self._events.put_nowait((f"evt_{secrets.token_hex(12)}", json.dumps(body).encode()))

    async def _telling(self, _app: web.Application) -> Any:
        task = asyncio.create_task(self._send_events())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _send_events(self) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as http:
            while True:
                event_id, body = await self._events.get()
                await self._send(http, event_id, body)

    async def _send(self, http: aiohttp.ClientSession, event_id: str, body: bytes) -> None:
        """Send one event until it is taken; each attempt is signed anew, under the same id."""
        signing = [one.encode() for one in self._options.secrets]
        for wait in (*_RETRY_S, 0):
            headers = signed_headers(
                event_id=event_id, at=datetime.now(UTC), body=body, secrets=signing
            )
            headers["Content-Type"] = "application/json"
            try:
                async with http.post(
                    self._options.webhook, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    if answer.status < 300:
                        return
                    print(f"event {event_id} answered with {answer.status}", flush=True)
            except (aiohttp.ClientError, TimeoutError) as error:
                print(f"event {event_id} not taken: {error!r}", flush=True)
            await asyncio.sleep(wait)

    def _admit(self, request: web.Request) -> None:
        wanted = f"Bearer {self._options.key}".encode()
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted):
            raise _refusal(401, "this key is not known here")

    def _found(self, request: web.Request) -> _Payment:
        payment = self._by_id.get(request.match_info["id"])
        if payment is None:
            raise _refusal(404, "there is no such payment")
        late = datetime.now(UTC) >= payment.order.expires_at
        if payment.status == "authorising" and not payment.deciding and late:
            payment.status = "expired"
        return payment

    def _answer(
        self, request: web.Request, payment: _Payment, *, status: int = 200
    ) -> web.Response:
        return web.json_response(
            {
                "id": payment.id,
                "status": payment.status,
                "failure_code": payment.failure_code,
                "authorise_url": f"{request.url.origin()}/authorise/{payment.id}",
                "expires_at": payment.order.expires_at.isoformat(),
            },
            status=status,
        )


def _payment(body: bytes, fingerprint: str) -> _Payment:
    """A payment of what was ordered; refuses what no bank would take."""
    try:
        order = _Order.model_validate_json(body)
        minor = to_minor(Amount(parse_decimal(order.amount), order.currency))
    except (ValidationError, AmountUnreadable, ValueError) as error:
        raise _refusal(422, f"the order is not as described: {error}") from None
    if minor <= 0 or not iban_number.is_valid(order.creditor.iban):
        raise _refusal(422, "the order needs an amount above zero and a valid IBAN")
    return _Payment(id=secrets.token_urlsafe(18), order=order, minor=minor, fingerprint=fingerprint)


def _refusal(status: int, sentence: str) -> web.HTTPException:
    kinds: dict[int, type[web.HTTPException]] = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
        409: web.HTTPConflict,
        422: web.HTTPUnprocessableEntity,
    }
    return kinds[status](text=sentence)


def _page(payment: _Payment, language: str) -> web.Response:
    """The bank's page: what is to be approved, two buttons, no script."""
    words, order = _WORDS[language], payment.order
    amount = format_currency(parse_decimal(order.amount), order.currency, locale=language)
    facts = (
        ("to", order.creditor.name),
        ("account", iban_number.format(order.creditor.iban)),
        ("text", order.text),
        ("from", f"{order.payer_name}, {iban_number.format(_PAYER_IBAN)}"),
    )
    shown = "".join(
        f"<div><dt>{words[key]}</dt><dd>{html.escape(value)}</dd></div>" for key, value in facts
    )
    if payment.status == "authorising":
        choice = (
            '<form method="post">'
            f'<button class="yes" name="decision" value="authorise">{words["yes"]}</button>'
            f'<button class="no" name="decision" value="refuse">{words["no"]}</button></form>'
        )
    else:
        back = html.escape(order.return_url)
        choice = f'<p>{words["over"]}</p><a class="b" href="{back}">{words["back"]}</a>'
    back_to = urlsplit(order.return_url)
    return web.Response(
        text=(
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{words["title"]}</title><link rel="icon" href="data:,">'
            f'<style>{_STYLE}</style></head><body><p class="mark">{words["sandbox"]}</p>'
            f'<main><section class="card"><h1>{words["title"]}</h1>'
            f'<p class="sum">{html.escape(amount)}</p><dl>{shown}</dl>{choice}'
            "</section></main></body></html>"
        ),
        content_type="text/html",
        headers={
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                f"form-action 'self' {back_to.scheme}://{back_to.netloc}; frame-ancestors 'none'"
            ),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )


async def _serve(options: Options) -> None:
    runner = web.AppRunner(BankProvider(options).app(), access_log=None)
    with stop_signal() as stopping:
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", options.port).start()
            print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
            await stopping.wait()
        finally:
            await runner.cleanup()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the provider until it is told to stop; says on its first line where it listens."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.demo.bank_provider",
        description="A sandbox payment-initiation provider. Moves money at a mock bank only.",
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--bank", required=True, help="address of the mock bank")
    parser.add_argument("--bank-account", required=True, help="the creditor's account there")
    parser.add_argument("--webhook", required=True, help="where events are sent")
    parser.add_argument("--secret", required=True, action="append", help="signs the events")
    parser.add_argument("--key", required=True, help="the bearer key of the creditor")
    parser.add_argument("--silent", action="store_true", help="withhold all events")
    found = parser.parse_args(arguments)
    asyncio.run(
        _serve(
            Options(
                port=found.port,
                bank=found.bank,
                bank_account=found.bank_account,
                webhook=found.webhook,
                key=found.key,
                secrets=tuple(found.secret),
                silent=found.silent,
            )
        )
    )


if __name__ == "__main__":
    main()
