"""The money half: bank messages, dunning, reminders, the payment page.

Every part runs on SQLite and, if wanted, on PostgreSQL, in this process, beside its own floor:
the pure library on the same facts, the typesetter, or the same server's ``/healthz``.
"""

from contextlib import AsyncExitStack
from pathlib import Path

from bench import bank, dunning, payer, readers
from bench.books import notification, open_account
from bench.figures import Section
from bench.instance import prepare
from bench.postgres import fresh_database, server
from gateway.app import Gateway, open_gateway

__all__ = ["measure"]


async def measure(
    folder: Path,
    *,
    rounds: int,
    payments: int,
    customers: int,
    requests: int,
    postgresql: bool,
    peers: bool,
) -> list[Section]:
    """All tables: payments of a file, customers of a run, requests of a round.

    Without ``peers`` no other reader of bank messages is installed to compare with.
    """
    async with AsyncExitStack() as closing:
        places = {"SQLite": ""}
        url = closing.enter_context(server()) if postgresql else None
        if url is not None:
            places["PostgreSQL"] = closing.enter_context(fresh_database(url))
        gateways: dict[str, Gateway] = {}
        for name, database_url in places.items():
            instance = await prepare(folder / name, database_url)
            gateways[name] = await closing.enter_async_context(open_gateway(instance.settings))
        sections = [
            await bank.measure(gateways, rounds=rounds, payments=payments),
            await _reading(folder, gateways["SQLite"], payments, rounds=rounds, peers=peers),
            await dunning.plan_run(gateways, rounds=rounds, customers=customers),
            dunning.write_one(rounds=rounds, repeats=10),
            await payer.measure(gateways, rounds=rounds, count=requests),
        ]
    if postgresql and url is None:
        for section in sections:
            section.notes.append(
                "NO POSTGRESQL IN THIS RUN: no server is named and none could start."
            )
    return sections


async def _reading(
    folder: Path, gateway: Gateway, payments: int, *, rounds: int, peers: bool
) -> Section:
    account = await open_account(gateway, customers=1, items=payments)
    content = notification(account, payments=payments)
    return readers.measure(
        folder, content, payments=payments, rounds=rounds, repeats=5, peers=peers
    )
