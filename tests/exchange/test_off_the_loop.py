"""What grows with a document never holds up the event loop: receipts and leases depend on it."""

import pkgutil
import threading
from collections import defaultdict
from typing import Any

import pytest

STEPS = (
    "gateway.exchange.reading.read_facts",
    "gateway.exchange.reading.read_invoice_response",
    "gateway.exchange.responding.read_invoice",
    "gateway.exchange.evidence.compress",
)


def watch(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[int]]:
    """Note in which threads each step is done."""
    seen: dict[str, set[int]] = defaultdict(set)

    def noted(place: str) -> Any:
        real = pkgutil.resolve_name(place)

        def step(*arguments: Any, **named: Any) -> Any:
            seen[place].add(threading.get_ident())
            return real(*arguments, **named)

        return step

    for place in STEPS:
        monkeypatch.setattr(place, noted(place))
    return seen


async def test_large_work_is_done_in_threads(lite, monkeypatch):
    seen = watch(monkeypatch)
    sent, arrived = await lite.delivered()
    answer = await lite.receiver.call(
        "POST", f"/v1/documents/{arrived.id}/responses", json={"status": "AP"}
    )
    assert answer.status == 202
    await lite.settle()
    bundle = await lite.sender.call("GET", f"/v1/documents/{sent.id}/evidence")
    assert bundle.status == 200
    assert sorted(seen) == sorted(STEPS)
    assert [place for place in STEPS if threading.get_ident() in seen[place]] == []
