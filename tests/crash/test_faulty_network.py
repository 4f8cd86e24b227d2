"""A network that drops, delays, cuts, doubles and garbles: each document arrives exactly once.

``GATEWAY_FAULTS`` is the number of messages (invoices and their MLS); `make fault` sends 2,000.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from crash_houses import Country, build_house, found_country, wait_until
from crash_proxy import FaultyNetwork
from crash_stage import CrashStage

from gateway.demo.cast import BUYER, SELLER, SMP

MESSAGES = int(os.environ.get("GATEWAY_FAULTS", "300"))
WAVE = 50
SEED = 20261122


@pytest.fixture
def country(tmp_path: Path, free_port: Callable[[], int]) -> Country:
    """Ports of its own: the SMP of the other crash tests may still be up."""
    return found_country(tmp_path, free_port)


@pytest.fixture
def ways(country: Country) -> Iterator[dict[str, FaultyNetwork]]:
    """A misbehaving way to each of the two access points."""
    found = {
        one.key: FaultyNetwork(country.ports[one.key], seed=SEED + number)
        for number, one in enumerate((SELLER, BUYER))
    }
    yield found
    for one in found.values():
        one.close()


def test_every_document_arrives_once_and_every_state_is_true(
    country: Country,
    ways: dict[str, FaultyNetwork],
    record_property: Callable[[str, object], None],
) -> None:
    """Both invoices and MLS go through it; what a state says is compared with both sides' rows."""
    faulty = replace(
        country,
        folder=country.folder / "faulty",
        published={key: way.open() for key, way in ways.items()},
    )
    faulty.folder.mkdir()
    smp_port = country.ports[SMP.key]
    (faulty.folder / "sml.toml").write_text(f'default = "http://127.0.0.1:{smp_port}/smp"\n')
    smp = build_house(faulty, SMP, home=faulty.folder / SMP.key)
    sender, receiver = (
        build_house(faulty, one, home=faulty.folder / one.key, answer_timeout_s=3)
        for one in (SELLER, BUYER)
    )
    smp.start()
    stage = CrashStage("faulty", sender, receiver, repeats=True)
    try:
        wait_until(smp.listens, "the SMP listens")
        with stage.playing():
            for _ in range(0, MESSAGES // 2, WAVE):
                stage.hand_in(min(WAVE, MESSAGES // 2))
                stage.come_to_rest()
    finally:
        smp.stop()
    record_property("crash", {"kind": "a faulty network", "figures": stage.figures() | _done(ways)})


def _done(ways: dict[str, FaultyNetwork]) -> dict[str, int]:
    total: Counter[str] = sum((way.done for way in ways.values()), Counter())
    assert total["pass"] < sum(total.values()), "the network was never faulty"
    return dict(total)
