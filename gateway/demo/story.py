"""The story of ``gateway demo``: each step happens for real and is checked, or the story fails.

One line a step, beginning with its number; nothing is printed that was not observed at the API
of a running gateway or at one of its peers.
"""

import sys
import time
from pathlib import Path
from typing import Final

import aiohttp

from gateway.core.errors import GatewayError
from gateway.demo.cuts import PATIENCE_S
from gateway.demo.stage import Stage, set_stage
from gateway.demo.story_exchange import EXCHANGE_STEPS, tell_exchange
from gateway.demo.story_payment import PAYMENT_STEPS, tell_payment
from gateway.demo.telling import StepMissing, Teller
from gateway.web.server import stop_signal

__all__ = ["STEPS", "run_demo"]

STEPS: Final = (
    "the gateways and their peers are up",
    *EXCHANGE_STEPS,
    *PAYMENT_STEPS,
)


async def run_demo(
    folder: Path, *, once: bool, cut: str | None = None, patience_s: float = PATIENCE_S
) -> int:
    """Tell the story; 0 only if every step happened. Without ``once`` everything stays up.

    ``cut`` withholds one of ``CUTS``: the story must then fail. ``patience_s`` is how many
    seconds a step may take.
    """
    teller = Teller(sys.stdout, time.monotonic(), patience_s)
    try:
        async with set_stage(folder, cut=cut) as stage:
            teller.step(
                f"an SMP and two gateways are up ({stage.smp.url}, {stage.seller.url}, "
                f"{stage.buyer.url}), with a bank, a payment provider and a mail server"
            )
            invoice = await tell_exchange(teller, stage)
            await tell_payment(teller, stage, invoice, cut=cut)
            if not once:
                await _stay(stage)
    except (StepMissing, GatewayError, aiohttp.ClientError, TimeoutError) as failure:
        missing = STEPS[min(teller.number, len(STEPS) - 1)]
        print(
            f"The story stops at step {teller.number + 1}: {missing} - this did not happen.\n"
            f"{failure}\nLogs are in {folder}/*/*.log",
            file=sys.stderr,
        )
        return 1
    return 0


async def _stay(stage: Stage) -> None:
    """Keep everything up until somebody stops the demonstration."""
    print("\nEvery step happened. The consoles stay up; Ctrl-C stops them.")
    for house in (stage.seller, stage.buyer):
        for door in house.doors:
            print(f"  {door.firm.business:28} {door.url}/   {door.firm.person}   {door.password}")
    print(f"  {'E-mails that were sent':28} {stage.peers.mail_url}/")
    sys.stdout.flush()
    with stop_signal() as stopped:
        await stopped.wait()
