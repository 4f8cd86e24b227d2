"""Every account message of the collected samples through the desk: booked, or a clear refusal."""

import re
from collections import Counter
from pathlib import Path

import pytest

from gateway.receivables.tables import BankMessageState, BankPaymentState
from reminders.bank import MessageKind
from reminders.camt import read
from reminders.payments import payments_of

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "bank" / "camt"
REFUSED = {"test_data_camt053.v2.wrong.xml": "BANK-EMPTY"}

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no bank messages at {VECTORS}")


async def test_every_sample_is_booked_or_refused_for_a_reason(bank_house):
    house = bank_house
    files = sorted(VECTORS.glob("*.xml"))
    assert len(files) == 26
    refused, expected = {}, set()
    for path in files:
        message = (await house.take(path.read_bytes(), file_name=path.name)).message
        if message.state is BankMessageState.REFUSED:
            refused[path.name] = message.failure_code
            continue
        whole = read(path.read_bytes())
        assert message.state is BankMessageState.BOOKED
        assert (message.kind, message.message_id) == (str(whole.kind), whole.message_id)
        payments = payments_of(whole)
        assert message.payments == len(payments)
        assert not (whole.kind is MessageKind.REPORT and payments)
        expected |= {one.id for one in payments}
    assert refused == REFUSED
    rows = await house.rows()
    assert len(rows) == len({row.name for row in rows})
    # Two of the samples tell other money under one identity, and the later one is doubted.
    assert 0 < len({re.sub("~[^/]*", "", row.name) for row in rows}) <= len(expected)
    assert {row.state for row in rows if "~" in row.name} == {BankPaymentState.DOUBTFUL}
    assert set(Counter(row.state for row in rows)) <= {"unallocated", "doubtful", "set-aside"}
