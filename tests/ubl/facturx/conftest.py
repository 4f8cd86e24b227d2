"""An invoice made from data alone, as every Factur-X profile can carry it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ubl.model import Invoice
from ubl.model_json import invoice_from_json
from ubl.totals import complete

SAMPLE = Path(__file__).parent / "invoice.json"


@pytest.fixture(scope="session")
def invoice() -> Invoice:
    return complete(invoice_from_json(json.loads(SAMPLE.read_text("utf-8"))))


@pytest.fixture(scope="session")
def created_at() -> datetime:
    return datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
