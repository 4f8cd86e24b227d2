"""The peers around the gateways: a bank, a payment-initiation provider and a mail server.

Each is a process of its own that knows nothing of the others but an address. The bank is the
package mock-bank; it, and the mail server's library, come with the extra ``demo``.
"""

import asyncio
import importlib.util
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import aiohttp

from gateway.core.errors import ErrorKind, GatewayError
from gateway.demo.cast import SELLER
from gateway.demo.processes import LOOPBACK, Ports, running

__all__ = ["Bank", "Peers", "Places", "choose_places", "open_peers"]

DEMO_PEERS: Final = ErrorKind("DEMO-PEERS", "The peers of the demonstration are not installed", 500)

_BANK_PORT: Final = 8704
_PROVIDER_PORT: Final = 8705
_MAIL_PORT: Final = 8706
_SMTP_PORT: Final = 8725
_START_LIMIT_S: Final = 60
_BANK_ACCOUNT: Final = "VUURTOREN"
_BIC: Final = "GEBABEBB"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the peers will be, and the secrets the seller's gateway shares with its provider."""

    bank: int
    provider: int
    mail: int
    smtp: int
    key: str
    secret: str

    def settings(self) -> str:
        """What the seller's gateway is told of its peers (TOML)."""
        return f"""
[mail]
host = "{LOOPBACK}"
port = {self.smtp}
security = "none"
sender = "reminders@vuurtoren.example"
timeout_s = 5

[payments]
provider = "sandbox"
provider_url = "http://{LOOPBACK}:{self.provider}"
provider_key = "{self.key}"
webhook_secrets = ["{self.secret}"]
"""


@dataclass(frozen=True, slots=True)
class Bank:
    """The bank as its control plane and its mailbox show it."""

    url: str
    http: aiohttp.ClientSession

    async def open_account(self, iban: str, holder: str) -> None:
        """Open the seller's account."""
        await self._ask(
            "POST",
            "/_mock/accounts",
            {
                "id": _BANK_ACCOUNT,
                "name": holder,
                "iban": iban,
                "bic": _BIC,
                "currency": "EUR",
                "balance": 0,
            },
        )

    async def balance_minor(self) -> int:
        """What is on the seller's account, in cents."""
        account = await self._ask("GET", f"/_mock/accounts/{_BANK_ACCOUNT}")
        return int(account["balance"])

    async def advance(self, days: int) -> None:
        """Let days pass at the bank: money is booked, statements are written."""
        await self._ask("POST", f"/_mock/advance?days={days}")

    async def collect(self) -> list[tuple[str, bytes]]:
        """Take the account messages that wait for the seller: their type and their bytes."""
        letters = await self._ask("GET", "/_mock/mailbox?type=camt.")
        return [
            (str(one["type"]), str(one["body"]).encode())
            for one in letters
            if one["account"] == _BANK_ACCOUNT
        ]

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self.http.request(method, f"{self.url}{path}", json=body) as answer:
            if answer.status >= 400:
                text = await answer.text()
                raise GatewayError(DEMO_PEERS, f"The bank answered {answer.status}: {text[:200]}")
            return await answer.json(content_type=None)


@dataclass(frozen=True, slots=True)
class Peers:
    """The running peers."""

    bank: Bank
    provider_url: str
    mail_url: str
    http: aiohttp.ClientSession

    async def mails(self) -> list[dict[str, Any]]:
        """The e-mails that arrived, oldest first."""
        async with self.http.get(f"{self.mail_url}/messages") as answer:
            return list(await answer.json())


def choose_places(ports: Ports) -> Places:
    """Claim ports for the peers and draw the secrets."""
    return Places(
        bank=ports.claim(_BANK_PORT),
        provider=ports.claim(_PROVIDER_PORT),
        mail=ports.claim(_MAIL_PORT),
        smtp=ports.claim(_SMTP_PORT),
        # Hexadecimal: they are handed over as arguments and must not look like options.
        key=secrets.token_hex(16),
        secret=secrets.token_hex(32),
    )


@asynccontextmanager
async def open_peers(
    folder: Path, places: Places, *, webhook: str, today: date, cut: str | None
) -> AsyncIterator[Peers]:
    """Start the peers with logs in ``folder``, stop them on leaving.

    ``cut`` leaves out the mail server (mail) or the provider's events (webhook).
    Raises GatewayError DEMO-PEERS where the extra ``demo`` is not installed.
    """
    bank_url, provider_url, mail_url = (
        f"http://{LOOPBACK}:{port}" for port in (places.bank, places.provider, places.mail)
    )
    async with AsyncExitStack() as closing:
        http = await closing.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        )
        starts: list[tuple[str, str, Sequence[str]]] = [
            ("bank", f"{bank_url}/_mock/health", _bank_command(places, today)),
            ("provider", provider_url, _provider_command(places, bank_url, webhook, cut)),
        ]
        if cut != "mail":
            starts.append(("mail", mail_url, _mail_command(places)))
        bank = Bank(bank_url, http)
        for name, address, command in starts:
            log = folder / f"{name}.log"
            process = await closing.enter_async_context(running(command, log))
            await _until_up(http, address, process, log)
        await bank.open_account(SELLER.account, SELLER.business)
        yield Peers(bank, provider_url, mail_url, http)


def _bank_command(places: Places, today: date) -> list[str]:
    program = shutil.which("mock-bank", path=str(Path(sys.executable).parent))
    if program is None or importlib.util.find_spec("aiosmtpd") is None:
        raise GatewayError(
            DEMO_PEERS,
            "The demonstration needs a bank and a mail server to talk to. Install them with: "
            "pip install 'peppol-gateway[demo]'",
        )
    clock = ["--clock", f"{today.isoformat()}T09:00", "--timezone", "Europe/Brussels"]
    return [program, "--host", LOOPBACK, "--port", str(places.bank), *clock, "--quiet"]


def _provider_command(places: Places, bank: str, webhook: str, cut: str | None) -> list[str]:
    silent = ["--silent"] if cut == "webhook" else []
    return [
        *(sys.executable, "-m", "gateway.demo.bank_provider"),
        *("--port", str(places.provider)),
        *("--bank", bank, "--bank-account", _BANK_ACCOUNT),
        *("--webhook", webhook),
        *("--secret", places.secret, "--key", places.key),
        *silent,
    ]


def _mail_command(places: Places) -> list[str]:
    ports = ["--smtp-port", str(places.smtp), "--port", str(places.mail)]
    return [sys.executable, "-m", "gateway.demo.mail_sink", *ports]


async def _until_up(
    http: aiohttp.ClientSession, url: str, process: asyncio.subprocess.Process, log: Path
) -> None:
    """Wait until a peer answers, whatever it answers; no longer than it lives."""
    deadline = asyncio.get_running_loop().time() + _START_LIMIT_S
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        try:
            async with http.get(url):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.1)
    raise GatewayError(DEMO_PEERS, f"{url} does not answer; {log} may say why.")
