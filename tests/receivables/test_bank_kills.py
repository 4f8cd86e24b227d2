"""Killed at every named point of taking a bank message in: nothing lost, nothing doubled."""

import signal
import subprocess
import sys

import pytest
from sqlmodel import select

from gateway.receivables.tables import BankMessage, BankMessageState, BankPaymentState

CHILD = """
import asyncio, sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from gateway.core.blobs import LocalBlobStore
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.settings import FaultSettings
from gateway.exchange.archive import Archive
from gateway.receivables import bank_messages
from gateway.receivables.ledger import Ledger
from gateway.receivables.tables import BankOrigin
import gateway.network.tables, gateway.validation.tables

url, tenant, blobs, file, kill_at = sys.argv[1:]
bank_messages.BATCH = 2

class Nobody:
    async def __call__(self, session, tenant_id, ids):
        return {}

async def take():
    database = Database(url)
    desk = bank_messages.BankDesk(
        database=database,
        archive=Archive(LocalBlobStore(Path(blobs)), lambda: datetime.now(UTC)),
        ledger=Ledger(),
        issued_ids=Nobody(),
        arrivals=[],
        zone=UTC,
        now=lambda: datetime.now(UTC),
        today=lambda: date(2026, 6, 30),
        faults=Faults(FaultSettings(kill_at=kill_at)),
    )
    await desk.take(UUID(tenant), Path(file).read_bytes(), origin=BankOrigin.API)
    await database.close()

asyncio.run(take())
"""


@pytest.mark.parametrize("kill_at", ["blob-fsynced", "row-committed:1", "row-committed:2"])
async def test_a_message_cut_short_is_booked_once(
    bank_house, database_url, tmp_path, camt, kill_at
):
    house = bank_house
    martin = await house.customer()
    for number in range(5):
        await house.item(martin, f"F-100{number}", 10_000)
    entries = [camt.entry(10_000, e2e=f"X{one}", lines=[f"F-100{one}"]) for one in range(5)]
    content = camt.message("053", "S1", entries)
    path = tmp_path / "day.xml"
    path.write_bytes(content)
    arguments = [database_url, str(house.tenant.id), str(tmp_path / "blobs-acme"), str(path)]
    died = subprocess.run([sys.executable, "-c", CHILD, *arguments, kill_at], check=False)
    assert died.returncode == -signal.SIGKILL
    before = len(await house.rows())
    assert before == {"blob-fsynced": 0, "row-committed:1": 2, "row-committed:2": 4}[kill_at]
    taken = await house.take(content)
    assert taken.message.state is BankMessageState.BOOKED
    assert (taken.message.payments, taken.message.repeated) == (5, 0)
    rows = await house.rows()
    assert [row.state for row in rows] == [BankPaymentState.MATCHED] * 5
    assert set((await house.open()).values()) == {0}
    async with house.database.read() as session:
        assert len(list(await session.exec(select(BankMessage)))) == 1
    await house.audit_books()
